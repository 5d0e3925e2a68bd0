# SPDX-License-Identifier: GPL-2.0-only
"""scripts/fuzz-convert: a short run with fixed seeds, and that its laws notice what breaks them."""

from __future__ import annotations

import importlib.machinery
import importlib.util
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
from msgspec.structs import replace

from premap.conversion import convert_file
from premap.csource.source import SourceFile
from premap.records import Conversion, Edit

SCRIPT = Path(__file__).parents[2] / "scripts/fuzz-convert"
DRIVER = b"""\
int before = 1;

static int ring_mmap(struct file *file, struct vm_area_struct *vma)
{
	vma->vm_ops = &ring_vm_ops;
	return 0;
}

static const struct file_operations ring_fops = {
	.mmap = ring_mmap,
};
"""


@pytest.fixture(scope="module")
def fuzz() -> ModuleType:
    """Return the script as a module."""
    loader = importlib.machinery.SourceFileLoader("fuzz_convert", str(SCRIPT))
    spec = importlib.util.spec_from_loader("fuzz_convert", loader)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["fuzz_convert"] = module
    loader.exec_module(module)
    return module


@pytest.fixture
def source() -> SourceFile:
    return SourceFile("fuzz.c", DRIVER)


@pytest.fixture
def conversion(source: SourceFile) -> Conversion:
    (found,) = convert_file(source, None, "7.3")
    assert found.reason is None
    return found


def _with(conversion: Conversion, start: int, end: int, new: bytes) -> Conversion:
    return replace(conversion, edits=(*conversion.edits, Edit("fuzz.c", start, end, new)))


class TestRun:
    @pytest.mark.parametrize("seed", [1, 2])
    def test_finds_nothing(self, seed: int) -> None:
        command = [sys.executable, SCRIPT, "--inputs", "1500", "--verify", "500"]
        done = subprocess.run(
            [*command, "--seed", str(seed)],
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert (done.returncode, done.stderr) == (0, ""), done.stdout[-2000:]
        converted = int(done.stdout.split(" converted;")[0].split()[-1])
        assert converted > 150

    def test_has_the_same_inputs_for_the_same_seed(self, fuzz: ModuleType) -> None:
        def texts(seed: int) -> list[bytes]:
            given = fuzz.argparse.Namespace(tree=None, seed=seed, inputs=50, verify=0)
            return [each.text for each in fuzz.inputs(given)]

        assert texts(3) == texts(3)
        assert texts(3) != texts(4)


class TestLaws:
    def test_hold_for_a_driver(self, fuzz: ModuleType) -> None:
        assert fuzz.attempt(fuzz.Input(DRIVER), fuzz.Counter()) == []

    def test_an_edit_elsewhere_is_noticed(
        self, fuzz: ModuleType, source: SourceFile, conversion: Conversion
    ) -> None:
        assert not list(fuzz.edits_outside(source, conversion))
        [told] = fuzz.edits_outside(source, _with(conversion, 4, 10, b"after"))
        assert told.startswith("edit outside: line 1")

    def test_broken_output_is_noticed(
        self, fuzz: ModuleType, source: SourceFile, conversion: Conversion
    ) -> None:
        assert not list(fuzz.badly_made(source, conversion))
        told = fuzz.badly_made(source, _with(conversion, 0, 3, b"{("))
        assert "the output does not parse" in list(told)

    def test_overlapping_edits_are_noticed(
        self, fuzz: ModuleType, source: SourceFile, conversion: Conversion
    ) -> None:
        at = DRIVER.index(b"vm_ops")
        assert list(fuzz.badly_made(source, _with(conversion, at, at + 3, b"x")))

    def test_a_vma_that_is_left_is_noticed(self, fuzz: ModuleType, source: SourceFile) -> None:
        (found,) = convert_file(source, None, "7.3")
        left = [replace(e, new=e.new.replace(b"desc->", b"vma->")) for e in found.edits]
        told = list(fuzz.badly_made(source, replace(found, edits=tuple(left))))
        assert told == ["ring_mmap_prepare() still uses a VMA"]

    def test_a_second_conversion_is_noticed(
        self, fuzz: ModuleType, source: SourceFile, conversion: Conversion
    ) -> None:
        undone = replace(conversion, edits=())
        told = list(fuzz.converted_twice(source, [undone], fuzz.Input(DRIVER)))
        assert told == ["ring_mmap() is converted again"]

    def test_a_crash_and_a_hang_are_noticed(
        self, fuzz: ModuleType, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def crash(*_: object) -> None:
            raise KeyError("ring")

        monkeypatch.setattr(fuzz, "convert_file", crash)
        assert fuzz.attempt(fuzz.Input(DRIVER), fuzz.Counter()) == ["crash: KeyError: 'ring'"]

        def hang(*_: object) -> None:
            raise fuzz.Hang

        monkeypatch.setattr(fuzz, "convert_file", hang)
        assert "took more than" in fuzz.attempt(fuzz.Input(DRIVER), fuzz.Counter())[0]
