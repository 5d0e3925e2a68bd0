# SPDX-License-Identifier: GPL-2.0-only
"""Views of C text that keep every byte offset, and the few questions that need no parser.

A view has the length of its text; what it hides is spaces there, and newlines stay. So offsets
found in a view are offsets of the file.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence

from msgspec import Struct

from premap.csource.strstr import finds

# Each as runs of what ends nothing: that takes half the time of going on a character at a time.
COMMENT = rb"/\*[^*]*(?:\*(?!/)[^*]*)*(?:\*/)?|//[^\n\\]*(?:\\.[^\n\\]*)*"
STRING = rb'"[^"\\\n]*(?:\\.[^"\\\n]*)*"?' + rb"|'[^'\\\n]*(?:\\.[^'\\\n]*)*'?"
VERSION = b"LINUX_VERSION_CODE"
"""The macro by which drivers outside the tree ask which kernel they are built for."""
GONE = (b"VM_RESERVED",)
"""Macros that no kernel has defined for long, and that drivers ask for: gone with 3.7."""
_LEXICAL = re.compile(COMMENT + rb"|" + STRING, re.DOTALL)
_IN_WORDS = frozenset(c for c in range(128) if chr(c).isalnum() or c == ord("_"))
_BLANK = bytes(c if c in b"\n\r" else 0x20 for c in range(256))

# Annotations that change neither what a declaration declares nor what code does; the parser is
# spared them. `__free()` and `__cleanup()` are no such thing.
_PLAIN_ANNOTATIONS = """
    __user __iomem __rcu __percpu __force __private __nocast __bitwise __safe
    __init __exit __initdata __initconst __exitdata __init_or_module __meminit __ref __refdata
    __net_init __net_exit __net_initdata __read_mostly __ro_after_init
    __always_inline noinline noinline_for_stack notrace noinstr __sched __cpuidle __visible
    asmlinkage __weak __cold __hot __noreturn __malloc __pure __attribute_const__ __must_check
    __maybe_unused __always_unused __used __deprecated __latent_entropy __nocfi
    __packed __randomize_layout __no_randomize_layout __cacheline_aligned ____cacheline_aligned
    ____cacheline_aligned_in_smp __cacheline_aligned_in_smp ____cacheline_internodealigned_in_smp
    randomized_struct_fields_start randomized_struct_fields_end __bpf_kfunc __ksym
    __no_sanitize_address __no_kcsan __no_kasan_or_inline __returns_nonnull __flatten
    __jiffy_arch_data
"""
_CALLED_ANNOTATIONS = """
    __printf __scanf __aligned __section __counted_by __counted_by_le __counted_by_be
    __counted_by_ptr __acquires __releases __must_hold __acquires_shared __releases_shared
    __must_hold_shared __cond_acquires __guarded_by __alloc_size __assume_aligned __no_sanitize
    __designated_init __context_unsafe __nonstring
"""
_ARGUMENTS = rb"\((?:[^()\n]|\([^()\n]*\)){0,200}\)"
_PLAIN, _CALLED = (
    frozenset(words.encode().split()) for words in (_PLAIN_ANNOTATIONS, _CALLED_ANNOTATIONS)
)
_NOISE = (
    re.compile(rb"__\w+"),
    re.compile(rb"(?:noin|notrace|asmlinkage|randomized_)\w*"),
)
"""What annotations begin with, in patterns that are searched for fast."""
_CALL = re.compile(rb"\s*" + _ARGUMENTS)
_NO_CALL = re.compile(rb"(?!\s*\()")
_NOISE_NEEDED = re.compile(rb"__|noin|notrace|asmlinkage|randomized_")
# No cast and no compound literal: a name or a comma comes before it.
_TYPE_ARGUMENTS = tuple(
    re.compile(rb"%b(?=\s+\w+\s*(?:,|\)(?!\s*\{)))" % word)
    for word in (b"struct", b"union", b"enum")
)
"""One a keyword: what begins with a word is searched for many times faster than one of several."""
_CONST = re.compile(rb"const\s+\Z")
_BEFORE = 80
"""Bytes before a type in which the name of what it is an argument of is looked for."""
_LAST_WORD = re.compile(rb"\w+\Z")
_TYPE_OPERATORS = {
    b"sizeof", b"typeof", b"__typeof__", b"__typeof", b"typeof_unqual", b"offsetof", b"alignof",
    b"_Alignof", b"__alignof__", b"__alignof", b"return", b"if", b"while", b"switch",
}  # fmt: skip
_DIRECTIVE = re.compile(
    rb"^[ \t]*#[ \t]*(if|ifdef|ifndef|elif|elifdef|elifndef|else|endif)\b"
    rb"((?:[^\n\\]|\\(?:\r?\n|.)?)*)",
    re.MULTILINE,
)
_DIRECTIVE_BEGINS = re.compile(rb"#[ \t]*(?:if|el|endif)")
_DIRECTIVE_LINE = re.compile(rb"^[ \t]*#(?:[^\n\\]|\\(?:\r?\n|.)?)*", re.MULTILINE)
_BRACKET = re.compile(rb"[][(){}]")
_CONTINUED = b" \t\r\n\f\v\\"
"""Spaces, and what continues a line."""
_NEAR = 100
"""Bytes before a name in which its dot is looked for first."""
_SPACES = re.compile(r"(?:\s|\\\r?\n)+")

ASSIGNED = re.compile(rb"\s*=(?!=)")
"""What follows a name that is given a value."""
GAP = rb"(?:[ \t]|\\\r?\n)+"
"""Between the words of a directive: its line may go on on the next."""


def in_word(text: bytes, byte: int) -> bool:
    """Tell whether what is at `byte` goes on a word that began before it."""
    return byte > 0 and text[byte - 1] in _IN_WORDS


def places(word: bytes, text: bytes) -> Iterator[int]:
    """Yield where a word stands: a search for bytes is faster than a pattern's."""
    for at in finds(text, word) if word else ():
        end = at + len(word)
        if not in_word(text, at) and not (end < len(text) and text[end] in _IN_WORDS):
            yield at


