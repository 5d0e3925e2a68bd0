# SPDX-License-Identifier: GPL-2.0-only
"""Surveys of whole trees, which the tests that need them share."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from tests.survey.test_survey import Silent

from premap.cache.store import Store
from premap.survey import Plan, survey


@pytest.fixture(scope="session")
def surveyed_tree(
    kernel_tree: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], dict[str, Any]]:
    """Return `surveyed_tree("7.3")`: a release's survey without conversions, which is made once."""
    folder = tmp_path_factory.getbasetemp()
    shared = folder.parent if "PYTEST_XDIST_WORKER" in os.environ else folder
    store = Store(shared / "premap-surveys")

    @cache
    def surveyed(release: str) -> Any:
        return survey(
            Plan(kernel_tree(release), deep=False, jobs=2, store=store), Silent()
        ).document

    return surveyed
