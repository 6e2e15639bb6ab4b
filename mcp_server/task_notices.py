"""`notifications/tasks` on `subscriptions/listen`: a client hears how its tasks go, whichever process drives them."""

import logging
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeAlias

import anyio
from mcp.server.context import CallNext, HandlerResult, ServerMiddleware
from mcp.server.mcpserver.server import require_client_extension
from mcp.server.session import ServerSession
from mcp.shared.exceptions import MCPError
from mcp.shared.subscriptions import SUBSCRIPTION_ID_META_KEY
from mcp_types import INVALID_PARAMS, RequestId, ServerNotification, SubscriptionsAcknowledgedNotification
from pydantic import BaseModel, Field, ValidationError

from agents.runtime.engine import TICK_S
from mcp_server.asking import TASKS, Request
from mcp_server.compose import Runtime
from mcp_server.task_view import Task, UnknownTask, find, newer, shown
from mcp_server.tasks import said
from state.problem import ProblemError
from state.store import UnknownThread

log = logging.getLogger(__name__)

MOST_TASKS = 100
Tell: TypeAlias = Callable[[Task], Awaitable[None]]


class _Filter(BaseModel):
    """What a subscription names; the rest of it is the SDK's."""

    task_ids: list[str] | None = Field(default=None, alias="taskIds", max_length=MOST_TASKS)


class _Stream(ServerSession):
    """A subscription's stream whose first frame also agrees to the tasks."""

    def __init__(self, session: ServerSession, subscription: RequestId | None, task_ids: Sequence[str]) -> None:
        super().__init__(session._request_outbound, session._connection)
        self._subscription = subscription
        self._task_ids = [*task_ids]
        self.open = anyio.Event()

    async def send_notification(
        self, notification: ServerNotification, related_request_id: RequestId | None = None
    ) -> None:
        if isinstance(notification, SubscriptionsAcknowledgedNotification):
            agreed = notification.params.notifications.model_copy(update={"taskIds": self._task_ids})
            params = notification.params.model_copy(update={"notifications": agreed})
            notification = notification.model_copy(update={"params": params})
        await super().send_notification(notification, related_request_id)
        self.open.set()

    async def tell(self, task: Mapping[str, Any]) -> None:
        params = {**task, "_meta": {SUBSCRIPTION_ID_META_KEY: self._subscription}}
        await self._request_outbound.notify("notifications/tasks", params)


def listening(runtime: Runtime, absent: Collection[str] = ()) -> ServerMiddleware[Any]:
    """Return what adds tasks to the subscriptions that ask for them."""

    async def listen(ctx: Request, call_next: CallNext) -> HandlerResult:
        wanted = _wanted(ctx)
        if wanted is None:
            return await call_next(ctx)
        require_client_extension(ctx, TASKS)
        with said():
            caller = runtime.seen_by(ctx.request)
            tasks = _known(caller, wanted)
        stream = _Stream(ctx.session, ctx.request_id, [str(task.id) for task in tasks])

        async def tell(task: Task) -> None:
            await stream.tell(shown(caller, task, absent))

        refused: MCPError | ValidationError | None = None
        result: HandlerResult = None
        async with anyio.create_task_group() as group:
            group.start_soon(_follow, caller, stream.open, tasks, tell)
            try:
                result = await call_next(replace(ctx, session=stream))
            except (MCPError, ValidationError) as error:  # a group would wrap it
                refused = error
            group.cancel_scope.cancel()
        if refused is not None:
            raise refused
        return result

    return listen


def _wanted(ctx: Request) -> Sequence[str] | None:
    """Return the ids that a subscription names; `None` for one without tasks, and for any other message.

    Raises:
        MCPError: They are no list of a hundred texts at most.
    """
    if ctx.method != "subscriptions/listen":
        return None
    try:
        return _Filter.model_validate((ctx.params or {}).get("notifications") or {}).task_ids
    except ValidationError as error:
        raise MCPError(INVALID_PARAMS, f"taskIds must be a list of at most {MOST_TASKS} task ids.") from error


def _known(runtime: Runtime, wanted: Sequence[str]) -> list[Task]:
    tasks = list[Task]()
    for given in dict.fromkeys(wanted):
        try:
            tasks.append(find(runtime, given))
        except UnknownTask:  # it is left out of what is agreed to, as the extension says
            continue
    return tasks


async def _follow(runtime: Runtime, acknowledged: anyio.Event, tasks: Sequence[Task], tell: Tell) -> None:
    """Tell every task as it is, so that nothing is missed between a look and the subscription; then each change."""
    await acknowledged.wait()
    for task in tasks:
        await tell(task)
    going = [task for task in tasks if not task.over]
    while going and not runtime.bells.closed:
        await anyio.sleep(TICK_S)
        going = [task for known in going if (task := await _looked_at(runtime, known, tell)) is not None]


async def _looked_at(runtime: Runtime, known: Task, tell: Tell) -> Task | None:
    """Tell the task if it changed; `None` once there is no more to come."""
    try:
        task = newer(runtime, known)
    except UnknownThread:
        return None
    except ProblemError as error:  # next time the store may be well
        log.error("task %s was not looked at: %s", known.id, error)
        return known
    if task.over or task.step != known.step:
        await tell(task)
    return None if task.over else task
