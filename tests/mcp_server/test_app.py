"""What a host sees before any call: a short list of tools, true annotations, prompts, threads as resources."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any, cast

import pytest
from mcp import MCPError
from mcp_types import TextContent, TextResourceContents, Tool

from tests.mcp_server.door import ERAS, Era, door, structured, task
from tests.mcp_server.process import CHECKOUT, environment

pytestmark = pytest.mark.anyio

MOST_BYTES = 16_000
NAMES = [
    "issue_fixer",
    "intelligent_issue",
    "smart_issue",
    "pr_review",
    "testing",
    "assistant",
    "research",
    "thread_list",
    "thread_wait",
    "thread_history",
    "thread_answer",
    "thread_resume",
    "thread_fork",
    "thread_cancel",
    "checkpoint_save",
    "checkpoint_list",
    "checkpoint_diff",
    "checkpoint_restore",
    "repo_list",
    "repo_switch",
    "repo_current",
    "repo_restore",
    "health",
]
HEAVY = ["git", "sqlite_utils", "jinja2", "typer", "rich", "openai", "jsonschema", "markdown_it", "psutil", "yaml"]
LISTS_TOOLS = """
import json, sys, anyio
from pathlib import Path
from mcp_server.app import build_server
from mcp_server.compose import running
from mcp_server.settings import load
import mcp_server.stdio
async def main():
    async with running(load(), Path.cwd()) as runtime:
        tools = await build_server(runtime).list_tools()
    print(json.dumps([len(tools), sorted({name.partition(".")[0] for name, one in sys.modules.items() if one})]))
