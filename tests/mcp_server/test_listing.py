"""The list of tools is made once and kept: the next start needs no agent's code to answer it."""

import json
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from mcp import Client

from mcp_server.app import build_server
from mcp_server.compose import compose
from tests.mcp_server.door import settings_in
from tests.mcp_server.toys import AGENTS, TOOLS

pytestmark = pytest.mark.anyio


async def listed(folder: Path, **given: Any) -> tuple[dict[str, Any], bool]:
    """Return all that a client reads before a call, and whether agents' code was needed for it."""
    runtime = compose(settings_in(folder, **given.pop("settings", {})), folder, **given)
    async with Client(build_server(runtime)) as client:
        tools, prompts = await client.list_tools(), await client.list_prompts()
    runtime.database.close()
    return {"tools": tools.model_dump(), "prompts": prompts.model_dump()}, "engine" in vars(runtime)


def names(shown: dict[str, Any]) -> list[str]:
    return [tool["name"] for tool in shown["tools"]["tools"]]


async def test_a_second_start_shows_the_same_without_the_agents_code(tmp_path: Path) -> None:
    first, made = await listed(tmp_path)
    second, needed = await listed(tmp_path)
    assert made and not needed and second == first
    kept = tmp_path / "state" / "listing.json"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert not list(kept.parent.glob(".listing*"))


def _other_code(kept: Path) -> None:
    kept.write_bytes(json.dumps({**json.loads(kept.read_bytes()), "key": "of other code", "tools": []}).encode())


def _cut(kept: Path) -> None:
    kept.write_bytes(kept.read_bytes()[:100])


def _other_form(kept: Path) -> None:
    kept.write_bytes(b"[]")


@pytest.mark.parametrize("spoil", [_other_code, _cut, _other_form])
async def test_what_was_kept_for_other_code_or_is_damaged_is_made_anew(
    tmp_path: Path, spoil: Callable[[Path], None]
) -> None:
    first, _ = await listed(tmp_path)
    spoil(tmp_path / "state" / "listing.json")
    again, made = await listed(tmp_path)
    assert made and again == first
    assert not (await listed(tmp_path))[1]


async def test_where_nothing_can_be_kept_the_list_is_made_at_every_start(tmp_path: Path) -> None:
    (tmp_path / "state" / "listing.json").mkdir(parents=True)
    first, made = await listed(tmp_path)
    second, again = await listed(tmp_path)
    assert made and again and second == first


async def test_other_settings_and_other_agents_have_lists_of_their_own(tmp_path: Path) -> None:
    person, _ = await listed(tmp_path)
    host, made = await listed(tmp_path, settings={"FACTOR12_APPROVAL": "host"})
    assert made and "thread_approve" in names(host) and "thread_approve" not in names(person)
    kept = (tmp_path / "state" / "listing.json").read_bytes()
    toys, made = await listed(tmp_path, agents=AGENTS, tools=TOOLS)
    assert made and names(toys)[0] == "errand"
    assert (tmp_path / "state" / "listing.json").read_bytes() == kept
