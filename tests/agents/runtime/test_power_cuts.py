"""The power fails at every single point of a run; what is there in the end is as if it never had."""

from collections import Counter
from pathlib import Path
from typing import Any

import anyio
import pytest

from agents.runtime.engine import Engine
from state.events import Answered, Failed, Finished, Resolved, Settled
from tests.agents.runtime.lab import Lab, events, launch
from tests.agents.runtime.power import Fuse, finish, outage, wired_engine
from tests.agents.runtime.toys import lines

ERRAND = lines("add a 1", "peek a", "ask", "add a 2", "think", "add b 100", "send box 1", "add a 3")


def _story(engine: Engine, thread_id: str) -> list[tuple[str, str, str]]:
    """Return the log as (key, effect hash, outcome kind), without what only a recovery has."""
    known = engine.store.load(thread_id).effects
    story: list[tuple[str, str, str]] = []
    for event in events(engine, thread_id):
        match event:
            case Resolved(key=key) | Settled(key=key, verdict="happened"):
                story.append((key, known[key].hash, "resolved"))
            case Failed(key=key, hash=hash):
                story.append((key, hash, "failed"))
            case Answered(key=key) if key in known:
                story.append((key, known[key].hash, "answered"))
            case Finished(outcome=outcome):
                story.append(("", "", outcome))
            case _:
                pass
    return story


def _run(root: Path, *cuts: int) -> tuple[Lab, list[str], Any]:
    """Run the errand with a power cut after each of the given numbers of points, each in a new process."""
    root.mkdir()
    lab = Lab(root)

    async def live() -> tuple[list[str], Any]:
        thread_id = await launch(lab.engine(), ERRAND)
        for cut in cuts:
            with outage():
                await finish(lab, wired_engine(lab, Fuse(cut)), thread_id)
        fuse = Fuse()
        engine = wired_engine(lab, fuse)
        thread = await finish(lab, engine, thread_id)
        return fuse.passed, (thread.status, _story(engine, thread_id))

    passed, told = anyio.run(live)
    lab.close()
    return lab, passed, told


@pytest.mark.requirement("R3", "R4", "R5", "R6", "F6")
def test_a_run_cut_off_at_any_point_ends_as_an_undisturbed_one_with_every_write_done_once(tmp_path: Path) -> None:
    calm, points, told = _run(tmp_path / "calm")
    assert told[0] == "completed"
    assert calm.numbers() == {"a": "6", "b": "100", "box": "letter 1"}
    assert len(points) > 80
    for cut, where in enumerate(points):
        lab, _, again = _run(tmp_path / f"cut{cut}", cut)
        assert (lab.numbers(), again) == (calm.numbers(), told), f"cut {cut}, {where}"
        assert _writes(lab) == _writes(calm), f"cut {cut}, {where}"


@pytest.mark.requirement("R5", "R6")
@pytest.mark.parametrize("second", range(0, 12, 2))
def test_a_recovery_that_is_itself_cut_off_ends_no_differently(tmp_path: Path, second: int) -> None:
    calm, points, told = _run(tmp_path / "calm")
    for cut in range(second % 5, len(points) - 25, 5):
        lab, _, again = _run(tmp_path / f"cut{cut}", cut, second)
        assert (lab.numbers(), again) == (calm.numbers(), told), f"cuts {cut} and {second}"
        assert _writes(lab) == _writes(calm), f"cuts {cut} and {second}"


def _writes(lab: Lab) -> Counter[str]:
    """Count each change of the world by name and text; the mark differs between threads."""
    return Counter(line.rpartition(" ")[0] for line in lab.applied())
