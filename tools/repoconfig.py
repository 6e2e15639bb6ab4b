"""Read what a repository says about itself in `factor12.toml`, believing no more of it than its trust allows."""

import hashlib
import tomllib
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from tools.beneath import read_bytes
from tools.errors import ToolError
from tools.runners.results import Runner
from tools.runners.targets import relative
from tools.workspace import ANY, Repository

FILE = "factor12.toml"
LIMIT = 64 * 1024


def _contained(path: str) -> str:
    try:
        return relative(path)
    except ToolError as error:
        raise ValueError(error.problem.message) from error


Contained = Annotated[str, AfterValidator(_contained)]


class _Table(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class CheckTable(_Table):
    runner: Runner | None = None
    paths: list[Contained] = []
    """What a check runs when it is not told."""
    timeout_s: Annotated[int, Field(ge=1, le=840)] | None = None


class SandboxTable(_Table):
    writable: list[Contained] = []


class BranchesTable(_Table):
    protected: list[str] = []


class AgentsTable(_Table):
    enabled: list[str] | None = None
    """`None`: every agent."""


class RepositoryConfig(_Table):
    check: CheckTable = CheckTable()
    sandbox: SandboxTable = SandboxTable()
    branches: BranchesTable = BranchesTable()
    agents: AgentsTable = AgentsTable()


def read_config(repository: Repository) -> RepositoryConfig:
    """Return the repository's settings; defaults if it has none.

    Of an untrusted repository, and of one whose file is not the one that was trusted, only the runner and the paths of
    a check are taken: it may say what its tests are, not how long they may take, what they may write or who may work
    on it.

    Raises:
        ToolError: The file is not TOML, has an unknown key, or a value that does not fit.
    """
    if (raw := _read(repository.root)) is None:
        return RepositoryConfig()
    config = _parse(raw, repository.name)
    if repository.trusted and repository.config in (ANY, _digest(raw)):
        return config
    return RepositoryConfig(check=CheckTable(runner=config.check.runner, paths=config.check.paths))


def config_digest(root: Path) -> str:
    """Return what is recorded of a repository's settings when it is trusted; nothing for none."""
    return _digest(_read(root))


def config_changed(repository: Repository) -> str:
    """Say that the settings are not those which were trusted, and what to do; nothing if they are."""
    if not repository.trusted or repository.config == ANY or (raw := _read(repository.root)) is None:
        return ""
    if _digest(raw) == repository.config:
        return ""
    where = repository.source or repository.root
    return f"{FILE} is not the one you trusted: of it only runner and paths count until `factor12 repo trust {where}`."


def _read(root: Path) -> bytes | None:
    try:
        return read_bytes(root, FILE, LIMIT)
    except ToolError as error:
        if error.problem.kind == "not_found":
            return None
        raise


def _digest(raw: bytes | None) -> str:
    return "" if raw is None else hashlib.sha256(raw).hexdigest()


def _parse(raw: bytes, repository: str) -> RepositoryConfig:
    try:
        table: dict[str, Any] = tomllib.loads(raw.decode())
        return RepositoryConfig.model_validate(table)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        wrong = "unknown key" if first["type"] == "extra_forbidden" else first["msg"]
        message = f"{FILE} of {repository!r}: {key}: {wrong}."
    except (ValueError, RecursionError) as error:  # not UTF-8, not TOML, or nested without end
        message = f"{FILE} of {repository!r}: {error}."
    raise ToolError("bad_input", message, f"Correct {FILE}; it knows check, sandbox, branches and agents.")
