"""The folder the process was started in: the repository that a call means which names none."""

from pathlib import Path

from state.problem import ProblemError


def here() -> Path:
    """Return it.

    Raises:
        ProblemError: `not_found`; it was removed meanwhile.
    """
    try:
        return Path.cwd()
    except FileNotFoundError as error:
        raise ProblemError("not_found", "The folder you are in was removed.", "Change to another one.") from error
