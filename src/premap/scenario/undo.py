# SPDX-License-Identifier: GPL-2.0-only
"""Steps that take another back: after them, what was split may merge again."""

from __future__ import annotations

from premap.model.words import PAGE_SHIFT
from premap.scenario.aim import Layout
from premap.scenario.reader import Json

_LETTERS = {"rd": "r", "wr": "w", "ex": "x"}
_BACK = {
    "DONTFORK": "DOFORK",
    "DOFORK": "DONTFORK",
    "DONTDUMP": "DODUMP",
    "DODUMP": "DONTDUMP",
    "WIPEONFORK": "KEEPONFORK",
    "KEEPONFORK": "WIPEONFORK",
    "RANDOM": "NORMAL",
    "SEQUENTIAL": "NORMAL",
    "NORMAL": "RANDOM",
}


def protection(vma: Json) -> str:
    """Return the protection of a mapping as a step writes it."""
    return "".join(letter for flag, letter in _LETTERS.items() if flag in vma["flags"])


def undoing(step: Json, layout: Layout) -> Json | None:
    """Return what takes a step back, where `layout` is what it met; None if nothing does."""
    op = step["op"]
    where = {"addr": step.get("addr"), "len": step.get("len")}
    if op in ("mlock", "munlock"):
        return {"op": "munlock" if op == "mlock" else "mlock", **where}
    if op == "madvise" and step["advice"] in _BACK:
        return {"op": op, **where, "advice": _BACK[step["advice"]]}
    if op == "mremap" and step["flags"] == ["MAYMOVE", "FIXED"] and step["len"]:
        return {**step, "addr": step["new_addr"], "new_addr": step["addr"]} | {
            "len": step["new_len"],
            "new_len": step["len"],
        }
    vma = layout.at((step["addr"] - layout.low) >> PAGE_SHIFT) if "addr" in step else None
    if vma is None:
        return None
    if op == "mprotect":
        return {"op": op, **where, "prot": protection(vma)}
    return _mapped_again(where, vma) if op == "munmap" else None


def _mapped_again(where: Json, vma: Json) -> Json | None:
    """Return a mapping like the one that was unmapped; not of a device, which would have a say."""
    device = vma["file"] is not None and not vma["file"].startswith("f")
    if device or not isinstance(vma["pgoff"], int) or not 0 < where["len"] < 1 << 40:
        return None
    offset = (vma["pgoff"] << PAGE_SHIFT) + where["addr"] - vma["start"]
    anonymous = vma["file"] is None
    if not 0 <= offset < 1 << 64:
        return None
    return {
        "op": "mmap",
        "file": vma["file"],
        **where,
        "prot": protection(vma),
        "flags": ["SHARED" if "ms" in vma["flags"] else "PRIVATE", "FIXED"],
        "offset": 0 if anonymous else offset,
    }
