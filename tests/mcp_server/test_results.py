"""Results are what their schemas say, in every state of a thread, and no longer than a model can read."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from mcp import Client
from mcp_types import CallToolResult, ResourceLink, TextContent, TextResourceContents
from pydantic import BaseModel

from agents.runtime.definition import Agent
from mcp_server import plain
from mcp_server.app import build_server
from mcp_server.compose import running
from mcp_server.replies import TIMES_INLINE
from mcp_server.shortening import fitted
from state.steps import Done, Step
from state.thread import Thread
from tests.agents.shop import SHOP
from tests.conftest import repository
from tests.mcp_server.door import ERAS, Door, Era, door, settings_in, structured, task

pytestmark = pytest.mark.anyio


class Checked:
    """Calls tools, and holds each result against its tool's schema."""

    def __init__(self, at: Door, schemas: dict[str, Any]) -> None:
        self.at = at
        self.schemas = schemas
        self.seen = set[str]()
        """Statuses, outcomes and kinds of errors that were met."""
        self.called = set[str]()

    async def call(self, name: str, /, **arguments: Any) -> dict[str, Any]:
        found = structured(await self.at.call(name, **arguments))
        jsonschema.validate(found, self.schemas[name])
        assert None not in found.values()
        self.called.add(name)
        self.seen |= {str(found[field]) for field in ("status", "outcome") if field in found}
        if "error" in found:
            self.seen.add(found["error"]["kind"])
        return found


async def checked(at: Door) -> Checked:
    tools = (await at.client.list_tools()).tools
    for tool in tools:
        jsonschema.Draft202012Validator.check_schema(tool.input_schema)
        assert tool.output_schema
        jsonschema.Draft202012Validator.check_schema(tool.output_schema)
    return Checked(at, {tool.name: tool.output_schema for tool in tools})


@pytest.mark.requirement("F4")
@pytest.mark.parametrize("era", ERAS)
async def test_every_tools_result_fits_its_schema_in_every_state(shop: Path, era: Era) -> None:
    async with door(shop.parent, era, FACTOR12_APPROVAL="host") as at:
        on = await checked(at)
        asked = await on.call("errand", **task("ask", "add a 2"))
        known = {"thread_id": asked["thread_id"]}
        await on.call("errand", **task("add a 1"))
        for name, given in (
            ("thread_wait", {}),
            ("thread_resume", {}),
            ("thread_answer", {"key": "none", "answer": "red"}),
            ("thread_answer", {"key": asked["question"]["key"], "answer": "red"}),
            ("thread_history", {}),
        ):
            await on.call(name, **known, **given)
        saved = await on.call("checkpoint_save", **known)
        await on.call("checkpoint_list", **known)
        await on.call("checkpoint_diff", checkpoint_id=saved["checkpoint_id"])
        await on.call("checkpoint_diff", checkpoint_id="none")
        await on.call("checkpoint_restore", checkpoint_id=saved["checkpoint_id"])
        await on.call("checkpoint_restore", checkpoint_id=saved["checkpoint_id"], dry_run=False)
        await on.call("thread_resume", **known)
        large = await on.call("errand", **task("add b 500"))
        await on.call("thread_approve", thread_id=large["thread_id"], key=large["question"]["key"], approve=False)
        await on.call("decider")
        await on.call("thread_cancel", thread_id="latest")
        await on.call("thread_fork", **known)
        for how in ("abort", "crash", "fail", "deny"):
            await on.call("moody", how=how)
        await on.call("holder", name="README.md")
        switched = await on.call("repo_switch", repo="shop")
        for name in ("repo_current", "repo_restore", "repo_restore"):
            await on.call(name, session=switched["session"])
        for name in ("repo_list", "thread_list", "health"):
            await on.call(name)
        assert on.called == {*on.schemas}
        assert {"completed", "waiting", "failed", "cancelled", "done", "denied"} <= on.seen
        assert {"busy", "not_found", "conflict", "limit", "internal"} & on.seen >= {"busy", "not_found"}


@pytest.mark.requirement("F4")
async def test_the_products_agents_results_fit_their_schemas(tmp_path: Path) -> None:
    repository(tmp_path / "shop", SHOP)
    trusted: dict[str, Any] = {"FACTOR12_TRUSTED_ROOTS": (tmp_path,), "FACTOR12_SANDBOX": "off"}
    async with door(tmp_path, toys=False, **trusted) as at:
        on = await checked(at)
        red = await on.call("testing")
        fixed = await on.call("issue_fixer", issue="123")
        again = await on.call("issue_fixer", issue="123", check="none")
        talk = await on.call("issue_fixer", issue="# Talk\n\n## Description\n\nNothing to replace.\n", check="none")
        apart = await on.call("issue_fixer", issue="124", isolation="worktree")
    assert [one["outcome"] for one in (red, fixed, again, talk)] == ["failed", "fixed", "no_change", "no_change"]
    assert apart["error"]["kind"] == "not_found" and "worktree" in apart


def links(result: CallToolResult) -> list[ResourceLink]:
    return [content for content in result.content if isinstance(content, ResourceLink)]


class Length(BaseModel):
    lines: int


class Speech(BaseModel):
    summary: str
    lines: list[str]


def _talk(task: Length, _: Thread) -> Step:
    text = "a line of text\n" * task.lines
    return Done(Speech(summary=text, lines=[*text.splitlines()]))


TALKER: tuple[Agent[Any, Any], ...] = (Agent("talker", "Talk", "Talk at length.", Length, Speech, _talk),)


@pytest.mark.requirement("R17")
@pytest.mark.parametrize("era", ERAS)
async def test_an_output_that_is_too_long_is_shortened_and_linked_to(shop: Path, era: Era) -> None:
    process = running(settings_in(shop.parent), shop, agents=TALKER, tools=())
    async with process as runtime, Client(build_server(runtime), mode=era) as client:
        at = Door(client, runtime)
        on = await checked(at)
        result = await at.call("talker", lines=5000)
        told, (link,) = structured(result), links(result)
        jsonschema.validate(told, on.schemas["talker"])
        most = TIMES_INLINE * runtime.settings.inline_bytes
        assert isinstance(result.content[0], TextContent) and len(result.content[0].text) <= most
        assert "This result is shortened" in told["next"] and link.uri in told["next"]
        (content,) = (await client.read_resource(link.uri)).contents
        assert isinstance(content, TextResourceContents)
        assert json.loads(content.text)["output"]["lines"] == ["a line of text"] * 5000
        assert links(await at.call("talker", lines=100)) == []


def test_what_is_needed_whole_is_never_cut() -> None:
    question = {"text": "q" * 5000, "schema": {"enum": ["e" * 100] * 100}}
    fields = {
        "thread_id": "t",
        "version": 3,
        "question": question,
        "output": {"rows": ["r" * 50] * 9000},
        "next": "Go.",
    }
    short, _ = fitted(fields, 30_000)
    assert short["question"] == question and len(plain.text(short)) <= 30_000
    only = {"question": question, "next": "Go."}
    assert fitted(only, 100) == (only, [])


def test_a_result_of_many_paths_is_shortened_without_a_link() -> None:
    fields = {"thread_id": "t", "kept": {"shop": ["p" * 90] * 5000}, "next": "Go."}
    short, found = fitted(fields, 10_000)
    assert len(plain.text(short)) <= 10_000 and found == [] and short["next"] == "Go. This result is shortened."
