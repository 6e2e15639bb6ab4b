"""What clients may read: threads, checkpoints, repositories, the words models are shown, and what there is at all."""

import json
from collections.abc import Awaitable, Callable
from typing import Any

from mcp.server.mcpserver.exceptions import ResourceError, ResourceNotFoundError
from mcp.server.mcpserver.resources import DEFAULT_RESOURCE_SECURITY, FunctionResource, ResourceTemplate
from mcp.shared.uri_template import UriTemplate

from agents.runtime import questions
from agents.runtime.definition import Agent
from agents.runtime.kin import asker
from mcp_server.asking import Ctx
from mcp_server.compose import Runtime
from mcp_server.envelope import status_of
from mcp_server.factors import page
from mcp_server.reading import reader
from mcp_server.schemas import Schema, schema_of
from mcp_server.sdk import Server
from mcp_server.timeline import iso, markdown
from state.problem import ProblemError
from state.store import Record
from state.thread import Thread

MOST_ROWS = 1000
MOST_BYTES = 1 << 20
"""What one reading returns at most; its end says where the rest is."""
LONGEST_NUMBER = 9


def add_resources(server: Server, runtime: Runtime, offered: Callable[[], list[Agent[Any, Any]]]) -> None:
    """Put all resources on the server. None of what they need is imported before one is read."""

    def template(
        uri: str, title: str, mime_type: str, read: Callable[..., Awaitable[str]], description: str, name: str
    ) -> None:
        async def answer(ctx: Ctx, **parts: str) -> str:
            seen = reader(runtime, ctx.request_context.request)
            try:
                return seen.outward.text(await read(seen, **parts))
            except ProblemError as error:
                raise _told(error) from error

        server.add_template(
            ResourceTemplate(
                uri_template=uri,
                name=name,
                title=title,
                description=description,
                mime_type=mime_type,
                fn=answer,
                parameters={},
                context_kwarg="ctx",
                parsed_template=UriTemplate.parse(uri),
                security=DEFAULT_RESOURCE_SECURITY,
            )
        )

    for given in _TEMPLATES:
        template(*given)

    _add_pages(server, offered)


def _add_pages(server: Server, offered: Callable[[], list[Agent[Any, Any]]]) -> None:
    async def agents() -> str:
        return json.dumps([_agent(agent) for agent in offered()], ensure_ascii=False)

    async def factors() -> str:
        return page()

    for uri, title, mime_type, description, read in (
        ("factor12://agents", "The agents", "application/json", "Every agent, its task and its output.", agents),
        ("factor12://factors", "The factors", "text/markdown", "The factors, and how each is kept here.", factors),
    ):
        name = uri.removeprefix("factor12://")
        server.add_resource(
            FunctionResource(uri=uri, name=name, title=title, description=description, mime_type=mime_type, fn=read)
        )


async def _timeline(runtime: Runtime, id: str) -> str:
    thread = runtime.find(id)
    records = runtime.store.read(thread.id, after=max(0, thread.version - MOST_ROWS))
    return markdown(thread, status_of(runtime, thread), records)


async def _events(runtime: Runtime, id: str, after: str = "") -> str:
    thread = runtime.find(id)
    lines, size = list[str](), 0
    for record in runtime.store.read(thread.id, after=_number(after)):
        lines.append(json.dumps(runtime.outward.value(_event(record)), ensure_ascii=False))
        size += len(lines[-1])
        if size > MOST_BYTES:
            lines.append(json.dumps({"more": f"thread://{thread.id}/events?after={record.version}"}))
            break
    return "\n".join(lines)


def _event(record: Record) -> dict[str, Any]:
    data = record.event.model_dump(mode="json", exclude_defaults=True)
    return {"version": record.version, "at": iso(record.at), "kind": record.event.kind, **data}


