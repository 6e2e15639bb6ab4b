"""What runs in a box ends with it, is limited, and uses caches for reading only unless its person says otherwise."""

import os
import sys
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import anyio
import psutil
import pytest
from anyio.to_thread import run_sync

from tests.processes import living
from tests.tools.boxing import the_box
from tests.tools.checking import check, make_workspace, plan
from tools.boxes.sandbox import Unboxed
from tools.checks import run_check
from tools.children import REAPER, kill_leftovers
from tools.errors import ToolError
from tools.workspace import Workspace

pytestmark = pytest.mark.anyio

STAYS = """\
import os, signal, subprocess, sys, unittest
class T(unittest.TestCase):
    def test_a(self):
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        code = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(flush=True); time.sleep(600)"
        child = subprocess.Popen(
            [sys.executable, "-c", code, {token!r}], start_new_session=True, stdout=subprocess.PIPE, env={{}}
        )
        child.stdout.readline()
        open("begun", "w").write("yes")
        child.wait()
"""


def staying(tmp_path: Path, token: str) -> Workspace:
    workspace = make_workspace(tmp_path, {"test_x.py": STAYS.format(token=token)}, effect=token)
    os.mkfifo(workspace.repository().root / "begun")
    return workspace


@pytest.mark.requirement("R10")
@pytest.mark.usefixtures("each_box")
async def test_a_cancelled_check_is_over_within_two_seconds_with_all_that_it_started(tmp_path: Path) -> None:
    workspace, token, start = staying(tmp_path, tmp_path.name), tmp_path.name, 0.0
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(check, workspace)
        await run_sync((workspace.repository().root / "begun").read_text)
        assert living(token)
        start = time.monotonic()
        tasks.cancel_scope.cancel()
    assert time.monotonic() - start < 2
    assert not living(token)


@pytest.mark.requirement("R10")
@pytest.mark.parametrize("how", ["the reaper is killed", "another process cleans up"])
async def test_a_box_is_gone_when_nobody_guards_it_any_more(tmp_path: Path, how: str) -> None:
    workspace, token = replace(staying(tmp_path, tmp_path.name), sandbox=the_box()), tmp_path.name
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(check, workspace)
        await run_sync((workspace.repository().root / "begun").read_text)
        (inside,) = living(token)
        if how == "the reaper is killed":
            next(each for each in inside.parents() if "reaper.py" in " ".join(each.cmdline())).kill()
        else:
            assert await kill_leftovers(token) > 1, "the mark of an effect reaches into the box"
        await run_sync(psutil.wait_procs, [inside], 3)
        assert not living(token)
        tasks.cancel_scope.cancel()


FORKS = """\
import os, time, unittest
class T(unittest.TestCase):
    def test_a(self):
        while True:
            if os.fork() == 0:
                time.sleep(600)
"""
GROWS = """\
import unittest
class T(unittest.TestCase):
    def test_a(self):
        kept = []
        while True:
            kept.append(b"x" * (1 << 24))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="what a process uses is read from /proc")
@pytest.mark.usefixtures("each_box")
@pytest.mark.parametrize(
    ("text", "limit", "why"),
    [
        (FORKS, "MOST_PROCESSES = 50", "The check was ended for starting more than 2,000 processes."),
        (GROWS, "MOST_MEMORY = 200 << 20", "The check was ended for using more memory than a check may"),
    ],
)
async def test_a_runaway_is_ended_and_the_result_says_for_what(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, limit: str, why: str
) -> None:
    """The reaper is a program of its own: one with a smaller limit stands in for it, so that the machine has rest."""
    name, lines = limit.partition(" = ")[0], REAPER.read_text(encoding="utf-8").splitlines()
    smaller = [limit if line.startswith(f"{name} = ") else line for line in lines]
    assert smaller != lines
    (tmp_path / "reaper.py").write_text("\n".join(smaller), encoding="utf-8")
    monkeypatch.setattr("tools.children.REAPER", tmp_path / "reaper.py")
    result = await check(make_workspace(tmp_path, {"test_x.py": text}))
    assert (result.verdict, result.exit_code) == ("no_evidence", None)
    assert result.why.startswith(why)


CACHE = """\
import unittest
class T(unittest.TestCase):
    def test_a(self):
        open("node_modules/.cache/made", "w").close()
"""


@pytest.mark.parametrize(
    ("trusted", "config", "verdict"),
    [
        (True, "", "failed"),
        (True, '[sandbox]\nwritable = ["node_modules/.cache"]\n', "passed"),
        (True, '[sandbox]\nwritable = ["node_modules"]\n', "passed"),
        (True, '[sandbox]\nwritable = ["node_modules/other"]\n', "failed"),
        (False, '[sandbox]\nwritable = ["node_modules/.cache"]\n', "failed"),
    ],
)
async def test_a_cache_is_writable_only_where_a_trusted_repository_asks_for_it(
    tmp_path: Path, trusted: bool, config: str, verdict: str
) -> None:
    files: Mapping[str, str] = {"test_x.py": CACHE, "node_modules/.cache/empty": "", "factor12.toml": config}
    workspace = replace(make_workspace(tmp_path, files, trusted=trusted), sandbox=the_box())
    assert (await check(workspace)).verdict == verdict
    assert (tmp_path / "repo/node_modules/.cache/made").exists() == (verdict == "passed")


async def test_a_cache_that_is_a_link_out_of_the_repository_opens_no_way_there(tmp_path: Path) -> None:
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets/key").write_text("secret")
    reads = CACHE.replace('open("node_modules/.cache/made", "w").close()', 'open("node_modules/key").read()')
    workspace = make_workspace(tmp_path, {"test_x.py": reads})
    (tmp_path / "repo/node_modules").symlink_to(tmp_path / "secrets")
    assert (await check(workspace)).verdict == "passed", "without a box the link leads there"
    assert (await check(replace(workspace, sandbox=the_box()))).verdict == "failed"


@pytest.mark.requirement("R8")
async def test_an_untrusted_check_needs_nobody_in_a_box_and_never_runs_outside_of_the_one_it_was_planned_for(
    tmp_path: Path,
) -> None:
    workspace = make_workspace(tmp_path, {"test_x.py": "import unittest\nopen('ran', 'w')\n"}, trusted=False)
    planned = (await plan(replace(workspace, sandbox=the_box()))).model_dump(mode="json")
    assert run_check.reason_to_ask(replace(workspace, sandbox=the_box()), planned) is None
    with pytest.raises(ToolError, match="was to run in a sandbox") as caught:
        await run_check.perform(workspace, planned)
    assert caught.value.problem.kind == "conflict"
    assert not (tmp_path / "repo/ran").exists()


async def test_who_wants_a_box_for_everything_gets_a_refusal_where_there_is_none(tmp_path: Path) -> None:
    workspace = make_workspace(tmp_path, {"test_x.py": "import unittest\n"})
    with pytest.raises(ToolError, match="FACTOR12_SANDBOX is `require`, and there is no sandbox: for a test") as caught:
        await plan(replace(workspace, sandbox=Unboxed("for a test", required=True)))
    assert caught.value.problem.kind == "refused"
