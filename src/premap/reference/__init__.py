# SPDX-License-Identifier: GPL-2.0-only
"""What names of the mmap_prepare interface mean, in premap's own words, and who has them.

Functions are told by the docstrings of premap.model; kernel.toml has the rest.
"""

from premap.reference.entries import Entry, Kind, field, lookup, names

__all__ = ["Entry", "Kind", "field", "lookup", "names"]
