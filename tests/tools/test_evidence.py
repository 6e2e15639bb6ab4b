"""Evidence, or it did not happen: every way in which two checks prove a fix, or do not."""

from collections.abc import Mapping, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tools import evidence as judging
from tools.evidence import MOST, Check, Comparison, Evidence, compare, file_of, harm
from tools.runners.results import Case, Counts, State, gather
from tools.tampering import EditedFile, review

pytestmark = pytest.mark.requirement("R13")
SOURCE = EditedFile(path="src/auth.py", old="a - b", new="a + b")
RED = {"tests/test_auth.py::test_login": "fail", "tests/test_auth.py::test_other": "pass"}
LOGIN, OTHER = RED
GREEN = {**RED, "tests/test_auth.py::test_login": "pass"}


def checked(states: Mapping[str, State | str], /, **more: object) -> Check:
    """Return the check that a runner with ids would make of these states."""
    report = gather(Case.model_validate({"id": name, "state": state}) for name, state in states.items())
    red = report.counts.failed + report.counts.error
    told = {
        "runner": "pytest",
        "command": ["python", "-m", "pytest"],
        "verdict": "failed" if red else "passed",
        "why": "",
        "counts": report.counts,
        "states": report.states,
        "report": "digest",
    }
    return Check.model_validate({**told, **more})


def counted(verdict: str, passed: int, failed: int) -> Check:
    counts = Counts(passed=passed, failed=failed)
    return checked({}, runner="make", ids=False, verdict=verdict, counts=counts)


def judge(before: Check, after: Check, edits: Sequence[EditedFile]) -> Evidence:
    return judging.judge(before, after, [review(edit) for edit in edits])


def test_a_test_that_failed_and_passes_now_proves_the_fix() -> None:
    evidence = judge(checked(RED), checked(GREEN), [SOURCE])
    assert evidence.outcome == "fixed"
    assert evidence.why == "From fail to pass, and none broke: tests/test_auth.py::test_login."
    assert [(change.before, change.after) for change in evidence.fixed] == [("fail", "pass")]


def test_an_error_that_passes_now_proves_the_fix_as_well() -> None:
    assert judge(checked({"t.py::a": "error"}), checked({"t.py::a": "pass"}), [SOURCE]).outcome == "fixed"


def test_an_unrelated_red_test_does_not_hide_the_evidence() -> None:
    other: dict[str, str] = {"tests/test_else.py::test_red": "fail"}
    evidence = judge(checked({**RED, **other}), checked({**GREEN, **other}), [SOURCE])
    assert evidence.outcome == "fixed"
    assert evidence.still_failing == 1
    assert "none broke; 1 red as before: " in evidence.why


@pytest.mark.parametrize(
    ("before", "after", "why"),
    [
        (RED, RED, "No test went from red to pass; 1 red as before."),
        (GREEN, GREEN, "No test failed before the change, so none can show it."),
        (RED, {**GREEN, OTHER: "fail"}, f"Passed before, red now: {OTHER}."),
        (RED, {**GREEN, OTHER: "error"}, "Passed before, red now"),
        (RED, {**GREEN, OTHER: "skip"}, f"Ran before, skipped now: {OTHER}."),
        (RED, {LOGIN: "pass"}, f"Ran before, gone now: {OTHER}."),
        (RED, {OTHER: "pass"}, f"Ran before, gone now: {LOGIN}."),
        (RED, {**RED, LOGIN: "skip"}, f"Ran before, skipped now: {LOGIN}."),
        (RED, {OTHER: "pass", "tests/test_auth.py::renamed": "pass"}, "gone now"),
    ],
)
def test_anything_lost_or_nothing_won_is_unverified(before: dict[str, str], after: dict[str, str], why: str) -> None:
    evidence = judge(checked(before), checked(after), [SOURCE])
    assert evidence.outcome == "changed_unverified"
    assert why in evidence.why


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (checked({}, verdict="no_evidence", why="test_x.py cannot be collected"), checked(GREEN)),
        (checked(RED), checked({}, verdict="no_evidence", why="The check was ended after 600 s.")),
    ],
)
def test_a_check_without_evidence_proves_nothing(before: Check, after: Check) -> None:
    evidence = judge(before, after, [SOURCE])
    assert evidence.outcome == "changed_unverified"
    assert "is no evidence: " in evidence.why


