# SPDX-License-Identifier: GPL-2.0-only
"""Kernel C as it lies in the tree, unbuilt: read, looked up, edited losslessly."""
