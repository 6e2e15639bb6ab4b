"""REST over the same threads as every other door, described by its OpenAPI; `/docs` shows it."""

from functools import lru_cache
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.responses import HTMLResponse
from starlette.exceptions import HTTPException

from mcp_server import probes, rest_agents, rest_checkpoints, rest_page, rest_states, rest_stream, webhooks
from mcp_server.auth import Door
from mcp_server.compose import Runtime
from mcp_server.rest_described import described
from mcp_server.rest_door import FAILURES, Rest, of_framework
from mcp_server.version import program_version
from mcp_server.webhook_rules import load_rules

ABOUT = (
    "Small software agents over git repositories. Every answer says in `next` what to do next; every failure is "
    "{error: {kind, message, hint}, next}. Where the server wants a token: Authorization: Bearer …"
)


def rest(runtime: Runtime, door: Door) -> FastAPI:
    """Return what answers to REST and to webhooks.

    Raises:
        ProblemError: `bad_input`; the rules of webhooks cannot be used.
    """
    app = FastAPI(
        title="factor12",
        version=program_version(),
        description=ABOUT,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        responses=FAILURES,
        exception_handlers={HTTPException: _not_routed},
        separate_input_output_schemas=False,
    )
    app.state.rest = Rest(runtime, door, load_rules(runtime))
    for part in (rest_agents, rest_stream, rest_checkpoints, rest_states, webhooks, probes):
        app.include_router(part.router)
    app.add_api_route("/docs", _docs, include_in_schema=False)
    made = app.openapi

    @lru_cache(maxsize=1)
    def openapi(names: tuple[str, ...]) -> dict[str, Any]:
        app.openapi_schema = None
        return described(made(), [runtime.engine.agent(name) for name in names])

    app.openapi = lambda: openapi(tuple(agent.name for agent in runtime.engine.offered))
    return app


async def _docs(request: Request) -> HTMLResponse:
    return HTMLResponse(rest_page.page(request.app.openapi()), headers=rest_page.HEADERS)


async def _not_routed(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if error.status_code == 405 and (known := _allowed(request)):
        error = HTTPException(405, error.detail, {"Allow": ", ".join(known)})
    return of_framework(request, error)


def _allowed(request: Request) -> list[str]:
    """Return what may be done at a described address: each of its methods is a route of its own."""
    route = request.scope.get("route")
    known = request.app.openapi()["paths"].get(route.path, ()) if route is not None else ()
    return [method.upper() for method in known]
