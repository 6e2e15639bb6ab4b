"""The log in SQLite: create, claim, append, signal, read. One append is one transaction."""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from itertools import islice
from sqlite3 import Connection
from typing import Any

from state.blobs import get_blob, put_blob
from state.events import Event, Launched, Spawned
from state.fold import InvalidTransition, reduce, replay
from state.kinship import ask_children_to_stop, conclude, open_children
from state.listing import list_threads, named_threads
from state.opening import EVENT, open_row, take_work_trees
from state.owner import is_dead, this_process
from state.problem import ProblemError
from state.rows import INDEXED, Damaged, decode_all, encode, indexed
from state.spending import Spent
from state.sqlite import Database, StoreError
from state.store import Created, Fenced, Held, Lease, Moved, Owner, Record, Row, Search, UnknownThread
from state.thread import ENDED, Thread

LEASE_S = 30.0
_SET = ", ".join(f"{name} = ?" for name in INDEXED)
_FENCED = "where id = ? and epoch = ? and head = ?"
_APPEND = f"update threads set head = ? {_FENCED}"
_APPEND_AND_INDEX = f"update threads set {_SET}, updated_at = ?, head = ? {_FENCED}"
_SIGNAL = f"update threads set {_SET}, updated_at = ?, head = ? where public = ? and head = ?"


