"""Nothing of another repository is told by one that leads there; each leak beside the control that it works."""

import os
from pathlib import Path

import pytest

from tests.tools.gitting import Place
from tests.tools.hostile.leaks import LEAKS, LIES, SECRET, Leak
from tests.tools.hostile.visit import visit, visit_door
from tools.errors import ToolError
from tools.gitalternates import MOST, alternates

pytestmark = pytest.mark.anyio
EVERY_LEAK = pytest.mark.parametrize("leak", LEAKS, ids=[leak.name for leak in LEAKS])
EVERY_LIE = pytest.mark.parametrize("lie", LIES, ids=[lie.name for lie in LIES])


@pytest.fixture
def victim(place: Place) -> Path:
    root = place.repository("base/victim", {"a.txt": "one\n", "b.txt": "b\n"})
    place.diverge(root)
    return root


@EVERY_LEAK
async def test_a_repository_that_leads_into_another_is_refused_and_tells_nothing(
    leak: Leak, place: Place, victim: Path
) -> None:
    assert not (await visit_door(place, victim)).refused
    leak.build(place, victim)
    assert SECRET in place.git(victim, *leak.control)
    visited = await visit_door(place, victim)
    assert visited.refused.keys() == {"repo_switch", "repo_current"}
    assert all(leak.says in problem for problem in visited.refused.values())
    assert SECRET not in visited.told


@EVERY_LIE
async def test_history_is_what_the_commits_say(lie: Leak, place: Place, victim: Path) -> None:
    lie.build(place, victim)
    assert SECRET in place.git(victim, *lie.control)
    visited = await visit(place, victim)
    assert "git_log" in visited.done
    assert SECRET not in visited.told


def lend(store: Path, line: bytes) -> Path:
    (store / "info").mkdir(parents=True)
    (store / "info" / "alternates").write_bytes(line)
    return store


def test_alternates_are_followed_as_git_does_and_not_for_ever(tmp_path: Path) -> None:
    assert alternates(tmp_path / "none") == []
    a, b = tmp_path / "a", tmp_path / "b"
    lend(a, b'# x\n\n"../\\142"\n')
    lend(b, b"../a\n../a\n")
    assert alternates(a) == [b, a]
    many = lend(tmp_path / "many", b"".join(b"x%d\n" % number for number in range(MOST + 1)))
    with pytest.raises(ToolError, match="too many"):
        alternates(many)


def test_alternates_that_are_no_short_file_are_refused_at_once(tmp_path: Path) -> None:
    large = lend(tmp_path / "large", b"x\n")
    os.truncate(large / "info" / "alternates", 3 << 30)
    pipe = lend(tmp_path / "pipe", b"x\n")
    (pipe / "info" / "alternates").unlink()
    os.mkfifo(pipe / "info" / "alternates")
    for store in (large, pipe):
        with pytest.raises(ToolError, match="not a short file"):
            alternates(store)
