"""A box keeps a repository's program in. Beside each thing it cannot do stands that it can without one."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Generator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent, indent

import pytest

from tests.tools.checking import check, make_workspace
from tools.evidence import Check

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("each_box")]
PYTHON = Path(sys.executable).resolve()
linux = pytest.mark.skipif(sys.platform != "linux", reason="what is reached for here exists on Linux only")


@dataclass(frozen=True)
class Around:
    """What stands around a repository, and must not be reached from it."""

    folder: Path
    port: int
    unix: Path
    abstract: str
    bystander: subprocess.Popen[bytes]


@pytest.fixture
def around(tmp_path: Path) -> Generator[Around]:
    for file in ("other/src/secret.py", "home/.ssh/id_ed25519", "factor12.db"):
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).write_text("secret")
    abstract = f"factor12-{os.getpid()}"
    with ExitStack() as open_sockets:
        tcp = open_sockets.enter_context(socket.create_server(("127.0.0.1", 0)))
        for address in (str(tmp_path / "s"), f"\0{abstract}"):
            listening = open_sockets.enter_context(socket.socket(socket.AF_UNIX))
            listening.bind(address)
            listening.listen()
        with subprocess.Popen(["sleep", "600"], env={"TOKEN": "secret"}) as bystander:
            yield Around(tmp_path, tcp.getsockname()[1], tmp_path / "s", abstract, bystander)
            bystander.kill()


DEEDS = {
    "write into the system": "open('/usr/factor12-was-here', 'w').close(); os.remove('/usr/factor12-was-here')",
    "write at the top": "os.mkdir('/factor12-was-here'); os.rmdir('/factor12-was-here')",
    "read another repository": "open(FOLDER + '/other/src/secret.py').read()",
    "read a key in a home": "open(FOLDER + '/home/.ssh/id_ed25519').read()",
    "read the server's database": "open(FOLDER + '/factor12.db').read()",
    "list what stands beside the repository": "assert 'other' in os.listdir('..')",
    "plant a hook": "open('.git/hooks/post-checkout', 'w')",
    "change git's configuration": "open('.git/config', 'a')",
    "put another repository in place of this one": "os.rename('.git', 'was.git')",
    "change what its environment runs": "open('.venv/bin/pytest', 'w')",
    "connect over TCP": "socket.create_connection(('127.0.0.1', PORT), 5)",
    "connect to a socket in the file system": "socket.socket(socket.AF_UNIX).connect(FOLDER + '/s')",
    "connect to an abstract socket": "socket.socket(socket.AF_UNIX).connect(chr(0) + ABSTRACT)",
    "signal a process": "os.kill(BYSTANDER, signal.SIGKILL)",
    "read a process's environment": "assert b'secret' in open(f'/proc/{BYSTANDER}/environ', 'rb').read()",
    "see the processes of others": "assert len(glob.glob('/proc/[0-9]*')) > 8",
}
NEEDS_ROOT = {"write into the system", "write at the top"}


def suite(around: Around, *deeds: str) -> dict[str, str]:
    """Write a repository whose one test does the deeds and fails at the first that it cannot do."""
    names = f"""
        import glob, os, signal, socket, subprocess, sys, unittest
        FOLDER, PORT, ABSTRACT = {str(around.folder)!r}, {around.port}, {around.abstract!r}
        BYSTANDER = {around.bystander.pid}
        class T(unittest.TestCase):
            def test_deed(self):
        """
    body = "\n".join(deeds)
    return {
        "test_x.py": dedent(names).strip() + "\n" + indent(body, " " * 8) + "\n",
        ".git/hooks/empty": "",
        ".git/config": "",
        ".venv/pyvenv.cfg": "include-system-site-packages = true\n",
        ".venv/bin/empty": "",
    }


async def outcome(around: Around, *deeds: str, trusted: bool = False) -> Check:
    workspace = make_workspace(around.folder, suite(around, *deeds), trusted=trusted)
    (around.folder / "repo/.venv/bin/python").symlink_to(PYTHON)
    return await check(workspace)


@linux
@pytest.mark.requirement("R10")
@pytest.mark.parametrize("deed", DEEDS)
async def test_a_box_keeps_a_test_from_what_it_could_do_without(around: Around, deed: str) -> None:
    if deed in NEEDS_ROOT and os.geteuid():
        pytest.skip("only root can do this without a box")
    result = await outcome(around, DEEDS[deed])
    expected = "passed" if result.sandbox == "none" else "failed"
    assert result.verdict == expected, (result.why, result.failures)


@linux
async def test_what_a_boxed_test_writes_beside_the_repository_is_never_there(around: Around) -> None:
    result = await outcome(around, "open(FOLDER + '/written', 'w').close()")
    assert (around.folder / "written").exists() == (result.sandbox == "none")


@linux
async def test_a_process_outside_survives_what_a_boxed_test_kills(around: Around) -> None:
    result = await outcome(around, DEEDS["signal a process"])
    if result.sandbox == "none":
        assert around.bystander.wait(10) == -signal.SIGKILL
    else:
        assert around.bystander.poll() is None


NESTED = """
import ctypes
assert ctypes.CDLL(None).unshare(0x10000000) == 0
"""


@linux
async def test_no_box_is_built_inside_a_box(around: Around) -> None:
    result = await outcome(around, NESTED)
    assert result.verdict == ("passed" if result.sandbox == "none" else "failed"), result.failures


BUSINESS = [
    "open('made.txt', 'w').write('here')",
    "os.mkdir('build'); os.rename('made.txt', 'build/made.txt')",
    "server = socket.create_server(('127.0.0.1', 0)); socket.create_connection(server.getsockname(), 5)",
    "import tempfile, pathlib; tempfile.TemporaryFile(); tempfile.TemporaryFile(dir='/tmp')",
    "(pathlib.Path.home() / '.cache').mkdir()",
    "import multiprocessing; assert multiprocessing.get_context('spawn').Queue()",
    "assert subprocess.run([sys.executable, '-c', 'import ssl, ctypes'], check=True).returncode == 0",
    "assert open('.git/config').read() == ''",
    "assert os.getpgid(0) and os.environ['PATH'] and os.path.exists('/etc/passwd')",
]


@linux
async def test_what_tests_ordinarily_do_works_with_and_without(around: Around) -> None:
    result = await outcome(around, *BUSINESS)
    assert result.verdict == "passed", result.failures
    assert (around.folder / "repo/build/made.txt").read_text() == "here"


@linux
@pytest.mark.requirement("R10")
async def test_the_environment_inside_is_the_one_that_was_given_even_for_the_first_process(
    around: Around, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOME_KEY", "of the server")
    first = "open('/proc/1/environ').read() if os.getppid() < 9 else 'not in a box'"
    result = await outcome(around, f"raise AssertionError(sorted(os.environ), {first})")
    (failure,) = result.failures
    assert "FACTOR12_EFFECT" in failure.message and "HOME" in failure.message
    assert ("not in a box" in failure.message) == (result.sandbox == "none")
    assert "KEY" not in failure.message
