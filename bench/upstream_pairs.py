# SPDX-License-Identifier: GPL-2.0-only
"""Compares premap's conversions with those that upstream made between 6.12 and 7.3.

    python bench/upstream_pairs.py [--show]

A pair is a table whose `.mmap` of 6.12 is `.mmap_prepare` in 7.3. Each old handler is converted
from the 6.12 source for target 7.3; then every statement and condition that mentions the
descriptor is compared with upstream's. Spelling does not count: white space, comments, `const`, a
local for the file, the order of flags. What upstream changed for other reasons is listed in
UNRELATED, word for word, and shown; any other difference makes the exit code 1.
"""

from __future__ import annotations

import argparse
import difflib
import os
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tree_sitter import Node

from premap.conversion import apply, convert_file
from premap.csource.errors import SourceError
from premap.csource.handlers import find_handlers
from premap.csource.nodes import find_all, text_of, walk
from premap.csource.scope import Scope
from premap.csource.source import Function, SourceFile
from premap.csource.text import without_comments
from premap.csource.tree import KernelTree
from premap.records import Conversion, Handler

OLD, NEW = "6.12", "7.3"
SIMPLE = {"expression_statement", "declaration", "return_statement"}
CONDITION = {"if_statement", "while_statement", "do_statement", "switch_statement"}


@dataclass(frozen=True)
class Pair:
    """An old handler and the hook that upstream made of it."""

    file: str
    handler: Handler
    new: str


@dataclass(frozen=True)
class Unrelated:
    """Something that upstream changed for reasons of its own."""

    function: str
    ours: str
    theirs: str
    why: str


UNRELATED = (
    Unrelated(
        "aio_ring_mmap",
        "vma_desc_set_flags(desc,VMA_DONTEXPAND_BIT);",
        "vma_desc_set_flags(desc,VMA_DONTCOPY_BIT,VMA_DONTEXPAND_BIT);",
        "rings are no longer copied on fork",
    ),
    Unrelated(
        "btrfs_file_mmap",
        "",
        "if(btrfs_is_shutdown(inode_to_fs_info(file_inode(desc->file))))",
        "file systems can be shut down",
    ),
    Unrelated(
        "ext4_file_mmap",
        "",
        "if(desc->file->f_mode&FMODE_WRITE)",
        "files open for writing are refused in an emergency, too",
    ),
    Unrelated(
        "mtdchar_mmap",
        "struct map_info*map=desc->file->private_data->mtd->priv; "
        "if(desc->file->f_flags&O_DSYNC||map->phys>=__pa(high_memory)) "
        "desc->page_prot=pgprot_noncached(desc->page_prot); "
        "mmap_action_simple_ioremap(desc,map->phys,map->size);",
        "",
        "code behind `if (0)` was removed",
    ),
    Unrelated(
        "ntfs_file_mmap",
        "u64 from=((u64)desc->pgoff<<PAGE_SHIFT);",
        "",
        "the variable moved into the block that uses it",
    ),
    Unrelated(
        "ntfs_file_mmap",
        "u64 to=min_t(loff_t,i_size_read(inode),from+vma_desc_size(desc)); "
        "err=ntfs_extend_initialized_size(desc->file,ni,ni->i_valid,to);",
        "desc->file->f_ra.ra_pages=0; u64 from=(u64)desc->pgoff<<PAGE_SHIFT; "
        "u64 to=min_t(u64,i_size_read(inode),from+vma_desc_size(desc)); "
        "err=ntfs_extend_initialized_size(desc->file,ni,to);",
        "no read-ahead for compressed files; a helper lost a parameter; another type for min_t()",
    ),
    Unrelated(
        "ntfs_file_mmap",
        "",
        "desc->vm_ops=&ntfs_file_vm_ops;",
        "the file system got operations of its own",
    ),
    Unrelated(
        "mmap_zero",
        "if(vma_desc_test(desc,VMA_SHARED_BIT))",
        "if(vma_desc_test(desc,VMA_MAYSHARE_BIT))",
        "a shared mapping of a file opened for reading only is shared memory, too",
    ),
    Unrelated(
        "secretmem_mmap",
        "if(!mlock_future_ok(desc->mm,true,vma_desc_size(desc))) "
        "vma_desc_set_flags(desc,VMA_DONTDUMP_BIT,VMA_LOCKED_BIT);",
        "vma_desc_set_flags(desc,VMA_DONTDUMP_BIT);",
        "secret memory no longer counts as locked",
    ),
    Unrelated(
        "open_dice_mmap",
        "mmap_action_simple_ioremap(desc,drvdata->rmem->base,drvdata->rmem->size);",
        "mmap_action_simple_ioremap(desc,drvdata->mem_base,drvdata->mem_size);",
        "the driver keeps base and size itself",
    ),
)


