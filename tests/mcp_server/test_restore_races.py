"""Who comes second while checkpoints are made and restored: to a signal, to a log that is gone, to one of two trees."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import anyio
import pytest
from mcp.server.mcpserver import Context

from agents.runtime.engine import Launch
from agents.runtime.rewinding import find_checkpoint, rewind
from mcp_server.checkpoint_tools import Save, save
from mcp_server.compose import Runtime
from state.events import BudgetExtended
from tests.agents.runtime.lab import WiredStore
from tests.mcp_server.door import Door, door, task
from tools.checkpoints.restoring import carry_out, propose
from tools.checkpoints.vault import opened

pytestmark = pytest.mark.anyio


def overtaken(at: Door, root: Path, where: str) -> tuple[Runtime, list[bool]]:
    """Return the process over a store in which a signal comes first, once; and whether `a` was there at each write."""
    store, seen = WiredStore(at.runtime.database), list[bool]()

    def signal_first(point: str) -> None:
        if point == where:
            seen.append((root / "a").exists())
            if len(seen) == 1:
                at.runtime.store.signal(at.runtime.find("latest"), BudgetExtended(steps=1))

    store.point = signal_first
    return replace(at.runtime, store=store), seen


@pytest.mark.requirement("R1", "R5")
async def test_a_restore_that_a_signal_overtakes_takes_its_files_back_and_begins_anew(shop: Path) -> None:
    async with door(shop.parent) as at:
        thread_id = (await at.told("errand", **task("add a 2", "ask")))["thread_id"]
        late, seen = overtaken(at, shop, "before append")
        thread = at.runtime.find(thread_id)
        told = await rewind(late.engine, thread, f"{thread_id}@{thread.checkpoints[0].version}", dry_run=False)
        assert told.done and not (shop / "a").exists() and seen == [False, False]
        kinds = [record.event.kind for record in at.runtime.store.read(thread_id)]
        assert kinds[-3:] == ["budget_extended", "checkpoint_taken", "rewound"]
        await at.told("checkpoint_restore", checkpoint_id=told.undo, dry_run=False)
        assert (shop / "a").read_text() == "2", "what the second attempt held is the tree as the first one found it"


async def test_a_checkpoint_that_a_signal_overtakes_is_written_behind_it(shop: Path) -> None:
    async with door(shop.parent) as at:
        thread_id = (await at.told("errand", **task("add a 2", "ask")))["thread_id"]
        late, seen = overtaken(at, shop, "before signal")
        told = await save(late, Context(), Save(thread_id=thread_id, label="two"))
        assert len(seen) == 2
        assert find_checkpoint(at.runtime.find(thread_id), told["checkpoint_id"]).label == "two"


@pytest.mark.requirement("R1")
async def test_a_restore_that_was_cut_off_and_whose_thread_is_gone_is_taken_back(shop: Path) -> None:
    async with door(shop.parent) as at:
        done = at.runtime.find((await at.told("errand", **task("add a 2")))["thread_id"])
        workspace = await at.runtime.open_workspace(done)
        async with opened(workspace, workspace.repository()) as vault:
            proposal = await propose(workspace, workspace.repository(), vault, done.checkpoints[0].trees["shop"])
            await carry_out(vault, proposal, {"thread": "removed", "version": 3})
        assert not (shop / "a").exists()
        await at.runtime.open_workspace(done)
        assert (shop / "a").read_text() == "2" and not vault.journal.exists()


@pytest.mark.requirement("R1")
async def test_of_two_repositories_the_one_the_thread_never_touched_keeps_a_persons_edits(
    shop: Path, make_repository: Callable[..., Path]
) -> None:
    portal = make_repository("portal", {"page.html": "hello\n"})
    async with door(shop.parent) as at:
        refs = [await at.runtime.repositories.ref(name, "default", "write") for name in ("shop", "portal")]
        wish = Launch(agent="errand", task=task("add a 2"), session="default", workspace=tuple(refs))
        with anyio.fail_after(30):
            done = await at.runtime.engine.wait((await at.runtime.engine.launch(wish)).id, 30)
        assert done.outcome == "done" and set(done.checkpoints[0].trees) == {"shop", "portal"}
        (portal / "page.html").write_text("mine\n")
        told = await rewind(at.runtime.engine, done, f"{done.id}@{done.checkpoints[0].version}", dry_run=False)
        assert told.changed == {"shop": ["a"]} and told.kept == {"portal": ["page.html"]}
        assert not (shop / "a").exists() and (portal / "page.html").read_text() == "mine\n"
