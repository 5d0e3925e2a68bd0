# SPDX-License-Identifier: GPL-2.0-only
"""R18: the result of what fills a legacy mapping is ignored."""

from __future__ import annotations

from collections.abc import Iterator

from tree_sitter import Node

from premap.csource.nodes import callee, calls_in, find_all, text_of
from premap.csource.source import Function, SourceFile
from premap.records import Edit
from premap.rules.balance import takes
from premap.rules.context import Context
from premap.rules.names import fillers, hands_on, takers
from premap.rules.rule import Found, Repair, Rule, at
from premap.rules.unread import is_unread

_LOOPS = frozenset({"for_statement", "while_statement"})
_LEAVES = ("break_statement", "goto_statement", "return_statement")
"""What may end a loop before it overwrites a result."""


def check(context: Context) -> Iterator[Found]:
    """Find statements that fill a mapping and drop the error."""
    for body in context.mapped:
        for node in find_all(body.function.body, "expression_statement", "declaration"):
            call = _dropped(body.function, node)
            if call is None:
                call = _overwritten(body.function, node)
                if call is not None:
                    what = "is ignored but for the last time: mmap() succeeds with a part missing"
                    yield at(context.source, call, f"the error of {callee(call)}() {what}")
            elif _maps(call):
                yield at(
                    context.source,
                    call,
                    f"the error of {callee(call)}() is ignored: mmap() succeeds with nothing "
                    "mapped",
                    repair=_returned(context.source, body.function, node, call),
                )


def _dropped(function: Function, statement: Node) -> Node | None:
    """Return the call whose result a statement drops: at once, or in a variable that none reads."""
    value = statement.named_children[-1] if statement.named_children else None
    kept = None
    if value is not None and value.type in ("assignment_expression", "init_declarator"):
        kept = value.named_children[0]
        value = value.named_children[-1]
    if value is not None and value.type == "cast_expression":
        value = value.child_by_field_name("value")
    if value is None or value.type != "call_expression":
        return None
    if kept is None:
        return value if statement.type == "expression_statement" else None
    named = kept.type == "identifier" and _maps(value)
    return value if named and is_unread(function.body, statement, text_of(kept)) else None


def _overwritten(function: Function, statement: Node) -> Node | None:
    """Return a call in a loop whose result the next round overwrites, and none reads before."""
    value = statement.named_children[0] if statement.named_children else None
    if value is None or value.type != "assignment_expression":
        return None
    kept, call = value.child_by_field_name("left"), value.child_by_field_name("right")
    if kept is None or call is None or call.type != "call_expression" or not _maps(call):
        return None
    loop = statement.parent
    while loop is not None and loop != function.body and loop.type not in _LOOPS:
        loop = loop.parent
    if loop is None or loop == function.body or any(True for _ in find_all(loop, *_LEAVES)):
        return None
    plain = kept.type == "identifier" and text_of(value.child_by_field_name("operator")) == "="
    said = [each for each in find_all(loop, "identifier") if text_of(each) == text_of(kept)]
    return call if plain and said == [kept] else None


def _maps(call: Node) -> bool:
    name = callee(call) or ""
    filler = fillers().get(name)
    fills = (filler is not None and not filler.action) or name in takers()
    return fills or name in hands_on()


def _returned(source: SourceFile, function: Function, node: Node, call: Node) -> Repair | None:
    """Return the fix that returns the error, where `return 0` follows and nothing was taken."""
    after = node.next_named_sibling
    kept = node.type != "expression_statement" or "=" in text_of(node).partition("(")[0]
    if kept or after is None or after.type != "return_statement":
        return None
    values = [child for child in after.named_children if child.type != "comment"]
    if len(values) != 1 or text_of(values[0]) != "0" or _takes(function.body):
        return None
    edit = Edit(source.name, node.start_byte, after.end_byte, f"return {text_of(call)};".encode())
    return Repair(f"Return the result of {callee(call)}()", (edit,))


def _takes(body: Node) -> bool:
    """Whether a function may take what nobody gives back if it fails after all."""
    counts = find_all(body, "update_expression", "assignment_expression")
    kept = any(
        inner.type == "field_expression" and text_of(each.child_by_field_name("operator")) != "="
        for each in counts
        for inner in each.named_children[:1]
    )
    return kept or any(takes(callee(each) or "") for each in calls_in(body))


RULE = Rule(
    "R18",
    "the result of what fills a mapping is ignored",
    "warning",
    """
`remap_pfn_range()` and its kin fail when a page table can't be allocated or the range is wrong.
A handler that ignores this returns success; user space gets SIGBUS, or faults that never end,
on first use. So does one that fills it page by page, and keeps the last result only. (As an
action the error can't be lost.)
""",
    bad="""\
static unsigned long ring_pfn;

static int ring_mmap(struct file *file, struct vm_area_struct *vma)
{
	if (vma->vm_pgoff || vma->vm_end - vma->vm_start != PAGE_SIZE)
		return -EINVAL;
	remap_pfn_range(vma, vma->vm_start, ring_pfn, PAGE_SIZE, vma->vm_page_prot);
	return 0;
}

static const struct file_operations ring_fops = {
	.mmap = ring_mmap,
};
""",
    good="""\
static unsigned long ring_pfn;

static int ring_mmap(struct file *file, struct vm_area_struct *vma)
{
	if (vma->vm_pgoff || vma->vm_end - vma->vm_start != PAGE_SIZE)
		return -EINVAL;
	return remap_pfn_range(vma, vma->vm_start, ring_pfn, PAGE_SIZE, vma->vm_page_prot);
}

static const struct file_operations ring_fops = {
	.mmap = ring_mmap,
};
""",
    check=check,
    since="6.1",
    legacy=True,
)
