# SPDX-License-Identifier: GPL-2.0-only
"""A whole tree at a glance: what sets mappings up in it, and what holds it back."""

from premap.survey.compare import Moved, compare
from premap.survey.survey import Plan, Progress, Survey, survey

__all__ = ["Moved", "Plan", "Progress", "Survey", "compare", "survey"]
