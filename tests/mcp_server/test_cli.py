"""The command line as a whole: help, agents, settings, and failures as one line with a true exit code."""

import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp import Client, StdioServerParameters, stdio_client

from mcp_server.cli_agents import kind_of
from mcp_server.version import program_version
from tests.mcp_server.process import CHECKOUT, FACTOR12
from tests.mcp_server.shell import Shell, open_shell


@pytest.fixture
def shop(make_repository: Callable[..., Path], tmp_path: Path) -> Shell:
    return open_shell(make_repository, tmp_path)


def test_without_a_command_there_is_help(shop: Shell) -> None:
    for words, code in (((), 0), (("--help",), 0), (("threads",), 2), (("run",), 2)):
        shown = shop.quick(*words)
        assert (shown.code, shown.err) == (code, ""), words
        assert "Usage: factor12" in shown.out


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_a_stream_that_was_closed_leads_nowhere_and_the_command_does_its_work(shop: Shell, closed: str) -> None:
    line = f'"$0" "$@" repo switch "$PWD" {closed}'
    ran = subprocess.run(
        ["sh", "-c", line, *FACTOR12],
        cwd=shop.folder,
        env=shop.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ran.returncode, "Traceback" in ran.stderr) == (0, False), ran
    assert shop.quick("repo", "current", "--json").json["repo"] == "shop"


def test_the_version_is_printed(shop: Shell) -> None:
    assert shop.quick("--version").out.startswith("factor12 ")


def test_a_checkout_that_is_not_installed_has_no_version(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.path", [str(CHECKOUT)])
    assert program_version() == "0"


@pytest.mark.requirement("R15")
def test_a_command_that_is_not_there_is_met_with_the_nearest(shop: Shell) -> None:
    wrong = shop.run("thraeds", "list")
    assert wrong.code == 2 and "Did you mean 'threads'" in wrong.complaint


@pytest.mark.requirement("R15")
@pytest.mark.parametrize(
    ("words", "says"),
    [
        (
            ("run", "zebra"),
            "There is no agent 'zebra'. There are: issue_fixer, intelligent_issue,",
        ),
        (("run", "isue_fixer"), "Did you mean issue_fixer?"),
        (("threads", "list", "--limit", "0"), "greater than or equal to 1. Add --help"),
        (("run", "issue_fixer"), "issue: Field required. "),
        (("info",), "Missing argument 'AGENT'. Add --help"),
        (("check",), "Missing argument 'REPO'. Add --help"),
        (("threads", "show"), "There is none yet; `factor12 run AGENT` starts one."),
        (("threads", "show", "x" * 100_000), "`factor12 run AGENT` starts one."),
        (("run", "testing", "--session", "s" * 100_000), "`factor12 repo switch` without a session opens one"),
    ],
)
def test_what_cannot_be_is_one_sentence_and_then_the_next_step(shop: Shell, words: tuple[str, ...], says: str) -> None:
    wrong = shop.quick(*words)
    assert wrong.code == 2 and says in wrong.complaint and len(wrong.complaint) < 1000
    assert "Value error" not in wrong.complaint


def test_agents_and_info_say_what_there_is_and_what_it_takes(shop: Shell) -> None:
    listed = shop.quick("agents", "--json").json
    assert [agent["name"] for agent in listed] == [
        "issue_fixer",
        "intelligent_issue",
        "smart_issue",
        "pr_review",
        "testing",
        "assistant",
        "research",
    ]
    assert "issue_fixer" in shop.quick("agents").out
    info = shop.quick("info", "testing", "--json").json
    assert set(info["input"]["properties"]) == {"paths", "select"} and info["mode"] == "read"
    shown = shop.quick("info", "testing").out
    assert "list of text" in shown and "factor12 run testing" in shown and "Returns" in shown


@pytest.mark.parametrize(
    ("schema", "kind"),
    [
        ({"type": "string"}, "text"),
        ({"type": "integer"}, "number"),
        ({"type": "array", "items": {"$ref": "#/$defs/Changed"}}, "list of Changed"),
        ({"enum": ["pass", "fail"]}, "pass | fail"),
        ({"anyOf": [{"type": "boolean"}, {"type": "object"}]}, "yes/no | object"),
        ({}, "anything"),
    ],
)
def test_the_type_of_a_field_is_named_as_a_person_would(schema: dict[str, Any], kind: str) -> None:
    assert kind_of(schema) == kind


def test_a_command_does_not_wait_for_what_others_need(shop: Shell) -> None:
    code = "import sys; from mcp_server.cli import main; main(['threads', 'list']); print(*sys.modules)"
    ran = subprocess.run(
        [sys.executable, "-c", code], cwd=shop.folder, env=shop.environment, capture_output=True, text=True, timeout=60
    )
    others = {"agents.pr_review", "mcp_server.cli_install", "mcp_server.cli_prompts", "jwt", "jinja2", "openai"}
    assert ran.returncode == 0 and others & set(ran.stdout.split()) == set()


@pytest.mark.parametrize("words", [["serve"], ["serve", "--read-only"], ["threads", "list"]])
def test_garbage_is_collected_as_soon_as_the_start_is_made(shop: Shell, words: list[str]) -> None:
    ends = f"atexit.register(lambda: print('collects', gc.isenabled(), file=sys.stderr)); sys.argv[1:] = {words}"
    code = f"import atexit, gc, sys; {ends}; from mcp_server.__main__ import main; main()"
    ran = subprocess.run(
        [sys.executable, "-c", code], cwd=shop.folder, env=shop.environment, capture_output=True, input=b"", timeout=60
    )
    assert ran.returncode == 0 and b"collects True" in ran.stderr, ran.stderr


@pytest.mark.requirement("R11")
def test_serve_takes_a_file_of_settings_and_speaks_nothing_but_the_protocol(shop: Shell, tmp_path: Path) -> None:
    file = tmp_path / "server.env"
    file.write_text(f"FACTOR12_DATABASE_URL={tmp_path / 'served.db'}\n")
    server = StdioServerParameters(
        command=FACTOR12[0],
        args=[*FACTOR12[1:], "--env-file", str(file), "serve"],
        env=shop.environment,
        cwd=shop.folder,
    )

    async def names() -> list[str]:
        with anyio.fail_after(20):
            async with Client(stdio_client(server)) as client:
                return [tool.name for tool in (await client.list_tools()).tools]

    assert "thread_wait" in anyio.run(names)
    assert (tmp_path / "served.db").exists()


def test_info_about_nobody_names_the_nearest(shop: Shell) -> None:
    assert "Did you mean testing?" in shop.quick("info", "testnig").complaint
    assert "There are: issue_fixer, intelligent_issue," in shop.quick("info", "zebra").complaint


@pytest.mark.requirement("R15")
@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("FACTOR12_LEASE_S", "soon", "FACTOR12_LEASE_S='soon'"),
        ("MAX_CONCURRENT_AGENTS", "0", "MAX_CONCURRENT_AGENTS='0'"),
        ("FACTOR12_APPROVAL_CHANNELS", "email", "there are elicitation, terminal, rest"),
    ],
)
def test_a_setting_that_is_not_accepted_is_named(shop: Shell, name: str, value: str, says: str) -> None:
    wrong = shop.where(**{name: value}).quick("threads", "list")
    assert wrong.code == 2 and says in wrong.complaint


