"""Records what this version writes, for later ones to read.

`python -m tests.state.golden_logs tests/state/golden/VERSION` is run once per release; what was released is never
written again.
"""

import json
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from state.artifacts import Artifact
from state.events import (
    Aborted,
    Answered,
    BudgetExtended,
    Cancelled,
    CancelRequested,
    CheckpointTaken,
    ChildEnded,
    Compacted,
    Denied,
    Event,
    Failed,
    Finished,
    HeldFiles,
    Interrupted,
    Launched,
    RepositoryRef,
    Resolved,
    Resumed,
    Rewound,
    Settled,
    Spawned,
    Started,
)
from state.offspring import ChildRef
from state.problem import Problem
from state.spending import Budget
from state.store import Lease
from state.thread import Thread
from state.transfer import export_thread
from tests.state.places import SqlitePlace, asked

PROBLEM = Problem(kind="ambiguous", message="Two places match.", hint="Name one.")
SHOP = RepositoryRef(name="shop", root="/repos/shop", mode="write", key="/repos/shop/.git", branch="main", head="1f2e")
APART = SHOP.model_copy(
    update={"root": "/state/worktrees/1/shop", "key": "/state/worktrees/1/shop", "branch": "agent/1"}
    | {"source": "/repos/shop", "files": HeldFiles(root="/repos/shop", commit="c0")}
)
LAUNCHED = Launched(
    agent="issue_fixer", session="default", task={"issue": "123"}, at=1.7e9, workspace=(SHOP,), code="c0de"
)
CHECK = Started(
    key="before", hash="a1", risk="write", tool="run_check", args={"paths": ["tests"]}, plan={"runner": "x"}
)
EDIT = Started(key="edit", hash="a2", risk="write", tool="edit_file", args={"path": "a.py"})
PUSH = Started(
    key="push", hash="a3", risk="danger", tool="push", args={"to": "origin"}, plan={"from": "1f", "to": "3c"}
)
LARGE = Artifact(
    digest="e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", size=20000, preview="1 failed"
)


def answered(key: str, answer: Any) -> Answered:
    return Answered(key=key, answer=answer, channel="terminal", client="host")


CHILD = ChildRef(key="a", thread="t7", agent="issue_fixer", lent=("/repos/shop/.git",))


LOGS: dict[str, tuple[Event, ...]] = {
    "fixed": (
        LAUNCHED,
        Resolved(key="issue", value={"pairs": [1, 2.5, None, "é"]}, tool="read_issue", args={"n": "123"}, seconds=0.01),
        CHECK,
        Interrupted(problem=PROBLEM),
        Resumed(),
        Settled(key="before", verdict="again", by="probe"),
        CHECK,
        Resolved(key="before", hash="a1", value={"$artifact": LARGE.model_dump()}, seconds=2.5),
        asked("place"),
        answered("place", "first"),
        asked("think", "decision", binding="b2"),
        answered("think", {"word": "sun"}),
        EDIT,
        Failed(key="edit", hash="a2", problem=PROBLEM, seconds=0.5),
        asked("retry:edit", "failures", about="edit"),
        answered("retry:edit", "retry"),
        EDIT,
        Settled(key="edit", verdict="happened", by="probe", value={"digest": "d"}),
        asked("approve:push", "approval", about="push", binding="b3"),
        answered("approve:push", "approve"),
        PUSH,
        asked("settle:push", "cut_off", about="push"),
        answered("settle:push", "it happened"),
        Settled(key="push", verdict="happened", by="person"),
        asked("budget:25", "budget"),
        answered("budget:25", "continue"),
        BudgetExtended(steps=25, seconds=1800.0),
        Compacted(through=4, before=9000, after=4000),
        Finished(output={"summary": "fixed"}, outcome="fixed"),
    ),
    "rewound": (
        LAUNCHED.model_copy(update={"parent": "p1", "depth": 1, "principal": "ann", "budget": Budget(steps=9)}),
        Resolved(key="look", value="text", tool="read_file", args={"path": "a.py"}),
        EDIT,
        Resolved(key="edit", hash="a2", value=True),
        PUSH,
        Resolved(key="push", hash="a3", value="id-1"),
        asked("approve:x", "approval", about="x", binding="b"),
        Denied(key="approve:x", reason="no", channel="terminal"),
        Rewound(to=2, checkpoint="cp-1"),
        Resumed(),
        CheckpointTaken(label="before the first change", trees={"shop": "c0"}, left_out={"shop": ["vendor/"]}),
        CHECK,
        Resolved(key="before", hash="a1", value=False, trees={"shop": ("c0", "c1")}),
        Finished(output={"summary": "nothing"}, outcome="no_change"),
        CheckpointTaken(label="before restore", trees={"shop": "c1"}),
        Rewound(
            to=11,
            checkpoint="t@11",
            trees={"shop": ("c1", "c0")},
            overwrote={"shop": ["a.py"]},
            channel="terminal",
        ),
        CancelRequested(channel="terminal", reason="wrong branch"),
        Cancelled(note="nothing was in flight"),
    ),
    "forked": (
        LAUNCHED.model_copy(update={"workspace": (APART,), "forked_from": "t1@3"}),
        CheckpointTaken(label="before the first change", trees={}),
        Resolved(key="look", value="text", tool="read_file", args={"path": "a.py"}),
        CheckpointTaken(label="before the first change", trees={"shop": "c9"}),
        Finished(output={"summary": "nothing"}, outcome="no_change"),
    ),
    "parent": (
        LAUNCHED,
        Spawned(key="fix", hash="a4", children=(CHILD, CHILD.model_copy(update={"key": "b", "thread": "t8"}))),
        ChildEnded(key="fix", thread="t8", status="failed", problem=PROBLEM),
        ChildEnded(
            key="fix",
            thread="t7",
            status="completed",
            outcome="fixed",
            output={"summary": "fixed"},
            moves=({"shop": ("c0", "c1")},),
        ),
        Spawned(key="race", hash="a5", children=(CHILD.model_copy(update={"thread": "t9"}),), join="any"),
    ),
    "aborted": (LAUNCHED, Failed(key="x", hash="h", problem=PROBLEM), Aborted(problem=PROBLEM, outcome="denied")),
}


