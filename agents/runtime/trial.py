"""Put one patch to the test: make it, check it, keep it with evidence, or take all of it back (R13)."""

from collections.abc import Sequence
from typing import NamedTuple

from agents.runtime.changeset import undo_all
from agents.runtime.patching import Patch, flaws, made
from agents.runtime.proof import Scope, checked_again, reviewed
from agents.runtime.witness import Witness, names_what_was_edited
from state.problem import Problem
from state.thread import Thread
from tools.changes import Changed
from tools.evidence import MOST, Check, Evidence, harm, judge
from tools.review import Review

_SHOWN = 3


class Bench(NamedTuple):
    """What every patch is held against."""

    scope: Scope
    base: Check
    """What the tests said before any patch; with the new test, if one was written."""
    wanted: Sequence[str] = ()
    """The tests that shall pass."""
    witness: Witness = Witness()
    allowed: Sequence[str] = ()
    """Tests and settings that the issue itself asks to change."""

    @property
    def tests(self) -> str:
        """The tests that shall pass, with what they say now and, of one written in this run, its text."""
        red = [f"{case.id}\n{case.message}" for case in self.base.failures if case.id in self.wanted]
        return "\n".join(red + ([f"{own.path}:\n{own.new}"] if (own := self.witness.test) else []))


class Tried(NamedTuple):
    failed: str = ""
    """Why the patch does not do. Nothing of it is left then, but what a person wants to be left."""
    files: Sequence[Changed] = ()
    after: Check | None = None
    evidence: Evidence | None = None


def tried(thread: Thread, patch: Patch, bench: Bench, suffix: str) -> Tried:
    """Make the patch, check it and judge it."""
    if wrong := flaws(patch, bench.allowed):
        return Tried(failed=" ".join(wrong))
    files, why = made(thread, patch, suffix)
    if why:
        return _taken_back(thread, files, suffix, Tried(failed=why))
    after = checked_again(thread, bench.scope, bench.base, f"after{suffix}")
    if isinstance(after, Problem):
        return _taken_back(thread, files, suffix, Tried(failed=str(after)))
    if broke := harm(bench.base, after):
        return _taken_back(thread, files, suffix, Tried(f"{broke} {_said(after)}".strip(), after=after))
    edits = reviewed(thread, files, f"review{suffix}")
    evidence = judge(bench.base, after, edits + _own_doubts(thread, bench, suffix))
    if bench.scope.no_check:
        return Tried("", files, after, evidence)
    why = _lacking(bench, files, after, evidence)
    return _taken_back(thread, files, suffix, Tried(why, after=after)) if why else Tried("", files, after, evidence)


def _own_doubts(thread: Thread, bench: Bench, suffix: str) -> list[Review]:
    """Of a new test only that it still is as it was written counts: it stood there when both checks ran."""
    own = [bench.witness.changed] if bench.witness.changed else []
    return [one for one in reviewed(thread, own, f"review:test{suffix}") if one.doubt] if own else []


def _lacking(bench: Bench, files: Sequence[Changed], after: Check, evidence: Evidence) -> str:
    """Say what keeps a patch that broke nothing from being a fix, or nothing."""
    if evidence.outcome != "fixed":
        return f"{evidence.why} {_said(after)}".strip()
    proven = {change.id for change in evidence.fixed}
    if red := [test for test in bench.wanted if test not in proven] if len(proven) < MOST and after.ids else []:
        return f"Not passing yet: {', '.join(red[:_SHOWN])}. {_said(after)}".strip()
    edited = [file.path for file in files]
    if (test := bench.witness.test) and not names_what_was_edited(test.path, test.new, edited):
        return f"The test in {test.path!r} names none of the edited files, so it says nothing about them."
    return ""


def _taken_back(thread: Thread, files: Sequence[Changed], suffix: str, found: Tried) -> Tried:
    left = undo_all(thread, files, suffix)
    return found._replace(files=[file for file in files if file.path in left])


def _said(check: Check) -> str:
    """Return what the red tests say, compactly (F9)."""
    return " ".join(f"[{case.id}: {case.message[-300:]}]" for case in check.failures[:_SHOWN])
