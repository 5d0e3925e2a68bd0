# SPDX-License-Identifier: GPL-2.0-only
"""do_mmap(): the arguments of the system call become flags, checks and an address (mm/mmap.c)."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Any

from premap.model.accounting import OVERCOMMIT_NEVER, can_do_mlock, mlock_future_ok
from premap.model.area import get_unmapped_area, is_free, round_hint_to_min
from premap.model.bits import (
    VM_DONTDUMP,
    VM_DROPPABLE,
    VM_EXEC,
    VM_GROWSDOWN,
    VM_LOCKED,
    VM_MAYEXEC,
    VM_MAYREAD,
    VM_MAYSHARE,
    VM_MAYWRITE,
    VM_NORESERVE,
    VM_SHARED,
    VM_WIPEONFORK,
    VM_WRITE,
)
from premap.model.constants import (
    FMODE_READ,
    FMODE_WRITE,
    FOP_MMAP_SYNC,
    FOP_UNSIGNED_OFFSET,
    LEGACY_MAP_MASK,
    MAP_DROPPABLE,
    MAP_FIXED,
    MAP_FIXED_NOREPLACE,
    MAP_GROWSDOWN,
    MAP_HUGETLB,
    MAP_LOCKED,
    MAP_NONBLOCK,
    MAP_NORESERVE,
    MAP_POPULATE,
    MAP_PRIVATE,
    MAP_SHARED,
    MAP_SHARED_VALIDATE,
    MAP_SYNC,
    MAP_TYPE,
    PROT_EXEC,
    PROT_READ,
    PROT_WRITE,
    S_IFBLK,
    S_IFMT,
    S_IFREG,
    S_IFSOCK,
)
from premap.model.errors import NotModelled
from premap.model.file import IS_APPEND, IS_SWAPFILE, can_mmap_file, file_inode
from premap.model.flags import cleared
from premap.model.region import mmap_region
from premap.model.words import PAGE_SHIFT, U64_MAX, add, page_align, select, shl, sub

if TYPE_CHECKING:
    from premap.model.mm import AddressSpace

_MAY = VM_MAYREAD | VM_MAYWRITE | VM_MAYEXEC
_PROT = PROT_READ | PROT_WRITE | PROT_EXEC
_SAME = MAP_GROWSDOWN | MAP_LOCKED
_MAX_LFS_FILESIZE = (1 << 63) - 1
_LARGE_FILES = (S_IFREG, S_IFBLK, S_IFSOCK)


def calc_vm_prot_bits(prot: int) -> int:
    """calc_vm_prot_bits: PROT_ bits as VM_ bits; they have the same numbers."""
    return prot & _PROT


def calc_vm_flag_bits(flags: int) -> int:
    """calc_vm_flag_bits: MAP_GROWSDOWN, MAP_LOCKED, MAP_SYNC as VM_ bits (no huge pages)."""
    return (flags & _SAME) | shl(flags & MAP_SYNC, 4)


def _file_mmap_ok(file: Any, pgoff: int, length: int) -> bool:
    """file_mmap_ok(): offset and length fit the type of file."""
    if file_inode(file).i_mode & S_IFMT in _LARGE_FILES:
        maxsize = _MAX_LFS_FILESIZE
    elif file.f_op.fop_flags & FOP_UNSIGNED_OFFSET:
        maxsize = 0
    else:
        maxsize = U64_MAX
    if maxsize and length > maxsize:
        return False
    return pgoff <= sub(maxsize, length) >> PAGE_SHIFT


def _check_seals(vm_flags: int) -> tuple[int, int]:
    """memfd_check_seals_mmap(): a write-sealed memfd is shared read-only, for good."""
    if (vm_flags & VM_SHARED) == 0:
        return 0, vm_flags
    if (vm_flags & VM_WRITE) != 0:
        return -errno.EPERM, vm_flags
    return 0, cleared(vm_flags, VM_MAYWRITE)


def _shared_file_flags(file: Any, prot: int, flags: int, vm_flags: int) -> tuple[int, int]:
    """MAP_SHARED and MAP_SHARED_VALIDATE: what the file's mode permits."""
    allowed = LEGACY_MAP_MASK
    if file.f_op.fop_flags & FOP_MMAP_SYNC:
        allowed |= MAP_SYNC
    validate = (flags & MAP_TYPE) == MAP_SHARED_VALIDATE
    if validate and cleared(flags, allowed | MAP_SHARED_VALIDATE) != 0:
        return -errno.EOPNOTSUPP, 0
    unwritable = (file.f_mode & FMODE_WRITE) == 0
    writing = (prot & PROT_WRITE) != 0
    if writing & unwritable:
        return -errno.EACCES, 0
    inode = file_inode(file)
    if IS_SWAPFILE(inode) and writing:
        return -errno.ETXTBSY, 0
    if IS_APPEND(inode) and (file.f_mode & FMODE_WRITE) != 0:
        return -errno.EACCES, 0
    vm_flags = vm_flags | (VM_SHARED | VM_MAYSHARE)
    if unwritable is False:
        return 0, vm_flags
    read_only = cleared(vm_flags, VM_MAYWRITE | VM_SHARED)
    return 0, select(unwritable, read_only, vm_flags)


