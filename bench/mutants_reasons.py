# SPDX-License-Identifier: GPL-2.0-only
"""Reasons why a change of the model can't be observed that several changes have."""

from __future__ import annotations

BESIDE_AN_ERROR = "what is returned beside an error is not read"
FALLS_THROUGH = "without it, the code that follows does the same"
NONE_IS_ZERO = "its only caller says `if err`, to which None and 0 are the same"

FAILED_VMA = "the hook has failed: the VMA is in no tree, and freed"
SET_BEFORE = "it is set before it is read"
ONE_BY_ONE = "the pages are then faulted in one by one, with the same result"
CHUNK_SIZE = "chunks of another size hold the same items in the same order"

TWO_OFFSETS = (
    "memory has the same offset twice, and shared mappings never have anonymous pages, so that "
    "their second offset is always their address: both continue wherever addresses do"
)
