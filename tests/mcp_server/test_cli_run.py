"""`factor12 run`: options and words from the agent's task, live progress, true exit codes, and leaving without harm."""

import json
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from pydantic import BaseModel

from agents.runtime.definition import Agent
from mcp_server.cli_run import example
from mcp_server.cli_task import read_words
from state.problem import ProblemError
from state.steps import Done
from tests.agents.shop import AUTH_ISSUE, SHOP
from tests.conftest import run_git
from tests.mcp_server.shell import Shell, open_shell, read_until

SLOW = """\
import time
import unittest


class Slow(unittest.TestCase):
    def test_that_takes_a_while(self):
        time.sleep(60)
"""


@pytest.fixture
def shop(make_repository: Callable[..., Path], tmp_path: Path) -> Shell:
    return open_shell(make_repository, tmp_path)


@pytest.fixture
def slow(make_repository: Callable[..., Path], tmp_path: Path) -> Shell:
    """A shell in a repository whose tests take a minute."""
    return open_shell(make_repository, tmp_path, {"tests/__init__.py": "", "tests/test_slow.py": SLOW})


@pytest.mark.requirement("R13", "R15", "F11")
def test_a_fix_ends_with_its_evidence_the_changed_file_and_exit_code_0(shop: Shell) -> None:
    fixed = shop.quick("run", "issue_fixer", "123")
    assert fixed.code == 0, fixed
    assert fixed.out.startswith("fixed  issue_fixer in shop")
    assert "test_a_valid_user_may_enter  fail → pass" in fixed.out
    assert "auth.py  +1 -1" in fixed.out
    assert f"git -C {shop.folder} diff" in fixed.out
    assert "return user.is_valid()" in (shop.folder / "auth.py").read_text()


@pytest.mark.requirement("R15")
def test_each_outcome_has_its_own_exit_code(shop: Shell) -> None:
    assert shop.run("run", "testing").code == 1
    assert shop.quick("run", "issue_fixer", "--issue", "123", "--check", "none").code == 3
    assert shop.quick("run", "issue_fixer", "--issue", "123").code == 4
    assert shop.quick("run", "testing").code == 0
    assert shop.wary().quick("run", "testing").code == 5


def test_what_an_answer_could_not_prove_is_told_beside_what_it_could(shop: Shell, tmp_path: Path) -> None:
    head = run_git(shop.folder, "rev-parse", "HEAD").strip()
    cited = [{"at": f"shop/auth.py:13@{head[:12]}", "quote": "return False"}]
    claims = [
        {"text": "`authenticate` returns False.", "citations": cited},
        {"text": "It takes 30 s.", "citations": cited},
    ]
    script = tmp_path / "said.json"
    script.write_text(json.dumps([{"searches": []}, {"claims": claims, "complete": True}]))
    told = shop.where(FACTOR12_MODEL=f"scripted:{script}").quick("run", "research", "What does `authenticate` return?")
    assert f"- `authenticate` returns False. [shop/auth.py:13@{head[:12]}]" in told.out
    assert "Left out, as it could not be verified (1):\n    'It takes 30 s.': It names '30', which" in told.out
    assert "None" not in told.out


@pytest.mark.requirement("R16")
def test_json_is_the_envelope_and_nothing_else(shop: Shell) -> None:
    ran = shop.quick("run", "testing", "--json")
    assert ran.err == ""
    assert ran.json["status"] == "failed" and ran.json["outcome"] == "failed"
    assert ran.json["output"]["check"]["counts"] == {"passed": 1, "failed": 1, "error": 0, "skipped": 0}
    assert ran.json["thread_id"] and ran.json["next"]


def test_fields_may_be_options_or_words_and_lists_repeat(shop: Shell) -> None:
    words = shop.quick("run", "testing", "paths=tests/test_auth.py", "select=expired", "--json").json
    options = shop.quick("run", "testing", "--paths", "tests/test_auth.py", "--select", "expired", "--json").json
    for ran in (words, options):
        assert ran["outcome"] == "done", ran
        assert ran["output"]["check"]["counts"]["passed"] == 1


def test_a_first_word_without_a_key_is_the_first_field(shop: Shell) -> None:
    (shop.folder / "issues" / "124.md").write_text(AUTH_ISSUE.replace("123", "124"))
    assert shop.quick("run", "issue_fixer", "124", "--json").json["output"]["issue"] == "Fix authentication bug"


