"""Answer a question from what is committed in several repositories; what cannot be verified is left out."""

from collections.abc import Sequence
from typing import Annotated, Any

from pydantic import BaseModel, Field

from agents.runtime.definition import Agent
from agents.runtime.material import files_of, material
from agents.runtime.questions import visible
from agents.runtime.script import attempt, need, script, thought
from state.problem import Problem
from state.steps import Done, Outcome, Step
from state.thread import Thread
from tools.base import PLAIN
from tools.citations import MOST_CLAIMS, Claim, Verdict, check_claims
from tools.lookups import MOST, Lookup, look_up
from tools.surveying import Survey, survey
from tools.terms import Term, terms_of

MATERIAL, MORE, MOST_OF_ONE = 15_000, 6_000, 12_000
"""Bytes of what is gathered in all repositories together, of what further searches add, and of one repository: with
frames and instructions it fits a window of 8,000 tokens."""
MOST_REASONS = 40
TRIES = 2
"""Answers of which nothing holds, before the agent gives up."""


class Task(BaseModel):
    question: str = Field(
        description="What to find out", min_length=3, max_length=4000, examples=["Where are tokens checked?"]
    )
    repos: list[str] = Field(default=[], description="Further repositories, by name or path", max_length=7)


class Further(BaseModel):
    searches: list[Lookup] = Field(default=[], max_length=MOST, description="What else to look for; none if enough")


class Reply(BaseModel):
    claims: list[Claim] = Field(max_length=MOST_CLAIMS, description="The answer, statement by statement")
    complete: bool = Field(description="Whether they answer the whole question")


class Dropped(BaseModel):
    count: int = 0
    """Claims that did not hold."""
    reasons: list[str] = []
    """Why, and why single citations of others did not."""


class Report(BaseModel):
    answer: str
    claims: list[Claim] = []
    complete: bool = False
    dropped: Annotated[Dropped, PLAIN] = Dropped()
    searched: list[str] = []
    files: list[str] = []
    commits: dict[str, str] = {}
    dirty: list[str] = Field(default=[], description="Repositories with uncommitted changes, which were not read")
    notes: list[str] = []


@script
def next_step(task: Task, thread: Thread) -> Step:
    """Gather, let the model search a little more, let it answer, and keep what its citations bear out."""
    terms = terms_of(task.question)
    report = Report(answer="", searched=[term.text for term in terms])
    found = _gathered(terms, thread, report)
    if not report.commits:
        return _end(report, "no_change", "None of the repositories has anything committed that could be cited.")
    shown: dict[str, Any] = {"question": task.question, "repositories": [material(one) for one in found]}
    further = thought(thread, "research_searches", Further, most=MOST, **shown)
    more = need(thread, look_up)(further.searches, report.commits, MORE) if further.searches else []
    report.searched += [one.search for one in more]
    report.notes += [f"{one.search}: {one.note}" for one in more if one.note]
    report.files = sorted(files_of([*found, *more]))
    shown |= {"findings": [material(one) for one in more]}
    for number in range(1, TRIES + 1):
        complaints = report.dropped.reasons[:20]
        reply = thought(thread, "research_answer", Reply, f"answer:{number}", **shown, complaints=complaints)
        _keep(report, reply, need(thread, check_claims, f"check:{number}")(reply.claims, report.commits))
        if report.claims:
            return _end(report, "done", "\n".join(map(_told, report.claims)))
        if not reply.claims:
            return _end(report, "no_change", "What was found does not answer the question.")
    return _end(report, "failed", "No statement of the answer could be verified, so there is none.")


def _gathered(terms: list[Term], thread: Thread, report: Report) -> list[Survey]:
    """Gather in each repository; one that cannot be searched is a note."""
    made: list[Survey] = []
    room = min(MOST_OF_ONE, MATERIAL // len(thread.workspace))
    for ref in thread.workspace:
        one = attempt(thread, survey, f"survey:{ref.name}")(terms, ref.name, room)
        if isinstance(one, Problem):
            report.notes.append(f"{ref.name}: {one}")
            continue
        made.append(one)
        report.notes += [f"{ref.name}: {note}" for note in one.notes]
        report.dirty += [ref.name] if one.changed else []
        report.commits |= {ref.name: one.commit} if one.commit else {}
    return made


def _keep(report: Report, reply: Reply, verdicts: Sequence[Verdict]) -> None:
    """Take over what holds, and count what does not."""
    for claim, verdict in zip(reply.claims, verdicts, strict=True):
        why = [f"{claim.text[:160]!r}: {reason}" for reason in verdict.dropped]
        report.dropped.reasons = [*report.dropped.reasons, *why][:MOST_REASONS]
        if verdict.kept:
            report.claims.append(Claim(text=" ".join(visible(claim.text).split()), citations=verdict.kept))
        else:
            report.dropped.count += 1
    report.complete = reply.complete and bool(report.claims) and not report.dropped.count


def _told(claim: Claim) -> str:
    return f"- {claim.text} [{', '.join(one.at for one in claim.citations)}]"


def _end(report: Report, outcome: Outcome, answer: str) -> Done:
    searched = f" Searched for {', '.join(report.searched)} in {', '.join(report.commits)}." if report.commits else ""
    report.answer = answer if outcome == "done" else answer + searched
    return Done(report, outcome)


agent = Agent(
    "research",
    "Research a question",
    "Answer a question from one or several repositories: searches them and their history, and returns only statements "
    "whose citations (repo/path:line@commit) were verified; the rest is dropped and counted.",
    Task,
    Report,
    next_step,
    reads=("repos",),
)