def holds(text: bytes, word: bytes) -> bool:
    """Tell whether a word stands in a text."""
    return any(True for _ in places(word, text))


def after_signs(
    pattern: re.Pattern[bytes], names: Iterable[str], text: bytes
) -> Iterator[re.Match[bytes]]:
    """Yield where a pattern matches that begins with the dot or arrow before one of the names.

    In their order; to look for the names first takes a tenth of the time.
    """
    words = [name.encode("latin-1", "replace") for name in names]
    for at in sorted(at for word in words for at in places(word, text)):
        low = max(0, at - _NEAR)
        end = low + len(text[low:at].rstrip(_CONTINUED))
        if end == low:
            end = len(text[:at].rstrip(_CONTINUED))
        start = end - (2 if text.endswith(b"->", 0, end) else 1)
        match = pattern.match(text, max(0, start))
        if match is not None:
            yield match


def blank(text: bytes) -> bytes:
    """`text` as spaces; line ends stay."""
    return text.translate(_BLANK)


def code_view(text: bytes) -> bytes:
    """Return `text` without comments and without what stands between quotes."""

    def hide(match: re.Match[bytes]) -> bytes:
        found = match.group()
        if found[:1] == b"/" or len(found) < 2:
            return blank(found)
        return found[:1] + blank(found[1:-1]) + found[-1:]

    return _LEXICAL.sub(hide, text)


def comments(text: bytes) -> Iterator[tuple[int, int]]:
    """Byte ranges of the comments."""
    for match in _LEXICAL.finditer(text):
        if match.group()[:1] == b"/":
            yield match.span()


def without_comments(text: bytes) -> bytes:
    """Return `text` with spaces for its comments; strings stay."""
    return _LEXICAL.sub(
        lambda match: blank(match.group()) if match.group()[:1] == b"/" else match.group(), text
    )


_LEVEL = re.compile(rb"KERN_[A-Z]+(?=[ \t]+[A-Za-z_]\w*[ \t\r\n]*\")")
"""A level of the log with a driver's prefix behind it, `KERN_ERR PFX "no"`: two names in front of
a string are no C for tree-sitter, a string in front of a name is."""
_REST = re.compile(rb"\.\.\.[ \t]*\)")
"""Before it may be a name of GNU C for what is variable: `#define f(args...)`."""
_EMPTY_MACRO = re.compile(
    rb"#[ \t]*define[ \t]+\w+(?:\([^()\n]*\))?(?:[ \t]|/\*[^*\n]*\*/)*[ \t](?=\r?\n)"
)
"""A macro without a body, and spaces: tree-sitter takes the next line for the body."""
_AUTO = re.compile(rb"auto(?=\s+\w+\s*=[^=])")


def parser_view(text: bytes, code: bytes | None = None) -> bytes:
    """Return `text`, whose code view is `code`, with spaces for what is no C by itself.

    That is annotations such as `__user`, the name in `args...` of a macro, and the keyword of a
    type that is an argument: the `struct` of `container_of(p, struct foo, member)`. The `auto` of
    C23 is a type, of which nothing is known.
    """
    if b"auto" in text:
        text = _words_replaced(_AUTO, lambda _: b"Auto", text)
    if b" \n" in text or b"\t\n" in text or b"\r\n" in text:
        text = _EMPTY_MACRO.sub(lambda match: match[0][:-1] + b";", text)
    if b"KERN_" in text:
        text = _words_replaced(_LEVEL, lambda word: b'"%b"' % word[1:-1], text)
    if b"..." in text:
        text = _without_named_rests(text)
    text = _without_keywords(text)
    if not _NOISE_NEEDED.search(text):
        return text
    return _without_noise(text, code_view(text) if code is None else code)


