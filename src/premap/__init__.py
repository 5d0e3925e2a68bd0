# SPDX-License-Identifier: GPL-2.0-only
"""Linux's mmap path, executable, and what can be proved of mmap hooks on it."""

__version__ = "0.1.0"
