# SPDX-License-Identifier: GPL-2.0-only
"""What premap found, for people (text) and for programs (JSON), from the records alone."""
