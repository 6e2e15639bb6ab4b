"""What clients may read, in both eras: listed with title and type, bounded, not found in the era's own words."""

import json
from pathlib import Path
from typing import Any

import pytest
from mcp import Client, MCPError
from mcp_types import TextResourceContents

from mcp_server import resources
from prompts import names, source
from tests.agents.shop import FIXED, SHOP
from tests.conftest import repository
from tests.mcp_server.door import ERAS, Era, door, task
from tests.mcp_server.http_server import served

pytestmark = pytest.mark.anyio

TEMPLATES = {
    "thread://{id}": "text/markdown",
    "thread://{id}/events{?after}": "application/x-ndjson",
    "thread://{id}/question": "text/plain",
    "checkpoint://{id}/diff{?after}": "text/x-diff",
    "repo://{name}/status": "application/json",
    "prompt://{name}{?repo}": "text/markdown",
}


async def read(client: Client, uri: str) -> TextResourceContents:
    (content,) = (await client.read_resource(uri)).contents
    assert isinstance(content, TextResourceContents) and content.uri == uri
    return content


@pytest.mark.parametrize("era", ERAS)
async def test_what_can_be_read_is_listed_with_title_description_and_type(shop: Path, era: Era) -> None:
    async with door(shop.parent, era) as at:
        templates = (await at.client.list_resource_templates()).resource_templates
        known = (await at.client.list_resources()).resources
    assert {one.uri_template: one.mime_type for one in templates} == TEMPLATES
    assert [one.uri for one in known] == ["factor12://agents", "factor12://factors"]
    assert all(one.title and one.description and one.name for one in (*templates, *known))


@pytest.mark.parametrize("era", ERAS)
async def test_the_factors_and_the_agents_are_pages(shop: Path, era: Era) -> None:
    async with door(shop.parent, era, toys=False) as at:
        factors, agents = await read(at.client, "factor12://factors"), await read(at.client, "factor12://agents")
    assert factors.mime_type == "text/markdown" and "13. **Pre-fetch context.**" in factors.text
    told = {agent["name"]: agent for agent in json.loads(agents.text)}
    assert agents.mime_type == "application/json" and list(told) == [
        "issue_fixer",
        "intelligent_issue",
        "smart_issue",
        "pr_review",
        "testing",
        "assistant",
        "research",
    ]
    assert told["issue_fixer"]["mode"] == "write" and "issue" in told["issue_fixer"]["input"]["properties"]
    assert "evidence" in told["issue_fixer"]["output"]["properties"]


@pytest.mark.requirement("F2")
@pytest.mark.parametrize("era", ERAS)
async def test_the_words_a_model_is_shown_can_be_read(shop: Path, era: Era) -> None:
    async with door(shop.parent, era) as at:
        for name in names():
            shown = await read(at.client, f"prompt://{name}")
            assert shown.text == source(name) and shown.mime_type == "text/markdown"


@pytest.mark.requirement("F2")
@pytest.mark.parametrize("era", ERAS)
async def test_the_words_of_the_user_and_of_a_trusted_repository_are_what_is_read(tmp_path: Path, era: Era) -> None:
    head = "---\nname: greet\nversion: 1\ndescription: d\n---\n"
    repository(tmp_path / "shop", {"prompts/greet.md.j2": head + "Hello.", "prompts/broken.md.j2": "Hi"})
    repository(tmp_path / "stall", {"prompts/greet.md.j2": head + "Hello."})
    (tmp_path / "mine").mkdir()
    mine = source("resume_work").replace("Go on with the work", "Finish the work").replace("version: 1", "version: 2")
    (tmp_path / "mine" / "resume_work.md.j2").write_text(mine)
    (tmp_path / "mine" / "call_agent.md.j2").write_text("no front matter")
    dirs: dict[str, Any] = {"prompts_dir": tmp_path / "mine", "trusted_roots": (tmp_path / "shop",)}
    async with door(tmp_path, era, toys=False, **dirs) as at:
        assert (await read(at.client, "prompt://resume_work")).text == mine
        assert (await read(at.client, "prompt://greet?repo=shop")).text == head + "Hello."
        for uri, why in (
            ("prompt://greet", "no prompt 'greet'"),
            ("prompt://greet?repo=stall", "no prompt 'greet'"),
            ("prompt://greet?repo=nowhere", "no repository 'nowhere'"),
            ("prompt://broken?repo=shop", "prompts/broken.md.j2 of shop:1: the template does not begin"),
        ):
            with pytest.raises(MCPError, match=why):
                await at.client.read_resource(uri)
        told = await at.client.get_prompt("resume_work")
        assert "Finish the work" in str(told.messages[0].content)
        with pytest.raises(MCPError, match=r"call_agent\.md\.j2:1: the template does not begin"):
            await at.client.get_prompt("testing", {"repo": "shop"})


