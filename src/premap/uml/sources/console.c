// SPDX-License-Identifier: GPL-2.0-only
/*
 * /dev/premap-console: the standard input and output of the process that is this kernel. A terminal
 * would take them a character at a time.
 */
#include <linux/fs.h>
#include <linux/init.h>
#include <linux/miscdevice.h>
#include <linux/minmax.h>
#include <linux/uaccess.h>
#include <os.h>

static char console_text[PAGE_SIZE * 16];

/* Waits in the host's read(): nothing else has to run meanwhile. */
static ssize_t console_read(struct file *file, char __user *to, size_t count, loff_t *at)
{
	int length;

	do {
		length = os_read_file(0, console_text, min(count, sizeof(console_text)));
	} while (length == -EINTR);
	if (length > 0 && copy_to_user(to, console_text, length))
		return -EFAULT;
	return length;
}

static ssize_t console_write(struct file *file, const char __user *from, size_t count, loff_t *at)
{
	int length;

	count = min(count, sizeof(console_text));
	if (copy_from_user(console_text, from, count))
		return -EFAULT;
	do {
		length = os_write_file(1, console_text, count);
	} while (length == -EINTR);
	return length;
}

static const struct file_operations console_fops = {
	.read		= console_read,
	.write		= console_write,
};

static struct miscdevice console_device = {
	.minor	= MISC_DYNAMIC_MINOR,
	.name	= "premap-console",
	.fops	= &console_fops,
};

static int __init premap_console_init(void)
{
	return misc_register(&console_device);
}
device_initcall(premap_console_init);