def summary(thread: Thread) -> dict[str, Any]:
    """Return what a log means, as JSON."""
    plain = {name: getattr(thread, name) for name in ("status", "outcome", "version", "generation", "steps", "seconds")}
    models = {name: getattr(thread, name) for name in ("budget", "reason", "trouble", "asked", "pending")}
    maps = {name: dict(getattr(thread, name).items()) for name in ("results", "approvals", "denials", "answers")}
    family = {"family": thread.family.spawned.model_dump(mode="json")} if thread.family else {}
    return {
        **plain,
        **family,
        **{name: model and model.model_dump(mode="json") for name, model in models.items()},
        **maps,
        "effects": {key: [known.risk, known.version, known.hash] for key, known in thread.effects.items()},
        "failures": {key: [failure.version for failure in failed] for key, failed in thread.failures.items()},
        "launch": [thread.agent, thread.session, thread.principal, thread.task, thread.launched_at, thread.code],
        "workspace": [ref.model_dump(mode="json", exclude_defaults=True) for ref in thread.workspace],
        "output": thread.output,
        "checkpoints": [[one.version, one.label, dict(one.trees)] for one in thread.checkpoints],
        "moves": [{name: list(move) for name, move in moves.items()} for moves in thread.moves],
    }


def record(name: str, events: tuple[Event, ...], folder: Path) -> None:
    """Write a log's export, its rows as they stand in the database, and what it means."""
    with TemporaryDirectory() as scratch:
        place = SqlitePlace(Path(scratch))
        store = place.open()
        assert isinstance(events[0], Launched)
        thread, lease = store.create(name, events[0]).thread, store.claim(name)
        assert isinstance(lease, Lease)
        for event in events[1:]:
            place.clock.pass_by(1.5)
            thread = store.append(lease, thread, event)
        rows = store.database.rows("select kind, key, data from events order by version")
        lines = {".jsonl": list(export_thread(store, name)), ".rows.jsonl": [json.dumps(list(row)) for row in rows]}
    lines[".thread.json"] = [json.dumps(summary(thread), indent=1, sort_keys=True)]
    for suffix, content in lines.items():
        (folder / f"{name}{suffix}").write_text("".join(f"{line}\n" for line in content), encoding="utf-8")


if __name__ == "__main__":
    target = Path(sys.argv[1])
    target.mkdir(parents=True, exist_ok=True)
    for log in LOGS:
        record(log, LOGS[log], target)
