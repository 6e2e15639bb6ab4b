"""What is wrong with a template, in the words of who wrote it."""

from state.problem import ProblemError


class BadTemplate(ProblemError):
    """A template, its front matter or its cases cannot be used. Correct the line that is named, or remove the file."""

    def __init__(self, where: str, line: int, what: str, hint: str = "") -> None:
        at = f"{where}:{line}" if line else where
        super().__init__("bad_input", f"{at}: {what}", hint or "Correct it, then try again; docs/prompts.md shows how.")
