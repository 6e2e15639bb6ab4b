"""Agents of a person's own repositories are tools like any other, and a broken one breaks nothing but itself."""

from pathlib import Path
from subprocess import Popen
from time import monotonic
from typing import Any, cast

import anyio
import pytest
from mcp import Client
from mcp.shared.subscriptions import ToolsListChanged
from mcp_types import ToolListChangedNotification

from mcp_server.app import build_server
from mcp_server.compose import compose
from mcp_server.custom import AGAIN_S
from state import sessions
from state.grants import granted
from state.sqlite import Database
from tests.mcp_server.custom_repos import HEAD, READER, TYPES, agent_file, beside, names, served, sister, trust
from tests.mcp_server.door import ERAS, Era, settings_in, structured, text_of
from tests.mcp_server.test_changes import Ear
from tests.tools.checking import PATH, program

pytestmark = pytest.mark.anyio
EXAMPLE = Path(__file__).parents[2] / "examples" / "review"
BLOCKS = "while True:\n    pass\n"


@pytest.mark.requirement("R19")
@pytest.mark.parametrize("era", ERAS)
async def test_the_example_reviews_a_repository_with_a_real_linter(
    shop: Path, era: Era, monkeypatch: pytest.MonkeyPatch
) -> None:
    program("ruff")
    monkeypatch.setenv("PATH", PATH)
    (shop / "ruff.toml").write_text('[lint]\nselect = ["F"]\n')
    (shop / "till.py").write_text("import os\n\n\nprint('open')\n")
    files = {str(path.relative_to(EXAMPLE)): path.read_text() for path in EXAMPLE.rglob("*.py")}
    trust(shop.parent, sister(shop.parent, files, "review"))
    async with beside(shop.parent, era) as at:
        listed = {tool.name: tool for tool in (await at.client.list_tools()).tools}
        assert "paths" in listed["review__simple_review"].input_schema["properties"]
        told = await at.told("review__simple_review", repo="shop")
        assert (told["status"], told["outcome"], told["output"]["verdict"]) == ("completed", "done", "issues")
        (found,) = told["output"]["details"]
        assert (found["file"], found["line"], found["code"]) == ("till.py", 1, "F401")


async def test_the_example_says_so_where_no_linter_ran(shop: Path) -> None:
    files = {str(path.relative_to(EXAMPLE)): path.read_text() for path in EXAMPLE.rglob("*.py")}
    trust(shop.parent, sister(shop.parent, files, "review"))
    async with beside(shop.parent) as at:
        told = structured(await at.call("review__simple_review", repo="shop"))
        assert (told["outcome"], told["output"]["verdict"]) == ("failed", "not_reviewed")


NO_SCHEMA = agent_file("return Done(Report(text=''))", head="from collections.abc import Callable\n").replace(
    'path: str = "README.md"', "path: Callable[[], int] | None = None"
)
BROKEN = [
    (agent_file("return Done(Report(text=''))", head="from tools.git import git_log\n"), "agents/bad.py:2", "internal"),
    (agent_file("return Done(Report(text=''))", head="import mcp_server.compose\n"), "agents/bad.py:2", "internal"),
    (agent_file("return Done(Report(text=''))", head="import subprocess\n"), "agents/bad.py:2", "may not"),
    (agent_file("return Done(Report(text=''))", head="from .reader import agent as other\n"), "bad.py:2", "beside"),
    (agent_file("return Done(Report(text=open('/etc/passwd').read()))"), "agents/bad.py:", "open()"),
    (agent_file("return Done(Report(text='')"), "agents/bad.py:", "Python cannot read it"),
    (agent_file("return Done(Report(text=''))", after="1 / 0\n"), "agents/bad.py:", "ZeroDivisionError"),
    (agent_file("return Done(Report(text=''))", after="raise SystemExit(3)\n"), "agents/bad.py:", "SystemExit"),
    (agent_file("return Done(Report(text=''))", after="agent = 3\n"), "agents/bad.py", "a int, not an Agent"),
    (HEAD + TYPES, "agents/bad.py", "no `agent"),
    (agent_file("return Done(Report(text=''))", name="Bad Name"), "agents/bad.py", "its name is 'Bad Name'"),
    (agent_file("return Done(Report(text=''))", name="a__b"), "agents/bad.py", "its name is 'a__b'"),
    (agent_file("return Done(Report(text=''))"), "agents/reader.py", "'lib__reader' like agents/bad.py"),
    (NO_SCHEMA,
     "agents/bad.py", "JSON schema"),
    (agent_file("return Done(Report(text=''))").replace('path: str = "README.md"', 'repo: str = ""'),
     "agents/bad.py", "'repo'"),
    (agent_file("return Done(Report(text=''))").replace("Task, Report", "dict, Report"), "agents/bad.py", "its input"),
    ("\0" + HEAD, "agents/bad.py", "cannot read"),
]  # fmt: skip


