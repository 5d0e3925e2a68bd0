# SPDX-License-Identifier: GPL-2.0-only
"""mmap(): the checks of its arguments, the flags it makes of them, and the order of its steps."""

from __future__ import annotations

import errno
from typing import Any

import pytest

from premap.model import (
    FOP_MMAP_SYNC,
    MAP_ANONYMOUS,
    MAP_FIXED,
    MAP_FIXED_NOREPLACE,
    MAP_LOCKED,
    MAP_NORESERVE,
    MAP_PRIVATE,
    MAP_SHARED,
    MAP_SHARED_VALIDATE,
    MAP_SYNC,
    PROT_EXEC,
    PROT_READ,
    PROT_WRITE,
    S_APPEND,
    S_IFREG,
    VM_ACCOUNT,
    VM_LOCKED,
    VM_MAYEXEC,
    VM_MAYSHARE,
    VM_MAYWRITE,
    VM_SHARED,
    VM_SYNC,
    VMA_MAYSHARE_BIT,
    VMA_SHARED_BIT,
    AddressSpace,
    File,
    FileOperations,
    Inode,
    NotModelled,
    VmOperations,
    get_file,
    mmap_action_remap_full,
    remap_pfn_range,
    vma_desc_test,
    vma_size,
    zero_fops,
)
from premap.model.errors import errno_name

from .kit import (
    BASE,
    OPS,
    PAGE,
    PFN,
    RW,
    consistent,
    fails,
    layout,
    legacy,
    plain,
    prepare,
    private,
    shared,
)


def error(mm: AddressSpace, *arguments: Any) -> str:
    with fails() as caught:
        mm.mmap(*arguments)
    return errno_name(caught.value.errno or 0)


class TestArguments:
    @pytest.mark.parametrize(
        ("addr", "length", "flags", "expected"),
        [
            (BASE, 0, MAP_PRIVATE, "EINVAL"),
            (BASE, 2**64 - 1, MAP_PRIVATE, "ENOMEM"),
            (BASE, 1 << 48, MAP_PRIVATE | MAP_FIXED, "ENOMEM"),
            (BASE + 1, PAGE, MAP_PRIVATE | MAP_FIXED, "EINVAL"),
            (1 << 47, PAGE, MAP_PRIVATE | MAP_FIXED, "ENOMEM"),
            (BASE, PAGE, 0, "EINVAL"),
        ],
    )
    def test_bad_ones(self, addr: int, length: int, flags: int, expected: str) -> None:
        assert error(AddressSpace(), addr, length, RW, flags | MAP_ANONYMOUS) == expected

    def test_offset_must_be_aligned(self) -> None:
        assert error(AddressSpace(), 0, PAGE, RW, MAP_SHARED, prepare(plain), 12) == "EINVAL"

    def test_offset_beyond_a_regular_file_is_eoverflow(self) -> None:
        file = prepare(plain, inode=Inode(S_IFREG))
        last = (2**63 - 1) & ~(PAGE - 1)
        assert error(AddressSpace(), 0, PAGE, RW, MAP_SHARED, file, last) == "EOVERFLOW"

    def test_a_device_may_be_mapped_further_up(self) -> None:
        mm = AddressSpace()
        mm.mmap(BASE, PAGE, RW, MAP_SHARED | MAP_FIXED, prepare(plain), 2**64 - 2 * PAGE)
        assert mm.vmas()[0].vm_pgoff == 2**52 - 2

    def test_length_is_rounded_up(self) -> None:
        mm = AddressSpace()
        mm.mmap(BASE, PAGE + 1, RW, MAP_PRIVATE | MAP_FIXED)
        assert layout(mm) == [(0, 2)]

    def test_noreplace_refuses_what_is_taken(self) -> None:
        mm = AddressSpace()
        private(mm, None)
        assert error(mm, BASE, PAGE, RW, MAP_PRIVATE | MAP_FIXED_NOREPLACE) == "EEXIST"

    def test_a_free_hint_is_granted(self) -> None:
        assert AddressSpace().mmap(BASE, PAGE, RW, MAP_PRIVATE) == BASE

    def test_without_a_hint_the_highest_place_is_taken(self) -> None:
        mm = AddressSpace(window=(BASE, BASE + 8 * PAGE))
        assert mm.mmap(0, PAGE, RW, MAP_PRIVATE) == BASE + 7 * PAGE
        assert mm.mmap(0, 2 * PAGE, RW, MAP_SHARED) == BASE + 5 * PAGE

    def test_a_full_window_is_enomem(self) -> None:
        mm = AddressSpace(window=(BASE, BASE + 2 * PAGE))
        private(mm, None)
        assert error(mm, 0, PAGE, RW, MAP_PRIVATE) == "ENOMEM"

    def test_too_many_mappings_are_enomem(self) -> None:
        mm = AddressSpace(max_map_count=1)
        for at in (0, 2):
            private(mm, None, pages=1, at=at)
        assert error(mm, BASE + 4 * PAGE, PAGE, RW, MAP_PRIVATE | MAP_FIXED) == "ENOMEM"

    def test_limits_are_enforced(self) -> None:
        mm = AddressSpace(rlimits={"AS": 3 * PAGE, "DATA": 2 * PAGE})
        private(mm, None)
        assert error(mm, 0, PAGE, RW, MAP_PRIVATE) == "ENOMEM"
        assert error(mm, 0, 2 * PAGE, RW, MAP_SHARED) == "ENOMEM"
        mm.mmap(0, PAGE, RW, MAP_SHARED)


