# SPDX-License-Identifier: GPL-2.0-only
"""Ways to a wrong `equivalent`: structures that the two versions lay out apart.

As a pointer, the address of a member is what it leads to, and the same in both. As a number, it is
another one.
"""

from __future__ import annotations

import pytest
from tests.equivalence.differing import proven
from tests.equivalence.kit import judge

from premap.records import Verdict

ONE = "struct q { int a; unsigned long m; struct mutex lock; };\n"
OTHER = "struct q { int a; long pad; unsigned long m; struct mutex lock; };\n"
Q = "struct q *q = {0}->private_data; struct dev *d = {0}->f_inode->i_private; "
NUMBERS = {
    "decides": "if ((unsigned long)&q->m & 8) return -EINVAL; return 0;",
    "is compared with a number": "if ((unsigned long)&q->m == d->count) return -EINVAL; return 0;",
    "is compared with any pointer": "if (d->cookie == &q->m) return -EINVAL; return 0;",
    "is compared with another kind": "return (long *)d->pages == (long *)&q->m ? -EINVAL : 0;",
    "is returned by what computes": "if (virt_to_phys(&q->m) & 8) return -EINVAL; return 0;",
    "is stored": "d->count = (unsigned long)&q->m; return 0;",
    "is stored until a call": "d->count = (unsigned long)&q->m; poke(); d->count = 0; return 0;",
    "is stored as its page": "d->cookie = virt_to_page(&q->m); return 0;",
    "is given to a call": "poke((unsigned long)&q->m); return 0;",
    "is given to what reads": "return -test_bit(0, (unsigned long)&q->m);",
    "is in what a call gets": "unsigned long x = (unsigned long)&q->m; poke(&x); return 0;",
    "is an index": "d->count = d->table[(unsigned long)&q->m & 7]; return 0;",
}
POINTERS = {
    "is given to a call": "poke(&q->m); return 0;",
    "is given to what reads": "if (atomic_read(&q->a)) return -EINVAL; return 0;",
    "is a lock": "mutex_lock(&q->lock); mutex_unlock(&q->lock); return 0;",
    "is compared with a pointer": "if (d->shared == &q->m) return -EINVAL; return 0;",
    "is stored": "d->shared = &q->m; return 0;",
    "is no address of a member": "d->count = (unsigned long)q; return 0;",
    "is followed": "unsigned long *m = &q->m; d->count = *m; return 0;",
}


def told(body: str, one: str, other: str) -> Verdict:
    """Return the verdict on a body, given to both versions, with a structure of each one's own."""
    text = f"{Q}{body}"
    old, new = text.replace("{0}", "file"), text.replace("{0}", "desc->file")
    return judge(old, new, one, other)


def status(body: str, one: str, other: str) -> str:
    """Return the status of that verdict."""
    return told(body, one, other).status


@pytest.mark.parametrize("name", NUMBERS)
def test_a_number_that_is_made_of_where_a_member_is(name: str) -> None:
    assert status(NUMBERS[name], ONE, OTHER) == "unknown"


@pytest.mark.parametrize("name", NUMBERS)
def test_the_same_number(name: str) -> None:
    if name != "is stored until a call":  # that is state which outlives a failure
        assert status(NUMBERS[name], ONE, ONE).startswith("equivalent")


@pytest.mark.parametrize("name", POINTERS)
@pytest.mark.parametrize("other", [ONE, OTHER])
def test_what_a_pointer_leads_to(name: str, other: str) -> None:
    assert status(POINTERS[name], ONE, other).startswith("equivalent")


@pytest.mark.parametrize("other", [ONE, OTHER])
def test_the_frame_of_a_member(other: str) -> None:
    old = f"{Q}return remap_pfn_range(vma, vma->vm_start, virt_to_phys(&q->m) >> PAGE_SHIFT, "
    old += "vma->vm_end - vma->vm_start, vma->vm_page_prot);"
    new = f"{Q}mmap_action_remap_full(desc, virt_to_phys(&q->m) >> PAGE_SHIFT); return 0;"
    found = judge(old.replace("{0}", "file"), new.replace("{0}", "desc->file"), ONE, other)
    assert found.status == ("equivalent" if other is ONE else "unknown")


