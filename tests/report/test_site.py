# SPDX-License-Identifier: GPL-2.0-only
"""The site of a survey, in a browser."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect
from tests.survey.conftest import FILES

from premap.cli import main
from premap.report.site import breakable, source_lines

HOSTILE = "<img src=x onerror=alert(1)>"


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Survey the small tree, with hostile text in it; return the address of its site."""
    folder = tmp_path_factory.mktemp("site")
    for name, text in FILES.items():
        path = folder / "linux" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text.replace("ROOM DRIVERS", f"ROOM {HOSTILE} DRIVERS"))
    door = folder / "linux/drivers/room/door.c"
    door.write_text(
        door.read_text().replace(
            "\treturn -ENODEV;", f"\t/* {HOSTILE} </pre></script> */\n\treturn -ENODEV;"
        )
    )
    main(["survey", "--no-cache", str(folder / "linux"), "--html", str(folder / "out")])
    return (folder / "out" / "index.html").as_uri()


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("arch/x86/a-b.c:7", ["arch/", "x86/", "a-b", ".c:7"]),
        ("file_operations.mmap", ["file_", "operations", ".mmap"]),
        ("_mmap", ["_", "mmap"]),
        ("<b>_&", ["&lt;b&gt;_", "&amp;"]),
        ("?", ["?"]),
        ("__", ["__"]),
        ("../a..b/", ["../", "a", "..b/"]),
    ],
)
def test_names_break_between_words(name: str, parts: list[str]) -> None:
    assert breakable(name) == "<wbr>".join(parts)


def test_lines_are_those_of_the_compiler(tmp_path: Path) -> None:
    """A form feed is no end of a line, as some of the kernel's files have it."""
    (tmp_path / "a.c").write_text("/* one */\n\f/* two */\nint f(void)\n{\n\t\v\x85\n}\n")
    lines = source_lines(tmp_path, {"file": "a.c", "line": 3, "end": 6})
    assert [(number, line.strip()) for number, line in lines] == [
        (3, "int f(void)"),
        (4, "{"),
        (5, ""),
        (6, "}"),
    ]


class TestTable:
    def test_every_site_is_there(self, page: Page, site: str) -> None:
        page.goto(site)
        expect(page.locator("#shown")).to_have_text("8 of 8 sites")

    def test_filter_by_text(self, page: Page, site: str) -> None:
        page.goto(site)
        page.get_by_role("searchbox").fill("cupboard")
        expect(page.locator("#shown")).to_have_text("2 of 8 sites")

    def test_filter_by_class_is_kept_in_the_address(self, page: Page, site: str) -> None:
        page.goto(site)
        page.get_by_label("what it does").select_option("refuses")
        expect(page.locator("#sites tbody tr:visible")).to_have_count(1)
        page.reload()
        expect(page.locator("#sites tbody tr:visible")).to_have_count(1)

    def test_sort(self, page: Page, site: str) -> None:
        page.goto(site)
        names = page.locator("#sites tbody tr td:first-child")
        page.get_by_role("button", name="Handler").click()
        up = names.all_inner_texts()
        page.get_by_role("button", name="Handler").click()
        assert up == sorted(up, key=str.lower)
        assert names.all_inner_texts() == sorted(up, key=str.lower, reverse=True)

    def test_keyboard(self, page: Page, site: str) -> None:
        page.goto(site)
        page.keyboard.press("/")
        page.keyboard.type("cupboard_mmap")
        page.keyboard.press("Tab")
        page.locator("#clear").focus()
        page.keyboard.press("j")
        page.keyboard.press("Enter")
        expect(page.locator("h1")).to_contain_text("cupboard_mmap")

    def test_from_the_search_to_what_it_found(self, page: Page, site: str) -> None:
        page.goto(site)
        page.keyboard.press("/")
        page.keyboard.type("cupboard_mmap")
        page.keyboard.press("Enter")
        expect(page.locator("#sites tbody tr:visible a").first).to_be_focused()
        assert page.url.partition("#")[0] == site.partition("#")[0]
        page.keyboard.press("Enter")
        expect(page.locator("h1")).to_contain_text("cupboard_mmap")


