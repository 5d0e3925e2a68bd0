# SPDX-License-Identifier: GPL-2.0-only
"""The reference against the headers of kernel trees, premap.releases and premap.model."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from premap import model, reference, releases
from premap.csource.scope import Scope
from premap.csource.tree import KernelTree
from premap.reference.entries import has

TABLE: dict[str, Any] = tomllib.loads(
    (Path(reference.__file__).parent / "kernel.toml").read_text(encoding="utf-8")
)
NAMES = sorted(reference.names())
FIELDS = [(struct, name) for struct, fields in TABLE["fields"].items() for name in fields]
TREES = ("7.2", "7.3")
HEADERS = ("mm.h", "mm_types.h", "fs.h", "pgtable.h", "shmem_fs.h")
FAMILIES = re.compile(r"\b(?:mmap_action|vma_desc)_\w+(?=\()")


def _entry(name: str) -> reference.Entry:
    found = reference.lookup(name)
    assert found is not None
    return found


def _field(struct: str, name: str) -> reference.Entry:
    found = reference.field(struct, name)
    assert found is not None
    return found


class TestEntries:
    @pytest.mark.parametrize("name", NAMES)
    def test_say_something_in_whole_sentences(self, name: str) -> None:
        text = _entry(name).text
        assert re.search(r"\w{2}.*[.:`;]\Z", text, re.DOTALL)
        assert not re.match(rf"{name}\b", text)

    @pytest.mark.parametrize("name", NAMES)
    def test_speak_of_c(self, name: str) -> None:
        assert not re.search(
            r"\b(None|self|KernelBug|AttributeError)\b|\bdesc\.", _entry(name).text
        )

    @pytest.mark.parametrize(("struct", "name"), FIELDS)
    def test_of_fields_say_which_kind_they_are(self, struct: str, name: str) -> None:
        entry = _field(struct, name)
        assert re.search(r"\((immutable|mutable|write-only|set through helpers)\)", entry.head)
        assert entry.text.endswith((".", "`"))

    def test_are_not_made_up(self) -> None:
        assert reference.lookup("mmap_action_teleport") is None
        assert reference.lookup("VMA_TELEPORT_BIT") is None
        assert reference.lookup("__name__") is None
        assert reference.field("vm_area_desc", "teleport") is None

    def test_tell_bits_above_31_from_others(self) -> None:
        assert "32-bit" in _entry("VMA_SEALED_BIT").text
        assert "32-bit" not in _entry("VMA_MERGEABLE_BIT").text

    def test_of_masks_name_the_bit(self) -> None:
        assert "`VMA_IO_BIT`" in _entry("VM_IO").text


class TestAvailability:
    def test_is_the_table_of_releases_for_the_tests(self) -> None:
        assert _entry("vma_desc_test_flags").releases == ("7.0",)
        assert _entry("vma_desc_test").releases == ("7.1", "7.2", "7.3")

    def test_is_the_table_of_releases_for_actions_and_members(self) -> None:
        assert "7.0" not in _entry("mmap_action_simple_ioremap").releases
        assert "7.0" not in _entry("mapped").releases
        assert _field("mmap_action", "error_override").releases == ("7.2", "7.3")

    def test_reaches_further_back_where_that_is_known(self) -> None:
        assert _entry("mmap_action_remap").availability == "since 6.19"
        assert _field("vm_area_desc", "vm_file").availability == "since 6.17"

    @pytest.mark.parametrize("name", [name for name in NAMES if FAMILIES.match(f"{name}(")])
    def test_is_told_of_every_function_on_descriptors(self, name: str) -> None:
        assert _entry(name).availability

    def test_is_written_down_only_once(self) -> None:
        listed = {
            f"VMA_{name}_BIT" if kind == "flags" else name
            for kind in ("functions", "flags", "members")
            for name, known in TABLE[kind].items()
            if "releases" in known
        }
        known = {name for name in listed if any(has(r, name) for r in releases.KNOWN.values())}
        assert not known

    def test_since_says_what_the_table_of_releases_can_not(self) -> None:
        oldest = releases.number(next(iter(releases.KNOWN)))
        for name, known in (TABLE["functions"] | TABLE["members"]).items():
            if "since" in known:
                assert releases.number(known["since"]) < oldest
                assert not _entry(name).releases or len(_entry(name).releases) == 4


class TestModel:
    def test_has_every_flag_that_its_bits_name(self) -> None:
        bits = {name for name in dir(model) if re.fullmatch(r"VMA_\w+_BIT", name)}
        assert bits <= set(NAMES)

    def test_has_every_helper_on_descriptors(self) -> None:
        helpers = {name for name in model.__all__ if name.startswith(("vma_desc_", "mmap_action_"))}
        assert helpers <= set(NAMES)


def _headers(tree: Path) -> str:
    return "\n".join((tree / "include/linux" / name).read_text() for name in HEADERS)


@pytest.mark.parametrize("release", TREES)
class TestTrees:
    def test_define_the_helpers_that_are_told(
        self, release: str, kernel_tree: Callable[[str], Path]
    ) -> None:
        theirs = set(FAMILIES.findall(_headers(kernel_tree(release))))
        ours = {name for name in NAMES if FAMILIES.match(f"{name}(")}
        assert theirs == {name for name in ours if release in _entry(name).releases}

    def test_define_the_bits_that_are_told(
        self, release: str, kernel_tree: Callable[[str], Path]
    ) -> None:
        text = _headers(kernel_tree(release))
        theirs = set(re.findall(r"DECLARE_VMA_BIT(?:_ALIAS)?\((?!name\b)(\w+),", text))
        ours = {flag for flag in TABLE["flags"] if release in _entry(f"VMA_{flag}_BIT").releases}
        assert theirs == ours

    def test_number_the_bits_as_the_model_does(
        self, release: str, kernel_tree: Callable[[str], Path]
    ) -> None:
        text = _headers(kernel_tree(release))
        for flag, bit in re.findall(r"DECLARE_VMA_BIT\((\w+),\s*(\d+)\)", text):
            head = _entry(f"VMA_{flag}_BIT").head
            assert head in {f"VMA_{flag}_BIT", f"VMA_{flag}_BIT = {bit}"}

    @pytest.mark.parametrize("struct", sorted(TABLE["fields"]))
    def test_have_the_fields_that_are_told(
        self, release: str, struct: str, kernel_tree: Callable[[str], Path]
    ) -> None:
        tree = KernelTree(kernel_tree(release))
        found = Scope(tree.open("include/linux/mm_types.h"), tree).struct("struct", struct)
        assert found is not None
        theirs = {field.name for field in found.fields}
        assert TABLE["fields"][struct].keys() <= theirs
        if struct == "vm_area_desc":
            assert theirs == TABLE["fields"][struct].keys()

    @pytest.mark.parametrize("member", sorted(TABLE["members"]))
    def test_declare_the_members_that_are_told(
        self, release: str, member: str, kernel_tree: Callable[[str], Path]
    ) -> None:
        assert f"(*{member})(" in _headers(kernel_tree(release))

    def test_know_every_function_that_is_told(
        self, release: str, kernel_tree: Callable[[str], Path]
    ) -> None:
        tree = kernel_tree(release)
        folders = ("include/linux", "include/asm-generic", "mm", "arch/*/include/asm")
        found = [path for folder in folders for path in tree.glob(f"{folder}/**/*.h")]
        words = set(
            re.findall(r"\w+", "\n".join(path.read_text(errors="replace") for path in found))
        )
        told = {
            name
            for name in NAMES
            if _entry(name).kind == "function" and release in (_entry(name).releases or (release,))
        }
        assert told <= words
