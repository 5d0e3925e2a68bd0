# SPDX-License-Identifier: GPL-2.0-only
"""A series of patches as kernel people mail them: what each is called, says, and who gets it."""
