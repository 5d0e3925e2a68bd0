# SPDX-License-Identifier: GPL-2.0-only
"""Legacy hooks that map pages with a count by pointer, or take back what they mapped."""

from __future__ import annotations

import functools

import pytest
from tests.equivalence.kit import new_side, old_side

from premap.equivalence.comparison import verify
from premap.records import Verdict

HEAD = "\tstruct dev *d = file->private_data;\n\tunsigned long n = d->size;\n\tint err;\n\n"
INSERT = HEAD + "\terr = vm_insert_pages(vma, vma->vm_start, d->pages, &n);\n\treturn err;"
LEFT = INSERT.replace("return err", "return n ? -EIO : err")
ZAP = """\
	struct dev *d = file->private_data;
	int err;

	err = vm_insert_page(vma, vma->vm_start, d->pages[0]);
	if (!err && vma_pages(vma) > 1)
		err = vm_insert_page(vma, vma->vm_start + PAGE_SIZE, d->pages[1]);
	if (err)
		zap_vma_range(vma, vma->vm_start, 2 * PAGE_SIZE);
	return 0;"""


@functools.cache
def judge(old: str, new: str) -> Verdict:
    return verify(old_side(old), old_side(new), time_limit=15)


class TestCountByPointer:
    @pytest.mark.parametrize("body", [INSERT, LEFT])
    def test_the_same(self, body: str) -> None:
        assert judge(body, body).status == "equivalent"

    @pytest.mark.parametrize(
        "new",
        [
            INSERT.replace("d->size;", "d->size + 1;"),
            INSERT.replace("\treturn err", "\treturn n ? 0 : err"),
            INSERT.replace("d->pages", "d->pages + 1"),
        ],
    )
    def test_differences_are_found(self, new: str) -> None:
        assert judge(INSERT, new).status in {"different", "unknown"}
        assert (
            judge(INSERT, INSERT.replace("return err", "return n ? 0 : err")).status == "different"
        )

    def test_what_is_left_counts(self) -> None:
        assert judge(INSERT, LEFT).status == "different"

    def test_a_count_in_driver_state_is_not_modelled(self) -> None:
        body = INSERT.replace("&n", "&d->size")
        verdict = judge(body, body)
        assert verdict.status == "unknown"
        assert "count by pointer" in (verdict.reason or "")


class TestZap:
    def test_the_same(self) -> None:
        assert judge(ZAP, ZAP).status == "equivalent"

    @pytest.mark.parametrize(
        "new",
        [
            ZAP.replace("2 * PAGE_SIZE", "PAGE_SIZE"),
            ZAP.replace("\tif (err)\n\t\tzap_vma_range(vma, vma->vm_start, 2 * PAGE_SIZE);\n", ""),
            ZAP.replace(
                "zap_vma_range(vma, vma->vm_start,", "zap_vma_range(vma, vma->vm_start + PAGE_SIZE,"
            ),
        ],
    )
    def test_differences_are_found(self, new: str) -> None:
        assert new != ZAP
        assert judge(ZAP, new).status == "different"

    def test_no_action_takes_its_place(self) -> None:
        pages = "((struct dev *)desc->file->private_data)->pages"
        new = f"\tmmap_action_map_kernel_pages_full(desc, {pages});\n\treturn 0;"
        verdict = verify(old_side(ZAP), new_side(new), time_limit=15)
        assert verdict.status in {"different", "unknown"}


class TestOnePageOfAnArray:
    """A mapping of one page: its page is an array's first element, though the index has a name."""

    OLD = """
	struct dev *d = file->private_data;

	if (vma->vm_end - vma->vm_start != PAGE_SIZE)
		return -EINVAL;
	return vm_insert_page(vma, vma->vm_start, d->pages[0]);
"""
    NEW = """
	struct dev *d = desc->file->private_data;

	if (vma_desc_size(desc) != PAGE_SIZE)
		return -EINVAL;
	mmap_action_map_kernel_pages(desc, desc->start, d->pages, 1);
	return 0;
"""

    def test_is_the_first(self) -> None:
        assert verify(old_side(self.OLD), new_side(self.NEW)).status == "equivalent"

    @pytest.mark.parametrize("now", ["d->pages + 1,", "d->pages + d->count,"])
    def test_is_another_one(self, now: str) -> None:
        new = self.NEW.replace("d->pages,", now)
        verdict = verify(old_side(self.OLD), new_side(new))
        assert verdict.status == "different", verdict


class TestArraysThatAreGone:
    """An action reads the array after the hook; a legacy hook's pages were mapped at once."""

    OLD = "%s if (vma_pages(vma) > 1) return -ENXIO; return vm_map_pages_zero(vma, %s, 1);"
    NEW = (
        "%s if (vma_desc_pages(desc) > 1) return -ENXIO;"
        " mmap_action_map_kernel_pages(desc, desc->start, %s, vma_desc_pages(desc)); return 0;"
    )
    DEV = ("struct dev *d = file->private_data; ", "struct dev *d = desc->file->private_data; ")

    def _status(self, declared: str, array: str) -> str:
        old = self.OLD % (self.DEV[0] + declared, array)
        new = self.NEW % (self.DEV[1] + declared, array)
        return verify(old_side(old), new_side(new), time_limit=15).status

    @pytest.mark.parametrize(
        ("declared", "array"),
        [
            ("struct page *own[1] = { d->pages[0] };", "own"),
            ("struct page *own = d->pages[0];", "&own"),
            ("", "(struct page *[]){ d->pages[0] }"),
        ],
    )
    def test_with_the_hook(self, declared: str, array: str) -> None:
        assert self._status(declared, array) == "unknown"

    def test_that_the_driver_has(self) -> None:
        assert self._status("", "d->pages").startswith("equivalent")
