# SPDX-License-Identifier: GPL-2.0-only
"""Hooks that are made up, small changes of them, and what gcc's code makes of both.

Functions whose code a hook does not see do here what unknown code may: they look at all that they
reach, change it, and give anything.
"""

from __future__ import annotations

import random
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.interp import c_constructs, c_memory, c_programs
from tests.interp.against_gcc import KERNEL_C
from tests.interp.c_memory import Memory

from premap.csource.source import SourceFile
from premap.equivalence.api import side
from premap.equivalence.comparison import verify
from premap.records import Verdict

SWAPS = (
    *(("+", "-"), ("-", "+"), ("&", "|"), ("|", "^"), ("<", ">="), (">", "<="), ("==", "!=")),
    *(("0", "1"), ("1", "2"), ("2", "3"), ("[0]", "[1]"), ("[1]", "[2]"), ("[2]", "[0]")),
    *(("a", "b"), ("b", "c"), ("c", "a"), ("u32", "s16"), ("u8", "s8"), ("x", "n[1]"), ("p", "&x")),
    *(("+=", "="), ("^=", "="), ("++", "--"), ("g[", "g[1 + "), ("next", "next->next")),
    *(("low", "high"), ("leaf", "leaves[0]"), ("state", "x"), ("ext(", "(")),
)
"""What is written, and what is written in its place."""

_HEAD = f"{c_programs.COMMON}\n{c_constructs.COMMON}\n{c_memory.COMMON}\n{c_memory.OUTSIDE}"
_HOOK = """
static int ring_mmap(struct file *file, struct vm_area_struct *vma)
{
	return %s(vma->vm_pgoff, vma->vm_end - vma->vm_start, vma->vm_flags & 7) & %d ? -EINVAL : 0;
}
"""
_WORLD = """
int printf(const char *, ...);
int atoi(const char *);
static u64 chance, seen;
static struct node nodes[64], *remembered[16];
static u32 words[64][4];
static int nodes_used, words_used, nr_remembered;

static u64 anything(void)
{
	chance ^= chance << 13;
	chance ^= chance >> 7;
	chance ^= chance << 17;
	return chance & 1 << 11 ? chance >> 20 : chance >> 30 & 3;
}
static void see(u64 value)
{
	seen = (seen ^ value) * 0x9E3779B97F4A7C15ull;
	seen ^= seen >> 29;
}
static void see_leaf(const struct leaf *leaf)
{
	see(leaf->low);
	see(leaf->high);
	see(leaf->many[0]);
	see(leaf->many[1]);
}
static void see_node(const struct node *node)
{
	see(node->number);
	see_leaf(&node->leaf);
	see_leaf(&node->leaves[0]);
	see_leaf(&node->leaves[1]);
}
static void change_leaf(struct leaf *leaf)
{
	leaf->low = anything();
	leaf->high = anything();
	leaf->many[0] = anything();
	leaf->many[1] = anything();
}
static struct node *another(int depth);
static void change_node(struct node *node, int depth)
{
	u32 *into = words[words_used++ & 63];

	node->number = anything();
	change_leaf(&node->leaf);
	change_leaf(&node->leaves[0]);
	change_leaf(&node->leaves[1]);
	for (int i = 0; i < 4; i++)
		into[i] = anything();
	node->into = into;
	node->next = depth ? another(depth - 1) : node;
}
static struct node *another(int depth)
{
	struct node *node = &nodes[nodes_used++ & 63];

	change_node(node, depth);
	return node;
}
static void change_state(void)
{
	change_node(&state, 2);
	for (int i = 0; i < 4; i++)
		table[i] = anything();
}
static void see_state(void)
{
	see_node(&state);
	for (int i = 0; i < 4; i++)
		see(table[i]);
}
static void called(int which)
{
	see(which);
	see_state();
	for (int i = 0; i < nr_remembered; i++) {
		see_node(remembered[i]);
		change_node(remembered[i], 2);
	}
	change_state();
}
u32 ext(u32 v) { see(v); called(1); return anything(); }
void fill(struct node *n) { see_node(n); called(2); change_node(n, 2); }
void fill_leaf(struct leaf *l) { see_leaf(l); called(3); change_leaf(l); }
void fill_words(u32 *p) { see(*p); called(4); *p = anything(); }
struct node *pick(void) { called(5); return another(2); }
void remember(struct node *n)
{
	see_node(n);
	called(6);
	change_node(n, 2);
	if (nr_remembered < 16)
		remembered[nr_remembered++] = n;
}
static u64 outcome(long a, long b, long c, u64 seed)
{
	chance = seed | 1;
	seen = nodes_used = words_used = nr_remembered = 0;
	for (int i = 0; i < 9; i++)
		anything();
	change_state();
	see((%s(a, b, c) & %d) != 0);
	see_state();
	return seen;
}
static u64 drawn(void)
{
	static u64 number = 0x2545F4914F6CDD1Dull;

	number ^= number << 13;
	number ^= number >> 7;
	return number ^= number << 17;
}
int main(int argc, char **argv)
{
	for (int runs = atoi(argv[1]); runs; runs--) {
		u64 pgoff = drawn() & 1 ? drawn() & 15 : drawn() >> 12, seed = drawn();
		u64 length = (drawn() & 1 ? drawn() & 3 : drawn() >> 44) + 1 << 12, flags = drawn() & 7;

		printf("%%llu %%llu %%llu %%llu: ", pgoff, length, flags, seed);
		printf("%%llu\\n", outcome(pgoff, length, flags, seed));
	}
}
"""


