# SPDX-License-Identifier: GPL-2.0-only
"""A kernel in a process, for the tests that need one."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from premap.uml import Kernel, UmlBackend, build

TOOLS = ("gcc", "make", "flex", "bison", "bc")


@pytest.fixture(scope="session")
def kernel(kernel_tree: Callable[[str], Path]) -> Kernel:
    missing = [tool for tool in TOOLS if shutil.which(tool) is None]
    if missing:
        pytest.skip(f"building a kernel needs {', '.join(missing)}")
    return build(kernel_tree("7.3"))


@pytest.fixture
def uml(kernel: Kernel) -> Iterator[UmlBackend]:
    backend = UmlBackend(kernel)
    yield backend
    backend.close()
