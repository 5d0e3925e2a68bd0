# SPDX-License-Identifier: GPL-2.0-only
"""Ways to a wrong `equivalent`: each pair here differs, and once looked the same."""

from __future__ import annotations

import pytest
from tests.equivalence.kit import judge

RES = "struct res { unsigned long start, end; struct res *next; };\n"
DEV = "struct dev *d = file->private_data; "
NEW_DEV = "struct dev *d = desc->file->private_data; "


def differ(old: str, new: str, extra: str = "", new_extra: str | None = None) -> None:
    """Assert that two bodies are `different`, with an example."""
    verdict = judge(old, new, extra, new_extra)
    assert verdict.status == "different", verdict
    assert all(difference.example for difference in verdict.differences)


def unproven(
    old: str, new: str, reason: str, extra: str = "", new_extra: str | None = None
) -> None:
    """Assert that the verdict is `unknown`, for this reason and with a line."""
    verdict = judge(old, new, extra, new_extra)
    assert verdict.status == "unknown", verdict
    assert verdict.reason is not None
    assert reason in verdict.reason
    assert "ring.c:" in verdict.reason


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
            "is read as",
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


class TestValuesOfTheFile:
    def test_another_initial_value(self) -> None:
        unproven(
            "return vma->vm_pgoff > limit ? -EINVAL : 0;",
            "return desc->pgoff > limit ? -EINVAL : 0;",
            "begins with different values",
            "static const unsigned long limit = 5;\n",
            "static const unsigned long limit = 6;\n",
        )

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
        assert verdict.differences[0].message.startswith("->fault, which f_vm_ops uses")

    def test_an_enumerator_above_int_max_is_not_negative(self) -> None:
        differ("return BIG < 0 ? -EINVAL : 0;", "return -EINVAL;", "enum e { BIG = 0x80000000 };\n")

    def test_a_module_is_not_just_enabled(self) -> None:
        differ(
            "return IS_MODULE(CONFIG_X) ? -EPERM : 0;", "return IS_ENABLED(CONFIG_X) ? -EPERM : 0;"
        )


class TestGuards:
    """What guards an undefined operation keeps it from being reached, not from being compared."""

    def test_division(self) -> None:
        differ(
            DEV + "if (d->count != 0 && d->size / d->count > 3) return -EINVAL; return 0;",
            NEW_DEV + "if (d->count == 0 || d->size / d->count > 3) return -EINVAL; return 0;",
        )

    def test_division_in_a_choice(self) -> None:
        differ(
            DEV + "return (d->count ? d->size / d->count : 0) > 3 ? -EINVAL : 0;",
            NEW_DEV + "return (d->count ? d->size / d->count : 9) > 3 ? -EINVAL : 0;",
        )

    def test_division_in_a_macro_of_the_kernel(self) -> None:
        differ(
            DEV + "if (d->count && DIV_ROUND_UP(d->size, d->count) > 3) return -EINVAL; return 0;",
            NEW_DEV + "if (!d->count || DIV_ROUND_UP(d->size, d->count) > 3) return -EINVAL;"
            " return 0;",
        )

    def test_shift(self) -> None:
        differ(
            DEV + "if (d->limit < 32 && d->ro >> d->limit) return -EINVAL; return 0;",
            NEW_DEV + "if (d->limit >= 32 || d->ro >> d->limit) return -EINVAL; return 0;",
        )


class TestArrays:
    def test_an_index_may_hit_a_local_element(self) -> None:
        body = "unsigned long a[2]; a[0] = 1; a[1] = 2; {} return a[0] == 5 ? -EINVAL : 0;"
        verdict = judge(body.format("a[vma->vm_pgoff & 1] = 5;"), body.format(""))
        assert verdict.status in ("different", "unknown")

    def test_an_index_may_hit_an_element_read_before(self) -> None:
        body = (
            "unsigned long x = d->table[0]; d->table[{0} & 1] = 5;"
            " return d->table[0] == {1} ? -EINVAL : 0;"
        )
        verdict = judge(
            DEV + body.format("vma->vm_pgoff", "x"),
            NEW_DEV + body.format("desc->pgoff", "d->table[0]"),
        )
        assert verdict.status in ("different", "unknown")

    def test_rows_and_columns(self) -> None:
        body = (
            "unsigned long a[3][3]; a[1][2] = 1; a[2][1] = 2; return a[1][2] == %d ? -EINVAL : 0;"
        )
        verdict = judge(body % 1, body % 2)
        assert verdict.status in ("different", "unknown")

    def test_rows_and_columns_of_driver_state(self) -> None:
        unproven(
            "return grid.cells[1][2] ? -EINVAL : 0;",
            "return grid.cells[2][1] ? -EINVAL : 0;",
            "array of arrays",
            "static struct { int cells[3][3]; } grid;\n",
        )


