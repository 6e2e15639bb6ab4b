"""Have the work on an issue planned: what is wrong, where, and which tests show it; with more files on request."""

import re
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field

from agents.runtime.briefing import shown
from agents.runtime.followup import Reason
from agents.runtime.script import need, thought
from state.thread import Thread
from tools.evidence import Check
from tools.facts import Sight, Wanted, show_files

Path: TypeAlias = Annotated[str, Field(max_length=1000)]
LOOKS = 2
"""How often a plan may ask for more files."""


class Plan(BaseModel):
    """What is wrong and where; or what is missing to work on it at all."""

    model_config = ConfigDict(extra="forbid")

    look_at: Annotated[list[Wanted], Field(max_length=8)] = Field(
        default=[], description="Files to see before deciding; the rest of the answer then does not count"
    )
    wrong: Annotated[str, Field(max_length=2000)] = Field(description="What is wrong and what shall change")
    files: Annotated[list[Path], Field(max_length=20)] = Field(default=[], description="Files that must change")
    shown_by: Annotated[list[str], Field(max_length=20)] = Field(
        default=[], description="Ids of failing tests that fail because of this issue; empty if none does"
    )
    missing: Literal["nothing"] | Reason = Field(default="nothing", description="What keeps it from being worked on")


def planned(thread: Thread, prompt: str, context: dict[str, Any]) -> tuple[Plan, dict[str, Any]]:
    """Return the plan, and the context with the files it asked for and those that it wants to change."""
    sights: list[Sight] = []
    number, left = 1, LOOKS
    while True:
        plan = thought(thread, prompt, Plan, f"plan:{number}", **context, **shown(sights), looks_left=left)
        if not plan.look_at or not left or plan.missing != "nothing":
            break
        sights.append(need(thread, show_files, f"show:{number}")(plan.look_at))
        number, left = number + 1, left - 1
    if plan.files and plan.missing == "nothing":
        sights.append(need(thread, show_files, "show:planned")([Wanted(path=path) for path in plan.files]))
    latest = shown(sights)
    seen = {one["path"] for one in latest["shown"]}
    return plan, {**context, **latest, "files": [one for one in context["files"] if one["path"] not in seen]}


def shows(plan: Plan, before: Check) -> bool:
    """Whether the check, as it stands, can show that the issue is resolved."""
    return bool(known_red(plan, before)) or (not before.ids and before.verdict == "failed" and not before.flaky)


def known_red(plan: Plan, before: Check) -> list[str]:
    """Return those of the tests that the plan names that do fail, and not by chance.

    The end of an id, from a whole word on, names a test as well, if only one that fails ends like that.
    """
    red = dict.fromkeys(case.id for case in before.failures if case.id not in before.flaky)
    found: list[str] = []
    for name in filter(None, plan.shown_by):
        alike = [name] if name in red else [test for test in red if re.search(rf"(?<!\w){re.escape(name)}$", test)]
        found += alike if len(alike) == 1 else []
    return list(dict.fromkeys(found))