@pytest.mark.requirement("R15")
@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("run", "isue_fixer"), "Did you mean issue_fixer?"),
        (("run", "testing", "isue=1"), "testing has no 'isue'. It takes: paths, select."),
        (("run", "testing", "select=a", "select=b"), "'select' twice"),
        (("run", "testing", "--nope"), "No such option: --nope"),
        (("run", "testing", "--repo", "shpo"), "no repository 'shpo'. Did you mean shop?"),
        (("run", "testing", "--session", "nobody"), "no session 'nobody'"),
        (("run", "issue_fixer"), "issue"),
        (("run", "issue_fixer", "999", "--wait", "-1"), "--wait"),
    ],
)
def test_a_wrong_command_line_is_one_line_that_says_what_to_do(shop: Shell, words: tuple[str, ...], says: str) -> None:
    wrong = shop.quick(*words)
    assert wrong.code == 2
    assert says in wrong.complaint
    assert wrong.out == ""


def test_a_failure_with_json_is_a_document_too(shop: Shell) -> None:
    wrong = shop.quick("run", "testing", "--repo", "shpo", "--json")
    assert wrong.code == 2
    assert wrong.json["error"]["kind"] == "not_found" and "shop" in wrong.json["next"]


def test_a_branch_is_told_and_so_is_what_is_too_much_to_list(
    make_repository: Callable[..., Path], tmp_path: Path
) -> None:
    red = "".join(f"    def test_{n}(self): self.assertTrue(authenticate(User('ada')))\n" for n in range(12))
    shell = open_shell(make_repository, tmp_path, {**SHOP, "tests/test_auth.py": SHOP["tests/test_auth.py"] + red})
    fixed = shell.quick("run", "issue_fixer", "123", "--branch")
    assert fixed.code == 0, fixed
    assert "committed on agent/issue-123-" in fixed.out and "and 3 more tests" in fixed.out
    assert fixed.out.rstrip().endswith("they are not committed here.")


def test_a_wrong_code_ends_the_command_and_the_thread_waits(shop: Shell) -> None:
    with shop.wary().person("run", "testing") as person:
        person.sees("Your answer: ")
        person.types("approve")
        person.sees("type the code")
        person.types("0000")
        assert person.leaves() == 5
    assert "That was not the code" in person.screen and "Next: " in person.screen


def test_an_agent_without_fields_is_run_by_its_name_alone() -> None:
    class Nothing(BaseModel):
        pass

    nobody = Agent("nobody", "Nobody", "Does nothing.", Nothing, Nothing, lambda task, thread: Done(Nothing()))
    assert example(nobody) == "factor12 run nobody"
    with pytest.raises(ProblemError, match="It takes: nothing"):
        read_words("nobody", {}, ["x=1"])


def test_the_same_idempotency_key_finds_the_thread_again(shop: Shell) -> None:
    first = shop.quick("run", "testing", "--idempotency-key", "nightly", "--json").json
    assert (
        shop.quick("run", "testing", "--idempotency-key", "nightly", "--json").json["thread_id"] == first["thread_id"]
    )
    other = shop.quick("run", "testing", "select=expired", "--idempotency-key", "nightly", "--json")
    assert other.code == 1 and other.json["error"]["kind"] == "conflict"


def test_without_a_terminal_there_is_no_colour_and_no_control_code(shop: Shell) -> None:
    ran = shop.run("run", "testing")
    assert "▶ testing launched in shop" in ran.err and "finished" in ran.err
    assert "\x1b" not in ran.out + ran.err


def test_at_a_terminal_there_are_colours_unless_they_are_not_wanted(shop: Shell) -> None:
    with shop.person("run", "testing") as person:
        person.leaves()
    assert "\x1b[1;31mfailed" in person.screen
    with shop.where(NO_COLOR="1").person("run", "testing") as person:
        person.leaves()
    assert "\x1b[1;31m" not in person.screen and "failed" in person.screen


