# SPDX-License-Identifier: GPL-2.0-only
"""Ways to a wrong `equivalent`: what values, names and macros stand for.

Each pair here differs, and once looked the same.
"""

from __future__ import annotations

import pytest
from tests.equivalence.differing import DEV, NEW_DEV, RES, differ, unproven
from tests.equivalence.kit import judge

COUNTED = """\
static atomic_t maps;
static void f_open(struct vm_area_struct *vma) { atomic_inc(&maps); }
static void f_close(struct vm_area_struct *vma) { atomic_dec(&maps); }
%s
static const struct vm_operations_struct f_vm_ops = { .open = f_open, .close = f_close, %s };
"""
MAPPED = (
    "static int f_mapped(unsigned long start, unsigned long end, pgoff_t pgoff, "
    "const struct file *file, void **vm_private_data) { atomic_inc(&maps); return 0; }"
)
COUNTING = "vma->vm_ops = &f_vm_ops; atomic_inc(&maps); return 0;"
SETTING = "desc->vm_ops = &f_vm_ops; return 0;"


class TestNames:
    """What has one name is one thing."""

    def test_a_pointer_is_not_what_it_points_to(self) -> None:
        differ(
            DEV + "return *d->shared ? -EINVAL : 0;",
            NEW_DEV + "return (unsigned long)d->shared ? -EINVAL : 0;",
        )

    def test_a_write_to_a_pointer_is_not_one_through_it(self) -> None:
        differ(
            DEV + "*d->shared = 5; notify(file); return 0;",
            NEW_DEV + "d->shared = (unsigned long *)5; notify(desc->file); return 0;",
        )

    def test_members_of_another_structure_are_elsewhere(self) -> None:
        unproven(
            DEV + "return d->size ? -EINVAL : 0;",
            "struct head *d = desc->file->private_data; return d->size ? -EINVAL : 0;",
            "different structures",
            "struct head { unsigned long size; };\n",
        )

    def test_part_of_a_number_is_not_the_number(self) -> None:
        unproven(
            DEV + "return *(unsigned int *)&d->size ? -EINVAL : 0;",
            NEW_DEV + "return d->size ? -EINVAL : 0;",
            "different types",
        )

    def test_part_of_a_local_variable_is_not_all_of_it(self) -> None:
        unproven(
            "unsigned long a = vma->vm_pgoff; return *(unsigned char *)&a ? -EINVAL : 0;",
            "unsigned long a = desc->pgoff; return a ? -EINVAL : 0;",
            "different types, of 8 and 1 bytes",
        )

    def test_variables_filled_in_another_order(self) -> None:
        differ(
            "struct res a, b; get_res(file, &a, &b); return a.start > 5;",
            "struct res a, b; get_res(desc->file, &b, &a); return a.start > 5;",
            RES,
        )

    def test_members_filled_in_another_order(self) -> None:
        differ(
            "struct res a; get_res(file, &a.start, &a.end); return a.start > 5;",
            "struct res a; get_res(desc->file, &a.end, &a.start); return a.start > 5;",
            RES,
        )