class TestReferences:
    """The new hook also runs for a mapping that merges, or can't be allocated."""

    @pytest.mark.parametrize("call", ["refcount_inc", "refcount_dec"])
    def test_a_count_that_changes_without_a_mapping(self, call: str) -> None:
        body = f"{call}(d->cookie); return 0;"
        differ(DEV + body, NEW_DEV + body)


class TestCallsWithVariables:
    def test_zeroes_that_a_call_replaces(self) -> None:
        differ(
            "struct res r = {}; get_res(file, &r); return r.start ? -EINVAL : 0;",
            "struct res r = {}; get_res(desc->file, &r); return 0;",
            RES,
        )

    @pytest.mark.parametrize("initializer", ["{}", "{ .start = 4 }"])
    def test_members_that_are_zero_no_more(self, initializer: str) -> None:
        differ(
            f"struct res a = {initializer}; a.start = 4; put_res(file, &a); return 0;",
            "struct res a; a.start = 4; put_res(desc->file, &a); return 0;",
            RES,
        )

    def test_a_variable_that_points_to_itself(self) -> None:
        body = "struct res a; a.next = &a; put_res({}, &a); return 0;"
        verdict = judge(body.format("file"), body.format("desc->file"), RES)
        assert verdict.status == "equivalent-except"

    def test_content_that_a_reading_function_sees(self) -> None:
        body = "unsigned long m = %d; return test_bit(0, &m) ? -EINVAL : 0;"
        differ(body % 1, body % 2)

    def test_a_variable_that_unknown_code_kept(self) -> None:
        differ(
            "int x = 0; start(&x); wait_for(file); return x ? -EINVAL : 0;",
            "int x = 0; int y; start(&x); y = x; wait_for(desc->file); return y ? -EINVAL : 0;",
        )

    def test_another_variable_with_the_same_type(self) -> None:
        body = "struct res a, b; get_res({0}, &a); get_res({0}, &b); put_res({0}, &{1}); return 0;"
        differ(body.format("file", "a"), body.format("desc->file", "b"), RES)

    def test_memory_that_a_known_function_writes(self) -> None:
        call = "atomic_try_cmpxchg(&d->ro, &d->limit, 3);"
        differ(
            f"{DEV}int r; {call} r = d->limit; return r ? -EINVAL : 0;",
            f"{NEW_DEV}int r; r = d->limit; {call} return r ? -EINVAL : 0;",
        )


