"""What a thread has read is told from its log, and decides what needs a person; the approval says why (R18)."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from agents.runtime.origins import because, untrusted
from mcp_server.catalogue import TOOLS as ALL
from state.events import Launched, RepositoryRef, Resolved, Rewound, Started
from state.fold import replay
from state.thread import Thread
from tests.agents.runtime.families import drive_family, kin, plan, related, start
from tests.agents.runtime.lab import Lab, answer, events, run
from tests.agents.runtime.toys import TOOLS, lines
from tools.base import Tool, Workspace
from tools.evidence import Check
from tools.issue import Issue
from tools.workspace import Repository

KNOWN: dict[str, Tool[..., Any]] = {tool.name: tool for tool in ALL}
WORKSPACE = tuple(RepositoryRef(name=name, root=f"/{name}", mode="read") for name in ("shop", "web"))


def read(key: str, tool: str, value: BaseModel | Any, **args: Any) -> Resolved:
    plain = value.model_dump(mode="json") if isinstance(value, BaseModel) else value
    return Resolved(key=key, value=plain, tool=tool, args=args)


def thread_of(*happened: Any, **launched: Any) -> Thread:
    first = Launched(agent="a", session="s", task={}, at=0.0, workspace=WORKSPACE, **launched)
    return replay("t", [first, *happened])


ISSUE = read("issue", "read_issue", Issue(number=12, origin="issues/12.md"), issue="12", repo="")
TOLD = read("told", "read_issue", Issue(origin="text"), issue="# Do it\n", repo="")
FILE = read("file", "read_file", {"path": "a.py"}, path="a.py", repo="web")
OTHER = read("other", "read_file", {"path": "b.py"}, path="b.py", repo="web")
DIFF = read("diff", "git_diff", {"base": "HEAD"}, repo="")
RUN = Started(key="run", hash="h", risk="write", tool="run_check", args={"repo": ""})
RAN = Resolved(
    key="run", hash="h", value=Check(runner="pytest", command=[], verdict="passed", why="").model_dump(mode="json")
)
GONE = read("gone", "a_tool_of_old", "text")
DECIDED = Resolved(key="word", hash="h", value={"word": "x"}, tool="prompt:word")


@pytest.mark.requirement("R18", "R1")
def test_what_was_read_is_told_from_the_log_by_origin_in_the_order_it_was_read_in() -> None:
    thread = thread_of(ISSUE, FILE, OTHER, RUN, RAN, DIFF, TOLD, GONE, DECIDED)
    assert untrusted(thread, KNOWN) == [
        "issue 12 of shop (issues/12.md)",
        "files of web (a.py, b.py)",
        "output of pytest in shop",
        "changes and commits of shop",
        "the text of an issue, as the caller gave it",
        "what a_tool_of_old returned",
    ]
    assert untrusted(thread_of(DECIDED), KNOWN) == []


@pytest.mark.requirement("R18")
def test_files_of_a_trusted_repository_are_vouched_for_and_issues_and_output_in_it_are_not(tmp_path: Path) -> None:
    thread = thread_of(ISSUE, FILE, RUN, RAN)
    both = {name: Repository(name, tmp_path, "read", trusted=name == "web") for name in ("shop", "web")}
    vouched = Workspace(both, blobs=_Nowhere(), scratch=tmp_path)
    assert untrusted(thread, KNOWN, vouched) == ["issue 12 of shop (issues/12.md)", "output of pytest in shop"]
    assert "files of web (a.py)" in untrusted(thread, KNOWN)


class _Nowhere:
    def put(self, data: bytes) -> str:
        return ""

    def get(self, digest: str) -> bytes | None:
        return None


@pytest.mark.requirement("R18")
def test_a_task_of_untrusted_text_is_named_first_and_what_a_restore_forgot_is_not_named() -> None:
    thread = thread_of(FILE, untrusted=("a delivery to /webhooks/github (1)",), source="webhook")
    assert untrusted(thread, KNOWN) == ["a delivery to /webhooks/github (1)", "files of web (a.py)"]
    rewound = thread_of(ISSUE, FILE, Rewound(to=2, checkpoint="c"))
    assert untrusted(rewound, KNOWN) == ["issue 12 of shop (issues/12.md)"]


def test_of_many_origins_some_are_named_and_the_rest_counted() -> None:
    many = [read(f"f{n}", "read_file", {}, path=f"{n}.py", repo="web") for n in range(9)]
    assert untrusted(thread_of(*many), KNOWN)[0].endswith("5.py, 3 more)")
    assert because([f"origin {n}" for n in range(9)]).endswith("origin 5, 3 more.")
    assert because(["x" * 500]) == f"This thread has read: {'x' * 160}…."
    assert because([]) == ""


@pytest.mark.requirement("R18")
def test_every_tool_says_whose_words_its_result_may_hold() -> None:
    silent = [tool.name for tool in ALL if tool.carries is None]
    assert silent == [], "say carries=… where the tool is declared: whose words can its result hold?"


@pytest.mark.anyio
@pytest.mark.requirement("R18", "R8")
async def test_what_leaves_needs_a_person_once_something_untrusted_was_read_and_the_approval_says_why(lab: Lab) -> None:
    engine = lab.engine()
    assert (await run(engine, lines("add a 1", "post wall"))).status == "completed"
    asked = await run(engine, lines("peek a", "post door"))
    question = asked.question
    assert question is not None and (question.kind, question.answer_by) == ("approval", "person")
    assert question.text.startswith("It hangs 'door' outside. This thread has read: files of world.")
    assert "door" not in lab.numbers()
    done = await answer(engine, asked, "approve")
    assert (done.status, lab.numbers()["door"]) == ("completed", "note 1")


@pytest.mark.anyio
@pytest.mark.requirement("R18", "R8")
async def test_what_stays_inside_needs_nobody_whatever_was_read_and_a_no_is_kept(lab: Lab) -> None:
    engine = lab.engine()
    await run(engine, lines("add a 1"))
    assert (await run(engine, lines("peek a", "post own", "add a 2"))).status == "completed"
    denied = await answer(engine, await run(engine, lines("peek a", "post door")), "deny")
    assert (denied.outcome, "door" in lab.numbers()) == ("denied", False)


@pytest.mark.anyio
@pytest.mark.requirement("R18", "R8")
async def test_other_approvals_say_what_was_read_too_and_nothing_where_nothing_was(lab: Lab) -> None:
    engine = lab.engine()
    clean = await run(engine, lines("add a 100"))
    assert clean.question and "has read" not in clean.question.text
    await answer(engine, clean, "approve")
    for told, reason in (("add a 100", "It adds 100, which is a lot."), ("send box", "send cannot be undone.")):
        asked = await run(engine, lines("peek a", told))
        assert asked.question
        assert asked.question.text.startswith(f"{reason} This thread has read: files of world.\nApprove exactly this")


@pytest.mark.anyio
@pytest.mark.requirement("R18")
async def test_a_model_that_is_asked_to_decide_is_told_whose_words_it_reads(lab: Lab) -> None:
    engine = lab.engine()
    await run(engine, lines("add a 1"))
    asked = await run(engine, lines("peek a", "think sky"))
    clean = await run(engine, lines("think sky"))
    assert asked.question and asked.question.context["untrusted"] == ["files of world"]
    assert clean.question and "untrusted" not in clean.question.context


@pytest.mark.anyio
@pytest.mark.requirement("R18", "R3")
async def test_a_trusted_repository_lets_out_what_only_its_files_were_read_for(lab: Lab) -> None:
    store = lab.store()

    async def trusted(_: Thread) -> Workspace:
        here = Repository("world", lab.world, "write", trusted=True)
        return Workspace({"world": here}, store, lab.root / "scratch")

    engine = lab.engine(store, tools=TOOLS, open_workspace=trusted)
    await run(engine, lines("add a 1"))
    done = await run(engine, lines("peek a", "post door"))
    assert done.status == "completed"
    assert [event.kind for event in events(engine, done.id)].count("asked") == 0


@pytest.mark.anyio
@pytest.mark.requirement("R18", "R3")
async def test_a_thread_is_told_whose_words_read_whoever_started_it_and_asks_a_person_for_the_same(lab: Lab) -> None:
    engine = related(lab)
    family = await start(engine, plan(["add a 1"], ["post door"]))
    await drive_family(engine, family)
    _, first, second = kin(engine, family)
    assert (first.source, first.untrusted) == ("thread", ())
    assert second.untrusted == ("what the threads of '0' answered",)
    assert second.question is not None and second.question.answer_by == "person"
    assert "This thread has read: what the threads of '0' answered." in second.question.text
    assert "door" not in lab.numbers()
