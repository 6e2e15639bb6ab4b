"""A thread as a task, computed from its log: a task is over for ever where its thread first came to rest.

Nothing is stored beside the log. An id says which thread, from which version on, and what its client may be asked.
"""

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from time import time
from typing import Any, Literal, TypeAlias

from mcp_types import INTERNAL_ERROR, ElicitRequest

from agents.runtime.questions import fingerprint
from mcp_server.asking import Ctx, has_forms, has_tasks
from mcp_server.compose import Runtime
from mcp_server.envelope import Shown, doing_of, envelope, status_of
from mcp_server.forms import MOST_QUESTIONS, asks_persons, form
from mcp_server.replies import reply
from mcp_server.timeline import iso
from state.events import Question
from state.fold import catch_up, reduce
from state.problem import ProblemError
from state.store import Record
from state.thread import Thread

TTL_MS = 30 * 86_400_000
"""`factor12 gc` forgets a thread that long after its end, unless a person says sooner."""
POLL_MS = {"working": 1000, "input_required": 5000}

Asks: TypeAlias = Literal["", "e", "p"]
"""What the client that made the task can be asked: nothing, what anyone may answer, or what only a person may, too."""
Status: TypeAlias = Literal["working", "input_required", "completed", "failed", "cancelled"]
"""`failed` is for what goes wrong inside the server; an agent that did not succeed has `completed`, as its call has."""
_ID = re.compile(r"([0-9a-f]{32})@([1-9][0-9]{0,8})([ep]?)")


@dataclass(frozen=True, slots=True)
class TaskId:
    thread: str
    version: int
    asks: Asks

    def __str__(self) -> str:
        return f"{self.thread}@{self.version}{self.asks}"

    def may_ask(self, question: Question) -> bool:
        allowed = "p" if question.answer_by == "person" else "ep"
        return question.kind != "decision" and self.asks != "" and self.asks in allowed


class UnknownTask(ProblemError):
    """No task has that id, or not for this principal."""

    def __init__(self, given: str) -> None:
        super().__init__("not_found", f"There is no task {given[:80]!r}.", "A task id comes from a call's own result.")


@dataclass(frozen=True, slots=True)
class Task:
    """A task as far as the log tells."""

    id: TaskId
    thread: Thread
    """As it was when the task was over, or as it is."""
    created: float
    updated: float
    asked_at: int = 0
    """The version that the open question stands at, which is also what its form is called."""
    questions: int = 0
    over: bool = False

    @property
    def status(self) -> Status:
        if self.over and self.thread.trouble is not None and self.thread.trouble.kind == "internal":
            return "failed"
        if self.over:
            return "cancelled" if self.thread.status == "cancelled" else "completed"
        return "input_required" if self.thread.asked else "working"

    @property
    def form_key(self) -> str:
        return f"question-{self.asked_at}"

    @property
    def step(self) -> tuple[Status, int]:
        """What a client hears about when it changes."""
        return self.status, self.asked_at


def offered(runtime: Runtime, ctx: Ctx, thread: Thread) -> TaskId | None:
    """Return the task that a call's client gets instead of the thread: it has tasks, and there is more to come."""
    if not has_tasks(ctx.session):
        return None
    asks: Asks = ""
    if has_forms(ctx.session) and "run" in runtime.caller.scopes:
        asks = "p" if asks_persons(runtime) else "e"
    wanted = TaskId(thread.id, thread.version, asks)
    going = not thread.cancelling and status_of(runtime, thread) in ("running", "waiting")
    return wanted if going and not _rests(wanted, thread) else None


def find(runtime: Runtime, given: str) -> Task:
    """Return the caller's task of that id.

    Raises:
        UnknownTask: There is none.
    """
    if (parts := _ID.fullmatch(given)) is None:
        raise UnknownTask(given)
    asks: Any = parts[3]
    wanted = TaskId(parts[1], int(parts[2]), asks)
    try:
        head = runtime.find(wanted.thread)
    except ProblemError as error:
        raise (UnknownTask(given) if error.problem.kind == "not_found" else error) from error
    if wanted.version > head.version:
        raise UnknownTask(given)
    records = runtime.store.read(head.id)
    before = records[: wanted.version]
    thread = catch_up(Thread(id=head.id), (record.event for record in before))
    asked_at = next((one.version for one in reversed(before) if one.event.kind == "asked"), 0) if thread.asked else 0
    made = before[-1].at
    task = Task(wanted, thread, made, made, asked_at, int(asked_at > 0), over=_rests(wanted, thread))
    return _aged(runtime, _told(task, records[wanted.version :]))