class TestLocks:
    def test_a_read_moved_behind_the_release(self) -> None:
        differ(
            DEV + "unsigned long s; mutex_lock(&d->lock); s = d->size; mutex_unlock(&d->lock);"
            " return s < 3 ? -EINVAL : 0;",
            NEW_DEV + "unsigned long s; mutex_lock(&d->lock); s = d->size; mutex_unlock(&d->lock);"
            " return d->size < 3 ? -EINVAL : 0;",
        )

    def test_a_read_moved_before_the_lock(self) -> None:
        differ(
            DEV + "unsigned long s; mutex_lock(&d->lock); s = d->size; mutex_unlock(&d->lock);"
            " return s < 3 ? -EINVAL : 0;",
            NEW_DEV + "unsigned long s = d->size; mutex_lock(&d->lock); mutex_unlock(&d->lock);"
            " return s < 3 ? -EINVAL : 0;",
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


class TestCallbacks:
    def test_a_close_with_effects_after_a_failed_action(self) -> None:
        extra = (
            "static void c_close(struct vm_area_struct *vma)\n"
            "{\n\tkfree(vma->vm_private_data);\n}\n"
            "static const struct vm_operations_struct c_vm_ops = { .close = c_close, };\n"
        )
        differ(
            "vma->vm_ops = &c_vm_ops; return remap_pfn_range(vma, vma->vm_start, 5,"
            " vma->vm_end - vma->vm_start, vma->vm_page_prot);",
            "desc->vm_ops = &c_vm_ops; mmap_action_remap_full(desc, 5); return 0;",
            extra,
        )


class TestBits:
    def test_a_signed_bit_is_minus_one(self) -> None:
        differ(
            "struct b x; x.f = vma->vm_pgoff == 0; return x.f < 0 ? -EINVAL : 0;",
            "return 0;",
            "struct b { int f:1; };\n",
        )


class TestBalance:
    """A reference is given back by putting the same object, not just any."""

    OBJECTS = "static struct page *one;\nstatic struct file *other;\n"

    def test_put_of_another_object(self) -> None:
        body = "get_page(one); fput(other); return 0;"
        verdict = judge(body, body, self.OBJECTS)
        assert verdict.status == "different", verdict
        assert [difference.id for difference in verdict.differences] == ["effect-outlives"]


class TestFlagsOfTheCall:
    """What mmap() itself may leave in the flags is varied, too."""

    @pytest.mark.parametrize("flag", ["LOCKED", "NORESERVE", "SYNC"])
    def test_a_dropped_test_of_such_a_flag(self, flag: str) -> None:
        differ(f"return vma->vm_flags & VM_{flag} ? -EINVAL : 0;", "return 0;")

    def test_a_mount_without_execution(self) -> None:
        differ("return vma->vm_flags & VM_MAYEXEC ? 0 : -EPERM;", "return 0;")


UNION = "union u { unsigned long whole; unsigned int half; long sign; void *link; };\n"
PAIR = """
struct in { long a; long b; };
struct pair { struct in one; struct in two; };
static struct pair *first;
static struct pair *second;
"""


class TestUnions:
    """A member that is read after another one was written: exact, or `unknown`."""

    def test_the_same_bits_with_another_sign(self) -> None:
        differ(
            "union u x; x.whole = vma->vm_pgoff - 1; return x.sign < 0 ? -EINVAL : 0;",
            "return 0;",
            UNION,
        )

    @pytest.mark.parametrize("start", ["union u x = {}", "union u x = { .half = 7 }"])
    def test_part_of_what_was_written(self, start: str) -> None:
        unproven(
            f"{start}; x.whole = vma->vm_pgoff; return x.half == 7 ? -EINVAL : 0;",
            "return 0;",
            "shares its place",
            UNION,
        )

    def test_driver_state_that_was_read_before(self) -> None:
        extra = UNION + "static union u *state;\n"
        body = "unsigned int h = state->half; state->whole = 5; return {} ? -EINVAL : 0;"
        unproven(
            body.format("state->half == h"),
            body.format("1"),
            "shares its place",
            extra,
        )

    def test_a_copy_of_one_that_was_written(self) -> None:
        body = "union u x = {{}}, y; x.whole = 1; y = x; return {} ? -EINVAL : 0;"
        unproven(body.format("y.half"), body.format("0"), "shares its place", UNION)

    def test_a_part_that_is_written_later(self) -> None:
        extra = UNION + "static union u *state;\n"
        unproven(
            "state->whole = 1; state->half = 2; return 0;",
            "state->half = 2; return 0;",
            "shares its place",
            extra,
        )


class TestWholeObjects:
    @pytest.mark.parametrize(
        ("old", "new"),
        [
            ("*first = *second;", ""),
            ("memset(first, 0, sizeof(*first));", ""),
            ("memset(first, 0, sizeof(*first));", "first->one.a = 0;"),
            ("first->one = second->one;", "first->one = second->two;"),
        ],
    )
    def test_driver_state(self, old: str, new: str) -> None:
        verdict = judge(f"{old} return 0;", f"{new} return 0;", PAIR)
        assert verdict.status in ("different", "unknown"), verdict
        same = judge(f"{old} return 0;", f"{old} return 0;", PAIR)
        assert same.status == "equivalent-except", same

    def test_what_was_set_to_zero(self) -> None:
        differ(
            "struct res r; fill(&r); memset(&r, 0, sizeof(r)); return r.start ? -EINVAL : 0;",
            "struct res r; fill(&r); return r.start ? -EINVAL : 0;",
            RES,
        )

    def test_only_a_part_was_set(self) -> None:
        body = "struct res r = {{ .start = 5 }}; memset(&r, 0, {}); return r.start ? -EINVAL : 0;"
        for size in ("sizeof(r.end)", "sizeof(&r)", "8"):
            verdict = judge(body.format(size), "return 0;", RES)
            assert verdict.status in ("different", "unknown"), size

    def test_not_zero(self) -> None:
        verdict = judge(
            "struct res r; memset(&r, 0xff, sizeof(r)); return r.start ? -EINVAL : 0;",
            "return 0;",
            RES,
        )
        assert verdict.status in ("different", "unknown")

    def test_what_was_written_after_it_was_set(self) -> None:
        differ(
            "struct pair p, q; memset(&p, 0, sizeof(p)); p.one.a = 5; q.one = p.one;"
            " return q.one.a ? -EINVAL : 0;",
            "return 0;",
            PAIR,
        )

    def test_what_was_copied(self) -> None:
        body = "struct in x; memcpy(&x, &{}->one, sizeof(x)); return x.a ? -EINVAL : 0;"
        differ(body.format("first"), body.format("second"), PAIR)

    def test_a_member_that_was_copied_from_elsewhere(self) -> None:
        body = "struct pair t; first->one = second->{}; t = *first; return t.one.a ? -EINVAL : 0;"
        differ(body.format("one"), body.format("two"), PAIR)

    def test_a_call_is_shown_members_that_were_copied(self) -> None:
        body = "struct pair t = {{}}; t.one = second->{}; put_pair({}, &t); return 0;"
        differ(body.format("one", "file"), body.format("two", "desc->file"), PAIR)

    def test_a_call_is_shown_a_structure(self) -> None:
        body = "put_in({}, second->{}); return 0;"
        differ(body.format("file", "one"), body.format("desc->file", "two"), PAIR)

    def test_a_member_of_a_structure_that_is_passed(self) -> None:
        body = "struct in x = second->one; x.a = {}; put_in({}, x); return 0;"
        differ(body.format("1", "file"), body.format("2", "desc->file"), PAIR)

    def test_a_parameter_that_is_a_structure(self) -> None:
        extra = (
            PAIR
            + "static long f(struct in x)\n{\n\tx.a = 5;\n\tx = (struct in)x;\n\treturn x.a;\n}\n"
        )
        differ("return f(second->one) == 5 ? -EINVAL : 0;", "return 0;", extra)

    def test_zeroes_that_were_published(self) -> None:
        body = "struct in *x = kzalloc_obj(*x); publish({}, x); return {} ? -EINVAL : 0;"
        differ(body.format("file", "x->a"), body.format("desc->file", "0"), PAIR)

    def test_a_variable_is_not_what_it_points_to(self) -> None:
        differ(
            "*first = (struct pair){}; return first ? -EINVAL : 0;",
            "*first = (struct pair){}; return 0;",
            PAIR,
        )


class TestAddresses:
    def test_two_members(self) -> None:
        differ("return &first->one == &first->two ? -EINVAL : 0;", "return -EINVAL;", PAIR)

    def test_the_first_member(self) -> None:
        differ("return (void *)&first->one == (void *)first ? -EINVAL : 0;", "return 0;", PAIR)

    def test_two_objects(self) -> None:
        differ("return &first->one == &second->one ? -EINVAL : 0;", "return -EINVAL;", PAIR)

    def test_what_may_be_empty(self) -> None:
        extra = "struct none { };\nstruct x { struct none n; int after; };\nstatic struct x *it;\n"
        verdict = judge(
            "return (void *)&it->after == (void *)it ? -EINVAL : 0;", "return 0;", extra
        )
        assert verdict.status in ("different", "unknown")

    def test_one_past_the_end(self) -> None:
        extra = "struct x { int a[2]; int b; };\nstatic struct x *it;\n"
        verdict = judge("return &it->a[2] == &it->b ? -EINVAL : 0;", "return 0;", extra)
        assert verdict.status in ("different", "unknown")


class TestTries:
    """Whether a lock is held hangs on what the attempt gave."""

    FILL = "remap_pfn_range(vma, vma->vm_start, 5, vma->vm_end - vma->vm_start, vma->vm_page_prot)"

    @pytest.mark.parametrize(
        ("taken", "failed"),
        [
            ("mutex_trylock(&d->lock)", "!mutex_trylock(&d->lock)"),
            ("!mutex_lock_interruptible(&d->lock)", "mutex_lock_interruptible(&d->lock)"),
            ("!down_trylock(&d->lock)", "down_trylock(&d->lock)"),
        ],
    )
    def test_left_held(self, taken: str, failed: str) -> None:
        end = "up" if "down" in taken else "mutex_unlock"
        body = f"if ({failed}) return -EBUSY; {{}} return 0;"
        differ(DEV + body.format(f"{end}(&d->lock);"), NEW_DEV + body.format(""))
        body = f"if ({taken}) {end}(&d->lock); return 0;"
        verdict = judge(DEV + body, NEW_DEV + body)
        assert verdict.status.startswith("equivalent"), verdict

    def test_filled_where_it_was_not_taken(self) -> None:
        new = "if (mutex_trylock(&d->lock)) { mutex_unlock(&d->lock); return -EBUSY; }"
        verdict = judge(
            f"{DEV}{new} return {self.FILL};",
            f"{NEW_DEV}{new} mmap_action_remap_full(desc, 5); return 0;",
        )
        assert "lock-population" not in [each.id for each in verdict.differences], verdict


class TestReadsWithOrder:
    def test_what_is_loaded_is_not_its_address(self) -> None:
        body = "return smp_load_acquire(&d->{}) ? -EINVAL : 0;"
        differ(DEV + body.format("size"), NEW_DEV + body.format("count"))

    def test_a_store_is_one(self) -> None:
        body = "smp_store_release(&d->size, {}); return 0;"
        differ(DEV + body.format(1), NEW_DEV + body.format(2))


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


class TestUnknownIndexes:
    """An example has the names of a run on plain numbers, where element 0 has its array's own."""

    IMAGE = "struct image { struct dev *dev; unsigned long n; };\nstatic struct image image[8];\n"
    LOCKED = "mutex_lock(&d->lock); mutex_unlock(&d->lock); "

    @pytest.mark.parametrize(
        "element",
        ["image[{} & 7].dev->ro", "image[{} & 7].n", "d->table[{} & 7]", "image[d->limit].dev->ro"],
    )
    def test_what_lies_behind_one_is_shown(self, element: str) -> None:
        differ(
            f"{DEV}{self.LOCKED}return {element.format('vma->vm_pgoff')} > 5 ? -EINVAL : 0;",
            f"{NEW_DEV}{self.LOCKED}return {element.format('desc->pgoff')} > 6 ? -EINVAL : 0;",
            self.IMAGE,
        )

    def test_only_the_name_that_was_asked_for_is_shown(self) -> None:
        verdict = judge(
            f"{DEV}{self.LOCKED}return image[d->limit].dev->ro > 5 ? -EINVAL : 0;",
            f"{NEW_DEV}{self.LOCKED}return image[d->limit].dev->ro > 6 ? -EINVAL : 0;",
            self.IMAGE,
        )
        example = verdict.differences[0].example
        assert example is not None
        assert len([name for name in example["state"] if "image" in name]) == 1


class TestNeighbours:
    """A neighbour after the mapping may show what one before it does not."""

    def test_what_only_the_mapping_before_another_one_is(self) -> None:
        old = "if (vma->vm_pgoff < 4) vm_flags_set(vma, VM_DONTEXPAND); return 0;"
        new = "if (desc->pgoff < 4) vma_desc_set_flags(desc, VMA_DONTEXPAND_BIT); return 0;"
        verdict = judge(old, new)
        assert [difference.id for difference in verdict.differences] == ["hook-decides-merge"]
        example = verdict.differences[0].example
        assert example is not None
        assert "directly before a mapping" in example["setting"]
        assert "--layout before-itself --right-pages" in example["run"]["new"]

    def test_private_data_that_is_lost_between_two(self) -> None:
        differ(
            "if (vma->vm_pgoff & 1) vma->vm_private_data = file; vm_flags_set(vma, VM_DONTCOPY);"
            " return 0;",
            "if (desc->pgoff & 1) desc->private_data = desc->file;"
            " vma_desc_set_flags(desc, VMA_DONTCOPY_BIT); return 0;",
        )
