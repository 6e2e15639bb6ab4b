"""No program that a repository names runs, whatever is done in it; each trap beside the control that it works."""

from pathlib import Path

import pytest

from tests.tools.gitting import Place
from tests.tools.hostile.traps import TRAPS, Trap, promisor, promisor_beside
from tests.tools.hostile.visit import visit, visit_door

pytestmark = pytest.mark.anyio
EVERY_TRAP = pytest.mark.parametrize("trap", TRAPS, ids=[trap.name for trap in TRAPS])
SOME_OR_ALL = pytest.mark.parametrize(
    "trap",
    [
        pytest.param(trap, id=trap.name, marks=() if number % 5 == 0 else pytest.mark.chaos)
        for number, trap in enumerate(TRAPS)
    ],
)
"""Every fifth in every run, all of them in the long one."""
PERSONAL = "[user]\n\tname = Ada\n\temail = ada@example.org\n"


@pytest.fixture
def victim(place: Place) -> Path:
    (place.home / ".gitconfig").write_text(PERSONAL, encoding="utf-8")
    root = place.repository("base/victim", {"a.txt": "one\n", "b.txt": "b\n"})
    place.diverge(root)
    return root


def set_up(trap: Trap, place: Place, root: Path) -> None:
    """Lay the trap, beside a change that nobody has committed."""
    trap.build(place, root)
    if trap.build not in (promisor, promisor_beside):
        place.write(root, {"a.txt": "three\n"})
    place.ran()


def test_there_are_as_many_kinds_as_were_asked_for() -> None:
    assert len({trap.name for trap in TRAPS}) >= 29


@EVERY_TRAP
def test_each_trap_runs_its_program_with_plain_git(trap: Trap, place: Place, victim: Path) -> None:
    set_up(trap, place, victim)
    place.git(victim, *trap.control, stdin=trap.stdin.encode(), check=False)
    assert place.ran()


@EVERY_TRAP
async def test_a_visit_runs_nothing_and_does_its_work_or_says_by_name_why_not(
    trap: Trap, place: Place, victim: Path
) -> None:
    set_up(trap, place, victim)
    visits = [await visit_door(place, victim), await visit(place, victim)]
    assert place.ran() == ""
    for visited in visits:
        for problem in visited.refused.values():
            assert trap.says in problem
        if not trap.says:
            assert set(visited.refused) <= trap.without, visited.refused
    if trap.says:
        assert visits[0].refused and "git_status" in visits[1].refused and "checkpoints" in visits[1].refused


@SOME_OR_ALL
async def test_trust_lets_no_program_of_the_repository_run_either(trap: Trap, place: Place, victim: Path) -> None:
    set_up(trap, place, victim)
    visited = await visit(place, victim, trusted=True)
    assert place.ran() == ""
    assert "read_file" in visited.done
