"""No argument of any tool becomes an option, a command or a path outside, through the call that the engine makes."""

import inspect
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any, TypeAlias, cast

import anyio
import pytest

from mcp_server.catalogue import TOOLS
from tests.tools.gitting import Place, snapshot
from tools.base import Tool
from tools.checks import run_check
from tools.errors import CutOff, ToolError
from tools.linters import run_linter

pytestmark = pytest.mark.anyio
BY_NAME = {tool.name: tool for tool in TOOLS if tool not in (run_check, run_linter)}
"""Checks and linters start programs of the repository by their nature; theirs are tested with them."""
DIGEST = "0" * 64
EDIT = {"old": "b", "new": "c"}
GOOD: dict[str, dict[str, Any]] = {
    "read_issue": {"issue": "issues/1.md"},
    "assess_issue": {"issue": "issues/1.md", "repo": "victim"},
    "list_parts": {"parent": 1, "repo": "victim"},
    "gather": {"text": "`src/a.py` has b", "files": ["b.txt"], "repo": "victim"},
    "show_files": {"wanted": [{"path": "b.txt", "around": "b"}], "repo": "victim"},
    "survey": {"terms": [{"text": "b", "kind": "name"}, {"text": "src/a.py", "kind": "path"}], "repo": "victim"},
    "look_up": {"searches": [{"repo": "victim", "kind": "text", "text": "b"}], "commits": {"victim": "0" * 40}},
    "check_claims": {
        "claims": [{"text": "It has b", "citations": [{"at": "victim/b.txt:1@1234567", "quote": "bbbb"}]}],
        "commits": {"victim": "0" * 40},
    },
    "read_change": {"base": "HEAD", "head": "HEAD", "paths": ["b.txt"], "repo": "victim"},
    "read_parts": {"snapshot": DIGEST, "numbers": [1]},
    "recall_reviews": {"snapshot": DIGEST, "dismiss": ["f1"], "reopen": ["f2"]},
    "sum_numbers": {"numbers": [1, 2]},
    "subtract_numbers": {"a": 1, "b": 2},
    "multiply_numbers": {"numbers": [1, 2]},
    "divide_numbers": {"a": 1, "b": 2},
    "power": {"base": 2, "exponent": 3},
    "square_root": {"number": 4},
    "locate": {"pairs": [{"file": "b.txt", "old": "b", "new": "c"}]},
    "read_file": {"path": "b.txt", "repo": "victim"},
    "list_files": {"under": "src", "pattern": "*.py", "repo": "victim"},
    "write_file": {"path": "new.txt", "content": "x", "repo": "victim"},
    "edit_file": {"path": "b.txt", "edits": [EDIT], "repo": "victim", "digest": DIGEST},
    "undo_edit": {
        "changed": {"repo": "victim", "path": "b.txt", "before": DIGEST, "after": DIGEST, "folders": ["src"]}
    },
    "review_edits": {"edits": [{"path": "b.txt", "before": DIGEST, "after": DIGEST, "repo": "victim"}]},
    "search": {"text": "b", "paths": ["src"], "repo": "victim"},
    "take_over": {"tree": "victim", "base": DIGEST, "repo": "victim"},
    "git_status": {"repo": "victim"},
    "git_diff": {"base": "HEAD", "paths": ["b.txt"], "repo": "victim"},
    "git_log": {"ref": "HEAD", "path": "b.txt", "repo": "victim"},
    "git_show": {"ref": "HEAD", "path": "b.txt", "repo": "victim"},
    "commit_edits": {
        "branch": "agent/x",
        "message": "x",
        "files": [{"path": "b.txt", "edits": [EDIT]}],
        "at": 1,
        "repo": "victim",
    },
}
NOT_ALONE = {"edit_file", "undo_edit", "take_over", "read_parts", "recall_reviews"}
"""These want the digest of something that was made before."""
VALUES = (
    "--output={out}",
    "--upload-pack={mark}",
    "-c core.fsmonitor={mark}",
    "-O{mark}",
    "--open-files-in-pager={mark}",
    "--ext-diff",
    "-oProxyCommand={mark}",
    "ext::{mark}",
    "$({mark})",
    "`{mark}`",
    "; {mark}",
    "HEAD\n--output={out}",
    "HEAD\0--output={out}",
    "@{{-1}} --output={out}",
    ":(attr:filter=evil)",
    "../outside/{{}}",
    "{out}",
)


