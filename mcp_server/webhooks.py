"""`/webhooks`: what other systems send launches agents, as a person's rules say. Delivered twice, it runs once."""

from collections.abc import Mapping
from time import time
from typing import Any, Literal, cast

from fastapi import APIRouter, Request
from pydantic import BaseModel
from pydantic_core import from_json

from agents.runtime.patience import patiently
from mcp_server.callers import Caller
from mcp_server.compose import Runtime
from mcp_server.launching import Place
from mcp_server.payloads import filled, matches
from mcp_server.rest_door import Way, rest_of
from mcp_server.rest_launching import launched
from mcp_server.signatures import by_github, by_standard, only
from mcp_server.webhook_rules import Rule, Source
from state import sessions
from state.listing import with_key
from state.problem import ProblemError

router = APIRouter(prefix="/webhooks", tags=["webhooks"], route_class=Way)


class Delivery(BaseModel):
    """What came of a delivery: the thread it launched, now or the first time it came."""

    status: Literal["launched", "ignored", "pong"]
    thread_id: str | None = None
    next: str


def _signed(*headers: str) -> dict[str, Any]:
    """Describe a call whose headers are checked together with its body."""
    text = {"schema": {"type": "string"}}
    return {
        "parameters": [{"name": name, "in": "header", "required": True, **text} for name in headers],
        "requestBody": {"required": True, "content": {"application/json": {"schema": {"type": "object"}}}},
    }


_STANDARD = _signed("webhook-id", "webhook-timestamp", "webhook-signature")
_NAMED = ("X-GitHub-Event", "X-GitHub-Delivery")
_GITHUB = _signed("X-Hub-Signature-256", *_NAMED)


@router.post("/trigger", response_model=Delivery, response_model_exclude_unset=True, openapi_extra=_STANDARD)
async def trigger(request: Request) -> dict[str, Any]:
    """Take a delivery that is signed as the Standard Webhooks specification says, within five minutes."""
    secret, body = _secret(request, "trigger"), await request.body()
    known = by_standard(secret, request.headers, body, time())
    return await _deliver(request, "trigger", known, _object(body), number=request.headers["webhook-id"])


@router.post("/github", response_model=Delivery, response_model_exclude_unset=True, openapi_extra=_GITHUB)
async def github(request: Request) -> dict[str, Any]:
    """Take a delivery of GitHub. The same body is one delivery, whatever its id: GitHub does not sign the id."""
    secret, body = _secret(request, "github"), await request.body()
    known = by_github(secret, request.headers, body)
    event, number, payload = *(only(request.headers, name) for name in _NAMED), _object(body)
    if event == "ping":
        return {"status": "pong", "next": "The secret fits. Deliveries that match a rule launch its agent."}
    return await _deliver(request, "github", known, payload, event, number)


def _secret(request: Request, source: Source) -> bytes:
    rules = rest_of(request).rules
    if rules is None or (secret := rules.secrets.get(source)) is None:
        hint = f"FACTOR12_WEBHOOKS names a file of rules; it needs [{source}] with the name of its secret's variable."
        raise ProblemError("not_found", f"No webhooks of {source} are taken here.", hint)
    return secret


def _object(body: bytes) -> dict[str, Any]:
    try:
        found: Any = from_json(body, allow_inf_nan=False)
    except ValueError as error:
        raise ProblemError("bad_input", f"The body is not JSON: {error}.", "Send application/json.") from error
    if not isinstance(found, dict):
        raise ProblemError("bad_input", "The body is not an object.", "Send application/json with an object.")
    return cast(dict[str, Any], found)


async def _deliver(
    request: Request, source: Source, known: str, payload: Mapping[str, Any], event: str = "", number: str = ""
) -> dict[str, Any]:
    """Launch what the first rule that matches says; nothing if it was launched before."""
    rest = rest_of(request)
    rules = rest.rules.rules if rest.rules else ()
    fitting = (one for one in rules if one.source == source and one.event in ("", event) and matches(one, payload))
    if (rule := next(fitting, None)) is None:
        return {"status": "ignored", "next": "No rule matches it; nothing was done."}
    runtime = rest.runtime.acting_for(Caller(rule.owner, frozenset({"read", "run"})))
    runtime.caller.need("run")
    key = f"{source}:{known}"
    thread_id = with_key(runtime.database, rule.owner, key) or await _launch(runtime, rule, payload, key, number)
    return {"status": "launched", "thread_id": thread_id, "next": f"GET /agents/{thread_id}/status shows it."}


async def _launch(runtime: Runtime, rule: Rule, payload: Mapping[str, Any], key: str, number: str) -> str:
    """Launch the rule's agent. The store holds that of two deliveries at the same time one opens the thread."""
    if rule.session:
        await patiently(sessions.begin, runtime.database, rule.owner, rule.session)
    place = Place(rule.repo, rule.session, rule.isolation)
    task: dict[str, Any] = filled(rule.task, payload)
    client = f"webhook {rule.source} {number[:100]}"
    untrusted = (f"a delivery to /webhooks/{rule.source} ({number[:100]})",) if task != rule.task else ()
    known = {"client": client, "idempotency_key": key}
    return (await launched(runtime, rule.agent, task, place, source="webhook", untrusted=untrusted, **known)).id
