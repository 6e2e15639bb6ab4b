"""`factor12 answer`: what only a person may answer is answered at a controlling terminal, with the code shown there."""

from collections.abc import Callable
from pathlib import Path

import pytest

from state.events import Asked, Launched, Question
from state.log import SqliteStore
from state.sqlite import Database
from tests.agents.shop import SHOP
from tests.mcp_server.shell import Shell, open_shell

TWICE = {**SHOP, "old.py": SHOP["auth.py"], "tests/test_auth.py": SHOP["tests/test_auth.py"]}


@pytest.fixture
def untrusted(make_repository: Callable[..., Path], tmp_path: Path) -> Shell:
    """A shell whose person trusts nothing, so that a check needs an approval."""
    return open_shell(make_repository, tmp_path).wary()


@pytest.fixture
def asked(untrusted: Shell) -> tuple[Shell, str]:
    """A thread that waits for an approval."""
    launched = untrusted.quick("run", "testing", "--json")
    assert launched.code == 5, launched
    assert launched.json["question"]["answer_by"] == "person"
    return untrusted, launched.json["thread_id"]


@pytest.mark.requirement("R8")
def test_a_person_approves_at_the_terminal_with_the_code_shown_there(asked: tuple[Shell, str]) -> None:
    shell, thread_id = asked
    with shell.person("answer", thread_id) as person:
        assert person.sees("NOT SANDBOXED")
        person.sees("Your answer: ")
        person.types("approve")
        code = person.sees("type the code ([A-Z2-9]{4}): ")[1]
        person.types(code)
        assert person.leaves() == 1, person.screen  # the tests of the shop are red
    log = shell.quick("threads", "show", thread_id).out
    assert "answered over terminal" in log and "1 passed, 1 failed" in log


@pytest.mark.requirement("R8")
def test_the_terminal_asks_even_when_stdin_and_stdout_are_pipes(asked: tuple[Shell, str]) -> None:
    shell, thread_id = asked
    with shell.person("answer", thread_id, piped=True) as person:
        person.sees("Your answer: ")
        person.types("2")
        person.types(person.sees("type the code (....): ")[1].lower())
        assert person.leaves() == 6
    assert shell.quick("threads", "show", thread_id, "--json").json["outcome"] == "denied"


@pytest.mark.requirement("R8")
@pytest.mark.parametrize("words", [(), ("approve:run_check",), ("approve:run_check", "approve")])
def test_without_a_terminal_no_argument_answers_for_a_person(asked: tuple[Shell, str], words: tuple[str, ...]) -> None:
    shell, thread_id = asked
    refused = shell.run("answer", thread_id, *words)
    assert refused.code == 1
    assert "Only a person at a terminal" in refused.complaint and f"factor12 answer {thread_id}" in refused.complaint
    assert shell.quick("threads", "show", thread_id, "--json").json["status"] == "waiting"


@pytest.mark.requirement("R8")
def test_an_answer_in_the_arguments_still_needs_the_code(asked: tuple[Shell, str]) -> None:
    shell, thread_id = asked
    with shell.person("answer", thread_id, "approve:run_check", "approve") as person:
        person.sees("type the code (....): ")
        person.types("0000")
        assert person.leaves() == 1
        assert "not the code" in person.screen
    assert shell.quick("threads", "show", thread_id, "--json").json["status"] == "waiting"


@pytest.mark.requirement("R8")
def test_a_terminal_that_may_not_approve_refuses(asked: tuple[Shell, str]) -> None:
    shell, thread_id = asked
    with shell.where(FACTOR12_APPROVAL_CHANNELS="elicitation").person("answer", thread_id) as person:
        assert person.leaves() == 1
        assert "FACTOR12_APPROVAL_CHANNELS" in person.screen


def test_a_question_that_was_answered_elsewhere_meanwhile_is_not_answered_again(asked: tuple[Shell, str]) -> None:
    shell, thread_id = asked
    with shell.person("answer", thread_id) as person:
        person.sees("Your answer: ")
        assert shell.quick("threads", "cancel", thread_id).code == 0
        person.types("approve")
        person.types(person.sees("type the code (....): ")[1])
        assert person.leaves() == 1
        assert "waits for no answer" in person.screen


