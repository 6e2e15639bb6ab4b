"""Which checkpoints are kept: by age and number, and whatever a restore of a kept one needs besides."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from agents.runtime.rewinding import checkpoint_id
from state.events import CheckpointTaken, Rewound
from state.fold import catch_up
from state.store import Record, Store
from state.thread import Checkpoint, Thread

COMMIT = re.compile(r"\b[0-9a-f]{64}\b")


@dataclass(frozen=True, slots=True)
class Retention:
    days: float
    each: int
    """How many of one repository are kept, the newest."""


@dataclass(frozen=True, slots=True)
class Kept:
    commits: frozenset[str]
    """What restores need."""
    dropped: tuple[str, ...]
    """Ids of the checkpoints that are not kept."""


@dataclass(frozen=True, slots=True)
class _Taken:
    thread: Thread
    checkpoint: Checkpoint
    at: float
    bound: bool
    """A thread that goes on needs it, or it takes back the newest restore."""


def retained(store: Store, thread_ids: Iterable[str], retention: Retention, now: float) -> Kept:
    """Decide over the checkpoints of all threads.

    Raises:
        ProblemError: A log cannot be read: what its thread needs is not known, and nothing may be dropped.
    """
    logs = {thread_id: store.read(thread_id) for thread_id in thread_ids}
    threads = {thread_id: catch_up(Thread(id=thread_id), (r.event for r in logs[thread_id])) for thread_id in logs}
    taken = [one for thread_id, thread in threads.items() for one in _taken(thread, logs[thread_id])]
    count = dict[str, int]()
    kept: list[_Taken] = []
    dropped: list[str] = []
    for one in sorted(taken, key=lambda one: (one.at, one.checkpoint.version), reverse=True):
        roots = [ref.root for ref in one.thread.workspace if ref.name in one.checkpoint.trees]
        within = one.at > now - retention.days * 86400 and any(count.get(root, 0) < retention.each for root in roots)
        if within or one.bound:
            kept.append(one)
            count.update((root, count.get(root, 0) + 1) for root in roots)
        else:
            dropped.append(checkpoint_id(one.thread, one.checkpoint))
    needed = {commit for one in kept for commit in _needed(one)}
    going = {commit for thread in threads.values() if not thread.ended for commit in _under_way(thread)}
    return Kept(frozenset(needed | going), tuple(dropped))


def _taken(thread: Thread, records: Sequence[Record]) -> list[_Taken]:
    at = {record.version: record.at for record in records if isinstance(record.event, CheckpointTaken)}
    newest = max((record.version for record in records if isinstance(record.event, Rewound)), default=0)
    first = {} if thread.ended else {name: one.version for one in reversed(thread.checkpoints) for name in one.trees}
    bound = {newest - 1, *first.values()}
    return [_Taken(thread, one, at[one.version], one.version in bound) for one in thread.checkpoints]


def _under_way(thread: Thread) -> Iterable[str]:
    """Return what the thread's own work trees begin with, and what an effect names that is not settled yet."""
    yield from (ref.files.commit for ref in thread.workspace if ref.files)
    if thread.pending is not None:
        yield from COMMIT.findall(thread.pending.model_dump_json())


def _needed(one: _Taken) -> Iterable[str]:
    """Return the commits of a checkpoint, and those that tell the thread's own work from that of others."""
    yield from one.checkpoint.trees.values()
    yield from {
        name: commit for each in reversed(one.thread.checkpoints) for name, commit in each.trees.items()
    }.values()
    for move in one.thread.moves:
        for commits in move.values():
            yield from commits
