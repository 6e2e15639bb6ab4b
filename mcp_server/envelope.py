"""A thread as every door shows it: status, outcome, output or question or error, and the next sensible call."""

from collections.abc import Mapping
from functools import partial
from shlex import quote
from typing import Any, Literal, TypeAlias, assert_never, cast

from agents.runtime import kin, questions
from agents.runtime.rewinding import checkpoint_id
from mcp_server.compose import Runtime
from state.events import Question
from state.problem import Problem
from state.steps import Outcome
from state.store import Row
from state.thread import Status, Thread

Envelope: TypeAlias = dict[str, Any]
LONGEST = 1000
Shown: TypeAlias = Status | Literal["interrupted"]


def envelope(runtime: Runtime, thread: Thread, status: Shown | None = None) -> Envelope:
    """Describe a thread. Fields that do not apply are left out (R16). `status` is that of one as it was once."""
    stands = kin.standing(runtime.store, thread, partial(is_driven, runtime))
    status = status or status_of(runtime, thread)
    asked = stands.by or thread
    fields: Envelope = {
        "thread_id": thread.id,
        "session": thread.session,
        "agent": thread.agent,
        "status": status,
        "outcome": thread.outcome,
        "output": without_nulls(thread.output),
        "question": _question(thread, asked),
        "error": error_of(thread),
        "worktree": _own_tree(thread),
        "forked_from": thread.forked_from or None,
        "parent": thread.parent,
        "children": [_child(row) for row in kin.children(runtime.store, thread)] or None,
        "version": thread.version,
        "progress": _progress(runtime, thread, status) if status in ("running", "waiting", "interrupted") else None,
        "approval": "host" if runtime.settings.approval == "host" else None,
        "next": next_call(asked, status, by_host=runtime.settings.approval == "host"),
    }
    return {name: value for name, value in fields.items() if value is not None}


def refusal(problem: Problem, **known: str) -> Envelope:
    """Describe a call that could not be done; `known` is what it was about."""
    step = problem.hint or "See the message."
    return {**{name: value for name, value in known.items() if value}, "error": told(problem), "next": step}


def is_failure(fields: Envelope) -> bool:
    """Whether the result is an error to its caller (R15)."""
    return "error" in fields or fields.get("outcome") in ("failed", "denied")


def exit_code(status: Shown, outcome: Outcome | None) -> int:
    """Return what the command line exits with (R15)."""
    if status != "completed" and status != "failed":
        return 1 if status == "cancelled" else 5
    match outcome:
        case "fixed" | "done":
            return 0
        case "changed_unverified":
            return 3
        case "no_change":
            return 4
        case "denied":
            return 6
        case "failed" | None:
            return 1
    assert_never(outcome)


def status_of(runtime: Runtime, thread: Thread) -> Shown:
    """Return the thread's status; one that should run and that nobody will drive unasked is `interrupted` (R21).

    One that rests for its children stands as they do.
    """
    if thread.family is not None:
        return kin.standing(runtime.store, thread, partial(is_driven, runtime)).status
    if thread.status != "running" or runtime.store.driven(thread.id):
        return thread.status
    return "running" if thread.trouble is None and runtime.will_drive(thread) else "interrupted"


def is_driven(runtime: Runtime, thread: Thread) -> bool:
    """Whether somebody drives a running thread, or this process will."""
    return runtime.store.driven(thread.id) or runtime.will_drive(thread)


def told(problem: Problem) -> dict[str, str]:
    """Return the problem's fields; what it quotes of its caller may be long, and is cut."""
    fields = problem.model_dump(exclude_defaults=True)
    return {name: text if len(text) <= LONGEST else f"{text[:LONGEST]}…" for name, text in fields.items()}


def error_of(thread: Thread) -> dict[str, str] | None:
    """Return why the thread failed, was denied, or why its last driver let go."""
    problem = thread.reason or thread.trouble
    return told(problem) if problem else None


def _question(thread: Thread, asked: Thread) -> dict[str, Any] | None:
    """Return the open question; that of a child says which thread is to be answered, and where its log has it."""
    if asked.question is None:
        return None
    whose = {} if asked is thread else {"thread_id": asked.id}
    at = asked.version
    while any(held.version == at for held in asked.checkpoints):  # made by hand while it waits
        at -= 1
    return {**whose, **({} if at == thread.version else {"version": at}), **questions.summary(asked.question)}


def _child(row: Row) -> dict[str, str]:
    return {"thread_id": row.thread_id, "agent": row.agent, "status": row.status}


def _own_tree(thread: Thread) -> dict[str, str] | None:
    if (own := thread.own_tree) is None:
        return None
    return {"root": own.root, "branch": own.branch or "", "base": own.head or "", "checkout": own.source}


