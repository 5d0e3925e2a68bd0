# SPDX-License-Identifier: GPL-2.0-only
"""A kernel's source tree, as it is needed for a build that must not write in it.

A build goes to a folder of symbolic links to the tree, with premap's driver in drivers/misc, and
with mm/ calling it where failures can be injected. What a build in the tree itself has left is not
linked: make would take it for its own.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path

from premap.uml.errors import UmlError

OLDEST = (7, 1)
"""The first release whose `->mmap_prepare` is what the driver is written for."""
_DRIVER_FOLDER = Path("drivers/misc")
PARTS = (
    "callbacks.c",
    "console.c",
    "driver.c",
    "entries.c",
    "inject.c",
    "numbers.c",
    "process.c",
    "programme.c",
    "questions.c",
)
"""The driver's sources; `premap.h` is what they share."""
HEADERS = ("page_table.h", "swapfile.h")
"""What is included before the sources of mm/."""
_REPLACED = {
    "vma": (
        "vm_area_alloc",
        "vm_area_dup",
        "mas_preallocate",
        "mas_store_gfp",
        "__vm_enough_memory",
        "__anon_vma_prepare",
        "anon_vma_clone",
        "shmem_zero_setup",
    ),
    "madvise": (
        "__anon_vma_prepare",
        "walk_page_range_mm_unsafe",
        "walk_page_range_vma_unsafe",
    ),
    "mmap": ("anon_vma_fork", "copy_page_range", "unmapped_area", "unmapped_area_topdown"),
    "mprotect": ("__vm_enough_memory",),
    "mremap": ("__vm_enough_memory",),
    "memory": ("__anon_vma_prepare",),
    "util": ("remap_pfn_range_complete", "map_kernel_pages_complete"),
    "filemap": ("touch_atime",),
}
"""Objects of mm/, and the functions that they call in sources/inject.c instead."""
_REPLACED_IN_CHAR = {"mem": ("shmem_zero_setup_desc",)}
"""The same for drivers/char: /dev/zero."""
_MORE = """\
CFLAGS_memory.o += -include $(srctree)/drivers/misc/premap_page_table.h
CFLAGS_mremap.o += -include $(srctree)/drivers/misc/premap_page_table.h
CFLAGS_mmap.o += -include $(srctree)/drivers/misc/premap_swapfile.h
CFLAGS_vma.o += -DVMA_DATA_DEFAULT_FLAGS=VMA_DATA_FLAGS_TSK_EXEC
CFLAGS_mmap.o += -Dvm_area_dup=premap_fork_area_dup
CFLAGS_mmap.o += -D__vm_enough_memory=premap_fork_enough_memory
CFLAGS_shmem.o += -D__vm_enough_memory=premap_shmem_enough_memory
"""
"""Failing page tables; a data segment that is not executable, as on other machines; what a fork
asks for, of which only what lies in the window may fail; and what shared memory does."""
_OLDEST_REPLACED = (7, 2)
"""The first release whose functions are known to have these parameters."""
_BUILT = (".config", "include/config", "include/generated", "arch/x86/include/generated")


def release(tree: Path) -> str:
    """Return "7.3.4", from the Makefile. Raises UmlError for what is no tree, or too old a one."""
    try:
        head = (tree / "Makefile").read_text(errors="replace")[:2000]
    except OSError:
        raise UmlError(f"{tree}: not a kernel's source tree (it has no Makefile)") from None
    found = dict(re.findall(r"^(VERSION|PATCHLEVEL|SUBLEVEL)\s*=\s*(\d+)", head, re.MULTILINE))
    if "VERSION" not in found or "PATCHLEVEL" not in found or not (tree / "arch/um").is_dir():
        raise UmlError(f"{tree}: not a kernel's source tree")
    version = (int(found["VERSION"]), int(found["PATCHLEVEL"]))
    if version < OLDEST:
        raise UmlError(f"{tree}: Linux {version[0]}.{version[1]}, but scenarios need 7.1 or newer")
    return f"{version[0]}.{version[1]}.{found.get('SUBLEVEL', '0')}"


def link(tree: Path, folder: Path, sources: dict[str, bytes]) -> None:
    """Make `folder` a tree of links, with the driver's sources added. Raises UmlError."""
    added = {_DRIVER_FOLDER / f"premap_{name}": sources[name] for name in PARTS}
    added[_DRIVER_FOLDER / "premap.h"] = sources["premap.h"]
    for header in HEADERS:
        added[_DRIVER_FOLDER / f"premap_{header}"] = sources[header]
    objects = "".join(f"obj-y += premap_{name.removesuffix('.c')}.o\n" for name in PARTS)
    for makefile, more in (
        (_DRIVER_FOLDER / "Makefile", objects),
        (Path("mm/Makefile"), _replacements(release(tree), _REPLACED, _MORE)),
        (Path("drivers/char/Makefile"), _replacements(release(tree), _REPLACED_IN_CHAR)),
    ):
        added[makefile] = (tree / makefile).read_bytes() + b"\n" + more.encode()
    shutil.rmtree(folder, ignore_errors=True)
    _link(tree, folder, Path(), {*added, *_leftovers(tree)})
    for path, text in added.items():
        (folder / path).write_bytes(text)


def _replacements(number: str, replaced: Mapping[str, tuple[str, ...]], more: str = "") -> str:
    """Return what a Makefile has to say for failures to be injected."""
    if tuple(map(int, number.split(".")[:2])) < _OLDEST_REPLACED:
        return ""
    return more + "".join(
        f"CFLAGS_{name}.o += {' '.join(f'-D{function}=premap_{function}' for function in called)}\n"
        for name, called in replaced.items()
    )


def _link(tree: Path, folder: Path, at: Path, without: set[Path]) -> None:
    """Link what is in one folder; folders with something to leave out become folders."""
    parents = {parent for path in without for parent in path.parents}
    (folder / at).mkdir()
    for name in sorted(entry.name for entry in (tree / at).iterdir()):
        path = at / name
        if path in without or name == ".git":
            continue
        if path in parents:
            _link(tree, folder, path, without)
        else:
            (folder / path).symlink_to(tree / path)


def _leftovers(tree: Path) -> Iterable[Path]:
    """Files and folders that a build in the tree has left."""
    if not any((tree / path).exists() for path in _BUILT):
        return ()
    if shutil.which("git") is None or not (tree / ".git").exists():
        raise UmlError(f"{tree}: something was built in it; run `make mrproper` there")
    command = ["git", "-C", str(tree), "ls-files", "-z", "--others", "--ignored"]
    listed = subprocess.run(  # noqa: S603 - git, of the user's own tree
        [*command, "--exclude-standard", "--directory"], capture_output=True, check=False
    )
    if listed.returncode != 0:
        why = listed.stderr.decode(errors="replace").strip().splitlines() or ["it failed"]
        raise UmlError(f"{tree}: git can't say what was built in it: {why[0]}")
    return [Path(os.fsdecode(name)) for name in listed.stdout.split(b"\0") if name]
