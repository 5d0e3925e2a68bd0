# SPDX-License-Identifier: GPL-2.0-only
"""The table of releases, against the headers of the trees that can be had."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from premap import releases
from premap.conversion import target_release
from premap.csource.tree import KernelTree
from premap.idioms.twins import TWINS

Trees = Callable[[str], Path]


@pytest.mark.parametrize("release", ["7.2", "7.3"])
class TestHeaders:
    def words(self, root: Path) -> str:
        names = ("mm", "mm_types", "fs", "dax", "shmem_fs")
        return "\n".join((root / f"include/linux/{name}.h").read_text() for name in names)

    def test_have_every_function_of_the_table(self, kernel_tree: Trees, release: str):
        known = releases.named(release)
        text = self.words(kernel_tree(release))
        functions = {known.test_one, known.test_any, known.set_flags, known.clear_flags}
        functions |= known.actions | known.helpers | {str(known.test_all)}
        assert [name for name in sorted(functions) if f"{name}(" not in text] == []

    def test_have_the_bits_of_the_table(self, kernel_tree: Trees, release: str):
        known = releases.named(release)
        read = target_release(release, KernelTree(kernel_tree(release)))
        assert {name: read.bits[name] for name in known.bits} == known.bits

    def test_give_what_the_table_has(self, kernel_tree: Trees, release: str):
        known = releases.named(release)
        read = target_release(release, KernelTree(kernel_tree(release)))
        assert (read.actions, read.helpers) == (known.actions, known.helpers)
        assert (read.test_all, read.error_override) == (known.test_all, known.error_override)

    def test_know_bits_that_are_not_portable(self, kernel_tree: Trees, release: str):
        read = target_release(release, KernelTree(kernel_tree(release)))
        assert read.bits["SEALED"] > releases.HIGHEST_PORTABLE_BIT
        assert read.bits["STACK"] == -1

    def test_know_bits_that_only_64_bit_kernels_have(self, kernel_tree: Trees, release: str):
        read = target_release(release, KernelTree(kernel_tree(release)))
        assert read.wide == releases.named(release).wide
        assert all(read.bits[name] > releases.HIGHEST_PORTABLE_BIT for name in read.wide)

    def test_have_every_twin(self, kernel_tree: Trees, release: str):
        text = self.words(kernel_tree(release))
        known = releases.named(release)
        lacking = {twin.name for twin in TWINS.values() if f"{twin.name}(" not in text}
        newer = {name for name in releases.named(releases.NEWEST).helpers if not known.has(name)}
        assert lacking == newer & {twin.name for twin in TWINS.values()}


class TestNames:
    def test_newer_than_all(self):
        assert releases.named("9.9").name == "9.9"
        assert releases.named("9.9").reviewed

    def test_patch_level_is_ignored(self):
        assert releases.named("v7.2.5").name == "7.2"

    @pytest.mark.parametrize("name", ["6.12", "6.19", "7", "seven", "", "?"])
    def test_that_no_hook_can_be_written_for(self, name: str):
        with pytest.raises(releases.UnknownRelease):
            releases.named(name)

    def test_older_releases_are_for_review(self):
        assert [r.name for r in releases.KNOWN.values() if r.reviewed] == ["7.0", "7.1"]

    def test_tree_without_descriptors(self):
        with pytest.raises(releases.UnknownRelease):
            releases.from_headers("7.3", lambda _: "struct vm_area_struct {};")


class TestOlderRelease:
    def test_spells_single_tests_as_any(self):
        assert releases.named("7.0").test_one == "vma_desc_test_flags"

    def test_has_no_test_for_all(self):
        assert releases.named("7.0").test_all is None


class TestWideFlags:
    GUARDED = (
        "#ifdef CONFIG_64BIT\n#define VM_WIDE\tINIT_VM_FLAG(WIDE)\n#else\n"
        "#define VM_WIDE\tVM_NONE\n#endif\n"
    )

    def wide(self, text: str) -> frozenset[str]:
        header = f"struct vm_area_desc;\nDECLARE_VMA_BIT(WIDE, 40)\n{text}"
        return releases.from_headers("7.3", lambda n: header if n.endswith("/mm.h") else "").wide

    def test_are_those_that_are_nothing_without_64_bits(self) -> None:
        assert self.wide(self.GUARDED) == {"WIDE"}

    @pytest.mark.parametrize(
        ("old", "new"),
        [
            ("#ifdef CONFIG_64BIT", "#ifdef CONFIG_PPC64"),
            ("#ifdef CONFIG_64BIT", "#ifndef CONFIG_64BIT"),
            ("VM_NONE", "INIT_VM_FLAG(OTHER)"),
            ("INIT_VM_FLAG(WIDE)", "INIT_VM_FLAG(OTHER)"),
            ("#else", "#elif defined(CONFIG_PPC32)"),
        ],
    )
    def test_are_no_others(self, old: str, new: str) -> None:
        assert self.wide(self.GUARDED.replace(old, new)) == frozenset()

    def test_are_none_that_are_defined_again(self) -> None:
        assert self.wide(self.GUARDED * 2) == frozenset()