def _words_replaced(
    pattern: re.Pattern[bytes], replaced: Callable[[bytes], bytes], text: bytes
) -> bytes:
    """Replace what a pattern matches where a word begins.

    One that says so itself is searched for ten times as long.
    """
    return pattern.sub(
        lambda match: match[0] if in_word(text, match.start()) else replaced(match[0]), text
    )


def _without_named_rests(text: bytes) -> bytes:
    """Return a text with spaces for the names of what is variable."""
    pieces: list[bytes] = []
    done = 0
    for match in _REST.finditer(text):
        end = match.start()
        while end > done and text[end - 1] in b" \t":
            end -= 1
        start = end
        while start > done and text[start - 1] in _IN_WORDS:
            start -= 1
        if start < end and not text[start : start + 1].isdigit():
            pieces += (text[done:start], blank(text[start:end]))
            done = end
    return b"".join((*pieces, text[done:])) if pieces else text


def _without_noise(text: bytes, code: bytes) -> bytes:
    for pattern in _NOISE:
        pieces: list[bytes] = []
        done = 0
        for match in pattern.finditer(code):
            start = match.start()
            end = _end_of_noise(code, match)
            if end is not None and start >= done and not in_word(code, start):
                pieces += (text[done:start], blank(text[start:end]))
                done = end
        text = b"".join((*pieces, text[done:])) if pieces else text
    return text


def _end_of_noise(code: bytes, match: re.Match[bytes]) -> int | None:
    """Return where the annotation ends that a word may be; None where it is none."""
    if match[0] in _PLAIN and _NO_CALL.match(code, match.end()):
        return match.end()
    call = _CALL.match(code, match.end()) if match[0] in _CALLED else None
    return None if call is None else call.end()


def directives(
    pattern: re.Pattern[bytes], begins: re.Pattern[bytes], code: bytes
) -> Iterator[re.Match[bytes]]:
    """Yield what a pattern for whole lines finds, where `begins` finds their `#`.

    A `#` is searched for faster than the beginning of a line.
    """
    done = 0
    for hit in begins.finditer(code):
        if hit.start() >= done:
            match = pattern.match(code, code.rfind(b"\n", 0, hit.start()) + 1)
            if match is not None and match.end() > hit.start():
                done = match.end()
                yield match


def without_directives(code: bytes) -> bytes:
    """Return a code view with spaces for its preprocessor lines."""
    return _DIRECTIVE_LINE.sub(lambda match: blank(match.group()), code)


def blank_directives(text: bytes, code: bytes) -> bytes:
    """Return `text`, whose code view is `code`, with spaces for its preprocessor lines."""
    pieces: list[bytes] = []
    done = 0
    for match in _DIRECTIVE_LINE.finditer(code):
        pieces += (text[done : match.start()], blank(text[match.start() : match.end()]))
        done = match.end()
    return b"".join((*pieces, text[done:]))


def directives_replaced(code: bytes) -> bytes:
    """Return a code view with a `;` for each of its preprocessor lines, of the same length."""
    return _DIRECTIVE_LINE.sub(lambda match: blank(match.group())[:-1] + b";", code)


def _without_keywords(text: bytes) -> bytes:
    """Return a text with spaces for the keywords of types that are arguments."""
    pieces: list[bytes] = []
    done = 0
    found = (each for pattern in _TYPE_ARGUMENTS for each in pattern.finditer(text))
    for start, end in sorted(map(_keyword, found)):
        if _is_argument(text, start):
            pieces += (text[done:start], blank(text[start:end]))
            done = end
    return b"".join((*pieces, text[done:])) if pieces else text


def _keyword(match: re.Match[bytes]) -> tuple[int, int]:
    """Return where a type's keyword stands, with the `const` of a structure."""
    start, end = match.span()
    if match[0] == b"enum" or in_word(match.string, start):
        return start, end
    const = _CONST.search(match.string, max(0, start - _BEFORE), start)
    return start if const is None else const.start(), end


def _is_argument(text: bytes, start: int) -> bool:
    """Tell whether a type that begins with such a keyword is an argument of a call."""
    if in_word(text, start):
        return False
    before = text[max(0, start - _BEFORE) : start].rstrip()
    if before.endswith(b","):
        return True
    called = _LAST_WORD.search(before[:-1].rstrip(b" \t")) if before.endswith(b"(") else None
    return called is not None and called[0] not in _TYPE_OPERATORS


