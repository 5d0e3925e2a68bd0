# SPDX-License-Identifier: GPL-2.0-only
"""`premap lsp`: a language server, for editors."""

from __future__ import annotations

import argparse

from premap.cli import options
from premap.cli.command import Exit, command


@command(
    "lsp",
    "serve an editor over standard input and output: docs/editors.md says how to set it up",
    options.TARGET,
    options.TREE,
    inputs=(),
)
def lsp(given: argparse.Namespace) -> Exit:
    """Serve one editor until it goes."""
    from premap.cli.inputs import given_tree

    tree = given_tree(given.tree)
    from premap.lsp.serving import serve

    return Exit.OK if serve(tree, given.target, debug=given.debug) else Exit.FINDINGS
