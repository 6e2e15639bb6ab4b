"""Checkpoints at the door: what a host sees of them, and thread and files taken back together."""

from pathlib import Path

import anyio
import pytest

from state.events import CancelRequested, Rewound, Started
from state.store import Held
from tests.mcp_server.door import ERAS, Door, Era, door, structured, task
from tools.checkpoints.restoring import carry_out, propose
from tools.checkpoints.vault import alone_at, opened

pytestmark = pytest.mark.anyio


@pytest.mark.requirement("R1", "R16")
@pytest.mark.parametrize("era", ERAS)
async def test_a_finished_thread_is_taken_back_with_its_files_and_goes_on_from_there(shop: Path, era: Era) -> None:
    async with door(shop.parent, era) as at:
        done = await at.told("errand", **task("add a 2", "add a 3"))
        assert done["status"] == "completed" and (shop / "a").read_text() == "5"
        [first] = (await at.told("checkpoint_list", thread_id=done["thread_id"]))["checkpoints"]
        assert first["label"] == "before the first change" and first["repositories"] == ["shop"]
        shown = await at.told("checkpoint_diff", checkpoint_id=first["checkpoint_id"])
        assert {"repo": "shop", "path": "a", "added": 1, "removed": 0} in shown["files"]
        assert "+5" in shown["patch"]
        told = await at.told("checkpoint_restore", checkpoint_id=first["checkpoint_id"])
        assert not told["done"] and "dry_run false" in told["next"] and (shop / "a").read_text() == "5"
        back = await at.told("checkpoint_restore", checkpoint_id=first["checkpoint_id"], dry_run=False)
        assert back["done"] and "a" in back["changed"]["shop"] and not (shop / "a").exists()
        assert (await at.told("thread_wait", thread_id=done["thread_id"]))["status"] == "waiting"
        again = await at.told("thread_resume", thread_id=done["thread_id"])
        assert again["status"] == "completed" and (shop / "a").read_text() == "5"
        history = await at.told("thread_history", thread_id=done["thread_id"])
        assert [event["kind"] for event in history["events"]].count("rewound") == 1


async def test_a_restore_is_taken_back_by_another(shop: Path) -> None:
    async with door(shop.parent) as at:
        done = await at.told("errand", **task("add a 2"))
        [first] = (await at.told("checkpoint_list", thread_id=done["thread_id"]))["checkpoints"]
        back = await at.told("checkpoint_restore", checkpoint_id=first["checkpoint_id"], dry_run=False)
        assert not (shop / "a").exists()
        forth = await at.told("checkpoint_restore", checkpoint_id=back["undo"], dry_run=False)
        assert forth["done"] and (shop / "a").read_text() == "2"


async def test_a_persons_edit_since_is_kept_and_one_in_the_way_stops_the_restore(shop: Path) -> None:
    async with door(shop.parent) as at:
        done = await at.told("errand", **task("add a 2", "add b 3"))
        [first] = (await at.told("checkpoint_list", thread_id=done["thread_id"]))["checkpoints"]
        (shop / "notes.txt").write_text("mine")
        (shop / "a").write_text("mine")
        problem = await at.problem("checkpoint_restore", checkpoint_id=first["checkpoint_id"], dry_run=False)
        assert problem["kind"] == "conflict" and "a was edited" in problem["message"]
        assert (shop / "a").read_text() == "mine" and (shop / "b").read_text() == "3"
        (shop / "a").write_text("2")
        back = await at.told("checkpoint_restore", checkpoint_id=first["checkpoint_id"], dry_run=False)
        assert back["kept"] == {"shop": ["notes.txt"]}
        assert (shop / "notes.txt").read_text() == "mine" and not (shop / "b").exists()


async def test_a_named_checkpoint_is_found_again_and_compared(shop: Path) -> None:
    async with door(shop.parent) as at:
        done = await at.told("errand", **task("add a 2"))
        saved = await at.told("checkpoint_save", thread_id=done["thread_id"], label="two")
        labels = [one["label"] for one in (await at.told("checkpoint_list"))["checkpoints"]]
        assert labels == ["before the first change", "two"]
        (shop / "a").write_text("9")
        since = await at.told("checkpoint_diff", checkpoint_id=saved["checkpoint_id"])
        assert since["files"] == [{"repo": "shop", "path": "a", "added": 1, "removed": 1}]


