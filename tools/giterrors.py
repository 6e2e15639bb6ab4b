"""Say in one line why git failed."""

from tools.errors import ToolError

LOCKED = ".lock': File exists"
UNKNOWN = ("unknown revision", "bad revision", "does not exist in", "Not a valid object", "Needed a single revision")


def failure(subcommand: str, repository: str, stderr: bytes) -> ToolError:
    """Turn git's complaint into one line that names subcommand and repository."""
    lines = stderr.decode(errors="replace").splitlines() or ["no reason was given"]
    line = next((line for line in lines if line.startswith(("fatal: ", "error: "))), lines[0])
    complaint = printable(line.removeprefix("fatal: ").removeprefix("error: ").rstrip("."))
    message = f"git {subcommand} in {repository!r}: {complaint}."
    if "reference already exists" in line:
        return ToolError("conflict", message, "Choose another name.")
    if LOCKED in line:
        return ToolError("busy", message, "Another git is at work there: wait, or remove the lock if one was killed.")
    if any(sign in line for sign in UNKNOWN):
        return ToolError("not_found", message, "Name a branch, tag, commit or path that exists.")
    return ToolError("refused", message, f"Run git {subcommand} there yourself to see more.")


def printable(text: str, limit: int = 300) -> str:
    """Escape what would act on a terminal or hide text, and shorten."""
    short = text if len(text) <= limit else text[:limit] + "…"
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape", "surrogatepass").decode() for char in short
    )
