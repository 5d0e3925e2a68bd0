# SPDX-License-Identifier: GPL-2.0-only
"""What a hook takes and gives back where a later test fails: ->mapped() has all of it (S2)."""

from __future__ import annotations

import pytest
from tests.conversion.rings import HEAD

from premap.conversion import apply, convert_file
from premap.csource.source import SourceFile
from premap.equivalence import verify_conversion
from premap.records import Conversion

FILE = (
    HEAD
    + """\
static int ring_mmap(struct file *file, struct vm_area_struct *vma)
{
	unsigned long size = vma->vm_end - vma->vm_start;
	struct ring *ring = file->private_data;
	DECLARED

	if (vma->vm_pgoff)
		return -EINVAL;

TAKE
	vma->vm_page_prot = pgprot_noncached(vma->vm_page_prot);
	vm_flags_set(vma, VM_DONTEXPAND | VM_DONTCOPY);
	vma->vm_ops = &ring_vm_ops;
	LAST
}

static const struct file_operations ring_fops = {
	.mmap	= ring_mmap,
};
"""
)
DROP = "atomic_dec(&ring->users);"
GET = "\tif (!atomic_inc_unless_negative(&ring->users))\n\t\treturn -EBUSY;\n"
BOTH = f"if (!refcount_dec_and_test(&ring->refs))\n\t\treturn;\n\n\t{DROP}"
JUMPS = f"""\
	/* Nobody resizes it meanwhile. */
{GET}
	if (ring->closing)
		goto out;

	if (size != ring->size)
		goto out;

	atomic_set(&ring->refs, 1);
	ret = 0;

out:
	if (ret)
		{DROP}
"""
RET = "int ret = -EINVAL;"
PLAIN = "\tRING;\n\tif (ring->closing) {\n\t\tBACK;\n\t\treturn -ENODEV;\n\t}\n"


def source(
    take: str, close: str = DROP, declared: str = "int ret;", last: str = "return 0;"
) -> SourceFile:
    text = FILE.replace("CLOSE", close).replace("DECLARED", declared)
    return SourceFile("ring.c", text.replace("TAKE", take).replace("LAST", last).encode())


def converted(old: SourceFile) -> tuple[Conversion, str]:
    """Convert, and see that both do the same; return it and the new text."""
    [found] = convert_file(old, None, "7.3")
    assert found.reason is None, found.reason
    assert "S2" in found.idioms
    assert verify_conversion(found, old, None).status == "equivalent-except"
    return found, apply([found], old).decode()


def function(text: str, head: str) -> str:
    start = text.rindex(head)
    return text[start : text.index("\n}\n", start)]


def reason(old: SourceFile, target: str = "7.3") -> str | None:
    [found] = convert_file(old, None, target)
    assert (found.reason is None) == bool(found.edits)
    return None if found.reason is None else found.reason.id


class TestJumps:
    """Tests that jump to a label, behind which what was taken is given back."""

    def test_it_moves_as_it_stands(self) -> None:
        _, text = converted(source(JUMPS, BOTH, RET, "return ret;"))
        mapped = function(text, "static int ring_vm_mapped(")
        assert mapped.endswith(f"{JUMPS}\n\t*vm_private_data = ring;\n\n\treturn ret;")

    def test_what_describes_the_mapping_stays(self) -> None:
        _, text = converted(source(JUMPS, BOTH, RET, "return ret;"))
        hook = function(text, "static int ring_mmap_prepare(")
        assert hook.endswith("\tdesc->vm_ops = &ring_vm_ops;\n\treturn 0;")
        assert "desc->page_prot = pgprot_noncached(desc->page_prot);" in hook
        assert not {"ret", "ring", "size", "out"} & set(hook.split("\tif (desc->pgoff)")[0].split())
        assert "out:" not in hook

    def test_the_range_is_what_mapped_is_given(self) -> None:
        _, text = converted(source(JUMPS, BOTH, RET, "return ret;"))
        mapped = function(text, "static int ring_vm_mapped(")
        assert "\tunsigned long size = end - start;\n" in mapped
        assert f"\t{RET}\n" in mapped

    def test_close_does_nothing_without_the_mark(self) -> None:
        found, text = converted(source(JUMPS, BOTH, RET, "return ret;"))
        close = function(text, "static void ring_vm_close(")
        assert close.index("if (!vma->vm_private_data)") < close.index(DROP)
        assert "close-tolerates" in {note.id for note in found.notes}

    def test_the_comments_are_not_lost(self) -> None:
        found, text = converted(source(JUMPS, BOTH, RET, "return ret;"))
        assert text.count("/* Nobody resizes it meanwhile. */") == 1
        assert "comment-dropped" not in {note.id for note in found.notes}


