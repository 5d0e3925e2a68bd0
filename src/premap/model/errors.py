# SPDX-License-Identifier: GPL-2.0-only
"""What the model raises when it is asked for something that it does not know."""


class NotModelled(Exception):
    """The model, or the interpreter on it, does not know what a kernel would do here.

    It is the one exception that becomes the verdict `unknown`; nothing ever defaults instead.
    `file` and `line` say where in the C source, if the question came from there.
    """

    def __init__(self, message: str, file: str | None = None, line: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.file = file
        self.line = line

    def __str__(self) -> str:
        if self.line is None:
            return self.message
        return f"{self.file or '?'}:{self.line}: {self.message}"
