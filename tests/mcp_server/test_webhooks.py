"""Webhooks: who signed them, what they launch, and that a delivery runs once however often it comes."""

import hmac
import json
import time
from base64 import b64encode
from collections.abc import Generator
from hashlib import sha256
from itertools import count
from pathlib import Path
from typing import Any

import anyio
import httpx2 as httpx
import pytest

from tests.agents.shop import FIXED, SHOP
from tests.conftest import repository
from tests.mcp_server.http_server import token
from tests.mcp_server.rest_client import WAIT_S, Rest, resting

SECRET = "It's a Secret to Everybody"
LABELED = Path(__file__).with_name("github_issues_labeled.json").read_bytes()
RULES = """
[github]
secret_env = "HOOK_SECRET"

[trigger]
secret_env = "HOOK_SECRET"

[[rule]]
source = "github"
event = "issues"
match = { action = "labeled", "label.name" = "agent", "repository.full_name" = "octo-org/shop" }
agent = "issue_fixer"
repo = "shop"
task = { issue = "# Issue #${issue.number}: ${issue.title}\\n\\n${issue.body}" }

[[rule]]
source = "trigger"
match = { agent_type = "issue_fixer" }
agent = "issue_fixer"
principal = "ada"
session = "from-outside"
isolation = "worktree"
task = { issue = "${message}" }

[[rule]]
source = "trigger"
match = { "tags.name" = ["nightly", "weekly"] }
agent = "testing"
task = { paths = ["tests/test_auth.py"] }
"""
deliveries = count(1)


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    (tmp_path / "webhooks.toml").write_text(RULES)
    return repository(tmp_path / "src/shop", SHOP)


@pytest.fixture
def rest(shop: Path) -> Generator[Rest]:
    with listening(shop) as client:
        yield client


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Generator[Rest]:
    """A server at which nothing is launched."""
    folder = tmp_path_factory.mktemp("guarded")
    (folder / "webhooks.toml").write_text(RULES)
    with listening(repository(folder / "src/shop", SHOP)) as client:
        yield client


def listening(shop: Path) -> Any:
    rules = str(shop.parent.parent / "webhooks.toml")
    return resting(shop, toys=False, FACTOR12_WEBHOOKS=rules, HOOK_SECRET=SECRET, FACTOR12_SANDBOX="off")


def of_github(body: bytes, event: str = "issues", number: str = "", secret: str = SECRET) -> dict[str, Any]:
    """Sign as GitHub does."""
    signature = hmac.new(secret.encode(), body, sha256).hexdigest()
    headers = {
        "Content-Type": "application/json",
        "X-GitHub-Event": event,
        "X-GitHub-Delivery": number or f"72d3162e-{next(deliveries)}",
        "X-Hub-Signature-256": f"sha256={signature}",
    }
    return {"content": body, "headers": headers}


def standard(body: dict[str, Any], number: str = "", at: float | None = None) -> dict[str, Any]:
    """Sign as the Standard Webhooks specification says."""
    content, known = json.dumps(body).encode(), number or f"msg_{next(deliveries)}"
    stamp = str(int(time.time() if at is None else at))
    signed = f"{known}.{stamp}.".encode() + content
    signature = b64encode(hmac.new(SECRET.encode(), signed, sha256).digest()).decode()
    headers = {
        "Content-Type": "application/json",
        "webhook-id": known,
        "webhook-timestamp": stamp,
        "webhook-signature": f"v1,AAAA v1,{signature}",
    }
    return {"content": content, "headers": headers}


def delivered(rest: Rest, path: str, how: dict[str, Any]) -> dict[str, Any]:
    answered = rest.send("POST", path, **how)
    assert answered.status_code == 200, answered.text
    fields: dict[str, Any] = answered.json()
    return fields


def test_githubs_own_example_of_a_signature_counts() -> None:
    """From GitHub's page on validating deliveries."""
    expected = "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
    assert of_github(b"Hello, World!")["headers"]["X-Hub-Signature-256"] == f"sha256={expected}"


@pytest.mark.anyio
@pytest.mark.requirement("F11")
async def test_a_labelled_issue_is_fixed_once_however_often_and_however_it_is_delivered(shop: Path, rest: Rest) -> None:
    answers = list[httpx.Response]()

    async def deliver(client: httpx.AsyncClient, number: str) -> None:
        answers.append(await client.post(f"{rest.url}/webhooks/github", **of_github(LABELED, number=number)))

    async with httpx.AsyncClient(trust_env=False, timeout=60) as client, anyio.create_task_group() as group:
        for number in ("one", "one", "two", "three"):
            group.start_soon(deliver, client, number)
    assert {one.status_code for one in answers} == {200}, [one.text for one in answers]
    (thread_id,) = {one.json()["thread_id"] for one in answers}
    ended = rest.get(f"/agents/{thread_id}/status?wait={WAIT_S}")
    assert ended["outcome"] == "fixed" and (shop / "auth.py").read_text() == FIXED
    assert len(rest.get("/agents")["threads"]) == 1
    assert delivered(rest, "/webhooks/github", of_github(LABELED))["thread_id"] == thread_id
    swapped = rest.send("POST", "/webhooks/github", **of_github(LABELED, event="pull_request"))
    assert swapped.json()["status"] == "ignored"


def test_after_a_restart_a_delivery_is_still_known(shop: Path) -> None:
    with listening(shop) as rest:
        first = delivered(rest, "/webhooks/github", of_github(LABELED))
    with listening(shop) as rest:
        assert delivered(rest, "/webhooks/github", of_github(LABELED))["thread_id"] == first["thread_id"]


