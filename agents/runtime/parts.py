"""Work through the parts of an issue, each by a child, in the order of what they depend on."""

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel

from agents.runtime.script import child
from state.problem import Problem
from state.steps import Outcome
from state.thread import Thread
from tools.issue_parts import Part, in_order

WORKED = ("fixed", "changed_unverified", "no_change", "done")
"""Outcomes after which what depends on a part may begin."""
LONGEST = 300


class Worked(BaseModel):
    """An issue, or a part of one, and what the thread that worked on it came to."""

    issue: str
    title: str = ""
    agent: str = ""
    thread: str = ""
    outcome: str = "planned"
    """As its thread ended; `planned`: nothing was tried; `blocked`: one that it depends on did not work."""
    summary: str = ""
    depends_on: list[int] = []


def work(thread: Thread, one: Worked, task: Mapping[str, Any], key: str) -> Worked:
    """Return what a child made of it."""
    end = child(thread, one.agent, task, key)
    if isinstance(end, Problem):
        return one.model_copy(update={"outcome": "failed", "summary": str(end)[:LONGEST]})
    summary = str(end.problem) if end.problem else end.summary
    outcome = end.outcome or end.status
    return one.model_copy(update={"thread": end.thread, "outcome": outcome, "summary": summary[:LONGEST]})


def planned(parts: Sequence[Part]) -> list[Worked]:
    """Return the parts in the order in which they are worked on."""
    return [
        Worked(
            issue=part.path,
            title=part.title,
            agent="issue_fixer" if part.exact else "intelligent_issue",
            depends_on=part.depends_on,
        )
        for part in in_order(parts)
    ]


def work_through(thread: Thread, parts: Sequence[Part], check: str) -> list[Worked]:
    """Work on one after the other; what depends on one that did not work is not begun."""
    done: dict[int, Worked] = {}
    for part, one in zip(in_order(parts), planned(parts), strict=True):
        broken = [done[number] for number in part.depends_on if number in done and done[number].outcome not in WORKED]
        if broken:
            why = f"It depends on {broken[0].issue}, which is {broken[0].outcome}."
            done[part.number] = one.model_copy(update={"outcome": "blocked", "summary": why})
        else:
            done[part.number] = work(thread, one, {"issue": part.path, "check": check}, f"part:{part.number}")
    return [*done.values()]


def overall(parts: Sequence[Worked], *, whole: bool = True) -> Outcome:
    """Return what all of it came to: `fixed` only if every part is, and as bad as the worst otherwise.

    `whole` tells whether these are all the parts there are.
    """
    outcomes = {one.outcome for one in parts}
    if outcomes == {"fixed"}:
        return "fixed" if whole else "changed_unverified"
    if outcomes == {"denied"}:
        return "denied"
    if not outcomes <= {*WORKED}:
        return "failed"
    return "changed_unverified" if outcomes & {"fixed", "changed_unverified"} else "no_change"