@pytest.mark.parametrize(("file", "where", "why"), BROKEN)
async def test_a_broken_file_is_named_with_its_reason_and_breaks_nothing_else(
    shop: Path, file: str, where: str, why: str
) -> None:
    good = READER.replace('"reader"', '"good"')
    twin = {"agents/reader.py": READER} if "like agents/bad.py" in why else {}
    trust(shop.parent, sister(shop.parent, {"agents/bad.py": file, "agents/good.py": good, **twin}))
    async with beside(shop.parent) as at:
        offered = [name for name in await names(at) if "__" in name]
        assert offered == (["lib__good", "lib__reader"] if not twin else ["lib__reader", "lib__good"])[: 1 + bool(twin)]
        (said,) = (await at.told("health"))["broken_agents"]
        assert where in said and "'lib'" in said and why in said
        told = await at.told("lib__good", repo="shop")
        assert told["output"] == {"text": "A shop.\n"}


async def test_an_import_that_blocks_is_stopped_and_the_others_are_offered(shop: Path) -> None:
    blocking = agent_file("return Done(Report(text=''))", after=BLOCKS)
    trust(shop.parent, sister(shop.parent, {"agents/bad.py": blocking, "agents/reader.py": READER}))
    async with beside(shop.parent) as at:
        with anyio.fail_after(4):
            assert (await at.told("thread_list"))["next"]
        await at.runtime.custom.learn()
        assert [name for name in await names(at) if "__" in name] == ["lib__reader"]
        (said,) = (await at.told("health"))["broken_agents"]
        assert "agents/bad.py of 'lib' did not come back within 5 s" in said


