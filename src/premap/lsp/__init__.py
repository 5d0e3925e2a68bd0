# SPDX-License-Identifier: GPL-2.0-only
"""A language server over standard input and output.

The server itself only keeps the texts and answers from what it knows. Whatever parses, checks or
proves happens in processes of their own, which may crash or be ended.
"""
