# SPDX-License-Identifier: GPL-2.0-only
"""`premap run`: one mmap() of one handler on the model, step by step."""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from premap.cli import options
from premap.cli.command import Exit, UsageError, argument, command

if TYPE_CHECKING:
    from premap.equivalence import Stepped
    from premap.equivalence.outcome import Side
    from premap.report.picture import Side as PictureSide

ALL = "all"
_PROT = {"r": 1, "w": 2, "x": 4}


def prot(text: str) -> int:
    """Return the PROT_ bits of letters such as "rw"."""
    if not re.fullmatch("r?w?x?", text):
        raise argparse.ArgumentTypeError(f"{text!r} is not made of r, w and x, in this order")
    return sum(_PROT[letter] for letter in text)


def number(text: str) -> int:
    """Return an unsigned 64-bit number, decimal or 0x…."""
    try:
        value = int(text, 0)
    except ValueError:
        value = -1
    if not 0 <= value < 1 << 64:
        raise argparse.ArgumentTypeError(f"{text!r} is no unsigned 64-bit number")
    return value


def pages(text: str) -> int:
    """Return the size of a mapping, in pages."""
    value = number(text)
    if value == 0:
        raise argparse.ArgumentTypeError("a mapping has a page at least")
    return value


def page_address(text: str) -> int:
    """Return an address that is a multiple of the page size (bytes)."""
    value = number(text)
    if value % 4096 or value == 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not the address of a page")
    return value


def more_flags(text: str) -> int:
    """Return the VM_ bits that the MAP_ flags of a list such as "LOCKED,SYNC" leave."""
    from premap.equivalence.setting import MORE_FLAGS, onfault

    names = text.split(",") if text else []
    for name in names:
        if name not in MORE_FLAGS:
            raise argparse.ArgumentTypeError(f"{name!r} is none of {', '.join(MORE_FLAGS)}")
    return onfault(sum({MORE_FLAGS[name] for name in names}))


def setting(text: str) -> tuple[str, int]:
    """Return name and value of NAME=VALUE."""
    name, sign, value = text.rpartition("=")
    if not sign or not name:
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=VALUE")
    return name, number(value)


@command(
    "run",
    "run one handler of a C file on the model, step by step",
    argument("location", metavar="FILE:FUNCTION", help="the handler, ->mmap or ->mmap_prepare"),
    argument(
        "--addr", type=page_address, default=0x1000000, metavar="N", help="where (0x1000000), bytes"
    ),
    argument("--pages", type=pages, default=1, metavar="N", help="pages to map (1)"),
    argument(
        "--pgoff", type=number, default=0, metavar="N", help="offset into the file, pages (0)"
    ),
    argument("--prot", type=prot, default=3, metavar="rwx", help="protection asked for (rw)"),
    argument("--private", action="store_true", help="map MAP_PRIVATE, not MAP_SHARED"),
    argument("--read-only", action="store_true", help="the file is open for reading only"),
    argument(
        "--set",
        action="append",
        default=[],
        type=setting,
        metavar="NAME=VALUE",
        help="driver state, by the name that `read` steps show; what is not set is 0",
    ),
    argument(
        "--inject",
        metavar="POINT|all",
        help="then also make that point fail, or each in turn, and say what survives",
    ),
    argument(
        "--flags",
        type=more_flags,
        default=0,
        metavar="NAMES",
        help="of LOCKED, NORESERVE, SYNC, STACK, ONFAULT (none)",
    ),
    argument("--noexec", action="store_true", help="the file is on a mount without execution"),
    argument(
        "--layout",
        choices=("alone", "after-itself", "before-itself", "between", "replaces"),
        default="alone",
        help="beside mappings of the same file, or over an anonymous one (alone)",
    ),
    argument(
        "--left-pages",
        type=pages,
        default=1,
        metavar="N",
        help="size of the mapping before it, pages (1)",
    ),
    argument(
        "--right-pages",
        type=pages,
        default=1,
        metavar="N",
        help="size of the mapping after it, pages (1)",
    ),
    argument("--again", action="store_true", help="with --inject: then make the same call again"),
    argument("--html", metavar="FILE", type=Path, help="write a page that steps through the call"),
    argument(
        "--beside",
        metavar="FILE:FUNCTION",
        help="with --html: another hook, given the same call, and where the two part",
    ),
    options.TREE,
    options.FORMAT,
    inputs=("location",),
)
def run(given: argparse.Namespace) -> Exit:
    """Make one mmap() call; print every step, and what is mapped afterwards."""
    from premap.model.errors import KernelBug, NotModelled

    if given.beside and not given.html:
        raise UsageError("--beside goes with --html")
    if given.layout in {"after-itself", "between"} and given.pgoff < given.left_pages:
        print(
            "premap: there is no room in the file for a mapping before this one: "
            f"give --pgoff {given.left_pages} or more",
            file=sys.stderr,
        )
    try:
        document = _document(_side(given), given)
        if given.html:
            _write_picture(document, given)
    except (NotModelled, KernelBug) as problem:
        from premap.report.printable import printable

        print(f"premap: {printable(str(problem))}", file=sys.stderr)
        return Exit.FINDINGS
    if given.format == "json":
        from premap.report import documents

        print(documents.dumps(document))
    else:
        from premap.report import text

        text.print_run(document, text.console(given.color, sys.stdout))
    return Exit.OK


