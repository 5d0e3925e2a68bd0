# SPDX-License-Identifier: GPL-2.0-only
"""Hooks that look convertible and are not: each is declined, with the line that says why."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from msgspec.structs import replace

from premap import conversion, idioms, releases
from premap.conversion import EXPLANATIONS, convert_file
from premap.csource.source import SourceFile
from premap.records import Conversion

TABLE = """
static const struct file_operations ring_fops = {
	.mmap = ring_mmap,
};
"""
REMAP = (
    "remap_pfn_range(vma, vma->vm_start, ring_pfn, vma->vm_end - vma->vm_start, vma->vm_page_prot)"
)


def convert(text: str, target: str = "7.3") -> Conversion:
    [found] = convert_file(SourceFile("ring.c", text.encode()), None, target)
    return found


HEAD = "static int ring_mmap(struct file *file, struct vm_area_struct *vma)\n{\n"


def hook(body: str, before: str = "", target: str = "7.3") -> Conversion:
    return convert(before + HEAD + body + "\n}\n" + TABLE, target)


def reason(found: Conversion) -> str | None:
    assert (found.reason is None) == bool(found.edits)
    return None if found.reason is None else found.reason.id


class TestWhereTheMappingGoes:
    @pytest.mark.parametrize(
        ("body", "expected"),
        [
            ("ring_get(x);\nreturn ops->map(x, vma);", "member-call"),
            ("const auto map = ops->map;\n\nreturn map(file, vma);", "member-call"),
            ("x->y = kmalloc(8, 1);\nreturn dma_mmap_coherent(d, vma, a, b, c);", "dma-population"),
            ("x->count++;\nreturn vfs_mmap(x->lower, vma);", "stacked-file"),
            ("int r;\nr = vmf_insert_pfn(vma, a, b);\nx++;\nreturn r;", "page-population"),
            ("int r;\nr = remap_4k_pfn(vma, a, b, c);\nx++;\nreturn r;", "local-pgprot"),
            ("x->count++;\nreturn remap_vmalloc_range(vma, a, 0);", "vmalloc-population"),
            (f"int r;\nguard(mutex)(&m);\nr = {REMAP};\nx->vma = vma;\nreturn r;", "vma-stored"),
            (f"guard(mutex)(&m);\nx->seen[0] = vma;\nreturn {REMAP};", "vma-stored"),
            (f"guard(mutex)(&m);\n*last = vma;\nreturn {REMAP};", "vma-stored"),
            (
                "struct vm_area_desc d;\nother(&d);\nreturn __compat_vma_mmap(&d, vma);",
                "compat-by-hand",
            ),
        ],
    )
    def test_is_said_before_all_else(self, body: str, expected: str):
        assert reason(hook(body)) == expected


class TestPopulation:
    @pytest.mark.parametrize(
        "before",
        [
            "scoped_guard(mutex, &m)\n\t{\n\t\tcheck(x);\n\t}\n\t",
            "if (x) {\n\t\tguard(mutex)(&m);\n\t\tcheck(x);\n\t}\n\t",
        ],
    )
    def test_comes_after_the_guarded_block(self, before: str):
        assert reason(hook(f"\t{before}return {REMAP};")) is None

    @pytest.mark.parametrize(
        ("body", "expected"),
        [
            ("int r = 0;\nmutex_lock(&m);\nr = REMAP;\nmutex_unlock(&m);\nreturn r;", "lock-over"),
            ("guard(mutex)(&m);\nreturn REMAP;", "lock-over"),
            (
                "int r;\nr = REMAP;\nif (r)\n\tgoto out;\nreturn 0;\nout:\nput(x);\nreturn r;",
                "keeps-state",
            ),
            ("if (REMAP)\n\treturn -EAGAIN;\ncount();\nreturn 0;", "code-after-population"),
            (
                "if (REMAP)\n\treturn -EIO;\nvma->vm_page_prot = pgprot_noncached(x);\nreturn 0;",
                "prot-after-population",
            ),
            (
                "if (REMAP)\n\treturn -EAGAIN;\nvm_flags_clear(vma, VM_MAYWRITE);\nreturn 0;",
                "code-",
            ),
            ("int r = REMAP;\n\nif (r)\n\tundo(x);\nreturn r;", "keeps-state"),
            ('int r = REMAP;\n\nif (r)\n\tpr_err("no");\nelse\n\tcount();\nreturn r;', "code-"),
            ('int r = REMAP;\n\nif (r)\n\tpr_err("no");\nelse\n\treturn 0;\nreturn r;', "code-"),
            ("if (REMAP)\n\treturn -EIO;\nelse\n\treturn 1;", "code-"),
            ("if (REMAP) {\n\treturn -EIO;\n} else {\n\t/* mapped */\n\treturn 0;\n}", "code-"),
            (
                'int r = REMAP;\n\npr_debug("vma->vm_pgoff = %lx", vma->vm_pgoff + r);\nreturn r;',
                "code-after-population",
            ),
            ('int r = REMAP;\n\nif (r)\n\tpr_err("no");\ncount();\nreturn r;', "code-"),
            ('int r = REMAP;\n\nif (r)\n\tpr_err("no");\nreturn -EIO;', "code-"),
            ("if (REMAP)\n\treturn -EAGAIN;\nreturn REMAP;", "several-actions"),
            ("if (REMAP)\n\treturn -EAGAIN;\nif (REMAP)\n\treturn -EIO;\nreturn 0;", "several-act"),
            (
                "int i;\nfor (i = 0; i < 3; i++)\n\tif (REMAP)\n\t\treturn -EIO;\nreturn 0;",
                "several-r",
            ),
            ("int r = ring_check();\nif (REMAP)\n\treturn r;\nreturn 0;", "errno-not-constant"),
            ("if (x && REMAP)\n\treturn -EIO;\nreturn 0;", "population-result-used"),
            (
                "int r;\nr = REMAP;\nif (r)\n\treturn r;\nvma->vm_private_data = p + r;\nreturn 0;",
                "code-after-population",
            ),
            ("return REMAP ? -EIO : 1;", "population-result-used"),
            ("return REMAP ? 0 : -EIO;", "population-result-used"),
            ("return (REMAP ? -EIO : 0) + x;", "population-result-used"),
            ("int r = REMAP;\n\nreturn r ? -EIO : x;", "code-after-population"),
            ("int r = REMAP;\n\nreturn x ? -EIO : 0;", "code-after-population"),
            (
                "if (vm_iomap_memory(vma, a, b) ? -EAGAIN : 0)\n\treturn 1;\nreturn 0;",
                "population-",
            ),
            ("return vm_iomap_memory(vma, a, b) ? -EAGAIN : 0;", "errno-of-range"),
            ("int r = REMAP;\n\nreturn r ? r : ring_ok(r);", "code-after-population"),
            ("int r = REMAP, s;\n\nreturn r;", "population-result-used"),
            ("int r = REMAP;\nint s = r;\n\nreturn r;", "code-after-population"),
            (
                "int r = 0;\nif (x) {\n\tint r = REMAP;\n\treturn r;\n}\nreturn r;",
                "population-result-used",
            ),
            ("if (x)\n\treturn REMAP;\nelse\n\treturn 0;", "needs-braces"),
            ("if (REMAP)\n\treturn -EAGAIN;\nreturn 7;", "code-after-population"),
            (
                "int r;\nvma->vm_pgoff = 0;\nr = REMAP;\nvma->vm_pgoff = offset;\nreturn r;",
                "range-restored",
            ),
            ("if (vm_iomap_memory(vma, a, b))\n\treturn -EAGAIN;\nreturn 0;", "errno-of-range"),
        ],
    )
    def test_is_no_action(self, body: str, expected: str):
        found = reason(hook(body.replace("REMAP", REMAP)))
        assert found is not None
        assert found.startswith(expected)

    @pytest.mark.parametrize(
        "size",
        [
            "2 * PAGE_SIZE",
            "size",
            "PAGE_ALIGN(size)",
            "PAGE_ALIGN(vma->vm_end - vma->vm_start - PAGE_SIZE)",
            "ALIGN(vma->vm_end - vma->vm_start, 2 * PAGE_SIZE)",
            "ALIGN_DOWN(vma->vm_end - vma->vm_start, PAGE_SIZE)",
            "vma->vm_end - vma->vm_start - PAGE_SIZE",
        ],
    )
    def test_of_a_part(self, size: str):
        body = (
            "unsigned int size = vma->vm_end - vma->vm_start;\n\n"
            f"return remap_pfn_range(vma, vma->vm_start, 1, {size}, vma->vm_page_prot);"
        )
        assert reason(hook(body)) == "partial-remap"

    @pytest.mark.parametrize(
        ("value", "expected"),
        [
            ("vma->vm_end - vma->vm_start", None),
            ("ring_size(file)", "partial-remap"),
            ("(u32)(vma->vm_end - vma->vm_start)", "partial-remap"),
        ],
    )
    def test_of_a_size_whose_type_is_that_of_its_value(self, value: str, expected: str | None):
        body = (
            f"const auto size = {value};\n\n"
            "return remap_pfn_range(vma, vma->vm_start, 1, size, vma->vm_page_prot);"
        )
        assert reason(hook(body)) == expected

    def test_of_a_page_with_an_errno_of_its_own(self):
        body = (
            "if (remap_pfn_range(vma, vma->vm_start, 1, PAGE_SIZE, vma->vm_page_prot))\n"
            "\treturn -EAGAIN;\nreturn 0;"
        )
        assert reason(hook(body)) == "errno-of-range"

    @pytest.mark.parametrize(
        ("pages", "count", "expected"),
        [
            ("ring->pages", "ring->count", None),
            ("ring->buf.pages", "64", None),
            ("ring_pages", "ring->count", None),
            ("ring->pages", "ring_count(ring)", "page-population"),
            ("local", "ring->count", "temporary-pages"),
            ("filled", "ring->count", "temporary-pages"),
            ("ring_array(ring)", "ring->count", "temporary-pages"),
            ("local->pages", "ring->count", None),
        ],
    )
    def test_of_an_array(self, pages: str, count: str, expected: str | None):
        body = (
            "struct ring *ring = file->private_data;\nstruct page *local[8];\n"
            f"struct page **filled = ring_fill();\n\nreturn vm_map_pages(vma, {pages}, {count});"
        )
        assert reason(hook(body)) == expected

    def test_of_a_message_about_the_result(self):
        body = f'int r;\n\nr = {REMAP};\nif (r)\n\treturn r;\npr_debug("%d", r);\nreturn 0;'
        assert reason(hook(body)) == "code-after-population"

    def test_of_a_size_that_changes(self):
        body = (
            "unsigned long size = vma->vm_end - vma->vm_start;\n\nif (size > 4096)\n\tsize = 1;\n"
            "return remap_pfn_range(vma, vma->vm_start, 1, size, vma->vm_page_prot);"
        )
        assert reason(hook(body)) == "partial-remap"

    @pytest.mark.parametrize(
        ("start", "size", "expected"),
        [
            ("start", "end - start", None),
            ("vma->vm_start", "end - start", None),
            ("start", "vma->vm_end - start", None),
            ("start", "end - vma->vm_start", None),
            ("start", "size", None),
            ("moved", "end - moved", "partial-remap"),
            ("start", "end - moved", "partial-remap"),
            ("start", "end - narrow", "partial-remap"),
            ("start", "start - end", "partial-remap"),
            ("start", "end", "partial-remap"),
            ("end", "end - start", "partial-remap"),
        ],
    )
    def test_by_way_of_variables(self, start: str, size: str, expected: str | None):
        body = (
            "unsigned long start = vma->vm_start, end = vma->vm_end, moved = vma->vm_start, size;\n"
            "u32 narrow = vma->vm_start;\n\nmoved += PAGE_SIZE;\nsize = end - start;\n"
            f"return remap_pfn_range(vma, {start}, 1, {size}, vma->vm_page_prot);"
        )
        assert reason(hook(body)) == expected

    def test_from_another_start(self):
        body = (
            "return remap_pfn_range(vma, vma->vm_start + PAGE_SIZE, 1, "
            "vma->vm_end - vma->vm_start, vma->vm_page_prot);"
        )
        assert reason(hook(body)) == "partial-remap"

    def test_with_a_protection_of_its_own(self):
        body = (
            "pgprot_t prot = pgprot_noncached(vma->vm_page_prot);\n\n"
            "return remap_pfn_range(vma, vma->vm_start, 1, vma->vm_end - vma->vm_start, prot);"
        )
        assert reason(hook(body)) == "local-pgprot"

    def test_close_that_would_see_a_failure(self):
        before = (
            "static void ring_close(struct vm_area_struct *vma)\n{\n}\n\n"
            "static const struct vm_operations_struct ring_vm_ops = {\n"
            "\t.close = ring_close,\n};\n\n"
        )
        body = f"vma->vm_ops = &ring_vm_ops;\nreturn {REMAP};"
        assert reason(hook(body, before)) == "close-after-failure"
        either = (
            "const struct vm_operations_struct *ops = &other_vm_ops;\n\n"
            f"if (file->f_mode)\n\tops = &ring_vm_ops;\nvma->vm_ops = ops;\nreturn {REMAP};"
        )
        assert reason(hook(either, before)) == "close-after-failure"

    def test_operations_of_another_file_are_named(self):
        body = f"vma->vm_ops = dev->ro ? &ring_ro_ops : &ring_vm_ops;\nreturn {REMAP};"
        said = [each.message for each in hook(body).notes if each.id == "operations-unseen"]
        assert [each.split()[0] for each in said] == ["ring_ro_ops", "ring_vm_ops"]

    def test_by_page(self):
        assert reason(hook("return vm_insert_page(vma, vma->vm_start, p);")) == "page-population"

    def test_by_page_of_vmalloc_memory(self):
        body = "p = vmalloc_to_page(ring->area);\nreturn vm_insert_page(vma, vma->vm_start, p);"
        assert reason(hook(body)) == "vmalloc-population"

    def test_of_dma_memory(self):
        body = "return dma_mmap_coherent(dev, vma, a, b, vma->vm_end - vma->vm_start);"
        assert reason(hook(body)) == "dma-population"

    def test_older_release_that_can_not_translate_errors(self):
        body = f"if ({REMAP})\n\treturn -EAGAIN;\nreturn 0;"
        assert reason(hook(body, target="7.1")) == "release-lacks-error-override"

    def test_older_release_without_the_action(self):
        body = "return vm_iomap_memory(vma, a, b);"
        assert reason(hook(body, target="7.0")) == "release-lacks-helper"


class TestParsing:
    def test_says_at_which_line_it_ends(self):
        found = hook("int a;\n\nf(a b c);\nreturn 0;")
        assert found.reason is not None
        assert (found.reason.id, found.reason.line) == ("parse-error", 5)

    def test_a_definition_that_the_parser_lost_is_no_other_files(self):
        text = f"#define O(f) \\\n\n{HEAD}return 0;\n}}\n{TABLE}"
        found = convert(text)
        assert found.reason is not None
        assert (found.reason.id, found.reason.line) == ("parse-error", 3)


class TestFlagsOfMacros:
    """`#define RING_FLAGS (VM_A | VM_B)`, of which only a plain one is taken for its body."""

    BODY = "vm_flags_set(vma, VM_RING);\nreturn 0;"

    @pytest.mark.parametrize(
        "before",
        [
            "#define VM_RING (VM_IO | 0x1000)\n",
            "#define VM_RING (VM_IO | ring_flags)\n",
            "#define VM_RING (VM_RING | VM_IO)\n",
            "#define VM_RING VM_IO\n#define VM_RING VM_LOCKED\n",
            "#define VM_RING VM_IO\n#undef VM_RING\n",
            "#ifdef RING\n#define VM_RING VM_IO\n#endif\n",
            "#ifndef RING\n#define VM_RING VM_IO\n#endif\n",
            "#ifdef RING\n#define VM_RING VM_IO\n#else\n#define VM_RING VM_LOCKED\n#endif\n",
            "#define VM_RING\n",
            "#define VM_OTHER 1\n#define VM_RING VM_OTHER\n",
        ],
    )
    def test_that_are_not_plain(self, before: str):
        assert reason(hook(self.BODY, before + "\n")) == "flags-in-macro"

    def test_that_have_the_name_of_a_flag(self):
        before = "#ifndef VM_IO\n#define VM_IO VM_LOCKED\n#endif\n\n"
        assert reason(hook("vm_flags_set(vma, VM_IO);\nreturn 0;", before)) == "flags-in-macro"

    def test_that_another_file_defines(self):
        assert reason(hook(self.BODY)) == "release-lacks-flag"


class TestFlags:
    @pytest.mark.parametrize(
        ("body", "expected"),
        [
            ("return vma->vm_flags ? 0 : -EIO;", "flags-as-number"),
            ("unsigned long f = ~vma->vm_flags;\n\nreturn f ? 0 : -EIO;", "flags-as-number"),
            (
                "unsigned long f = 0;\n\nf |= vma->vm_flags;\nreturn f ? 0 : -EIO;",
                "flags-as-number",
            ),
            ("ring->flags = vma->vm_flags;\nreturn 0;", "flags-as-number"),
            ("int w = vma->vm_flags & VM_WRITE;\n\nreturn w;", "flags-as-number"),
            ("switch (vma->vm_flags & VM_WRITE) {\ncase 0:\n\treturn 0;\n}\nreturn 1;", "flags-as"),
            ("vma->vm_flags = VM_IO;\nreturn 0;", "flags-as-number"),
            ("vm_flags_set(vma, ring_flags);\nreturn 0;", "flags-not-constant"),
            ("vm_flags_set(vma, VM_NEVER_WAS);\nreturn 0;", "release-lacks-flag"),
            ("if ((vma->vm_flags & VM_READ) == VM_WRITE)\n\treturn 1;\nreturn 0;", "flags-never"),
            ("if (x)\n\tvm_flags_mod(vma, VM_IO, VM_MAYWRITE);\nreturn 0;", "needs-braces"),
        ],
    )
    def test_are_not_understood(self, body: str, expected: str):
        found = reason(hook(body, "#define VM_RING (VM_IO | VM_PFNMAP)\n\n"))
        assert found is not None
        assert found.startswith(expected)


class TestUses:
    @pytest.mark.parametrize(
        ("body", "expected"),
        [
            ("ring->vma = vma;\nreturn 0;", "vma-stored"),
            ("return ring->ops->map(ring, vma);", "member-call"),
            ("return remember(vma);", "unknown-helper"),
            ("return vma ? 0 : -EIO;", "vma-escapes"),
            ("return vma->vm_policy ? 0 : -EIO;", "unknown-member"),
            ("return vma->vm_ops->fault ? 0 : -EIO;", "write-only-member"),
            ("vma->vm_start = 0;\nreturn 0;", "range-changed"),
            ("return ring_round(&vma->vm_end);", "range-changed"),
            ("vma->vm_file = ring_file;\nreturn 0;", "file-swapped"),
            ("file = ring_file;\nreturn use(file);", "file-reassigned"),
            ("int desc = 3;\n\nreturn desc;", "name-taken"),
            ("RING_SET();\nreturn 0;", "vma-in-macro"),
            ("return " + "(" * 9000 + "vma->vm_pgoff" + ")" * 9000 + ";", "too-deep"),
            ("return " + "!" * 9000 + "vma->vm_pgoff;", "too-deep"),
        ],
    )
    def test_has_no_idiom(self, body: str, expected: str):
        before = "#define RING_SET() do { vma->vm_ops = &ring_vm_ops; } while (0)\n\n"
        assert reason(hook(body, before)) == expected


class TestState:
    @pytest.mark.parametrize(
        "body",
        [
            "ring->users++;\nreturn 0;",
            "ring->users += 1;\nreturn 0;",
            "refcount_inc(&ring->users);\nreturn 0;",
            "ring_take(ring);\nreturn 0;",
            "vma->vm_ops = &ring_vm_ops;\nring_count(ring);\nreturn 0;",
        ],
    )
    def test_that_outlives_the_hook(self, body: str):
        before = (
            "static void ring_take(struct ring *ring)\n{\n\tkref_get(&ring->kref);\n}\n\n"
            "static void ring_count(struct ring *ring)\n{\n\tring_extern(ring);\n}\n\n"
            "static void ring_open(struct vm_area_struct *vma)\n"
            "{\n\tring_count(vma->vm_private_data);\n}\n\n"
            "static const struct vm_operations_struct ring_vm_ops = {\n\t.open = ring_open,\n};\n\n"
        )
        assert reason(hook(body, before)) == "keeps-state"

    @pytest.mark.parametrize(
        ("body", "expected"),
        [
            ("vma->vm_private_data = kzalloc(8, GFP_KERNEL);\nreturn 0;", "allocates"),
            (
                (
                    "struct ring *ring = ring_find(vma->vm_pgoff);\n\n"
                    "if (!kref_get_unless_zero(&ring->kref))\n\treturn -ENXIO;\nreturn 0;"
                ),
                "lock-keeps-object",
            ),
            ("return vfs_mmap(ring_file, vma);", "stacked-file"),
            (
                (
                    "int r;\nmutex_lock(&m);\nring = ring_find(vma->vm_pgoff << PAGE_SHIFT);\n"
                    f"r = {REMAP};\nmutex_unlock(&m);\nreturn r;"
                ),
                "lock-keeps-object",
            ),
        ],
    )
    def test_that_only_a_mapping_may_take(self, body: str, expected: str):
        assert reason(hook(body)) == expected

    def test_that_a_kernel_without_an_mmu_has_not(self):
        head = "static int ring_mmap(struct file *file, struct vm_area_struct *vma)\n{\n"
        arms = (
            f"#ifdef CONFIG_MMU\n{head}\treturn -ENODEV;\n}}\n#else\n"
            f"{head}\treturn {REMAP};\n}}\n#endif\n"
        )
        assert reason(convert(arms + TABLE)) == "no-mmu"

    OPERATIONS = (
        "static void ring_open(struct vm_area_struct *vma)\n{\n\tkref_get(ring_of(vma));\n}\n\n"
        "static void ring_close(struct vm_area_struct *vma)\n{\n\tGIVE;\n}\n\n"
        "static const struct vm_operations_struct ring_vm_ops = {\n"
        "\t.open = ring_open,\n\t.close = ring_close,\n};\n\n"
    )
    TAKES = (
        "struct ring *ring = file->private_data;\n\nkref_get(&ring->kref);\n"
        "vma->vm_ops = &ring_vm_ops;\nreturn 0;"
    )

    @pytest.mark.parametrize(
        ("old", "new", "expected"),
        [
            ("", "", None),
            ("file->private_data", "ring_of(file)", "keeps-state"),
            ("kref_get(&ring->kref);", "ring = other;\nkref_get(&ring->kref);", "keeps-state"),
            ("kref_get(&ring->kref);", "if (ring)\n\tkref_get(&ring->kref);", "keeps-state"),
            ("return 0;", "return ring->dead ? -EIO : 0;\nreturn 0;", "keeps-state"),
            ("return 0;", "if (ring->dead)\n\treturn -EIO;\nreturn 0;", "keeps-state"),
            ("return 0;", "kref_get(&ring->kref);\nreturn 0;", "keeps-state"),
            ("&ring_vm_ops", "ring->ops", "keeps-state"),
            ("return 0;", f"return {REMAP};", None),
            ("return 0;", f"vma->vm_private_data = ring;\nreturn {REMAP};", "keeps-state"),
            ("kref_get(&ring->kref)", "kref_get(&file->private_data->kref)", "keeps-state"),
        ],
    )
    def test_that_mapped_can_take(self, old: str, new: str, expected: str | None):
        before = self.OPERATIONS.replace("GIVE", "kref_put(ring_of(vma), ring_free)")
        assert reason(hook(self.TAKES.replace(old, new), before)) == expected

    def test_that_close_does_not_give_back(self):
        before = self.OPERATIONS.replace("GIVE", "ring_log(vma)")
        assert reason(hook(self.TAKES, before)) == "keeps-state"

    def test_where_the_release_has_no_mapped(self):
        before = self.OPERATIONS.replace("GIVE", "kref_put(ring_of(vma), ring_free)")
        assert reason(hook(self.TAKES, before, target="7.0")) == "keeps-state"


class TestAllocation:
    """Memory that a hook allocates: what ->mapped() can allocate in its place (S4)."""

    CLOSE = "\tstruct view *v = vma->vm_private_data;\n\n\tkfree(v);\n"
    BEFORE = (
        "struct view { unsigned long at; refcount_t users; struct file *file; };\n\n"
        "static void ring_close(struct vm_area_struct *vma)\n{\nCLOSE}\n\n"
        "static const struct vm_operations_struct ring_vm_ops = {\n\t.close = ring_close,\n};\n\n"
    )
    BODY = (
        "struct ring *ring = file->private_data;\nstruct view *v;\n\n"
        "v = kzalloc(sizeof(*v), GFP_KERNEL);\nif (!v)\n\treturn -ENOMEM;\n"
        "v->at = vma->vm_pgoff;\nrefcount_set(&v->users, 1);\n"
        "vma->vm_private_data = v;\nvma->vm_ops = &ring_vm_ops;\nreturn 0;"
    )

    @pytest.mark.parametrize(
        ("old", "new", "expected"),
        [
            ("", "", None),
            ("kzalloc(sizeof(*v), GFP_KERNEL)", "kvmalloc(64, GFP_KERNEL)", None),
            ("vma->vm_pgoff", "ring->count + (vma->vm_end - vma->vm_start)", None),
            ("vma->vm_pgoff", "(unsigned long)file->f_mapping", None),
            ("vma->vm_pgoff", "(unsigned long)file", "allocates"),
            ("vma->vm_pgoff", "(unsigned long)vma", "allocates"),
            ("vma->vm_pgoff", "vma->vm_flags", "keeps-state"),
            ("vma->vm_pgoff", "ring_next(ring)", "allocates"),
            ("vma->vm_pgoff", "ring->count++", "allocates"),
            ("v->at = ", "v->at += ", "allocates"),
            ("v->at = ", "ring->last = v;\nv->at = ", "allocates"),
            ("refcount_set(&v->users, 1);", "list_add(&v->list, &ring->views);", "allocates"),
            ("refcount_set(&v->users, 1);", "ring_tell(v);", "allocates"),
            ("refcount_set(&v->users, 1);", "if (ring->dead)\n\treturn -EIO;", "allocates"),
            ("refcount_set(&v->users, 1);", "/* One. */\nrefcount_set(&v->users, 1);", "allocates"),
            ("if (!v)\n\treturn -ENOMEM;\n", "", "allocates"),
            ("if (!v)\n\treturn -ENOMEM;", "if (!v) {\n\tf();\n\treturn -EIO;\n}", "allocates"),
            ("vma->vm_private_data = v;\n", "", "allocates"),
            ("&ring_vm_ops", "ring->ops", "allocates"),
            ("return 0;", "return ring->count;", "allocates"),
            ("return 0;", f"return {REMAP};", "allocates"),
            ("kzalloc(sizeof(*v), GFP_KERNEL)", "ring_alloc(ring)", "keeps-state"),
        ],
    )
    def test_of_the_hook(self, old: str, new: str, expected: str | None):
        before = self.BEFORE.replace("CLOSE", self.CLOSE)
        assert reason(hook(self.BODY.replace(old, new), before)) == expected

    @pytest.mark.parametrize(
        ("old", "new", "expected"),
        [
            ("kfree(v)", "kvfree(v)", None),
            ("kfree(v)", "ring_log(v)", "allocates"),
            ("\n\n", "\n\tunsigned long at = v->at;\n\n", "allocates"),
            ("\n\n", "\n\tunsigned long at = ring_at(vma);\n\n", "allocates"),
            ("\n\n", "\n\tstruct ring *ring = vma->vm_file->private_data;\n\n", None),
        ],
    )
    def test_that_close_copes(self, old: str, new: str, expected: str | None):
        before = self.BEFORE.replace("CLOSE", self.CLOSE.replace(old, new, 1))
        assert reason(hook(self.BODY, before)) == expected

    def test_where_the_release_has_no_mapped(self):
        before = self.BEFORE.replace("CLOSE", self.CLOSE)
        assert reason(hook(self.BODY, before, target="7.0")) == "allocates"

    def test_operations_above_what_they_name(self):
        [function, operations] = re.split(
            r"(?=static const)", self.BEFORE.replace("CLOSE", self.CLOSE), maxsplit=1
        )
        declared = "static void ring_close(struct vm_area_struct *vma);\n\n"
        found = hook(self.BODY, declared + operations + function)
        new = b"".join(edit.new for edit in found.edits).decode()
        assert new.index("void **vm_private_data);\n\n") < new.index("void **vm_private_data)\n{")


class TestFile:
    HOOK = "static int ring_mmap(struct file *f, struct vm_area_struct *vma)\n{\n\treturn 0;\n}\n"

    def test_function_that_someone_calls(self):
        text = self.HOOK + "\nint ring_test(void)\n{\n\treturn ring_mmap(a, b);\n}\n" + TABLE
        assert reason(convert(text)) == "second-caller"

    def test_function_that_others_may_call(self):
        assert reason(convert(self.HOOK.removeprefix("static ") + TABLE)) == "exported-handler"

    def test_helper_of_the_fault_path(self):
        text = (
            "static int ring_check(struct vm_area_struct *vma)\n"
            "{\n\treturn vma_pages(vma) > 1;\n}\n\n"
            "static int ring_fault(struct vm_fault *vmf)\n{\n\treturn ring_check(vmf->vma);\n}\n\n"
        )
        assert reason(hook("return ring_check(vma);", text)) == "second-caller"

    def test_table_of_another_type(self):
        table = TABLE.replace("file_operations", "ring_operations")
        assert reason(convert(self.HOOK + table)) == "not-file-operations"

    def test_second_table_of_another_type(self):
        other = "\nstatic const struct ring_operations ring_ops = {\n\t.mmap = ring_mmap,\n};\n"
        text = self.HOOK + TABLE + other
        found = convert_file(SourceFile("ring.c", text.encode()), None, "7.3")
        assert [reason(c) for c in found] == ["second-table", "not-file-operations"]

    def test_table_in_a_macro(self):
        table = (
            "#define RING_FOPS(n) \\\nstatic const struct file_operations n = { \\\n"
            "\t.mmap = ring_mmap, \\\n}\n"
        )
        assert reason(convert(self.HOOK + table)) == "macro-table"

    def test_function_of_another_file(self):
        assert reason(convert(TABLE)) == "handler-elsewhere"

    def test_no_function(self):
        assert reason(convert(TABLE.replace("ring_mmap", "NULL"))) == "no-function"

    def test_new_name_in_use(self):
        text = self.HOOK + "\nint ring_mmap_prepare;\n" + TABLE
        assert reason(convert(text)) == "name-taken"

    def test_framework_that_calls_the_member(self):
        driver = "\nstatic const struct drm_driver ring_driver = {\n\t.fops = &ring_fops,\n};\n"
        assert reason(convert(self.HOOK + TABLE + driver)) == "framework-calls-mmap"


class TestReason:
    def test_names_the_line(self):
        found = hook("if (x)\n\treturn -EIO;\nring->vma = vma;\nreturn 0;")
        assert found.reason is not None
        assert found.reason.line == 5

    def test_has_an_explanation(self):
        raised = set()
        for package in (conversion, idioms):
            for path in Path(package.__file__).parent.glob("*.py"):
                raised |= set(re.findall(r'Declined\(\s*"([\w-]+)"', path.read_text()))
                raised |= set(re.findall(r'note\(\s*"([\w-]+)"', path.read_text()))
        assert raised <= set(EXPLANATIONS)


OPEN = """
static void ring_vma_open(struct vm_area_struct *vma)
{
	struct ring *ring = vma->vm_private_data;

	atomic_inc(&ring->users);
}

