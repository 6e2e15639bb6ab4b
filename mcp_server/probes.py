"""What those who run the server ask of it: is it alive, can it work, how much does it do."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request
from fastapi.responses import PlainTextResponse
from prometheus_client import CONTENT_TYPE_LATEST
from pydantic import BaseModel

from agents.runtime.patience import patiently
from mcp_server.metrics import exposition
from mcp_server.rest_bodies import NoQuery
from mcp_server.rest_door import Admin, Way, rest_of
from state.problem import ProblemError
from state.sqlite import Database

router = APIRouter(tags=["operate"], route_class=Way)
Nothing = Annotated[NoQuery, Query()]


class Fine(BaseModel):
    status: Literal["ok"] = "ok"


@router.get("/healthz")
async def healthz(_: Nothing) -> Fine:
    """Say that the process is alive."""
    return Fine()


@router.get("/readyz")
async def readyz(request: Request, _: Nothing) -> Fine:
    """Say whether the store can be read and written; 503 with the reason otherwise."""
    runtime = rest_of(request).runtime
    if runtime.bells.closed:
        raise ProblemError("store", "The process is ending.", "Ask another one.")
    try:
        await patiently(_use, runtime.database)
    except ProblemError as error:
        told = error.problem.message.replace(str(runtime.database.path), runtime.database.path.name)
        raise ProblemError("store", told, "The server's log has more.") from error  # anybody may ask: no paths
    return Fine()


@router.get(
    "/metrics",
    response_class=PlainTextResponse,
    responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
)
async def metrics(runtime: Admin, _: Nothing) -> PlainTextResponse:
    """Show threads by agent and status, and calls by door, name and outcome, as Prometheus reads them."""
    if not runtime.settings.enable_metrics:
        raise ProblemError("not_found", "Metrics are off.", "ENABLE_METRICS=true switches them on.")
    return PlainTextResponse(exposition(runtime), media_type=CONTENT_TYPE_LATEST)


def _use(database: Database) -> None:
    """Take the write lock and give it back; a file that cannot be written says so here."""
    with database.transaction() as db:
        db.execute("select count(*) from (select 1 from threads limit 1)").fetchone()
        db.execute("update threads set hidden = hidden where id = -1")
