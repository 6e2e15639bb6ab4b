"""What a person reads at the end of a run: what changed, and a next step that shows it."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.agents.mall import COUNT, LOGIN, MALL, part, split
from tests.mcp_server.shell import Shell, open_shell

WELL = [
    {"wrong": "It refuses valid users.", "files": ["auth.py"]},
    {
        "path": "tests/test_valid.py",
        "new": "import unittest\n\nfrom auth import User, authenticate\n\n\nclass Valid(unittest.TestCase):\n"
        "    def test_valid(self):\n        self.assertTrue(authenticate(User('ada')))\n",
    },
    {
        "edits": [{"path": "auth.py", "old": "    return False", "new": "    return user.is_valid()"}],
        "why": "It asks the user.",
    },
]


@pytest.fixture
def shop(make_repository: Callable[..., Path], tmp_path: Path) -> Shell:
    return open_shell(make_repository, tmp_path)


@pytest.mark.parametrize("agent", ["intelligent_issue", "smart_issue"])
def test_the_next_step_after_a_fix_shows_the_edits_and_says_what_git_does_not_show(
    shop: Shell, tmp_path: Path, agent: str
) -> None:
    script = tmp_path / "said.json"
    script.write_text(json.dumps(WELL))
    asked = "# Nobody gets in\n\nA valid user shall be let in by `authenticate`.\n"
    told = shop.where(FACTOR12_MODEL=f"scripted:{script}").quick("run", agent, asked)
    assert told.code == 0, told
    if agent == "intelligent_issue":
        assert "tests/test_valid.py  new\n" in told.out
        assert f"git -C {shop.folder} diff  shows the edits but for new files; they are not committed." in told.out
    else:
        assert f"git -C {shop.folder} status  and  git -C {shop.folder} diff  show the edits; they" in told.out


def test_the_parts_of_a_split_issue_are_listed_with_what_became_of_them(
    make_repository: Callable[..., Path], tmp_path: Path
) -> None:
    script = tmp_path / "said.json"
    script.write_text(f"[{split(part(LOGIN), part(COUNT, 1)).model_dump_json()}]")
    shell = open_shell(make_repository, tmp_path, MALL).where(FACTOR12_MODEL=f"scripted:{script}")
    told = shell.quick("run", "smart_issue", "200", "--dry-run")
    assert "planned  Let users in\n" in told.out and "planned  Count the items\n" in told.out, told
