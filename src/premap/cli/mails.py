# SPDX-License-Identifier: GPL-2.0-only
"""Mails, alone or many in an mbox, as bytes: what they say in plain text, and what is attached."""

from __future__ import annotations

import re
from collections.abc import Iterator

_FROM = re.compile(
    rb"^From [^\n]*\d\d:\d\d(?::\d\d)?[^\n]* (?:\d{4})(?: [+-]\d{4})?[ \t]*\r?\n", re.MULTILINE
)
"""Begins a mail in an mbox: a time of day and a year tell it from a sentence."""
_ENCODED = re.compile(
    rb"^Content-Transfer-Encoding:\s*\"?(?:quoted-printable|base64)", re.IGNORECASE | re.MULTILINE
)
_ATTACHED = (".patch", ".diff")
_NO_DIFF = "text/html"
"""Says what the plain text beside it says, but with other characters."""


def texts_of(mbox: bytes) -> Iterator[bytes]:
    """Yield what each mail says, decoded; what is no mail at all, as it is."""
    starts = [match.start() for match in _FROM.finditer(mbox) if _is_first(mbox, match.start())]
    if not starts or starts[0]:
        starts.insert(0, 0)
    for start, end in zip(starts, [*starts[1:], len(mbox)], strict=True):
        mail = mbox[start:end]
        yield _decoded(mail) if _ENCODED.search(mail) else mail


def _is_first(mbox: bytes, at: int) -> bool:
    """Whether the line before is empty, or there is none."""
    return not at or mbox[:at].replace(b"\r\n", b"\n").endswith(b"\n\n")


def _decoded(mail: bytes) -> bytes:
    import email
    import email.policy

    parsed = email.message_from_bytes(_FROM.sub(b"", mail, count=1), policy=email.policy.default)
    parts = (part for part in parsed.walk() if _may_be_diff(part))
    payloads = (part.get_payload(decode=True) for part in parts)
    return b"\n".join(each for each in payloads if isinstance(each, bytes))


def _may_be_diff(part: object) -> bool:
    import email.message

    if not isinstance(part, email.message.Message) or part.is_multipart():
        return False
    if part.get_content_type() == _NO_DIFF:
        return False
    named = (part.get_filename() or "").lower().endswith(_ATTACHED)
    return part.get_content_maintype() == "text" or named


__all__ = ["texts_of"]