def matching(code: bytes, start: int, limit: int = 1 << 20) -> int | None:
    """Return the offset of the bracket that closes the one at `start` of a code view.

    Looks at most `limit` bytes ahead; None where it finds none.
    """
    closers = {0x28: rb"[()]", 0x5B: rb"[\[\]]", 0x7B: rb"[{}]"}
    opener = code[start]
    depth = 0
    for match in re.compile(closers[opener]).finditer(code, start, start + limit):
        depth += 1 if code[match.start()] == opener else -1
        if depth == 0:
            return match.start()
    return None


def pairs(code: bytes) -> dict[int, int]:
    """Return the offset of the closing bracket for every opening one of a code view.

    Round, square and curly ones are counted apart, so that one kind's errors harm no other.
    """
    found: dict[int, int] = {}
    stacks: dict[bytes, list[int]] = {b")": [], b"]": [], b"}": []}
    opens = {b"(": stacks[b")"], b"[": stacks[b"]"], b"{": stacks[b"}"]}
    for match in _BRACKET.finditer(code):
        bracket = match.group()
        if bracket in opens:
            opens[bracket].append(match.start())
        elif stacks[bracket]:
            found[stacks[bracket].pop()] = match.start()
    return found


class _Arm(Struct, frozen=True):
    taken: str
    """Condition of this arm alone."""
    before: tuple[str, ...]
    """Conditions of the arms before it in the same #if."""
    condition: str
    """Both: what is true within it."""


def _arm(taken: str, before: tuple[str, ...]) -> _Arm:
    if not before:
        return _Arm(taken, before, taken)
    parts = [negated(other) for other in before]
    if taken:
        parts.append(_grouped(taken))
    return _Arm(taken, before, " && ".join(parts))


def listed(code: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield what the commas outside of brackets part, each with its offset."""
    depth = start = 0
    for match in re.finditer(rb"[,(){}\[\]]|\Z", code):
        depth += (match[0] in {b"(", b"{", b"["}) - (match[0] in {b")", b"}", b"]"})
        if match[0] in {b",", b""} and (depth == 0 or not match[0]):
            entry = code[start : match.start()]
            if entry.strip():
                yield start + len(entry) - len(entry.lstrip()), entry.strip()
            start = match.end()


def _grouped(condition: str) -> str:
    return condition if re.fullmatch(r"!?\w+(\(\w*\))?", condition) else f"({condition})"


def negated(condition: str) -> str:
    """Return the opposite of a preprocessor condition."""
    if re.fullmatch(r"!defined\(\w+\)", condition):
        return condition[1:]
    return "!" + _grouped(condition)


def never_together(one: Sequence[str], other: Sequence[str]) -> bool:
    """Tell whether code in these arms of `#if` is never in a build with code in those."""
    return any(negated(arm) in other for arm in one) or any(negated(arm) in one for arm in other)


def _condition(directive: str, rest: str) -> str:
    if directive.endswith("ndef"):
        return f"!defined({rest})"
    return f"defined({rest})" if directive.endswith("def") else rest


class Conditionals:
    """The `#if` arms of a file, by byte offset. A header's own include guard is none."""

    def __init__(self, code: bytes) -> None:
        self._starts: list[int] = [0]
        self._arms: list[tuple[str, ...]] = [()]
        self.directives: list[tuple[int, int, str]] = []
        """Start, end and keyword of every conditional directive."""
        self._guard = _include_guard(code)
        stack: list[_Arm] = []
        for match in directives(_DIRECTIVE, _DIRECTIVE_BEGINS, code):
            word = match[1].decode()
            self.directives.append((match.start(), match.end(), word))
            rest = b"" if word in ("else", "endif") else match[2]
            self._step(stack, word, _SPACES.sub(" ", rest.decode("latin-1")).strip())
            self._starts.append(match.end())
            # Deep nesting is hostile, not code: the innermost 64 say enough.
            self._arms.append(tuple(c for arm in stack[-64:] if (c := arm.condition)))

    def _step(self, stack: list[_Arm], word: str, rest: str) -> None:
        if word.startswith("if"):
            condition = _condition(word, rest)
            stack.append(_arm("" if condition == self._guard and not stack else condition, ()))
        elif word == "endif":
            if stack:
                stack.pop()
        elif stack:
            last = stack.pop()
            before = (*last.before, last.taken)[-64:] if last.taken else last.before
            taken = "" if word == "else" else _condition(word.removeprefix("el"), rest)
            stack.append(_arm(taken, before))

    def at(self, byte: int) -> tuple[str, ...]:
        """Conditions of the arms around `byte`, outermost first."""
        return self._arms[bisect_right(self._starts, byte) - 1]


def _include_guard(code: bytes) -> str | None:
    match = re.match(rb"\s*#[ \t]*ifndef[ \t]+(\w+)\s*#[ \t]*define[ \t]+(\w+)", code)
    if match is None or match[1] != match[2]:
        return None
    return f"!defined({match[1].decode()})"