class SqliteStore:
    """`Store` over one SQLite file."""

    def __init__(
        self,
        database: Database,
        *,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
        lease_s: float = LEASE_S,
        owner: Owner | None = None,
    ) -> None:
        """`clock` dates rows; `monotonic` measures how long a foreign lease stood still."""
        self.database = database
        self._clock = clock
        self._monotonic = monotonic
        self._lease_s = lease_s
        self._owner = owner or this_process()
        self._seen: dict[int, tuple[int, int, float]] = {}

    def create(
        self, thread_id: str, launched: Launched, *then: Event, idempotency_key: str = "", arguments: str = ""
    ) -> Created:
        thread = replay(thread_id, (launched, *then))
        now = self._clock()
        with self.database.transaction() as db:
            if idempotency_key and (found := _same_key(db, thread, idempotency_key, arguments)):
                return Created(self.load(found), new=False)
            row = open_row(db, thread, now, idempotency_key or None, arguments)
            for version, event in enumerate((launched, *then), 1):
                db.execute(EVENT, (row, version, *encode(event), now))
        return Created(thread, new=True)

    def claim(self, thread_id: str) -> Lease | Held:
        row, epoch, holder, beat = self._row(thread_id, "id, epoch, lease_owner, lease_beat")
        if holder is not None and not self._may_take(row, epoch, beat, owner := Owner(*json.loads(holder))):
            return Held(owner)
        mine = json.dumps(list(asdict(self._owner).values()))
        with self.database.transaction() as db:
            taken = db.execute(
                "update threads set epoch = epoch + 1, lease_owner = ?, lease_beat = lease_beat + 1, lease_until = ?"
                " where id = ? and epoch = ? and lease_beat = ? and lease_owner is ?",
                (mine, self._clock() + self._lease_s, row, epoch, beat, holder),
            )
        if not taken.rowcount:
            return self.claim(thread_id)
        self._seen.pop(row, None)
        return Lease(thread_id, row, epoch + 1)

    def renew(self, lease: Lease) -> int:
        now = self._clock()
        with self.database.transaction() as db:
            renewed = db.execute(
                "update threads set lease_beat = lease_beat + 1, lease_until = ?, updated_at = ?"
                " where id = ? and epoch = ? returning head",
                (now + self._lease_s, now, lease.row, lease.epoch),
            ).fetchone()
        if renewed is None:
            raise Fenced(lease.thread_id)
        return int(renewed[0])

    def holds(self, lease: Lease) -> bool:
        found = self.database.row("select epoch, status from threads where id = ?", lease.row)
        return found is not None and found[0] == lease.epoch and found[1] not in ENDED

    def append(self, lease: Lease, thread: Thread, *events: Event, durable: bool = False) -> Thread:
        return self._append(lease, thread, events, {}, durable=durable)

    def spawn(self, lease: Lease, thread: Thread, spawned: Spawned, children: Mapping[str, Launched]) -> Thread:
        return self._append(lease, thread, (spawned,), children, durable=True)

    def _append(
        self, lease: Lease, thread: Thread, events: Sequence[Event], children: Mapping[str, Launched], *, durable: bool
    ) -> Thread:
        after, now = thread, self._clock()
        rows: list[tuple[object, ...]] = []
        for event in events:
            after = reduce(after, event)
            rows.append((lease.row, after.version, *encode(event), now))
        with self.database.transaction(durable=durable) as db:
            head = (after.version, lease.row, lease.epoch, thread.version)
            columns = indexed(after)
            if columns == indexed(thread):
                moved = db.execute(_APPEND, head)
            else:
                moved = db.execute(_APPEND_AND_INDEX, (*columns, now, *head))
            if not moved.rowcount:
                epoch = db.execute("select epoch from threads where id = ?", (lease.row,)).fetchone()
                raise Moved(lease.thread_id) if epoch == (lease.epoch,) else Fenced(lease.thread_id)
            for row in rows:
                db.execute(EVENT, row)
            open_children(db, lease.row, children, now)
            if after.ended and not thread.ended:
                conclude(db, lease.row, after, now)
            elif thread.ended and not after.ended:
                take_work_trees(db, lease.row, after)
        return after

    def release(self, lease: Lease, thread: Thread) -> bool:
        with self.database.transaction() as db:
            gone = db.execute(
                "update threads set lease_owner = null, lease_until = null where id = ? and epoch = ? and head = ?",
                (lease.row, lease.epoch, thread.version),
            )
            if gone.rowcount:
                return True
            epoch = db.execute("select epoch from threads where id = ?", (lease.row,)).fetchone()
        return epoch != (lease.epoch,)

    def signal(self, thread: Thread, *events: Event) -> Thread:
        after, now = thread, self._clock()
        rows: list[tuple[object, ...]] = []
        for event in events:
            after = reduce(after, event)
            rows.append((after.version, *encode(event), now))
        with self.database.transaction(durable=True) as db:
            if not db.execute(_SIGNAL, (*indexed(after), now, after.version, thread.id, thread.version)).rowcount:
                raise Moved(thread.id)
            row = db.execute("select id from threads where public = ?", (thread.id,)).fetchone()[0]
            for values in rows:
                db.execute(EVENT, (row, *values))
            if after.cancelling and after.family:
                ask_children_to_stop(db, after, now)
            if after.ended and not thread.ended:
                conclude(db, row, after, now)
        return after

    def driven(self, thread_id: str) -> bool:
        owner, until = self._row(thread_id, "lease_owner, lease_until")
        return bool(owner and until > self._clock() and not is_dead(Owner(*json.loads(owner))))

    def touched(self, thread_id: str) -> float:
        return float(self._row(thread_id, "updated_at")[0])

    def load(self, thread_id: str) -> Thread:
        (head,) = self._row(thread_id, "head")
        rows, events = self._log(thread_id)
        try:
            thread = replay(thread_id, events)
        except InvalidTransition as error:
            raise self._damaged(f"where {error}") from error
        if thread.version < head or rows[-1][0] != thread.version:
            raise self._damaged(f"in thread {thread_id!r}, which misses events")
        return thread

    def read(self, thread_id: str, after: int = 0, limit: int = -1) -> list[Record]:
        rows, events = self._log(thread_id, after, limit)
        return [Record(version, at, event) for (version, at, *_), event in zip(rows, events, strict=True)]

    def _log(self, thread_id: str, after: int = 0, limit: int = -1) -> tuple[list[Any], list[Event]]:
        (row,) = self._row(thread_id, "id")
        rows = self.database.rows(
            "select version, at, kind, key, data from events where thread = ? and version > ? order by version limit ?",
            *(row, after, limit),
        )
        try:
            return rows, decode_all([row[2:] for row in rows])
        except Damaged as damaged:
            raise self._damaged(f"at version {rows[damaged.place][0]} of thread {thread_id!r}") from damaged

    def due(self, since: float, limit: int = 100) -> list[str]:
        found = self.database.rows(
            "select public, lease_owner, lease_until from threads"
            " where status = 'running' and trouble = 0 and updated_at > ? order by updated_at",
            since,
        )
        now = self._clock()
        undriven = (
            public
            for public, owner, until in found
            if owner is None or until < now or is_dead(Owner(*json.loads(owner)))
        )
        return list(islice(undriven, limit))

    def list(self, search: Search, principal: str = "") -> list[Row]:
        return list_threads(self.database, search, principal, self._clock())

    def spent(self, principal: str, session: str) -> Spent:
        query = "select coalesce(sum(tokens), 0), coalesce(sum(money), 0.0) from threads"
        return Spent(*self.database.rows(f"{query} where principal = ? and session = ?", principal, session)[0])

    def find(self, thread_ids: Sequence[str]) -> Sequence[Row]:
        return named_threads(self.database, thread_ids, self._clock())

    def changes(self) -> int:
        return int(self.database.rows("pragma data_version")[0][0])

    def put(self, data: bytes) -> str:
        return put_blob(self.database, data, self._clock())

    def get(self, digest: str) -> bytes | None:
        return get_blob(self.database, digest)

    def _row(self, thread_id: str, columns: str) -> tuple[Any, ...]:
        if (found := self.database.row(f"select {columns} from threads where public = ?", thread_id)) is None:
            raise UnknownThread(thread_id)
        return found

    def _damaged(self, where: str) -> StoreError:
        return StoreError(self.database.path, f"is damaged {where}", "`factor12 doctor` tells what can be read.")

    def _may_take(self, row: int, epoch: int, beat: int, owner: Owner) -> bool:
        """Tell whether the holder is dead, or was seen unchanged for one lifetime of our own clock."""
        if is_dead(owner):
            return True
        now = self._monotonic()
        seen = self._seen.get(row)
        if seen is None or seen[:2] != (epoch, beat):
            self._seen[row] = (epoch, beat, now)
            return False
        return now - seen[2] >= self._lease_s


def _same_key(db: Connection, thread: Thread, key: str, arguments: str) -> str | None:
    found = db.execute(
        "select public, arguments from threads"
        " where principal = ? and session = ? and agent = ? and idempotency_key = ?",
        (thread.principal, thread.session, thread.agent, key),
    ).fetchone()
    if found and found[1] != arguments:
        raise ProblemError(
            "conflict",
            f"The idempotency key {key!r} was used for thread {found[0]!r} with other arguments.",
            "Use another key, or the same arguments.",
        )
    return str(found[0]) if found else None
