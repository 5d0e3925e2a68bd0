# SPDX-License-Identifier: GPL-2.0-only
"""What a hook takes for its mapping: what ->mapped() can have of it, and what it can't (S2)."""

from __future__ import annotations

import pytest
from tests.conversion.rings import HEAD

from premap.conversion import apply, convert_file
from premap.csource.source import SourceFile
from premap.equivalence import verify_conversion

FILE = (
    HEAD
    + """\
static int ring_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct ring *ring = file->private_data;
	int ret;

	if (vma->vm_end - vma->vm_start > ring->size)
		return -EINVAL;

	TAKE
	vma->vm_ops = &ring_vm_ops;
	LAST
}

static const struct file_operations ring_fops = {
	.mmap	= ring_mmap,
};
"""
)
DROP = "mutex_lock(&ring->lock);\n\tring->count--;\n\tmutex_unlock(&ring->lock);"


def source(take: str, close: str, last: str = "return 0;") -> SourceFile:
    text = FILE.replace("CLOSE", close).replace("TAKE", take).replace("LAST", last)
    return SourceFile("ring.c", text.encode())


def halves(take: str, close: str) -> tuple[str, str]:
    """Convert; return ->mapped() and the new hook, which do what the old handler did."""
    old = source(take, close)
    [found] = convert_file(old, None, "7.3")
    assert found.reason is None
    assert "S2" in found.idioms
    assert verify_conversion(found, old, None).status == "equivalent-except"
    text = apply([found], old).decode()
    start = text.index("static int ring_vm_mapped(")
    hook = text.index("static int ring_mmap_prepare(")
    return text[start : text.index("\n}\n", start)], text[hook : text.index("\n}\n", hook)]


class TestPlace:
    """Where ->mapped() is put: behind what it names, above the comment of what follows."""

    CLOSE = "ring->count--;"

    def text(self, between: str, take: str, comment: str = "") -> str:
        old = source(take, self.CLOSE).text.decode()
        old = old.replace("static void ring_vm_close", f"{comment}static void ring_vm_close")
        old = old.replace("static int ring_mmap", f"{between}static int ring_mmap")
        given = SourceFile("ring.c", old.encode())
        [found] = convert_file(given, None, "7.3")
        assert found.reason is None, found.reason
        return apply([found], given).decode()

    TAKE = "list_add(&ring->node, &rings);\n"

    @pytest.mark.parametrize(
        "declared", ["static LIST_HEAD(rings);\n", "static struct list_head rings;\n"]
    )
    def test_behind_the_variable_that_it_names(self, declared: str) -> None:
        text = self.text(f"{declared}\n/* Maps a ring. */\n", self.TAKE)
        before, _, body = text.partition("static int ring_vm_mapped(")
        assert body.index(");\n") < body.index(".mapped\t= ring_vm_mapped,")
        definition = body.index("static int ring_vm_mapped(")
        assert "rings" not in before
        assert body.index(declared) < definition < body.index("/* Maps a ring. */\nstatic int ring")

    def test_behind_the_function_that_it_calls(self) -> None:
        between = "static struct list_head *rings(void)\n{\n\treturn ring_list;\n}\n\n"
        text = self.text(between, "list_add(&ring->node, rings());\n")
        assert text.index(between) < text.rindex("static int ring_vm_mapped(")

    def test_before_the_comment_of_what_follows(self) -> None:
        comment = "/* Closes a ring,\n * for good.\n */\n"
        text = self.text("static int other;\n\n", self.TAKE, comment)
        assert text.count("ring_vm_mapped(") == 1
        assert f"}}\n\n{comment}static void ring_vm_close(" in text