class TestReturns:
    """Tests that give back before they leave."""

    @pytest.mark.parametrize(
        ("take", "back"),
        [
            ("atomic_inc(&ring->users)", "atomic_dec(&ring->users)"),
            ("ring->count++", "ring->count--"),
            (
                "ret = pm_runtime_resume_and_get(ring->dev);\n\tif (ret < 0)\n\t\treturn ret",
                "pm_runtime_put(ring->dev)",
            ),
        ],
    )
    def test_it_moves_as_it_stands(self, take: str, back: str) -> None:
        statements = PLAIN.replace("RING", take).replace("BACK", back)
        _, text = converted(source(statements, f"{back};"))
        assert f"\n{statements}" in function(text, "static int ring_vm_mapped(")
        assert "closing" not in function(text, "static int ring_mmap_prepare(")

    def test_under_a_lock(self) -> None:
        take = (
            "\tmutex_lock(&ring->lock);\n\tif (!atomic_inc_unless_negative(&ring->users)) {\n"
            "\t\tmutex_unlock(&ring->lock);\n\t\treturn -ENODEV;\n\t}\n"
            f"\tif (ring->closing) {{\n\t\t{DROP}\n\t\tmutex_unlock(&ring->lock);\n"
            "\t\treturn -EBUSY;\n\t}\n\tring->wc = 1;\n\tmutex_unlock(&ring->lock);\n"
        )
        _, text = converted(source(take))
        assert f"\n{take}" in function(text, "static int ring_vm_mapped(")
        assert "lock" not in function(text, "static int ring_mmap_prepare(")


STAYS = {
    "jump behind what describes": (
        "GET if (ring->closing) goto out;",
        "return 0; out: DROP return -EIO;",
    ),
    "label behind what describes": ("GET if (ring->closing) goto out; DROP", "out: return ret;"),
    "label around what describes": ("GET if (ring->closing) goto out; DROP out:", "return ret;"),
    "jump backward": ("GET again: if (ring->closing) { DROP goto again; }", "return 0;"),
    "jump from before": ("if (size > 8) goto out; GET DROP out: if (ret) DROP", "return ret;"),
    "success that describes nothing": ("GET if (ring->closing) { DROP return 0; }", "return 0;"),
    "result that may be success": ("GET if (ring->wc) { DROP return ret; }", "return ret;"),
    "success in the test": ("GET if (ret) { ret = 0; DROP return ret; }", "return ret;"),
    "nothing given back": ("GET if (ring->closing) return -ENODEV;", "return 0;"),
    "nothing given back at the label": (
        "GET if (ring->wc) goto out; ret = 0; out: ;",
        "return ret;",
    ),
    "refused among others": (
        "if (ring->wc || !INC) return -EIO; if (ring->wc) { DROP return -EIO; }",
        "return 0;",
    ),
    "taken in a branch": (
        "if (ring->wc) atomic_inc(&ring->users); if (ring->closing) { DROP return -EIO; }",
        "return 0;",
    ),
    "taken in the other branch": (
        "GET if (ring->closing) { DROP return -EIO; } else ring->count++;",
        "return 0;",
    ),
    "unknown call": ("GET if (ring_busy(ring)) { DROP return -EBUSY; }", "return 0;"),
    "unknown call meanwhile": (
        "GET ring_start(ring); if (ring->closing) { DROP return -EIO; }",
        "return 0;",
    ),
    "told of the mapping": ("GET if (vma->vm_flags & VM_WRITE) { DROP return -EIO; }", "return 0;"),
    "told of the file": ("GET if (file->f_flags) { DROP return -EIO; }", "return 0;"),
    "loop": (
        "GET while (ring->closing) ring->wc--; if (ring->wc) { DROP return -EIO; }",
        "return 0;",
    ),
    "lock of another kind": (
        "GET LOCK if (ring->wc) { DROP return -EIO; } read_unlock(&ring->lock);",
        "return 0;",
    ),
    "lock to the end": ("GET LOCK if (ring->wc) { DROP return -EIO; }", "UNLOCK return 0;"),
    "given back before it is taken": ("DROP GET", "return 0;"),
    "given back before, and behind": (
        "DROP GET if (ring->closing) { DROP return -EIO; }",
        "return 0;",
    ),
    "result known before": (
        "ret = ring->wc; GET if (ring->closing) { DROP ret = -EIO; }",
        "return ret;",
    ),
    "result of something else": (
        "GET if (ring->closing) { DROP return -EIO; }",
        "return ring->wc;",
    ),
    "protection that was changed": (
        "GET if (ring->wc) { DROP return -EIO; } ring->wc = 1; vma->vm_page_prot = prot(ring->wc);",
        "return 0;",
    ),
    "private data": (
        "GET if (ring->closing) { DROP return -EIO; }",
        "vma->vm_private_data = ring; return 0;",
    ),
    "a mapping": (
        "GET if (ring->closing) { DROP return -EIO; }",
        "return vm_iomap_memory(vma, ring->phys, ring->size);",
    ),
}


