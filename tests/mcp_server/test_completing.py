"""What could stand for an argument is offered as it is now: by its beginning, bounded, in both eras, never an error."""

import time
from pathlib import Path

import pytest
from mcp import Client, MCPError
from mcp_types import Completion, PromptReference, ResourceTemplateReference, TextContent

from mcp_server.callers import Caller
from tests.agents.shop import SHOP
from tests.conftest import repository, run_git
from tests.mcp_server.door import ERAS, Era, door, task
from tests.mcp_server.http_server import served
from tests.mcp_server.process import piped

pytestmark = pytest.mark.anyio


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A shop with issues and branches, and a second repository beside it."""
    repository(tmp_path / "stock", {"issues/7-empty.md": "# Issue #7: Empty\n"})
    shop = repository(
        tmp_path / "shop", {**SHOP, "issues/124-other.md": "# Issue #124: Other\n", "issues/notes.txt": ""}
    )
    run_git(shop, "branch", "feature/a")
    run_git(shop, "branch", "fix")
    return shop


def prompt(name: str) -> PromptReference:
    return PromptReference(type="ref/prompt", name=name)


def template(uri: str) -> ResourceTemplateReference:
    return ResourceTemplateReference(type="ref/resource", uri=uri)


async def offered(
    client: Client, ref: PromptReference | ResourceTemplateReference, name: str, text: str = "", **filled: str
) -> list[str]:
    found: Completion = (await client.complete(ref, {"name": name, "value": text}, filled or None)).completion
    assert found.has_more is False and found.total == len(found.values)
    return found.values


@pytest.mark.parametrize("era", ERAS)
async def test_a_prompts_arguments_complete_from_what_is_there(shop: Path, era: Era) -> None:
    fixer = prompt("issue_fixer")
    async with door(shop.parent, era, toys=False) as at:
        assert await offered(at.client, fixer, "repo") == ["shop", "stock"]
        assert await offered(at.client, fixer, "repo", "st") == ["stock"]
        assert await offered(at.client, fixer, "issue", "12") == ["123", "124"]
        assert await offered(at.client, fixer, "issue", "issues/n") == ["issues/notes.txt"]
        assert await offered(at.client, fixer, "issue", "", repo="stock") == ["7", "issues/7-empty.md"]
        assert await offered(at.client, fixer, "issue", "", repo="shop", source_repo="stock") == [
            "7",
            "issues/7-empty.md",
        ]
        assert await offered(at.client, fixer, "branch") == ["true", "false"]
        assert await offered(at.client, fixer, "check", "p") == ["pytest", "pnpm"]
        assert await offered(at.client, fixer, "source_repo", "st") == ["stock"]
        research = prompt("research")
        assert await offered(at.client, research, "repos", "s") == ["shop", "stock"]
        assert await offered(at.client, research, "repos", "shop, s") == ["shop, stock"]
        assert await offered(at.client, research, "repos", "shop,") == ["shop,stock"]


@pytest.mark.parametrize("era", ERAS)
async def test_threads_sessions_and_checkpoints_complete_latest_first(shop: Path, era: Era) -> None:
    async with door(shop.parent, era) as at:
        first = await at.told("errand", **task("peek auth.py"))
        second = await at.told("errand", **task("ask"))
        saved = await at.told("checkpoint_save", thread_id=second["thread_id"])
        other = (await at.told("repo_switch", repo="stock"))["session"]
        resume, thread = prompt("resume_work"), template("thread://{id}")
        both = [second["thread_id"], first["thread_id"]]
        assert await offered(at.client, thread, "id") == both
        assert await offered(at.client, template("thread://{id}/events{?after}"), "id", both[1][:8]) == both[1:]
        assert await offered(at.client, resume, "thread_id", both[0][:8]) == both[:1]
        assert await offered(at.client, resume, "session") == sorted(["default", other])
        assert await offered(at.client, resume, "session", "s-") == [other]
        diff = template("checkpoint://{id}/diff{?after}")
        known = await offered(at.client, diff, "id")
        assert known[0] == saved["checkpoint_id"] and await offered(at.client, diff, "id", known[0]) == known[:1]
        assert await offered(at.client, template("repo://{name}/status"), "name", "sh") == ["shop"]
        assert await offered(at.client, template("prompt://{name}{?repo}"), "name", "resu") == ["resume_work"]


async def test_branches_complete_where_an_argument_is_one(shop: Path) -> None:
    async with door(shop.parent) as at:
        found = await at.runtime.repositories.branches(shop, "", 10)
        assert set(found) == {"main", "feature/a", "fix"}
        assert [*await at.runtime.repositories.branches(shop, "fea", 10)] == ["feature/a"]
        assert set(await offered(at.client, prompt("errand"), "base", "f", repo="shop")) == {"feature/a", "fix"}


@pytest.mark.parametrize("era", ERAS)
async def test_what_has_nothing_to_offer_offers_nothing(shop: Path, era: Era) -> None:
    async with door(shop.parent, era, toys=False) as at:
        for ref, name, text, filled in (
            (prompt("nobody"), "nothing", "", {}),
            (prompt("issue_fixer"), "nothing", "x" * 10_000, {}),
            (prompt("issue_fixer"), "issue", "", {"repo": "../../etc"}),
            (prompt("issue_fixer"), "issue", "", {"repo": "\0", "session": "none"}),
            (prompt("issue_fixer"), "issue", "\ud800", {}),
            (template("thread://{id}"), "after", "", {}),
            (template("thread://{id}"), "id", "%' or 1=1 --", {}),
            (template("checkpoint://{id}/diff{?after}"), "id", "a@b@c", {}),
            (template("nowhere"), "id", "", {}),
        ):
            assert await offered(at.client, ref, name, text, **filled) == [], (name, text)


async def test_of_many_a_hundred_are_offered_quickly_and_that_there_are_more(shop: Path) -> None:
    (shop / "issues").mkdir(exist_ok=True)
    for number in range(1000, 1150):
        (shop / "issues" / f"{number}-one.md").touch()
    async with door(shop.parent, toys=False) as at:
        began = time.monotonic()
        found = (await at.client.complete(prompt("issue_fixer"), {"name": "issue", "value": "1"})).completion
    assert len(found.values) == 100 and found.has_more and time.monotonic() - began < 2


async def test_nobody_is_offered_what_is_somebody_elses(shop: Path) -> None:
    async with door(shop.parent) as at:
        await at.told("errand", **task("ask"))
        stranger = at.runtime.acting_for(Caller("somebody else"))
        from state.listing import checkpoint_ids, heads, session_names, thread_ids

        known = thread_ids(stranger.database, "", "", 10)
        for look in (thread_ids, session_names, checkpoint_ids):
            assert look(stranger.database, stranger.principal, "", 10) == []
        assert heads(stranger.database, known, stranger.principal) == {}


async def said(client: Client, **given: str) -> str:
    content = (await client.get_prompt("resume_work", given)).messages[0].content
    assert isinstance(content, TextContent)
    return content.text


@pytest.mark.requirement("F13")
@pytest.mark.parametrize("era", ERAS)
async def test_resuming_work_names_what_is_unfinished(shop: Path, era: Era) -> None:
    async with door(shop.parent, era) as at:
        assert "Nothing is unfinished." in await said(at.client)
        done = await at.told("errand", **task("peek auth.py"))
        asked = await at.told("errand", **task("ask"))
        for given in ({}, {"repo": "shop"}, {"repo": str(shop)}, {"session": "default"}, {"thread_id": "latest"}):
            text = await said(at.client, **given)
            assert f"- {asked['thread_id']}: errand in shop; waiting, asks 0:ask\n" in text, given
            assert "thread_resume" in text and done["thread_id"] not in text
        assert "Nothing is unfinished there." in await said(at.client, repo="stock")
        for given in (
            {"thread_id": "nobody"},
            {"repo": "../nowhere"},
            {"repo": "nowhere"},
            {"session": "nobody"},
            {"colour": "red"},
        ):
            with pytest.raises(MCPError) as refused:
                await said(at.client, **given)
            assert refused.value.error.code == -32602


@pytest.mark.parametrize("era", ERAS)
async def test_a_prompt_that_there_is_not_or_that_lacks_something_says_so(shop: Path, era: Era) -> None:
    async with door(shop.parent, era, toys=False) as at:
        with pytest.raises(MCPError, match="There are: issue_fixer, intelligent_issue, smart_issue"):
            await at.client.get_prompt("nobody")
        with pytest.raises(MCPError, match="'issue_fixer' needs issue"):
            await at.client.get_prompt("issue_fixer")


@pytest.mark.parametrize("mode", ["legacy", "2026-07-28"])
async def test_it_completes_over_pipes_and_http_too(shop: Path, mode: str) -> None:
    async with piped(shop, mode) as at:
        assert await offered(at.client, prompt("issue_fixer"), "repo", "sh") == ["shop"]
    with served(shop, SISTER_REPO_BASE_PATH=str(shop.parent)) as (_, url):
        async with Client(f"{url}/mcp", mode=mode) as client:
            assert await offered(client, prompt("issue_fixer"), "issue", "124") == ["124"]
