"""What could stand for an argument of a prompt or a template: names that are there now, by their beginning.

A completion is asked for at every key a person presses, so it is quick, bounded, and never an error.
"""

import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import anyio
from anyio.to_thread import run_sync
from mcp.shared.exceptions import MCPError
from mcp_types import CompleteRequestParams, CompleteResult, Completion, PromptReference

from mcp_server.compose import Runtime
from mcp_server.reading import reader
from mcp_server.schemas import Schema
from mcp_server.sdk import RequestCtx
from state.listing import checkpoint_ids, session_names, thread_ids
from state.problem import ProblemError

log = logging.getLogger(__name__)

MOST = 100
"""Values the protocol lets an answer have."""
LONGEST_S = 2.0


@dataclass(frozen=True, slots=True)
class Asked:
    """What is completed: the text so far, and the arguments that are filled in already."""

    runtime: Runtime
    text: str
    filled: Mapping[str, str]


Source: TypeAlias = Callable[[Asked], Awaitable[list[str]]]


class Completions:
    """Answers `completion/complete`."""

    def __init__(self, runtime: Runtime, tools: list[Schema]) -> None:
        """`tools` are those that are offered, as `toolbox.shown` describes them; a prompt has its tool's name."""
        self._runtime = runtime
        self._fields = {tool["name"]: tool["parameters"]["properties"] for tool in tools}

    async def __call__(self, ctx: RequestCtx, params: CompleteRequestParams) -> CompleteResult:
        """Complete one argument. This is an outermost door: what goes wrong is logged, and nothing is offered."""
        found = list[str]()
        with anyio.move_on_after(LONGEST_S):
            try:
                seen = reader(self._runtime, ctx.request)
                filled = (params.context.arguments if params.context else None) or {}
                asked = Asked(seen, params.argument.value, filled)
                found = [seen.outward.text(value) for value in await self._values(params, asked)]
            except (MCPError, ProblemError) as error:
                log.info("nothing to complete %r with: %s", params.argument.name, error)
            except Exception:
                log.exception("completing %r failed", params.argument.name)
        more = len(found) > MOST
        return CompleteResult(
            completion=Completion(values=found[:MOST], total=None if more else len(found), has_more=more)
        )

    async def _values(self, params: CompleteRequestParams, asked: Asked) -> list[str]:
        name = params.argument.name
        if isinstance(params.ref, PromptReference):
            options = _options(self._fields.get(params.ref.name, {}).get(name, {}))
            source = None if options else _ARGUMENTS.get(name)
        else:
            options, source = [], _TEMPLATES.get((params.ref.uri.partition("://")[0], name))
        found = options if source is None else await source(asked)
        return [value for value in found if value.startswith(asked.text)]


def _options(field: Schema) -> list[str]:
    """Return all that a field takes, if its type says that."""
    if field.get("type") == "boolean":
        return ["true", "false"]
    return [str(option) for option in field.get("enum", ())]


async def _repositories(asked: Asked) -> list[str]:
    return [named.name for named in await run_sync(asked.runtime.repositories.list)]


async def _several(asked: Asked) -> list[str]:
    """Complete the last of several names, which a prompt's argument has in one text; the others stay as they are."""
    last = asked.text.rpartition(",")[2].lstrip()
    before = asked.text.removesuffix(last) if last else asked.text
    given = {name.strip() for name in before.split(",")}
    return [f"{before}{name}" for name in await _repositories(asked) if name not in given]


async def _issues(asked: Asked) -> list[str]:
    from tools.issue import issue_names

    return await run_sync(
        issue_names, _root(asked, asked.filled.get("source_repo", "") or asked.filled.get("repo", ""))
    )


async def _branches(asked: Asked) -> list[str]:
    root = _root(asked, asked.filled.get("repo", ""))
    return [*await asked.runtime.repositories.branches(root, asked.text, MOST + 1)]


def _root(asked: Asked, repo: str) -> Any:
    seen = asked.runtime
    return seen.repositories.meant(repo, asked.filled.get("session") or seen.settings.session, seen.principal)


async def _threads(asked: Asked) -> list[str]:
    return thread_ids(asked.runtime.database, asked.runtime.principal, asked.text, MOST + 1)


async def _checkpoints(asked: Asked) -> list[str]:
    return checkpoint_ids(asked.runtime.database, asked.runtime.principal, asked.text, MOST + 1)


async def _sessions(asked: Asked) -> list[str]:
    return session_names(asked.runtime.database, asked.runtime.principal, asked.text, MOST + 1)


async def _checks(_: Asked) -> list[str]:
    from tools.runners.results import RUNNERS

    return ["none", *RUNNERS]


async def _prompts(asked: Asked) -> list[str]:
    return asked.runtime.wordings.known()


_ARGUMENTS: Mapping[str, Source] = {
    "repo": _repositories,
    "source_repo": _repositories,
    "repos": _several,
    "issue": _issues,
    "branch": _branches,
    "base": _branches,
    "head": _branches,
    "thread_id": _threads,
    "session": _sessions,
    "check": _checks,
}
_TEMPLATES: Mapping[tuple[str, str], Source] = {
    ("thread", "id"): _threads,
    ("checkpoint", "id"): _checkpoints,
    ("repo", "name"): _repositories,
    ("prompt", "name"): _prompts,
}