class TestFiles:
    def test_both_hooks_are_refused(self) -> None:
        file = File(FileOperations(mmap=lambda *_: 0, mmap_prepare=plain))
        assert error(AddressSpace(), 0, PAGE, RW, MAP_SHARED, file) == "ENODEV"

    def test_no_hook_is_refused(self) -> None:
        assert error(AddressSpace(), 0, PAGE, RW, MAP_SHARED, File(FileOperations())) == "ENODEV"

    def test_writing_needs_a_writable_file(self) -> None:
        file = prepare(plain, writable=False)
        assert error(AddressSpace(), 0, PAGE, RW, MAP_SHARED, file) == "EACCES"

    def test_reading_needs_a_readable_file(self) -> None:
        file = prepare(plain, readable=False)
        assert error(AddressSpace(), 0, PAGE, PROT_READ, MAP_PRIVATE, file) == "EACCES"

    def test_append_only_files_are_not_shared(self) -> None:
        file = prepare(plain, inode=Inode(i_flags=S_APPEND))
        assert error(AddressSpace(), 0, PAGE, PROT_READ, MAP_SHARED, file) == "EACCES"

    def test_shared_read_only_file_is_asked_for_by_mayshare_alone(self) -> None:
        seen = []

        def hook(desc: Any) -> None:
            seen.append([vma_desc_test(desc, bit) for bit in (VMA_SHARED_BIT, VMA_MAYSHARE_BIT)])

        mm = AddressSpace()
        mm.mmap(BASE, PAGE, PROT_READ, MAP_SHARED, prepare(hook, writable=False))
        assert seen == [[False, True]]
        assert mm.vmas()[0].vm_flags & (VM_MAYWRITE | VM_SHARED | VM_MAYSHARE) == VM_MAYSHARE

    def test_noexec_mount(self) -> None:
        mm, file = AddressSpace(), prepare(plain, noexec=True)
        assert error(mm, 0, PAGE, PROT_EXEC, MAP_SHARED, file) == "EPERM"
        mm.mmap(BASE, PAGE, PROT_READ, MAP_SHARED, file)
        assert not mm.vmas()[0].vm_flags & VM_MAYEXEC

    def test_validated_flags_must_be_known(self) -> None:
        flags = MAP_SHARED_VALIDATE | MAP_SYNC
        assert error(AddressSpace(), 0, PAGE, RW, flags, prepare(plain)) == "EOPNOTSUPP"

    def test_sync_is_kept_where_the_file_knows_it(self) -> None:
        mm = AddressSpace()
        file = File(FileOperations(mmap_prepare=plain, fop_flags=FOP_MMAP_SYNC))
        mm.mmap(0, PAGE, RW, MAP_SHARED_VALIDATE | MAP_SYNC, file)
        assert mm.vmas()[0].vm_flags & VM_SYNC

    def test_write_sealed_memory_stays_read_only(self) -> None:
        mm, file = AddressSpace(), prepare(plain)
        file.f_mapping.write_sealed = True
        assert error(mm, 0, PAGE, RW, MAP_SHARED, file) == "EPERM"
        mm.mmap(0, PAGE, PROT_READ, MAP_SHARED, file)
        assert not mm.vmas()[0].vm_flags & VM_MAYWRITE


