# SPDX-License-Identifier: GPL-2.0-only
"""Use of macros: arguments put into a body, and which `#if` arms a kernel never compiles."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from premap.csource.source import Macro

_TOKEN = re.compile(
    r'"(?:[^"\\]|\\.)*"|\'(?:[^\'\\]|\\.)*\'|[A-Za-z_]\w*|\s*##\s*|#\s*[A-Za-z_]\w*|.', re.DOTALL
)
MAX_EXPANSION = 1 << 16
"""Characters of an expanded body; more is no kernel code."""
_DEFINED = {"__KERNEL__", "CONFIG_64BIT", "CONFIG_X86_64", "CONFIG_X86", "CONFIG_MMU"}
_UNDEFINED = {"__ASSEMBLY__", "__ASSEMBLER__", "__CHECKER__", "__CC_UNUSED__", "CONFIG_X86_32"}
_NEVER = {
    "0",
    *(f"!defined({name})" for name in _DEFINED),
    *(f"defined({name})" for name in _UNDEFINED),
}


def compiled(arms: Iterable[str]) -> bool:
    """Tell whether code within these arms can be part of an x86-64 kernel with an MMU.

    Only what needs no configuration is decided: assembly, sparse, user space, 32 bits, `#if 0`.
    """
    return not any(arm in _NEVER for arm in arms)


def expand(macro: Macro, arguments: Sequence[str]) -> str | None:
    """Return the body of `macro` with its parameters replaced, `##` and `#` done.

    An argument that is more than a word comes in parentheses. None if their number is wrong or
    the result too long. Macros used in the result are not expanded.
    """
    bound = _bound(macro, arguments)
    if bound is None:
        return None
    tokens = [match.group() for match in _TOKEN.finditer(macro.body)]
    out: list[str] = []
    for index, token in enumerate(tokens):
        pasted = _is_paste(tokens, index - 1) or _is_paste(tokens, index + 1)
        if token.strip() == "##":
            continue
        if token.startswith("#") and token[1:].strip() in bound:
            out.append('"' + bound[token[1:].strip()].replace('"', '\\"') + '"')
        elif token in bound:
            out.append(bound[token] if pasted else _grouped(bound[token]))
        else:
            out.append(token)
    joined = "".join(out)
    return joined if len(joined) <= MAX_EXPANSION else None


def _bound(macro: Macro, arguments: Sequence[str]) -> dict[str, str] | None:
    parameters = macro.parameters or ()
    if not parameters or not parameters[-1].endswith("..."):
        if len(arguments) != len(parameters):
            return None
        return dict(zip(parameters, arguments, strict=True))
    fixed = len(parameters) - 1
    if len(arguments) < fixed:
        return None
    bound = dict(zip(parameters[:-1], arguments[:fixed], strict=True))
    rest = parameters[-1].removesuffix("...").strip() or "__VA_ARGS__"
    bound[rest] = ", ".join(arguments[fixed:])
    return bound


def _is_paste(tokens: Sequence[str], index: int) -> bool:
    return 0 <= index < len(tokens) and tokens[index].strip() == "##"


def _grouped(argument: str) -> str:
    return (
        argument if re.fullmatch(r"\s*[\w.]*\s*", argument) or "," in argument else f"({argument})"
    )
