"""How a host, which has neither this shell's PATH nor always this system, starts the factor12 that runs now."""

import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from os import X_OK, access, environ
from pathlib import Path
from shutil import which

from mcp_server.hosts import HOSTS, Printed, Started, place
from state.problem import ProblemError

PROGRAM = "factor12"
PASSING = re.compile(r"(?:archive|builds|environments)-v\d+")
"""Folders of uv's cache that `uvx` runs programs from, until the cache is emptied."""
LONGEST_LOOK_S = 20.0


@dataclass(frozen=True, slots=True)
class Machine:
    """What decides where a host is and how it gets here."""

    platform: str
    home: Path
    variables: Mapping[str, str]

    @property
    def distribution(self) -> str:
        """The name of this system inside WSL; empty outside it."""
        return self.variables.get("WSL_DISTRO_NAME", "")

    def file(self, host: Printed, project: Path | None) -> Path:
        """Return the host's file: a person's own, or that of a project.

        Raises:
            ProblemError: `refused`, `not_found`; the host has none there, or Windows does not say where it is.
        """
        ways = HOSTS[host]
        if project is None:
            if self.distribution and ways.on_windows:
                return place(host, "win32", self._windows_home(), self.variables)
            return place(host, self.platform, self.home, self.variables)
        if not ways.project_file:
            raise ProblemError("refused", f"{ways.title} has no file for a project.", "Leave out --project.")
        if not project.is_dir():
            raise ProblemError("not_found", f"{str(project)!r} is not a folder.", "Name one with --project.")
        return project.resolve() / ways.project_file

    def reached(self, host: Printed, server: Started) -> Started:
        """Return how the host gets here: a program of Windows enters WSL, which hands no variables over."""
        if not (self.distribution and HOSTS[host].on_windows):
            return server
        variables = [f"{name}={value}" for name, value in server.env.items()]
        inside = ("-d", self.distribution, "--exec", "/usr/bin/env", *variables, server.command, *server.args)
        return Started("wsl.exe", inside)

    def _windows_home(self) -> Path:
        try:
            said = _said("cmd.exe", "/d", "/c", "echo %USERPROFILE%").strip().splitlines()
            return Path(_said("wslpath", "-u", said[-1].strip()).strip())
        except (OSError, subprocess.SubprocessError, IndexError) as error:
            hint = "Name it with --file, below /mnt/c/Users."
            raise ProblemError("not_found", "Windows does not say where its home folder is.", hint) from error


def this_machine() -> Machine:
    return Machine(sys.platform, Path.home(), environ)


def program(called: str, python: str) -> Path:
    """Return the absolute path of the running script: as it was called, else the one beside its Python.

    Raises:
        ProblemError: `refused`; it is gone when uv empties its cache. `not_found`.
    """
    beside = Path(python).with_name(PROGRAM)
    on_path = which(PROGRAM)
    tried = [Path(called).absolute(), beside, *([Path(on_path).absolute()] if on_path else [])]
    found = next((path for path in tried if path.name == PROGRAM and path.is_file() and access(path, X_OK)), None)
    if found is None:
        raise ProblemError(
            "not_found", "There is no `factor12` program beside this Python.", "Install it: uv tool install factor12."
        )
    if any(PASSING.fullmatch(part) for part in found.parts):
        message = f"{str(found)!r} is in the cache of uv, which may empty it any day."
        raise ProblemError("refused", message, "Install it to stay, with `uv tool install`, and run that one.")
    return found


def _said(*command: str) -> str:
    done = subprocess.run(
        command, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=LONGEST_LOOK_S, check=True
    )
    return done.stdout
