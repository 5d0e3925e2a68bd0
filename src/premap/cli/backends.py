# SPDX-License-Identifier: GPL-2.0-only
"""What runs scenarios, by name (`--on model`, `--on host`, …); imported when it is asked for."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from premap.cli.command import UsageError

if TYPE_CHECKING:
    from premap.scenario import Backend


def _model(given: argparse.Namespace) -> Backend:
    from premap.scenario import model_backend

    del given
    return model_backend()


def _host(given: argparse.Namespace) -> Backend:
    from premap.scenario.host import HostBackend

    del given
    return HostBackend()


def _uml(given: argparse.Namespace) -> Backend:
    from premap.uml import UmlBackend

    return UmlBackend.of_tree(kernel_tree(given))


def kernel_tree(given: argparse.Namespace) -> Path:
    """Return the tree of `--kernel`, or of PREMAP_KERNEL. Raises UsageError."""
    named = given.kernel or os.environ.get("PREMAP_KERNEL")
    if not named:
        raise UsageError("--on uml: which kernel? Give --kernel TREE, or set PREMAP_KERNEL")
    return Path(named)


BACKENDS: dict[str, Callable[[argparse.Namespace], Backend]] = {
    "model": _model,
    "host": _host,
    "uml": _uml,
}


@contextmanager
def opened(name: str, given: argparse.Namespace) -> Iterator[Backend]:
    """Provide the backend of a name, made with the options given. Raises UsageError."""
    from premap.scenario import BackendError

    try:
        backend = BACKENDS[name](given)
    except BackendError as problem:
        raise UsageError(str(problem)) from problem
    try:
        yield backend
    finally:
        backend.close()
