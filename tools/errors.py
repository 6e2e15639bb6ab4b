"""The plane of errors an agent sees."""

from state.problem import ProblemError


class ToolError(ProblemError):
    """A failure the agent sees, compact, and may recover from."""


class CutOff(Exception):
    """A probe could not tell whether its effect happened; a person has to look."""
