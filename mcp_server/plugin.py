"""What an agent in a repository of a person's own may import: these names, and nothing else of factor12, are promised.

```python
from mcp_server.plugin import Agent, BaseModel, Done, Step, Thread, need, run_linter, script
```
"""

from pydantic import BaseModel, Field

from agents.runtime.definition import Agent
from agents.runtime.script import answer, attempt, need, script, thought
from mcp_server.custom_loading import load
from mcp_server.custom_steps import step_after
from state.problem import Problem
from state.steps import Abort, Done, Outcome, Step
from state.thread import Thread
from tools.checks import run_check
from tools.commit import commit_edits
from tools.files import edit_file, list_files, read_file, undo_edit, write_file
from tools.git import git_diff, git_log, git_show, git_status
from tools.issue import read_issue
from tools.linters import run_linter
from tools.locate import locate
from tools.review import review_edits
from tools.search import search

TOOLS = (
    read_file,
    list_files,
    search,
    git_status,
    git_diff,
    git_log,
    git_show,
    read_issue,
    locate,
    run_check,
    run_linter,
    edit_file,
    write_file,
    undo_edit,
    review_edits,
    commit_edits,
)
"""The closed set of tools that such an agent may call. What they may do is gated as for any other agent."""

__all__ = [
    "TOOLS",
    "Abort",
    "Agent",
    "BaseModel",
    "Done",
    "Field",
    "Outcome",
    "Problem",
    "Step",
    "Thread",
    "answer",
    "attempt",
    "commit_edits",
    "edit_file",
    "git_diff",
    "git_log",
    "git_show",
    "git_status",
    "list_files",
    "load",
    "locate",
    "need",
    "read_file",
    "read_issue",
    "review_edits",
    "run_check",
    "run_linter",
    "script",
    "search",
    "step_after",
    "thought",
    "undo_edit",
    "write_file",
]
