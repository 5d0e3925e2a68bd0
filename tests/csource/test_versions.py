# SPDX-License-Identifier: GPL-2.0-only
"""`#if` arms that no kernel with the new hook compiles."""

from __future__ import annotations

import pytest

from premap.csource.nodes import text_of
from premap.csource.source import SourceFile


def lines(text: str) -> list[str]:
    """Return the lines that are left of a file."""
    source = SourceFile("ring.c", text.encode())
    assert len(source.seen) == len(source.code) == len(source.text)
    return [line for line in source.seen.decode().splitlines() if line.strip()]


def truth(condition: str, before: str = "") -> bool | None:
    """Return what a condition is taken to be; None: both arms stay."""
    text = f"int LINUX_VERSION_CODE;\n{before}\n#if {condition}\nint yes;\n#else\nint no;\n#endif\n"
    source = SourceFile("ring.c", text.encode())
    kept = (b"int yes;" in source.seen, b"int no;" in source.seen)
    if kept == (True, True):
        return None
    assert sorted(kept) == [False, True]
    assert f"#if {condition}" not in source.seen.decode()
    return kept[0]


FOR = "#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 3, 0)\n"
EITHER = (
    "#if LINUX_VERSION_CODE < KERNEL_VERSION({})\n#define RING_NEW 0\n"
    "#else\n#define RING_NEW 1\n#endif"
)


class TestTruth:
    @pytest.mark.parametrize(
        ("condition", "expected"),
        [
            ("LINUX_VERSION_CODE >= KERNEL_VERSION(6, 3, 0)", True),
            ("LINUX_VERSION_CODE < KERNEL_VERSION(6,3,0)", False),
            ("LINUX_VERSION_CODE > KERNEL_VERSION(6, 3, 0)", True),
            ("LINUX_VERSION_CODE <= KERNEL_VERSION(6, 3, 0)", False),
            ("LINUX_VERSION_CODE == KERNEL_VERSION(6, 3, 0)", False),
            ("LINUX_VERSION_CODE != KERNEL_VERSION(6, 3, 0)", True),
            ("KERNEL_VERSION(6, 3, 0) <= LINUX_VERSION_CODE", True),
            ("KERNEL_VERSION(6, 3, 0) > LINUX_VERSION_CODE", False),
            ("(LINUX_VERSION_CODE < 0x020600)", False),
            ("LINUX_VERSION_CODE < 132608", False),
            ("LINUX_VERSION_CODE > KERNEL_VERSION(4, 9, 300)", True),
            ("!(LINUX_VERSION_CODE < KERNEL_VERSION(6, 3, 0))", True),
            ("LINUX_VERSION_CODE < KERNEL_VERSION(6, 3, 0) && !defined(RHEL_9_5)", False),
            ("LINUX_VERSION_CODE >= KERNEL_VERSION(5, 19, 0) || RHEL_VERSION_GE(9, 3)", True),
            ("RHEL_VERSION_GE(9, 3) || LINUX_VERSION_CODE >= KERNEL_VERSION(5, 19, 0)", True),
            ("LINUX_VERSION_CODE >= KERNEL_VERSION(7, 0, 0)", True),
            ("LINUX_VERSION_CODE < KERNEL_VERSION(7, 0, 0)", False),
            # Kernels with the hook are on either side of these.
            ("LINUX_VERSION_CODE >= KERNEL_VERSION(7, 1, 0)", None),
            ("LINUX_VERSION_CODE <= KERNEL_VERSION(7, 0, 0)", None),
            ("LINUX_VERSION_CODE == KERNEL_VERSION(7, 0, 0)", None),
            ("LINUX_VERSION_CODE < KERNEL_VERSION(7, 3, 0)", None),
            # What is not known.
            ("LINUX_VERSION_CODE < KERNEL_VERSION(6, 3, 0) || defined(RHEL_9_5)", None),
            ("LINUX_VERSION_CODE >= KERNEL_VERSION(6, 3, 0) && defined(CONFIG_RING)", None),
            ("LINUX_VERSION_CODE >= RING_OLDEST", None),
            ("LINUX_VERSION_CODE - 1 < KERNEL_VERSION(6, 3, 0)", None),
            ("LINUX_VERSION_CODE < KERNEL_VERSION(6, 3)", None),
            ("LINUX_VERSION_CODE < KERNEL_VERSION(6, 08, 0)", None),
            ("LINUX_VERSION_CODE < MADE_VERSION(6, 3, 0)", None),
            ("LINUX_VERSION_CODE < KERNEL_VERSION(6, 3, 0) ? 1 : 0", None),
            ("LINUX_VERSION_CODE <", None),
            ("(" * 5000 + "LINUX_VERSION_CODE", None),
            ("defined(RING)", None),
            ("0", None),
            ("1 == 1", None),
        ],
    )
    def test_of_a_condition(self, condition: str, expected: bool | None) -> None:
        assert truth(condition) is expected

    @pytest.mark.parametrize(
        ("before", "condition", "expected"),
        [
            (f"{FOR}#define RING_NEW 1\n#endif", "RING_NEW == 1", True),
            (f"{FOR}#define RING_NEW (0)\n#endif", "RING_NEW", False),
            (f"{FOR}#define RING_NEW\n#endif", "defined(RING_NEW)", True),
            (f"{FOR}#define RING_NEW\n#endif", "!defined RING_NEW", False),
            (f"{FOR}#define RING_NEW other\n#endif", "RING_NEW", None),
            (f"{FOR}#define RING_NEW(a) 1\n#endif", "RING_NEW(2)", None),
            (f"{FOR}#define RING_NEW 1\n#endif\n#define RING_NEW 0", "RING_NEW", None),
            (f"{FOR}#define RING_NEW 1\n#endif\n#undef RING_NEW", "RING_NEW", None),
            (f"{FOR}#ifdef RING\n#define RING_NEW 1\n#endif\n#endif", "RING_NEW", None),
            ("#define RING_NEW 1", "RING_NEW", None),
            (
                EITHER.format("6, 3, 0"),
                "RING_NEW",
                True,
            ),
            (
                EITHER.format("7, 2, 0"),
                "RING_NEW",
                None,
            ),
        ],
    )
    def test_of_the_files_own_macros(
        self,
        before: str,
        condition: str,
        expected: bool | None,
    ) -> None:
        assert truth(condition, before) is expected

    def test_a_file_that_asks_no_version_is_left_alone(self) -> None:
        assert SourceFile("ring.c", b"#if 0\nint a;\n#endif\n").hidden == ()


