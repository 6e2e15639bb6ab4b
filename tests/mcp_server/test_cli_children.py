"""A run that has its work done by children shows what they do, each line marked with who did it."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.agents.mall import LOGIN, MALL
from tests.mcp_server.shell import Shell, open_shell


@pytest.fixture
def shell(make_repository: Callable[..., Path], tmp_path: Path) -> Shell:
    return open_shell(make_repository, tmp_path, MALL).where(FACTOR12_MODEL="host", FACTOR12_SANDBOX="off")


def lines(shown: str, beginning: str) -> list[str]:
    return [line for line in shown.splitlines() if line.startswith(beginning)]


@pytest.mark.requirement("F10")
def test_what_a_child_does_is_shown_before_its_parent_hears_of_its_end(shell: Shell) -> None:
    ran = shell.quick("run", "smart_issue", "123", "check=tests/test_auth.py")
    assert ran.code == 0, ran
    told = ran.err.splitlines()
    childs = lines(ran.err, "  issue_fixer ")
    assert childs[0].startswith("  issue_fixer ▶ issue_fixer launched") and childs[-1].startswith("  issue_fixer ■")
    assert any("✓ edit:auth.py" in line for line in childs)
    started, *_, ended = lines(ran.err, "▶ whole: started") + lines(ran.err, "■ whole: thread")
    assert told.index(started) < told.index(childs[0]) < told.index(childs[-1]) < told.index(ended)
    assert told[-1].startswith("■ finished, fixed") and len(set(told)) == len(told), "and nothing twice"


def test_a_childs_question_is_put_to_the_person_and_its_steps_are_shown_once(shell: Shell) -> None:
    words = f"# Issue #9: {LOGIN[0]}\n\n## Description\n{LOGIN[1]}\n"
    with shell.person("run", "smart_issue", words) as person:
        person.sees("  intelligent_issue .*intelligent_issue launched in")
        person.sees("  intelligent_issue .*plan:?.* asked of anyone")
        person.sees("intelligent_issue asks about")
        person.sees("Your answer")
        person.types(json.dumps({"wrong": "It is not said.", "missing": "VAGUE_REQUIREMENTS"}))
        person.sees("  intelligent_issue .*plan:?.* answered over terminal")
        assert person.leaves() == 4
    assert person.screen.count("intelligent_issue launched in") == 1
    assert person.screen.count(" answered over terminal") == 1


def test_a_parent_that_was_imported_without_its_children_is_shown_without_them(shell: Shell, tmp_path: Path) -> None:
    shell.quick("run", "smart_issue", "123", "check=none", "--json")
    parent = shell.quick("threads", "list", "--agent", "smart_issue", "--json").json[0]["thread_id"]
    assert shell.quick("threads", "export", parent, "--output", str(tmp_path / "parent.jsonl")).code == 0
    elsewhere = Shell(shell.folder, tmp_path / "elsewhere", shell.variables)
    assert elsewhere.quick("threads", "import", str(tmp_path / "parent.jsonl")).code == 0
    shown = elsewhere.run("threads", "watch", parent)
    assert "Traceback" not in shown.err and lines(shown.out, "changed_unverified  smart_issue")
