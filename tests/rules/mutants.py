# SPDX-License-Identifier: GPL-2.0-only
"""Plants the mistake of each rule in every correct hook where it can be made.

`python -m tests.rules.mutants` prints what is not found.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from tests.rules.hooks import HOOKS

from premap.csource.source import SourceFile
from premap.rules import check_file


@dataclass(frozen=True)
class Mutant:
    """A hook with one mistake in it."""

    hook: str
    rule: str
    number: int
    text: str
    before: str = ""


_HEAD = re.compile(
    r"(static int ring_mmap_prepare\(struct vm_area_desc \*desc\)\n\{\n(?:\t[^\n]+;\n)*?)\n"
)
_OLD_HEAD = re.compile(r"(static int ring_mmap\([^)]*\)\n\{\n(?:\t[^\n]+;\n)*?)\n")
_ACTION = re.compile(r"\tmmap_action_\w+\([^;]*;\n")
_PROT = re.compile(r"\t+(?:desc->|vma->vm_)page_prot = [^\n]*\n")


def mutants() -> Iterator[Mutant]:
    """Yield all mutants, each different from what it was made of."""
    for hook, text in HOOKS.items():
        seen: dict[str, int] = {}
        for rule, mutated, before in _mutations(text):
            if mutated != text or before:
                seen[rule] = seen.get(rule, 0) + 1
                yield Mutant(hook, rule, seen[rule], mutated, before)


def _mutations(text: str) -> Iterator[tuple[str, str, str]]:
    for rule, pattern, new in SUBSTITUTIONS:
        for match in re.finditer(pattern, text, re.MULTILINE):
            yield rule, text[: match.start()] + match.expand(new) + text[match.end() :], ""
    for rule, line in INSERTIONS:
        head = _HEAD.search(text)
        if head is not None and ("ring->" not in line or "struct ring *ring" in head[1]):
            yield rule, text[: head.end()] + f"\t{line}\n" + text[head.end() :], ""
    yield from _actions(text)
    yield from _bounds(text)
    if ".mapped = " in text:
        yield "R15", text.replace("\tdesc->private_data = ring;\n", ""), ""


def _actions(text: str) -> Iterator[tuple[str, str, str]]:
    for match in _ACTION.finditer(text):
        yield "R04", text[: match.end()] + match[0] + text[match.end() :], ""
        prot = [found for found in _PROT.finditer(text) if found.end() <= match.start()]
        if prot and "_remap" in match[0].replace("ioremap", "_remap") and "simple" not in match[0]:
            last = prot[-1]
            moved = text[: last.start()] + text[last.end() : match.end()] + last[0]
            yield "R03", moved + text[match.end() :], ""
    if "error_override" in text:
        old = (
            HOOKS["legacy"]
            .replace("	return remap_pfn_range(", "	if (remap_pfn_range(")
            .replace(
                "size, vma->vm_page_prot);",
                "size, vma->vm_page_prot))\n\t\treturn -EAGAIN;\n\treturn 0;",
            )
        )
        yield "R24", re.sub(r"\tdesc->action\.error_override[^\n]*\n", "", text), old


def _bounds(text: str) -> Iterator[tuple[str, str, str]]:
    """Take away checks, or halves of them."""
    for match in re.finditer(r"\t+if \(([^\n]*)\) /\* bound \*/\n[^\n]*/\* bound \*/\n", text):
        yield "R17", text[: match.start()] + text[match.end() :], ""
        halves = match[1].split(" || ")
        for half in halves if len(halves) == 2 else ():
            if half != "desc->pgoff":  # without it, the offset does not matter to these
                continue
            yield "R17", text.replace(match[1], half), ""
        if "offset" in match[1]:
            size = "size" if "vma_desc" not in match[1] else "vma_desc_size(desc)"
            yield "R17", text.replace(match[1], f"{size} > ring->size"), ""
            yield "R17", text.replace(match[1], f"offset > ring->size || {size} > ring->size"), ""
            yield "R17", text.replace("unsigned long offset", "unsigned int offset"), ""


SUBSTITUTIONS = (
    ("R02", r"^\t(?:mutex|spin)_unlock\(.*\n", ""),
    ("R02", r"^\t\tgoto out;.*$", r"\t\treturn -EINVAL;"),
    (
        "R04",
        r"mmap_action_remap_full\(desc, (ring->\w+[^;]*)\);",
        r"mmap_action_remap(desc, desc->start, \1, ring->size);",
    ),
    ("R04", r"^\t\t\tsize, vma", r"\t\t\tring->size, vma"),
    ("R06", r"vma_desc_size\(desc\)", r"(vma_pages(desc) << PAGE_SHIFT)"),
    ("R06", r"desc->pgoff", "desc->vm_pgoff"),
    ("R06", r"desc->private_data", "desc->vm_private_data"),
    ("R06", r"desc->page_prot\);", "vma->vm_page_prot);"),
    ("R08", r"VMA_(\w+)_BIT", r"VM_\1"),
    ("R08", r"(vm_flags_\w+\(vma, )VM_(\w+)", r"\1VMA_\2_BIT"),
    ("R09", r"vma_desc_test\(desc, (\w+)\)", r"vma_desc_test(desc, \1, VMA_SHARED_BIT)"),
    ("R09", r"vma_desc_test\(desc, (\w+)\)", r"vma_desc_test_flags(desc, \1)"),
    ("R11", r"^\tcompat_set_desc_from_vma.*\n", ""),
    ("R12", r"!can_mmap_file\(lower\)", "!lower->f_op->mmap"),
    ("R12", r"vfs_mmap\(lower, vma\)", "lower->f_op->mmap(lower, vma)"),
    (
        "R13",
        r"^\t\.mmap_prepare = ring_mmap_prepare,",
        r"\t.mmap_prepare = ring_mmap_prepare,\n\t.mmap = ring_old_mmap,",
    ),
    ("R14", r"^\tring->users\+\+; /\* (?:mapped|open) \*/\n", ""),
    ("R14", r"^\tring->users--; /\* close \*/\n", ""),
    ("R14", r"^\t\.(?:mapped|open) = .*\n", ""),
    ("R15", r"return 0; /\* mapped \*/", "return 1;"),
    ("R15", r"return 0; /\* mapped \*/", "return ring->users;"),
    ("R16", r"^\tvma_desc_clear_flags\(desc, VMA_MAY\w+\);\n", ""),
    ("R16", r"^\tvm_flags_clear\(vma, VM_MAYWRITE\);\n", ""),
    (
        "R17",
        r"simple_ioremap\(desc, ring->phys, ring->size",
        "simple_ioremap(desc, ring->phys, vma_desc_size(desc)",
    ),
    (
        "R17",
        r"simple_ioremap\(desc, ring->phys",
        "simple_ioremap(desc, ring->phys + (desc->pgoff << PAGE_SHIFT)",
    ),
    (
        "R17",
        r"vm_iomap_memory\(vma, ring->phys, ring->size",
        "vm_iomap_memory(vma, ring->phys, vma->vm_end - vma->vm_start",
    ),
    (
        "R17",
        r"vm_iomap_memory\(vma, ring->phys",
        "vm_iomap_memory(vma, ring->phys + (vma->vm_pgoff << PAGE_SHIFT)",
    ),
    ("R18", r"return (remap_pfn_range\([^;]*;)", r"\1\n\treturn 0;"),
    ("R18", r"err = vm_iomap_memory", "err = 0;\n\tvm_iomap_memory"),
    ("R19", r"ring->phys >> PAGE_SHIFT", "ring->phys"),
    ("R19", r"vma_desc_pages\(desc\) (>|!=) ring->npages", r"vma_desc_pages(desc) \1 ring->size"),
    ("R19", r"vma_desc_size\(desc\) > ring->size\)", "vma_desc_size(desc) > ring->npages)"),
    ("R20", r"\tif \(vma_desc_is_cow_mapping\(desc\)\) /\* cow \*/\n.*\n", ""),
    ("R21", r"^\tvma_desc_set_flags\(desc, VMA_DONTEXPAND_BIT, VMA_DONTDUMP_BIT\);\n", ""),
    ("R21", r"VMA_DONTEXPAND_BIT, VMA_DONTDUMP_BIT", "VMA_DONTDUMP_BIT"),
    (
        "R22",
        r"\tdesc->private_data = ring;\n",
        r"\tdesc->private_data = ring;\n\tdesc->pgoff = ring->kind;\n",
    ),
    ("R23", r"VMA_MAYSHARE_BIT", "VMA_SHARED_BIT"),
    (
        "R26",
        r"(static int ring_mmap_prepare\(struct vm_area_desc \*desc\)\n\{(?:.*\n)*?\}\n)",
        (
            r"#ifdef CONFIG_RING\n\1#else\n"
            r"static int ring_mmap_prepare(struct file *file, struct vm_area_struct *vma)\n"
            r"{\n\treturn -ENODEV;\n}\n#endif\n"
        ),
    ),
    ("R27", r"(static int ring_mmap_prepare\()", r"/* ring_mmap() maps the ring. */\n\1"),
    ("R28", r"desc->vm_ops = &ring_vm_ops;", "desc->vm_ops = NULL;"),
    (
        "R29",
        r"\terr = vfs_mmap\(lower, vma\);\n\tif \(!err\)\n\t(\t.*\n)\treturn err;",
        r"\1\treturn vfs_mmap(lower, vma);",
    ),
    ("R30", r"VMA_MIXEDMAP_BIT, ", ""),
    ("R31", r"^#ifdef CONFIG_MMU\n(.*\n)#endif\n", r"\1"),
    (
        "R32",
        r"(\tmmap_action_map_kernel_pages_full\(desc, )ring->pages",
        r"\tstruct page *own[1] = { ring->pages[0] };\n\n\1own",
    ),
)
"""Rule, what is replaced (each place by itself), and by what."""
INSERTIONS = (
    ("R01", "ring->users++;"),
    ("R01", "get_device(&ring->dev);"),
    ("R01", "ring->pages = kcalloc(16, 8, GFP_KERNEL);"),
    ("R02", "mutex_lock(&ring->lock);"),
    ("R05", "desc->action.type = MMAP_NOTHING;"),
    ("R07", "get_file(desc->file);"),
    ("R10", "vma_flags_t flags = desc->vma_flags;\n\tvma_flags_set(&flags, VMA_IO_BIT);"),
    ("R25", "vma_desc_set_flags(desc, VMA_ALLOW_ANY_UNCACHED_BIT);"),
    ("R28", "vma_desc_set_anonymous(desc);"),
)
"""Rule, and a line that is put before the first statement of a hook."""


def found_in(mutant: Mutant) -> set[str]:
    """Return the rules that fire on a mutant."""
    old = SourceFile("ring.c", mutant.before.encode()) if mutant.before else None
    source = SourceFile("ring.c", mutant.text.encode())
    return {finding.rule for finding in check_file(source, None, "7.3", old).findings}


def main() -> None:
    """Print the mutants that no rule, or another one, finds."""
    total = missed = 0
    for mutant in mutants():
        total += 1
        rules = found_in(mutant)
        if mutant.rule not in rules:
            missed += 1
            print(f"{mutant.hook}: {mutant.rule} #{mutant.number} not found; {sorted(rules)}")
    print(f"{total - missed} of {total} found")


if __name__ == "__main__":
    main()
