"""Threads in work trees of their own: the checkout stays the person's, and takes edits over when they say so."""

from collections.abc import Callable
from pathlib import Path
from shutil import rmtree
from typing import Any

import pytest

from mcp_server.forking import forked
from state.events import HeldFiles, Launched
from state.problem import ProblemError
from tests.agents.shop import AUTH, FIXED, SHOP, asking
from tests.conftest import run_git
from tests.mcp_server.door import ERAS, Era, door, task
from tests.mcp_server.shell import Shell, open_shell

pytestmark = pytest.mark.anyio


@pytest.fixture
def auth_shop(make_repository: Callable[..., Path]) -> Path:
    return make_repository("shop", SHOP)


def text_in(root: str, name: str) -> str:
    return Path(root, name).read_text(encoding="utf-8")


def status(root: Path) -> str:
    return run_git(root, "status", "--porcelain", "--untracked-files=all")


@pytest.mark.parametrize("era", ERAS)
async def test_a_fix_in_a_work_tree_of_its_own_names_it_and_leaves_the_checkout_alone(
    auth_shop: Path, era: Era
) -> None:
    async with door(auth_shop.parent, era, toys=False, FACTOR12_TRUSTED_ROOTS=str(auth_shop.parent)) as at:
        fixed = await at.told("issue_fixer", issue="123", isolation="worktree")
        assert fixed["outcome"] == "fixed"
        own = fixed["worktree"]
        assert own["checkout"] == str(auth_shop) and own["base"] == run_git(auth_shop, "rev-parse", "HEAD").strip()
        assert text_in(own["root"], "auth.py") == FIXED
        assert run_git(Path(own["root"]), "symbolic-ref", "--short", "HEAD").strip() == own["branch"]
        assert f"factor12 threads apply {fixed['thread_id']}" in fixed["next"]
        assert status(auth_shop) == "" and (auth_shop / "auth.py").read_text() == AUTH
        found = await at.told("thread_list", repo=str(auth_shop))
        assert [row["thread_id"] for row in found["threads"]] == [fixed["thread_id"]]


async def test_beside_a_writer_of_the_checkout_there_is_room_for_work_trees(shop: Path) -> None:
    async with door(shop.parent) as at:
        waiting = await at.told("errand", **task("ask", "add a 1"))
        problem = await at.problem("errand", **task("add a 2"))
        assert problem["kind"] == "busy" and 'isolation "worktree"' in problem["hint"]
        for number in ("2", "3"):
            done = await at.told("errand", **task(f"add a {number}"), isolation="worktree")
            assert text_in(done["worktree"]["root"], "a") == number
        assert not (shop / "a").exists()
        assert (await at.told("thread_wait", thread_id=waiting["thread_id"], wait=0))["status"] == "waiting"


async def test_an_agent_that_only_reads_takes_no_isolation(shop: Path) -> None:
    async with door(shop.parent, toys=False) as at:
        problem = await at.problem("testing", isolation="worktree")
        assert problem["kind"] == "bad_input" and "isolation" in problem["message"]
        assert (await at.problem("issue_fixer", issue="1", isolation="apart"))["kind"] == "bad_input"


async def test_a_repository_in_the_middle_of_a_merge_can_still_have_a_work_tree(shop: Path) -> None:
    (shop / ".git/MERGE_HEAD").write_text(run_git(shop, "rev-parse", "HEAD"))
    async with door(shop.parent) as at:
        assert "merge" in (await at.problem("errand", **task("add a 1")))["message"]
        assert (await at.told("errand", **task("add a 1"), isolation="worktree"))["status"] == "completed"
        assert (shop / ".git/MERGE_HEAD").exists()


@pytest.mark.parametrize(
    "forged",
    [
        {"root": "{worktrees}"},
        {"root": "{worktrees}/1234abcd"},
        {"root": "{worktrees}/1234abcd/../../shop"},
        {"root": "{folder}/shop"},
        {"branch": "main"},
        {"head": "--help"},
        {"source": "{folder}/../outside"},
        {"files": HeldFiles(root="/", commit="HEAD")},
    ],
)
async def test_a_work_tree_that_is_not_as_this_program_makes_them_is_not_touched(
    shop: Path, forged: dict[str, Any]
) -> None:
    """An imported log may name any folder, branch and commit."""
    folder = shop.parent
    async with door(folder) as at:
        ref = await at.runtime.repositories.ref("shop", "default", "write", isolation="worktree")
        assert at.runtime.repositories.may_use(ref)
        names = {"worktrees": str(at.runtime.repositories.worktrees), "folder": str(folder)}
        changed = {name: text.format(**names) if isinstance(text, str) else text for name, text in forged.items()}
        assert not at.runtime.repositories.may_use(ref.model_copy(update=changed))