class TestMoved:
    def test_a_count_under_its_lock(self) -> None:
        take = "mutex_lock(&ring->lock);\n\tring->count++;\n\tmutex_unlock(&ring->lock);\n"
        mapped, hook = halves(take, DROP)
        assert f"\t{take}\n\treturn 0;" in mapped
        assert "lock" not in hook
        assert "count" not in hook

    @pytest.mark.parametrize(
        ("lock", "unlock"), [("write_lock", "write_unlock"), ("down_read", "up_read")]
    )
    def test_a_count_under_another_lock(self, lock: str, unlock: str) -> None:
        take = f"{lock}(&ring->lock);\n\tring->count++;\n\t{unlock}(&ring->lock);\n"
        mapped, hook = halves(take, DROP)
        assert f"\t{take}\n\treturn 0;" in mapped
        assert "lock" not in hook

    def test_with_what_is_looked_at_under_the_lock(self) -> None:
        take = (
            "mutex_lock(&ring->lock);\n\tif (ring->closing) {\n\t\tmutex_unlock(&ring->lock);\n"
            "\t\treturn -ENODEV;\n\t}\n\tring->count++;\n\tmutex_unlock(&ring->lock);\n"
        )
        mapped, hook = halves(take, DROP)
        assert f"\t{take}\t*vm_private_data = ring;\n" in mapped
        assert "closing" not in hook

    def test_power_management_that_may_fail(self) -> None:
        take = "ret = pm_runtime_resume_and_get(ring->dev);\n\tif (ret < 0)\n\t\treturn ret;\n"
        mapped, hook = halves(take, "pm_runtime_put(ring->dev);")
        assert f"\n\tint ret;\n\n\t{take}\t*vm_private_data = ring;\n" in mapped
        assert "ret;" not in hook.replace("return", "")

    def test_a_reference_that_may_be_refused(self) -> None:
        take = "if (!atomic_inc_not_zero(&ring->users))\n\t\treturn -ENODEV;\n"
        mapped, _ = halves(take, "atomic_dec(&ring->users);")
        assert f"\t{take}\t*vm_private_data = ring;\n" in mapped

    def test_several_things(self) -> None:
        take = "atomic_inc(&ring->users);\n\n\t/* For power. */\n\tring->count++; /* once */\n"
        mapped, hook = halves(take, "atomic_dec(&ring->users);\n\tring->count--;")
        assert f"\t{take}" in mapped
        assert "/*" not in hook

    def test_what_fails_later_gives_back_what_was_taken_before(self) -> None:
        take = (
            "atomic_inc(&ring->users);\n\tret = pm_runtime_resume_and_get(ring->dev);\n"
            "\tif (ret) {\n\t\tatomic_dec(&ring->users);\n\t\treturn -EIO;\n\t}\n"
        )
        mapped, _ = halves(take, "pm_runtime_put(ring->dev);\n\tatomic_dec(&ring->users);")
        assert f"\t{take}" in mapped

    def test_close_copes_with_what_failed(self) -> None:
        take = "if (!atomic_inc_not_zero(&ring->users))\n\t\treturn -ENODEV;\n"
        old = source(take, "atomic_dec(&ring->users);")
        [found] = convert_file(old, None, "7.3")
        assert "\tif (!vma->vm_private_data)\n\t\treturn;\n" in apply([found], old).decode()
        assert "close-tolerates" in {note.id for note in found.notes}


STAYS = {
    "told of the mapping": "LOCK; if (ring->wc) vma->vm_flags = 0; ring->count++; UNLOCK;",
    "call under the lock": "LOCK; ring_prepare(ring); ring->count++; UNLOCK;",
    "unknown lock": "ring_lock(ring); ring->count++; ring_unlock(ring);",
    "lock of another kind": "read_lock(&ring->lock); ring->count++; write_unlock(&ring->lock);",
    "lock of nothing": "rcu_read_lock(); ring->count++; rcu_read_unlock();",
    "guard": "guard(mutex)(&ring->lock); ring->count++;",
    "seen under a lock before": "LOCK; ring->closing = 0; UNLOCK; ring->count++;",
    "the mapping's size": "ring->count += vma_pages(vma);",
    "condition": "if (ring->wc) ring->count++;",
    "failure behind it": "ring->count++; if (ring->closing) return -ENODEV; ring->wc = 1;",
    "failure that is not one": "ret = RESUME; if (ret < 0) ring_log(ring);",
    "result that is used": "ret = RESUME; ring->wc = ret;",
    "label": "if (RESUME) goto out; out:",
    "another call": "if (!ring_on(ring) || !atomic_inc_not_zero(&ring->users)) return -ENODEV;",
    "private data": "vma->vm_private_data = ring; if (RESUME) return -ENODEV;",
    "more than is given back": "ring->count++; atomic_inc(&ring->users);",
}


@pytest.mark.parametrize("what", STAYS)
def test_what_stays_is_declined(what: str) -> None:
    take = STAYS[what].replace("UNLOCK", "mutex_unlock(&ring->lock)")
    take = take.replace("LOCK", "mutex_lock(&ring->lock)")
    take = take.replace("RESUME", "pm_runtime_resume_and_get(ring->dev)")
    [found] = convert_file(source(take, "ring->count--;"), None, "7.3")
    assert found.reason is not None
    assert not found.edits


@pytest.mark.parametrize(
    "take",
    ["ring->count++;", "if (!atomic_inc_not_zero(&ring->users))\n\t\treturn -ENODEV;"],
)
def test_what_keeps_pages_that_are_mapped_at_once_is_declined(take: str) -> None:
    last = "return vm_iomap_memory(vma, ring->phys, ring->size);"
    [found] = convert_file(source(take, "ring->count--;", last), None, "7.3")
    assert found.reason is not None
    assert found.reason.id in {"keeps-state", "lock-keeps-object"}


