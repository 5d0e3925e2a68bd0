# SPDX-License-Identifier: GPL-2.0-only
"""What makefiles and Kconfig files say that a file is built with."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from premap.csource.kconfig import Kconfig
from premap.csource.makefiles import only_with
from premap.csource.tree import KernelTree

ARCHES = {
    "arch/full/Kconfig": "config FULL\n\tdef_bool y\n\nconfig MMU\n\tdef_bool y\n",
    "arch/some/Kconfig": 'config SOME\n\tdef_bool y\n\nconfig MMU\n\tbool "MMU"\n\tdefault y\n',
}
MAKEFILES = {
    "drivers/Makefile": "obj-y += ring/\n",
    "drivers/ring/Makefile": "obj-$(CONFIG_RING) += ring.o\n",
}


def tree(root: Path, **files: str) -> KernelTree:
    return written(root, {"Kconfig": files.pop("kconfig", ""), **ARCHES, **MAKEFILES, **files})


def written(root: Path, files: dict[str, str]) -> KernelTree:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return KernelTree(root)


def ring(root: Path, text: str) -> bool:
    """Return whether the option RING of this file is said to need an MMU."""
    return Kconfig(tree(root, kconfig=text)).needs("RING", "MMU")


PROMPT = 'config RING\n\ttristate "Ring"\n'


class TestHostile:
    def test_parentheses_beyond_count(self, tmp_path: Path) -> None:
        nested = f"{'(' * 50_000}MMU{')' * 50_000}"
        assert not ring(tmp_path, f"{PROMPT}\tdepends on {nested}\n")

    def test_options_in_a_long_row(self, tmp_path: Path) -> None:
        text = f"{PROMPT}\tdepends on C0\n"
        text += "".join(f'config C{n}\n\tbool "c"\n\tdepends on C{n + 1}\n' for n in range(5_000))
        assert not ring(tmp_path, f'{text}config C5000\n\tbool "c"\n\tdepends on MMU\n')


class TestDepends:
    @pytest.mark.parametrize(
        "expression",
        [
            "MMU",
            "X && MMU",
            "(X || Y) && (MMU)",
            "FULL",
            "MMU=y",
            "MMU != n",
            "FULL || (MMU && X)",
            "MMU && Z='a'",
        ],
    )
    def test_on_an_mmu(self, tmp_path: Path, expression: str) -> None:
        expected = "'" not in expression  # quotes of that kind are not understood
        assert ring(tmp_path, f"{PROMPT}\tdepends on {expression}\n") is expected

    @pytest.mark.parametrize(
        "expression",
        [
            "X",
            "!MMU",
            "MMU || COMPILE_TEST",
            "MMU = n",
            "MMU != y",
            "SOME",
            "!(X && MMU)",
            "FULL || SOME",
            "MMU &&",
            "(MMU",
            "$(success,MMU)",
            "X = MMU",
        ],
    )
    def test_on_something_else(self, tmp_path: Path, expression: str) -> None:
        assert not ring(tmp_path, f"{PROMPT}\tdepends on {expression}\n")

    def test_one_of_several_lines_is_enough(self, tmp_path: Path) -> None:
        assert ring(tmp_path, f"{PROMPT}\tdepends on X\n\tdepends on MMU\n")

    def test_of_another_option_counts(self, tmp_path: Path) -> None:
        assert ring(tmp_path, f"{PROMPT}\tdepends on PCI\n\nconfig PCI\n\tbool\n\tdepends on MMU\n")

    def test_of_the_next_option_does_not(self, tmp_path: Path) -> None:
        assert not ring(tmp_path, f'{PROMPT}\nconfig PCI\n\tbool "PCI"\n\tdepends on MMU\n')

    def test_in_a_help_text_does_not(self, tmp_path: Path) -> None:
        assert not ring(tmp_path, f"{PROMPT}\thelp\n\t  This\n\n\t  depends on MMU\n")

    def test_after_a_help_text_counts(self, tmp_path: Path) -> None:
        assert ring(tmp_path, f"{PROMPT}\thelp\n\t  Text.\n\tdepends on MMU\n")

    def test_every_definition_has_to(self, tmp_path: Path) -> None:
        both = f'{PROMPT}\tdepends on MMU\n\nconfig RING\n\tbool "Ring"\n'
        assert not ring(tmp_path, both)

    def test_circles_say_nothing(self, tmp_path: Path) -> None:
        assert not ring(
            tmp_path, f'{PROMPT}\tdepends on X\n\nconfig X\n\tbool "x"\n\tdepends on RING\n'
        )

    def test_a_circle_on_the_way_is_no_answer(self, tmp_path: Path) -> None:
        text = (
            f"{PROMPT}\tdepends on A\n\n"
            'config A\n\tbool "a"\n\tdepends on B\n\n'
            'config B\n\tbool "b"\n\tdepends on A || MMU\n\tdepends on MMU\n'
        )
        kconfig = Kconfig(tree(tmp_path, kconfig=text))
        assert [kconfig.needs(name, "MMU") for name in ("RING", "A", "B")] == [True, True, True]


class TestBlocks:
    @pytest.mark.parametrize(
        "block", ["if MMU\n{}endif\n", 'menu "m"\n\tdepends on MMU\n\n{}endmenu\n']
    )
    def test_count(self, tmp_path: Path, block: str) -> None:
        assert ring(tmp_path, block.format(PROMPT))

    @pytest.mark.parametrize(
        "block", ["if MMU\nendif\n{}", 'menu "m"\n\tdepends on MMU\nendmenu\n{}']
    )
    def test_that_have_ended_do_not(self, tmp_path: Path, block: str) -> None:
        assert not ring(tmp_path, block.format(PROMPT))

    def test_around_what_includes_the_file_count(self, tmp_path: Path) -> None:
        found = tree(
            tmp_path,
            kconfig='if MMU\nsource "drivers/Kconfig"\nendif\n',
            **{"drivers/Kconfig": PROMPT},
        )
        assert Kconfig(found).needs("RING", "MMU")

    def test_every_place_that_includes_it_has_to(self, tmp_path: Path) -> None:
        found = tree(
            tmp_path,
            kconfig='if MMU\nsource "drivers/Kconfig"\nendif\nsource "drivers/Kconfig"\n',
            **{"drivers/Kconfig": PROMPT},
        )
        assert not Kconfig(found).needs("RING", "MMU")


class TestSelect:
    HIDDEN = "config RING\n\ttristate\n\n"

    def test_hidden_option_needs_what_all_that_select_it_need(self, tmp_path: Path) -> None:
        chip = 'config CHIP\n\tbool "c"\n\tselect RING\n\tdepends on MMU\n'
        assert ring(tmp_path, self.HIDDEN + chip)
        other = '\nconfig OTHER\n\tbool "o"\n\tselect RING\n'
        assert not ring(tmp_path, self.HIDDEN + chip + other)

    def test_a_condition_counts(self, tmp_path: Path) -> None:
        assert ring(tmp_path, self.HIDDEN + 'config CHIP\n\tbool "c"\n\tselect RING if MMU\n')

    def test_an_option_with_a_prompt_can_be_set_without(self, tmp_path: Path) -> None:
        assert not ring(
            tmp_path, PROMPT + '\nconfig C\n\tbool "c"\n\tselect RING\n\tdepends on MMU\n'
        )

    def test_nothing_selects_it(self, tmp_path: Path) -> None:
        assert not ring(tmp_path, self.HIDDEN)


class TestFiles:
    NEEDS = f"{PROMPT}\tdepends on MMU\n"

    def only(self, root: Path, makefile: str, name: str = "ring.c") -> bool:
        found = tree(root, kconfig=self.NEEDS, **{"drivers/ring/Makefile": makefile})
        return only_with("MMU", f"drivers/ring/{name}", found)

    @pytest.mark.parametrize(
        "makefile",
        [
            "obj-$(CONFIG_RING) += ring.o\n",
            "obj-$(CONFIG_RING) += other.o \\\n\tring.o\n",
            "obj-$(CONFIG_RING) := all.o\nall-y := other.o ring.o\n",
            "obj-$(CONFIG_RING) += all.o\nall-objs += ring.o # comment\n",
            "obj-y += all.o\nall-$(CONFIG_RING) += ring.o\n",
        ],
    )
    def test_need_an_mmu(self, tmp_path: Path, makefile: str) -> None:
        assert self.only(tmp_path, makefile)

    @pytest.mark.parametrize(
        "makefile",
        [
            "obj-y += ring.o\n",
            "obj-$(CONFIG_RING) += ring.o\nobj-y += ring.o\n",
            "obj-$(CONFIG_RING) += my-ring.o\n",
            "obj-$(CONFIG_RING) += ring.o\nobj-$(subst m,y,$(CONFIG_X)) += ring.o\n",
            "FILES := ring.o\nobj-$(CONFIG_RING) += $(FILES)\n",
            "obj-y += all.o\nobj-$(CONFIG_RING) += some.o\nall-y := ring.o\nsome-y := ring.o\n",
            "# obj-$(CONFIG_RING) += ring.o\n",
            "ring-y := ring.o\n",
            "",
        ],
    )
    def test_may_be_built_without(self, tmp_path: Path, makefile: str) -> None:
        assert not self.only(tmp_path, makefile)

    def test_the_folder_may_need_one(self, tmp_path: Path) -> None:
        above = {"drivers/Makefile": "obj-$(CONFIG_RING) += ring/\n"}
        makefile = {"drivers/ring/Makefile": "obj-y += ring.o\n"}
        found = tree(tmp_path, kconfig=self.NEEDS, **above, **makefile)
        assert only_with("MMU", "drivers/ring/ring.c", found)

    def test_of_an_architecture_that_always_has_one(self, tmp_path: Path) -> None:
        found = tree(tmp_path)
        assert only_with("MMU", "arch/full/kernel/ring.c", found)
        assert not only_with("MMU", "arch/some/kernel/ring.c", found)
        assert not only_with("MMU", "arch/none/kernel/ring.c", found)

    def test_headers_are_built_by_whom_they_like(self, tmp_path: Path) -> None:
        assert not only_with("MMU", "drivers/ring/ring.h", tree(tmp_path, kconfig=self.NEEDS))


@pytest.mark.tree
class TestRealTree:
    """What is known of 7.3's options by its documentation, not by what is computed."""

    def test_pci_has_an_mmu_and_the_char_device_of_memory_may_not(
        self, kernel_tree: Callable[[str], Path]
    ) -> None:
        kconfig = Kconfig(KernelTree(kernel_tree("7.3")))
        assert kconfig.needs("PCI", "MMU")
        assert kconfig.needs("X86_64", "MMU")
        assert not kconfig.needs("DEVMEM", "MMU")
        assert not kconfig.needs("SOUND", "MMU")
