"""The three files that an agent of one's own begins with."""

import os
import re
from pathlib import Path

from mcp_server.custom_shape import NAME
from state.problem import ProblemError

AGENT = '''"""Say what a file is for. Change this into what your agent does."""

from mcp_server.plugin import Agent, BaseModel, Done, Field, Step, Thread, need, read_file, script, thought


class Task(BaseModel):
    path: str = Field(description="File in the repository", examples=["README.md"])


class Verdict(BaseModel):
    summary: str = Field(description="One sentence")


class Report(BaseModel):
    path: str
    summary: str


@script
def next_step(task: Task, thread: Thread) -> Step:
    """Read the file, ask the model once, report. Every line that needs something stops there until it is there."""
    file = need(thread, read_file)(task.path)
    verdict = thought(thread, "@NAME@", Verdict, path=task.path, text=file.text)
    return Done(Report(path=task.path, summary=verdict.summary))


agent = Agent("@NAME@", "@TITLE@", "Say what a file is for, in one sentence.", Task, Report, next_step)
'''
PROMPT = """---
name: @NAME@
version: 1
description: Say what a file is for.
variables:
  path: string
  text: string
---
Say in one sentence what the file {{ path }} is for.

{{ text | framed("the file " ~ path) }}
"""
TEST = '''"""What @NAME@ decides after what: a table of outcomes so far and the next step."""

from pathlib import Path

import pytest

plugin = pytest.importorskip("mcp_server.plugin", reason="run this with the Python that factor12 is installed in")

FILE = {"path": "README.md", "text": "A shop.", "start": 1, "total": 1, "next": None, "digest": "", "newline": "lf"}
TASK = {"path": "README.md"}
TABLE = [
    ({}, "call"),
    ({"read_file": FILE}, "think"),
    ({"read_file": FILE, "@NAME@": {"summary": "It greets."}}, "done"),
]


@pytest.mark.parametrize(("outcomes", "kind"), TABLE)
def test_each_outcome_so_far_decides_the_next_step(outcomes, kind):
    agent = plugin.load(Path(__file__).parent.parent / "agents" / "@NAME@.py")
    assert plugin.step_after(agent, TASK, outcomes).keys() == {kind}
'''
FILES = {"agents/@NAME@.py": AGENT, "prompts/@NAME@.md.j2": PROMPT, "tests/test_@NAME@.py": TEST}


def written(root: Path, name: str) -> list[Path]:
    """Write the files of a new agent, all or none, and return them.

    Raises:
        ProblemError: `bad_input` (the name), `conflict` (a file is there already), `refused` (a folder is a link, or
            the system does not let us write).
    """
    if NAME.fullmatch(name) is None or "__" in name:
        hint = "Give one of small letters, digits and single _, such as review_change."
        raise ProblemError("bad_input", f"{name[:80]!r} is no name for an agent.", hint)
    texts = {root / _named(path, name): _named(text, name) for path, text in FILES.items()}
    for path in texts:
        if os.path.lexists(path):
            message = f"{str(path.relative_to(root))!r} is there already, so nothing was written."
            raise ProblemError("conflict", message, "Choose another name, or move it away.")
        if path.parent.is_symlink() or (path.parent.exists() and not path.parent.is_dir()):
            message = f"{path.parent.name!r} of {str(root)!r} is no folder of its own."
            raise ProblemError("refused", message, "Make it one.")
    made, path = list[Path](), root
    try:
        for path, text in texts.items():
            path.parent.mkdir(exist_ok=True)
            with path.open("x", encoding="utf-8") as file:
                made.append(path)
                file.write(text)
    except OSError as error:
        for begun in made:
            begun.unlink(missing_ok=True)
        message = f"{str(path.relative_to(root))!r} cannot be written: {error.strerror}. Nothing was."
        raise ProblemError("refused", message, f"See to it that you may write in {str(root)!r}.") from error
    return list(texts)


def _named(text: str, name: str) -> str:
    title = re.sub(r"_+", " ", name).strip().capitalize()
    return text.replace("@NAME@", name).replace("@TITLE@", title)
