"""A key is shown nowhere on the command line, whether it was read from the environment or from a person's file."""

from collections.abc import Callable
from pathlib import Path

import pytest

from mcp_server.settings import load
from state.problem import ProblemError
from tests.mcp_server.shell import Shell, open_shell
from tests.models.fake_provider import error, provider

KEY = "correct-horse-battery-staple"
"""Of a form that no pattern knows."""


@pytest.fixture
def shell(make_repository: Callable[..., Path], tmp_path: Path) -> Shell:
    """A shell with a key in the person's own file, and one in a file beside it."""
    (tmp_path / "config/factor12").mkdir(parents=True)
    (tmp_path / "config/factor12/.env").write_text(f"OPENAI_API_KEY={KEY}\n")
    (tmp_path / "other.env").write_text(f'ANTHROPIC_API_KEY="{KEY}"\n')
    shell = open_shell(make_repository, tmp_path)
    return shell.where(FACTOR12_MODEL="host", XDG_CONFIG_HOME=str(tmp_path / "config"))


@pytest.mark.parametrize("words", [("threads", "show"), ("answer",), ("threads", "show", "--json")])
def test_a_key_of_the_persons_file_is_marked_in_whatever_a_command_shows(shell: Shell, words: tuple[str, ...]) -> None:
    ran = shell.quick("run", "assistant", f"Why is {KEY} wrong?", "--json")
    thread_id = ran.json["thread_id"]
    shown = shell.run(*words, thread_id)
    assert "Why is «redacted» wrong?" in shown.out and KEY not in shown.out + shown.err
    assert KEY in shell.where(XDG_CONFIG_HOME=str(shell.folder)).run(*words, thread_id).out, "known by that file alone"


def test_progress_and_complaints_know_the_keys_of_a_file_that_is_named(shell: Shell, tmp_path: Path) -> None:
    named = ("--env-file", str(tmp_path / "other.env"))
    bare = shell.where(XDG_CONFIG_HOME=str(tmp_path / "none"))
    ran = bare.run(*named, "run", "assistant", f"Why is {KEY} wrong?")
    assert "launched in shop" in ran.err and "Why is «redacted» wrong?" in ran.err and KEY not in ran.out + ran.err
    refused = bare.run(*named, "threads", "show", KEY)
    assert refused.code == 2 and "There is no thread '«redacted»'" in refused.complaint


def test_what_a_provider_says_of_a_key_does_not_show_it(shell: Shell) -> None:
    with provider(error(401, f"Incorrect API key provided: {KEY}")) as fake:
        asks = shell.where(FACTOR12_MODEL="openai:m", OPENAI_BASE_URL=fake.url)
        ran = asks.run("run", "assistant", "How many files?")
        assert KEY in str(fake.sent[0].headers), "the control: it was sent"
    assert "Incorrect API key provided" in ran.out + ran.err and KEY not in ran.out + ran.err


def test_a_file_that_cannot_be_read_as_settings_does_not_show_its_keys(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    (tmp_path / "keys.env").write_text(f"OPENAI_API_KEY={KEY}\nFACTOR12_MODEL=openai:m,{KEY}\n")
    with pytest.raises(ProblemError, match="FACTOR12_MODEL") as raised:
        load(tmp_path / "keys.env")
    assert KEY not in str(raised.value)
