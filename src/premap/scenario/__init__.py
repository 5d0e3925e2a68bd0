# SPDX-License-Identifier: GPL-2.0-only
"""The scenario format: read, run, compare. Backends are the model and real kernels."""

from __future__ import annotations

from premap.scenario.backend import Backend, BackendError, MissingStep
from premap.scenario.errors import ScenarioError
from premap.scenario.reader import Scenario, read
from premap.scenario.replay import Disagreement, Replay, model_backend, replay, replay_file, run

__all__ = [
    "Backend",
    "BackendError",
    "Disagreement",
    "MissingStep",
    "Replay",
    "Scenario",
    "ScenarioError",
    "model_backend",
    "read",
    "replay",
    "replay_file",
    "run",
]