def _file_flags(file: Any, prot: int, flags: int, vm_flags: int) -> tuple[int, int]:
    """Return an error, or 0 and the flags of a mapping of a file."""
    kind = flags & MAP_TYPE
    if kind in (MAP_SHARED, MAP_SHARED_VALIDATE):
        err, vm_flags = _shared_file_flags(file, prot, flags, vm_flags)
        if err:
            return err, 0
    elif kind != MAP_PRIVATE:
        return -errno.EINVAL, 0
    if (file.f_mode & FMODE_READ) == 0:
        return -errno.EACCES, 0
    if file.noexec:
        if (vm_flags & VM_EXEC) != 0:
            return -errno.EPERM, 0
        vm_flags = cleared(vm_flags, VM_MAYEXEC)
    if not can_mmap_file(file):
        return -errno.ENODEV, 0
    if (vm_flags & VM_GROWSDOWN) != 0:
        return -errno.EINVAL, 0
    if file.f_mapping.write_sealed:
        return _check_seals(vm_flags)
    return 0, vm_flags


def _anonymous_flags(flags: int, vm_flags: int) -> tuple[int, int]:
    """Return an error, or 0 and the flags of a mapping of memory."""
    kind = flags & MAP_TYPE
    if kind == MAP_SHARED:
        if (vm_flags & VM_GROWSDOWN) != 0:
            return -errno.EINVAL, 0
        return 0, vm_flags | VM_SHARED | VM_MAYSHARE
    if kind == MAP_DROPPABLE:
        if (flags & MAP_LOCKED) != 0 or (vm_flags & VM_GROWSDOWN) != 0:
            return -errno.EINVAL, 0
        return 0, vm_flags | VM_DROPPABLE | VM_NORESERVE | VM_WIPEONFORK | VM_DONTDUMP
    if kind != MAP_PRIVATE:
        return -errno.EINVAL, 0
    return 0, vm_flags


def _may_lock(mm: AddressSpace, length: int, flags: int, vm_flags: int) -> int:
    """RLIMIT_MEMLOCK: 0, -EPERM where nothing may be locked, or -EAGAIN where not so much may."""
    if (flags & MAP_LOCKED) != 0 and not can_do_mlock(mm):
        return -errno.EPERM
    if not mlock_future_ok(mm, length, locked=(vm_flags & VM_LOCKED) != 0):
        return -errno.EAGAIN
    return 0


def _reserve_flags(mm: AddressSpace, flags: int) -> int:
    """MAP_NORESERVE, which counts unless memory is never overcommitted."""
    if (flags & MAP_NORESERVE) != 0 and mm.memory.overcommit != OVERCOMMIT_NEVER:
        return VM_NORESERVE
    return 0


def do_mmap(
    mm: AddressSpace, file: Any, addr: int, length: int, prot: int, flags: int, pgoff: int
) -> tuple[int, int, int]:
    """do_mmap: `addr`, `length` in bytes, `pgoff` in pages.

    Returns the error (0, a negative errno, or the positive number that a hook returned), the
    address of the mapping, and how many bytes are to be populated.
    """
    if (flags & MAP_HUGETLB) != 0:
        raise NotModelled("MAP_HUGETLB")
    if length == 0:
        return -errno.EINVAL, 0, 0
    noreplace = (flags & MAP_FIXED_NOREPLACE) != 0
    if noreplace:
        flags = flags | MAP_FIXED
    if (flags & MAP_FIXED) == 0:
        addr = round_hint_to_min(mm, addr)
    length = page_align(length)
    if length == 0:
        return -errno.ENOMEM, 0, 0
    if add(pgoff, length >> PAGE_SHIFT) < pgoff:
        return -errno.EOVERFLOW, 0, 0
    if mm.map_count > mm.max_map_count:
        return -errno.ENOMEM, 0, 0
    vm_flags = calc_vm_prot_bits(prot) | calc_vm_flag_bits(flags) | mm.def_flags | _MAY
    err, addr = get_unmapped_area(mm, file, addr, length, pgoff, flags)
    if err:
        return err, 0, 0
    if noreplace and not is_free(mm, addr, length):
        return -errno.EEXIST, 0, 0
    if mm.rlimits is not None:
        err = _may_lock(mm, length, flags, vm_flags)
        if err:
            return err, 0, 0
    if file is not None:
        if not _file_mmap_ok(file, pgoff, length):
            return -errno.EOVERFLOW, 0, 0
        err, vm_flags = _file_flags(file, prot, flags, vm_flags)
    else:
        shared = (flags & MAP_TYPE) == MAP_SHARED
        pgoff = 0 if shared else addr >> PAGE_SHIFT
        err, vm_flags = _anonymous_flags(flags, vm_flags)
    if err:
        return err, 0, 0
    vm_flags = vm_flags | _reserve_flags(mm, flags)
    err = mmap_region(mm, file, addr, length, vm_flags, pgoff)
    return err, addr, 0 if err != 0 else _populate_length(vm_flags, flags, length)


def _populate_length(vm_flags: int, flags: int, length: int) -> int:
    """Bytes to populate: all of a locked mapping, or what MAP_POPULATE asks for."""
    if (vm_flags & VM_LOCKED) != 0 or (flags & (MAP_POPULATE | MAP_NONBLOCK)) == MAP_POPULATE:
        return length
    return 0
