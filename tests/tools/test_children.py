"""Children cannot outlive, outgrow or outwait the call that started them."""

import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import anyio
import psutil
import pytest
from anyio.to_thread import run_sync

from tests.processes import alive, dies_within, pid_from
from tools.base import ToolError
from tools.children import MARK, Child, kill_leftovers, run_child

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("R10")]
ENV = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"}
PYTHON = sys.executable
ROOT = Path(__file__).parents[2]


async def run(
    cwd: Path, *argv: str, timeout_s: float = 20, mark: str = "test", limit: int = 1 << 20, env: Mapping[str, str] = ENV
) -> Child:
    return await run_child(argv, cwd=cwd, env=env, timeout_s=timeout_s, mark=mark, limit=limit)


@pytest.fixture
def pipe(tmp_path: Path) -> Path:
    """A named pipe that a script writes a process id to."""
    os.mkfifo(tmp_path / "pid")
    return tmp_path / "pid"


async def test_a_program_is_run_with_its_output_and_exit_code(tmp_path: Path) -> None:
    child = await run(tmp_path, "sh", "-c", "pwd; echo problem >&2; exit 3")
    assert (child.returncode, child.stdout, child.stderr) == (3, f"{tmp_path}\n".encode(), b"problem\n")
    assert not child.timed_out
    assert 0 < child.seconds < 20


async def test_a_program_that_a_signal_ended_has_its_negative_number(tmp_path: Path) -> None:
    assert (await run(tmp_path, "sh", "-c", "kill -SEGV $$")).returncode == -signal.SIGSEGV


async def test_a_program_that_is_not_there_is_an_error_that_names_it(tmp_path: Path) -> None:
    with pytest.raises(ToolError, match="Cannot start 'no-such-program': No such file or directory") as caught:
        await run(tmp_path, "no-such-program")
    assert caught.value.problem.kind == "not_found"


async def test_a_folder_that_is_gone_is_an_error_that_names_it(tmp_path: Path) -> None:
    with pytest.raises(ToolError, match=r"Cannot start a program in '.*/gone': No such file or directory"):
        await run(tmp_path / "gone", "true")


async def test_a_child_sees_the_given_environment_and_its_mark_only(tmp_path: Path) -> None:
    child = await run(tmp_path, "env", mark="m-1")
    seen = dict(line.split("=", 1) for line in child.stdout.decode().splitlines())
    assert seen.pop(MARK).startswith("m-1.")
    assert seen == ENV


async def test_a_child_that_reads_stdin_finds_its_end(tmp_path: Path) -> None:
    assert (await run(tmp_path, "sh", "-c", "wc -c", timeout_s=5)).stdout.strip() == b"0"


async def test_a_child_inherits_no_descriptor_but_the_three(tmp_path: Path) -> None:
    script = "import os; print(sorted(int(n) for n in os.listdir('/dev/fd')))"
    child = await run(tmp_path, PYTHON, "-I", "-S", "-c", script)
    assert child.stdout in {b"[0, 1, 2]\n", b"[0, 1, 2, 3]\n"}  # the listing itself may be open


async def test_a_long_stream_keeps_its_two_ends_and_counts_the_middle(tmp_path: Path) -> None:
    script = "import sys; sys.stdout.write('<' + 'x' * 300_000 + '>'); sys.stderr.write('y' * 5)"
    child = await run(tmp_path, PYTHON, "-I", "-S", "-c", script, limit=1000)
    assert child.stdout_dropped == 300_002 - 1000
    assert child.stdout.startswith(b"<xxx")
    assert child.stdout.endswith(b"xxx>")
    assert b"[299002 bytes left out]" in child.stdout
    assert (child.stderr, child.stderr_dropped) == (b"yyyyy", 0)


async def test_two_hundred_megabytes_of_output_do_not_grow_memory(tmp_path: Path) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    child = await run(tmp_path, "head", "-c", "200000000", "/dev/zero", limit=1 << 20)
    assert child.stdout_dropped == 200_000_000 - (1 << 20)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 30_000 * (
        1024 if sys.platform == "darwin" else 1
    )


async def test_the_event_loop_answers_while_a_child_prints_without_end(tmp_path: Path) -> None:
    longest = 0.0

    async def tick() -> None:
        nonlocal longest
        while True:
            before = time.monotonic()
            await anyio.sleep(0.01)
            longest = max(longest, time.monotonic() - before)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(tick)
        assert (await run(tmp_path, "cat", "/dev/zero", timeout_s=0.3)).timed_out
        tasks.cancel_scope.cancel()
    assert longest < 0.3


ESCAPES = {
    "that ignores SIGTERM": "trap '' TERM HUP INT; echo $$ > pid; while :; do sleep 1; done",
    "in a session of its own": "setsid sh -c 'echo $$ > pid; exec sleep 600' & sleep 600",
    "whose parents have gone": "(setsid sh -c '(echo $$ > pid; exec sleep 600)' &) ; sleep 600",
    "without mark and parents": """
        (env -i setsid /bin/sh -c '/bin/sh -c "echo \\$\\$ > pid; exec /bin/sleep 600" &' &) ; sleep 600
    """,
}
each_escape = pytest.mark.parametrize("script", ESCAPES.values(), ids=ESCAPES.keys())


