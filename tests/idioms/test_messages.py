# SPDX-License-Identifier: GPL-2.0-only
"""What may go where mapping fails, as it only writes to the log."""

from __future__ import annotations

import pytest

from premap.conversion import convert_file
from premap.csource.source import SourceFile
from premap.records import Conversion

HEAD = "static int ring_mmap(struct file *file, struct vm_area_struct *vma)\n{\n"
REMAP = """\
	if (remap_pfn_range(vma, vma->vm_start, 1, vma->vm_end - vma->vm_start, vma->vm_page_prot)) {
"""
TAIL = """\
		return -EAGAIN;
	}
	return 0;
}

static const struct file_operations ring_fops = {
	.mmap = ring_mmap,
};
"""


def converted(statement: str, before: str = "") -> Conversion:
    source = SourceFile("ring.c", f"{before}{HEAD}{REMAP}\t\t{statement}\n{TAIL}".encode())
    (conversion,) = convert_file(source, None, "7.3")
    return conversion


def notes(conversion: Conversion) -> set[str]:
    return {note.id for note in conversion.notes} - {"needs-mmu"}


class TestKnown:
    @pytest.mark.parametrize(
        "call",
        [
            'pr_err("no\\n");',
            'dev_warn_ratelimited(ring->dev, "no\\n");',
            "drm_WARN_ON(ring->drm, 1);",
            'printk(KERN_ERR "no\\n");',
            'DRM_DEV_ERROR(dev, "no\\n");',
            'ring_dbg("no");',
            'vdec_debug_level(3, "no");',
        ],
    )
    def test_functions_of_the_kernel(self, call: str) -> None:
        assert notes(converted(call)) == {"message-dropped"}

    @pytest.mark.parametrize(
        "call",
        [
            "dev_put(ring->dev);",
            "drm_gem_object_put(obj);",
            "pci_disable_device(ring->pdev);",
            "debugfs_remove(ring->dir);",
            "ring_debug_free(ring);",
            "ring_put_dbg(ring);",
        ],
    )
    def test_others_whose_names_begin_so(self, call: str) -> None:
        reason = converted(call).reason
        assert reason is not None
        assert (reason.id, reason.line) == ("keeps-state", 4)
        assert "runs where mapping fails" in reason.message


class TestOfTheDriver:
    @pytest.mark.parametrize(
        "body",
        [
            'printk(KERN_ERR "ring: " fmt, ##args)',
            "do { if (ring_verbose) pr_err(fmt, ##args); } while (0)",
            "",
            "no_printk(fmt, ##args)",
            "RING_LOG(fmt, ##args)\n#define RING_LOG(fmt, args...) pr_info(fmt, ##args)",
        ],
    )
    def test_macros_that_only_tell(self, body: str) -> None:
        made = converted('OOPS("no\\n");', f"#define OOPS(fmt, args...) {body}\n")
        assert notes(made) == {"message-dropped"}

    @pytest.mark.parametrize(
        "body",
        [
            "do { ring_users--; pr_err(fmt); } while (0)",
            "do { pr_err(fmt); ring_drop(ring); } while (0)",
            "do { pr_err(fmt); return -EIO; } while (0)",
            "pr_err(fmt, ring_drop(ring))",
        ],
    )
    def test_macros_that_do_more(self, body: str) -> None:
        reason = converted('RING_ERR("no\\n");', f"#define RING_ERR(fmt) {body}\n").reason
        assert reason is not None
        assert reason.id == "keeps-state"

    def test_an_arm_that_does_more(self) -> None:
        before = (
            "#ifdef A\n#define RING_ERR(fmt) pr_err(fmt)\n#else\n"
            "#define RING_ERR(fmt) ring_drop(fmt)\n#endif\n"
        )
        assert converted('RING_ERR("no\\n");', before).reason is not None

    def test_functions_of_the_file_are_none(self) -> None:
        before = "static void ring_err(const char *text)\n{\n\tring_drop(text);\n}\n\n"
        assert converted('ring_err("no\\n");', before).reason is not None


class TestByName:
    @pytest.mark.parametrize(
        "call",
        ['PERR("remap: rc=%d\\n", 1);', 'ring_err(xdev, "no pages");', 'TRACE(ring, "left\\n");'],
    )
    def test_that_has_a_format_is_for_review(self, call: str) -> None:
        made = converted(call)
        assert notes(made) == {"message-dropped", "message-by-name"}
        assert all(note.look for note in made.notes if note.id == "message-by-name")

    @pytest.mark.parametrize(
        "call",
        [
            "PERR(ring);",
            'PUT("name");',
            'PERR("no %d\\n", ring_drop(ring));',
            'PERR("no %d\\n", ring->users--);',
            'RING_PANIC("no pages\\n");',
            'sysfs_remove_link(ring->kobj, "the ring");',
            'seq_printf(ring->log, "no %d\\n", 1);',
        ],
    )
    def test_that_may_do_more_is_none(self, call: str) -> None:
        reason = converted(call).reason
        assert reason is not None
        assert reason.id == "keeps-state"
