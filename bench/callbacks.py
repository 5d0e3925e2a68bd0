# SPDX-License-Identifier: GPL-2.0-only
"""Converts the own members of subsystems in a 7.3 tree, and counts what came of them.

    python bench/callbacks.py [--member "struct X.member"]... [--diff FOLDER]

For each member: how many of its sites convert, by verdict, and why the others do not. --diff writes
one patch a member, all conversions and the dispatchers in it, which `git apply --check` must take.
"""

from __future__ import annotations

import argparse
import collections
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from upstream_pairs import NEW, tree_of

from premap.conversion import callback_named, convert_file, planned, target_release
from premap.conversion.callback import Callback
from premap.csource.edit import apply_edits
from premap.csource.tree import KernelTree
from premap.csource.unified import unified_diff
from premap.outcomes import Asked, outcome
from premap.records import Conversion, Edit, Outcome

MEMBERS = (
    "struct vfio_device_ops.mmap",
    "struct fb_ops.fb_mmap",
    "struct snd_pcm_ops.mmap",
    "struct snd_info_entry_ops.mmap",
    "struct snd_hwdep_ops.mmap",
    "struct snd_compress_ops.mmap",
    "struct snd_soc_component_driver.mmap",
    "struct snd_malloc_ops.mmap",
    "struct uio_info.mmap",
    "struct bin_attribute.mmap",
    "struct drm_gem_object_funcs.mmap",
    "struct dma_buf_ops.mmap",
    "struct v4l2_file_operations.mmap",
    "struct vb2_mem_ops.mmap",
    "struct ib_device_ops.mmap",
    "struct proto_ops.mmap",
    "struct proc_ops.proc_mmap",
    "struct kvm_device_ops.mmap",
    "struct dma_map_ops.mmap",
    "struct kernfs_ops.mmap",
    "struct etnaviv_gem_ops.mmap",
    "struct hl_asic_funcs.mmap",
    "struct hl_asic_funcs.hw_block_mmap",
    "struct hl_mmap_mem_buf_behavior.mmap",
    "struct uacce_ops.mmap",
    "struct amdxdna_dev_ops.mmap",
    "struct bpf_map_ops.map_mmap",
)


def conversions(tree: KernelTree, callback: Callback) -> Iterator[Conversion]:
    """What becomes of every site of the member in the tree."""
    sets = re.compile(rb"\b%b\s*=(?!=)" % callback.member.encode())
    for name in tree.search.mentioning(callback.member, ""):
        source = tree.open(name)
        if sets.search(source.code):
            yield from convert_file(source, tree, NEW, callback=callback)


def outcomes(tree: KernelTree, callback: Callback) -> list[Outcome]:
    """The same, compared."""
    return [
        outcome(each, tree.open(each.handler.file), tree, Asked(NEW))
        for each in conversions(tree, callback)
    ]


def patch(tree: KernelTree, found: list[Outcome]) -> bytes:
    """All that changes, as one patch."""
    edits: dict[str, dict[Edit, None]] = {}
    for each in found:
        for edit in each.conversion.edits if each.conversion else ():
            edits.setdefault(edit.file, {})[edit] = None
    changed = ((name, tree.bytes_of(name)) for name in sorted(edits))
    return b"".join(unified_diff(name, old, apply_edits(old, edits[name])) for name, old in changed)


def applies(tree: KernelTree, diff: bytes) -> bool:
    """Whether git takes the patch, in a folder with copies of the files that it changes."""
    with tempfile.TemporaryDirectory() as folder:
        for name in re.findall(rb"^--- a/(.*)$", diff, re.MULTILINE):
            copy = Path(folder, name.decode())
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(tree.bytes_of(name.decode()))
        done = subprocess.run(["git", "apply", "--check", "-"], cwd=folder, input=diff, check=False)
        return done.returncode == 0


def report(tree: KernelTree, name: str, folder: Path | None) -> bool:
    """Print one member's counts; return whether its patch applies."""
    callback = planned(callback_named(name), tree, target_release(NEW, tree))
    if callback.refusal is not None:
        print(f"{name}: {callback.refusal.id}: {callback.refusal.message}")
    found = outcomes(tree, callback)
    converted = collections.Counter(
        each.verdict.status for each in found if each.status == "converted" and each.verdict
    )
    declined = collections.Counter(each.reason.id for each in found if each.reason)
    said = ", ".join(f"{count} {status}" for status, count in converted.most_common())
    why = ", ".join(f"{count} {id_}" for id_, count in declined.most_common())
    print(
        f"{name}: {converted.total()} of {len(found)} sites ({said}); declined: {why}", flush=True
    )
    diff = patch(tree, found)
    if folder is not None and diff:
        file = folder / f"{callback.tag}.patch"
        file.write_bytes(diff)
    return not diff or applies(tree, diff)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--member", action="append")
    parser.add_argument("--diff", type=Path)
    given = parser.parse_args()
    if given.diff is not None:
        given.diff.mkdir(parents=True, exist_ok=True)
    tree = tree_of(NEW)
    good = [report(tree, name, given.diff) for name in given.member or MEMBERS]
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main())
