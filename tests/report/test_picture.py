# SPDX-License-Identifier: GPL-2.0-only
"""Pages that step through a call, in a browser."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from premap.cli import main

OLD = """\
static int old_mmap(struct file *file, struct vm_area_struct *vma)
{
	if (vma_pages(vma) > 4)
		return -EINVAL;
	vm_flags_set(vma, VM_DONTCOPY);
	return remap_pfn_range(vma, vma->vm_start, 7, vma->vm_end - vma->vm_start, vma->vm_page_prot);
}
static const struct file_operations old_fops = { .mmap = old_mmap };
"""
NEW = """\
static int new_mmap_prepare(struct vm_area_desc *desc)
{
	if (vma_desc_pages(desc) > 2)
		return -EINVAL;
	vma_desc_set_flags(desc, VMA_DONTCOPY_BIT);
	mmap_action_remap_full(desc, 7);
	return 0;
}
static const struct file_operations new_fops = { .mmap_prepare = new_mmap_prepare };
"""
PLAIN = """\
static int plain_mmap_prepare(struct vm_area_desc *desc)
{
	return 0;
}
static const struct file_operations plain_fops = { .mmap_prepare = plain_mmap_prepare };
"""


@pytest.fixture
def hooks(tmp_path: Path) -> Path:
    (tmp_path / "old.c").write_text(OLD)
    (tmp_path / "new.c").write_text(NEW)
    return tmp_path


class TestCall:
    def pictured(self, hooks: Path, *more: str) -> str:
        page = hooks / "page.html"
        main(["run", f"{hooks}/new.c:new_mmap_prepare", "--html", str(page), *more])
        return page.as_uri()

    def test_the_fields_change(self, page: Page, hooks: Path) -> None:
        page.goto(self.pictured(hooks, "--pages", "2"))
        flags = page.locator("table.fields tr", has_text="vma_flags")
        expect(flags).not_to_contain_text("DONTCOPY")
        expect(flags).to_contain_text("may be changed, through helpers")
        page.keyboard.press("End")
        expect(flags).to_contain_text("DONTCOPY")
        expect(page.locator("table.fields")).to_contain_text("remap(0x1000000, 0x7, 0x2000")

    def test_a_decision_shows_its_line(self, page: Page, hooks: Path) -> None:
        page.goto(self.pictured(hooks, "--pages", "3"))
        page.keyboard.press("End")
        expect(page.locator("pre.code .here")).to_contain_text("if (vma_desc_pages(desc) > 2)")
        expect(page.locator("h3")).to_contain_text("returns -EINVAL")

    def test_page_tables_are_filled(self, page: Page, hooks: Path) -> None:
        page.goto(self.pictured(hooks))
        page.keyboard.press("End")
        expect(page.locator("svg.strip .pte")).to_have_count(1)

    def test_a_legacy_hook_fills_them_before_it_is_mapped(self, page: Page, hooks: Path) -> None:
        shown = hooks / "page.html"
        main(["run", f"{hooks}/old.c:old_mmap", "--html", str(shown)])
        page.goto(shown.as_uri())
        expect(page.locator("svg.strip .pte")).to_have_count(0)
        page.locator("ol.steps li", has_text="populate: 1 pfn entry at").click()
        expect(page.locator("svg.strip .pte")).to_have_count(1)
        expect(page.locator("svg.strip .vma")).to_have_count(0)
        page.keyboard.press("End")
        expect(page.locator("svg.strip .pte")).to_have_count(1)
        expect(page.locator("svg.strip .vma")).to_have_count(1)

    def test_the_file_of_the_mapping(self, page: Page, hooks: Path) -> None:
        page.goto(self.pictured(hooks))
        file = page.locator("table.fields tr", has_text="vm_file")
        expect(file).to_contain_text("the file that was opened")
        expect(file).to_contain_text("may be changed; the mapping takes over the reference")

    @pytest.mark.parametrize(
        ("does", "said"),
        [
            ("", "merges with the mapping before it, at 0xfff000-0x1000000"),
            (
                "if (desc->start & 0x1000) vma_desc_set_flags(desc, VMA_DONTCOPY_BIT);",
                "does not merge with the mapping before it, at 0xfff000-0x1000000: ",
            ),
        ],
    )
    def test_whether_neighbours_merge(
        self, page: Page, tmp_path: Path, does: str, said: str
    ) -> None:
        (tmp_path / "plain.c").write_text(PLAIN.replace("\treturn", f"\t{does}\n\treturn"))
        shown, call = tmp_path / "page.html", ["--layout", "after-itself", "--pgoff", "1"]
        main(["run", f"{tmp_path}/plain.c:plain_mmap_prepare", "--html", str(shown), *call])
        page.goto(shown.as_uri())
        step = page.locator("ol.steps li", has_text="neighbours:").last
        step.click()
        expect(page.locator(".now.neighbours")).to_contain_text(said)
        expect(page.locator("svg.strip .vma")).to_have_count(1)

    def test_failures_unwind(self, page: Page, hooks: Path) -> None:
        page.goto(self.pictured(hooks, "--inject", "action"))
        page.keyboard.press("End")
        expect(page.locator(".now.failed")).to_contain_text("returns -ENOMEM; nothing survives")
        expect(page.locator("svg.strip .vma")).to_have_count(0)

    def test_two_hooks_and_where_they_part(self, page: Page, hooks: Path) -> None:
        page.goto(self.pictured(hooks, "--beside", f"{hooks}/old.c:old_mmap", "--pages", "3"))
        expect(page.locator("section.side")).to_have_count(2)
        expect(page.locator("main > ul")).to_contain_text(
            "the call returns -EINVAL with new_mmap_prepare, 0x1000000 with old_mmap"
        )

    def test_beside_needs_html(self, hooks: Path) -> None:
        assert main(["run", f"{hooks}/new.c:new_mmap_prepare", "--beside", "x:y"]) == 2


class TestScenario:
    def test_a_gap_is_folded(self, page: Page, tmp_path: Path) -> None:
        steps = [
            {"premap": 1, "page_size": 4096, "window": [0x10000000, 0x7000000000]},
            *(
                {
                    "op": "mmap", "file": None, "addr": at, "len": 8192, "prot": "rw",
                    "flags": ["PRIVATE", "FIXED"], "offset": 0,
                }
                for at in (0x10000000, 0x6000000000)
            ),
            {"op": "munmap", "addr": 0x10001000, "len": 4096},
        ]  # fmt: skip
        (tmp_path / "s.jsonl").write_text("".join(json.dumps(step) + "\n" for step in steps))
        assert main(["replay", str(tmp_path / "s.jsonl"), "--html", str(tmp_path / "s.html")]) == 0
        page.goto((tmp_path / "s.html").as_uri())
        page.keyboard.press("ArrowRight")
        widths = [
            float(box.get_attribute("width") or 0) for box in page.locator("svg.strip .vma").all()
        ]
        assert len(widths) == 2
        assert min(widths) > 300
        page.keyboard.press("ArrowRight")
        expect(page.locator(".now")).to_contain_text("munmap(addr=0x10001000, len=0x1000) = 0")