async def test_the_same_key_finds_the_thread_and_makes_no_second_work_tree(shop: Path, tmp_path: Path) -> None:
    async with door(shop.parent) as at:
        key = {"idempotency_key": "k"}
        first = await at.told("errand", key, **task("add a 1"), isolation="worktree")
        again = await at.told("errand", key, **task("add a 1"), isolation="worktree")
        assert again["thread_id"] == first["thread_id"]
        assert (await at.problem("errand", key, **task("add a 1")))["kind"] == "conflict"
        assert len([*(shop.parent / "state/worktrees").iterdir()]) == 1


async def test_an_issue_that_is_not_committed_is_read_from_the_checkout(auth_shop: Path) -> None:
    (auth_shop / "issues/9.md").write_text(asking("    return False  # Bug here", "    return True", number=9))
    async with door(auth_shop.parent, toys=False) as at:
        done = await at.told("issue_fixer", issue="9", check="none", isolation="worktree")
        assert done["outcome"] == "changed_unverified"
        assert "return True" in text_in(done["worktree"]["root"], "auth.py")


async def test_an_issue_kept_in_another_repository_is_read_there(
    auth_shop: Path, make_repository: Callable[..., Path]
) -> None:
    issue = asking("    return False  # Bug here", "    return True", number=9)
    make_repository("plans", {"issues/9.md": issue})
    twin = make_repository("more/shop", {"issues/9.md": issue})
    async with door(auth_shop.parent, toys=False, FACTOR12_ALLOWED_ROOTS=str(twin.parent)) as at:
        for source in ("plans", "more/shop", str(twin)):
            done = await at.told("issue_fixer", issue="9", check="none", source_repo=source, isolation="worktree")
            assert done["outcome"] == "changed_unverified", done
        problem = await at.problem("issue_fixer", issue="9", source_repo="plan")
        assert problem["kind"] == "not_found" and "plans" in problem["hint"]
        again = await at.told("thread_fork", thread_id=done["thread_id"])
        assert again["outcome"] == "changed_unverified" and again["worktree"]["root"] != done["worktree"]["root"]
        here = await at.told("issue_fixer", issue="123", repo=str(auth_shop), source_repo=str(auth_shop), check="none")
        assert here["outcome"] == "changed_unverified" and "worktree" not in here
        same = await at.told("issue_fixer", issue="123", source_repo=str(auth_shop), check="none", isolation="worktree")
        assert same["outcome"] == "changed_unverified"


async def test_a_fork_goes_another_way_from_a_checkpoint_without_doing_anything_twice(shop: Path) -> None:
    async with door(shop.parent) as at:
        done = await at.told("errand", **task("peek README.md", "add a 2", "add a 3"))
        [first] = (await at.told("checkpoint_list"))["checkpoints"]
        other = await at.told(
            "thread_fork", checkpoint_id=first["checkpoint_id"], task=task("peek README.md", "add a 9")
        )
        assert other["status"] == "completed" and other["thread_id"] != done["thread_id"]
        root = Path(other["worktree"]["root"])
        assert (root / "a").read_text() == "9" and (shop / "a").read_text() == "5"
        events = (await at.told("thread_history", thread_id=other["thread_id"]))["events"]
        assert [event["kind"] for event in events].count("launched") == 1
        launched = at.runtime.store.read(other["thread_id"])[0].event
        assert isinstance(launched, Launched)
        assert launched.forked_from == first["checkpoint_id"]
        again = at.runtime.store.read(done["thread_id"])
        assert at.runtime.store.read(other["thread_id"])[1].event == again[1].event  # what was read is not read again


async def test_a_fork_without_a_place_goes_on_from_the_files_as_they_are(shop: Path) -> None:
    async with door(shop.parent) as at:
        await at.told("errand", **task("add a 2"))
        (shop / "notes").write_text("mine")
        more = await at.told("thread_fork", task=task("add a 2", "add a 3"))
        root = Path(more["worktree"]["root"])
        assert (root / "a").read_text() == "5" and (root / "notes").read_text() == "mine"
        assert (shop / "a").read_text() == "2"
        once = await at.told("thread_fork", thread_id=more["thread_id"], task=task("add a 2", "add a 3", "add a 4"))
        assert text_in(once["worktree"]["root"], "a") == "9"
        assert once["worktree"]["checkout"] == str(shop)


async def test_a_fork_in_place_goes_on_in_the_checkout_unless_files_changed_since(shop: Path) -> None:
    async with door(shop.parent) as at:
        done = await at.told("errand", **task("add a 2"))
        more = await at.told("thread_fork", task=task("add a 2", "add a 3"), isolation="in_place")
        assert "worktree" not in more and (shop / "a").read_text() == "5"
        [first] = (await at.told("checkpoint_list", thread_id=done["thread_id"]))["checkpoints"]
        for where in ({"version": 1}, {"checkpoint_id": first["checkpoint_id"]}):
            problem = await at.problem("thread_fork", thread_id=done["thread_id"], **where, isolation="in_place")
            assert problem["kind"] == "conflict" and first["checkpoint_id"] in problem["hint"]


