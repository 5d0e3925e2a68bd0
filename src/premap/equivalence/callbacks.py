# SPDX-License-Identifier: GPL-2.0-only
"""Compares a subsystem's own hooks: the old one with a VMA, the new one through the compat path.

A few lines of C stand for the dispatcher. They give both versions the same made-up arguments, and
leave private data of a caller in the mapping.
"""

from __future__ import annotations

from collections.abc import Sequence

from premap.csource.heads import Parameter
from premap.csource.source import Function, SourceFile
from premap.csource.tree import KernelTree
from premap.equivalence.outcome import Side
from premap.records import Conversion

BOUNDS = (
    (
        "the hook alone is compared, called by a legacy dispatcher with made-up arguments; what the"
        " dispatcher does before and after is the same, and not run"
    ),
    "what a hook that fails leaves in the VMA is not compared",
)
_NAME = "premap_dispatch"
_MAPPINGS = ("struct vm_area_struct *", "struct vm_area_desc *")
_FILE = "struct file *"


def sides(
    conversion: Conversion,
    before: Sequence[SourceFile],
    after: Sequence[SourceFile],
    tree: KernelTree | None,
) -> tuple[Side, Side]:
    """Return both versions, each called by a stand-in for the dispatcher."""
    old = _dispatched(before, conversion.handler.name, "struct file *file, ", "vma")
    new = _dispatched(after, conversion.new_name or "", "", "desc")
    return (
        Side(_NAME, _arms(old), "mmap", tree, tables=old),
        Side(_NAME, _arms(new), "compat", tree, tables=new),
    )


def _arms(files: Sequence[SourceFile]) -> Sequence[Function]:
    return next((file.functions[_NAME] for file in files if _NAME in file.functions), ())


def _dispatched(
    files: Sequence[SourceFile], name: str, file_parameter: str, mapping: str
) -> list[SourceFile]:
    """Return copies of the files; a caller of the hook stands below each definition of it."""
    copies = []
    for file in files:
        text = file.text
        for hook in sorted(file.functions.get(name, ()), key=lambda each: -each.node.end_byte):
            at = hook.node.end_byte
            caller = _caller(hook, file_parameter, mapping).encode("latin-1")
            text = text[:at] + caller + text[at:]
        copies.append(SourceFile(file.name, text, file.path))
    link(copies)
    return copies


def _caller(hook: Function, file_parameter: str, mapping: str) -> str:
    """Return C that calls the hook as its dispatcher does."""
    externs, given = [], []
    for index, parameter in enumerate(hook.parameters):
        argument, extern = _argument(parameter, index, mapping)
        given.append(argument)
        externs += [extern] if extern else []
    kind = "struct vm_area_struct" if mapping == "vma" else "struct vm_area_desc"
    member = "vm_private_data" if mapping == "vma" else "private_data"
    return (
        "\n"
        + "".join(f"{extern};\n" for extern in externs)
        + "extern void *premap_private_data;\n"
        + f"static int {_NAME}({file_parameter}{kind} *{mapping})\n{{\n"
        + f"\t{mapping}->{member} = premap_private_data;\n"
        + f"\treturn {hook.name}({', '.join(given)});\n}}\n"
    )


def _argument(parameter: Parameter, index: int, mapping: str) -> tuple[str, str]:
    """Return what a parameter is given, and the made-up variable that holds it."""
    if parameter.type_text in _MAPPINGS:
        return mapping, ""
    if parameter.type_text == _FILE:
        return ("file" if mapping == "vma" else "desc->file"), ""
    name = f"premap_argument_{index}"
    return name, f"extern {parameter.type_text} {name}"


def link(files: Sequence[SourceFile]) -> None:
    """Let each file call the functions of the others that are not static."""
    exported: dict[str, list[Function]] = {}
    for file in files:
        for name, found in file.functions.items():
            exported.setdefault(name, []).extend(each for each in found if not each.static)
    for file in files:
        file.link({name: found for name, found in exported.items() if found})