def test_two_different_commands_cannot_be_compared() -> None:
    for other in (checked(GREEN, command=["python", "-m", "pytest", "-k", "x"]), checked(GREEN, runner="unittest")):
        assert judge(checked(RED), other, [SOURCE]).why == "The two checks did not run the same command."


@pytest.mark.parametrize("edits", [[], [EditedFile(path="a.py", old="x", new="x")]])
def test_without_a_change_nothing_was_fixed(edits: list[EditedFile]) -> None:
    assert judge(checked(RED), checked(GREEN), edits).why == "Nothing was changed."


@pytest.mark.parametrize(
    "edit",
    [
        EditedFile(
            path="tests/test_auth.py", old="def test_login(): assert f() == 1", new="def test_login(): assert 1 == 1"
        ),
        EditedFile(path="tests/test_auth.py", old="def test_login(): assert f()", new="def test_login(): pass"),
        EditedFile(path="tests/test_auth.py", old="def test_login(): assert f()", new=None),
        EditedFile(path="conftest.py", old=None, new="x"),
    ],
)
def test_a_test_that_was_edited_does_not_vouch_for_the_edit(edit: EditedFile) -> None:
    assert judge(checked(RED), checked(GREEN), [SOURCE, edit]).outcome == "changed_unverified"
    assert judge(checked(RED), checked(GREEN), [SOURCE]).outcome == "fixed"


def test_another_test_that_was_not_edited_vouches_for_it() -> None:
    elsewhere = {"tests/test_more.py::test_login": "fail"}
    added = EditedFile(path="tests/test_auth.py", old="assert a\n", new="assert a\nassert b\n")
    evidence = judge(
        checked({**RED, **elsewhere}), checked({**GREEN, **dict.fromkeys(elsewhere, "pass")}), [SOURCE, added]
    )
    assert evidence.outcome == "fixed"
    assert [change.id for change in evidence.fixed] == ["tests/test_more.py::test_login"]


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_test_that_changes_its_colour_by_itself_proves_nothing_and_hides_no_other(when: str) -> None:
    more = {"tests/test_more.py::test_login": "fail"}
    flaky = {"before": {}, "after": {}, when: {"flaky": [LOGIN]}}
    before, after = checked(RED, **flaky["before"]), checked(GREEN, **flaky["after"])
    evidence = judge(before, after, [SOURCE])
    assert evidence.outcome == "changed_unverified"
    assert evidence.why == f"Flaky, red once and passing once on the same code: {LOGIN}."
    before = checked({**RED, **more}, **flaky["before"])
    after = checked({**GREEN, **dict.fromkeys(more, "pass")}, **flaky["after"])
    assert [change.id for change in judge(before, after, [SOURCE]).fixed] == [*more]
    many = checked(RED, flaky=[f"t::{n}" for n in range(MOST)])
    assert judge(many, checked(GREEN), [SOURCE]).outcome == "changed_unverified", "there may be more than are listed"


def test_a_check_without_test_names_that_changes_its_colour_by_itself_proves_nothing() -> None:
    red, green = counted("failed", 1, 1), counted("passed", 2, 0)
    assert judge(red, green, [SOURCE]).outcome == "fixed"
    doubted = judge(red.model_copy(update={"flaky": ["make"]}), green, [SOURCE])
    assert (doubted.outcome, doubted.why.startswith("The check is flaky")) == ("changed_unverified", True)


def test_when_nothing_but_tests_was_edited_none_that_passes_now_proves_a_fix() -> None:
    shared = EditedFile(
        path="tests/test_base.py", old="def check(): assert f() == 2", new="def check(): assert f() == 1"
    )
    assert judge(checked(RED), checked(GREEN), [shared]).why == "Nothing but tests was edited."
    assert judge(checked(RED), checked(GREEN), [shared, SOURCE]).outcome == "fixed"


