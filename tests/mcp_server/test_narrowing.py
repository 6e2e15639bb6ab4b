"""A person can leave a host fewer tools: what is not offered is not listed, not called, and not named without a way."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest
from mcp import Client, MCPError

from mcp_server import __main__
from mcp_server.app import build_server
from mcp_server.compose import compose
from mcp_server.settings import Settings, load
from state.problem import ProblemError
from state.store import Search
from tests.mcp_server.door import ERAS, Calls, Era, door, settings_in, task
from tests.mcp_server.http_server import listening, served
from tests.mcp_server.process import FACTOR12, environment, piped
from tests.mcp_server.taskclient import tasking
from tests.mcp_server.test_webhooks import SECRET, standard

pytestmark = pytest.mark.anyio

READING = [
    *("thread_list", "thread_history", "checkpoint_list", "checkpoint_diff", "repo_list", "repo_current", "health"),
]
HOOKS = '[trigger]\nsecret_env = "HOOK_SECRET"\n[[rule]]\nsource = "trigger"\nagent = "errand"\n'
REPOSITORIES = ["repo_list", "repo_switch", "repo_current", "repo_restore"]


async def names(client: Client) -> list[str]:
    return [tool.name for tool in (await client.list_tools()).tools]


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize(
    ("changes", "left"),
    [
        ({"FACTOR12_READ_ONLY": True}, READING),
        ({"FACTOR12_TOOLSETS": "repositories, service"}, [*REPOSITORIES, "health"]),
        ({"FACTOR12_TOOLS": "thread_wait,issue_fixer"}, ["issue_fixer", "thread_wait"]),
        ({"FACTOR12_TOOLSETS": "repositories", "FACTOR12_READ_ONLY": True}, ["repo_list", "repo_current"]),
        ({"FACTOR12_TOOLSETS": "threads,agents", "FACTOR12_TOOLS": "testing,health"}, ["testing"]),
    ],
)
async def test_each_setting_leaves_fewer_tools_in_their_order(
    shop: Path, era: Era, changes: dict[str, Any], left: list[str]
) -> None:
    for start in ("makes the list", "reads the kept list"):
        async with door(shop.parent, era, toys=False, **changes) as at:
            assert await names(at.client) == left, start


async def test_the_kept_list_serves_settings_of_all_kinds(tmp_path: Path) -> None:
    async def listed(**changes: Any) -> list[str]:
        runtime = compose(settings_in(tmp_path, **changes), tmp_path)
        async with Client(build_server(runtime)) as client:
            found = await names(client)
        runtime.database.close()
        return found

    narrow = await listed(FACTOR12_READ_ONLY=True)
    whole = await listed()
    assert narrow == READING and len(whole) > len(narrow)
    assert await listed(FACTOR12_READ_ONLY=True) == READING and await listed() == whole


@pytest.mark.parametrize("era", ERAS)
async def test_what_is_not_offered_is_answered_like_what_there_is_not(shop: Path, era: Era) -> None:
    async with door(shop.parent, era, FACTOR12_READ_ONLY=True) as at:
        for name in ("errand", "thread_cancel", "nothing"):
            problem = await at.problem(name)
            assert problem["kind"] == "not_found" and name in problem["message"]
            assert problem["hint"] == f"There are: {', '.join(READING)}."
        assert at.runtime.store.list(Search()) == []


async def test_a_server_that_only_reads_changes_nothing_through_its_other_doors_either(
    shop: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "hooks.toml").write_text(HOOKS)
    monkeypatch.setenv("HOOK_SECRET", SECRET)
    async with door(shop.parent) as at:
        asked = await at.told("errand", **task("ask"))
    thread = f"/agents/{asked['thread_id']}"
    calls: dict[str, dict[str, Any]] = {
        "/agents/start": {"json": {"agent": "errand"}},
        f"{thread}/answer": {"json": {"key": "0:ask", "answer": "red"}},
        f"{thread}/cancel": {},
        "/webhooks/trigger": standard({}),
    }
    async with (
        listening(shop, FACTOR12_READ_ONLY=True, FACTOR12_WEBHOOKS=tmp_path / "hooks.toml") as port,
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client,
    ):
        for path, how in calls.items():
            answered = await client.post(path, **how)
            assert answered.status_code == 403 and "only reads" in answered.text, path
        [row] = (await client.get("/agents")).json()["threads"]
        assert row["thread_id"] == asked["thread_id"] and row["status"] == "waiting"


async def test_at_a_server_that_only_reads_a_task_is_looked_at_and_no_more(shop: Path) -> None:
    async with door(shop.parent) as at, tasking(at.runtime) as host:
        known = await host.begin("errand", **task("ask"))
    async with door(shop.parent, FACTOR12_READ_ONLY=True) as at, tasking(at.runtime) as host:
        [key] = (await host.get(known))["inputRequests"]
        for refused in (host.update(known, {key: {"action": "cancel"}}), host.cancel(known)):
            with pytest.raises(MCPError, match="only reads"):
                await refused
        assert (await host.get(known))["status"] == "input_required"


async def test_prompts_and_instructions_name_what_is_offered(shop: Path) -> None:
    async with door(shop.parent, toys=False, FACTOR12_TOOLS="testing,thread_wait") as at:
        assert [prompt.name for prompt in (await at.client.list_prompts()).prompts] == ["testing"]
        agents = (await at.client.read_resource("factor12://agents")).contents[0]
        assert [agent["name"] for agent in json.loads(agents.model_dump()["text"])] == ["testing"]
        async with Client(build_server(at.runtime), mode="legacy") as client:
            assert client.instructions and "thread_answer" not in client.instructions
    async with door(shop.parent, toys=False) as at, Client(build_server(at.runtime)) as client:
        assert client.instructions and "thread_answer" in client.instructions


@pytest.mark.requirement("R16")
async def test_a_next_step_that_is_not_offered_comes_with_the_persons_way(shop: Path) -> None:
    async with door(shop.parent, FACTOR12_TOOLS="errand,thread_wait") as at:
        asked = await at.told("errand", **task("ask"))
        assert asked["next"].endswith("the person has `factor12 answer` for `thread_answer`.")
        peeked = await at.told("errand", **task("peek README.md"), isolation="worktree")
        assert "factor12" not in peeked["next"].partition("threads apply")[0]


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        (
            {"FACTOR12_TOOLS": "health,nothing"},
            "FACTOR12_TOOLS names 'nothing', which is no tool. There are: issue_fixer",
        ),
        ({"FACTOR12_TOOLS": "thread_approve"}, "which is no tool"),
        ({"FACTOR12_TOOLS": "thread_cancel", "FACTOR12_READ_ONLY": True}, "together leave no tool"),
    ],
)
def test_a_name_that_is_no_tool_and_a_choice_that_leaves_none_are_refused(
    tmp_path: Path, changes: dict[str, Any], says: str
) -> None:
    runtime = compose(settings_in(tmp_path, **changes), tmp_path)
    with pytest.raises(ProblemError, match=says):
        build_server(runtime)
    runtime.database.close()


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"toolsets": "agents,bogus"}, "unknown toolset bogus; there are agents, threads,"),
        ({"toolsets": ","}, "name at least one; there are"),
        ({"tools": ""}, "name at least one; README.md lists them"),
        ({"read_only": "perhaps"}, "valid boolean"),
    ],
)
def test_a_choice_that_makes_no_sense_is_refused(given: dict[str, Any], says: str) -> None:
    with pytest.raises(ProblemError, match=says):
        load(**given)


def test_what_is_given_goes_before_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FACTOR12_TOOLS", "health")
    monkeypatch.setenv("FACTOR12_TOOLSETS", "service,threads")
    monkeypatch.setenv("FACTOR12_READ_ONLY", "1")
    found: Settings = load(tools="repo_list")
    assert found.tools == ("repo_list",) and found.toolsets == ("service", "threads") and found.read_only


@pytest.mark.parametrize(
    "words",
    [
        ["--read-only", "--toolsets", "repositories"],
        ["--toolsets=repositories", "--tools=repo_list,repo_current"],
        ["--transport", "stdio", "--read-only", "--toolsets", "repositories"],  # by way of the whole command line
    ],
)
async def test_a_host_narrows_by_words(shop: Path, words: list[str]) -> None:
    async with piped(shop, command=(*FACTOR12, "serve", *words)) as at:
        assert await names(at.client) == ["repo_list", "repo_current"]
        assert (await at.problem("repo_switch", repo="shop"))["kind"] == "not_found"


async def test_a_host_narrows_by_its_env(shop: Path) -> None:
    async with piped(shop, FACTOR12_TOOLSETS="repositories", FACTOR12_READ_ONLY="true") as at:
        assert await names(at.client) == ["repo_list", "repo_current"]


@pytest.mark.parametrize("mode", ["legacy", "2026-07-28"])
async def test_it_narrows_over_http(shop: Path, mode: str) -> None:
    with served(shop, "--read-only") as (_, url):
        async with Client(f"{url}/mcp", mode=mode) as client:
            assert await names(client) == READING
            assert (await Calls(client).problem("testing"))["kind"] == "not_found"


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--toolsets", "all"], "unknown toolset all; there are agents,"),
        (["--tools", "none"], "FACTOR12_TOOLS names 'none'"),
        (["--tools="], "name at least one"),
        (["--tools"], "requires an argument"),
        (["--tools", "--read-only"], ""),
        (["--read-only=yes"], "--read-only"),
        (["--transport", "http", "--port", "0", "--toolsets", "all"], "unknown toolset all"),
    ],
)
def test_a_wrong_word_ends_the_start_with_one_line(
    shop: Path, words: list[str], says: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in environment(shop.parent / "state").items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(shop)
    monkeypatch.setattr(sys, "argv", ["factor12", "serve", *words])
    with pytest.raises(SystemExit) as end:
        __main__.main()
    told = capsys.readouterr()
    assert end.value.code == 2 and says in told.err and told.err.count("\n") == 1, told.err
    assert told.out == ""


def test_narrowing_words_need_nothing_of_the_command_line(shop: Path) -> None:
    script = """
import sys
from mcp_server import __main__, stdio
heavy = {"typer", "rich", "mcp_server.cli"}
stdio.serve_stdio = lambda env_file=None, **given: print(given, sorted(heavy & {*sys.modules}))
sys.argv = ["factor12", "serve", "--read-only", "--toolsets", "threads"]
__main__.main()
"""
    command, known = [sys.executable, "-c", script], environment(shop.parent / "state")
    done = subprocess.run(command, cwd=shop, env=known, capture_output=True, text=True, timeout=30)
    assert done.stdout.strip() == "{'read_only': True, 'toolsets': 'threads'} []", done.stderr