def tree_of(release: str) -> KernelTree:
    named = os.environ.get("PREMAP_TREE_" + release.replace(".", "_"))
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"))
    root = Path(named) if named else cache / "premap/trees" / f"linux-source-{release}"
    if not (root / "Makefile").is_file():
        sys.exit(f"no Linux {release} tree: run scripts/kernel-tree {release}")
    return KernelTree(root)


def handlers_of(tree: KernelTree, name: str, member: str) -> list[Handler]:
    try:
        source = tree.open(name)
    except SourceError:
        return []
    if b"mmap" not in source.text:
        return []
    found = find_handlers(source, Scope(source, tree))
    return [h for h in found if h.member == member and h.ops == "struct file_operations"]


def converted_files(tree: KernelTree) -> Iterator[str]:
    """Files of 7.3 that have a table with the new member."""
    pattern = re.compile(rb"\.mmap_prepare\s*=")
    for top in (
        "arch",
        "block",
        "drivers",
        "fs",
        "ipc",
        "kernel",
        "mm",
        "net",
        "security",
        "sound",
    ):
        for path in sorted((tree.root / top).rglob("*.c")):
            if pattern.search(path.read_bytes()):
                yield tree.relative(path)


def pairs(old: KernelTree, new: KernelTree) -> Iterator[Pair]:
    """Distinct pairs of functions; where a table names the kernel's own, once for each of those."""
    seen: set[tuple[str, str]] = set()
    for name in converted_files(new):
        before = {h.table: h for h in handlers_of(old, name, "mmap")}
        for after in handlers_of(new, name, "mmap_prepare"):
            handler = before.get(after.table)
            if handler is None or (handler.name, after.name) in seen:
                continue
            seen.add((handler.name, after.name))
            yield Pair(name, handler, after.name)


def statements(function: Function) -> list[str]:
    """Statements and conditions that mention the descriptor, in one spelling."""
    found = []
    aliases = locals_inlined(function)
    for node in walk(function.body):
        text = ""
        if node.type in SIMPLE:
            text = text_of(node)
        elif node.type in CONDITION:
            text = "if " + text_of(node.child_by_field_name("condition"))
        if text and (spelled := one_spelling(text, aliases)) and "desc" in spelled:
            found.append(spelled)
    return found


def locals_inlined(function: Function) -> dict[str, str]:
    """Locals that only stand for the file, and those that are used once."""
    found = {}
    uses = [text_of(node) for node in find_all(function.body, "identifier")]
    for declarator in find_all(function.body, "init_declarator"):
        name, value = declared(declarator), text_of(declarator.child_by_field_name("value"))
        if value == "desc->file" or uses.count(name) == 2:
            found[name] = value
    return found


def declared(declarator: Node) -> str:
    return next(text_of(node) for node in find_all(declarator, "identifier"))


def one_spelling(text: str, aliases: dict[str, str]) -> str:
    text = without_comments(text.encode("latin-1")).decode("latin-1")
    text = re.sub(r"\bconst\b", "", text)
    text = re.sub(r"\s+", " ", text).strip()
    for name, value in reversed(aliases.items()):
        if re.search(rf"\*? *\b{re.escape(name)} = {re.escape(value)};\Z", text):
            return ""
        text = re.sub(rf"(?<![.>\w]){re.escape(name)}\b", value, text)
    text = re.sub(r"(vma_desc_\w+)\(desc, ([A-Z_, 0-9]+)\)", sorted_flags, text)
    return re.sub(r"\s*([(),;=!&|<>*+\-/?:])\s*", r"\1", text)


def sorted_flags(call: re.Match[str]) -> str:
    return f"{call[1]}(desc, {', '.join(sorted(part.strip() for part in call[2].split(',')))})"