@pytest.mark.parametrize("era", ERAS)
async def test_a_repository_says_how_it_stands(shop: Path, era: Era) -> None:
    (shop / "new.txt").write_text("new\n")
    async with door(shop.parent, era) as at:
        told = json.loads((await read(at.client, "repo://shop/status")).text)
    assert told["repo"] == "shop" and told["branch"] == "main" and told["dirty_total"] == 1


@pytest.mark.parametrize("era", ERAS)
async def test_what_changed_since_a_checkpoint_is_a_patch(tmp_path: Path, era: Era) -> None:
    repository(tmp_path / "shop", SHOP)
    trusted: dict[str, Any] = {"FACTOR12_TRUSTED_ROOTS": (tmp_path,)}
    async with door(tmp_path, era, toys=False, **trusted) as at:
        fixed = await at.told("issue_fixer", issue="123", check="none")
        checkpoint = (await at.told("checkpoint_list", thread_id=fixed["thread_id"]))["checkpoints"][0]
        for at_sign in ("@", "%40"):
            uri = f"checkpoint://{checkpoint['checkpoint_id'].replace('@', at_sign)}/diff"
            patch = await read(at.client, uri)
            assert patch.mime_type == "text/x-diff" and "+    return user.is_valid()" in patch.text
        rest = await read(at.client, f"checkpoint://{checkpoint['checkpoint_id']}/diff?after=10")
    assert rest.text == patch.text[10:]
    assert (tmp_path / "shop/auth.py").read_text() == FIXED


async def test_a_long_patch_and_a_long_log_come_in_pages(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resources, "MOST_BYTES", 300)
    async with door(shop.parent) as at:
        ran = await at.told("errand", **task("ask"))
        uri, seen = f"thread://{ran['thread_id']}/events", list[dict[str, Any]]()
        while uri:
            *lines, last = [json.loads(line) for line in (await read(at.client, uri)).text.splitlines()]
            seen += lines if "more" in last else [*lines, last]
            uri = last.get("more", "")
    assert [event["version"] for event in seen] == list(range(1, ran["version"] + 1))


@pytest.mark.parametrize(
    "uri",
    [
        "thread://nobody",
        "thread://nobody/events",
        "thread://nobody/question",
        "thread://../events",
        "thread://%00",
        "checkpoint://nobody@1/diff",
        "checkpoint://none/diff",
        "repo://nowhere/status",
        "repo://..%2F..%2Fetc/status",
        "repo:///etc/status",
        "prompt://none",
        "prompt://..%2Frender",
        "factor12://nothing",
        "other://place",
        f"thread://{'a' * 5000}",
    ],
)
@pytest.mark.parametrize("era", ERAS)
async def test_what_there_is_not_is_the_eras_own_error(shop: Path, era: Era, uri: str) -> None:
    async with door(shop.parent, era) as at:
        with pytest.raises(MCPError) as refused:
            await at.client.read_resource(uri)
    assert refused.value.error.code == (-32002 if era == "legacy" else -32602)
    assert refused.value.error.data == {"uri": uri} and "\n" not in refused.value.error.message


@pytest.mark.parametrize("after", ["-1", "x", "9" * 40, "٣"])
async def test_a_page_that_is_no_number_is_not_found(shop: Path, after: str) -> None:
    async with door(shop.parent) as at:
        ran = await at.told("errand", **task("ask"))
        with pytest.raises(MCPError, match=r"is a number|Unknown resource"):
            await at.client.read_resource(f"thread://{ran['thread_id']}/events?after={after}")


@pytest.mark.parametrize("mode", ["legacy", "2026-07-28"])
async def test_everything_can_be_read_over_http(tmp_path: Path, mode: str) -> None:
    shop = repository(tmp_path / "src/shop", SHOP)
    with served(shop) as (_, url):
        async with Client(f"{url}/mcp", mode=mode) as client:
            ran = (await client.call_tool("issue_fixer", {"issue": "123"})).structured_content
            assert ran
            for uri in (f"thread://{ran['thread_id']}", "repo://shop/status", "factor12://agents"):
                assert (await read(client, uri)).text
            with pytest.raises(MCPError, match="no thread"):
                await client.read_resource("thread://nobody")
