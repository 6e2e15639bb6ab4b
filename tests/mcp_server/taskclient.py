"""A client that has tasks: it gets them in the place of results, looks at them, answers their forms, gives them up."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

import anyio
from mcp import Client, StdioServerParameters
from mcp.client import ClientRequestContext
from mcp.client.extension import ClaimContext, ClientExtension, NotificationBinding, ResultClaim
from mcp_types import CallToolResult, ElicitRequestParams, ElicitResult, Request, Result
from pydantic import BaseModel, ConfigDict

from mcp_server.app import build_server
from mcp_server.compose import Runtime

TASKS = "io.modelcontextprotocol/tasks"
TICK_S = 0.02


class Made(Result):
    """What a call returns that became a task."""

    model_config = ConfigDict(extra="allow")

    result_type: Literal["task"] = "task"


class Plain(BaseModel):
    """Whatever comes."""

    model_config = ConfigDict(extra="allow")


class _Get(Request[dict[str, Any], Literal["tasks/get"]]):
    method: Literal["tasks/get"] = "tasks/get"
    name_param = "taskId"


class _Update(Request[dict[str, Any], Literal["tasks/update"]]):
    method: Literal["tasks/update"] = "tasks/update"
    name_param = "taskId"


class _Cancel(Request[dict[str, Any], Literal["tasks/cancel"]]):
    method: Literal["tasks/cancel"] = "tasks/cancel"
    name_param = "taskId"


class _Listen(Request[dict[str, Any], Literal["subscriptions/listen"]]):
    method: Literal["subscriptions/listen"] = "subscriptions/listen"


@dataclass
class Notices:
    """The `notifications/tasks` that came."""

    told: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    came: anyio.Event = field(default_factory=anyio.Event)

    async def __call__(self, notice: Plain) -> None:
        self.told.append({**(notice.model_extra or {})})
        self.came.set()
        self.came = anyio.Event()

    async def until(self, task_id: str, status: str) -> dict[str, Any]:
        """Wait for a task to be told of in that status."""
        while True:
            for one in self.told:
                if (one["taskId"], one["status"]) == (task_id, status):
                    return one
            await self.came.wait()


class _HasTasks(ClientExtension):
    identifier = TASKS

    def __init__(self, notices: Notices) -> None:
        self._notices = notices

    def claims(self) -> Sequence[ResultClaim[Any]]:
        return [ResultClaim(result_type="task", model=Made, resolve=self._resolve)]

    def notifications(self) -> Sequence[NotificationBinding[Any]]:
        return [NotificationBinding(method="notifications/tasks", params_type=Plain, handler=self._notices)]

    async def _resolve(self, made: Made, _: ClaimContext) -> CallToolResult:
        raise AssertionError(made)  # tests look at the task themselves


@dataclass(frozen=True)
class TaskClient:
    client: Client
    notices: Notices

    async def call(self, name: str, /, **arguments: Any) -> dict[str, Any]:
        """Call a tool and return the result as it is on the wire."""
        result: Any = await self.client.session.call_tool(
            name, arguments, allow_claimed=True, allow_input_required=True
        )
        return result.model_dump(mode="json", by_alias=True, exclude_none=True)

    async def begin(self, name: str, /, **arguments: Any) -> str:
        """Call a tool that must become a task, and return its id."""
        made = await self.call(name, **arguments)
        assert made["resultType"] == "task", made
        return made["taskId"]

    async def get(self, task_id: str) -> dict[str, Any]:
        return await self._send(_Get(params={"taskId": task_id}))

    async def until(self, task_id: str, *statuses: str) -> dict[str, Any]:
        """Look at the task until it has one of these statuses."""
        while (task := await self.get(task_id))["status"] not in statuses:
            with anyio.move_on_after(TICK_S):
                await anyio.Event().wait()
        return task

    async def update(self, task_id: str, responses: dict[str, Any]) -> dict[str, Any]:
        sent = {"taskId": task_id, "inputResponses": responses}
        return await self._send(_Update(params=sent))

    async def cancel(self, task_id: str) -> dict[str, Any]:
        return await self._send(_Cancel(params={"taskId": task_id}))

    async def _send(self, request: Request[Any, Any]) -> dict[str, Any]:
        return {**((await self.client.session.send_request(request, Plain)).model_extra or {})}

    async def listen(self, task_ids: Any, **more: Any) -> dict[str, Any]:
        """Subscribe; it returns when the subscription ends."""
        sent = {"notifications": {"taskIds": task_ids, **more}}
        return await self._send(_Listen(params=sent))


async def _unseen(context: ClientRequestContext, params: ElicitRequestParams) -> ElicitResult:
    raise AssertionError(params)  # a task's forms are in the task


@asynccontextmanager
async def tasking(
    where: Runtime | StdioServerParameters | str, *, forms: bool = True, mode: str = "2026-07-28"
) -> AsyncGenerator[TaskClient]:
    """Be a client with tasks at a process in memory, on pipes, or at a URL; with or without forms."""
    server: Any = build_server(where) if isinstance(where, Runtime) else where
    notices = Notices()
    callback = _unseen if forms else None
    with anyio.fail_after(60):
        async with Client(server, mode=mode, elicitation_callback=callback, extensions=[_HasTasks(notices)]) as client:
            yield TaskClient(client, notices)


def filled(answer: Any) -> dict[str, Any]:
    return {"action": "accept", "content": {"answer": answer}}
