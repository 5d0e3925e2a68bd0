# SPDX-License-Identifier: GPL-2.0-only
"""The code of docs/tutorial.md runs, block by block, as a reader would run it."""

from __future__ import annotations

import re
from pathlib import Path

TUTORIAL = Path(__file__).parent.parent / "docs" / "tutorial.md"


def test_its_code_runs() -> None:
    text = TUTORIAL.read_text()
    names: dict[str, object] = {}
    blocks = list(re.finditer(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL))
    assert len(blocks) > 5
    for block in blocks:
        line = text.count("\n", 0, block.start(1))
        code = compile("\n" * line + block[1], str(TUTORIAL), "exec")
        exec(code, names)
