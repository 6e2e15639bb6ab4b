"""Taking edits over from a thread's own work tree: all of them exactly, or none."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from state.events import RepositoryRef
from tests.tools.gitting import Place, snapshot
from tests.tools.test_checkpoints import contents, disturb
from tools.checkpoints.comparing import Plan, changes
from tools.checkpoints.holding import complete_all
from tools.checkpoints.restoring import FORWARD, Proposal, carry_out
from tools.checkpoints.saving import save
from tools.checkpoints.vault import opened
from tools.errors import CutOff, ToolError
from tools.takeover import take_over
from tools.workspace import Repository, Workspace
from tools.worktrees import make_ready

pytestmark = pytest.mark.anyio


class Pair:
    """A checkout, and a work tree of its own beside it as a thread found it."""

    def __init__(self, place: Place, shop: Path) -> None:
        self.place, self.shop = place, shop
        self.own = place.folder / "worktrees" / "1" / "shop"
        found = place.workspace(shop)
        tree = Repository("tree", self.own, "read", source=shop)
        self.workspace: Workspace = replace(found, repositories={**found.repositories, "tree": tree})
        self.base = ""

    async def begin(self) -> "Pair":
        head = self.place.git(self.shop, "rev-parse", "HEAD").strip()
        tree = self.workspace.repository("tree")
        ref = RepositoryRef(name="tree", root=str(self.own), mode="write", branch="agent/1", head=head)
        await make_ready(self.workspace, tree, ref)
        async with opened(self.workspace, tree) as vault:
            self.base = (await save(self.workspace, tree, vault, "base")).commit
        return self

    async def plan(self) -> Any:
        return await take_over.look(self.workspace, {"tree": "tree", "base": self.base})

    async def taken(self) -> Any:
        return await take_over.perform(self.workspace, await self.plan())


@pytest.fixture
async def pair(place: Place) -> Pair:
    files = {"a.py": "a = 1\n", "lib/b.py": "b = 1\r\n", "run.sh": "#!/bin/sh\n", "gone.txt": "x"}
    shop = place.repository("shop", files)
    (shop / "run.sh").chmod(0o755)
    place.commit(shop, "program")
    return await Pair(place, shop).begin()


async def test_every_kind_of_change_arrives_byte_for_byte_and_git_is_untouched(pair: Pair) -> None:
    disturb(pair.own)
    before = snapshot(pair.shop / ".git")
    told = await pair.taken()
    assert contents(pair.shop) == {path: state for path, state in contents(pair.own).items() if path != ".git"}
    assert told["total"] == 8 and "a.py" in told["files"]
    assert snapshot(pair.shop / ".git") == before


async def test_the_persons_other_edits_stay(pair: Pair) -> None:
    (pair.own / "a.py").write_text("a = 2\n")
    (pair.shop / "lib/b.py").write_text("mine")
    (pair.shop / "mine.txt").write_text("mine")
    assert (await pair.taken())["files"] == ["a.py"]
    assert (pair.shop / "a.py").read_text() == "a = 2\n"
    assert (pair.shop / "lib/b.py").read_text() == "mine" and (pair.shop / "mine.txt").read_text() == "mine"


def _edit(root: Path) -> None:
    (root / "a.py").write_text("mine\n")


def _remove(root: Path) -> None:
    (root / "a.py").unlink()


def _make_folder(root: Path) -> None:
    (root / "a.py").unlink()
    (root / "a.py").mkdir()
    (root / "a.py/mine").write_text("mine")


@pytest.mark.parametrize("meanwhile", [_edit, _remove, _make_folder])
async def test_nothing_is_taken_over_when_one_edit_would_be_overwritten(
    pair: Pair, meanwhile: Callable[[Path], None]
) -> None:
    (pair.own / "a.py").write_text("a = 2\n")
    (pair.own / "gone.txt").unlink()
    meanwhile(pair.shop)
    before = contents(pair.shop)
    with pytest.raises(ToolError, match=r"Nothing was taken over: a\.py is edited in 'shop' as well"):
        await pair.taken()
    assert contents(pair.shop) == before


async def test_an_ignored_file_in_the_way_is_not_overwritten(pair: Pair) -> None:
    (pair.shop / ".git/info/exclude").write_text("secret.txt\n")
    (pair.shop / "secret.txt").write_text("mine")
    (pair.own / "secret.txt").write_text("theirs")
    pair.place.git(pair.own, "add", "-f", "secret.txt")
    (pair.own / "a.py").write_text("a = 2\n")
    with pytest.raises(ToolError, match=r"secret\.txt"):
        await pair.taken()
    assert (pair.shop / "secret.txt").read_text() == "mine"


async def test_what_stands_there_already_is_left_alone(pair: Pair) -> None:
    for root in (pair.own, pair.shop):
        (root / "a.py").write_text("a = 2\n")
    (pair.own / "gone.txt").unlink()
    assert (await pair.taken())["files"] == ["gone.txt"]
    assert (await pair.taken()) == {"repo": "shop", "files": [], "total": 0}


@pytest.mark.requirement("R5")
async def test_cut_off_between_files_it_is_completed_and_found_to_have_happened(pair: Pair) -> None:
    disturb(pair.own)
    plan = await pair.plan()
    assert not (await take_over.happened(pair.workspace, plan))[0]
    repository = pair.workspace.repository()
    async with opened(pair.workspace, repository) as vault:
        planned = await changes(vault, plan["before"], plan["wanted"])
        await carry_out(vault, Proposal(plan["before"], plan["wanted"], Plan(planned)), {FORWARD: True})
    (pair.shop / "a.py").write_text("a = 1\n")  # as if killed before this one was written
    await complete_all(pair.workspace, lambda _: False)
    assert (pair.shop / "a.py").read_text() == "a = 2\n"
    happened, told = await take_over.happened(pair.workspace, plan)
    assert happened and told["total"] == 8


@pytest.mark.requirement("R5")
async def test_where_somebody_edited_after_a_cut_off_a_person_is_asked(pair: Pair) -> None:
    disturb(pair.own)
    plan = await pair.plan()
    (pair.shop / "a.py").write_text("mine")
    with pytest.raises(CutOff, match="edited since"):
        await take_over.happened(pair.workspace, plan)


async def test_an_edit_between_plan_and_act_is_found_and_all_is_taken_back(pair: Pair) -> None:
    disturb(pair.own)
    plan = await pair.plan()
    (pair.shop / "a.py").write_text("mine")
    before = contents(pair.shop)
    with pytest.raises(ToolError, match="Nothing was taken over"):
        await take_over.perform(pair.workspace, plan)
    assert contents(pair.shop) == before


async def test_a_checkout_given_for_reading_is_not_written_to(pair: Pair) -> None:
    shop = replace(pair.workspace.repository(), mode="read")
    reading = replace(pair.workspace, repositories={**pair.workspace.repositories, "shop": shop})
    with pytest.raises(ToolError, match="for reading only"):
        await take_over.look(reading, {"tree": "tree", "base": pair.base})