@pytest.mark.parametrize("other", [ONE, OTHER])
def test_where_an_element_is(other: str) -> None:
    """Structures of another size: `&q[i]` is elsewhere."""
    found = told("foo((unsigned long)&q[d->ro] & 64); return 0;", ONE, other)
    repeated = {"hook-runs-before-failure", "hook-runs-on-merge"}
    if other is ONE:
        assert found.status == "equivalent-except"
        assert {each.id for each in found.differences} == repeated
    else:
        assert found.status == "unknown"


@pytest.mark.parametrize("other", [ONE, OTHER])
def test_a_structure_without_a_tag(other: str) -> None:
    one, apart = (each.replace("struct q", "typedef struct", 1) for each in (ONE, other))
    one, apart = (each.replace("};", "} qs;") for each in (one, apart))
    body = "qs *p = d->cookie; if ((unsigned long)&p->m & 8) return -EINVAL; return 0;"
    text = "struct dev *d = {0}->private_data; " + body
    old, new = text.replace("{0}", "file"), text.replace("{0}", "desc->file")
    found = judge(old, new, one, apart)
    assert proven(found) if other is ONE else found.status == "unknown"


CHANGED = """
int poke2(const void *p, unsigned long n);
struct q {{ int {0}; int {1}; unsigned long e; }};
"""
BYTES = {
    "as a number": "return *(int *)q ? -EINVAL : 0;",
    "that are written": "*(int *)q = 5; return 0;",
    "by index": "return ((int *)q)[1] ? -EINVAL : 0;",
    "by a void pointer": "void *v = q; return *(int *)(v + 4) ? -EINVAL : 0;",
    "of a number": "return ((char *)q)[4] ? -EINVAL : 0;",
    "that are set": "memset(q, 0, 8); return 0;",
    "that are set from a member on": "memset(&q->a, 0, 8); return 0;",
    "that are copied": "memcpy(&d->count, q, 8); return 0;",
    "that are copied from a member on": (
        "unsigned long x; memcpy(&x, &q->a, sizeof(x)); return x ? -EINVAL : 0;"
    ),
    "that are compared": "return memcmp(q, d->cookie, 4) ? -EINVAL : 0;",
    "that are given away": "return poke2(q, 8);",
    "that are given to what nobody declares": "return poke3(d->cookie, q, 8);",
    "that are given away as numbers": "poke((int *)q); return 0;",
    "that are tested": "return test_bit(3, (unsigned long *)q) ? -EINVAL : 0;",
    "as another structure": "return ((struct dev *)q)->ro ? -EINVAL : 0;",
}
MEMBERS = {
    "set whole": "memset(&q->a, 0, sizeof(q->a)); return 0;",
    "set by a length": "memset(&q->a, 0, 4); return 0;",
    "as another sign": "return *(unsigned int *)&q->a > 5 ? -EINVAL : 0;",
    "given to what nobody declares": "return poke3(d->cookie, q);",
    "given away": "poke2(&q->e, 8); return 0;",
    "behind a void pointer": "void *v = q; struct q *p = v; p->a = 5; return 0;",
}


@pytest.mark.parametrize("name", BYTES)
def test_bytes_of_a_structure(name: str) -> None:
    one, other = CHANGED.format("a", "b"), CHANGED.format("b", "a")
    assert status(BYTES[name], one, other) == "unknown"
    assert status(BYTES[name], one, one).startswith("equivalent")


@pytest.mark.parametrize("name", MEMBERS)
def test_members_that_are_told_by_name(name: str) -> None:
    one, other = CHANGED.format("a", "b"), CHANGED.format("b", "a")
    assert status(MEMBERS[name], one, other).startswith("equivalent")
