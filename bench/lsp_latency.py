#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""How long `premap lsp` takes to answer an edit.

    python bench/lsp_latency.py TREE [FILE…]

Opens files of a kernel tree, types a word into each a character at a time (every character once
the one before was answered), and takes the time from the notification of an edit to the diagnostics
of that version; and how much of a processor the server and its workers used meanwhile, which is
what a busy machine does not change. Without FILEs: some of the largest that set an mmap member, and
some others.
"""

from __future__ import annotations

import json
import os
import re
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

WORD = "int premap_bench;"
FILES = 12
SITE = re.compile(rb"\.mmap(_prepare)?\s*=")


class Client:
    """The least of a client."""

    def __init__(self) -> None:
        command = [sys.executable, "-m", "premap", "lsp"]
        self.server = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def cpu(self) -> float:
        """Seconds of processor time that the server and its workers have used."""
        pid = self.server.pid
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        stats = [Path(f"/proc/{each}/stat").read_text() for each in (pid, *children)]
        fields = [stat.rsplit(")", 1)[1].split() for stat in stats]
        return sum(int(field[11]) + int(field[12]) for field in fields) / os.sysconf("SC_CLK_TCK")

    def send(self, method: str, params: Any, id_: int | None = None) -> None:
        message = {"jsonrpc": "2.0", "method": method, "params": params}
        body = json.dumps(message if id_ is None else {**message, "id": id_}).encode()
        assert self.server.stdin
        self.server.stdin.write(b"Content-Length: %d\r\n\r\n%b" % (len(body), body))
        self.server.stdin.flush()

    def receive(self) -> dict[str, Any]:
        assert self.server.stdout
        length = 0
        while (line := self.server.stdout.readline().strip()) or not length:
            if line.startswith(b"Content-Length: "):
                length = int(line.split()[1])
        found: dict[str, Any] = json.loads(self.server.stdout.read(length))
        return found

    def until_published(self, uri: str, version: int) -> None:
        while True:
            params = self.receive().get("params") or {}
            if (params.get("uri"), params.get("version")) == (uri, version):
                return


def largest(tree: Path) -> list[Path]:
    """Files that set an mmap member, the largest first, and every so many of the others."""
    listed = subprocess.run(
        ["grep", "-rlE", "--include=*.c", r"\.mmap(_prepare)?[[:space:]]*=", tree],
        capture_output=True,
        text=True,
        check=False,
    )
    found = sorted(map(Path, listed.stdout.split()), key=lambda path: -path.stat().st_size)
    return [*found[: FILES // 2], *found[FILES // 2 :: max(1, len(found) // (FILES // 2))]][:FILES]


def typed(client: Client, path: Path) -> tuple[float, list[float], float]:
    """Seconds for the first answer, and for each edit after it; processor time of an edit."""
    uri, text = path.as_uri(), path.read_text(errors="replace")
    document = {"uri": uri, "version": 1, "languageId": "c", "text": text}
    began = time.perf_counter()
    client.send("textDocument/didOpen", {"textDocument": document})
    client.until_published(uri, 1)
    opened = time.perf_counter() - began
    site = SITE.search(text.encode())
    line = text.encode()[: site.start()].count(b"\n") if site else 0
    while line and text.split("\n")[line][:1] not in {"s", "c"}:  # where its table begins
        line -= 1
    times = []
    used = client.cpu()
    for at, character in enumerate(WORD + "\n"):
        where = {"line": line, "character": at}
        change = {"range": {"start": where, "end": where}, "text": character}
        version = at + 2
        began = time.perf_counter()
        identifier = {"uri": uri, "version": version}
        client.send(
            "textDocument/didChange", {"textDocument": identifier, "contentChanges": [change]}
        )
        client.until_published(uri, version)
        times.append(time.perf_counter() - began)
    used = client.cpu() - used
    client.send("textDocument/didClose", {"textDocument": {"uri": uri}})
    return opened, times, used / len(times)


def main() -> None:
    tree = Path(sys.argv[1]).resolve()
    files = [Path(name).resolve() for name in sys.argv[2:]] or largest(tree)
    client = Client()
    client.send("initialize", {"processId": None, "rootUri": None, "capabilities": {}}, 1)
    client.receive()
    client.send("initialized", {})
    everything = []
    for path in files:
        opened, times, used = typed(client, path)
        everything += times
        print(
            f"{path.stat().st_size >> 10:5} KiB  opened {opened:.3f} s  edits: median "
            f"{statistics.median(times):.3f} s, slowest {max(times):.3f} s, processor {used:.3f} s"
            f"  {path.relative_to(tree)}"
        )
    slow = sum(each > 0.15 for each in everything)
    print(
        f"{len(everything)} edits: median {statistics.median(everything):.3f} s, slowest "
        f"{max(everything):.3f} s; {slow} took longer than 0.15 s"
    )
    client.send("shutdown", None, 2)
    client.send("exit", None)
    client.server.wait()


if __name__ == "__main__":
    main()