def test_a_named_file_configures_every_command(shop: Shell, tmp_path: Path) -> None:
    shop.quick("run", "testing")
    file = tmp_path / "other.env"
    file.write_text(f"FACTOR12_DATABASE_URL={tmp_path / 'other.db'}\n")
    assert len(shop.quick("threads", "list", "--json").json) == 1
    assert shop.quick("--env-file", str(file), "threads", "list", "--json").json == []
    assert "There is no file" in shop.quick("--env-file", "nope", "threads", "list").complaint


@pytest.mark.requirement("R10")
def test_a_file_in_the_repository_configures_nothing(shop: Shell, tmp_path: Path) -> None:
    (shop.folder / ".env").write_text(f"FACTOR12_DATABASE_URL={tmp_path / 'stolen.db'}\nFACTOR12_APPROVAL=host\n")
    shop.quick("threads", "list")
    assert not (tmp_path / "stolen.db").exists()


@pytest.mark.requirement("R15")
def test_a_database_of_a_newer_program_is_left_alone(shop: Shell) -> None:
    shop.quick("threads", "list")
    with sqlite3.connect(shop.state / "factor12.db") as database:
        database.execute("pragma user_version = 99")
    refused = shop.quick("threads", "list", "--json")
    assert refused.code == 1
    assert refused.json["error"]["kind"] == "store" and "newer than this program" in refused.err


@pytest.mark.requirement("R15")
def test_a_file_that_is_no_database_is_named(shop: Shell) -> None:
    shop.state.mkdir(exist_ok=True)
    (shop.state / "factor12.db").write_bytes(b"not a database at all" * 100)
    refused = shop.quick("threads", "list")
    assert refused.code == 1 and "factor12.db" in refused.complaint


@pytest.mark.requirement("R18")
def test_what_a_thread_says_cannot_play_tricks_on_the_terminal(shop: Shell) -> None:
    ran = shop.quick("run", "testing", "select=\x1b[2J\u202egnp")
    assert "\x1b" not in ran.err + ran.out and "\u202e" not in ran.err + ran.out


def test_secrets_of_the_environment_stay_inside(shop: Shell) -> None:
    ran = shop.where(MY_API_KEY="very-secret-value").run("run", "testing", "select=very-secret-value", "--json")
    assert "very-secret-value" not in ran.out + ran.err
