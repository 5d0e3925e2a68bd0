# SPDX-License-Identifier: GPL-2.0-only
"""What runs scenarios, by name (`--on model`, `--on host`); imported when it is asked for."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from contextlib import contextmanager
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


BACKENDS: dict[str, Callable[[argparse.Namespace], Backend]] = {
    "model": _model,
    "host": _host,
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