class TestReferences:
    def test_a_mapping_holds_its_file(self) -> None:
        mm, file = AddressSpace(), prepare(plain)
        shared(mm, file)
        assert file.f_count == 2
        mm.munmap(BASE, 2 * PAGE)
        assert file.f_count == 1

    def test_a_replaced_file_is_consumed(self) -> None:
        other = prepare(plain)

        def hook(desc: Any) -> None:
            desc.vm_file = get_file(other)

        mm, file = AddressSpace(), prepare(hook)
        shared(mm, file)
        assert (mm.vmas()[0].vm_file, file.f_count, other.f_count) == (other, 1, 2)
        mm.munmap(BASE, 2 * PAGE)
        assert other.f_count == 1

    def test_a_replaced_file_leaks_when_the_mapping_merges(self) -> None:
        other = prepare(plain)

        def hook(desc: Any) -> None:
            desc.vm_file = get_file(other)

        mm, file = AddressSpace(), prepare(hook)
        shared(mm, file)
        shared(mm, file, at=2, off=2)
        assert layout(mm) == [(0, 4)]
        mm.munmap(BASE, 4 * PAGE)
        assert other.f_count == 2

    def test_a_failed_mapping_lets_go(self) -> None:
        mm = AddressSpace()
        file = legacy(lambda *_: -errno.EIO)
        with fails():
            shared(mm, file)
        assert file.f_count == 1


class TestAccounting:
    def test_private_writable_memory_is_charged(self) -> None:
        mm = AddressSpace()
        private(mm, None)
        assert mm.memory.committed_as == 2
        assert mm.vmas()[0].vm_flags & VM_ACCOUNT
        mm.munmap(BASE, PAGE)
        assert mm.memory.committed_as == 1

    @pytest.mark.parametrize(
        ("prot", "flags"),
        [
            (RW, MAP_SHARED | MAP_NORESERVE),
            (PROT_READ, MAP_PRIVATE),
            (RW, MAP_PRIVATE | MAP_NORESERVE),
        ],
    )
    def test_other_memory_is_not(self, prot: int, flags: int) -> None:
        mm = AddressSpace()
        mm.mmap(BASE, PAGE, prot, flags)
        assert mm.memory.committed_as == 0

    def test_replacing_charges_the_difference(self) -> None:
        mm = AddressSpace()
        private(mm, None, pages=3)
        private(mm, None, pages=2)
        assert mm.memory.committed_as == 3

    def test_classes_of_pages(self) -> None:
        mm = AddressSpace()
        private(mm, None, pages=1)
        mm.mmap(BASE + 4 * PAGE, 2 * PAGE, PROT_READ | PROT_EXEC, MAP_PRIVATE)
        assert (mm.data_vm, mm.exec_vm, mm.stack_vm, mm.total_vm) == (1, 2, 0, 3)

    def test_locked_memory_is_counted(self) -> None:
        mm = AddressSpace()
        mm.mmap(BASE, 2 * PAGE, RW, MAP_PRIVATE | MAP_LOCKED)
        assert (mm.locked_vm, mm.page_at(BASE).kind) == (2, "anon")

    def test_special_mappings_can_not_be_locked(self) -> None:
        mm = AddressSpace()
        file = prepare(lambda desc: mmap_action_remap_full(desc, PFN))
        mm.mmap(BASE, 2 * PAGE, RW, MAP_SHARED | MAP_LOCKED, file)
        assert (mm.locked_vm, mm.vmas()[0].vm_flags & VM_LOCKED) == (0, 0)


