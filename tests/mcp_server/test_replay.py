"""Threads that were recorded run once more without a model, and beside a fork that another model decided."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from prompts import source
from tests.mcp_server.shell import Shell, open_shell

RECORDED = sorted((Path(__file__).parents[1] / "recorded").glob("*.jsonl"))
"""Exported once, and exported anew only when an agent or a prompt is meant to go another way."""
REQUEST = "What is six times seven?"


def script(folder: Path, name: str, *steps: dict[str, Any]) -> str:
    """Write what a model has learned by heart, and return its name in the chain."""
    file = folder / f"{name}.json"
    file.write_text(json.dumps([{"why": "It was asked.", "next": step} for step in steps]), encoding="utf-8")
    return f"scripted:{file}"


def call(tool: str, **args: Any) -> dict[str, Any]:
    return {"do": tool, "args": args}


def reply(text: str) -> dict[str, Any]:
    return {"do": "answer", "answer": {"answer": text}}


@pytest.fixture
def shell(make_repository: Callable[..., Path], tmp_path: Path) -> Shell:
    return open_shell(make_repository, tmp_path)


@pytest.fixture
def deciding(shell: Shell, tmp_path: Path) -> Shell:
    """A shell with a model that calculates, and another one that guesses."""
    sure = script(tmp_path, "sure", call("multiply_numbers", numbers=[6, 7]), reply("42"))
    other = script(tmp_path, "other", reply("about 40"))
    return shell.where(FACTOR12_MODEL=f"{sure},{other}", FACTOR12_PROMPTS_DIR=str(tmp_path / "mine"))


@pytest.mark.requirement("F1", "F12")
def test_the_assistant_calculates_with_tools_and_answers(deciding: Shell) -> None:
    done = deciding.quick("run", "assistant", "--request", REQUEST, "--json")
    assert (done.code, done.json["outcome"], done.json["output"]) == (0, "done", {"answer": "42"})
    assert deciding.quick("replay", "latest").code == 0


def test_the_assistant_needs_no_repository(deciding: Shell, tmp_path: Path) -> None:
    (tmp_path / "nowhere").mkdir()
    done = Shell(tmp_path / "nowhere", deciding.state, deciding.variables).quick(
        "run", "assistant", f"request={REQUEST}"
    )
    assert done.code == 0 and "42" in done.out


@pytest.mark.requirement("F2", "F12")
def test_a_prompt_that_was_changed_since_is_a_readable_patch_and_a_failure(deciding: Shell, tmp_path: Path) -> None:
    deciding.quick("run", "assistant", "--request", REQUEST)
    (tmp_path / "mine").mkdir()
    changed = source("assistant").replace("Decide the next step", "Think, then decide the next step")
    (tmp_path / "mine" / "assistant.md.j2").write_text(changed, encoding="utf-8")
    said = deciding.quick("replay", "latest")
    assert said.code == 1
    assert "-Decide the next step" in said.out and "+Think, then decide the next step" in said.out
    told = deciding.quick("replay", "latest", "--json").json
    assert (told["equal"], told["differences"], len(told["reworded"])) == (False, [], 2)


@pytest.mark.requirement("R3")
def test_a_fork_to_another_model_decides_anew_and_stands_beside_what_it_was_forked_from(
    deciding: Shell, tmp_path: Path
) -> None:
    deciding.quick("run", "assistant", "--request", REQUEST)
    forked = deciding.quick("threads", "fork", "latest", "--model", f"scripted:{tmp_path / 'other.json'}", "--json")
    assert (forked.code, forked.json["output"]) == (0, {"answer": "about 40"})
    beside = deciding.quick("threads", "compare", forked.json["thread_id"], "--json").json
    assert [side["models"] for side in beside["threads"]] == [["scripted:sure.json"], ["scripted:other.json"]]
    assert [side["steps"] for side in beside["threads"]] == [3, 1] and not beside["same_output"]
    assert "Neither changed a file." in deciding.quick("threads", "compare", forked.json["thread_id"]).out


def test_a_model_that_is_not_in_the_chain_is_refused_with_those_there_are(deciding: Shell) -> None:
    deciding.quick("run", "assistant", "--request", REQUEST)
    said = deciding.quick("threads", "fork", "latest", "--model", "openai:gpt-x")
    assert said.code == 2 and "'openai:gpt-x'" in said.complaint and "host" in said.complaint


def test_a_thread_that_is_no_fork_is_compared_only_with_one_that_is_named(deciding: Shell) -> None:
    deciding.quick("run", "assistant", "--request", REQUEST)
    assert "is no fork" in deciding.quick("threads", "compare", "latest").complaint


@pytest.mark.requirement("R2", "F2", "F12")
@pytest.mark.parametrize("recorded", RECORDED, ids=[path.stem for path in RECORDED])
def test_a_recorded_thread_goes_the_same_way_under_the_code_and_the_prompts_of_today(
    shell: Shell, recorded: Path
) -> None:
    said = shell.quick("replay", str(recorded))
    assert said.code == 0, said.out