def _write_picture(document: dict[str, Any], given: argparse.Namespace) -> None:
    """Write the page that --html asks for."""
    from premap.report.picture import picture_page

    sides = [_pictured(_side(given), document)]
    if given.beside:
        other = argparse.Namespace(**{**vars(given), "location": given.beside})
        side = _side(other)
        sides.append(_pictured(side, _document(side, other)))
    title = " and ".join(each.name for each in sides)
    kind = "private" if given.private else "shared"
    size = f"{given.pages} page{'s' * (given.pages != 1)}"
    asked = f"mmap() of {size} at {given.addr:#x}, {kind}, page offset {given.pgoff}"
    given.html.write_text(picture_page(title, asked, sides), "utf-8", "replace")


def _pictured(side: Side, document: dict[str, Any]) -> PictureSide:
    from premap.report.picture import Side as PictureSide

    lines: list[tuple[int, str]] = []
    for function in side.functions:
        text = function.source.text_of(function.node).decode("utf-8", "replace")
        lines += enumerate(text.expandtabs(8).splitlines(), function.line)
    file = side.functions[0].source.name if side.functions else ""
    return PictureSide(side.name, side.event, file, document, lines)


def _document(side: Side, given: argparse.Namespace) -> dict[str, Any]:
    from msgspec.structs import asdict

    from premap.cli import surviving

    stepped = _stepped(side, given, None)
    return {
        "result": stepped.result,
        "steps": [asdict(step) for step in stepped.steps],
        "vmas": stepped.vmas,
        "ptes": stepped.ptes,
        "survives": surviving.of(stepped),
        "injected": _injected(side, given),
    }


def _side(given: argparse.Namespace) -> Side:
    from premap import equivalence
    from premap.cli.location import open_location

    location = open_location(given.location, given.tree)
    try:
        return equivalence.hook(location.source, location.function, location.tree)
    except equivalence.NoSuchHook as problem:
        raise UsageError(str(problem)) from problem


def _stepped(side: Side, given: argparse.Namespace, fails: str | None) -> Stepped:
    from premap import equivalence

    if given.again and fails is not None:
        how = equivalence.Setting(not given.private, given.layout, fails, retried=True, alone=True)
    else:
        how = equivalence.Setting(not given.private, given.layout, fails)
    call = {
        "start_page": given.addr // 4096,
        "pages": given.pages,
        "pgoff": given.pgoff,
        "prot": given.prot,
        "f_mode_write": int(not given.read_only),
        "left_pages": given.left_pages,
        "right_pages": given.right_pages,
        "extra": given.flags | (equivalence.NOEXEC if given.noexec else 0),
    }
    return equivalence.step_through(side, how, call, dict(given.set))


def _injected(side: Side, given: argparse.Namespace) -> list[dict[str, Any]]:
    """Run again for each point that is to fail; those that are never reached are left out.

    With `all`, also where the mapping merges with one of the same file: what the hook did for a
    mapping of its own is nobody's then.
    """
    from msgspec.structs import asdict

    from premap import equivalence
    from premap.cli import surviving
    from premap.model import AddressSpace

    if given.inject is None:
        return []
    known = AddressSpace().points()
    if given.inject not in {ALL, *known, *equivalence.FAILURES}:
        names = ", ".join((*known, *(name for name in equivalence.FAILURES if ":" in name)))
        raise UsageError(f"no injection point {given.inject!r}; there are {names}")
    points = known if given.inject == ALL else (given.inject,)
    runs = [(point, _stepped(side, given, point)) for point in points]
    reached = [(point, run, "inject") for point, run in runs]
    if given.inject == ALL:
        reached.append(("merge", _stepped(side, _merging(given), None), "merge"))
    return [
        {
            "point": point,
            "result": stepped.result,
            "steps": [asdict(step) for step in stepped.steps],
            "survives": surviving.of(stepped),
        }
        for point, stepped, kind in reached
        if any(step.kind == kind for step in stepped.steps)
    ]


def _merging(given: argparse.Namespace) -> argparse.Namespace:
    """Return the same call, directly after a mapping of the same file that it continues."""
    pgoff = max(given.pgoff, given.left_pages)
    return argparse.Namespace(**{**vars(given), "layout": "after-itself", "pgoff": pgoff})
