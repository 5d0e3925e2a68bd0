# SPDX-License-Identifier: GPL-2.0-only
"""R12: code looks at f_op->mmap and ignores mmap_prepare."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tree_sitter import Node

from premap.csource.calls import function_at
from premap.csource.nodes import arguments, path_to, text_of
from premap.records import Edit
from premap.rules.context import Context
from premap.rules.rule import Found, Repair, Rule, at

_KNOWS = (b"mmap_prepare",)
_TABLES = ("f_op", "i_fop")
_READ = re.compile(rb"(?<!\.)\b\w+\s*->\s*mmap\b")
_POINTER = re.compile(r"\bstruct\s+file_operations\s*\*\s*(?:const\s+)?(\w+)\s*[=,;)]")
"""A variable or parameter that points to a file's operations."""


def check(context: Context) -> Iterator[Found]:
    """Find reads of the member `mmap` of a file's operations."""
    if context.is_core or not context.at_least("6.16"):
        return
    if not context.says(b"f_op", b"i_fop", b"struct file_operations *"):
        return
    if not _READ.search(context.source.code):
        return
    for node in context.holding(_READ, "field_expression"):
        table = node.child_by_field_name("argument")
        if text_of(node.child_by_field_name("field")) != "mmap" or table is None:
            continue
        if not text_of(table).endswith(_TABLES) and not _is_table(context, node, table):
            continue
        path = path_to(context.source.root, node.start_byte)
        if _written(node, path) or _knows(context, node):
            continue
        yield from _found(context, node, path)


def _is_table(context: Context, node: Node, table: Node) -> bool:
    """Whether a name is that of a pointer to file operations, in the function around."""
    function = function_at(context.source, node.start_byte)
    if function is None or table.type != "identifier":
        return False
    text = context.source.code[function.node.start_byte : function.node.end_byte]
    return text_of(table) in _POINTER.findall(text.decode("latin-1"))


def _written(node: Node, path: list[Node]) -> bool:
    for outer in path:
        if outer.type == "assignment_expression" and outer.child_by_field_name("left") == node:
            return True
    return False


def _knows(context: Context, node: Node) -> bool:
    """Whether the function looks at the other hook as well."""
    function = function_at(context.source, node.start_byte)
    if function is None:
        return False
    text = context.source.code[function.node.start_byte : function.node.end_byte]
    return any(word in text for word in _KNOWS)


def _found(context: Context, node: Node, path: list[Node]) -> Iterator[Found]:
    table = text_of(node.child_by_field_name("argument"))
    file = table.removesuffix("->f_op")
    call = next(
        (
            n
            for n in path
            if n.type == "call_expression" and n.child_by_field_name("function") == node
        ),
        None,
    )
    if call is not None:
        given = ", ".join(text_of(argument) for argument in arguments(call))
        new, place = f"vfs_mmap({given})", call
        what = "this calls ->mmap, which a file with mmap_prepare does not have: use vfs_mmap()"
    else:
        new, place = f"can_mmap_file({file})", node
        what = "a file with mmap_prepare has no ->mmap and can be mapped: use can_mmap_file()"
    repair = None
    if file != table:
        edit = Edit(context.source.name, place.start_byte, place.end_byte, new.encode())
        repair = Repair(f"Use {new}", (edit,))
    yield at(context.source, node, what, repair=repair)


RULE = Rule(
    "R12",
    "code looks at f_op->mmap and ignores mmap_prepare",
    "error",
    """
Since 6.16 a file that can be mapped may have only `->mmap_prepare`. Code that tests
`f_op->mmap` takes it for one that can't; code that calls it jumps to address 0; code that
copies the table's member to wrap it loses the hook. A check that was skipped because "there is
no mmap" has let a security module be bypassed.
""",
    bad="""\
static int stack_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct file *lower = file->private_data;

	if (!lower->f_op->mmap)
		return -ENODEV;
	return 0;
}

static const struct file_operations stack_fops = {
	.mmap = stack_mmap,
};
""",
    good="""\
static int stack_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct file *lower = file->private_data;

	if (!can_mmap_file(lower))
		return -ENODEV;
	return vfs_mmap(lower, vma);
}

static const struct file_operations stack_fops = {
	.mmap = stack_mmap,
};
""",
    check=check,
    since="6.16",
    legacy=True,
    upstream=("b013ed403197 (fs: consistently use can_mmap_file() helper)",),
)
