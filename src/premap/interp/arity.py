# SPDX-License-Identifier: GPL-2.0-only
"""How many arguments what the interpreter itself knows of the kernel's functions and macros takes.

No compiler takes another number; code that is being typed, or was never built, may have one.
"""

from __future__ import annotations

_ONE = (
    *("pgprot_noncached", "pgprot_writecombine", "pgprot_device", "pgprot_dmacoherent"),
    *("pgprot_writethrough", "pgprot_device_np", "pgprot_noncached_wc", "pgprot_cached"),
    *("pgprot_decrypted", "pgprot_encrypted", "pgprot_nx", "pgprot_val", "__pgprot"),
    *("is_nommu_shared_mapping", "is_nommu_shared_vma_flags", "is_cow_mapping"),
    *("vm_get_page_prot", "vma_flags_to_page_prot", "vma_get_page_prot", "vma_is_dax"),
    *("file_is_dax", "vma_flags_to_legacy", "shmem_zero_setup", "shmem_zero_setup_desc"),
    *("vma_set_anonymous", "vma_desc_set_anonymous", "file_inode", "smp_load_acquire"),
    *("IS_ENABLED", "IS_BUILTIN", "IS_MODULE", "IS_REACHABLE", "ARRAY_SIZE", "no_free_ptr"),
    *("retain_and_null_ptr", "va_end", "READ_ONCE", "data_race", "likely", "unlikely"),
    *("rcu_access_pointer", "rcu_dereference", "PAGE_ALIGN", "PAGE_ALIGNED", "offset_in_page"),
    *("PFN_DOWN", "PFN_UP", "PFN_PHYS", "PFN_ALIGN", "PHYS_PFN", "__phys_to_pfn"),
    *("__pfn_to_phys", "BIT", "BIT_ULL", "lower_32_bits", "upper_32_bits", "is_power_of_2"),
    *("IS_ERR", "IS_ERR_VALUE", "IS_ERR_OR_NULL", "PTR_ERR", "ERR_PTR", "ERR_CAST"),
    *("PTR_ERR_OR_ZERO", "BUG_ON"),
)
_TWO = (
    *("vma_flags_test", "vma_set_file", "WRITE_ONCE", "RCU_INIT_POINTER", "smp_store_release"),
    *("rcu_assign_pointer", "smp_store_mb", "swap", "va_arg", "va_copy", "ACQUIRE_ERR"),
    *("vm_flags_init", "vm_flags_reset", "vm_flags_set", "vm_flags_clear"),
    *("array_index_nospec", "min", "max", "umin", "umax", "ALIGN", "ALIGN_DOWN", "IS_ALIGNED"),
    *("round_up", "round_down", "roundup", "rounddown", "DIV_ROUND_UP", "array_size"),
    *("size_add", "size_sub", "size_mul", "memzero_explicit"),
)
_THREE = (
    *("vm_flags_mod", "clamp", "clamp_val", "min_t", "max_t", "container_of"),
    *("container_of_const", "list_entry", "rb_entry", "array3_size", "memset", "memcpy"),
    *("memmove", "__builtin_memset", "__builtin_memcpy", "struct_size", "struct_size_t"),
    *("flex_array_size", "check_add_overflow", "check_sub_overflow", "check_mul_overflow"),
    *("__builtin_add_overflow", "__builtin_sub_overflow", "__builtin_mul_overflow"),
    "mlock_future_ok",
)
_EXACTLY = {
    **dict.fromkeys(_ONE, 1),
    **dict.fromkeys(_TWO, 2),
    **dict.fromkeys(_THREE, 3),
}
_AT_LEAST = {
    **dict.fromkeys(("WARN_ON", "WARN_ON_ONCE", "va_start"), 1),
    **dict.fromkeys(("WARN", "WARN_ONCE"), 1),
    **dict.fromkeys(
        (
            *("vma_desc_test_flags", "vma_desc_test_any", "vma_desc_test_all"),
            *("vma_desc_set_flags", "vma_desc_clear_flags"),
            *("vma_flags_test_any", "vma_flags_test_all"),
        ),
        1,
    ),
    **dict.fromkeys(("kmalloc_obj", "kzalloc_obj", "kvmalloc_obj", "kvzalloc_obj"), 1),
    "daxdev_mapping_supported": 2,  # of a descriptor there are three
    **dict.fromkeys(("kmalloc_objs", "kzalloc_objs", "kvmalloc_objs", "kvzalloc_objs"), 2),
    **dict.fromkeys(("kmalloc_flex", "kzalloc_flex", "kvmalloc_flex", "kvzalloc_flex"), 3),
}


def fits(name: str, count: int) -> bool:
    """Whether a call of that name may have so many arguments, as far as that is known."""
    exactly = _EXACTLY.get(name)
    return count == exactly if exactly is not None else count >= _AT_LEAST.get(name, 0)
