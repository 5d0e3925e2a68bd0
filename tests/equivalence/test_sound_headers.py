# SPDX-License-Identifier: GPL-2.0-only
"""Ways to a wrong `equivalent`: what is in headers and in other files, of two trees."""

from __future__ import annotations

from pathlib import Path

import pytest

from premap.csource.tree import KernelTree
from premap.equivalence.api import verify_functions
from premap.records import Verdict

HEADER = """
#ifndef RING_H
#define RING_H
#ifndef LIMIT
#define LIMIT 4
#endif
struct ring { unsigned long size; int ro; };
static inline int allowed(struct ring *ring, unsigned long page) { return page < LIMIT; }
int ready(struct ring *ring);
#endif
"""
READY = '#include "ring.h"\nint ready(struct ring *ring) { return ring->ro; }\n'
RING = """
#include <linux/mm.h>
#include "ring.h"
static int ring_mmap_prepare(struct vm_area_desc *desc)
{
	struct ring *ring = desc->file->private_data;

	if (!allowed(ring, desc->pgoff))
		return -EINVAL;
	return ready(ring) ? 0 : -EIO;
}
"""


def compare(folder: Path, *versions: dict[str, str]) -> Verdict:
    """Compare two versions of a driver, each in a tree of its own, with what differs in each."""
    sides = []
    for number, changed in enumerate(versions):
        root = folder / str(number)
        files = {
            "Makefile": "VERSION = 7\nPATCHLEVEL = 3\n",
            "include/linux/mm.h": "struct file { void *private_data; };\n",
            "drivers/ring/ring.h": HEADER,
            "drivers/ring/ready.c": READY,
            "drivers/ring/ring.c": RING,
            **changed,
        }
        for name, text in files.items():
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        tree = KernelTree(root)
        sides.append((tree.open("drivers/ring/ring.c"), tree))
    (old, old_tree), (new, new_tree) = sides
    return verify_functions(
        (old, "ring_mmap_prepare"), (new, "ring_mmap_prepare"), old_tree, new_tree
    )


def test_the_same(tmp_path: Path) -> None:
    verdict = compare(tmp_path, {}, {})
    assert verdict.status == "equivalent", verdict


@pytest.mark.parametrize(
    ("before", "after"),
    [("#define LIMIT 4", "#define LIMIT 5"), ("page < LIMIT", "page <= LIMIT")],
)
def test_a_header_that_changed(tmp_path: Path, before: str, after: str) -> None:
    verdict = compare(tmp_path, {}, {"drivers/ring/ring.h": HEADER.replace(before, after)})
    assert verdict.status == "different", verdict


def test_a_macro_defined_before_a_header(tmp_path: Path) -> None:
    """The header then means another limit."""
    ring = RING.replace('#include "ring.h"', '#define LIMIT 9\n#include "ring.h"')
    verdict = compare(tmp_path, {}, {"drivers/ring/ring.c": ring})
    assert verdict.status in ("different", "unknown"), verdict
    verdict = compare(tmp_path, {"drivers/ring/ring.c": ring}, {"drivers/ring/ring.c": ring})
    assert verdict.status == "equivalent", verdict


def test_an_option_defined_before_a_header(tmp_path: Path) -> None:
    arms = "static inline int allowed(struct ring *ring, unsigned long page)\n{\n#ifdef STRICT\n"
    header = HEADER.replace("page < LIMIT; }", "page < 7; }").replace(
        "static inline int allowed(struct ring *ring, unsigned long page) { return",
        f"{arms}\treturn page == 0;\n#endif\n\treturn",
    )
    ring = RING.replace('#include "ring.h"', '#define STRICT\n#include "ring.h"')
    files = {"drivers/ring/ring.h": header}
    verdict = compare(tmp_path, files, {**files, "drivers/ring/ring.c": ring})
    assert verdict.status == "different", verdict


