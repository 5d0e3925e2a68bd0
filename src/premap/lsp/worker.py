# SPDX-License-Identifier: GPL-2.0-only
"""`python -m premap.lsp.worker FD MODULE…`: a process that does one task after the other.

Tasks come through the socket FD, answers go back, each a pickle behind its length.
"""

from __future__ import annotations

import importlib
import pickle
import socket
import struct
import sys

from premap.workers import attempt, restrain

LENGTH = struct.Struct("<Q")
"""What comes before each pickle."""


def main(descriptor: int, preloaded: list[str]) -> None:
    """Do tasks until there are no more; the modules named are imported before the first."""
    restrain()
    for module in preloaded:
        importlib.import_module(module)
    with socket.socket(fileno=descriptor) as server, server.makefile("rwb") as channel:
        while header := channel.read(LENGTH.size):
            work, task = pickle.loads(channel.read(*LENGTH.unpack(header)))  # noqa: S301  ours
            answer = attempt(work, task)
            channel.write(LENGTH.pack(len(answer)) + answer)
            channel.flush()


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
