# SPDX-License-Identifier: GPL-2.0-only
"""Changes of the model that nothing can observe, each with the reason: see mutants.py.

The key is the file, the changed statement as `ast.unparse()` writes it, and what became of it.
"""

from __future__ import annotations

EQUIVALENT: dict[tuple[str, str, str], str] = {}