def test_a_rust_unit_test_beside_its_code_vouches_when_only_the_code_was_edited() -> None:
    inline = "fn add() -> u8 { %s }\n#[cfg(test)]\nmod tests { #[test] fn adds() { assert_eq!(super::add(), %s); } }\n"
    before, after = checked({"src/lib.rs::tests::adds": "fail"}), checked({"src/lib.rs::tests::adds": "pass"})
    code = EditedFile(path="src/lib.rs", old=inline % (1, 2), new=inline % (2, 2))
    both = EditedFile(path="src/lib.rs", old=inline % (1, 2), new=inline % (1, 1))
    assert judge(before, after, [code]).outcome == "fixed"
    assert judge(before, after, [both]).why.startswith("The tests that pass now stand in files that were edited too")


def test_an_example_in_a_docstring_vouches_when_only_the_code_was_edited() -> None:
    source = 'def half(n):\n    """\n    >>> half(4)\n    %s\n    """\n    return n %s 2\n'
    before, after = checked({"pkg/calc.py::pkg.calc.half": "fail"}), checked({"pkg/calc.py::pkg.calc.half": "pass"})
    code = EditedFile(path="pkg/calc.py", old=source % (2, "*"), new=source % (2, "//"))
    example = EditedFile(path="pkg/calc.py", old=source % (2, "*"), new=source % (8, "*"))
    assert judge(before, after, [code]).outcome == "fixed"
    assert judge(before, after, [example]).outcome == "changed_unverified"


def test_with_states_too_many_to_show_the_comparison_of_the_second_check_counts() -> None:
    before, after = checked(RED, states={}), checked(GREEN, states={})
    assert judge(before, after, [SOURCE]).why == "The second check was not compared with the first as its baseline."
    compared = compare(checked(RED).states, checked(GREEN).states, "digest")
    assert judge(before, checked(GREEN, states={}, compared=compared), [SOURCE]).outcome == "fixed"
    stale = compare(checked(RED).states, checked(GREEN).states, "another")
    assert judge(before, checked(GREEN, states={}, compared=stale), [SOURCE]).outcome == "changed_unverified"


@pytest.mark.parametrize(
    ("before", "after", "outcome", "why"),
    [
        (counted("failed", 1, 1), counted("passed", 2, 0), "fixed", "now passes with the same 2 tests"),
        (counted("passed", 2, 0), counted("passed", 2, 0), "changed_unverified", "did not fail before the change"),
        (counted("failed", 1, 1), counted("failed", 1, 1), "changed_unverified", "The check still fails."),
        (counted("failed", 1, 1), counted("passed", 1, 0), "changed_unverified", "2 before, 1 now"),
        (counted("failed", 0, 0), counted("passed", 0, 0), "changed_unverified", "0 before, 0 now"),
    ],
)
def test_a_runner_without_test_names_is_judged_by_exit_code_and_count(
    before: Check, after: Check, outcome: str, why: str
) -> None:
    evidence = judge(before, after, [SOURCE])
    assert (evidence.outcome, why in evidence.why) == (outcome, True)


def test_without_test_names_no_test_may_have_been_edited() -> None:
    added = EditedFile(path="tests/test_a.py", old="assert a\n", new="assert a\nassert b\n")
    evidence = judge(counted("failed", 1, 1), counted("passed", 2, 0), [SOURCE, added])
    assert evidence.why.startswith("tests/test_a.py was edited")


def test_without_test_names_the_script_that_is_the_check_may_not_have_been_edited() -> None:
    script = review(EditedFile(path="run.js", old="exit(1)", new="exit(0)"))
    red, green = counted("failed", 0, 1), counted("passed", 1, 0)
    assert judging.judge(red, green, [script]).outcome == "fixed"
    program = script.model_copy(update={"program": True})
    assert judging.judge(red, green, [program]).why.startswith("run.js was edited")