Nested: TypeAlias = dict[Any, Any] | list[Any]


def places(value: Nested) -> Iterator[tuple[Nested, Any]]:
    """Yield container and key of every text in an argument."""
    for key in list(value) if isinstance(value, dict) else range(len(value)):
        inner: Any = value[key]
        if isinstance(inner, str):
            yield value, key
        elif isinstance(inner, dict | list):
            yield from places(cast(Nested, inner))


def hostile(good: dict[str, Any], value: str) -> Iterator[dict[str, Any]]:
    """Yield the arguments, with the value in place of each text in turn."""
    for number in range(sum(1 for _ in places(good))):
        args = deepcopy(good)
        holder, key = list(places(args))[number]
        holder[key] = value
        yield args


async def call(tool: Tool[..., Any], place: Place, root: Path, args: dict[str, Any]) -> bool:
    """Look, carry out and probe, as the engine does; tell whether it was done."""
    workspace = place.workspace(root)
    try:
        with anyio.fail_after(20):
            plan: Any = tool.look(workspace, args)
            plan = await plan if inspect.isawaitable(plan) else plan
            if tool.apply is not None:
                done: Any = tool.perform(workspace, plan)
                assert await done is not None
                assert (await tool.happened(workspace, plan))[0]
    except (ToolError, CutOff) as error:
        problem = error.problem if isinstance(error, ToolError) else None
        assert problem is None or ("\n" not in problem.message and problem.hint)
        return False
    return True


@pytest.fixture
def victim(place: Place) -> Path:
    (place.folder / "outside").mkdir()
    issue = "# Issue 1: x\n\n## File\nb.txt\n\n## Old\n```\nb\n```\n\n## New\n```\nc\n```\n"
    return place.repository("base/victim", {"b.txt": "b\n", "src/a.py": "b\n", "issues/1.md": issue})


def test_every_tool_has_arguments_to_spoil() -> None:
    assert GOOD.keys() == BY_NAME.keys()


@pytest.mark.parametrize("name", sorted(GOOD))
async def test_an_option_in_any_argument_stays_a_value(name: str, place: Place, victim: Path) -> None:
    mark, out = place.mark("evil"), place.folder / "outside" / "out"
    git = victim / ".git"
    before = snapshot(git / "hooks"), (git / "config").read_bytes()
    for value in VALUES:
        for args in hostile(GOOD[name], value.format(mark=mark, out=out)):
            await call(BY_NAME[name], place, victim, args)
    assert place.ran() == ""
    assert snapshot(place.folder / "outside") == {}
    assert (snapshot(git / "hooks"), (git / "config").read_bytes()) == before
    assert not {path.name for path in (place.folder / "base").iterdir()} - {"victim"}


@pytest.mark.parametrize("name", sorted(GOOD.keys() - NOT_ALONE))
async def test_the_same_arguments_unspoiled_are_worked_with(name: str, place: Place, victim: Path) -> None:
    assert await call(BY_NAME[name], place, victim, GOOD[name])


def test_the_values_would_be_options_to_a_careless_program(place: Place, victim: Path) -> None:
    out = place.folder / "outside" / "out"
    place.git(victim, "diff", "--no-index", f"--output={out}", "b.txt", "src/a.py", check=False)
    place.git(victim, "grep", f"--open-files-in-pager={place.mark('evil')}", "b")
    assert out.exists() and place.ran()
