"""The one task that is none of ours: it has two forms open at once, and a thread asks one thing at a time."""

from dataclasses import dataclass, field
from typing import Any

from mcp.server.context import CallNext, HandlerResult, ServerRequestContext

AT = "2026-07-28T00:00:00.000Z"
NAME = "multi_input"


@dataclass
class TwoForms:
    """Answers for tasks of the job that asks twice; whatever else comes is handed on to the product."""

    open: dict[str, set[str]] = field(default_factory=dict[str, set[str]])
    """Task → the forms that nobody filled in yet."""

    async def __call__(self, ctx: ServerRequestContext[Any, Any], call_next: CallNext) -> HandlerResult:
        params: dict[str, Any] = dict(ctx.params or {})
        if ctx.method == "tools/call" and params.get("name") == NAME:
            made = f"two-forms-{len(self.open)}"
            self.open[made] = {"first", "second"}
            return {**self._shown(made), "resultType": "task"}
        task = str(params.get("taskId"))
        if task not in self.open:
            return await call_next(ctx)
        if ctx.method == "tasks/update":
            self.open[task] -= set(params.get("inputResponses", {}))
            return {"resultType": "complete"}
        return self._shown(task)

    def _shown(self, task: str) -> dict[str, Any]:
        left = sorted(self.open[task])
        known: dict[str, Any] = {
            "resultType": "complete",
            "taskId": task,
            "createdAt": AT,
            "lastUpdatedAt": AT,
            "ttlMs": 60_000,
            "pollIntervalMs": 100,
        }
        if left:
            return {**known, "status": "input_required", "inputRequests": {name: _form(name) for name in left}}
        return {**known, "status": "completed", "result": {"content": [{"type": "text", "text": "both"}]}}


def _form(name: str) -> dict[str, Any]:
    schema = {"type": "object", "properties": {"name": {"type": "string"}}}
    return {"method": "elicitation/create", "params": {"mode": "form", "message": name, "requestedSchema": schema}}
