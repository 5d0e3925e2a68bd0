# SPDX-License-Identifier: GPL-2.0-only
"""Executes C functions on the model, with concrete or symbolic words."""