def doing_of(runtime: Runtime, thread: Thread, status: Shown) -> str | None:
    """Return what the thread is at, or was when it stopped."""
    if thread.pending is not None:
        return f"{thread.pending.tool} ({thread.pending.key})"
    if thread.family is not None:
        asked = kin.asker(runtime.store, thread)
        return f"thread {asked.id} asks" if asked else ", ".join(child.agent for child in thread.family.open)
    return runtime.bells.doing.get(thread.id) if status == "running" else None


def _progress(runtime: Runtime, thread: Thread, status: Shown) -> dict[str, Any]:
    doing = doing_of(runtime, thread, status)
    spent = {"steps": thread.steps, "of": thread.budget.steps, "seconds": round(thread.seconds, 1)}
    tokens, money = thread.spent
    paid = {"tokens": tokens, "dollars": round(money, 4)} if tokens else {}
    return {**spent, **paid, **({"doing": doing} if doing else {})}


def without_nulls(value: Any) -> Any:
    """Return JSON-ready data without the fields that are null."""
    match value:
        case dict():
            fields = cast(dict[str, Any], value)
            return {name: without_nulls(inner) for name, inner in fields.items() if inner is not None}
        case list():
            return [without_nulls(inner) for inner in cast(list[Any], value)]
        case _:
            return value


_AFTER: Mapping[str, str] = {
    "fixed": "Show the person the files and the evidence. The edits stand in the work tree for them to review.",
    "done": "Nothing is left to do; tell the person the result.",
    "changed_unverified": "Tell the person that files changed and that no test proves it; the output says why.",
    "no_change": "Nothing was changed; the output says why. Tell the person.",
    "failed": "Tell the person what failed; `thread_history` shows every step. Launch again once it is mended.",
    "denied": "A person said no. Do not try again unasked.",
}


_EDITED = ("fixed", "changed_unverified")
_APART = (
    "The edits stand in a work tree of their own. Show the person the diff (`checkpoint_diff` with the first of"
    " `checkpoint_list`) and the evidence; they take the edits over into their checkout with:"
)


def next_call(thread: Thread, status: Shown, *, by_host: bool = False) -> str:
    """Say what to do next, in words a model can follow."""
    match status:
        case "running":
            return f'Call `thread_wait` with thread_id "{thread.id}" to follow it.'
        case "interrupted":
            return f'Call `thread_resume` with thread_id "{thread.id}" to go on, or `thread_cancel` to give it up.'
        case "waiting":
            return _answer(thread, by_host=by_host)
        case "completed" if thread.own_tree and thread.outcome in _EDITED:
            return f"{_APART} {_typed(thread, 'threads apply')}"
        case "completed":
            return _AFTER[thread.outcome or "done"]
        case "failed":
            hint = thread.reason.hint if thread.reason and thread.outcome != "denied" else ""
            return (hint or _AFTER[thread.outcome or "failed"]) + _left(thread)
        case "cancelled":
            return f"It was stopped. Launch the agent again to start over.{_left(thread)}"
    assert_never(status)


def _left(thread: Thread) -> str:
    """Say how edits are taken back that nobody has told of."""
    if not thread.left_edits or not thread.checkpoints:
        return ""
    taken = checkpoint_id(thread, thread.checkpoints[0])
    return f' Its edits stand in the work tree: `checkpoint_restore` with checkpoint_id "{taken}" takes them back.'


def _answer(thread: Thread, *, by_host: bool) -> str:
    question = thread.question
    if question is None:
        return f'Call `thread_resume` with thread_id "{thread.id}" to go on from here.'
    if question.answer_by == "person":
        return _by_person(thread, question, by_host=by_host)
    return (
        f'Call `thread_answer` with thread_id "{thread.id}", key "{question.key}" and {_form(question)}'
        " Ask the person if you do not know."
    )


def _form(question: Question) -> str:
    match question:
        case Question(kind="decision"):
            return "as answer an object that fits the question's schema; its context has the prompt."
        case Question(options=options) if options:
            return f"as answer one of: {', '.join(options)}."
        case _:
            return "an answer in your own words."


def _by_person(thread: Thread, question: Question, *, by_host: bool) -> str:
    if by_host and question.kind == "approval":
        return f'Call `thread_approve` with thread_id "{thread.id}" and key "{question.key}"; the person decides.'
    return (
        f"Only a person may answer. Show them the question; they answer in a terminal with"
        f" `{_typed(thread, 'answer')}`. Then call `thread_wait` with that thread_id."
    )


def _typed(thread: Thread, command: str) -> str:
    """Return what the owner of the database types about the thread; of somebody else's they say whose it is."""
    whose = f" --principal {quote(thread.principal)}" if thread.principal else ""
    return f"factor12{whose} {command} {thread.id}"