def newer(runtime: Runtime, task: Task) -> Task:
    """Return the task as it is by now. Whoever looks also gets its thread driven, if nobody does (R6).

    Raises:
        UnknownThread: It was forgotten meanwhile.
    """
    news = runtime.store.read(task.id.thread, after=task.thread.version) if not task.over else ()
    return _aged(runtime, _told(task, news))


def _told(task: Task, records: Iterable[Record]) -> Task:
    for record in records:
        if task.over:
            return task
        task = _after(task, record)
    return task


def _after(task: Task, record: Record) -> Task:
    """Return the task after one more event. It is over before a resume: that says that the thread was interrupted."""
    before, event = task.thread, record.event
    if event.kind == "resumed":
        return replace(task, over=True)
    thread = reduce(before, event)
    task = replace(task, thread=thread, updated=record.at)
    if event.kind != "asked":
        return replace(task, over=_rests(task.id, thread))
    task = replace(task, asked_at=record.version, questions=task.questions + 1)
    nobody_answered = before.question is not None and fingerprint(before.question) == fingerprint(event.question)
    return replace(task, over=nobody_answered or task.questions > MOST_QUESTIONS or _rests(task.id, thread))


def _rests(wanted: TaskId, thread: Thread) -> bool:
    """Whether nothing that the task's client does through the task lets the thread go on."""
    if thread.status == "waiting" and thread.family is None:
        return thread.question is None or not wanted.may_ask(thread.question)
    return thread.ended or thread.trouble is not None


def _aged(runtime: Runtime, task: Task) -> Task:
    """Wake the driver of a thread that has none; one that nobody drives unasked any longer is at rest (R21)."""
    if task.status != "working" or runtime.store.driven(task.thread.id):
        return task
    if task.thread.family is not None:
        runtime.engine.goes_on(task.thread)
        return task
    if runtime.store.touched(task.thread.id) <= time() - max(runtime.settings.auto_resume_s, runtime.settings.lease_s):
        return replace(task, over=True)
    if runtime.may_drive(task.thread):
        runtime.engine.wake(task.thread.id)
    return task


def shown(runtime: Runtime, task: Task, absent: Collection[str] = ()) -> dict[str, Any]:
    """Return what a client reads of a task, JSON-ready: with the form it asks for, or what the call came to.

    `absent` are the tools that are not offered.
    """
    thread = task.thread
    status: Shown = "interrupted" if task.over and thread.status == "running" else thread.status
    message = {"working": doing_of(runtime, thread, "running"), "input_required": "It asks."}.get(task.status, status)
    fields: dict[str, Any] = {
        "taskId": str(task.id),
        "status": task.status,
        "statusMessage": runtime.outward.text(f"{thread.agent}: {message or status}"),
        "createdAt": iso(task.created),
        "lastUpdatedAt": iso(task.updated),
        "ttlMs": TTL_MS,
    }
    if (every := POLL_MS.get(task.status)) is not None:
        fields["pollIntervalMs"] = every
    if task.status == "completed":
        fields["result"] = _plain(reply(runtime, envelope(runtime, thread, status), absent))
    elif task.status == "failed":
        told = runtime.outward.value(envelope(runtime, thread, status))
        fields["error"] = {"code": INTERNAL_ERROR, "message": told["error"]["message"], "data": told}
    elif task.status == "input_required" and thread.question is not None:
        fields["inputRequests"] = {task.form_key: _plain(ElicitRequest(params=form(runtime, thread.question)))}
    return fields


def _plain(model: Any) -> dict[str, Any]:
    plain: dict[str, Any] = model.model_dump(mode="json", by_alias=True, exclude_none=True)
    return plain