async def test_a_file_for_which_a_busy_machine_was_too_slow_is_tried_again_later(
    shop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trust(shop.parent, sister(shop.parent, {"agents/reader.py": READER}))
    async with beside(shop.parent) as at:
        custom = at.runtime.custom
        with monkeypatch.context() as slow:
            slow.setattr("mcp_server.custom_described.LOAD_S", 0.0)
            await custom.learn()
            assert custom.named() == [] and "did not come back within 0 s" in str(custom.broken[0].problem)
            assert custom.unknown == []
            later = monotonic() + AGAIN_S
            slow.setattr("mcp_server.custom.monotonic", lambda: later)
            await custom.learn()
            assert custom.named() == [] and custom.unknown == []
            slow.setattr("mcp_server.custom.monotonic", lambda: later + 2 * AGAIN_S)
            assert len(custom.unknown) == 1
        monkeypatch.setattr("mcp_server.custom.monotonic", lambda: later + 2 * AGAIN_S)
        await custom.learn()
        assert (custom.named(), custom.broken, custom.unknown) == (["lib__reader"], [], [])


COUNTER = "calls = []\n"
DECIDING = [
    ("return 1 // 0", "", "internal", "agents/bad.py:14 of 'lib' raised ZeroDivisionError"),
    ("return 'done'", "", "internal", "raised TypeError: it decided a str, which is no step"),
    ("return Done(Task())", "", "internal", "it ended with a Task, not a Report"),
    ("raise SystemExit(2)", "", "internal", "raised SystemExit: 2"),
    ("calls.append(1)\nreturn Done(Report(text=str(len(calls))))", COUNTER, "internal", "the same log another"),
    ("from mcp_server.plugin import Step\nreturn step(read_file('a'))", "from dataclasses import replace as r\n"
     "step = lambda call: r(call, tool='take_over')\n", "refused", "calls 'take_over', which is no tool"),
    ("while True:\n    pass", "", "limit", "agents/bad.py of 'lib' did not come back within 3 s"),
    ("return Done(Report(text=str(sum(range(10**12)))))", "", "limit", "did not come back within 3 s"),
    ("return Done(Report(text='x' * 2**40))", "", "internal", "MemoryError"),
]  # fmt: skip


@pytest.mark.requirement("R2")
@pytest.mark.parametrize(("body", "head", "kind", "says"), DECIDING)
async def test_an_agent_that_cannot_decide_fails_its_thread_by_name_while_others_are_answered(
    shop: Path, body: str, head: str, kind: str, says: str
) -> None:
    bad, good = agent_file(body, head=head, name="bad"), READER
    trust(shop.parent, sister(shop.parent, {"agents/bad.py": bad, "agents/reader.py": good}))
    async with beside(shop.parent) as at:
        assert {"lib__bad", "lib__reader"} <= {*await names(at)}
        async with anyio.create_task_group() as group:

            async def fails() -> None:
                told = await at.call("lib__bad", repo="shop")
                assert told.structured_content is not None
                error = told.structured_content["error"]
                assert (told.is_error, told.structured_content["status"], error["kind"]) == (True, "failed", kind)
                assert says in error["message"], text_of(told)

            group.start_soon(fails)
            with anyio.fail_after(3):
                assert (await at.told("health"))["status"] == "ok"
        assert (await at.told("lib__reader", repo="shop"))["outcome"] == "done"


@pytest.mark.requirement("R21")
async def test_only_what_a_person_trusts_as_it_is_ever_runs(shop: Path, tmp_path: Path) -> None:
    marker = tmp_path / "ran"
    root = sister(shop.parent, {"agents/reader.py": READER})
    async with beside(shop.parent) as at:
        assert "lib__reader" not in await names(at)
        error = await at.problem("lib__reader", repo="shop")
        assert error["kind"] == "not_found" and "lib__reader" in error["message"]
        trust(shop.parent, root)
        assert "lib__reader" in await names(at)
        (root / "agents/reader.py").write_text(READER + f"\nopen({str(marker)!r}, 'w')\n")
        assert "lib__reader" not in await names(at)
        (said,) = (await at.told("health"))["broken_agents"]
        assert "changed since you trusted it" in said and f"trust --agents {root}" in said
        (root / "agents/reader.py").write_text(READER)
        assert "lib__reader" in await names(at)
    async with beside(shop.parent, FACTOR12_EXCLUDED_ROOTS=str(root)) as at:
        assert "lib__reader" not in await names(at)
    assert not marker.exists()


async def test_distrust_takes_the_agents_back(shop: Path) -> None:
    root = sister(shop.parent, {"agents/reader.py": READER})
    trust(shop.parent, root)
    database = Database(settings_in(shop.parent).database)
    assert [*granted(database)] == [root]
    sessions.distrust(database, root)
    database.close()
    async with beside(shop.parent) as at:
        assert "lib__reader" not in await names(at)


async def test_a_change_in_a_trusted_folder_is_told_in_both_eras(shop: Path) -> None:
    root, ear = sister(shop.parent, {"agents/reader.py": READER}), Ear()
    async with served(shop.parent, FACTOR12_TRUSTED_ROOTS=str(shop.parent)) as runtime:
        server = build_server(runtime)
        async with Client(server, mode="legacy", message_handler=ear) as older, Client(server) as newer:
            assert "lib__reader" in [tool.name for tool in (await older.list_tools()).tools]
            async with newer.listen(tools_list_changed=True) as stream:
                ear.heard.clear()
                (root / "agents/second.py").write_text(READER.replace('"reader"', '"second"'))
                with anyio.fail_after(15):
                    assert await anext(stream) == ToolsListChanged()
                    await ear.next(ToolListChangedNotification)
                listed = [tool.name for tool in (await newer.list_tools()).tools]
                assert {"lib__reader", "lib__second"} <= {*listed}
                shown = [prompt.name for prompt in (await newer.list_prompts()).prompts]
                assert "lib__second" in shown


@pytest.mark.requirement("R3")
async def test_a_thread_whose_agent_went_says_so_and_goes_on_when_it_is_back(shop: Path) -> None:
    asks = agent_file("text = answer(thread, 'colour', 'Which?')\nreturn Done(Report(text=text))").replace(
        "import Agent", "import answer, Agent"
    )
    root = sister(shop.parent, {"agents/reader.py": asks})
    trust(shop.parent, root)
    async with beside(shop.parent) as at:
        await names(at)
        waiting = await at.told("lib__reader", repo="shop")
        assert waiting["status"] == "waiting"
        (root / "agents/reader.py").unlink()
        await at.call("thread_answer", thread_id=waiting["thread_id"], key="colour", answer="blue")
        gone = await at.call("thread_wait", thread_id=waiting["thread_id"])
        assert "agents/reader.py of 'lib' is gone" in text_of(gone)
        (root / "agents/reader.py").write_text(asks)
        await at.call("thread_resume", thread_id=waiting["thread_id"])
        back = await at.told("thread_wait", thread_id=waiting["thread_id"])
        assert (back["status"], back["output"]) == ("completed", {"text": "blue"})


@pytest.mark.requirement("R3")
async def test_a_thread_goes_on_with_changed_code_and_diverges_where_that_shows(shop: Path) -> None:
    lines = "first = answer(thread, 'a', 'First?')\nsecond = answer(thread, 'b', 'Second?')\n"
    asks = agent_file(f"{lines}return Done(Report(text=first + second))").replace(
        "import Agent", "import answer, Agent"
    )
    root = sister(shop.parent, {"agents/reader.py": asks})
    async with beside(shop.parent, FACTOR12_TRUSTED_ROOTS=str(shop.parent)) as at:
        await names(at)
        one = await at.told("lib__reader", repo="shop")
        (root / "agents/reader.py").write_text(asks.replace("text=first + second", "text=second + first"))
        await at.call("thread_answer", thread_id=one["thread_id"], key="a", answer="A")
        await at.call("thread_answer", thread_id=one["thread_id"], key="b", answer="B")
        assert (await at.told("thread_wait", thread_id=one["thread_id"]))["output"] == {"text": "BA"}


async def test_a_second_start_knows_the_agents_and_starts_no_process(shop: Path) -> None:
    trust(shop.parent, sister(shop.parent, {"agents/reader.py": READER}))
    async with beside(shop.parent) as at:
        first = (await at.client.list_tools()).model_dump()
    runtime = compose(settings_in(shop.parent), shop)
    async with Client(build_server(runtime)) as client:  # nothing runs in the background here
        assert (await client.list_tools()).model_dump() == first
        assert "engine" not in vars(runtime)
    runtime.database.close()


async def test_settings_narrow_custom_agents_like_all_others(shop: Path) -> None:
    trust(shop.parent, sister(shop.parent, {"agents/reader.py": READER}))
    narrowed: list[tuple[str, str, bool]] = [
        ("FACTOR12_TOOLSETS", "threads,service", False),
        ("FACTOR12_READ_ONLY", "true", False),
        ("FACTOR12_TOOLS", "health", False),
        ("FACTOR12_TOOLS", "health,lib__reader", True),
    ]
    for name, value, there in narrowed:
        settings: dict[str, Any] = {name: value}
        async with beside(shop.parent, **settings) as at:
            assert ("lib__reader" in await names(at)) == there, (name, value)
            if not there:
                assert (await at.problem("lib__reader"))["message"] == "There is no tool 'lib__reader'."


def environment(pid: int) -> bytes:
    return Path(f"/proc/{pid}/environ").read_bytes()


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="reads /proc")
async def test_where_an_agent_decides_there_are_no_keys_and_no_process_is_left(
    shop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    trust(shop.parent, sister(shop.parent, {"agents/reader.py": READER}))
    async with beside(shop.parent) as at:
        await names(at)
        await at.told("lib__reader", repo="shop")
        (child,) = vars(at.runtime.custom)["_children"].values()
        process = cast("Popen[bytes]", vars(child)["_process"])
        assert b"sk-secret" not in environment(process.pid)
        assert b"LANG=" in environment(process.pid)
    assert process.returncode is not None
