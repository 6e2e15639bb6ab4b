"""A person at a real pseudo-terminal: starts a program there, reads the screen, types."""

import fcntl
import os
import re
import select
import subprocess
import termios
import time
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

PATIENCE_S = 30.0


@dataclass
class Person:
    """Somebody in front of a running program."""

    keyboard: int
    program: subprocess.Popen[bytes]
    screen: str = ""
    _read: int = field(default=0, repr=False)

    def sees(self, pattern: str) -> re.Match[str]:
        """Wait until the pattern stands on the screen, after what was seen before."""
        deadline = time.monotonic() + PATIENCE_S
        while not (found := re.compile(pattern).search(self.screen, self._read)):
            assert time.monotonic() < deadline, f"never saw {pattern!r} in:\n{self.screen}"
            assert self._look(), f"the program ended without {pattern!r}:\n{self.screen}"
        self._read = found.end()
        return found

    def types(self, text: str) -> None:
        os.write(self.keyboard, f"{text}\n".encode())

    def presses(self, keys: str) -> None:
        """Press keys: Ctrl-C is `\x03`, Ctrl-D is `\x04`, the return key is a line end."""
        os.write(self.keyboard, keys.encode())

    def leaves(self) -> int:
        """Watch to the end and return the exit code."""
        while self._look():
            pass
        return self.program.wait(PATIENCE_S)

    def _look(self) -> bool:
        if not select.select([self.keyboard], [], [], PATIENCE_S)[0]:
            return False
        try:
            data = os.read(self.keyboard, 65536)
        except OSError:  # the other side is closed
            return False
        self.screen += data.decode("utf-8", "replace").replace("\r\n", "\n")
        return bool(data)


@contextmanager
def person(argv: Sequence[str], cwd: Path, env: Mapping[str, str], *, piped: bool = False) -> Generator[Person]:
    """Start a program on a terminal of its own; `piped` takes its stdin and stdout away from it, not the terminal."""
    ours, theirs = os.openpty()
    streams = subprocess.DEVNULL if piped else theirs

    def control() -> None:
        fcntl.ioctl(theirs, termios.TIOCSCTTY, 0)

    program = subprocess.Popen(
        argv,
        cwd=cwd,
        env=env,
        stdin=streams,
        stdout=streams,
        stderr=streams,
        start_new_session=True,
        preexec_fn=control,
        pass_fds=(theirs,),
    )
    os.close(theirs)
    try:
        yield Person(ours, program)
    finally:
        program.kill()
        program.wait()
        os.close(ours)