@pytest.mark.parametrize("what", STAYS)
def test_what_is_less_plain_is_declined(what: str) -> None:
    take, last = STAYS[what]
    words = {
        "UNLOCK": "mutex_unlock(&ring->lock);",
        "LOCK": "mutex_lock(&ring->lock);",
        "GET": GET.strip(),
        "DROP": DROP,
        "INC": "atomic_inc_unless_negative(&ring->users)",
    }
    for word, code in words.items():
        take, last = take.replace(word, code), last.replace(word, code)
    assert reason(source(f"\t{take}", declared=RET, last=last)) is not None


@pytest.mark.parametrize(
    ("local", "use"),
    [
        ("unsigned long page = vma->vm_pgoff;", "page > ring->size"),
        ("unsigned long end = size + 1;", "end > ring->size"),
        ("static int last;", "last"),
        ("int last = ring_last(vma);", "last"),
        ("int last = ring_next_slot(ring);\n\n\tif (!last)\n\t\treturn -ENODEV;", "last > 1"),
        ("int last = ring->wc;\n\n\tring->wc = 0;", "last > 1"),
        ("int last = ring->table[0];\n\n\tring->table[0] = 0;", "last > 1"),
        ("int last = *ring->limit;\n\n\t*ring->limit = 0;", "last > 1"),
        ("int last = ring->wc;\n\n\tif (ring->wc++)\n\t\treturn -EBUSY;", "last > 1"),
    ],
)
def test_locals_that_mapped_can_not_have(local: str, use: str) -> None:
    take = PLAIN.replace("RING", "ring->count++").replace("BACK", "ring->count--")
    take = take.replace("ring->closing", use)
    assert reason(source(take, "ring->count--;", f"int ret;\n\t{local}")) is not None


def test_more_is_taken_than_close_gives_back() -> None:
    take = PLAIN.replace("RING", "ring->count++;\n\tatomic_inc(&ring->users)")
    assert reason(source(take.replace("BACK", "ring->count--"), "ring->count--;")) == "keeps-state"


def test_a_release_without_mapped() -> None:
    take = PLAIN.replace("RING", "ring->count++").replace("BACK", "ring->count--")
    assert reason(source(take, "ring->count--;"), "7.0") == "keeps-state"


@pytest.mark.parametrize("name", ["start", "end", "pgoff"])
def test_a_local_has_the_name_of_a_parameter_of_mapped(name: str) -> None:
    take = f"\tatomic_inc(&{name}->users);"
    declared = f"struct ring *{name} = file->private_data;"
    assert reason(source(take, declared=declared)) == "keeps-state"


@pytest.mark.parametrize(
    "does", ["ring_compute(ring)", "ring_output(ring)", "ring_decode(ring)", "ring_inputs(ring)"]
)
def test_what_only_has_such_letters_in_its_name_gives_nothing_back(does: str) -> None:
    counts = PLAIN.replace("RING", "atomic_inc(&ring->users)")
    fails = counts.replace("BACK", f"{does};\n\t\t{DROP[:-1]}")
    assert reason(source(fails, declared="", last="return 0;")) == "keeps-state"
    taken = "\tatomic_inc(&ring->users);\n"
    assert reason(source(taken, f"{does};", declared="")) == "keeps-state"


def test_a_number_that_is_set_stays_where_it_is() -> None:
    [found] = convert_file(source("\tatomic_set(&ring->users, 1);\n", declared=""), None, "7.3")
    assert found.reason is None
    assert "S2" not in found.idioms


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        ("dev_hold(ring->dev)", "keeps-state"),
        ("sock_hold(ring->dev)", "keeps-state"),
        ("fget_raw(ring->count)", "keeps-state"),
        ("folio_alloc(GFP_KERNEL, 0)", "allocates"),
        ("ring_look(ring->dev)", None),
    ],
)
def test_what_is_held_or_allocated_by_other_names(call: str, expected: str | None) -> None:
    assert reason(source(f"\t{call};\n", "ring_stop(ring);", declared="")) == expected