@pytest.mark.parametrize("wanted", ["", "nothing", "nothing@2", "latest@99"])
async def test_a_checkpoint_that_is_not_there_is_one_clear_line(shop: Path, wanted: str) -> None:
    async with door(shop.parent) as at:
        await at.told("errand", **task("peek a", "add a 2")) if wanted.startswith("latest") else None
        problem = await at.problem("checkpoint_restore", checkpoint_id=wanted, dry_run=False)
        assert problem["kind"] == "not_found"


@pytest.mark.requirement("R20")
async def test_a_restore_waits_for_whoever_works_in_the_tree_by_now(shop: Path) -> None:
    async with door(shop.parent) as at:
        done = await at.told("errand", **task("add a 2"))
        [first] = (await at.told("checkpoint_list", thread_id=done["thread_id"]))["checkpoints"]
        other = await at.told("errand", **task("ask", "add b 2"))
        problem = await at.problem("checkpoint_restore", checkpoint_id=first["checkpoint_id"], dry_run=False)
        assert problem["kind"] == "busy" and other["thread_id"] in problem["message"]
        assert (shop / "a").read_text() == "2", "files and log stay together"


@pytest.mark.requirement("R1")
@pytest.mark.parametrize("decided", [False, True])
async def test_a_restore_that_was_cut_off_ends_as_the_log_says(shop: Path, decided: bool) -> None:
    """Files are changed and the process is gone; the log has, or has not, come to say `Rewound`."""
    async with door(shop.parent) as at:
        done = at.runtime.find((await at.told("errand", **task("add a 2")))["thread_id"])
        workspace = await at.runtime.open_workspace(done)
        wanted = done.checkpoints[0]
        async with opened(workspace, workspace.repository()) as vault:
            proposal = await propose(workspace, workspace.repository(), vault, wanted.trees["shop"])
            await carry_out(vault, proposal, {"thread": done.id, "version": done.version + 1})
        assert not (shop / "a").exists()
        if decided:
            at.runtime.store.signal(done, Rewound(to=wanted.version, checkpoint=f"{done.id}@{wanted.version}"))
        await at.told("checkpoint_diff", checkpoint_id=f"{done.id}@{wanted.version}")
        assert (shop / "a").exists() is not decided
        assert not vault.journal.exists()


@pytest.mark.requirement("R6")
async def test_a_thread_that_is_driven_or_cut_off_is_not_taken_back(shop: Path) -> None:
    async with door(shop.parent) as at:
        waiting = await at.told("errand", **task("add a 2", "ask"))
        [first] = (await at.told("checkpoint_list"))["checkpoints"]
        store = at.runtime.store
        lease = store.claim(waiting["thread_id"])
        assert not isinstance(lease, Held)
        problem = await at.problem("checkpoint_restore", checkpoint_id=first["checkpoint_id"], dry_run=False)
        assert problem["kind"] == "busy"
        thread = store.signal(store.load(waiting["thread_id"]), CancelRequested(channel="test"))
        intent = Started(key="x", hash="h", risk="write", tool="add", args={"name": "a", "amount": 1})
        assert store.release(lease, store.append(lease, thread, intent))
        problem = await at.problem("checkpoint_restore", checkpoint_id=first["checkpoint_id"], dry_run=False)
        assert problem["kind"] == "conflict" and "not known yet" in problem["message"]
        assert (shop / "a").read_text() == "2"


async def test_what_is_not_text_is_listed_without_lines_and_a_long_patch_comes_in_pages(shop: Path) -> None:
    async with door(shop.parent) as at:
        done = await at.told("errand", **task("add a 2"))
        saved = await at.told("checkpoint_save", thread_id=done["thread_id"])
        (shop / "picture.bin").write_bytes(bytes(range(256)))
        (shop / "long.txt").write_text("line\n" * 4000)
        first = await at.told("checkpoint_diff", checkpoint_id=saved["checkpoint_id"])
        assert {"repo": "shop", "path": "picture.bin"} in first["files"]
        end = len(first["patch"])
        assert f"after {end}" in first["next"]
        rest = await at.told("checkpoint_diff", checkpoint_id=saved["checkpoint_id"], after=end)
        assert rest["patch"] and not first["patch"].startswith(rest["patch"])
        against = await at.told("checkpoint_diff", checkpoint_id=saved["checkpoint_id"], against=saved["checkpoint_id"])
        assert (against["files"], against["patch"]) == ([], "")