class TestValuesOfTheFile:
    def test_another_initial_value(self) -> None:
        unproven(
            "return vma->vm_pgoff > limit ? -EINVAL : 0;",
            "return desc->pgoff > limit ? -EINVAL : 0;",
            "begins with different values",
            "static const unsigned long limit = 5;\n",
            "static const unsigned long limit = 6;\n",
        )

    @pytest.mark.parametrize(
        ("one", "other"),
        [
            ("DEFINE_STATIC_KEY_FALSE(it)", "DEFINE_STATIC_KEY_TRUE(it)"),
            ("DEFINE_XARRAY_ALLOC(it)", "DEFINE_XARRAY_ALLOC1(it)"),
        ],
    )
    def test_a_variable_that_another_macro_makes(self, one: str, other: str) -> None:
        body = "return of_it(&it) ? -EINVAL : 0;"
        reason = "begins with different values"
        unproven(body, body, reason, f"static {one};\n", f"static {other};\n")
        assert judge(body, body, f"static {one};\n").status.startswith("equivalent")

    @pytest.mark.parametrize("way", ["&users", "&outer"])
    def test_a_function_that_a_variable_begins_with(self, way: str) -> None:
        """Who is given the variable may call it."""
        extra = (
            "static int joined(void)\n{{\n\treturn {};\n}}\n"
            "static struct users users = {{ .joined = joined }};\n"
            "static struct outer outer = {{ .inner = &users }};\n"
        )
        body = f"tell({way}); return 0;"
        verdict = judge(body, body, extra.format(0), extra.format(1))
        assert "callbacks-differ" in [difference.id for difference in verdict.differences]
        same = judge(body, body, extra.format(0))
        assert "callbacks-differ" not in [difference.id for difference in same.differences]

    def test_another_initial_value_of_a_variable_within(self) -> None:
        unproven(
            "static int n = 1; return n ? -EBUSY : 0;",
            "static int n; return n ? -EBUSY : 0;",
            "begins with different values",
        )

    def test_another_arm_of_a_macro(self) -> None:
        arms = "#ifdef CONFIG_A\n#define MOST 5\n#else\n#define MOST %d\n#endif\n"
        unproven(
            "return vma->vm_pgoff > MOST ? -EINVAL : 0;",
            "return desc->pgoff > MOST ? -EINVAL : 0;",
            "defined differently",
            arms % 7,
            arms % 8,
        )

    def test_another_macro_in_a_callback(self) -> None:
        fault = (
            "#define RESULT %d\nstatic vm_fault_t f_fault(struct vm_fault *vmf)\n"
            "{\n\treturn RESULT;\n}\n"
            "static const struct vm_operations_struct f_vm_ops = { .fault = f_fault, };\n"
        )
        verdict = judge(
            "vma->vm_ops = &f_vm_ops; return 0;",
            "desc->vm_ops = &f_vm_ops; return 0;",
            fault % 1,
            fault % 2,
        )
        assert verdict.status == "equivalent-except"
        assert [difference.id for difference in verdict.differences] == ["callbacks-differ"]
        assert verdict.differences[0].judgement

    def test_what_moved_into_mapped_was_run(self) -> None:
        verdict = judge(
            COUNTING, SETTING, COUNTED % ("", ""), COUNTED % (MAPPED, ".mapped = f_mapped,")
        )
        assert verdict.status == "equivalent"

    def test_another_callback_beside_mapped(self) -> None:
        changed = COUNTED.replace("atomic_dec(&maps)", "atomic_sub(2, &maps)")
        verdict = judge(
            COUNTING, SETTING, COUNTED % ("", ""), changed % (MAPPED, ".mapped = f_mapped,")
        )
        assert [difference.id for difference in verdict.differences] == ["callbacks-differ"]
        assert verdict.differences[0].message.startswith("f_close(), which f_vm_ops uses")

    def test_another_member_beside_mapped(self) -> None:
        changed = COUNTED % (MAPPED, ".mapped = f_mapped, .fault = f_fault,")
        verdict = judge(COUNTING, SETTING, COUNTED % ("", ""), changed)
        assert verdict.differences[0].message.startswith("of f_vm_ops: ->fault is new")

    def test_an_enumerator_above_int_max_is_not_negative(self) -> None:
        differ("return BIG < 0 ? -EINVAL : 0;", "return -EINVAL;", "enum e { BIG = 0x80000000 };\n")

    def test_a_module_is_not_just_enabled(self) -> None:
        differ(
            "return IS_MODULE(CONFIG_X) ? -EPERM : 0;", "return IS_ENABLED(CONFIG_X) ? -EPERM : 0;"
        )


