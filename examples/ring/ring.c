// SPDX-License-Identifier: GPL-2.0-only
/*
 * A made-up device: a ring of samples in device memory and a page of
 * registers, each with a misc device of its own. There to be converted:
 *
 *	premap convert examples/ring/ring.c
 */

#include <linux/fs.h>
#include <linux/io.h>
#include <linux/miscdevice.h>
#include <linux/mm.h>
#include <linux/mod_devicetable.h>
#include <linux/module.h>
#include <linux/platform_device.h>

struct ring {
	struct miscdevice samples;
	struct miscdevice registers;
	phys_addr_t samples_start;
	resource_size_t samples_size;
	phys_addr_t registers_start;
};

/* The samples, to be read as they come: no copies, and nothing to execute. */
static int ring_samples_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct ring *ring = container_of(file->private_data, struct ring,
					 samples);

	if (vma->vm_flags & (VM_WRITE | VM_EXEC))
		return -EPERM;

	vm_flags_mod(vma, VM_DONTCOPY, VM_MAYWRITE | VM_MAYEXEC);
	vma->vm_page_prot = pgprot_writecombine(vma->vm_page_prot);

	return vm_iomap_memory(vma, ring->samples_start, ring->samples_size);
}

/* The one page of registers, or nothing. */
static int ring_registers_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct ring *ring = container_of(file->private_data, struct ring,
					 registers);
	unsigned long size = vma->vm_end - vma->vm_start;

	if (vma->vm_pgoff || size != PAGE_SIZE)
		return -EINVAL;

	vma->vm_page_prot = pgprot_noncached(vma->vm_page_prot);
	if (io_remap_pfn_range(vma, vma->vm_start,
			       ring->registers_start >> PAGE_SHIFT, size,
			       vma->vm_page_prot))
		return -EAGAIN;

	return 0;
}

static const struct file_operations ring_samples_fops = {
	.owner	= THIS_MODULE,
	.mmap	= ring_samples_mmap,
};

static const struct file_operations ring_registers_fops = {
	.owner	= THIS_MODULE,
	.mmap	= ring_registers_mmap,
};

static void ring_deregister(void *misc)
{
	misc_deregister(misc);
}

static int ring_register(struct device *dev, struct miscdevice *misc,
			 const char *name, const struct file_operations *fops)
{
	int err;

	misc->minor = MISC_DYNAMIC_MINOR;
	misc->name = name;
	misc->fops = fops;
	misc->parent = dev;
	err = misc_register(misc);
	if (err)
		return err;

	return devm_add_action_or_reset(dev, ring_deregister, misc);
}

static int ring_probe(struct platform_device *pdev)
{
	struct device *dev = &pdev->dev;
	struct resource *samples, *registers;
	struct ring *ring;
	int err;

	samples = platform_get_resource(pdev, IORESOURCE_MEM, 0);
	registers = platform_get_resource(pdev, IORESOURCE_MEM, 1);
	if (!samples || !registers)
		return -ENODEV;

	ring = devm_kzalloc(dev, sizeof(*ring), GFP_KERNEL);
	if (!ring)
		return -ENOMEM;

	ring->samples_start = samples->start;
	ring->samples_size = resource_size(samples);
	ring->registers_start = registers->start;

	err = ring_register(dev, &ring->samples, "ring-samples",
			    &ring_samples_fops);
	if (err)
		return err;

	return ring_register(dev, &ring->registers, "ring-registers",
			     &ring_registers_fops);
}

static const struct of_device_id ring_of_match[] = {
	{ .compatible = "example,ring" },
	{ }
};
MODULE_DEVICE_TABLE(of, ring_of_match);

static struct platform_driver ring_driver = {
	.probe	= ring_probe,
	.driver	= {
		.name		= "ring",
		.of_match_table	= ring_of_match,
	},
};
module_platform_driver(ring_driver);

MODULE_DESCRIPTION("An example of a driver that premap converts");
MODULE_LICENSE("GPL");