@pytest.mark.parametrize(
    ("changes", "event"),
    [
        ({"action": "opened"}, "issues"),
        ({"label": {"name": "bug"}}, "issues"),
        ({"repository": {"full_name": "octo-org/other"}}, "issues"),
        ({"repository": {"full_name": ["octo-org"]}}, "issues"),
        ({"label": "agent"}, "issues"),
        ({}, "issue_comment"),
    ],
)
def test_what_no_rule_matches_does_nothing(guarded: Rest, changes: dict[str, Any], event: str) -> None:
    body = json.dumps({**json.loads(LABELED), **changes}).encode()
    assert delivered(guarded, "/webhooks/github", of_github(body, event=event))["status"] == "ignored"
    assert guarded.get("/agents")["threads"] == []


def test_a_ping_is_answered(guarded: Rest) -> None:
    assert (
        delivered(guarded, "/webhooks/github", of_github(b'{"zen": "Keep it simple."}', event="ping"))["status"]
        == "pong"
    )


def without(how: dict[str, Any], *names: str, **more: str) -> dict[str, Any]:
    headers = {name: value for name, value in how["headers"].items() if name not in names}
    return {**how, "headers": {**headers, **{name.replace("_", "-"): value for name, value in more.items()}}}


MESSAGE = {"message": "Hello", "agent_type": "issue_fixer", "user_id": "user123"}


@pytest.mark.parametrize(
    ("path", "how"),
    [
        ("github", of_github(LABELED, secret="another secret of somebody")),
        ("github", without(of_github(LABELED), "X-Hub-Signature-256")),
        ("github", without(of_github(LABELED), X_Hub_Signature_256="sha1=00")),
        ("github", without(of_github(LABELED), X_Hub_Signature_256="sha256=é".encode().decode("latin-1"))),
        ("github", without(of_github(LABELED), "X-GitHub-Event")),
        ("github", {**of_github(LABELED), "content": LABELED + b" "}),
        ("trigger", without(standard(MESSAGE), "webhook-id")),
        ("trigger", without(standard(MESSAGE), "webhook-timestamp")),
        ("trigger", without(standard(MESSAGE), "webhook-signature")),
        ("trigger", without(standard(MESSAGE), webhook_id="other")),
        ("trigger", without(standard(MESSAGE), webhook_timestamp="1")),
        ("trigger", without(standard(MESSAGE), webhook_timestamp="-1")),
        ("trigger", standard(MESSAGE, at=time.time() - 3600)),
        ("trigger", standard(MESSAGE, at=time.time() + 3600)),
        ("trigger", without(standard(MESSAGE), webhook_signature="v1,")),
    ],
)
def test_what_is_not_signed_is_nobodys(guarded: Rest, path: str, how: dict[str, Any]) -> None:
    raw = [(name.encode(), value.encode("latin-1")) for name, value in how["headers"].items()]
    with httpx.Client(trust_env=False, timeout=30) as client:
        answered = client.post(f"{guarded.url}/webhooks/{path}", content=how["content"], headers=raw)
        twice = client.post(f"{guarded.url}/webhooks/{path}", content=how["content"], headers=[*raw, *raw[1:]])
    assert answered.status_code == twice.status_code == 401, answered.text
    assert answered.json()["error"]["kind"] == "refused"


@pytest.mark.requirement("R18")
def test_a_trigger_runs_as_its_rules_principal_in_its_session_and_no_token_is_needed(shop: Path) -> None:
    ada, local = token(shop, "ada"), token(shop, "")
    with listening(shop) as rest:
        assert rest.send("GET", "/agents").status_code == 401
        text = "${user_id} {{cycler}} $(touch x) ${message}"  # data, in which nothing is looked for
        told = standard({**MESSAGE, "message": text}, "msg_1")
        thread_id = delivered(rest, "/webhooks/trigger", told)["thread_id"]
        again = standard({**MESSAGE, "message": "Something else"}, "msg_1")
        assert delivered(rest, "/webhooks/trigger", again)["thread_id"] == thread_id
        hers = Rest(rest.url, ada)
        ended = hers.get(f"/agents/{thread_id}/status?wait={WAIT_S}")
        assert ended["session"] == "from-outside"
        assert hers.get(f"/agents/{thread_id}/history")["events"][0]["data"]["task"] == {"issue": text}
        assert Rest(rest.url, local).send("GET", f"/agents/{thread_id}/status").status_code == 404


def test_a_path_through_a_list_matches_any_of_its_items(rest: Rest) -> None:
    body = {"tags": [{"name": "daily"}, {"name": "weekly"}]}
    assert delivered(rest, "/webhooks/trigger", standard(body))["status"] == "launched"
    assert delivered(rest, "/webhooks/trigger", standard({"tags": [{"name": "daily"}]}))["status"] == "ignored"


@pytest.mark.parametrize("body", [{"agent_type": "issue_fixer"}, {"agent_type": "issue_fixer", "message": {"x": 1}}])
def test_a_payload_without_what_the_task_names_is_said_to_be_so(guarded: Rest, body: dict[str, Any]) -> None:
    error = guarded.refused(422, "POST", "/webhooks/trigger", **standard(body))
    assert error["kind"] == "bad_input" and "'message'" in error["message"]


@pytest.mark.parametrize("body", [b"[]", b"{", b'{"x": NaN}', b'"\\ud800"'])
def test_a_signed_body_that_is_no_object_is_refused(guarded: Rest, body: bytes) -> None:
    assert guarded.refused(422, "POST", "/webhooks/github", **of_github(body))["kind"] == "bad_input"
