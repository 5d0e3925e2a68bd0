# SPDX-License-Identifier: GPL-2.0-only
"""Which findings are reported: by rule, by level, and those that a baseline does not know."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec.structs import replace

from premap.records import Checked
from premap.settings.files import LEVELS, Settings


def chosen(results: Iterable[Checked], settings: Settings) -> list[Checked]:
    """Return results without what the settings ask not to report.

    Findings of the baseline are among the suppressed ones. Raises BadSettings if it is none.
    """
    wanted = [_wanted(each, settings) for each in results]
    if settings.baseline is None:
        return wanted
    from premap.settings.baseline import (  # noqa: PLC0415  most have none
        read_baseline,
        without_known,
    )

    return without_known(wanted, read_baseline(settings.baseline))


def _wanted(checked: Checked, settings: Settings) -> Checked:
    most = LEVELS.index(settings.level)

    def wanted(rule: str) -> bool:
        selected = settings.select is None or rule in settings.select
        return selected and rule not in settings.ignore

    return replace(
        checked,
        findings=tuple(
            each
            for each in checked.findings
            if wanted(each.rule) and LEVELS.index(each.level) <= most
        ),
        suppressed=tuple(each for each in checked.suppressed if wanted(each[0].rule)),
        unused=tuple(
            each for each in checked.unused if not each.rules or any(map(wanted, each.rules))
        ),
    )