static const struct vm_operations_struct ring_vm_ops = {
	.open = ring_vma_open,
};

"""
COUNTED = "vma->vm_ops = &ring_vm_ops;\nvma->vm_private_data = file->private_data;\n"


class TestMapped:
    def test_the_plain_case(self):
        assert reason(hook(COUNTED + "ring_vma_open(vma);\nreturn 0;", OPEN)) is None

    def test_what_follows_may_fail(self):
        body = COUNTED + "ring_vma_open(vma);\nreturn ring_check(file);"
        assert reason(hook(body, OPEN)) == "keeps-state"

    def test_on_some_paths_only(self):
        body = COUNTED + "if (file->private_data)\n\tring_vma_open(vma);\nreturn 0;"
        assert reason(hook(body, OPEN)) == "keeps-state"

    def test_operations_on_some_paths_only(self):
        body = "if (file->private_data)\n\tvma->vm_ops = &ring_vm_ops;\n"
        assert reason(hook(body + "ring_vma_open(vma);\nreturn 0;", OPEN)) == "keeps-state"

    def test_open_that_needs_the_vma(self):
        before = OPEN.replace("atomic_inc(&ring->users)", "ring_track(ring, vma)")
        body = COUNTED + "ring_vma_open(vma);\nreturn 0;"
        assert reason(hook(body, before)) == "keeps-state"

    def test_open_that_looks_at_the_flags(self):
        before = OPEN.replace("&ring->users", "&ring->users[vma->vm_flags & 1]")
        body = COUNTED + "ring_vma_open(vma);\nreturn 0;"
        assert reason(hook(body, before)) == "keeps-state"

    def test_operations_that_a_legacy_handler_installs_too(self):
        other = "static void g(struct vm_area_struct *a)\n{\n\ta->vm_ops = &ring_vm_ops;\n}\n\n"
        body = COUNTED + "ring_vma_open(vma);\nreturn 0;"
        assert reason(hook(body, OPEN + other)) == "keeps-state"

    def test_a_release_without_it(self):
        body = COUNTED + "ring_vma_open(vma);\nreturn 0;"
        assert reason(hook(body, OPEN, target="7.0")) == "release-lacks-helper"


class TestSplit:
    CALLER = "static int f(struct vm_area_struct *area)\n{\n\treturn ring_check(area);\n}\n\n"

    def split(self, body: str) -> Conversion:
        head = "static int ring_check(struct vm_area_struct *vma)\n{\n"
        return hook("return ring_check(vma);", f"{head}{body}\n}}\n\n{self.CALLER}")

    def test_the_plain_case(self):
        assert reason(self.split("\treturn vma->vm_start ? -EINVAL : 0;")) is None

    def test_what_is_no_test(self):
        assert reason(self.split("\tvma->vm_ops = NULL;\n\treturn 0;")) == "second-caller"

    def test_what_maps(self):
        assert reason(self.split("\treturn vm_iomap_memory(vma, 0, 4096);")) == "second-caller"

    def test_names_in_use(self):
        body = "\tint start = 0;\n\n\treturn vma->vm_start != start ? -EINVAL : 0;"
        assert reason(self.split(body)) == "name-taken"


class TestFoundByTheFuzzer:
    """Sources that scripts/fuzz-convert made, which crashed the converter or were broken by it."""

    def test_a_test_of_the_member_that_does_not_parse(self) -> None:
        before = "int ring_ok(struct file *f)\n{\n\treturn !f->f_op-> >mmap;\n}\n"
        found = hook("return 0;", before)
        assert reason(found) == "member-used"
        assert found.reason is not None
        assert found.reason.line == 3

    def test_a_prototype_that_takes_something_else(self) -> None:
        before = "static int ring_mmap(struct file , struct vm_area_struct *);\n"
        assert reason(hook("return 0;", before)) == "not-a-hook"

    def test_an_open_that_is_not_defined_here(self) -> None:
        before = (
            "static const struct vm_operations_struct ring_vm_ops = {\n\t.open = ring_open,\n};\n"
        )
        body = "vma->vm_ops = &ring_vm_ops;\nring_open(vma);\nreturn 0;"
        assert reason(hook(body, before)) is not None

    def test_an_empty_statement_after_a_population(self) -> None:
        body = "int ret;\n\nret = REMAP;\n;\nreturn ret;".replace("REMAP", REMAP)
        assert reason(hook(body)) is not None

    def test_a_split_helper_with_a_parameter_without_a_name(self) -> None:
        helper = (
            "static int ring_check(struct ring *, struct vm_area_struct *vma)\n{\n"
            "\treturn vma->vm_start ? -EINVAL : 0;\n}\n\n"
            "static int f(struct vm_area_struct *area)\n{\n\treturn ring_check(x, area);\n}\n\n"
        )
        assert reason(hook("return ring_check(file->private_data, vma);", helper)) == "not-a-hook"

    def test_a_close_that_takes_no_vma(self) -> None:
        close = "static void ring_close(struct ring *ring)\n{\n\tkref_put(ring, ring_free);\n}\n\n"
        table = (
            "static const struct vm_operations_struct ring_vm_ops = {\n\t.close = ring_close,\n};\n"
        )
        body = f"{TestState.TAKES.removesuffix('return 0;')}return {REMAP};"
        assert reason(hook(body, close + table)) == "keeps-state"

    def test_a_table_of_a_structure_without_a_name(self) -> None:
        table = TABLE.replace("struct file_operations", "struct *")
        [found] = convert_file(SourceFile("ring.c", (TestFile.HOOK + table).encode()), None, "7.3")
        assert found.reason is not None


class TestWideFlags:
    """Flags above bit 31 are only set, and only where it is known what they are without 64 bits."""

    @pytest.mark.parametrize(
        ("body", "id_"),
        [
            ("if (vma->vm_flags & VM_SEALED)\n\t\treturn -EPERM;", "flag-not-portable"),
            ("vm_flags_clear(vma, VM_SEALED);", "flag-not-portable"),
            ("vm_flags_mod(vma, VM_SEALED, VM_MAYWRITE);", "flag-not-portable"),
            ("vma->vm_flags |= VM_SEALED;", "flag-not-portable"),
            ("vm_flags_set(vma, VM_DROPPABLE);", "flag-not-portable"),
            ("vm_flags_set(vma, VM_SEALED | VM_DROPPABLE);", "flag-not-portable"),
            ("vm_flags_set(vma, VM_SEALED | extra);", "flags-not-constant"),
            ("if (x)\n\t\tvm_flags_set(vma, VM_SEALED);", "needs-braces"),
            ("if (x) {\n\t} else\n\t\tvm_flags_set(vma, VM_SEALED);", "needs-braces"),
        ],
    )
    def test_are_declined(self, body: str, id_: str) -> None:
        assert reason(self.hook(body)) == id_

    def test_are_declined_where_that_is_not_known(self) -> None:
        found = self.hook("vm_flags_set(vma, VM_SEALED);", wide=frozenset())
        assert reason(found) == "flag-not-portable"

    def hook(self, body: str, wide: frozenset[str] = frozenset({"SEALED"})) -> Conversion:
        """Convert a hook for a release whose headers have such bits."""
        bits = {**releases.named("7.3").bits, "SEALED": 42, "DROPPABLE": 40}
        release = replace(releases.named("7.3"), bits=bits, wide=wide)
        head = "static int ring_mmap(struct file *file, struct vm_area_struct *vma)\n{\n"
        text = f"{head}\t{body}\n\treturn 0;\n}}\n{TABLE}"
        [found] = convert_file(SourceFile("ring.c", text.encode()), None, release)
        return found

    def test_that_the_file_defines_itself_are_declined(self) -> None:
        before = "#define VM_SEALED 1UL\n"
        found = hook("\tvm_flags_set(vma, VM_SEALED);\n\treturn 0;", before)
        assert reason(found) == "flags-in-macro"