@pytest.mark.requirement("R8")
def test_an_answer_to_a_question_that_changed_while_it_was_read_counts_for_nothing(untrusted: Shell) -> None:
    untrusted.quick("threads", "list")
    database = Database(untrusted.state / "factor12.db")
    store = SqliteStore(database)
    asks = Question(key="go", kind="question", answer_by="person", text="Delete branch a?", options=("yes", "no"))
    thread = store.create("changes", Launched(agent="testing", session="default", task={}, at=0.0)).thread
    thread = store.signal(thread, Asked(key="go", question=asks, topic="agent"))
    with untrusted.person("answer", "changes") as person:
        person.sees("Delete branch a")
        person.sees("Your answer: ")
        person.types("yes")
        code = person.sees("type the code (....): ")[1]
        other = asks.model_copy(update={"text": "Delete branch main?"})
        store.signal(thread, Asked(key="go", question=other, topic="agent"))
        person.types(code)
        assert person.leaves() == 1
        assert "asks something else by now" in person.screen
    assert store.load("changes").asked is not None
    database.close()


@pytest.mark.requirement("R8")
def test_what_is_no_option_is_asked_again_before_any_code(asked: tuple[Shell, str]) -> None:
    shell, thread_id = asked
    with shell.person("answer", thread_id, "approve:run_check", "maybe") as person:
        for wrong in ("3", "²", "perhaps"):
            person.sees("is none of them")
            person.sees("Your answer: ")
            person.types(wrong)
        person.sees("Your answer: ")
        person.types("DENY")
        assert "type the code" not in person.screen
        person.types(person.sees("To answer 'deny', type the code (....): ")[1])
        assert person.leaves() == 6


@pytest.mark.requirement("R8", "R21")
def test_an_answer_may_leave_the_rest_to_another_process(asked: tuple[Shell, str], tmp_path: Path) -> None:
    shell, thread_id = asked
    with shell.person("answer", thread_id, "--wait", "0") as person:
        person.sees("Your answer: ")
        person.types("approve")
        person.types(person.sees("type the code (....): ")[1])
        assert person.leaves() == 5
    assert "interrupted" in person.screen and f"factor12 threads resume {thread_id}" in person.screen


@pytest.mark.requirement("R19")
def test_a_decision_that_the_agent_no_longer_asks_for_is_not_taken(untrusted: Shell) -> None:
    thread_id = untrusted.quick("run", "testing", "--json").json["thread_id"]
    untrusted.quick("threads", "cancel", thread_id)
    database = Database(untrusted.state / "factor12.db")
    store = SqliteStore(database)
    launched = Launched(agent="testing", session="default", task={}, at=0.0)
    question = Question(key="plan", kind="decision", answer_by="anyone", text="Decide.", schema={"type": "object"})
    thread = store.create("decides", launched).thread
    store.signal(thread, Asked(key="plan", question=question, topic="decision"))
    database.close()
    hint = untrusted.quick("answer", "decides").complaint
    assert "factor12 answer decides plan JSON" in hint
    assert "factor12 answer decides plan JSON" in untrusted.quick("threads", "show", "decides").out
    stale = untrusted.quick("answer", "decides", "plan", '{"steps": []}')
    assert stale.code == 1 and "no longer asks" in stale.complaint


def test_an_answer_to_a_thread_that_waits_for_nothing_is_refused(asked: tuple[Shell, str]) -> None:
    shell, thread_id = asked
    assert "asks 'approve:run_check', not 'colour'" in shell.quick("answer", thread_id, "colour", "red").complaint
    shell.quick("threads", "cancel", thread_id)
    assert "waits for no answer" in shell.quick("answer", thread_id, "colour", "red").complaint


@pytest.mark.parametrize(("key", "code"), [("\x03", 130), ("\x04", 1)], ids=["Ctrl-C", "Ctrl-D"])
def test_a_person_who_leaves_answers_nothing(asked: tuple[Shell, str], key: str, code: int) -> None:
    shell, thread_id = asked
    with shell.person("answer", thread_id) as person:
        person.sees("Your answer: ")
        person.presses(key)
        assert person.leaves() == code
    assert "Traceback" not in person.screen
    assert shell.quick("threads", "show", thread_id, "--json").json["status"] == "waiting"