def test_a_stub_beside_a_function(tmp_path: Path) -> None:
    """Where an option decides, a header's macro is looked at as well as its function."""
    allowed = HEADER[HEADER.index("static inline") : HEADER.index("int ready")]
    option = f"#ifdef CONFIG_RING\n{allowed}#else\n#define allowed(ring, page) %s\n#endif\n"
    headers = [HEADER.replace(allowed, option % value) for value in ("1", "0")]
    verdict = compare(tmp_path, *({"drivers/ring/ring.h": each} for each in headers))
    assert verdict.status == "different", verdict


def test_a_function_of_another_file(tmp_path: Path) -> None:
    changed = READY.replace("ring->ro", "!ring->ro")
    verdict = compare(tmp_path, {}, {"drivers/ring/ready.c": changed})
    assert verdict.status == "equivalent-except", verdict
    assert "callees-differ" in {each.id for each in verdict.differences}


def test_another_function_of_another_file(tmp_path: Path) -> None:
    changed = READY + "int other(struct ring *ring) { return ring->ro; }\n"
    verdict = compare(tmp_path, {}, {"drivers/ring/ready.c": changed})
    assert verdict.status == "equivalent", verdict


@pytest.mark.parametrize("name", ["ring", "desc"])
def test_a_name_that_the_header_makes_a_macro_of(tmp_path: Path, name: str) -> None:
    """Then the file means something else by it: another structure, or another variable."""
    other = "struct other { int ro; unsigned long size; };\n"
    plain = HEADER.replace("#endif\nstruct", f"#endif\n{other}struct")
    header = plain.replace("int ready", f"#define {name} other\nint ready")
    driver = "drivers/ring/ring.h"
    assert compare(tmp_path / "same", {driver: plain}, {driver: plain}).status == "equivalent"
    verdict = compare(tmp_path / "other", {driver: plain}, {driver: header})
    assert verdict.status in ("unknown", "different"), verdict


LENGTH = """
struct file { void *private_data; };
struct span { unsigned long start, end; };
struct bus { struct span spans[6]; };
static inline unsigned long span_size(const struct span *span) { return span->end - span->start; }
#define bus_span(bus, n) (&(bus)->spans[(n)])
#define bus_end(bus, n) (bus_span(bus, n)->end)
#define bus_length(bus, n) (bus_end((bus), (n)) ? span_size(bus_span((bus), (n))) : 0)
"""
BUS = """
#include <linux/mm.h>
static int ring_mmap_prepare(struct vm_area_desc *desc)
{
	struct bus *bus = desc->file->private_data;

	return vma_desc_size(desc) > PAGE_ALIGN(bus_length(bus, 2)) ? -EINVAL : 0;
}
"""


WITH_BUS = {"include/linux/mm.h": LENGTH, "drivers/ring/ring.c": BUS}


class TestMacrosInMacrosOfKernelHeaders:
    """As pci_resource_len() is made (include/linux/pci.h)."""

    def test_their_type_is_known(self, tmp_path: Path) -> None:
        assert compare(tmp_path, WITH_BUS, WITH_BUS).status == "equivalent"

    @pytest.mark.parametrize(
        ("before", "after"), [("spans[(n)]", "spans[(n) + 1]"), ("->end)", "->start)")]
    )
    def test_one_within_another_that_changed(self, before: str, after: str, tmp_path: Path) -> None:
        changed = {**WITH_BUS, "include/linux/mm.h": LENGTH.replace(before, after)}
        verdict = compare(tmp_path, WITH_BUS, changed)
        assert verdict.status == "different", verdict

    def test_one_that_calls_what_nobody_defines(self, tmp_path: Path) -> None:
        """A call of unknown code: its type is not known."""
        unknown = LENGTH.replace("(bus_span(bus, n)->end)", "bus_last(bus, n)")
        files = {**WITH_BUS, "include/linux/mm.h": unknown}
        assert compare(tmp_path, files, files).status == "unknown"
