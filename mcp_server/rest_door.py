"""Where every REST call comes in and goes out: bodies read strictly, failures in words with their status (R15)."""

import logging
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from email.message import Message
from time import monotonic
from typing import Annotated, Any, TypeAlias, cast

from fastapi import Depends, HTTPException, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute
from pydantic import BaseModel
from pydantic_core import from_json
from starlette.exceptions import HTTPException as Refused
from starlette.requests import ClientDisconnect

from mcp_server.auth import Door
from mcp_server.callers import Scope, caller_of
from mcp_server.compose import Runtime
from mcp_server.envelope import refusal
from mcp_server.logs import about
from mcp_server.signatures import Unsigned
from mcp_server.webhook_rules import Rules
from state.problem import Kind, Problem, ProblemError

log = logging.getLogger(__name__)

Handle: TypeAlias = Callable[[Request], Coroutine[Any, Any, Response]]

STATUS: Mapping[Kind, int] = {
    "bad_input": 422,
    "not_found": 404,
    "ambiguous": 409,
    "busy": 409,
    "refused": 403,
    "expired": 410,
    "conflict": 409,
    "limit": 429,
    "diverged": 409,
    "store": 503,
    "internal": 500,
}
"""What each kind of problem is over HTTP."""
_OTHERWISE: Mapping[int, Kind] = {404: "not_found", 413: "limit"}
"""What the framework's own refusals are; the rest is `bad_input`."""


class Failure(BaseModel):
    """What every call answers that fails."""

    thread_id: str | None = None
    error: Problem
    next: str


_SAYS = {status: ", ".join(kind for kind, one in STATUS.items() if one == status) for status in STATUS.values()}
FAILURES: dict[int | str, dict[str, Any]] = {
    status: {"model": Failure, "description": says}
    for status, says in sorted({**_SAYS, 401: "no token, or one that does not count"}.items())
}


@dataclass(frozen=True, slots=True)
class Rest:
    """What the routes work on."""

    runtime: Runtime
    door: Door
    rules: Rules | None = None


class Strict(Request):
    """Reads JSON as the log keeps it: no NaN, whole characters, and no deeper than can be read again."""

    async def json(self) -> Any:
        try:
            return from_json(await self.body(), allow_inf_nan=False)
        except ValueError as error:
            raise HTTPException(422, f"The body is not JSON: {error}.") from error


class Way(APIRoute):
    """A route that answers whatever happens, and counts it. This is the outermost door of REST."""

    def get_route_handler(self) -> Handle:
        inner, name = super().get_route_handler(), f"{min(self.methods or ())} {self.path}"
        door = "webhook" if self.path.startswith("/webhooks/") else "rest"

        async def handle(request: Request) -> Response:
            runtime, begun = rest_of(request).runtime, monotonic()
            with about(route=name):
                response, outcome = await _answer(inner, Strict(request.scope, request.receive))
                runtime.calls.note(door, name, outcome, monotonic() - begun)
                log.info("answered: %s", outcome)
            return response

        return handle


def rest_of(request: Request) -> Rest:
    return cast(Rest, request.app.state.rest)


def acting(scope: Scope) -> Callable[[Request], Awaitable[Runtime]]:
    """Return how a route gets the process as its caller sees it, if they have the scope."""

    async def find(request: Request) -> Runtime:
        return rest_of(request).runtime.seen_by(request, scope)

    return find


Reader: TypeAlias = Annotated[Runtime, Depends(acting("read"))]
Runner: TypeAlias = Annotated[Runtime, Depends(acting("run"))]
Admin: TypeAlias = Annotated[Runtime, Depends(acting("admin"))]


async def _answer(inner: Handle, request: Request) -> tuple[Response, str]:
    try:
        await _require_json(request)
        return await inner(request), "ok"
    except ProblemError as error:
        return failed(request, error.problem), error.problem.kind
    except Unsigned as error:
        return failed(request, error.problem, 401), "refused"
    except RequestValidationError as error:
        return failed(request, complaint(error.errors())), "bad_input"
    except Refused as error:
        return of_framework(request, error), "bad_input"
    except ClientDisconnect:
        return failed(request, Problem(kind="bad_input", message="The body did not come in time.")), "bad_input"
    except Exception as error:
        log.exception("%s failed", request.scope.get("path"))
        message = f"The call failed unexpectedly ({type(error).__name__})."
        hint = "Its details are in the server's log on stderr. Nothing was lost: GET /agents shows the threads."
        return failed(request, Problem(kind="internal", message=message, hint=hint)), "internal"


async def _require_json(request: Request) -> None:
    """Refuse a body in another form before anything is made of it: pages of other sites may send those."""
    if request.method != "POST" or not await request.body():
        return
    media = Message()
    media["content-type"] = request.headers.get("content-type", "")
    if media.get_content_type() != "application/json":
        raise HTTPException(422, "The body must be JSON and say so: Content-Type: application/json.")


def failed(request: Request, problem: Problem, status: int = 0, headers: Mapping[str, str] | None = None) -> Response:
    """Answer with a problem, and with the thread it is about if the caller may see that (R16)."""
    fields = refusal(problem, thread_id=_named(request))
    clean = rest_of(request).runtime.outward.value(fields)
    return JSONResponse(clean, status or STATUS[problem.kind], headers)


def of_framework(request: Request, error: Refused) -> Response:
    kind = _OTHERWISE.get(error.status_code, "bad_input")
    problem = Problem(kind=kind, message=str(error.detail), hint="/docs describes every call.")
    return failed(request, problem, error.status_code, error.headers)


def complaint(errors: Sequence[Any]) -> Problem:
    """Say in one line what does not fit; an unknown name goes first, as it is often why another one is missing.

    What was given is not repeated: it may be a secret in the wrong place.
    """
    first = next((one for one in errors if one["type"] == "extra_forbidden"), errors[0])
    where = ".".join(str(part) for part in first["loc"])[:200]
    says = "there is no such field" if first["type"] == "extra_forbidden" else first["msg"]
    return Problem(kind="bad_input", message=f"{where}: {says}.", hint="/docs describes what it takes.")


def _named(request: Request) -> str:
    named = request.path_params.get("thread_id")
    try:
        return rest_of(request).runtime.acting_for(caller_of(request)).find(named).id if named else ""
    except ProblemError:
        return ""