REFUSED = "if (!atomic_inc_not_zero(&ring->users))\n\t\treturn -ENODEV;"
OTHERS = {
    "close in other operations": (
        "static const struct vm_operations_struct bell_vm_ops = { .close = ring_vm_close };\n"
    ),
    "close called by others": "void ring_gone(struct vma *vma) { ring_vm_close(vma); }\n",
    "operations given away": "int ring_init(void) { return ring_register(&ring_vm_ops); }\n",
    "operations kept": "static const void *ring_default = &ring_vm_ops;\n",
    "private data looked at": "bool ring_is(struct vma *vma) { return vma->vm_private_data; }\n",
}


@pytest.mark.parametrize("what", OTHERS)
def test_who_else_would_get_another_mapped_or_close(what: str) -> None:
    text = source(REFUSED, "atomic_dec(&ring->users);").text
    for before, after in ((text, b""), (b"", text)):  # below the hook, and above it
        whole = before + OTHERS[what].encode() + after
        [found] = convert_file(SourceFile("ring.c", whole), None, "7.3")
        assert found.reason is not None
        assert not found.edits


@pytest.mark.parametrize(
    ("plain", "changed"),
    [
        (b"static const struct vm_op", b"const struct vm_op"),
        (b".close\t= ring_vm_close,", b".close\t= ring_vm_close,\n\t.fault\t= bell_fault,"),
    ],
)
def test_operations_that_other_files_know(plain: bytes, changed: bytes) -> None:
    text = source(REFUSED, "atomic_dec(&ring->users);").text
    assert plain in text
    [found] = convert_file(SourceFile("ring.c", text.replace(plain, changed)), None, "7.3")
    assert found.reason is not None
    assert not found.edits


def test_prototypes_are_no_users() -> None:
    above = (
        b"struct vm_area_struct;\nstatic void ring_vm_close(struct vm_area_struct *vma);\n"
        b"static const struct vm_operations_struct ring_vm_ops;\n"
    )
    text = above + source(REFUSED, "atomic_dec(&ring->users);").text
    [found] = convert_file(SourceFile("ring.c", text), None, "7.3")
    assert found.reason is None


@pytest.mark.parametrize(
    "local", ["static struct ring all = { .count = 1 };", "int *all = counts + vma->vm_pgoff;"]
)
def test_locals_that_mapped_has_not(local: str) -> None:
    text = source(f"all{'.' if 'static' in local else '->'}count++;", "ring->count--;").text
    text = text.replace(b"\tint ret;\n", f"\tint ret;\n\t{local}\n".encode())
    [found] = convert_file(SourceFile("ring.c", text), None, "7.3")
    assert found.reason is not None
    assert not found.edits


@pytest.mark.parametrize(
    ("before", "moves"),
    [
        ("", True),
        ("if (is_cow_mapping(vma->vm_flags))\n\t\treturn -EINVAL;\n\t", True),
        ("ring_reset(ring);\n\t", False),
        ("if (ring_check(ring->dev))\n\t\treturn -EIO;\n\t", False),
    ],
)
def test_a_number_of_the_beginning_that_unknown_code_may_change(before: str, moves: bool) -> None:
    """->mapped() would read it again, later."""
    text = source(f"{before}ring->count += step;", "ring->count -= ring->wc;").text
    text = text.replace(b"\tint ret;\n", b"\tint ret;\n\tint step = ring->wc;\n")
    [found] = convert_file(SourceFile("ring.c", text), None, "7.3")
    assert (found.reason is None) is moves
    assert bool(found.edits) is moves


def test_a_result_that_stays_from_call_to_call() -> None:
    take = "ret = pm_runtime_resume_and_get(ring->dev);\n\tif (ret)\n\t\treturn ret;\n\t"
    text = source(take, "pm_runtime_put(ring->dev);").text
    [found] = convert_file(SourceFile("ring.c", text), None, "7.3")
    assert found.reason is None
    text = text.replace(b"\tint ret;\n", b"\tstatic int ret;\n")
    [found] = convert_file(SourceFile("ring.c", text), None, "7.3")
    assert found.reason is not None


@pytest.mark.parametrize(
    ("take", "close", "converts"),
    [
        ("ring_hold(ring);", "ring_release(ring);", False),
        ("ret = bell_get(ring->dev);\n\tif (ret)\n\t\treturn ret;", "bell_put(ring->dev);", False),
        ("ring_hold(ring);", "ring_log(ring);", True),
        ("ring_wake(ring);", "ring_release(ring);", True),
        ("ring->wc = smp_load_acquire(&ring->closing);", "ring_release(ring);", True),
    ],
)
def test_pairs_of_functions_of_other_files(take: str, close: str, converts: bool) -> None:
    """What they do nobody sees: their names say that one may undo the other."""
    [found] = convert_file(source(f"{take}\n", close), None, "7.3")
    assert bool(found.edits) is converts
    if not converts:
        assert found.reason is not None
        assert found.reason.id == "keeps-state"


def test_release_without_mapped() -> None:
    [found] = convert_file(source("ring->count++;", "ring->count--;"), None, "7.0")
    assert found.reason is not None
    assert found.reason.id == "keeps-state"