def test_a_branch_that_cannot_be_made_is_said_and_the_edits_stay_uncommitted(shop: Shell) -> None:
    run_git(shop.folder, "branch", "agent")  # git keeps a branch in a file, which cannot be a folder too
    fixed = shop.quick("run", "issue_fixer", "123", "--branch", "--json").json
    assert fixed["outcome"] == "fixed" and fixed["output"].get("commit") is None, fixed
    assert any(note.startswith("Not committed: ") for note in fixed["output"]["notes"]), fixed
    assert run_git(shop.folder, "status", "--porcelain") == " M auth.py\n"


def test_a_question_for_anyone_is_shown_with_its_options_and_answered_by_number(
    make_repository: Callable[..., Path], tmp_path: Path
) -> None:
    twice = open_shell(make_repository, tmp_path, {**SHOP, "old.py": SHOP["auth.py"]})
    asked = twice.quick("run", "issue_fixer", "123")
    assert asked.code == 5 and "  1  auth.py:12\n" in asked.out and "  2  old.py:12\n" in asked.out
    assert "place:1 ANSWER" in asked.out and "in more than one place" in asked.err
    assert "Answer one of: auth.py:12, old.py:12" in twice.quick("answer", "latest", "place:1", "3").complaint
    assert twice.quick("answer", "latest", "place:1", "1").code == 0
    assert (twice.folder / "old.py").read_text() == SHOP["auth.py"] != (twice.folder / "auth.py").read_text()


def test_red_tests_are_named_with_why_and_where(shop: Shell) -> None:
    red = shop.quick("run", "testing")
    test = "tests/test_auth.py::Authentication::test_a_valid_user_may_enter"
    assert red.code == 1 and f"{test}  fail  AssertionError: False is not true  tests/test_auth.py:8" in red.out


@pytest.mark.requirement("R8", "F7")
def test_questions_are_put_to_the_person_at_the_terminal(make_repository: Callable[..., Path], tmp_path: Path) -> None:
    twice = open_shell(make_repository, tmp_path, {**SHOP, "old.py": SHOP["auth.py"]})
    with twice.wary().person("run", "issue_fixer", "123") as person:
        person.sees("1  auth.py:12")
        person.sees("2  old.py:12")
        person.sees("Your answer: ")
        person.types("perhaps")
        person.sees("'perhaps' is none of them")
        person.sees("Your answer: ")
        person.types("1")
        person.sees("NOT SANDBOXED")
        person.sees("Your answer: ")
        person.types("approve")
        person.types(person.sees("type the code (....): ")[1])
        person.sees("Your answer: ")
        person.presses("\x04")
        assert person.leaves() == 5


@pytest.mark.requirement("R17")
def test_ctrl_c_detaches_and_the_thread_can_be_resumed(slow: Shell) -> None:
    with slow.person("run", "testing") as person:
        person.sees("run_check")
        person.presses("\x03")
        assert person.leaves() == 130
    assert "Detached" in person.screen and "factor12 threads resume" in person.screen
    (slow.folder / "tests" / "test_slow.py").write_text(SLOW.replace("60", "0"))
    resumed = slow.quick("threads", "resume", "latest")
    assert resumed.code == 0, resumed
    assert "was cut off and is tried again" in resumed.err


@pytest.mark.requirement("R17", "R10")
def test_sigterm_detaches_as_well(slow: Shell) -> None:
    running = slow.start("run", "testing")
    read_until(running, "begins")
    running.send_signal(signal.SIGTERM)
    out, _ = running.communicate(timeout=30)
    assert running.returncode == 143
    assert "factor12 threads resume" in out


def test_wait_leaves_after_its_time_and_says_how_to_go_on(slow: Shell) -> None:
    left = slow.quick("run", "testing", "--wait", "1", "--json")
    assert left.code == 5
    assert left.json["status"] == "running"
    (row,) = slow.quick("threads", "list", "--json").json
    assert row["status"] == "interrupted"


def test_a_question_that_was_answered_elsewhere_meanwhile_is_told_and_the_thread_followed_on(shop: Shell) -> None:
    untrusted = shop.wary()
    with untrusted.person("run", "testing") as person:
        person.sees("Your answer: ")
        assert untrusted.quick("threads", "cancel", "latest").code == 0
        person.types("approve")
        person.types(person.sees("type the code (....): ")[1])
        person.sees("waits for no answer")
        person.sees("cancelled")
        assert person.leaves() == 1, person.screen
