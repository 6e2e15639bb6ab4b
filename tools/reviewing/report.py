"""Put a review together: states, counts, coverage, and a verdict that no model has a say in."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Annotated, Literal, TypeAlias

from pydantic import BaseModel

from tools.base import PLAIN
from tools.boxes.sandbox import BoxName
from tools.reviewing.change import Change, LeftOut
from tools.reviewing.findings import SEVERITIES, Finding, merged
from tools.reviewing.recall import Recalled

NAMED = 5
"""Files that a note names."""
Verdict: TypeAlias = Literal["approve", "comment", "request_changes"]


class Ran(BaseModel):
    """What a linter or the tests said."""

    verdict: Literal["clean", "findings", "no_result", "passed", "failed", "no_evidence"]
    why: str
    sandbox: BoxName = "none"


class Evidence(BaseModel):
    linter: Ran | None = None
    tests: Ran | None = None
    not_run: str = ""
    """Why neither ran unasked."""


class Coverage(BaseModel):
    files: int = 0
    parts: int = 0
    """Runs of changed lines."""
    reviewed: int = 0
    """Of the parts, by a model in this run."""
    reused: int = 0
    """Of the parts, by earlier runs, which found what is told here."""
    left_out: list[LeftOut] = []
    """Files that are not reviewed."""
    left_total: int = 0
    beyond: int = 0
    """Parts that are left for the next run."""
    beyond_files: list[str] = []


class Counts(BaseModel):
    new: int = 0
    still: int = 0
    fixed: int = 0
    dismissed: int = 0


class Report(BaseModel):
    summary: str
    verdict: Verdict | None = None
    compared: str = ""
    subject: str = ""
    base: str = ""
    head: str = ""
    findings: list[Finding] = []
    counts: Annotated[Counts, PLAIN] = Counts()
    omitted: int = 0
    """Known findings for which there was no room."""
    dropped: int = 0
    """Findings of a model that were not taken."""
    dropped_why: dict[str, int] = {}
    evidence: Evidence = Evidence()
    coverage: Annotated[Coverage, PLAIN] = Coverage()
    notes: list[str] = []


def report(
    change: Change, seen: Recalled, found: Sequence[Finding], dropped: Iterable[str], evidence: Evidence
) -> Report:
    """Return the review."""
    findings, _ = merged([*seen.findings, *(_with_state(one, seen) for one in found)])
    order = {"new": 0, "still": 1, "fixed": 2, "dismissed": 3}
    findings.sort(key=lambda one: order[one.state])
    why = Counter(dropped)
    made = Report(
        summary="",
        compared=change.compared,
        subject=change.subject,
        base=change.base,
        head=change.head,
        findings=findings,
        counts=Counts(**Counter(one.state for one in findings)),
        omitted=seen.omitted,
        dropped=why.total(),
        dropped_why=dict(why),
        evidence=evidence,
        coverage=Coverage(
            files=change.files,
            parts=seen.parts,
            reviewed=sum(map(len, seen.packs)),
            reused=seen.reused,
            left_out=change.left_out,
            left_total=change.left_total,
            beyond=seen.beyond,
            beyond_files=seen.beyond_files,
        ),
    )
    summary = f"{made.compared[:1].upper()}{made.compared[1:]}: {_counted(made)}"
    return made.model_copy(update={"verdict": _verdict(made, change), "summary": summary, "notes": _notes(made)})


def _with_state(finding: Finding, seen: Recalled) -> Finding:
    if (reason := seen.dismissed.get(finding.fingerprint)) is not None:
        return finding.model_copy(update={"state": "dismissed", "reason": reason})
    return finding.model_copy(update={"state": "still"}) if finding.fingerprint in seen.still else finding


def _open(made: Report) -> list[Finding]:
    return [one for one in made.findings if one.state in ("new", "still")]


def _verdict(made: Report, change: Change) -> Verdict:
    """Judge by severities and evidence; what was not seen is not approved."""
    red = made.evidence.tests is not None and made.evidence.tests.verdict == "failed"
    severities = {one.severity for one in _open(made)}
    if red or severities & {"critical", "major"}:
        return "request_changes"
    unseen = change.unseen or made.coverage.beyond or made.omitted
    return "comment" if unseen or "minor" in severities else "approve"


def _notes(made: Report) -> list[str]:
    """Say, a line each, what a reader should know beside the findings."""
    told: list[str] = []
    counts, coverage = made.counts, made.coverage
    if counts.still or counts.fixed or counts.dismissed:
        since = f"{counts.still} still open, {counts.fixed} fixed, {counts.dismissed} dismissed"
        told.append(f"Since earlier reviews: {since}.")
    if coverage.reused:
        told.append(f"{coverage.reused} of {coverage.parts} parts were reviewed before and are as they were.")
    if coverage.left_total:
        such = "; ".join(f"{one.file}: {one.why}" for one in coverage.left_out[:NAMED])
        told.append(f"Not reviewed: {coverage.left_total} of {coverage.files} files ({such}).")
    if coverage.beyond:
        told.append(f"{coverage.beyond} parts were too many for one run: review again to go on with them.")
    if made.omitted:
        told.append(f"{made.omitted} known findings are not shown.")
    if made.evidence.not_run:
        told.append(f"Nothing of the repository was run unasked: {made.evidence.not_run}.")
    told += [f"{ran.why.rstrip('.')}." for ran in (made.evidence.linter, made.evidence.tests) if ran is not None]
    if made.dropped:
        why = "; ".join(f"{count}: {what}" for what, count in made.dropped_why.items())
        told.append(f"{made.dropped} findings were dropped: {why}.")
    return told


def _counted(made: Report) -> str:
    counts = Counter(one.severity for one in _open(made))
    files = "1 file" if made.coverage.files == 1 else f"{made.coverage.files} files"
    if not counts:
        return f"no findings in {files}."
    each = ", ".join(f"{counts[one]} {one}" for one in SEVERITIES if counts[one])
    return f"{each} in {files}."
