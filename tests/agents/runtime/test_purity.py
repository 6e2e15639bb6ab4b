"""The toy agent as every agent should be tested: a table of log prefix → step, and the purity that makes it enough."""

import ast
from pathlib import Path

import pytest

from state.events import Answered, Asked, Event, Launched, Question, Resolved, Started
from state.fold import replay
from state.rows import decode, encode
from state.steps import Ask, Done, Step, Think
from tests.agents.runtime.toys import Errand, Report, Word, add, errand, lines, next_step, peek

TASK = lines("peek a", "add a 2", "ask", "think sky")
LAUNCHED = Launched(agent="errand", session="s", task=TASK, at=1.0)
PEEKED = Resolved(key="0:peek", value="1", tool="peek", args={"name": "a"})
CALL = add.keyed("1:add", "a", 2)
STARTED = Started(key="1:add", hash="h", risk="write", tool="add", args=dict(CALL.args))
ADDED = Resolved(key="1:add", hash="h", value=3)
ASKED = Asked(
    key="2:ask",
    topic="agent",
    question=Question(key="2:ask", kind="question", answer_by="anyone", text="Which colour?"),
)
ANSWERED = Answered(key="2:ask", answer="blue", channel="test")
THOUGHT = Resolved(key="3:think", hash="t", value={"word": "sun"}, tool="think", args={})
RESULTS = {"0:peek": "1", "1:add": 3, "2:ask": "blue", "3:think": {"word": "sun"}}

TABLE: list[tuple[list[Event], Step]] = [
    ([LAUNCHED], peek.keyed("0:peek", "a")),
    ([LAUNCHED, PEEKED], CALL),
    ([LAUNCHED, PEEKED, STARTED], CALL),
    ([LAUNCHED, PEEKED, STARTED, ADDED], Ask("2:ask", "Which colour?")),
    ([LAUNCHED, PEEKED, STARTED, ADDED, ASKED], Ask("2:ask", "Which colour?")),
    ([LAUNCHED, PEEKED, STARTED, ADDED, ASKED, ANSWERED], Think("3:think", "word", Word, {"name": "sky"})),
    ([LAUNCHED, PEEKED, STARTED, ADDED, ASKED, ANSWERED, THOUGHT], Done(Report(results=RESULTS))),
]


@pytest.mark.requirement("R2", "F12")
@pytest.mark.parametrize(("log", "step"), TABLE)
def test_each_log_prefix_decides_its_next_step(log: list[Event], step: Step) -> None:
    thread = replay("t", log)
    assert next_step(errand.task(thread), thread) == step


@pytest.mark.requirement("R2", "R1")
@pytest.mark.parametrize(("log", "step"), TABLE)
def test_a_log_that_went_through_the_file_decides_the_same_step(log: list[Event], step: Step) -> None:
    thread = replay("t", [decode(*encode(event)) for event in log])
    assert thread == replay("t", log)
    assert next_step(Errand.model_validate(thread.task), thread) == step


@pytest.mark.requirement("R2")
def test_deciding_leaves_task_and_thread_as_they_were() -> None:
    log = [LAUNCHED, PEEKED]
    thread, task = replay("t", log), errand.task(replay("t", log))
    assert next_step(task, thread) == next_step(task, thread)
    assert (thread, task) == (replay("t", log), errand.task(replay("t", log)))


AGENTS = sorted(path for path in (Path(__file__).parents[3] / "agents").glob("*.py") if path.name != "__init__.py")
IMPURE = {"time", "random", "os", "subprocess", "socket", "secrets", "uuid", "anyio", "asyncio", "requests", "httpx"}


@pytest.mark.requirement("R2", "F10")
@pytest.mark.parametrize("path", AGENTS, ids=lambda path: path.stem)
def test_each_agent_is_one_small_file_with_one_agent_and_no_way_to_the_world(path: Path) -> None:
    source = path.read_text(encoding="utf-8")
    tree = ast.parse(source)
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names} | {
        node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)
    }
    made = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and ast.unparse(node.func) == "Agent"]
    assert not {name.partition(".")[0] for name in imported} & IMPURE
    assert len(made) == 1
    assert len(source.splitlines()) <= 200
