"""Decide from two checks whether a change did what it claims: evidence, or it did not happen (R13)."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal, TypeAlias

from pydantic import BaseModel, ConfigDict

from tools.boxes.sandbox import BoxName
from tools.runners.results import RED, Case, Counts, Runner, State
from tools.tampering import Review, is_test_file

MOST = 40
"""Tests listed in one list of a comparison; its total says how many there are."""


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True)


class Change(_Model):
    """One test whose state is not what it was."""

    id: str
    before: State
    after: State | Literal["missing"]


class Comparison(_Model):
    """How a later check differs from an earlier one. Lists are cut at `MOST`; totals are not."""

    baseline: str = ""
    """Digest of the earlier check's report, when it was found by one."""
    fixed: list[Change]
    """Red before, passing now."""
    fixed_total: int
    broken: list[Change]
    """Passing before, red now."""
    broken_total: int
    missing: list[Change]
    """Known before, not run now."""
    missing_total: int
    skipped: list[Change]
    """Run before, skipped now."""
    skipped_total: int
    still_failing: int
    new: int
    same: int


Verdict: TypeAlias = Literal["passed", "failed", "no_evidence"]


class Check(_Model):
    """What one run of a repository's tests said."""

    runner: Runner | None
    command: list[str]
    """As it ran; the run's private folder is written `$FACTOR12_CHECK`."""
    verdict: Verdict
    why: str
    """One line; for `no_evidence` what kept the tests from speaking."""
    counts: Counts = Counts()
    exit_code: int | None = None
    failures: list[Case] = []
    states: dict[str, State] = {}
    """Left empty when there are too many to be shown; `report` has them all."""
    report: str = ""
    """Digest of all states as JSON in the blob store."""
    ids: bool = True
    """Whether the runner names its tests."""
    compared: Comparison | None = None
    flaky: list[str] = []
    """Tests that were red once and passed once, on the same code, cut at `MOST`; without names of tests, the runner."""
    sandbox: BoxName = "none"
    seconds: float = 0.0


class Evidence(_Model):
    """What two checks around a change prove."""

    outcome: Literal["fixed", "changed_unverified"]
    why: str
    fixed: list[Change] = []
    """The tests that show it: red before, passing now, and not themselves edited."""
    broken: list[Change] = []
    still_failing: int = 0
    sandbox: BoxName = "none"
    """What both checks ran in; `none` if either ran without."""


def compare(before: Mapping[str, State], after: Mapping[str, State], baseline: str = "") -> Comparison:
    """Compare the states of two checks, test by test."""
    fixed: list[Change] = []
    broken: list[Change] = []
    missing: list[Change] = []
    skipped: list[Change] = []
    still_failing = 0
    for name, was in before.items():
        now = after.get(name, "missing")
        match was, now:
            case _, "missing":
                missing.append(Change(id=name, before=was, after="missing"))
            case (("fail" | "error"), "pass"):
                fixed.append(Change(id=name, before=was, after="pass"))
            case "pass", ("fail" | "error"):
                broken.append(Change(id=name, before=was, after=now))
            case (("pass" | "fail" | "error"), "skip"):
                skipped.append(Change(id=name, before=was, after="skip"))
            case _:
                still_failing += now in RED
    listed = len(fixed) + len(broken) + len(missing) + len(skipped)
    return Comparison(
        baseline=baseline,
        fixed=fixed[:MOST],
        fixed_total=len(fixed),
        broken=broken[:MOST],
        broken_total=len(broken),
        missing=sorted(missing, key=lambda change: change.before != "pass")[:MOST],
        missing_total=len(missing),
        skipped=skipped[:MOST],
        skipped_total=len(skipped),
        still_failing=still_failing,
        new=len(after.keys() - before.keys()),
        same=len(before) - listed - still_failing,
    )


def harm(before: Check, after: Check) -> str:
    """Return in one line why the change between two checks must be undone, or nothing.

    That is a test that passed and is now red or gone, or tests that ran and now cannot.
    """
    if before.verdict == "no_evidence" or not (before.counts.passed or before.verdict == "passed"):
        return ""
    if after.verdict == "no_evidence":
        return f"The tests ran before and cannot now: {after.why}"
    comparison = _comparison(before, after)
    if comparison is not None:
        lost = _broken(comparison)
        return f"Passed before, red or gone now: {_names(lost, len(lost))}." if lost else ""
    red = after.counts.failed + after.counts.error
    if before.verdict == "passed" and after.verdict == "failed":
        return "The check passed before and fails now."
    return "More tests are red than before." if red > before.counts.failed + before.counts.error else ""


def judge(before: Check, after: Check, edits: Sequence[Review]) -> Evidence:
    """Say whether `edits`, made between the two checks, are proven to have fixed something.

    Pure. With many tests, `after` must have been run with `before.report` as its baseline.
    """
    sandbox = after.sandbox if before.sandbox == after.sandbox else "none"
    return _judge(before, after, edits).model_copy(update={"sandbox": sandbox})