async def done_on(at: Door, *told: str) -> str:
    """Run an errand to its end where calls do not wait, and return its thread."""
    launched = await at.told("errand", **task(*told))
    ended = await at.told("thread_wait", thread_id=launched["thread_id"], wait=20)
    assert ended["status"] == "completed"
    found: str = ended["thread_id"]
    return found


@pytest.mark.requirement("R17")
async def test_a_save_that_outlasts_its_call_goes_on_and_is_found(shop: Path) -> None:
    async with door(shop.parent, FACTOR12_INLINE_WAIT_S=0) as at:
        thread_id = await done_on(at, "add a 2")
        workspace = await at.runtime.open_workspace(at.runtime.find(thread_id))
        async with alone_at(workspace, shop):
            calls = [await at.told("checkpoint_save", thread_id=thread_id, label="slow") for _ in range(2)]
            assert {call["status"] for call in calls} == {"running"} and "checkpoint_list" in calls[0]["next"]
            diff = await at.told("checkpoint_diff", checkpoint_id=f"{thread_id}@2")
            assert (diff["status"], "files" in diff) == ("running", False)
        labels = list[str]()
        while "slow" not in labels:
            rows = (await at.told("checkpoint_list", thread_id=thread_id))["checkpoints"]
            labels = [row["label"] for row in rows]
        assert labels == ["before the first change", "slow"], "the second call waited for the first one's save"


@pytest.mark.requirement("R17", "R15")
async def test_what_goes_wrong_in_time_is_told_and_afterwards_costs_the_server_nothing(
    shop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tools.locks.PATIENCE_S", 0.1)
    async with door(shop.parent) as at:
        thread_id = (await at.told("errand", **task("add a 2")))["thread_id"]
        workspace = await at.runtime.open_workspace(at.runtime.find(thread_id))
        async with alone_at(workspace, shop):
            problem = await at.problem("checkpoint_restore", checkpoint_id=f"{thread_id}@2", dry_run=False)
            assert problem["kind"] == "busy"
        back = await at.told("checkpoint_restore", checkpoint_id=f"{thread_id}@2", dry_run=False)
        assert back["done"] and not (shop / "a").exists()


@pytest.mark.requirement("R17")
async def test_a_first_checkpoint_that_takes_long_is_seen_and_can_be_cancelled(shop: Path) -> None:
    async with door(shop.parent, FACTOR12_INLINE_WAIT_S=0) as at:
        await done_on(at, "add b 1")
        workspace = await at.runtime.open_workspace(at.runtime.find("latest"))
        async with alone_at(workspace, shop):
            thread_id = (await at.told("errand", **task("add a 2")))["thread_id"]
            doing = ""
            while doing != "holding the files as they are":
                told = await at.told("thread_wait", thread_id=thread_id, wait=0)
                assert told["status"] == "running"
                doing = told["progress"].get("doing", "")
            start = anyio.current_time()
            await at.told("thread_cancel", thread_id=thread_id)
            ended = await at.told("thread_wait", thread_id=thread_id, wait=10)
            assert ended["status"] == "cancelled" and anyio.current_time() - start < 2
        assert not (shop / "a").exists()


async def test_a_thread_that_only_reads_has_nothing_to_hold(shop: Path) -> None:
    async with door(shop.parent, toys=False) as at:
        asked = structured(await at.call("testing", repo="shop"))
        problem = await at.problem("checkpoint_save", thread_id=asked["thread_id"])
        assert problem["kind"] == "conflict" and "writes to no repository" in problem["message"]


@pytest.mark.requirement("R17")
async def test_a_save_that_outlasts_the_call_goes_on_and_is_found(shop: Path) -> None:
    async with door(shop.parent) as at:
        done = await at.told("errand", **task("add a 2"))
    async with door(shop.parent, FACTOR12_INLINE_WAIT_S=0) as at:
        told = await at.told("checkpoint_save", thread_id=done["thread_id"], label="late")
        assert told["status"] == "running" and "`checkpoint_list` shows it" in told["next"]
        labels = list[str]()
        while "late" not in labels:
            listed = await at.told("checkpoint_list", thread_id=done["thread_id"])
            labels = [one["label"] for one in listed["checkpoints"]]
