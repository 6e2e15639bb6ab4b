"""What docs/rest.md shows works as it stands: its calls in their order, and its rules."""

import re
import shlex
from itertools import pairwise
from pathlib import Path

import pytest

from mcp_server.rest_door import STATUS
from mcp_server.webhook_rules import load_rules
from tests.agents.shop import SHOP
from tests.conftest import repository
from tests.mcp_server.door import door
from tests.mcp_server.rest_client import WAIT_S, Rest, resting

DOCUMENT = (Path(__file__).parents[2] / "docs/rest.md").read_text(encoding="utf-8")


def block(language: str) -> str:
    found = re.search(rf"```{language}\n(.*?)```", DOCUMENT, re.DOTALL)
    assert found is not None
    return found[1]


def curl(rest: Rest, command: str, thread_id: str) -> dict[str, str]:
    """Send what curl would."""
    words = shlex.split(command.replace("{thread_id}", thread_id))
    given = dict(pairwise(words))
    (url,) = (word for word in words if word.startswith("http"))
    name, _, value = given.get("-H", "").partition(": ")
    method, body = given.get("-X", "GET"), given.get("-d")
    path = url.removeprefix("http://localhost:8000")
    answered = rest.send(method, path, headers={name: value} if name else {}, content=body)
    assert answered.status_code == 200, (command, answered.text)
    fields: dict[str, str] = answered.json()
    return fields


def test_every_call_of_the_document_works_as_it_stands(tmp_path: Path) -> None:
    commands = block("bash").replace("\\\n", " ").strip().split("\ncurl")
    thread_id = ""
    with resting(repository(tmp_path / "src/shop", SHOP), toys=False, FACTOR12_SANDBOX="off") as rest:
        for command in commands:
            answered = curl(rest, f"curl {command.strip().removeprefix('curl')}", thread_id)
            if "/start" in command:
                thread_id = answered["thread_id"]
                rest.get(f"/agents/{thread_id}/status?wait={WAIT_S}")
    assert len(commands) == 9 and thread_id


@pytest.mark.anyio
async def test_the_rules_of_the_document_are_rules(tmp_path: Path) -> None:
    repository(tmp_path / "src/shop", SHOP)
    file = tmp_path / "webhooks.toml"
    file.write_text(block("toml"))
    secrets = dict.fromkeys(re.findall(r"\w+_WEBHOOK_SECRET", block("toml")), "x" * 32)
    async with door(tmp_path / "src", toys=False, FACTOR12_WEBHOOKS=file) as at:
        rules = load_rules(at.runtime, secrets)
    assert rules is not None and [rule.owner for rule in rules.rules] == ["", "ada"]


def test_the_document_has_the_status_of_every_kind() -> None:
    table = DOCUMENT.partition("## Failures")[2].partition("## Webhooks")[0]
    rows = [line for line in table.split("\n") if line.startswith("| `")]
    known = [row for kind, status in STATUS.items() for row in rows if f"`{kind}`" in row and str(status) in row]
    assert len(known) == len(STATUS)
