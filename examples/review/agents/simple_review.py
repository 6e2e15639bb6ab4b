"""The Developer Guide's SimpleReviewAgent: run the linter that a repository is configured for, and report.

The guide's own starts `ruff check .` wherever it happens to be and counts the lines it prints, so that a linter that is
missing reads as one issue, or none. Here the linter is a step that the engine runs, boxed where there is a sandbox,
its findings are typed, and where none ran the outcome is `failed`: nothing was reviewed.
"""

from typing import Literal

from mcp_server.plugin import Agent, BaseModel, Done, Field, Step, Thread, need, run_linter, script

SHOWN = 10


class Task(BaseModel):
    paths: list[str] = Field(default=[], description="Files or folders; default: all", examples=["src"])


class Issue(BaseModel):
    file: str
    line: int
    code: str
    message: str


class Review(BaseModel):
    verdict: Literal["clean", "issues", "not_reviewed"]
    why: str
    issues_found: int = 0
    details: list[Issue] = Field(default=[], description="The first ten")


@script
def next_step(task: Task, thread: Thread) -> Step:
    """Run the linter once; report what it found, or that it could not."""
    lint = need(thread, run_linter)(paths=tuple(task.paths))
    if lint.verdict == "no_result":
        return Done(Review(verdict="not_reviewed", why=lint.why), "failed")
    details = [Issue(file=one.file, line=one.line, code=one.code, message=one.message) for one in lint.findings[:SHOWN]]
    verdict = "issues" if lint.total else "clean"
    return Done(Review(verdict=verdict, why=lint.why, issues_found=lint.total, details=details))


agent = Agent(
    "simple_review",
    "Review with the linter",
    "Run the repository's own linter and report its findings with file and line. Changes nothing.",
    Task,
    Review,
    next_step,
)