@dataclass(frozen=True)
class Pair:
    """A function that a hook calls, a change of it, and which bits of its result are an error."""

    name: str
    old: str
    new: str
    mask: int

    @classmethod
    def drawn(cls, source: random.Random) -> Pair:
        """Make one up."""
        program = Memory(source.randrange(10**9), outside=True)
        mask = source.choice((1, 3, 7, 255))
        return cls(program.name, program.text, changed(program.text, source), mask)

    def judge(self, time_limit: float = 3) -> Verdict:
        """Compare the two hooks."""
        hook = _HOOK % (self.name, self.mask)
        sources = (SourceFile("ring.c", f"{_HEAD}{each}{hook}".encode()) for each in self.texts)
        old, new = (side(source, "ring_mmap", "mmap", None) for source in sources)
        return verify(old, new, time_limit=time_limit)

    @property
    def texts(self) -> tuple[str, str]:
        """Both functions."""
        return self.old, self.new

    def programs(self, folder: Path) -> list[Path] | None:
        """Compile both into a folder; None if one of them is no C for gcc."""
        made = []
        for number, text in enumerate(self.texts):
            source = folder / f"{self.name}_{number}.c"
            world = _WORLD % (self.name, self.mask)
            source.write_text(f"{c_programs.PRELUDE}{c_constructs.PRELUDE}{_HEAD}{text}{world}")
            made.append(source.with_suffix(""))
            command = ["gcc", *KERNEL_C, "-o", str(made[-1]), str(source)]
            if subprocess.run(command, check=False, timeout=100, capture_output=True).returncode:
                return None
        return made

    def differs(self, folder: Path, runs: int) -> str | None:
        """Return with what both were called when they did not do the same, None if they always did.

        That is an offset in pages, a length in bytes, protection, and a seed of the world; nothing
        comes of one that ends with a signal, as what it does is undefined.
        """
        programs = self.programs(folder)
        assert programs is not None
        lines = []
        for program in programs:
            command = [str(program), str(runs)]
            ran = subprocess.run(command, check=False, timeout=100, capture_output=True, text=True)
            if ran.returncode < 0:
                return None
            lines.append(ran.stdout.splitlines())
        return next((one for one, other in zip(*lines, strict=True) if one != other), None)


def changed(text: str, source: random.Random) -> str:
    """Return a function with one line changed, dropped, or in another place."""
    lines = text.splitlines()
    while True:
        at = source.randrange(9, len(lines) - 1)
        before, line, after = lines[:at], lines[at], lines[at + 1 :]
        kind = source.randrange(8)
        if kind == 0 and line.endswith(";"):
            return "\n".join([*before, *after, ""])
        if kind == 1 and len(after) > 1:
            return "\n".join([*before, after[0], line, *after[1:], ""])
        written, instead = source.choice(SWAPS)
        places = [found.start() for found in re.finditer(re.escape(written), line)]
        if kind > 1 and places:
            place = source.choice(places)
            other = line[:place] + instead + line[place + len(written) :]
            return "\n".join([*before, other, *after, ""])