anyio.run(main)
"""


def compact(value: Any) -> int:
    return len(json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode())


async def listed(shop: Path, era: Era = "2026-07-28", **changes: Any) -> list[Tool]:
    async with door(shop.parent, era, toys=False, **changes) as at:
        return (await at.client.list_tools()).tools


def nodes(schema: Any) -> list[dict[str, Any]]:
    """Return a schema and every schema inside it."""
    match schema:
        case dict():
            node = cast(dict[str, Any], schema)
            return [node, *(inner for value in node.values() for inner in nodes(value))]
        case list():
            return [inner for value in cast(list[Any], schema) for inner in nodes(value)]
        case _:
            return []


async def test_the_list_of_tools_fits_a_small_part_of_a_context(shop: Path) -> None:
    tools = await listed(shop)
    read = sum(compact([tool.name, tool.description, tool.input_schema]) for tool in tools)
    assert read < MOST_BYTES, read
    assert sum(compact(tool.output_schema) for tool in tools) < MOST_BYTES
    assert all(tool.description and tool.title for tool in tools)


async def test_the_tools_stand_in_the_same_order_in_both_eras(shop: Path) -> None:
    modern, legacy = [await listed(shop, era) for era in ("2026-07-28", "legacy")]
    assert [tool.name for tool in modern] == NAMES
    assert [tool.model_dump() for tool in legacy] == [tool.model_dump() for tool in modern]


async def test_input_schemas_have_no_titles_and_no_nulls_and_refuse_unknown_names(shop: Path) -> None:
    for tool in await listed(shop):
        assert tool.input_schema["additionalProperties"] is False, tool.name
        for node in nodes(tool.input_schema):
            assert not isinstance(node.get("title"), str), (tool.name, node)
            assert node.get("type") != "null" and "default" not in node, (tool.name, node)


async def test_every_result_schema_requires_the_next_step(shop: Path) -> None:
    for tool in await listed(shop):
        assert tool.output_schema is not None
        assert "next" in tool.output_schema["required"], tool.name


async def test_annotations_say_which_tools_only_read(shop: Path) -> None:
    tools = {tool.name: tool.annotations for tool in await listed(shop)}
    reading = {name for name, known in tools.items() if known and known.read_only_hint}
    destroying = {name for name, known in tools.items() if known and known.destructive_hint}
    checkpoints = {"checkpoint_list", "checkpoint_diff"}
    assert reading == {"thread_list", "thread_history", *checkpoints, "repo_list", "repo_current", "health"}
    threads = {f"thread_{what}" for what in ("answer", "resume", "fork", "cancel")}
    assert destroying == {"issue_fixer", "intelligent_issue", "smart_issue", *threads, "checkpoint_restore"}
    assert all(known and known.open_world_hint is not None for known in tools.values())


async def test_approving_is_a_tool_only_where_the_person_set_that(shop: Path) -> None:
    assert "thread_approve" not in [tool.name for tool in await listed(shop)]
    assert "thread_approve" in [tool.name for tool in await listed(shop, FACTOR12_APPROVAL="host")]


def test_nothing_heavy_is_imported_before_the_first_list_of_tools(shop: Path) -> None:
    def start() -> tuple[int, set[str]]:
        command, there = [sys.executable, "-c", LISTS_TOOLS], environment(shop.parent / "state")
        ran = subprocess.run(command, cwd=shop, env=there, capture_output=True, text=True, timeout=30)
        assert ran.returncode == 0, ran.stderr
        count, modules = json.loads(ran.stdout)
        return count, set(modules)

    start()  # the very first start makes the database, and needs more for that
    count, modules = start()
    assert count == len(NAMES)
    assert set(HEAVY) & modules == set()


@pytest.mark.requirement("F2")
async def test_each_agent_is_a_prompt_rendered_from_a_template_of_ours(shop: Path) -> None:
    template = (CHECKOUT / "prompts" / "templates" / "call_agent.md.j2").read_text()
    async with door(shop.parent, toys=False) as at:
        known = {prompt.name: prompt for prompt in (await at.client.list_prompts()).prompts}
        assert list(known) == [
            "issue_fixer",
            "intelligent_issue",
            "smart_issue",
            "pr_review",
            "testing",
            "assistant",
            "research",
            "resume_work",
        ]
        assert "repo" in [argument.name for argument in known["issue_fixer"].arguments or ()]
        given = await at.client.get_prompt("issue_fixer", {"issue": "123", "repo": "shop"})
        empty = await at.client.get_prompt("testing")
    content, blank = given.messages[0].content, empty.messages[0].content
    assert isinstance(content, TextContent) and isinstance(blank, TextContent)
    assert "Call the tool `issue_fixer`" in content.text and "- issue: 123\n- repo: shop" in content.text
    assert template.rstrip().rpartition("\n")[2] in content.text
    assert "Ask me what it should work on first." in blank.text


@pytest.mark.requirement("R15")
async def test_an_unknown_tool_is_answered_with_the_known_ones(shop: Path) -> None:
    async with door(shop.parent) as at:
        nothing = await at.problem("fix_it_all")
        assert nothing["kind"] == "not_found"
        assert "'fix_it_all'" in nothing["message"] and "errand" in nothing["hint"]


@pytest.mark.parametrize("era", ERAS)
async def test_a_thread_can_be_read_as_a_timeline_and_as_events(shop: Path, era: Era) -> None:
    async with door(shop.parent, era) as at:
        ran = await at.told("errand", **task("add a 2", "ask"))
        page = (await at.client.read_resource(f"thread://{ran['thread_id']}")).contents[0]
        events = (await at.client.read_resource(f"thread://{ran['thread_id']}/events")).contents[0]
    assert isinstance(page, TextResourceContents) and isinstance(events, TextResourceContents)
    assert page.text.startswith("# errand in shop (write)")
    assert "**Waits for an answer to `1:ask`:** Which colour?" in page.text
    told = [json.loads(line) for line in events.text.splitlines()]
    assert [event["version"] for event in told] == list(range(1, len(told) + 1))
    assert told[0]["kind"] == "launched" and told[-1]["kind"] == "asked"


async def test_an_unknown_thread_is_no_resource(shop: Path) -> None:
    async with door(shop.parent) as at:
        with pytest.raises(MCPError, match="nobody"):
            await at.client.read_resource("thread://nobody")


@pytest.mark.requirement("R16")
async def test_a_failed_call_about_the_latest_thread_carries_that_threads_own_id(shop: Path) -> None:
    async with door(shop.parent) as at:
        asked = await at.told("errand", **task("ask person"))
        for wanted in ("latest", asked["thread_id"]):
            refused = structured(await at.call("thread_answer", thread_id=wanted, key="0:ask", answer="red"))
            assert refused["error"]["kind"] == "refused" and refused["thread_id"] == asked["thread_id"]
        stranger = structured(await at.call("thread_wait", thread_id="nobody"))
        assert stranger["error"]["kind"] == "not_found" and "thread_id" not in stranger
