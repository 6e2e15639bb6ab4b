"""Read what a repository says about itself in `factor12.toml`, believing no more of it than its trust allows."""

import tomllib
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from tools.beneath import read_bytes
from tools.errors import ToolError
from tools.runners.results import Runner
from tools.runners.targets import relative
from tools.workspace import Repository

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

    Of an untrusted repository only the runner and the paths of a check are taken: it may say what its tests are, not
    how long they may take, what they may write or who may work on it.

    Raises:
        ToolError: The file is not TOML, has an unknown key, or a value that does not fit.
    """
    try:
        raw = read_bytes(repository.root, FILE, LIMIT)
    except ToolError as error:
        if error.problem.kind == "not_found":
            return RepositoryConfig()
        raise
    config = _parse(raw, repository.name)
    if repository.trusted:
        return config
    return RepositoryConfig(check=CheckTable(runner=config.check.runner, paths=config.check.paths))


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