def compare(ours: SourceFile, theirs: SourceFile, pair: Pair, name: str) -> list[tuple[str, str]]:
    """Differences of one function, arm by arm: our statement and upstream's."""
    found = []
    arms = zip(ours.functions.get(name, ()), theirs.functions.get(pair.new, ()), strict=False)
    for our, their in arms:
        left, right = statements(our), statements(their)
        for tag, i1, i2, j1, j2 in difflib.SequenceMatcher(
            None, left, right, autojunk=False
        ).get_opcodes():
            if tag != "equal":
                found.append((" ".join(left[i1:i2]), " ".join(right[j1:j2])))
    return found


def helpers_compared(
    ours: SourceFile, theirs: SourceFile, conversion: Conversion
) -> list[tuple[str, str]]:
    """Differences of the hook, and of the helpers that take a descriptor in both versions."""
    found = []
    for name, functions in ours.functions.items():
        takes = any("vm_area_desc" in p.type_text for p in functions[0].parameters)
        if takes and name != conversion.new_name and name in theirs.functions:
            pair = Pair(ours.name, conversion.handler, name)
            found += compare(ours, theirs, pair, name)
    return found


def differences(
    conversions: list[Conversion],
    conversion: Conversion,
    pair: Pair,
    old: KernelTree,
    new: KernelTree,
) -> list[tuple[str, str]]:
    """Differences in every file that the conversion changes."""
    found = []
    for name in dict.fromkeys(edit.file for edit in conversion.edits):
        ours, theirs = SourceFile(name, apply(conversions, old.open(name))), new.open(name)
        found += compare(ours, theirs, pair, str(conversion.new_name))
        found += helpers_compared(ours, theirs, conversion)
        found += prototypes_compared(ours, theirs)
    return found


def prototypes_compared(ours: SourceFile, theirs: SourceFile) -> list[tuple[str, str]]:
    """Declarations of a header that differ: those with a descriptor."""
    return [
        (spelled, upstream)
        for name, found in ours.prototypes.items()
        if name in theirs.prototypes
        for our, their in zip(found, theirs.prototypes[name], strict=False)
        if "desc" in (spelled := one_spelling(text_of(our.node), {}))
        and spelled.removeprefix("extern ")
        != (upstream := one_spelling(text_of(their.node), {})).removeprefix("extern ")
    ]


def explained(function: str, difference: tuple[str, str]) -> str | None:
    for known in UNRELATED:
        if (known.function, known.ours, known.theirs) == (function, *difference):
            return known.why
    return None


def report(pair: Pair, old: KernelTree, new: KernelTree, *, show: bool) -> tuple[bool, int]:
    """Print one line for a pair. Return whether it was converted, and unexplained differences."""
    source = old.open(pair.file)
    conversions = convert_file(source, old, NEW, pair.handler.name)
    conversion = next(c for c in conversions if c.handler.line == pair.handler.line)
    label = f"{pair.file}: {pair.handler.name}"
    if conversion.reason is not None:
        reason = conversion.reason
        print(f"{label:60} declined   {reason.id}: {reason.message} (line {reason.line})")
        return False, 0
    found = differences(conversions, conversion, pair, old, new)
    reasons = [explained(pair.handler.name, difference) for difference in found]
    unknown = reasons.count(None)
    how = (
        "same" if not reasons else f"{unknown} differ" if unknown else "same but for upstream's own"
    )
    print(f"{label:60} converted  {how}")
    for (left, right), why in zip(found, reasons, strict=True):
        if show or why is None:
            print(
                f"    ours:     {left}\n    upstream: {right}\n    why:      {why or 'UNEXPLAINED'}"
            )
    return True, unknown


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--show", action="store_true", help="show explained differences, too")
    show = parser.parse_args().show
    old, new = tree_of(OLD), tree_of(NEW)
    results = [report(pair, old, new, show=show) for pair in pairs(old, new)]
    unknown = sum(count for _, count in results)
    print(
        f"\n{len(results)} pairs, {sum(done for done, _ in results)} converted, "
        f"{unknown} unexplained differences"
    )
    return 1 if unknown else 0


if __name__ == "__main__":
    sys.exit(main())
