/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A kernel made of stubs: an old one, which has no mmap_prepare, or a new one, which has nothing
 * else, so that each arm of a driver that has both can be compiled and none can use the other's.
 */
#ifndef STUBS_LINUX_KERNEL_H
#define STUBS_LINUX_KERNEL_H

#ifdef STUB_NEW
#define LINUX_VERSION_CODE_OF_STUBS ((7 << 16) + (3 << 8))
#else
#define LINUX_VERSION_CODE_OF_STUBS ((6 << 16) + (1 << 8))
#endif

typedef unsigned long pgoff_t;
typedef unsigned long long phys_addr_t;
typedef struct { int counter; } atomic_t;
typedef struct { unsigned long pgprot; } pgprot_t;

#define PAGE_SHIFT 12
#define PAGE_SIZE (1UL << PAGE_SHIFT)
#define EINVAL 22
#define EPERM 1
#define EAGAIN 11
#define NULL ((void *)0)

struct file { void *private_data; };
struct vm_area_struct;

void atomic_inc(atomic_t *v);
void atomic_dec(atomic_t *v);
pgprot_t pgprot_noncached(pgprot_t prot);

#ifdef STUB_NEW

enum { VMA_WRITE_BIT, VMA_MAYWRITE_BIT, VMA_DONTEXPAND_BIT, VMA_DONTDUMP_BIT };

struct vm_operations_struct {
	int (*mapped)(unsigned long start, unsigned long end, pgoff_t pgoff,
		      const struct file *file, void **vm_private_data);
	void (*open)(struct vm_area_struct *vma);
	void (*close)(struct vm_area_struct *vma);
};

struct vm_area_struct { void *vm_private_data; };

struct vm_area_desc {
	unsigned long start, end;
	pgoff_t pgoff;
	struct file *file;
	pgprot_t page_prot;
	const struct vm_operations_struct *vm_ops;
	void *private_data;
	struct { int error_override; } action;
};

struct file_operations { int (*mmap_prepare)(struct vm_area_desc *desc); };

unsigned long vma_desc_size(struct vm_area_desc *desc);
int vma_desc_test(struct vm_area_desc *desc, int bit);
void vma_desc_set_flags(struct vm_area_desc *desc, ...);
void vma_desc_clear_flags(struct vm_area_desc *desc, ...);
void mmap_action_remap_full(struct vm_area_desc *desc, unsigned long pfn);

#else

#define VM_WRITE 0x2UL
#define VM_MAYWRITE 0x20UL
#define VM_DONTEXPAND 0x40000UL
#define VM_DONTDUMP 0x4000000UL

struct vm_operations_struct {
	void (*open)(struct vm_area_struct *vma);
	void (*close)(struct vm_area_struct *vma);
};

struct vm_area_struct {
	unsigned long vm_start, vm_end, vm_pgoff, vm_flags;
	pgprot_t vm_page_prot;
	const struct vm_operations_struct *vm_ops;
	void *vm_private_data;
};

struct file_operations { int (*mmap)(struct file *file, struct vm_area_struct *vma); };

void vm_flags_set(struct vm_area_struct *vma, unsigned long flags);
void vm_flags_clear(struct vm_area_struct *vma, unsigned long flags);
int remap_pfn_range(struct vm_area_struct *vma, unsigned long addr, unsigned long pfn,
		    unsigned long size, pgprot_t prot);

#endif
#endif