OLD, NEW = (
    "LINUX_VERSION_CODE < KERNEL_VERSION(6, 3, 0)",
    "LINUX_VERSION_CODE >= KERNEL_VERSION(6, 3, 0)",
)


class TestWhatIsLeft:
    def test_of_arms_after_one_that_goes(self) -> None:
        text = f"#if {OLD}\na\n#elif defined(B)\nb\n#else\nc\n#endif\n"
        assert lines(text) == ["#  if defined(B)", "b", "#else", "c", "#endif"]

    def test_of_arms_after_one_that_stays(self) -> None:
        text = f"#if defined(A)\na\n#elif {NEW}\nb\n#elif defined(C)\nc\n#else\nd\n#endif\n"
        assert lines(text) == ["#if defined(A)", "a", f"#elif {NEW}", "b", "#endif"]

    def test_of_the_only_arm_that_stays(self) -> None:
        text = f"#if {OLD}\na\n#elif {NEW} // new\nb\n#elif defined(C)\nc\n#else\nd\n"
        text += "#endif /* x */\ne\n"
        assert lines(text) == ["b", "e"]

    def test_of_arms_in_arms(self) -> None:
        inner = f"#if {OLD}\nb\n#else\nc\n#endif\n"
        assert lines(f"#if {NEW}\na\n{inner}#else\n{inner}#endif\n") == ["a", "c"]

    def test_a_comment_across_the_line_of_a_directive_keeps_it(self) -> None:
        text = f"#if {OLD} /* in\nreleases */\nint a;\n#endif\n"
        assert SourceFile("ring.c", text.encode()).hidden == ()

    @pytest.mark.parametrize("text", [f"#if {OLD}\nint a;\n", "#endif\n#else\nint a;\n"])
    def test_directives_that_do_not_match_are_left_alone(self, text: str) -> None:
        assert SourceFile("ring.c", f"{text}// LINUX_VERSION_CODE".encode()).hidden == ()

    def test_functions_and_macros_are_those_that_are_left(self) -> None:
        text = (
            f"#if {OLD}\n#define M 1\nstatic int f(int a)\n#else\n#define M 2\n"
            "static int f(long a)\n#endif\n{\n\treturn M;\n}\n"
        )
        source = SourceFile("ring.c", text.encode())
        (function,) = source.functions["f"]
        assert text_of(function.parameters[0].node) == "long a"
        assert [macro.body for macro in source.macros_of("M")] == ["2"]
        assert source.arms_at(function.node.start_byte) == ()

    def test_what_the_driver_itself_turns_off_stays(self) -> None:
        text = f"#if 0\na\n#endif\n#define DEBUG 0\n#if DEBUG\nb\n#endif\n#if {OLD}\nc\n#endif\n"
        assert [line for line in lines(text) if "#" not in line] == ["a", "b"]
