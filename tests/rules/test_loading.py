# SPDX-License-Identifier: GPL-2.0-only
"""Which rules are loaded for a file: leaving some out changes nothing of what is found."""

from __future__ import annotations

import subprocess
import sys

import pytest

from premap import rules, symbolic
from premap.csource.source import SourceFile
from premap.rules import RULES, engine
from premap.rules.terms import bits_of

HELPER = b"""\
int ring_map(struct device *dev, struct vm_area_struct *vma, phys_addr_t at)
{
	vm_iomap_memory(vma, at, PAGE_SIZE);
	return ring_done(dev);
}
"""


class TestOfHooks:
    @pytest.mark.parametrize("rule", RULES.values(), ids=lambda rule: rule.id)
    def test_without_hooks_they_find_nothing(self, rule: rules.Rule) -> None:
        """Every rule's C, whose functions no table names and no parameter makes hooks."""
        text = rule.bad.replace(".mmap", ".other").replace("struct file *", "struct files *")
        text = text.replace("(struct vm_area_desc *desc)", "(struct vm_area_desc *desc, int more)")
        source = SourceFile("ring.c", text.encode())
        whole = engine.check_file(source, None, "7.3", lambda _: RULES.values())
        assert rules.check_file(source, None, "7.3") == whole

    def test_the_interpreter_is_not_loaded_for_a_file_without_hooks(self) -> None:
        program = """
import sys
from premap.csource.source import SourceFile
from premap.rules import check
found = check(SourceFile("ring.c", sys.stdin.buffer.read()), None, "7.3")
print(*(each.rule for each in found))
print([name for name in sys.modules if name.startswith(("premap.interp", "premap.symbolic", "z3"))])
"""
        done = subprocess.run(
            [sys.executable, "-c", program], input=HELPER, capture_output=True, check=True
        )
        assert done.stdout == b"R18\n[]\n"


class TestBits:
    def test_those_that_a_condition_looks_at(self) -> None:
        prot = symbolic.var("call.prot", 52)
        other = symbolic.var("call.shared", 52)
        assert bits_of((prot >> 1) & 1, "call.prot") == 2
        assert bits_of(((prot & 6) | other) == 2, "call.prot") == 6
        assert bits_of((other & 1) == 1, "call.prot") == 0

    def test_arithmetic_may_look_at_all(self) -> None:
        prot = symbolic.var("call.prot", 3)
        assert bits_of(((prot + 1) & 4) == 4, "call.prot") == 7
