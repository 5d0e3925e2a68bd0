# SPDX-License-Identifier: GPL-2.0-only
"""Results of earlier runs, which are used again only while all that they rest on is as it was."""