def _judge(before: Check, after: Check, edits: Sequence[Review]) -> Evidence:
    changed = [edit for edit in edits if edit.changed]
    if doubt := _unfit(before, after) or _tampering(changed):
        return Evidence(outcome="changed_unverified", why=doubt)
    if not (before.ids and after.ids):
        return _judge_by_exit_code(before, after, changed)
    comparison = _comparison(before, after)
    if comparison is None:
        return Evidence(
            outcome="changed_unverified", why="The second check was not compared with the first as its baseline."
        )
    flaky = {*before.flaky, *after.flaky}
    steady = [change for change in comparison.fixed if change.id not in flaky and len(flaky) < MOST]
    proof = [change for change in steady if not any(edit.touches(change.id) for edit in changed)]
    shown = "" if proof else _only_flaky(comparison, steady) or _nothing_shown(before, comparison)
    doubt = _lost(comparison) or shown or _only_tests(changed)
    return Evidence(
        outcome="changed_unverified" if doubt else "fixed",
        why=doubt or _summary(comparison, proof),
        fixed=proof,
        broken=_broken(comparison),
        still_failing=comparison.still_failing,
    )


def file_of(test: str) -> str:
    """Return the file a test's id begins with."""
    return test.partition("::")[0]


def _unfit(before: Check, after: Check) -> str:
    for when, check in (("before", before), ("after", after)):
        if check.verdict == "no_evidence":
            return f"The check {when} the change is no evidence: {check.why}"
    if (before.runner, before.command) != (after.runner, after.command):
        return "The two checks did not run the same command."
    return ""


def _tampering(changed: Sequence[Review]) -> str:
    if not changed:
        return "Nothing was changed."
    return next((edit.doubt for edit in changed if edit.doubt), "")


def _only_tests(changed: Sequence[Review]) -> str:
    """Doubt tests that pass because of another test they share something with, when nothing they examine changed."""
    return "Nothing but tests was edited." if all(is_test_file(edit.path) for edit in changed) else ""


def _broken(comparison: Comparison) -> list[Change]:
    return comparison.broken + [change for change in comparison.missing if change.before == "pass"]


def _comparison(before: Check, after: Check) -> Comparison | None:
    if before.states and after.states and before.ids and after.ids:
        return compare(before.states, after.states)
    if after.compared is not None and after.compared.baseline == before.report:
        return after.compared
    return None


def _judge_by_exit_code(before: Check, after: Check, edits: Iterable[Review]) -> Evidence:
    """Judge a runner that names no tests: red to green, the same number of tests, and no test edited."""
    tests = [edit.path for edit in edits if is_test_file(edit.path) or edit.program]
    total = after.counts.total
    if before.verdict != "failed":
        doubt = "The check did not fail before the change, so it cannot show it."
    elif after.verdict != "passed":
        doubt = "The check still fails."
    elif before.flaky:
        doubt = "The check is flaky: before the change it failed once and passed once."
    elif not total or total != before.counts.total:
        doubt = f"The runner names no tests, and their number does not show: {before.counts.total} before, {total} now."
    elif tests:
        doubt = f"{tests[0]} was edited, and the runner does not say which test passes now."
    else:
        return Evidence(outcome="fixed", why=f"The check failed and now passes with the same {total} tests.")
    return Evidence(outcome="changed_unverified", why=doubt)


def _lost(comparison: Comparison) -> str:
    for what, changes, total in (
        ("Passed before, red now", comparison.broken, comparison.broken_total),
        ("Ran before, gone now", comparison.missing, comparison.missing_total),
        ("Ran before, skipped now", comparison.skipped, comparison.skipped_total),
    ):
        if changes:
            return f"{what}: {_names(changes, total)}."
    return ""


def _only_flaky(comparison: Comparison, steady: Sequence[Change]) -> str:
    if not comparison.fixed or steady:
        return ""
    names = _names(comparison.fixed, comparison.fixed_total)
    return f"Flaky, red once and passing once on the same code: {names}."


def _nothing_shown(before: Check, comparison: Comparison) -> str:
    if comparison.fixed:
        names = _names(comparison.fixed, comparison.fixed_total)
        return f"The tests that pass now stand in files that were edited too, or build on them: {names}."
    if before.verdict == "passed":
        return "No test failed before the change, so none can show it."
    return f"No test went from red to pass; {comparison.still_failing} red as before."


def _summary(comparison: Comparison, proof: Sequence[Change]) -> str:
    red = f"; {comparison.still_failing} red as before" if comparison.still_failing else ""
    return f"From {proof[0].before} to pass, and none broke{red}: {_names(proof, len(proof))}."


def _names(changes: Sequence[Change], total: int) -> str:
    named = ", ".join(change.id for change in changes[:3])
    return f"{named} and {total - 3} more" if total > 3 else named
