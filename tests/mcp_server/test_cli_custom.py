"""`factor12 new agent`, `check` and `repo trust --agents`: from nothing to a run, and every refusal."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.mcp_server.custom_repos import READER, agent_file
from tests.mcp_server.shell import Shell, open_shell


@pytest.fixture
def shop(make_repository: Callable[..., Path], tmp_path: Path) -> Shell:
    """A shell in `shop`, with `lib` beside it, whose person trusts nothing yet."""
    make_repository("src/lib", {"README.md": "A library.\n"})
    return open_shell(make_repository, tmp_path).wary()


def lib(shell: Shell) -> Path:
    return shell.folder.parent / "lib"


def test_a_new_agent_passes_its_check_and_runs_once_it_is_trusted(shop: Shell) -> None:
    written = shop.quick("new", "agent", "greet", "--repo", "lib")
    assert written.code == 0 and "agents/greet.py" in written.out
    checked = shop.quick("check", "lib", "--json")
    assert checked.code == 0, checked.out
    assert {(one["file"], one["what"], one["state"]) for one in checked.json} == {
        ("agents/greet.py", "imports", "good"),
        ("agents/greet.py", "schemas", "good"),
        ("agents/greet.py", "purity", "good"),
        ("prompts/greet.md.j2", "prompts", "good"),
    }
    assert "lib__greet" in shop.quick("run", "lib__greet", "README.md").err
    trusted = shop.quick("repo", "trust", "--agents", "--yes", str(lib(shop)))
    assert trusted.code == 0 and "Offered: lib__greet" in trusted.out
    assert "lib__greet" in shop.quick("agents").out
    assert shop.quick("info", "lib__greet", "--json").json["input"]["required"] == ["path"]
    ran = shop.quick("run", "lib__greet", "README.md", "--repo", "lib", "--wait", "10", "--json")
    assert (ran.code, ran.json["status"]) == (5, "waiting")  # for the decision, as there is no model
    again = shop.quick("replay", "latest", "--json").json
    assert (again["equal"], again["steps"], again["prompts"]) == (True, 2, 1)
    other = shop.quick(
        "threads", "fork", "latest", "--version", "1", "--isolation", "in_place", "path=AUTHORS", "--json"
    )
    assert (other.json["agent"], other.json["forked_from"]) == ("lib__greet", f"{ran.json['thread_id']}@1")
    assert shop.quick("repo", "distrust", str(lib(shop))).code == 0
    assert "lib__greet" not in shop.quick("agents").out


def test_the_test_that_comes_with_a_new_agent_passes(shop: Shell) -> None:
    shop.quick("new", "agent", "greet", "--repo", "lib")
    space: dict[str, Any] = {"__file__": str(lib(shop) / "tests/test_greet.py")}
    exec(compile((lib(shop) / "tests/test_greet.py").read_text(), "test_greet.py", "exec"), space)
    test, table = space["test_each_outcome_so_far_decides_the_next_step"], space["TABLE"]
    assert len(table) == 3
    for outcomes, kind in table:
        test(outcomes, kind)


@pytest.mark.parametrize("there", ["agents/greet.py", "prompts/greet.md.j2", "tests/test_greet.py"])
def test_nothing_that_is_there_is_overwritten(shop: Shell, there: str) -> None:
    (lib(shop) / there).parent.mkdir()
    (lib(shop) / there).write_text("mine")
    refused = shop.quick("new", "agent", "greet", "--repo", "lib")
    assert refused.code == 1 and there in refused.complaint
    assert [path.name for path in lib(shop).rglob("*greet*")] == [Path(there).name]
    assert (lib(shop) / there).read_text() == "mine"


FULL = """\
import resource, sys
from pathlib import Path

from mcp_server.custom_new import written
from state.problem import ProblemError

resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))
try:
    written(Path(sys.argv[1]), "greet")
except ProblemError as error:
    print(error)
"""


def test_where_a_new_agent_cannot_be_written_it_is_said_and_nothing_is_left(tmp_path: Path) -> None:
    ran = subprocess.run([sys.executable, "-c", FULL, str(tmp_path)], capture_output=True, text=True, check=True)
    assert ran.stdout.startswith("'agents/greet.py' cannot be written: File too large. Nothing was.")
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


@pytest.mark.parametrize("name", ["Greet", "../greet", "a__b", "1a", "a" * 41])
def test_what_is_no_name_is_refused(shop: Shell, name: str) -> None:
    assert shop.quick("new", "agent", name, "--repo", "lib").code == 2
    assert not (lib(shop) / "agents").exists()


IMPURE = agent_file(
    "calls.append(1)\nreturn Done(Report(text=need(thread, read_file)(task.path + str(len(calls))).text))",
    head="calls = []\n",
)


@pytest.mark.parametrize(
    ("files", "file", "what", "says"),
    [
        ({"agents/bad.py": "from tools.git import git_log\n"}, "agents/bad.py", "imports", "internal of factor12"),
        ({"agents/bad.py": READER + "agent = 1\n"}, "agents/bad.py", "imports", "not an Agent"),
        ({"agents/a.py": READER, "agents/b.py": READER}, "agents/b.py", "schemas", "like agents/a.py"),
        ({"agents/bad.py": IMPURE}, "agents/bad.py", "purity", "two different steps from the same log"),
        ({"prompts/pick.md.j2": "{% if %}"}, "prompts/pick.md.j2", "prompts", "pick.md.j2"),
    ],
)
@pytest.mark.requirement("R2")
def test_a_check_names_what_is_wrong_and_where(
    shop: Shell, files: dict[str, str], file: str, what: str, says: str
) -> None:
    for path, text in {**files, "agents/good.py": READER.replace('"reader"', '"good"')}.items():
        (lib(shop) / path).parent.mkdir(exist_ok=True)
        (lib(shop) / path).write_text(text)
    checked = shop.quick("check", "lib", "--json")
    bad = next(one for one in checked.json if one["state"] == "bad")
    assert (checked.code, bad["file"], bad["what"]) == (1, file, what)
    assert says in bad["says"]
    assert ("agents/good.py", "good") in {
        (one["file"], one["state"]) for one in checked.json if one["what"] == "purity"
    }


def test_a_repository_without_agents_has_nothing_to_check_or_to_trust(shop: Shell) -> None:
    assert "has no agents" in shop.quick("check", "lib").complaint
    assert "has no agents" in shop.quick("repo", "trust", "--agents", "--yes", str(lib(shop))).complaint
    assert shop.quick("repo", "trust", "--yes", str(lib(shop))).code == 0
