"""An agent that was changed goes on with a thread only if it would have decided what the log has (R3)."""

from dataclasses import replace
from typing import Any

import pytest

from agents.runtime.agreement import departure
from agents.runtime.definition import Agent
from agents.runtime.forking import fork
from agents.runtime.script import answer as told
from agents.runtime.script import attempt, need, script
from state.events import Rewound
from state.problem import ProblemError
from state.steps import Done, Step
from state.thread import Thread
from tests.agents.runtime.lab import Lab, answer, events, kinds, run
from tests.agents.runtime.toys import Errand, Report, add, agent_of, peek

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("R3")]


def errand(digest: str, first: int = 1, name: str = "a", then: int = 2) -> Agent[Any, Any]:
    """Return a straight line: look, add, ask, add. Its code is what `digest` says."""

    @script
    def next_step(task: Errand, thread: Thread) -> Step:
        attempt(thread, peek)(name)
        sum_so_far = need(thread, add, "first")("a", first)
        told(thread, "go", "Go on?")
        return Done(Report(results={"sum": [sum_so_far, need(thread, add, "second")("a", then)]}, denied=[]))

    return replace(agent_of(next_step), digest=digest)


async def test_a_changed_agent_that_decides_the_same_so_far_goes_on(lab: Lab) -> None:
    waiting = await run(lab.engine(agents=[errand("old")]), {})
    done = await answer(lab.engine(agents=[errand("new", then=5)]), waiting, "yes")
    assert (done.status, done.output, lab.numbers()) == (
        "completed",
        {"results": {"sum": [1, 6]}, "denied": []},
        {"a": "6"},
    )


@pytest.mark.parametrize("changed", [{"first": 3}, {"name": "b"}])
async def test_one_that_would_have_done_or_read_something_else_stops_and_names_where(
    lab: Lab, changed: dict[str, Any]
) -> None:
    waiting = await run(lab.engine(agents=[errand("old")]), {})
    ended = await answer(lab.engine(agents=[errand("new", **changed)]), waiting, "yes")
    assert ended.reason and (ended.status, ended.reason.kind) == ("failed", "diverged")
    version, key = (2, "first") if "first" in changed else (1, "peek")
    assert f"for {key!r} than the log has after version {version}." in ended.reason.message
    assert "factor12 replay" in ended.reason.hint
    assert (kinds(lab.engine(), ended.id)[-1], lab.numbers()) == ("aborted", {"a": "1"})


async def test_a_fork_is_held_against_the_agent_as_it_is_now(lab: Lab) -> None:
    engine = lab.engine(agents=[errand("new", first=3)])
    waiting = await run(lab.engine(agents=[errand("old")]), {})
    with pytest.raises(ProblemError, match="decides something else than 'first' after version 2"):
        await fork(engine, waiting, 4, waiting.workspace, {})
    assert (await fork(engine, waiting, 2, waiting.workspace, {})).version == 2


async def test_a_cancel_needs_no_agreement(lab: Lab) -> None:
    waiting = await run(lab.engine(agents=[errand("old")]), {})
    ended = await lab.engine(agents=[errand("new", first=3)]).cancel(waiting.id, channel="test")
    assert ended.status == "cancelled"


async def test_what_a_restore_has_forgotten_need_not_agree(lab: Lab) -> None:
    engine = lab.engine(agents=[errand("old")])
    log = events(engine, (await run(engine, {})).id)
    changed = errand("new", first=3)
    assert await departure(changed, "t", log) == (2, "first")
    assert await departure(changed, "t", [*log, Rewound(to=2, checkpoint="c")]) is None
    assert await departure(changed, "t", [*log, Rewound(to=4, checkpoint="c")]) == (2, "first")
