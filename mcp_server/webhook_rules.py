"""The rules of webhooks: which delivery launches which agent, where, as whom. A person's file, never a repository's."""

import logging
import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from os import environ
from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from mcp_server.compose import Runtime
from mcp_server.enabling import BETWEEN
from mcp_server.outward import SECRET_NAME
from mcp_server.repositories import Isolation
from mcp_server.signatures import secret_of
from state.problem import ProblemError

log = logging.getLogger(__name__)

Source: TypeAlias = Literal["github", "trigger"]
Scalar: TypeAlias = str | int | bool
LOCAL_NAME = "local"
LIMIT = 256 * 1024


class _Table(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Sender(_Table):
    secret_env: Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]
    """The variable that holds the secret: the file may be shown to others."""


class Rule(_Table):
    source: Source
    event: str = ""
    """Of GitHub: what it calls the event; any if empty."""
    match: dict[str, Scalar | list[Scalar]] = {}
    """Path in the payload → the value there, or several of which one must be there. All of them."""
    agent: str
    repo: str = ""
    isolation: Isolation = "in_place"
    session: str = ""
    principal: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._@-]{0,63}$")] = LOCAL_NAME
    task: dict[str, Any] = {}
    """The agent's task; `${path}` in a text is what the payload has there."""

    @property
    def owner(self) -> str:
        return "" if self.principal == LOCAL_NAME else self.principal


class _File(_Table):
    github: Sender | None = None
    trigger: Sender | None = None
    rule: list[Rule] = []


_TAKES = (
    f"It takes [github] and [trigger] with {', '.join(Sender.model_fields)}, "
    f"and [[rule]] with {', '.join(Rule.model_fields)}."
)


@dataclass(frozen=True, slots=True)
class Rules:
    secrets: Mapping[str, bytes]
    """Source → the secret its deliveries are signed with."""
    rules: tuple[Rule, ...]


def load_rules(runtime: Runtime, environment: Mapping[str, str] = environ) -> Rules | None:
    """Read the file that the settings name; `None` if they name none.

    Raises:
        ProblemError: `bad_input`, with the line and what the file takes; `not_found`; `refused`, a file of a repository
            that agents may write to.
    """
    if (path := runtime.settings.webhooks) is None:
        return None
    if runtime.repositories.allowed(path) and any((folder / ".git").exists() for folder in path.absolute().parents):
        hint = "Keep it beside your other settings."
        raise ProblemError("refused", f"FACTOR12_WEBHOOKS={str(path)!r} lies in a repository.", hint)
    text = _text(path)
    file = _parsed(path, text)
    secrets = {name: _secret(path, text, name, sender, environment) for name, sender in _senders(file)}
    for number, rule in enumerate(file.rule):
        if complaint := _complaint(runtime, rule, secrets):
            raise _bad(path, _line_of(text, ("rule", number)), complaint)
    return Rules(secrets, tuple(file.rule))


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file.read(LIMIT).decode()
    except OSError as error:
        what = f"FACTOR12_WEBHOOKS={str(path)!r} cannot be read: {os.strerror(error.errno or 0)}."
        raise ProblemError("not_found", what, "Name a file with the rules of webhooks.") from error
    except UnicodeDecodeError as error:
        raise ProblemError("bad_input", f"{str(path)!r} is not UTF-8.", _TAKES) from error


def _parsed(path: Path, text: str) -> _File:
    try:
        table: dict[str, Any] = tomllib.loads(text)
        return _File.model_validate(table)
    except ValidationError as error:
        known = error.errors(include_url=False)
        first = next((one for one in known if one["type"] == "extra_forbidden"), known[0])
        where = ".".join(str(part) for part in first["loc"])
        says = "there is no such key" if first["type"] == "extra_forbidden" else first["msg"]
        raise _bad(path, _line_of(text, first["loc"]), f"{where}: {says}") from error
    except (ValueError, RecursionError) as error:  # TOML's own words have the line
        raise ProblemError("bad_input", f"{str(path)!r}: {error}.", _TAKES) from error


def _senders(file: _File) -> list[tuple[Source, Sender]]:
    known: tuple[tuple[Source, Sender | None], ...] = (("github", file.github), ("trigger", file.trigger))
    return [(name, sender) for name, sender in known if sender is not None]


def _secret(path: Path, text: str, name: str, sender: Sender, environment: Mapping[str, str]) -> bytes:
    variable = sender.secret_env
    try:
        if not SECRET_NAME.search(variable):
            raise ValueError("its name must end in _SECRET or _TOKEN, by which its value is kept out of logs")
        if variable not in environment:
            raise ValueError("it is not set")
        return secret_of(environment[variable])
    except ValueError as error:
        raise _bad(path, _line_of(text, (name, "secret_env")), f"{variable}: {error}") from error


def _complaint(runtime: Runtime, rule: Rule, secrets: Mapping[str, bytes]) -> str:
    """Say what keeps a rule from ever working. An agent of a repository may come later: its deliveries say so then."""
    offered = {agent.name: agent for agent in runtime.engine.offered}
    if rule.source not in secrets:
        return f"there is no [{rule.source}] with the secret of its deliveries"
    if rule.event and rule.source != "github":
        return "`event` is GitHub's; use `match` for what the payload says"
    if (agent := offered.get(rule.agent)) is None and BETWEEN in rule.agent:
        log.warning("a rule of webhooks launches %s, which is not offered yet", rule.agent)
        return ""
    if agent is None:
        return f"there is no agent {rule.agent!r}; there are: {', '.join(offered)}"
    fields = agent.input.model_fields
    if unknown := sorted(rule.task.keys() - fields.keys()):
        return f"{agent.name} has no field {unknown[0]!r}; its task has: {', '.join(fields)}"
    missing = [name for name, field in fields.items() if field.is_required() and name not in rule.task]
    return f"{agent.name} needs {missing[0]!r} in its task" if missing else ""


def _line_of(text: str, where: tuple[int | str, ...]) -> int:
    """Return the line that a place in the file begins at, as near as it can be found."""
    table, number = str(where[0]), next((part for part in where if isinstance(part, int)), 0)
    names = [str(part) for part in where[1:] if isinstance(part, str)]
    header = re.compile(rf"\s*\[\[?\s*{re.escape(table)}\s*\]")
    lines = text.split("\n")
    starts = [index for index, line in enumerate(lines) if header.match(line)]
    if not starts:
        return next((index + 1 for index, line in enumerate(lines) if _begins(line, table)), 1)
    begin = starts[min(number, len(starts) - 1)]
    end = starts[number + 1] if number + 1 < len(starts) else len(lines)
    for name in reversed(names):
        if found := next((index for index in range(begin, end) if _begins(lines[index], name)), None):
            return found + 1
    return begin + 1


def _begins(line: str, name: str) -> bool:
    return re.match(rf'\s*\[*\s*(?:\w+\.)*"?{re.escape(name)}"?\s*[=.\]]', line) is not None


def _bad(path: Path, line: int, complaint: str) -> ProblemError:
    return ProblemError("bad_input", f"{str(path)!r}, line {line}: {complaint}.", _TAKES)
