# SPDX-License-Identifier: GPL-2.0-only
"""docs/rules.md, made of the rules and of the table of frames."""

from __future__ import annotations

from collections.abc import Iterator

from premap.rules import RULES
from premap.rules.frames import table
from premap.rules.rule import Rule

_HEAD = """\
# Rules

Made by `scripts/rules-doc` from `src/premap/rules/`; `premap explain R16` prints one of them.
[check.md](check.md) says how they are run.
"""
_FRAMES = """\
## What frameworks check first

Rules about ranges, sharing and permissions hold for hooks that are called without these being
checked. What the caller of a hook guarantees is read from its source and kept in
`src/premap/rules/frames.toml`. About hooks of tables that are not listed these rules say nothing.
"""


def markdown() -> str:
    """Return the page."""
    lines = [_HEAD, *_index(), "", _FRAMES, *_frames()]
    for rule in RULES.values():
        lines += ["", *_rule(rule)]
    return "\n".join(lines) + "\n"


def _index() -> Iterator[str]:
    yield "| rule | level | hooks | mistake |"
    yield "|---|---|---|---|"
    for rule in RULES.values():
        hooks = "both" if rule.legacy else "mmap_prepare"
        yield f"| [{rule.id}](#{rule.id.lower()}) | {rule.level} | {hooks} | {rule.title} |"


def _frames() -> Iterator[str]:
    yield "| table | its hooks are called by | which has seen to |"
    yield "|---|---|---|"
    for ops, entry in table().items():
        guarantees = ", ".join(entry["guarantees"]) or "nothing"
        yield f"| `struct {ops}` | `{entry['function']}()`, {entry['source']} | {guarantees} |"


def _rule(rule: Rule) -> Iterator[str]:
    yield f"## {rule.id}"
    yield ""
    yield f"**{rule.title[0].upper()}{rule.title[1:]}.** Level: {rule.level}; since {rule.since}."
    yield ""
    yield rule.why.strip()
    if rule.upstream:
        yield ""
        yield "Seen in: " + "; ".join(rule.upstream) + "."
    for title, code in (("Replaces", rule.before), ("Wrong", rule.bad), ("Right", rule.good)):
        if code:
            yield from ("", f"{title}:", "", "```c", code.rstrip("\n"), "```")
