# SPDX-License-Identifier: GPL-2.0-only
"""A survey as a site: files in one folder, which need no network and work from file://.

Everything that comes from sources (names, code, messages) is escaped; no script is made of it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup
from msgspec import Struct

from premap.report.call import call_text
from premap.report.printable import printable

_PAGES = "handlers"
_MOST = 12
"""Rows of a chart."""
_NODES = 24
"""Rows of the ranking of what sites wait for."""
_ROW = 26
_ARROW = re.compile(r"(->\w*)")
_WORDS = re.compile(r"[.]*[^/_.]+[/_]*|[/_.]+")
_WIDEST = 430
_LABELS = 390
"""Where the names of the ranking end."""
_LETTER = 7.6
"""How wide a letter of them is."""

Site = dict[str, Any]


class Pictured(Struct, frozen=True):
    """The picture of one call of a handler."""

    markup: Markup
    state: int
    """What all of the driver's state is in it."""


def environment() -> jinja2.Environment:
    """Return what makes pages: it escapes, and fails on a name that is not there."""
    made = jinja2.Environment(
        loader=jinja2.PackageLoader("premap.report"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
    )
    made.filters["whole"] = whole
    made.filters["breakable"] = breakable
    return made


def breakable(name: str) -> Markup:
    """Return a path or a name that a narrow column breaks between its words."""
    return Markup("<wbr>").join(_WORDS.findall(name))


def whole(text: str) -> Markup:
    """Return text whose arrows (`->mapped`) are not broken at the hyphen at a line's end."""
    return Markup("<wbr>").join(
        Markup('<span class="whole">{}</span>').format(part) if part.startswith("->") else part
        for part in _ARROW.split(text)
    )


def template_text(name: str) -> str:
    """Return a file that goes into a site as it is."""
    return (Path(__file__).parent / "templates" / name).read_text("utf-8")


def write_site(
    document: Mapping[str, Any],
    patches: Mapping[str, str],
    titles: Mapping[str, str],
    pictures: Mapping[str, Pictured],
    folder: Path,
) -> Path:
    """Write a survey's site; return its first page.

    `patches` and `pictures` are by "FILE:LINE" of the site. `titles` say what classes, idioms,
    reasons and rules mean, by their ids.
    """
    pages = environment()
    (folder / _PAGES).mkdir(parents=True, exist_ok=True)
    for name in ("style.css", "table.js", "picture.css", "picture.js"):
        (folder / name).write_text(template_text(name), "utf-8")
    sites = [{**site, "page": f"{_PAGES}/{number}.html"} for number, site in _numbered(document)]
    alike = Counter(site["cluster"] for site in sites)
    page = pages.get_template("handler.html")
    for site in sites:
        key = f"{site['file']}:{site['line']}"
        text = page.render(
            up="../",
            site=_with_examples(site),
            titles=titles,
            alike=alike[site["cluster"]],
            patch=_patch_lines(patches.get(key)),
            picture=pictures[key].markup if key in pictures else None,
            state=pictures[key].state if key in pictures else 0,
            source=source_lines(Path(document["tree"]), site["defined_in"]),
            name=_name(document),
        )
        _write(folder / site["page"], text)
    index = folder / "index.html"
    _write(index, pages.get_template("index.html").render(**_overview(document, sites, titles)))
    return index


def _name(document: Mapping[str, Any]) -> str:
    release = document["release"]
    return f"Linux {release}" if release else str(document["tree"])


def _numbered(document: Mapping[str, Any]) -> list[tuple[str, Site]]:
    return [(f"{number:04}", site) for number, site in enumerate(document["handlers"], 1)]


def _write(path: Path, text: str) -> None:
    path.write_text(text, "utf-8", "replace")


STATUS = {
    "prepared": "is a mmap_prepare hook already",
    "automatic": "converts, and the proof finds nothing that needs judgement",
    "review": "converts, but somebody has to look: see its notes and verdict",
    "declined": "is not converted; its page says why, and what it waits for",
    "unset": "sets the member to NULL",
    "error": "could not be worked on",
    "not tried": "the survey was made without conversions (--no-convert)",
}
"""What the words of the column "Status" mean."""


def _overview(
    document: Mapping[str, Any], sites: list[Site], titles: Mapping[str, str]
) -> dict[str, Any]:
    totals = document["totals"]
    shown = ("classes", "tables", "reasons", "verdicts", "findings")
    return {
        "up": "",
        "name": _name(document),
        **{key: document[key] for key in ("tree", "release", "target", "totals", "clusters")},
        **{key: document[key] for key in ("consumers", "explained", "rules", "errors")},
        "moved": document.get("moved", []),
        "charts": {key: _bars(totals[key], titles) for key in shown},
        "words": {**{word: STATUS[word] for word in _used(sites)}, **_meanings(totals, titles)},
        "judged": bool(totals["verdicts"]),
        "found": bool(totals["findings"]),
        "short": short,
        "graph": graph(document["unlocks"]),
        "sites": sites,
        "choices": {
            "verdict": sorted({s["verdict"]["status"] for s in sites if s["verdict"]}),
            "table": list(totals["tables"]),
            "reason": list(totals["reasons"]),
            "finding": sorted(totals["findings"]),
            **{
                key: sorted({site[key] for site in sites if site[key]})
                for key in ("subsystem", "class", "status")
            },
            "cluster": _clusters(document["clusters"], sites),
            "waits": [each["name"] for each in document["unlocks"]],
        },
    }


def _clusters(clusters: list[dict[str, Any]], sites: list[Site]) -> list[tuple[str, str]]:
    """Return the clusters' ids and what to call them; of those not to be converted, the id."""
    named = {each["id"]: f"{each['sites']}: {each['title']}" for each in clusters}
    return [
        *named.items(),
        *((id_, id_) for id_ in sorted({s["cluster"] for s in sites} - {*named})),
    ]


def _used(sites: list[Site]) -> list[str]:
    used = {site["status"] or "not tried" for site in sites}
    return [word for word in STATUS if word in used]


def _meanings(totals: Mapping[str, Any], titles: Mapping[str, str]) -> dict[str, str]:
    used = (word for key in ("classes", "reasons", "findings") for word in totals[key])
    return {word: titles[word] for word in used if word in titles}


def short(name: str) -> str:
    """Return the name of a member without the word struct."""
    return name.removeprefix("struct ")


def _bars(
    counts: Mapping[str, int], titles: Mapping[str, str]
) -> list[tuple[str, str | None, int, float, str]]:
    """Return name, value to filter by, count, width (per cent) and meaning of a chart's rows."""
    shown: list[tuple[str, str | None, int]] = [
        (short(name), name, count) for name, count in list(counts.items())[:_MOST]
    ]
    rest = sum(list(counts.values())[_MOST:])
    if rest:
        shown.append((f"{len(counts) - _MOST} more", None, rest))
    most = max((count for _, _, count in shown), default=1)
    return [
        (name, value, count, round(100 * count / most, 1), titles.get(value or name, value or name))
        for name, value, count in shown
    ]


def graph(unlocks: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the places of the ranking's bars, and of the lines between them."""
    ranked = unlocks[:_NODES]
    most = max((each["sites"] for each in ranked), default=1)
    nodes = [
        {
            **each,
            "y": 8 + _ROW * row,
            "width": round(_WIDEST * each["sites"] / most, 1),
            "alone_width": round(_WIDEST * each["alone"] / most, 1),
        }
        for row, each in enumerate(ranked)
    ]
    places = {node["name"]: node for node in nodes}
    edges = [
        _edge(node, places[after]) for node in nodes for after in node["after"] if after in places
    ]
    longest = max((len(each["name"]) for each in ranked), default=0)
    left = max(0, round(_LABELS - 12 - _LETTER * longest))
    return {"nodes": nodes, "edges": edges, "height": 16 + _ROW * len(nodes), "left": left}


def _edge(start: Site, end: Site) -> str:
    """Return the curve from the end of one bar's number to the other's."""
    x, y = 446 + start["width"], start["y"] + 9
    to_x, to_y = 446 + end["width"], end["y"] + 9
    bend = max(x, to_x) + 24 + min(60.0, abs(to_y - y) / 4)
    return f"M{x} {y} C{bend} {y} {bend} {to_y} {to_x + 6} {to_y}"


def _with_examples(site: Site) -> Site:
    verdict = site["verdict"]
    if verdict is None:
        return site
    told = [{**each, "example_text": _example(each["example"])} for each in verdict["differences"]]
    return {**site, "verdict": {**verdict, "differences": told}}


def _example(example: dict[str, Any] | None) -> str:
    """Say which mmap() call shows a difference, and what either side does."""
    if example is None:
        return ""
    lines = [f"for    {call_text(example['call'])}, {example['setting']}"]
    lines += [f"where  {name} = {value:#x}" for name, value in example["state"].items()]
    for side in ("old", "new"):
        told = example[side]
        lines.append(f"{side}    returns {told['returns']}")
        lines += [
            f"       maps {m['start']:#x}-{m['end']:#x} {m['flags']}" for m in told["mappings"]
        ]
        lines += [f"       calls {', '.join(told['calls'])}"] if told["calls"] else []
    return "\n".join(map(printable, lines))


def _patch_lines(patch: str | None) -> list[tuple[str, str]]:
    kinds = {"+": "add", "-": "del", "@": "at"}
    return [(kinds.get(line[:1], ""), line) for line in (patch or "").splitlines()]


def source_lines(tree: Path, defined: Mapping[str, Any] | None) -> list[tuple[int, str]]:
    """Return the lines of a handler, as they are now."""
    if defined is None:
        return []
    try:
        lines = (tree / defined["file"]).read_text("utf-8", "replace")
    except OSError:
        return []
    first, last = defined["line"], defined["end"]
    return list(enumerate(lines.expandtabs(8).split("\n")[first - 1 : last], first))
