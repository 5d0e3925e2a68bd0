# SPDX-License-Identifier: GPL-2.0-only
"""What people ask of the rules in files: which to report, from which level on, what is known."""
