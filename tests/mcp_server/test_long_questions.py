"""A question as long as a model's window: short enough in results, whole by one reading, one call, and over REST."""

import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from mcp import Client, MCPError
from mcp_types import ResourceLink, TextContent, TextResourceContents
from pydantic import BaseModel

from agents.runtime.definition import Agent
from agents.runtime.script import child, script, thought
from mcp_server import plain, rest_words
from mcp_server.app import build_server
from mcp_server.compose import running
from mcp_server.replies import TIMES_INLINE
from mcp_server.shortening import END, fitted
from state.problem import Problem
from state.steps import Abort, Done, Step
from state.thread import Thread
from tests.mcp_server.door import ERAS, Door, Era, settings_in, structured

pytestmark = pytest.mark.anyio

NEEDLE = "the needle in the middle"
LONG = f"{'hay ' * 19_000}{NEEDLE}{' hay' * 19_000} and the end."


class Wish(BaseModel):
    pass


class Word(BaseModel):
    word: str


@script
def _asks(_: Wish, thread: Thread) -> Step:
    context: dict[str, Any] = {"agent": "asker", "description": LONG, "task": {}}
    return Done(thought(thread, "call_agent", Word, "pick", **context))


@script
def _hands_on(_: Wish, thread: Thread) -> Step:
    found = child(thread, "asker", {}, "asker")
    return Abort(found) if isinstance(found, Problem) else Done(Word(word="from a child"))


AGENTS: tuple[Agent[Any, Any], ...] = (
    Agent("asker", "Ask", "Ask at length.", Wish, Word, _asks, mode="write"),
    Agent("parent", "Hand on", "Have another ask.", Wish, Word, _hands_on, mode="write"),
)


@asynccontextmanager
async def open_door(shop: Path, era: Era = ERAS[-1]) -> AsyncGenerator[Door]:
    process = running(settings_in(shop.parent), shop, agents=AGENTS, tools=())
    async with process as runtime, Client(build_server(runtime), mode=era) as client:
        yield Door(client, runtime)


async def read(at: Door, uri: str) -> str:
    (content,) = (await at.client.read_resource(uri)).contents
    assert isinstance(content, TextResourceContents)
    return content.text


@pytest.mark.requirement("R17")
@pytest.mark.parametrize("agent", ["asker", "parent"])
@pytest.mark.parametrize("era", ERAS)
async def test_a_result_shows_both_ends_of_a_long_prompt_and_where_all_of_it_is(
    shop: Path, era: Era, agent: str
) -> None:
    async with open_door(shop, era) as at:
        result = await at.call(agent)
        told, text = structured(result), result.content[0]
        assert isinstance(text, TextContent)
        assert len(text.text) <= TIMES_INLINE * at.runtime.settings.inline_bytes and len(json.dumps(told)) < 20_000
        prompt = told["question"]["context"]["prompt"]
        assert "Call the tool `asker`" in prompt and "tell me the outcome" in prompt and NEEDLE not in prompt
        assert told["question"]["schema"]["properties"].keys() == {"word"}
        (link,) = [one for one in result.content if isinstance(one, ResourceLink)]
        assert link.uri in told["next"] and "`thread_answer`" in told["next"]
        whole = await read(at, link.uri)
        assert LONG in whole and '"word"' in whole and told["question"]["context"]["rules"] in whole
        asked = told["question"].get("thread_id", told["thread_id"])
        ended = await at.told("thread_answer", thread_id=asked, key="pick", answer={"word": "red"})
        assert ended["output"] == {"word": "red"}
        with pytest.raises(MCPError, match="waits for no answer"):
            await read(at, link.uri)


@pytest.mark.requirement("R19")
@pytest.mark.parametrize("agent", ["asker", "parent"])
async def test_a_client_that_has_only_tools_gets_all_of_it_by_the_call_that_the_result_names(
    shop: Path, agent: str
) -> None:
    async with open_door(shop) as at:
        told = await at.told(agent)
        asked = told["question"].get("thread_id", told["thread_id"])
        after = told["question"].get("version", told["version"]) - 1
        assert f'`thread_history` with thread_id "{asked}" and after {after}' in told["next"]
        history = await at.told("thread_history", thread_id=asked, after=after)
        assert history["events"][0]["data"]["question"]["context"]["prompt"].count(LONG) == 1
        others = await at.told("thread_history", thread_id=asked)
        assert NEEDLE not in json.dumps(others), "a log that is leafed through stays short"


async def test_it_is_found_also_where_a_checkpoint_was_made_while_it_waits(shop: Path) -> None:
    async with open_door(shop) as at:
        told = await at.told("asker")
        await at.told("checkpoint_save", thread_id=told["thread_id"])
        later = await at.told("thread_wait", thread_id=told["thread_id"], wait=0)
        assert later["version"] == told["version"] + 1
        after = later["question"]["version"] - 1
        assert f"after {after}" in later["next"]
        history = await at.told("thread_history", thread_id=told["thread_id"], after=after)
        assert LONG in json.dumps(history["events"][0])


async def test_a_program_over_rest_gets_the_question_whole(shop: Path) -> None:
    async with open_door(shop) as at:
        told = await at.told("asker")
        seen = rest_words.shown(at.runtime, at.runtime.find(told["thread_id"]))
        assert LONG in seen["question"]["context"]["prompt"]


async def test_a_short_question_is_shown_whole_and_as_text_it_is_read_the_same(shop: Path) -> None:
    question = {"key": "k", "context": {"prompt": "p" * 2 * END}, "text": "t"}
    fields = {"thread_id": "t", "version": 3, "question": question, "next": "Go."}
    assert fitted(fields, 20_000) == (fields, [])
    assert fitted(fields, 100) == (fields, []), "nothing in it is so long that cutting it would help"
    async with open_door(shop) as at:
        with pytest.raises(MCPError, match="no thread"):
            await read(at, "thread://nobody/question")


def test_a_long_plan_in_an_approval_is_cut_the_same_way() -> None:
    plan = {"edits": [{"new": "n" * 50_000}]}
    question = {"key": "approve:edit", "kind": "approval", "text": "Approve?", "context": {"plan": plan}}
    fields = {"thread_id": "t", "version": 3, "question": question, "next": "Ask."}
    short, (link,) = fitted(fields, 20_000)
    assert len(plain.text(short)) < 10_000 and short["question"]["text"] == "Approve?"
    assert link.uri == "thread://t/question" and short["next"].endswith("Ask.")