class TestMacros:
    def test_parameters_without_parentheses(self) -> None:
        unproven(
            "return AREA(vma->vm_pgoff + 1, 2) > 30 ? -EINVAL : 0;",
            "return (desc->pgoff + 1) * 2 > 30 ? -EINVAL : 0;",
            "without parentheses",
            "#define AREA(w, h) w * h\n",
        )

    def test_a_body_without_parentheses(self) -> None:
        unproven(
            "return LIMIT * 2 < vma->vm_pgoff ? -EINVAL : 0;",
            "return 10 < desc->pgoff ? -EINVAL : 0;",
            "not in parentheses",
            "#define LIMIT 2 + 3\n",
        )

    def test_a_parameter_that_names_a_member(self) -> None:
        get = "#define GET(p, size) ((p)->size)\n"
        differ(
            DEV + "return GET(d, count) ? -EINVAL : 0;",
            NEW_DEV + "return d->size ? -EINVAL : 0;",
            get,
        )

    def test_a_write_to_what_a_macro_names(self) -> None:
        body = "THE(d).table[1] = 5; return d->table[1] == 5 ? {} : 0;"
        differ(DEV + body.format("-EINVAL"), NEW_DEV + body.format("0"), "#define THE(p) (*(p))\n")

    def test_another_macro_as_a_place(self) -> None:
        body = "COUNT = 5; return d->count == 5 ? -EINVAL : 0;"
        differ(
            DEV + body,
            NEW_DEV + body,
            "#define COUNT d->count\n",
            "#define COUNT d->size\n",
        )

    def test_a_size_that_is_not_known(self) -> None:
        unproven(
            "return sizeof(*one(file)) > vma->vm_pgoff ? -EINVAL : 0;",
            "return sizeof(*two(desc->file)) > desc->pgoff ? -EINVAL : 0;",
            "size of an expression",
        )

    def test_what_is_handed_on_by_a_function_with_variable_arguments(self) -> None:
        extra = (
            "static void say(const char *format, ...)\n{\n\tva_list args;\n\n"
            "\tva_start(args, format);\n\tsay_all(format, args);\n\tva_end(args);\n}\n"
        )
        differ(
            'say("%lu", vma->vm_pgoff); return 0;', 'say("%lu", desc->pgoff + 1); return 0;', extra
        )

    def test_another_type_by_typeof(self) -> None:
        differ(
            DEV + "typeof(d->limit) x = d->size; return x ? -EINVAL : 0;",
            NEW_DEV + "typeof(d->size) x = d->size; return x ? -EINVAL : 0;",
        )

    def test_a_body_that_needs_none(self) -> None:
        verdict = judge(
            "vm_flags_set(vma, BOTH); return 0;",
            "vma_desc_set_flags(desc, VMA_IO_BIT, VMA_PFNMAP_BIT); return 0;",
            "#define BOTH VM_IO | VM_PFNMAP\n",
        )
        assert verdict.status == "equivalent"


class TestChoices:
    def test_by_type(self) -> None:
        body = "return _Generic((vma->vm_pgoff), unsigned long: {}, default: 0);"
        verdict = judge(body.format(1), body.format(0).replace("vma->vm_", "desc->"))
        assert verdict.status in ("different", "unknown")

    def test_by_qualifiers(self) -> None:
        body = (
            "const struct dev *d = file->private_data;"
            " return _Generic(d, struct dev *: -EINVAL, const struct dev *: 0);"
        )
        unproven(body, "return -EINVAL;", "hangs on `const`")


class TestOverflows:
    @pytest.mark.parametrize("operation", ["add", "sub", "mul"])
    def test_into_a_narrower_type(self, operation: str) -> None:
        body = f"{{}} out; return check_{operation}_overflow(d->size, 1ul, &out) ? -EINVAL : 0;"
        differ(DEV + body.format("unsigned int"), NEW_DEV + body.format("unsigned long"))

    def test_a_size_that_saturates(self) -> None:
        differ(
            DEV + "return size_add(d->size, 16) < 16 ? -EINVAL : 0;",
            NEW_DEV + "return d->size + 16 < 16 ? -EINVAL : 0;",
        )


class TestReadsWithOrder:
    def test_what_is_loaded_is_not_its_address(self) -> None:
        body = "return smp_load_acquire(&d->{}) ? -EINVAL : 0;"
        differ(DEV + body.format("size"), NEW_DEV + body.format("count"))

    def test_a_store_is_one(self) -> None:
        body = "smp_store_release(&d->size, {}); return 0;"
        differ(DEV + body.format(1), NEW_DEV + body.format(2))