async def _question(runtime: Runtime, id: str) -> str:
    """Return what the thread, or a child it rests for, asks: a decision as its model would be told it."""
    thread = runtime.find(id)
    asked = asker(runtime.store, thread)
    if asked is None or asked.question is None:
        raise ResourceNotFoundError(f"Thread {thread.id!r} waits for no answer now.")
    match questions.summary(asked.question):
        case {"kind": "decision", "context": {"rules": str(rules), "prompt": str(prompt)}, **told}:
            wanted = json.dumps(told.get("schema"), ensure_ascii=False)
            return f"{rules}\n\n{prompt}\n\nAnswer with JSON that fits this schema:\n{wanted}"
        case told:
            return json.dumps(told, indent=2, ensure_ascii=False)


async def _diff(runtime: Runtime, id: str, after: str = "") -> str:
    """Return a page of the patch. One that takes long is made once, however often it is asked for meanwhile."""
    from mcp_server import checkpoints

    thread: Thread = runtime.find(checkpoints.split(id))
    found = await runtime.background.within(
        runtime.settings.inline_wait_s, f"diff {id} ", lambda: checkpoints.compared(runtime, thread, id, "")
    )
    if found is None:
        raise ResourceError("The files are still being compared. Read it again in a moment.")
    whole, start = "".join(one.patch for one in found), _number(after)
    part, end = whole[start : start + MOST_BYTES], start + MOST_BYTES
    more = f"\n# More of it: checkpoint://{id}/diff?after={end}\n" if end < len(whole) else ""
    return f"{part}{more}"


async def _status(runtime: Runtime, name: str) -> str:
    from mcp_server.survey import describe  # git's part is imported when a repository is first looked at

    try:
        root = runtime.repositories.resolve(name)
    except ProblemError as error:
        raise ResourceNotFoundError(str(error)) from error
    return json.dumps(await describe(runtime, root), ensure_ascii=False)


async def _prompt(runtime: Runtime, name: str, repo: str = "") -> str:
    """Return a template as it is used: in a repository, if one is named."""
    here = runtime.repositories.workspace(runtime.repositories.resolve(repo)).repository() if repo else None
    return runtime.wordings.first(name, here).source


def _agent(agent: Agent[Any, Any]) -> Schema:
    said = {"name": agent.name, "title": agent.title, "description": agent.description, "mode": agent.mode}
    task, output = schema_of(agent.input), schema_of(agent.output)
    return {**said, "input": task, "output": output}


def _number(given: str) -> int:
    if given and not (given.isascii() and given.isdigit() and len(given) <= LONGEST_NUMBER):
        raise ResourceNotFoundError(f"`after` is a number, not {given[:80]!r}.")
    return int(given or 0)


def _told(error: ProblemError) -> ResourceError:
    return (ResourceNotFoundError if error.problem.kind == "not_found" else ResourceError)(str(error))


_TEMPLATES: tuple[tuple[str, str, str, Callable[..., Awaitable[str]], str, str], ...] = (
    (
        "thread://{id}",
        "A thread's timeline",
        "text/markdown",
        _timeline,
        "Read what happened, one row per event; of a long thread the latest.",
        "thread",
    ),
    (
        "thread://{id}/events{?after}",
        "A thread's events",
        "application/x-ndjson",
        _events,
        "Read every event in full, one JSON object per line; a last line with `more` says where the rest is.",
        "thread_events",
    ),
    (
        "thread://{id}/question",
        "What a thread asks",
        "text/plain",
        _question,
        "Read the open question in full, however long: of a decision the rules, the prompt and the answer's schema.",
        "thread_question",
    ),
    (
        "checkpoint://{id}/diff{?after}",
        "What changed since a checkpoint",
        "text/x-diff",
        _diff,
        "Read the patch from a checkpoint to the files as they are, by whomever they were changed.",
        "checkpoint_diff",
    ),
    (
        "repo://{name}/status",
        "A repository's state",
        "application/json",
        _status,
        "Read branch, head, uncommitted files, test runner and trust of a repository.",
        "repo_status",
    ),
    (
        "prompt://{name}{?repo}",
        "A prompt's template",
        "text/markdown",
        _prompt,
        "Read the words a model is shown, before they are filled in: what they take, and the template.",
        "prompt",
    ),
)
