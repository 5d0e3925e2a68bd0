# SPDX-License-Identifier: GPL-2.0-only
"""What the ids mean that the command line itself gives as reasons."""

from __future__ import annotations

from premap.records import Explanation

_ALL = (
    Explanation(
        "different",
        "reason",
        "The converted hook would not do the same as the old handler",
        """
        The old and the new hook were run on the model of the kernel's mmap path with every
        length, offset and flag at once, and an mmap() call was found for which they differ. It
        is printed with the verdict. Nothing is emitted, unless --allow-different asks for it.
        """,
    ),
    Explanation(
        "conflict",
        "reason",
        "The edits of this conversion can't be made beside those of another one",
        """
        Two handlers of the same run want to change the same lines in different ways, or a file
        that has to change was written to while premap was at work. Convert the handlers one at
        a time with --handler.
        """,
    ),
    Explanation(
        "unreadable",
        "reason",
        "The file can't be used as C source",
        """
        It does not exist, can't be opened, is larger than any C file of a kernel, or holds NUL
        bytes; or a bracket or comment in it is never closed, so that what follows can't be told.
        Any encoding and any line ends are fine.
        """,
    ),
    Explanation(
        "unwritable",
        "reason",
        "The converted text could not be written",
        """
        With --in-place, a file is replaced by a new one in the same folder. That failed, or the
        file was no longer what had been read. It is as it was.
        """,
    ),
    Explanation(
        "does-not-compile",
        "reason",
        "The file compiled before the conversion, and not after it",
        """
        --build compiled it with the tree's kbuild, and took the conversion back, with those that
        change the same file. The compiler's first error is printed, with its place in the diff.
        That is a mistake of premap's: please report it.
        """,
    ),
    Explanation(
        "new-warning",
        "note",
        "The compiler warns of the converted file where it did not before",
        """
        --build compiled it with W=1, before and after; where sparse 0.6.5 or newer is installed,
        it looked at both, too. The place in the diff is printed.
        """,
    ),
    Explanation(
        "not-built",
        "note",
        "The file was not compiled",
        """
        The configuration in the build folder does not build it, or it did not compile before.
        Put another .config into the folder `build` of the build folder.
        """,
    ),
    Explanation(
        "error",
        "reason",
        "premap failed on this file",
        """
        Work on this file crashed, took longer than --time-limit allows, needed too much memory,
        or its process was killed. Other files of the run are not concerned. PREMAP_DEBUG=1
        shows where it happened.
        """,
    ),
)
EXPLANATIONS = {explanation.id: explanation for explanation in _ALL}