async def test_a_fork_that_would_have_decided_otherwise_before_is_told_where(shop: Path) -> None:
    async with door(shop.parent) as at:
        done = await at.told("errand", **task("peek README.md", "add a 2"))
        thread = at.runtime.store.load(done["thread_id"])
        problem = await at.problem("thread_fork", task=task("peek other.md"))
        assert problem["kind"] == "bad_input" and "after version 1" in problem["message"]
        assert (await at.problem("thread_fork", task={"lines": 3}))["kind"] == "bad_input"
        assert (await at.problem("thread_fork", version=99))["kind"] == "bad_input"
        assert (await at.problem("thread_fork", checkpoint_id="x@1"))["kind"] == "not_found"
        with pytest.raises(ProblemError, match="changed files after version 1"):
            await forked(at.runtime, thread, version=1, task={}, isolation="worktree")


async def test_a_fork_of_a_waiting_thread_asks_anew(shop: Path) -> None:
    async with door(shop.parent) as at:
        waiting = await at.told("errand", **task("add a 500"))
        other = await at.told("thread_fork", thread_id=waiting["thread_id"])
        assert other["status"] == "waiting" and other["question"]["kind"] == "approval"
        assert other["thread_id"] != waiting["thread_id"]


@pytest.fixture
def shell(make_repository: Callable[..., Path], tmp_path: Path) -> Shell:
    return open_shell(make_repository, tmp_path)


def fixed_apart(shell: Shell) -> dict[str, Any]:
    return shell.quick("run", "issue_fixer", "--issue", "123", "--isolation", "worktree", "--json").json


def test_threads_apply_takes_the_edits_over_once_and_says_so(shell: Shell) -> None:
    done = fixed_apart(shell)
    assert done["outcome"] == "fixed" and (shell.folder / "auth.py").read_text() == AUTH
    taken = shell.quick("threads", "apply", done["thread_id"])
    assert taken.code == 0 and "Taken over into 'shop', not committed: 1 file." in taken.out
    assert (shell.folder / "auth.py").read_text() == FIXED
    again = shell.quick("threads", "apply", done["thread_id"])
    assert again.code == 4 and "stands in the checkout already" in again.out
    assert "take_over" not in shell.quick("agents").out


def test_threads_apply_refuses_to_overwrite_an_edit_and_what_is_nothing_to_take_over(shell: Shell) -> None:
    done = fixed_apart(shell)
    (shell.folder / "auth.py").write_text("mine")
    refused = shell.quick("threads", "apply", done["thread_id"])
    assert refused.code == 1 and "auth.py is edited in 'shop' as well" in refused.out
    assert (shell.folder / "auth.py").read_text() == "mine"
    run_git(shell.folder, "checkout", "-q", "auth.py")
    here = shell.quick("run", "issue_fixer", "--issue", "123", "--json").json
    assert "worked in the checkout itself" in shell.quick("threads", "apply", here["thread_id"]).complaint
    nothing = shell.quick(
        "run", "issue_fixer", "--issue", "123", "--isolation", "worktree", "--json", "--check", "none"
    )
    assert nothing.json["outcome"] == "changed_unverified"


def test_threads_fork_tries_a_run_another_way(shell: Shell) -> None:
    done = fixed_apart(shell)
    other = shell.quick("threads", "fork", done["thread_id"], "branch=true", "--json")
    assert other.code == 0 and other.json["output"]["commit"]["branch"].startswith("agent/issue-123-")
    assert other.json["worktree"]["root"] != done["worktree"]["root"]


def test_threads_apply_waits_for_the_end_and_for_something_to_take_over(shell: Shell) -> None:
    waiting = shell.wary().quick("run", "issue_fixer", "123", "--isolation", "worktree", "--json").json
    assert waiting["status"] == "waiting"
    assert "has not ended" in shell.quick("threads", "apply", waiting["thread_id"]).complaint
    shell.quick("threads", "cancel", waiting["thread_id"])
    assert "changed nothing" in shell.quick("threads", "apply", waiting["thread_id"]).complaint


def test_threads_apply_finds_a_work_tree_gone_before_it_takes_the_checkout(shell: Shell) -> None:
    done = fixed_apart(shell)
    rmtree(done["worktree"]["root"])
    assert "was removed" in shell.quick("threads", "apply", done["thread_id"]).complaint
    assert shell.quick("run", "issue_fixer", "123", "--json").json["outcome"] == "fixed", "the checkout is free"


def test_a_person_is_told_where_the_edits_are_and_how_to_take_them_over(shell: Shell) -> None:
    told = shell.quick("run", "issue_fixer", "123", "--isolation", "worktree").out
    assert "shows the edits; factor12 threads apply" in told and "/worktrees/" in told
