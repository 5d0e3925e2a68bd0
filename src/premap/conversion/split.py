# SPDX-License-Identifier: GPL-2.0-only
"""Splits a helper into a core on plain values and a wrapper that takes the VMA (H7).

The core is the helper's conversion, with what it takes from the descriptor as parameters.
"""

from __future__ import annotations

import re

from premap.conversion.function import Converted, convert_function
from premap.conversion.layout import Moved, laid_out
from premap.csource.nodes import identifiers_in
from premap.csource.source import Function
from premap.idioms.h7_split import VALUES, core_name
from premap.idioms.idiom import DESC, Declined, Hook
from premap.records import Edit

_FLAG_TEST = re.compile(rf"\bvma_desc_test(_any|_all)?\({DESC}, ")
_FILE_LOCAL = re.compile(rf"\tstruct file \*file = {DESC}->file;\n")


def split(hook: Hook) -> Converted:
    """Return the core and the wrapper in place of a helper. Raises Declined."""
    function = hook.function
    values = hook.splits[function.name]
    if not all(parameter.name for parameter in function.parameters):
        raise Declined(
            "not-a-hook", f"{function.name}() has no name for a parameter", function.node
        )
    done = convert_function(hook, core_name(function.name), (), is_hook=False)
    core = _on_values(done.edit.new.decode("latin-1"), values, function)
    taken = identifiers_in(function.node) & set(values)
    if taken:
        raise Declined("name-taken", f"it has a variable `{min(taken)}` already", function.node)
    text = f"{core}\n\n{_wrapper(hook, values)}"
    edit = Edit(done.edit.file, done.edit.start, done.edit.end, text.encode("latin-1"))
    return Converted(edit, (done.idioms - {"R3", "H6"}) | {"H7"})


def _on_values(text: str, values: tuple[str, ...], function: Function) -> str:
    """Return a converted helper that takes `values` in place of the descriptor."""
    head = text.index("{")
    declared = ", ".join(VALUES[value][0] for value in values)
    body = _FILE_LOCAL.sub("", text[head:])
    body = _FLAG_TEST.sub(r"vma_flags_test\1(&flags, ", body)
    body = re.sub(rf"\b{DESC}->(start|end|pgoff|mm|file)\b", r"\1", body)
    signature = _joined(text[:head]).replace(f"struct vm_area_desc *{DESC}", declared)
    if re.search(rf"\b{DESC}\b", body):
        raise Declined(
            "second-caller", f"{function.name}() has other callers, and is no test", function.node
        )
    return _laid_out(signature) + body


def _wrapper(hook: Hook, values: tuple[str, ...]) -> str:
    function = hook.function
    source = function.source
    head = source.seen[function.node.start_byte : function.body.start_byte].decode("latin-1")
    given = [
        ", ".join(f"{hook.vma}->{VALUES[value][2]}" for value in values)
        if parameter.name == hook.vma
        else parameter.name
        for parameter in function.parameters
    ]
    call = f"{core_name(function.name)}({', '.join(given)});"
    returns = "" if function.return_type == "void" else "return "
    return head + _laid_out(f"{{\n\t{returns}{call}\n}}")


def _joined(signature: str) -> str:
    return re.sub(r"(?<=[(,])\s*\n\s*", " ", signature).replace("( ", "(")


def _laid_out(text: str) -> str:
    return laid_out("", text, Moved((), 0))
