"""`[agents] enabled` of a trusted repository: who is not named there does not work on it, and is told why."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from state import sessions
from state.sqlite import Database
from tests.agents.shop import SHOP
from tests.conftest import repository
from tests.mcp_server.custom_repos import READER, agent_file, beside, names, sister, trust
from tests.mcp_server.door import ERAS, Era, settings_in, structured
from tests.mcp_server.rest_client import resting
from tests.mcp_server.shell import open_shell
from tools.repoconfig import config_digest

pytestmark = pytest.mark.anyio

ONLY = "[agents]\nenabled = {}\n"
WRITER = agent_file("return Done(Report(text='no'))", name="writer")
ASKED: dict[str, Any] = {"request": "How many files?", "repo": "shop"}


def trust_settings(folder: Path, root: Path) -> None:
    database = Database(settings_in(folder).database)
    sessions.trust(database, root, 1.0, config_digest(root))
    database.close()


@pytest.mark.requirement("R18")
async def test_an_agent_that_a_trusted_repository_does_not_name_is_refused_there_and_nowhere_else(
    tmp_path: Path,
) -> None:
    shop = repository(tmp_path / "shop", {"factor12.toml": ONLY.format('["testing"]')})
    repository(tmp_path / "other", SHOP)
    async with beside(tmp_path) as at:
        assert (await at.told("assistant", **ASKED))["status"] == "waiting", "nobody trusts what it says of itself"
        trust_settings(tmp_path, shop)
        error = await at.problem("assistant", **ASKED)
        assert error["kind"] == "refused" and f"factor12 repo trust {shop}" in error["hint"]
        setting = "`[agents] enabled` of its factor12.toml"
        assert error["message"] == f"'shop' lets no 'assistant' work: {setting} names testing."
        assert setting in (await at.problem("issue_fixer", issue="1", repo="shop", isolation="worktree"))["message"]
        assert (await at.told("assistant", **{**ASKED, "repo": "other"}))["status"] == "waiting"
        assert "error" not in structured(await at.call("testing", repo="shop"))


async def test_who_may_work_is_read_at_every_launch_and_settings_that_cannot_be_read_let_nobody(tmp_path: Path) -> None:
    shop = repository(tmp_path / "shop", {"factor12.toml": ONLY.format('["assistant"]')})
    async with beside(tmp_path, FACTOR12_TRUSTED_ROOTS=str(tmp_path)) as at:
        assert (await at.told("assistant", **ASKED))["status"] == "waiting"
        (shop / "factor12.toml").write_text(ONLY.format("[]"))
        assert "names no agent" in (await at.problem("assistant", **ASKED))["message"]
        (shop / "factor12.toml").write_text(ONLY.format('"assistant"'))
        error = await at.problem("assistant", **ASKED)
        assert error["kind"] == "bad_input" and "agents.enabled" in error["message"]
        (shop / "factor12.toml").unlink()
        assert (await at.told("assistant", **ASKED))["status"] == "waiting"


@pytest.mark.requirement("R18")
@pytest.mark.parametrize("era", ERAS)
async def test_of_a_repositorys_own_agents_only_those_it_enables_are_offered(shop: Path, era: Era) -> None:
    files = {"agents/reader.py": READER, "agents/writer.py": WRITER, "factor12.toml": ONLY.format('["reader"]')}
    root = sister(shop.parent, files)
    async with beside(shop.parent, era, FACTOR12_TRUSTED_ROOTS=str(root)) as at:
        listed = await names(at)
        assert "lib__reader" in listed and "lib__writer" not in listed
        (said,) = (await at.told("health"))["broken_agents"]
        assert "'lib__writer'" in said and "`[agents] enabled`" in said
        assert "`[agents] enabled`" in (await at.problem("lib__writer", repo="shop"))["message"]
        assert (await at.told("lib__reader", repo="shop"))["outcome"] == "done"
        assert (await at.told("lib__reader", repo="lib", path="factor12.toml"))["outcome"] == "done"
        (root / "factor12.toml").write_text(ONLY.format('["lib__writer"]'))
        listed = await names(at)
        assert "lib__writer" in listed and "lib__reader" not in listed
        (root / "factor12.toml").write_text("[agents\n")
        assert not {"lib__writer", "lib__reader"} & {*await names(at)}
        assert "factor12.toml of 'lib'" in (await at.told("health"))["broken_agents"][0]


async def test_an_agent_of_another_repository_is_named_in_full(shop: Path) -> None:
    root = sister(shop.parent, {"agents/reader.py": READER})
    trust(shop.parent, root)
    async with beside(shop.parent, FACTOR12_TRUSTED_ROOTS=str(shop)) as at:
        for enabled, works in (("reader", False), ("lib__reader", True)):
            (shop / "factor12.toml").write_text(ONLY.format(f'["{enabled}"]'))
            told = await at.call("lib__reader", repo="shop")
            assert told.is_error is not works


def test_every_door_refuses_it(tmp_path: Path, make_repository: Callable[..., Path]) -> None:
    shell = open_shell(make_repository, tmp_path, {"factor12.toml": ONLY.format('["testing"]')})
    assert "`[agents] enabled`" in shell.quick("run", "assistant", "How many?").complaint
    home = repository(tmp_path / "rest/shop", {"factor12.toml": ONLY.format('["testing"]')})
    with resting(home, toys=False, FACTOR12_TRUSTED_ROOTS=str(home)) as rest:
        error = rest.refused(403, "POST", "/agent/launch", json={"input_prompt": "How many?"})
        assert "`[agents] enabled`" in error["message"]
