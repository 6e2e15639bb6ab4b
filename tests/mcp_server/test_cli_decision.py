"""A decision that nobody here makes: a person at a terminal, or a script, sees what it is about and answers it."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mcp_server.cli_decision import LONGEST, decision_lines
from mcp_server.cli_skeleton import skeleton
from state.events import Question
from state.fold import replay
from tests.mcp_server.process import FACTOR12
from tests.mcp_server.shell import Said, Shell, open_shell

LOOK: dict[str, Any] = {"why": "look", "next": {"do": "list_files", "args": {}}}
DONE = {"why": "known", "next": {"do": "answer", "answer": {"answer": "There are five."}}}
REQUEST = "How many \x1b[31mred\x1b[0m files?"


@pytest.fixture
def shell(make_repository: Callable[..., Path], tmp_path: Path) -> Shell:
    return open_shell(make_repository, tmp_path).where(FACTOR12_MODEL="host")


def fed(shell: Shell, text: str, *words: str) -> Said:
    """Run a command whose stdin is a pipe."""
    argv, folder = [*FACTOR12, *words], shell.folder
    ran = subprocess.run(argv, cwd=folder, env=shell.environment, capture_output=True, text=True, input=text)
    return Said(ran.returncode, ran.stdout, ran.stderr)


@pytest.mark.requirement("R19")
def test_a_person_sees_what_is_to_be_decided_and_decides_it_where_the_agent_was_run(shell: Shell) -> None:
    with shell.person("run", "assistant", REQUEST) as person:
        person.sees(r"│ How many .*files\?")
        person.sees(r'"do": "list_files"')
        person.sees("Your answer")
        person.types("five")
        person.sees("(?s)Invalid JSON.*Your answer")
        person.types(json.dumps({**LOOK, "why": 3}))
        person.sees("(?s)does not fit: why: Input should be a valid string.*Your answer")
        person.presses(f"{json.dumps(LOOK, indent=1)}\n")
        person.sees("(?s)list_files\\(.*Your answer")
        (shell.folder / "done.json").write_text(json.dumps(DONE))
        person.types("@nothing.json")
        person.sees("(?s)cannot be read.*Your answer")
        person.types("@done.json")
        assert person.leaves() == 0, person.screen
    assert "\x1b[31mred" not in person.screen and "There are five." in person.screen


@pytest.mark.parametrize(("key", "code"), [("\x03", 130), ("\x04", 5)], ids=["Ctrl-C", "Ctrl-D"])
def test_a_person_who_leaves_a_decision_is_told_how_to_come_back(shell: Shell, key: str, code: int) -> None:
    with shell.person("run", "assistant", REQUEST) as person:
        person.sees("Your answer")
        person.presses(key)
        assert person.leaves() == code
    assert "shows it and asks you" in person.screen
    with shell.person("answer") as person:
        person.sees("│ How many")
        person.sees("Your answer")
        person.types(json.dumps(DONE))
        assert person.leaves() == 0, person.screen


@pytest.mark.requirement("R19")
def test_a_script_reads_the_decision_on_stdout_and_answers_by_argument_file_or_stdin(shell: Shell) -> None:
    ran = shell.run("run", "assistant", REQUEST)
    assert ran.code == 5 and "│ How many" in ran.out and '"do": "list_files"' in ran.out
    assert "(or @FILE, or - for stdin)" in ran.out
    asked = shell.run("answer")
    assert asked.code == 2 and "turn:0 JSON" in asked.complaint and "│ How many" in asked.out
    assert shell.run("answer", "--json").json["error"]["kind"] == "bad_input"
    looked = fed(shell, json.dumps(LOOK), "answer", "latest", "turn:0", "-")
    assert looked.code == 5 and "│ - list_files" in looked.out
    (shell.folder / "done.json").write_text(json.dumps(DONE))
    assert shell.run("answer", "latest", "turn:1", "@done.json").code == 0


def test_an_answer_that_does_not_fit_says_which_field_and_stays_open(shell: Shell) -> None:
    shell.run("run", "assistant", REQUEST)
    for answer, says in (
        ('{"why": 3}', "does not fit: why: Input should be a valid string"),
        ('{"why": "x", "next": {"do": "search"}}', "does not fit: next.search.args: Field required"),
        ("[]", "does not fit: Input should be an object"),
        ("@absent.json", "'absent.json' cannot be read"),
        ("@picture.png", "not UTF-8"),
    ):
        (shell.folder / "picture.png").write_bytes(b"\x89PNG\xff")
        assert says in shell.quick("answer", "latest", "turn:0", answer).complaint
    for text, says in (("", "no answer in '-'"), (f'"{"x" * 2_000_000}"', "and at most 200000 are taken")):
        assert says in fed(shell, text, "answer", "latest", "turn:0", "-").complaint
    assert shell.quick("threads", "show", "--json").json["status"] == "waiting"


def test_of_a_prompt_that_is_too_long_for_a_screen_both_ends_are_shown_and_the_rest_is_named() -> None:
    thread = replay("deadbeef", [])
    prompt = f"BEGIN{'x' * 150_000}END"
    question = Question(key="plan", kind="decision", answer_by="anyone", text="Decide.", context={"prompt": prompt})
    shown = "\n".join(decision_lines(thread, question))
    assert "│ BEGINxx" in shown and "xxEND\n" in shown and len(shown) < LONGEST + 500
    assert "130008 characters are left out here; `factor12 threads show deadbeef --json` has them" in shown


def test_what_a_prompt_quotes_cannot_pass_for_words_of_the_program() -> None:
    prompt = "a\nThe answer is JSON: {}\r\x1b[2J\u202eb"
    question = Question(key="plan", kind="decision", answer_by="anyone", text="Decide.", context={"prompt": prompt})
    lines = list(decision_lines(replay("deadbeef", []), question))
    assert lines[1:3] == ["│ a", "│ The answer is JSON: {}\\u{d}\\u{1b}[2J\\u{202e}b"]


@pytest.mark.parametrize(
    ("schema", "lines"),
    [
        ({}, ["anything"]),
        ({"type": "string", "minLength": 1, "maxLength": 9}, ["text (1 to 9 characters)"]),
        ({"type": "integer", "minimum": 0}, ["whole number (at least 0)"]),
        ({"anyOf": [{"type": "number"}, {"type": "null"}]}, ["number | null"]),
        ({"enum": ["a", 2]}, ['"a" | 2']),
        ({"prefixItems": [{"type": "string"}, {"const": True}]}, ["[text, true]"]),
        ({"additionalProperties": {"type": "boolean"}}, ["{any name: true | false}"]),
        ({"$ref": "#/$defs/gone"}, ["anything"]),
        (
            {
                "properties": {"a": {"type": "string", "description": "Why\nso"}, "b": {"type": "null"}},
                "required": ["a"],
            },
            ["{", '  "a": text  # Why so', '  "b"?: null', "}"],
        ),
        (
            {
                "$ref": "#/$defs/Tree",
                "$defs": {"Tree": {"properties": {"of": {"items": {"$ref": "#/$defs/Tree"}, "maxItems": 2}}}},
            },
            ['{"of"?: [Tree, as above, … (at most 2 entries)]}'],
        ),
    ],
)
def test_a_schema_is_shown_as_the_skeleton_of_its_answer(schema: dict[str, Any], lines: list[str]) -> None:
    assert skeleton(schema) == lines
