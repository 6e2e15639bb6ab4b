"""Who may work on a repository: its `[agents] enabled` takes agents away, and gives none any right."""

from collections.abc import Sequence
from pathlib import Path

from mcp_server.repositories import Repositories
from state.events import RepositoryRef
from state.problem import Problem, ProblemError

BETWEEN = "__"
"""Stands between the names of a repository and of an agent that is from there."""
SETTING = "`[agents] enabled` of its factor12.toml"


def refusal(repositories: Repositories, root: Path, name: str, short: str = "") -> Problem | None:
    """Say why this agent may not work on the repository, if so; one of its own it may also call by its `short` name."""
    try:
        enabled = repositories.enabled(root)
    except ProblemError as error:  # who may is not known, so nobody does
        return error.problem
    if enabled is None or name in enabled or (short and short in enabled):
        return None
    message = f"{root.name!r} lets no {name!r} work: {SETTING} names {', '.join(enabled) or 'no agent'}."
    return Problem(kind="refused", message=message, hint=f"Add it there, then: factor12 repo trust {root}")


def require_enabled(
    repositories: Repositories, workspace: Sequence[RepositoryRef], name: str, home: Path | None
) -> None:
    """Require that an agent, which is from the repository `home` if from any, may work where it is launched.

    Raises:
        ProblemError: `refused`, naming the setting; `bad_input`, the settings cannot be read.
    """
    for ref in workspace:
        root = Path(ref.source or ref.root)
        short = name.partition(BETWEEN)[2] if home == root else ""
        if (problem := refusal(repositories, root, name, short)) is not None:
            raise ProblemError(problem.kind, problem.message, problem.hint)


def standing(repositories: Repositories, root: Path) -> object:
    """Return what `refusal` depends on, to be compared with what it was."""
    try:
        return repositories.enabled(root)
    except ProblemError as error:
        return str(error)