class TestBars:
    @pytest.mark.parametrize(
        ("bar", "left"), [("refuses", 1), ("room_ops.room_mmap", 1), ("not-file-operations", 1)]
    )
    def test_a_bar_filters_the_table(self, page: Page, site: str, bar: str, left: int) -> None:
        page.goto(site)
        page.locator(".bars").get_by_role("link", name=bar, exact=True).click()
        expect(page.locator("#shown")).to_have_text(f"{left} of 8 sites")
        expect(page.locator("#sites tbody tr:visible")).to_have_count(left)

    def test_with_the_keyboard_alone(self, page: Page, site: str) -> None:
        page.goto(site)
        page.locator(".bars a").first.focus()
        page.keyboard.press("Enter")
        expect(page.locator("#sites tbody tr:visible")).not_to_have_count(8)

    def test_what_would_unlock_most(self, page: Page, site: str) -> None:
        page.goto(site)
        page.locator("svg.graph a").first.click()
        expect(page.locator("#sites tbody tr:visible")).to_have_count(2)
        assert "waits=struct+room_ops.room_mmap" in page.url

    def test_words_and_clusters_say_what_they_mean(self, page: Page, site: str) -> None:
        page.goto(site)
        page.get_by_text("What the words mean").click()
        words = page.locator("dl.facts")
        expect(words).to_contain_text("refuses every mapping")
        expect(words).to_contain_text("not-file-operationsThe table has no mmap_prepare member")
        chosen = page.get_by_label("cluster").locator("option", has_text="refuses every mapping")
        page.get_by_label("cluster").select_option(chosen.get_attribute("value"))
        expect(page.locator("#sites tbody tr:visible")).to_have_count(1)

    def test_the_rules_are_stated(self, page: Page, site: str) -> None:
        page.goto(site)
        expect(page.locator("#rules")).to_contain_text("in a comment")
        expect(page.locator("main")).to_contain_text("grep finds 11 places")


class TestHandler:
    def test_what_is_said_of_one(self, page: Page, site: str) -> None:
        page.goto(site)
        page.get_by_role("link", name="cupboard_mmap").click()
        expect(page.locator("main")).to_contain_text("struct room_ops.room_mmap")
        expect(page.locator("main")).to_contain_text("Ada Room")
        expect(page.locator("main")).to_contain_text("remap_pfn_range")

    def test_step_through_a_call(self, page: Page, site: str) -> None:
        page.goto(site)
        page.get_by_role("link", name="door_mmap").click()
        now = page.locator(".now")
        expect(now).to_contain_text("->mmap for 1 page ")
        page.keyboard.press("End")
        expect(now).to_contain_text("new vma")
        expect(page.locator("svg.strip .vma")).to_have_count(1)

    def test_its_source_is_shown_once(self, page: Page, site: str) -> None:
        """With the picture, where there is one."""
        for name, pictures in (("door_mmap", 1), ("cupboard_mmap", 0)):
            page.goto(site)
            page.get_by_role("link", name=name).click()
            expect(page.locator("[data-picture] .now")).to_have_count(pictures)
            expect(page.get_by_role("heading", name="Source")).to_have_count(1 - pictures)
            expect(page.locator("main")).to_contain_text(f"static int {name}(struct")

    def test_idioms_are_named(self, page: Page, site: str) -> None:
        page.goto(site)
        page.get_by_role("link", name="old_mmap").click()
        expect(page.locator("dl.facts")).to_contain_text("R1 ")


class TestHostileText:
    def test_sources_stay_text(self, page: Page, site: str) -> None:
        asked: list[str] = []
        page.on("dialog", lambda dialog: asked.append(dialog.message))
        page.goto(site)
        page.get_by_role("link", name="old_mmap").click()
        expect(page.locator("main")).to_contain_text(HOSTILE)
        assert page.locator("img").count() == 0
        assert asked == []


class TestScreens:
    @pytest.mark.parametrize("width", [360, 768, 1400])
    def test_nothing_is_wider_than_the_screen(self, page: Page, site: str, width: int) -> None:
        page.set_viewport_size({"width": width, "height": 800})
        for address in (site, site.replace("index.html", "handlers/0002.html")):
            page.goto(address)
            assert page.evaluate("document.documentElement.scrollWidth") <= width

    def test_dark(self, browser: Browser, site: str) -> None:
        page = browser.new_page(color_scheme="dark")
        page.goto(site)
        background = page.evaluate("getComputedStyle(document.body).backgroundColor")
        page.close()
        assert sum(map(int, background[4:-1].split(","))) < 150


class TestLongNames:
    def test_they_break(self, page: Page, site: str) -> None:
        """Drivers have names of a hundred letters; here every name has more."""
        for address in (site, site.replace("index.html", "handlers/0004.html")):
            page.goto(address)
            page.evaluate(
                "document.querySelectorAll('main code, h1 code').forEach("
                "each => { if (!each.closest('pre')) each.textContent += 'x'.repeat(400); })"
            )
            assert page.evaluate("document.documentElement.scrollWidth") <= 1200


class TestFiles:
    def test_a_folder_that_cannot_be_made(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        (tmp_path / "linux").mkdir()
        (tmp_path / "file").write_text("")
        code = main(
            ["survey", "--no-cache", str(tmp_path / "linux"), "--html", str(tmp_path / "file")]
        )
        assert code == 2
        assert capsys.readouterr().err.count("\n") == 1
