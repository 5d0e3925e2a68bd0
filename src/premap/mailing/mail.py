# SPDX-License-Identifier: GPL-2.0-only
"""Mails as `git am` and `git send-email` take them."""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence
from datetime import datetime
from email.header import Header
from email.utils import format_datetime, formataddr

from msgspec import Struct

import premap
from premap.mailing.maintainers import NOBODY, Recipients

_FROM_LINE = b"From 0000000000000000000000000000000000000000 Mon Sep 17 00:00:00 2001\n"
"""What git begins a patch with, its name aside: no commit has this one yet."""
_LONGEST_LINE = 998
_SLUG = 52
"""Characters of a subject that are in the name of a patch's file, as git has it."""


class Sender(Struct, frozen=True):
    """Who sends a series, and when."""

    name: str
    address: str
    date: datetime


class Mail(Struct, frozen=True):
    """One patch, or the cover letter."""

    number: int
    """0 for the cover letter."""
    of: int
    subject: str
    body: Sequence[str]
    """Lines of the message."""
    remarks: Sequence[str] = ()
    """Lines below the `---`; none for the cover letter."""
    diff: bytes = b""
    recipients: Recipients = NOBODY

    @property
    def file_name(self) -> str:
        """Name as `git format-patch` makes it; but `git am *.patch` can't take a cover letter."""
        if self.number == 0:
            return "0000-cover-letter.txt"
        slug = re.sub(r"[^A-Za-z0-9._]+", "-", self.subject)[:_SLUG]
        slug = re.sub(r"\.+", ".", slug).strip("-.")
        return f"{self.number:04}-{slug}.patch"

    def text(self, sender: Sender) -> bytes:
        """Return the mail as it lies in an mbox."""
        lines = [*self.body, *(["---", *self.remarks] if self.remarks else [])]
        content = "\n".join(lines).encode("utf-8", "replace") + b"\n\n" + self.diff
        content += f"-- \npremap {premap.__version__}\n\n".encode()
        headers = [
            f"From: {_address(sender.name, sender.address)}",
            f"Date: {format_datetime(sender.date)}",
            f"Subject: {self._subject()}",
            *_listed("To", self.recipients.to),
            *_listed("Cc", self.recipients.cc),
            "MIME-Version: 1.0",
            "Content-Type: text/plain; charset=UTF-8",
        ]
        plain = b"\r" not in content and max(map(len, content.split(b"\n"))) <= _LONGEST_LINE
        headers.append(f"Content-Transfer-Encoding: {'8bit' if plain else 'base64'}")
        if not plain:
            content = base64.encodebytes(content)
        return _FROM_LINE + "\n".join(headers).encode() + b"\n\n" + content

    def _subject(self) -> str:
        width = len(str(self.of))
        text = f"[PATCH {self.number:0{width}}/{self.of}] {self.subject}"
        text = "".join(c if c.isprintable() else " " for c in text)
        charset = "us-ascii" if text.isascii() else "utf-8"
        return Header(text, charset, maxlinelen=76, header_name="Subject").encode()


def _listed(header: str, recipients: Sequence[str]) -> list[str]:
    addresses = [_recipient(each) for each in recipients]
    listed = [each for each in addresses if each]
    return [f"{header}: " + ",\n\t".join(listed)] if listed else []


def _recipient(text: str) -> str:
    name, _, address = text.rpartition("<")
    return _address(name.strip(), address.rstrip(">"))


def _address(name: str, address: str) -> str:
    """Return name and address as a header has them; "" where the address can't stand in one."""
    if not address.isascii() or not address.isprintable() or re.search(r"[\s<>,;]", address):
        return ""
    shown = "".join(c if c.isprintable() else " " for c in name)
    return formataddr((shown, address), "utf-8") if shown else address
