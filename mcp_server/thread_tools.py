"""The `thread_*` tools: find threads again, follow, read, answer, resume and cancel them."""

from mcp_types import ToolAnnotations

from agents.runtime.questions import NO, YES
from mcp_server.arguments import Answer, Approve, Cancel, Fork, History, Listing, ThreadId, Wait
from mcp_server.asking import Ctx, begin, client_name, settle
from mcp_server.compose import Runtime
from mcp_server.envelope import Envelope, status_of
from mcp_server.forking import forked
from mcp_server.paging import listed, page
from mcp_server.schemas import Schema, envelope_schema, result_schema
from mcp_server.toolbox import READS, Entry
from mcp_server.toolbox import Answer as Answered
from state.problem import ProblemError

CHANNEL = "mcp"
_ROWS: Schema = {"type": "array", "items": {"type": "object"}}
GOES_ON = ToolAnnotations(read_only_hint=False, destructive_hint=True, idempotent_hint=False, open_world_hint=True)
"""What lets a thread go on lets it do what its agent does."""


async def wait(runtime: Runtime, ctx: Ctx, args: Wait) -> Answered:
    call = begin(runtime, ctx, args.wait)
    return await settle(call, runtime.find(args.thread_id))


async def answer(runtime: Runtime, ctx: Ctx, args: Answer) -> Answered:
    """Answer what anyone may answer; never a question for a person, whatever the arguments (R8)."""
    call = begin(runtime, ctx)
    thread = runtime.find(args.thread_id)
    thread = await runtime.engine.answer(
        thread.id, args.key, args.answer, channel=CHANNEL, person=False, client=client_name(ctx)
    )
    return await settle(call, thread)


async def approve(runtime: Runtime, ctx: Ctx, args: Approve) -> Answered:
    """Take the host's permission prompt for this call as a person's approval; listed only when a person set that."""
    call = begin(runtime, ctx)
    thread = runtime.find(args.thread_id)
    if thread.question is not None and thread.question.kind != "approval":
        raise ProblemError("refused", f"{args.key!r} is not an approval.", "It is answered as its question says.")
    word = YES if args.approve else NO
    client = client_name(ctx)
    thread = await runtime.engine.answer(thread.id, args.key, word, channel="host", person=True, client=client)
    return await settle(call, thread)


async def resume(runtime: Runtime, ctx: Ctx, args: ThreadId) -> Answered:
    call = begin(runtime, ctx)
    thread = await runtime.engine.resume(runtime.find(args.thread_id).id)
    return await settle(call, thread)


async def fork(runtime: Runtime, ctx: Ctx, args: Fork) -> Answered:
    call = begin(runtime, ctx)
    thread = await forked(
        runtime,
        runtime.find(args.thread_id),
        checkpoint=args.checkpoint_id,
        version=args.version,
        task=args.task,
        isolation=args.isolation,
        model=args.model,
    )
    return await settle(call, thread)


async def cancel(runtime: Runtime, ctx: Ctx, args: Cancel) -> Answered:
    call = begin(runtime, ctx)
    thread = await runtime.engine.cancel(runtime.find(args.thread_id).id, channel=CHANNEL, reason=args.reason)
    return await runtime.engine.wait(thread.id, min(call.wait_s, call.left_s))


async def history(runtime: Runtime, _: Ctx, args: History) -> Envelope:
    """Return events oldest first, as many as fit."""
    thread = runtime.find(args.thread_id)
    events, last = page(runtime, thread, args.after)
    more = f'Call `thread_history` with thread_id "{thread.id}" and after {last} for the rest.'
    return {
        "thread_id": thread.id,
        "agent": thread.agent,
        "status": status_of(runtime, thread),
        "version": thread.version,
        "events": events,
        "next": more if last < thread.version else "These are all its events.",
    }


async def find(runtime: Runtime, _: Ctx, args: Listing) -> Envelope:
    rows = listed(runtime, args)
    step = (
        f'Call `thread_wait` with thread_id "{rows[0]["thread_id"]}" for the latest one.' if rows else "None matches."
    )
    return {"threads": rows, "next": step}


_THREAD = envelope_schema()
_TABLE = [
    Entry(
        "thread_list",
        "List threads",
        "Find runs of agents again, latest first: in one session, or in any by repo, branch, issue, status, agent.",
        Listing,
        result_schema({"threads": _ROWS}),
        find,
    ),
    Entry(
        "thread_wait",
        "Wait for a thread",
        "Follow a run that is still running: returns when it ends or asks something, or as it is after `wait`.",
        Wait,
        _THREAD,
        wait,
        ToolAnnotations(  # it takes up a thread whose process died, so it is not read-only
            read_only_hint=False, destructive_hint=False, idempotent_hint=True, open_world_hint=True
        ),
        scope="read",  # what it takes up would be driven unasked, too
    ),
    Entry(
        "thread_history",
        "Read a thread's log",
        "See every step of a run with its data: what was decided, done, asked and answered.",
        History,
        result_schema({"thread_id": {"type": "string"}, "events": _ROWS}),
        history,
        READS,
    ),
    Entry(
        "thread_answer",
        "Answer a thread's question",
        "Answer the question a waiting run asks, unless it is for a person. Ask the person rather than guess.",
        Answer,
        _THREAD,
        answer,
        GOES_ON,
    ),
    Entry(
        "thread_resume",
        "Resume a thread",
        "Go on with an interrupted run where it stopped; what was done is not done again.",
        ThreadId,
        _THREAD,
        resume,
        GOES_ON,
    ),
    Entry(
        "thread_fork",
        "Fork a thread",
        "Try a run another way from a checkpoint or version on, in a work tree of its own; nothing before runs again.",
        Fork,
        _THREAD,
        fork,
        GOES_ON,
    ),
    Entry(
        "thread_cancel",
        "Cancel a thread",
        "Stop a run for good. What it was doing is stopped and settled first; edits already made stay.",
        Cancel,
        _THREAD,
        cancel,
        ToolAnnotations(read_only_hint=False, destructive_hint=True, idempotent_hint=True, open_world_hint=False),
    ),
]


def entries(runtime: Runtime) -> list[Entry]:
    """Return the threads' part of the table."""
    return _TABLE if runtime.settings.approval != "host" else [*_TABLE, _approve(_THREAD)]


def _approve(thread: Schema) -> Entry:
    return Entry(
        "thread_approve",
        "Approve one exact action",
        "Approve (or deny) the action a waiting run asks for. The person decides in the host's permission prompt.",
        Approve,
        thread,
        approve,
        GOES_ON,
        scope="approve",
    )