async def test_on_timeout_every_descendant_dies_within_two_seconds(tmp_path: Path, pipe: Path) -> None:
    pids: list[int] = []

    async def note() -> None:
        pids.append(await pid_from(pipe))

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(note)
        with anyio.fail_after(2.5):
            child = await run(tmp_path, "sh", "-c", ESCAPES["without mark and parents"], timeout_s=0.5)
        assert child.timed_out
        assert child.returncode == -signal.SIGKILL
    assert not alive(pids[0])


@each_escape
async def test_on_cancellation_every_descendant_dies_within_two_seconds(
    tmp_path: Path, pipe: Path, script: str
) -> None:
    assert await cancelled_in(tmp_path, pipe, script) < 2


async def cancelled_in(cwd: Path, pipe: Path, script: str) -> float:
    """Cancel a run once its script has said which process must die; return how long that took."""
    pid, cancelled = 0, 0.0
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(run, cwd, "sh", "-c", script)
        pid = await pid_from(pipe)
        assert alive(pid)
        tasks.cancel_scope.cancel()
        cancelled = time.monotonic()
    took = time.monotonic() - cancelled
    assert not alive(pid)
    return took


async def test_a_stopped_reaper_does_not_hold_up_a_cancellation(tmp_path: Path, pipe: Path) -> None:
    assert await cancelled_in(tmp_path, pipe, "kill -STOP $PPID; echo $$ > pid; sleep 600") < 2


DAEMON = "mkfifo up; (setsid sh -c 'echo $$ > pid; echo > up; exec sleep 600' &) ; read _ < up; cat pid"


async def test_a_daemon_left_by_a_program_that_ended_well_dies_too(tmp_path: Path) -> None:
    with anyio.fail_after(5):
        child = await run(tmp_path, "sh", "-c", DAEMON)
    assert child.returncode == 0
    assert not alive(int(child.stdout))


async def test_descendants_die_even_when_the_program_killed_its_reaper(tmp_path: Path) -> None:
    script = (
        "mkfifo up; (setsid sh -c 'echo $$ > pid; echo > up; exec sleep 600' &) ; read _ < up; cat pid; kill -9 $PPID"
    )
    with anyio.fail_after(5):
        child = await run(tmp_path, "sh", "-c", script, mark="without-a-reaper")
    assert child.returncode == -signal.SIGKILL
    assert not alive(int(child.stdout))


OWNER = """
import sys
from pathlib import Path
import anyio
import psutil
from tools.children import run_child
run = lambda: run_child(sys.argv[2:], cwd=Path(sys.argv[1]), env={"PATH": "/usr/bin:/bin"}, timeout_s=60, mark="owned")
anyio.run(run)
"""


@pytest.mark.requirement("R5")
@each_escape
async def test_when_this_process_is_killed_its_children_do_not_live_on(tmp_path: Path, pipe: Path, script: str) -> None:
    owner = started([PYTHON, "-c", OWNER, str(tmp_path), "sh", "-c", script], {**os.environ, "PYTHONPATH": str(ROOT)})
    pid = await pid_from(pipe)
    assert alive(pid)
    owner.kill()
    owner.wait()
    assert await run_sync(dies_within, pid, 2.0)


def started(argv: list[str], env: Mapping[str, str], cwd: Path | None = None) -> subprocess.Popen[bytes]:
    return subprocess.Popen(argv, env=env, cwd=cwd, start_new_session=True)


async def test_leftovers_of_an_earlier_life_are_found_by_their_mark(tmp_path: Path, pipe: Path) -> None:
    script = "env -i /bin/sh -c 'echo $$ > pid; exec /bin/sleep 600' & exec sleep 600"
    left = started(["sh", "-c", script], {**ENV, MARK: "left-over.1"}, tmp_path)
    bystander = started(["sleep", "600"], {**ENV, MARK: "left-over-not"})
    try:
        grandchild = await pid_from(pipe)
        assert await kill_leftovers("left-over") == 2, "those of every run of the effect"
        assert not alive(grandchild)
        assert not alive(left.pid)
        assert alive(bystander.pid)
        assert await kill_leftovers("left-over") == 0
        assert await kill_leftovers("") == 0
    finally:
        bystander.kill()
        bystander.wait()
        left.wait()


@pytest.mark.skipif(sys.platform != "linux", reason="the limits are read from /proc")
async def test_a_child_writes_no_core_and_no_file_without_end(tmp_path: Path) -> None:
    limits = (await run(tmp_path, "cat", "/proc/self/limits")).stdout.decode()
    rows = {line[:26].strip(): line[26:].split() for line in limits.splitlines()}
    assert rows["Max core file size"][0] == "0"
    assert rows["Max file size"][0] == str(1 << 30)
    assert int(rows["Max processes"][0]) <= 8192


async def test_many_short_children_at_once_leave_no_descriptor_and_no_zombie(tmp_path: Path) -> None:
    await run(tmp_path, "true")
    own = psutil.Process()
    before = own.num_fds()
    with anyio.fail_after(10):
        async with anyio.create_task_group() as tasks:
            for _ in range(12):
                tasks.start_soon(run, tmp_path, "true")
    assert own.num_fds() == before
    assert [child for child in own.children() if child.status() == psutil.STATUS_ZOMBIE] == []