class TestOrder:
    def test_of_a_new_mapping(self) -> None:
        mm = AddressSpace()

        def hook(desc: Any) -> None:
            desc.vm_ops = VmOperations(mapped=lambda *_: 0)
            mmap_action_remap_full(desc, PFN)

        with mm.trace() as events:
            shared(mm, prepare(hook))
        kinds = [event.kind for event in events]
        assert kinds == ["mmap_prepare", "new_vma", "action", "populate", "mapped"]

    def test_of_a_legacy_mapping(self) -> None:
        mm = AddressSpace()

        def hook(file: File, vma: Any) -> int:
            return remap_pfn_range(vma, vma.vm_start, PFN, vma_size(vma), vma.vm_page_prot)

        with mm.trace() as events:
            shared(mm, legacy(hook))
        assert [event.kind for event in events] == ["mmap", "populate", "new_vma"]

    def test_what_is_replaced_is_closed_before_the_hook(self) -> None:
        mm = AddressSpace()
        closing = VmOperations(close=lambda vma: None)

        def hook(desc: Any) -> None:
            desc.vm_ops = closing

        shared(mm, prepare(hook))
        with mm.trace() as events:
            shared(mm, prepare(hook))
        assert [event.kind for event in events] == ["close", "mmap_prepare", "new_vma"]

    def test_a_failing_hook_leaves_a_gap(self) -> None:
        mm = AddressSpace()
        private(mm, None, pages=4)
        with fails():
            shared(mm, prepare(lambda desc: -errno.EPERM), pages=2, at=1)
        assert layout(mm) == [(0, 1), (3, 1)]
        assert consistent(mm)

    def test_a_limit_leaves_what_was_there(self) -> None:
        mm = AddressSpace(rlimits={"AS": 4 * PAGE})
        private(mm, None, pages=4)
        assert error(mm, BASE, 8 * PAGE, RW, MAP_PRIVATE | MAP_FIXED) == "ENOMEM"
        assert layout(mm) == [(0, 4)]

    def test_nothing_runs_after_a_merge(self) -> None:
        called = []
        ops = VmOperations(mapped=lambda *_: called.append("mapped"))

        def hook(desc: Any) -> None:
            desc.vm_ops = ops
            desc.private_data = desc.pgoff

        mm, file = AddressSpace(), prepare(hook)
        shared(mm, file, off=0)
        shared(mm, file, at=2, off=2)
        assert (called, layout(mm)) == (["mapped"], [(0, 4)])
        assert mm.vmas()[0].vm_private_data == 0

    def test_a_legacy_hook_is_not_called_for_a_merge(self) -> None:
        called = []

        def hook(file: File, vma: Any) -> None:
            called.append(vma.vm_start)
            vma.vm_ops = OPS

        mm, file = AddressSpace(), legacy(hook)
        shared(mm, file, off=0)
        shared(mm, file, at=2, off=2)
        assert (called, layout(mm)) == ([BASE], [(0, 4)])

    def test_system_calls_inside_a_hook_are_not_known(self) -> None:
        mm = AddressSpace()
        with pytest.raises(NotModelled):
            shared(mm, prepare(lambda desc: desc.mm.munmap(BASE, PAGE)))


class TestHookResults:
    def test_an_oserror_is_its_errno(self) -> None:
        def hook(desc: Any) -> None:
            raise OSError(errno.ENXIO, "no such page")

        assert error(AddressSpace(), 0, PAGE, RW, MAP_SHARED, prepare(hook)) == "ENXIO"

    def test_a_positive_number_becomes_the_address(self) -> None:
        mm = AddressSpace()
        assert mm.mmap(0, PAGE, RW, MAP_SHARED, prepare(lambda desc: 5)) == 5
        assert mm.vmas() == []


class TestSpecialFiles:
    def test_shared_anonymous_memory_begins_at_offset_zero(self) -> None:
        mm = AddressSpace()
        shared(mm, None)
        assert (mm.vmas()[0].vm_pgoff, mm.vmas()[0].vm_ops is None) == (0, False)

    def test_private_anonymous_memory_is_numbered_by_address(self) -> None:
        mm = AddressSpace()
        private(mm, None)
        assert (mm.vmas()[0].vm_pgoff, mm.vmas()[0].vm_ops) == (BASE // PAGE, None)

    def test_dev_zero_is_anonymous_with_a_file(self) -> None:
        mm, zero = AddressSpace(), File(zero_fops, name="/dev/zero")
        private(mm, zero, off=9)
        vma = mm.vmas()[0]
        assert (vma.vm_ops, vma.vm_file, vma.vm_pgoff) == (None, zero, 9)

    def test_shared_dev_zero_is_another_file(self) -> None:
        mm, zero = AddressSpace(), File(zero_fops, name="/dev/zero")
        shared(mm, zero)
        assert (mm.vmas()[0].vm_file is zero, zero.f_count) == (False, 1)


class TestMaps:
    def test_prints_as_proc_does(self) -> None:
        mm = AddressSpace()
        mm.mmap(BASE, PAGE, PROT_READ | PROT_EXEC, MAP_PRIVATE)
        mm.mmap(
            BASE + PAGE,
            PAGE,
            PROT_READ | PROT_WRITE,
            MAP_SHARED,
            prepare(plain, name="/dev/x"),
            PAGE,
        )
        assert mm.maps() == (
            "10000000-10001000 r-xp 00000000 00:00 0 \n"
            "10001000-10002000 rw-s 00001000 00:00 0                                  /dev/x\n"
        )

    def test_a_line_of_this_process_looks_the_same(self) -> None:
        try:
            with open("/proc/self/maps", encoding="utf-8") as maps:  # noqa: PTH123
                named = next(line for line in maps if line.endswith(".so\n") or "/" in line)
        except (OSError, StopIteration):
            pytest.skip("no /proc/self/maps")
        assert named.index("/") == 73