@pytest.mark.parametrize(
    ("before", "after", "why"),
    [
        (checked(RED), checked(GREEN), ""),
        (checked(RED), checked({**RED, "new": "fail"}), ""),
        (checked(RED), checked({**RED, OTHER: "skip"}), ""),
        (checked(RED), checked({OTHER: "pass"}), ""),
        (checked(RED), checked({**GREEN, OTHER: "fail"}), f"Passed before, red or gone now: {OTHER}."),
        (checked(RED), checked({**GREEN, OTHER: "error"}), f"Passed before, red or gone now: {OTHER}."),
        (checked(RED), checked({LOGIN: "pass"}), f"Passed before, red or gone now: {OTHER}."),
        (checked(RED), checked({}, verdict="no_evidence", why="x.py cannot be collected: SyntaxError"), "x.py cannot"),
        (checked({}, verdict="no_evidence"), checked({}, verdict="no_evidence"), ""),
        (checked({"a": "fail"}), checked({}, verdict="no_evidence"), ""),
        (counted("passed", 2, 0), counted("failed", 1, 1), "The check passed before and fails now."),
        (counted("passed", 0, 0), counted("failed", 0, 0), "The check passed before and fails now."),
        (counted("passed", 0, 0), counted("no_evidence", 0, 0), "The tests ran before and cannot now"),
        (counted("failed", 0, 0), counted("failed", 0, 0), ""),
        (counted("failed", 2, 1), counted("failed", 1, 2), "More tests are red than before."),
        (counted("failed", 2, 1), counted("failed", 2, 1), ""),
        (counted("failed", 2, 1), counted("passed", 3, 0), ""),
    ],
)
def test_a_change_must_be_undone_when_a_test_that_passed_does_not_run_green(
    before: Check, after: Check, why: str
) -> None:
    assert why in harm(before, after)
    assert bool(harm(before, after)) == bool(why)


def test_what_broke_is_listed_with_the_evidence() -> None:
    before: dict[str, State] = {"a": "pass", "b": "pass", "c": "pass", "d": "pass", "e": "fail", "f": "pass"}
    after: dict[str, State] = {"a": "fail", "b": "error", "d": "skip", "f": "pass"}
    assert [change.id for change in judge(checked(before), checked(after), [SOURCE]).broken] == ["a", "b", "c"]


def test_long_lists_are_cut_and_their_totals_are_not() -> None:
    names = [f"t.py::test_{number}" for number in range(MOST + 5)]
    compared = compare(dict.fromkeys(names, "fail"), dict.fromkeys(names, "pass"))
    assert (len(compared.fixed), compared.fixed_total) == (MOST, MOST + 5)
    gone = compare({"old": "fail", **dict.fromkeys(names, "pass")}, {})
    assert gone.missing_total == MOST + 6
    assert all(change.before == "pass" for change in gone.missing)


def test_the_file_of_a_test_is_what_its_id_begins_with() -> None:
    assert file_of("tests/test_a.py::TestX::test_y[a::b]") == "tests/test_a.py"
    assert file_of("plain.test.js") == "plain.test.js"


states = st.dictionaries(st.sampled_from("abcdefgh"), st.sampled_from(["pass", "fail", "error", "skip"]))


@given(states, states)
@settings(max_examples=100)
def test_a_comparison_accounts_for_every_test_once(before: dict[str, State], after: dict[str, State]) -> None:
    compared = compare(before, after)
    moved = compared.fixed_total + compared.broken_total + compared.missing_total + compared.skipped_total
    assert moved + compared.still_failing + compared.same == len(before)
    assert compared.same >= 0
    assert compared.new + len(before) - compared.missing_total == len(after)
    assert Comparison.model_validate_json(compared.model_dump_json()) == compared


@given(states, states)
@settings(max_examples=100)
def test_fixed_is_never_said_when_a_test_that_passed_is_lost(before: dict[str, State], after: dict[str, State]) -> None:
    evidence = judge(checked(before), checked(after), [SOURCE])
    lost = any(after.get(name) != "pass" for name, state in before.items() if state == "pass")
    won = any(after.get(name) == "pass" for name, state in before.items() if state in {"fail", "error"})
    if evidence.outcome == "fixed":
        assert won
        assert not lost


def test_evidence_says_what_both_checks_ran_in() -> None:
    before, after = (checked(states).model_copy(update={"sandbox": "bwrap"}) for states in (RED, GREEN))
    assert judge(before, after, [SOURCE]).sandbox == "bwrap"
    assert judge(checked(RED), after, [SOURCE]).sandbox == "none", "one of them did without"
