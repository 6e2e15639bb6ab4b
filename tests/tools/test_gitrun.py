"""No program that a repository names ever runs; each attack beside the control that it works with plain git."""

import os
import shutil
import subprocess
from pathlib import Path

import anyio
import pytest
from anyio.to_thread import run_sync
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.processes import alive, dies_within, pid_from
from tests.tools.gitting import Place, snapshot
from tests.tools.hostile.traps import TRAPS, Build, promisor, promisor_beside
from tools import gitchild
from tools.base import ToolError
from tools.giterrors import failure, printable
from tools.gitkeys import overrides, refused
from tools.gitrun import git
from tools.locks import alone
from tools.workspace import Workspace

pytestmark = pytest.mark.anyio


async def run(workspace: Workspace, *args: str, stdin: bytes | None = None) -> bytes:
    return await git(workspace, workspace.repository(), *args, stdin=stdin)


async def exercise(workspace: Workspace) -> list[str]:
    """Run everything that reads or commits, each as far as it goes; return what failed."""
    failed: list[str] = []
    for words in (
        ["status", "--porcelain=v2", "--branch", "-z"],
        ["diff", "HEAD"],
        ["diff", "--cached"],
        ["log", "-p", "-2"],
        ["show", "HEAD"],
        ["grep", "-n", "-e", "three"],
        ["ls-files", "-m", "-d", "-o"],
        ["update-index", "--refresh"],
        ["hash-object", "a.txt"],
        ["cat-file", "blob", "HEAD:a.txt"],
        ["diff-files", "-p"],
        ["diff-index", "-p", "HEAD"],
        ["diff-tree", "-p", "HEAD"],
        ["check-attr", "-a", "a.txt"],
        ["read-tree", "HEAD"],
        ["write-tree"],
        ["commit-tree", "HEAD^{tree}", "-m", "x"],
        ["update-ref", "refs/heads/new", "HEAD"],
    ):
        with anyio.fail_after(20):
            try:
                await run(workspace, *words)
            except ToolError as error:
                assert "\n" not in error.problem.message
                failed.append(words[0])
    return failed


def program_on_the_path(place: Place, root: Path) -> None:
    shutil.copy2(place.mark("git-of-the-repository"), root / "git")
    place.environment["PATH"] = f"{root}:.:{place.environment['PATH']}"


@pytest.fixture
def victim(place: Place) -> Path:
    root = place.repository("victim", {"a.txt": "one\n"})
    place.diverge(root)
    return root


OPENED = [trap.build for trap in TRAPS if not trap.says]


@pytest.mark.parametrize("trap", [*OPENED, program_on_the_path])
async def test_no_trap_runs_its_program_behind_the_one_function(trap: Build, place: Place, victim: Path) -> None:
    trap(place, victim)
    place.write(victim, {"a.txt": "three\n"})
    place.ran()
    failed = await exercise(place.workspace(victim))
    assert place.ran() == ""
    absent = {"cat-file", "diff", "diff-files", "diff-index", "diff-tree", "log", "show"}
    missing = absent if trap in (promisor, promisor_beside) else set[str]()
    assert set(failed) <= {"update-index", *missing}  # --refresh says by its exit code that a file has changed


@pytest.mark.parametrize("key", ["include.path", "includeIf.gitdir:/.path", "frotz.program", "trailer.x.command"])
async def test_a_key_that_nobody_knows_is_refused_by_name_unless_trusted(key: str, place: Place, victim: Path) -> None:
    extra = place.folder / "extra"
    extra.write_text(f'[core]\nfsmonitor = {place.mark("included")}\n[filter "x"]\nclean = x\n', encoding="utf-8")
    place.git(victim, "config", key, str(extra))
    with pytest.raises(ToolError, match=key.split(".", maxsplit=1)[0].lower()) as caught:
        await run(place.workspace(victim), "status")
    assert caught.value.problem.kind == "refused"
    assert "trust" in caught.value.problem.hint
    assert b"main" in await run(place.workspace(victim, trusted=True), "status")
    assert place.ran() == ""
    place.git(victim, "status")
    assert bool(place.ran()) == key.startswith("include")


async def test_a_filter_whose_name_holds_an_equals_sign_is_refused_even_when_trusted(
    place: Place, victim: Path
) -> None:
    place.git(victim, "config", "filter.a.clean", "cat")
    assert await run(place.workspace(victim), "status")
    with (victim / ".git" / "config").open("a", encoding="utf-8") as config:
        config.write(f'[filter "a=b"]\n\tclean = {place.mark("equals")}\n')
    for trusted in (False, True):
        with pytest.raises(ToolError, match=r"filter\.a=b\.clean"):
            await run(place.workspace(victim, trusted=trusted), "status")


async def test_a_configuration_without_end_is_not_read_to_its_end(place: Place, victim: Path) -> None:
    with (victim / ".git" / "config").open("a", encoding="utf-8") as config:
        config.write("[core]\n" + "filemode = true\n" * 100_000)
    with anyio.fail_after(20), pytest.raises(ToolError, match="takes no end"):
        await run(place.workspace(victim), "status")


async def test_an_ordinary_developers_configuration_is_accepted(place: Place, victim: Path) -> None:
    for key, value in {
        "remote.origin.url": "git@example.org:x.git",
        "remote.origin.fetch": "+refs/heads/*:refs/remotes/origin/*",
        "branch.main.remote": "origin",
        "branch.main.vscode-merge-base": "origin/main",
        "user.email": "me@example.org",
        "lfs.repositoryformatversion": "0",
        "filter.lfs.process": "git-lfs filter-process",
        "core.hooksPath": ".husky/_",
        "pull.rebase": "true",
        "rerere.enabled": "true",
        "submodule.lib.active": "true",
    }.items():
        place.git(victim, "config", key, value)
    assert b"# branch.head main" in await run(place.workspace(victim), "status", "--porcelain=v2", "--branch")


async def test_the_child_sees_only_the_environment_made_for_it(
    place: Place, victim: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_DIR", "/nonexistent")
    monkeypatch.setenv("SECRET_KEY", "s3cret")
    monkeypatch.setenv("GIT_EXTERNAL_DIFF", str(place.mark("external")))
    place.environment |= {"GIT_DIR": "/nonexistent", "GIT_EXTERNAL_DIFF": str(place.mark("external"))}
    shim = place.folder / "shim"
    shim.mkdir()
    (shim / "git").write_text(f'#!/bin/sh\nenv >>{place.folder / "seen"}\nexec /usr/bin/git "$@"\n', encoding="utf-8")
    (shim / "git").chmod(0o755)
    place.environment["PATH"] = f"{shim}:{place.environment['PATH']}"
    place.write(victim, {"a.txt": "three\n"})
    assert b"+three" in await run(place.workspace(victim), "diff")
    seen = (place.folder / "seen").read_text(encoding="utf-8")
    assert "s3cret" not in seen
    assert "nonexistent" not in seen
    assert "GIT_CONFIG_NOSYSTEM=1" in seen


async def test_a_subcommand_that_nobody_tried_is_a_mistake_of_the_caller(place: Place, victim: Path) -> None:
    with pytest.raises(ValueError, match="git stash"):
        await run(place.workspace(victim), "stash", "create")


async def test_without_git_on_the_path_the_error_says_so(place: Place, victim: Path) -> None:
    place.environment["PATH"] = str(place.folder)
    with pytest.raises(ToolError, match="git is not on the PATH"):
        await run(place.workspace(victim), "status")


@pytest.mark.parametrize(
    ("config", "who"),
    [
        ("", "factor12 <factor12@localhost>"),
        ("[user]\n\tname = Ada\n\temail = ada@example.org\n", "Ada <ada@example.org>"),
        ('[user]\n\tname = "A \\"q\\" = b"\n\temail = a=b@example.org\n', 'A "q" = b <a=b@example.org>'),
        ('[includeIf "gitdir:**/victim/.git"]\n\tpath = work\n', "Work <work@example.org>"),
    ],
)
async def test_the_persons_identity_is_used_as_git_would(config: str, who: str, place: Place, victim: Path) -> None:
    (place.home / ".gitconfig").write_text(config, encoding="utf-8")
    (place.home / "work").write_text("[user]\nname = Work\nemail = work@example.org\n", encoding="utf-8")
    assert (await run(place.workspace(victim), "var", "GIT_AUTHOR_IDENT")).decode().startswith(f"{who} ")
    place.git(victim, "config", "user.name", "Local")
    assert (await run(place.workspace(victim), "var", "GIT_AUTHOR_IDENT")).startswith(b"Local <")


async def test_without_a_home_there_is_no_personal_configuration(place: Place, victim: Path) -> None:
    (place.home / ".gitconfig").write_text("[user]\n\tname = Ada\n", encoding="utf-8")
    del place.environment["HOME"]
    assert (await run(place.workspace(victim), "var", "GIT_AUTHOR_IDENT")).startswith(b"factor12 <")


async def test_the_persons_line_endings_and_ignored_files_count(place: Place, victim: Path) -> None:
    place.write(victim, {"a.txt": b"main\r\n", ".DS_Store": "x", "left.tmp": "x"})
    assert await run(place.workspace(victim), "status", "--porcelain") == b" M a.txt\n?? .DS_Store\n?? left.tmp\n"
    assert b"+main\r" in await run(place.workspace(victim), "diff")
    (place.home / ".config" / "git").mkdir(parents=True)
    (place.home / ".config" / "git" / "ignore").write_text(".DS_Store\n", encoding="utf-8")
    (place.home / ".gitconfig").write_text("[core]\n\tautocrlf\n", encoding="utf-8")
    assert await run(place.workspace(victim), "ls-files", "-o", "--exclude-standard") == b"left.tmp\n"
    assert await run(place.workspace(victim), "diff") == b""
    (place.home / "mine").write_text("*.tmp\n", encoding="utf-8")
    (place.home / ".gitconfig").write_text("[core]\n\tautocrlf\n\texcludesFile = ~/mine\n", encoding="utf-8")
    assert await run(place.workspace(victim), "ls-files", "-o", "--exclude-standard") == b".DS_Store\n"


def give_away(root: Path) -> None:
    for path in (root, *root.rglob("*")):
        os.chown(path, 12345, 12345, follow_symlinks=False)


async def test_a_repository_of_another_owner_is_opened_once_a_person_registered_it(place: Place, victim: Path) -> None:
    if os.getuid():
        pytest.skip("only root can give a repository away")
    give_away(victim)
    assert place.git(victim, "status", check=False) == ""
    assert b"On branch main" in await run(place.workspace(victim), "status")


@pytest.mark.requirement("R14")
async def test_reading_commands_leave_every_byte_of_the_repository(place: Place, victim: Path) -> None:
    place.write(victim, {"b.txt": "b\n"})
    place.commit(victim, "b")
    place.write(victim, {"a.txt": "three\n", "new.txt": "x"})
    os.utime(victim / "b.txt", ns=(1, 1))
    before = snapshot(victim)
    for words in (
        ["status"],
        ["diff", "HEAD"],
        ["diff"],
        ["log", "-p"],
        ["grep", "-e", "three"],
        ["ls-files", "-m", "-o"],
    ):
        assert await run(place.workspace(victim), *words)
    assert snapshot(victim) == before


async def test_a_change_right_after_the_index_was_written_is_seen_in_the_copy_of_it(place: Place, victim: Path) -> None:
    index = victim / ".git" / "index"
    state = (victim / "a.txt").stat()
    place.write(victim, {"a.txt": "niam\n"})
    for file in (victim / "a.txt", index):
        os.utime(file, ns=(state.st_mtime_ns, state.st_mtime_ns))
    assert b"+niam" in await run(place.workspace(victim), "diff")


async def test_a_repository_whose_index_is_no_file_is_not_copied(place: Place, victim: Path) -> None:
    (victim / ".git" / "index").unlink()
    assert b"deleted file" in await run(place.workspace(victim), "diff", "--cached", "HEAD")
    (victim / ".git" / "index").symlink_to("/dev/zero")
    with anyio.fail_after(20), pytest.raises(ToolError):
        await run(place.workspace(victim), "diff")


async def test_paths_are_literal_and_input_reaches_git(place: Place, victim: Path) -> None:
    place.write(victim, {"*.txt": "star\n"})
    place.commit(victim, "star")
    assert await run(place.workspace(victim), "ls-files", "--", "*.txt") == b"*.txt\n"
    assert await run(place.workspace(victim), "ls-files", "--", ":(glob)**") == b""
    answer = await run(place.workspace(victim), "hash-object", "--stdin", stdin=b"x" * 3_000_000)
    assert len(answer.strip()) == 40


async def test_too_much_output_is_an_error_or_cut_when_that_is_asked_for(place: Place, victim: Path) -> None:
    place.write(victim, {"big.txt": "0123456789" * 100_000})
    place.commit(victim, "big")
    workspace = place.workspace(victim)
    assert len(await run(workspace, "cat-file", "blob", "HEAD:big.txt")) == 1_000_000
    with pytest.raises(ToolError, match="more than 1000 bytes") as caught:
        await git(workspace, workspace.repository(), "cat-file", "blob", "HEAD:big.txt", limit=1000)
    assert caught.value.problem.kind == "limit"
    cut = await git(workspace, workspace.repository(), "cat-file", "blob", "HEAD:big.txt", limit=1000, cut=True)
    assert cut == b"0123456789" * 100


def slow_git(place: Place, body: str) -> None:
    """Put a git before the real one that hangs on `version`, and says who it is."""
    shim = place.folder / "shim"
    shim.mkdir()
    text = f'#!/bin/sh\nfor word; do :; done\n[ "$word" = version ] || exec /usr/bin/git "$@"\n{body}\n'
    (shim / "git").write_text(text, encoding="utf-8")
    (shim / "git").chmod(0o755)
    place.environment["PATH"] = f"{shim}:{place.environment['PATH']}"


@pytest.mark.requirement("R10")
async def test_a_git_that_takes_too_long_is_killed_with_what_it_started(place: Place, victim: Path) -> None:
    slow_git(place, f"trap '' TERM\nsleep 300 & echo $! >{place.folder / 'pid'}\nwait")
    workspace = place.workspace(victim)
    with anyio.fail_after(10), pytest.raises(ToolError, match="took more than") as caught:
        await git(workspace, workspace.repository(), "version", timeout_s=0.5)
    assert caught.value.problem.kind == "limit"
    assert await run_sync(dies_within, int((place.folder / "pid").read_text(encoding="utf-8")), 2)


@pytest.mark.requirement("R10")
async def test_cancelling_kills_git_and_what_it_started(place: Place, victim: Path) -> None:
    os.mkfifo(place.folder / "pid")
    slow_git(place, f"sleep 300 & echo $! >{place.folder / 'pid'}\nwait")
    pid = 0
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(run, place.workspace(victim), "version")
        pid = await pid_from(place.folder / "pid")
        assert alive(pid)
        tasks.cancel_scope.cancel()
    assert await run_sync(dies_within, pid, 2)


async def test_a_git_that_closes_its_output_and_stays_is_killed(place: Place, victim: Path) -> None:
    slow_git(place, f"echo $$ >{place.folder / 'pid'}\nexec >&- 2>&- sleep 300")
    with anyio.fail_after(10), pytest.raises(ToolError, match="no reason was given"):
        await run(place.workspace(victim), "version")
    assert not alive(int((place.folder / "pid").read_text(encoding="utf-8")))


async def test_much_complaint_neither_blocks_nor_is_kept(place: Place, victim: Path) -> None:
    slow_git(place, "head -c 3000000 /dev/zero | tr '\\0' x >&2; exit 3")
    with anyio.fail_after(10), pytest.raises(ToolError) as caught:
        await run(place.workspace(victim), "version")
    assert len(caught.value.problem.message) < 400


@pytest.mark.parametrize(
    ("stderr", "kind"),
    [
        (b"warning: x\nfatal: bad revision 'x'\n", "not_found"),
        (b"fatal: Unable to create '/r/.git/index.lock': File exists.\n", "busy"),
        (b"fatal: cannot lock ref 'refs/heads/x': reference already exists", "conflict"),
        (b"", "refused"),
    ],
)
def test_a_failure_is_one_line_of_the_right_kind(stderr: bytes, kind: str) -> None:
    problem = failure("diff", "shop", stderr).problem
    assert problem.kind == kind
    assert problem.message.startswith("git diff in 'shop': ")


def test_control_characters_of_a_complaint_are_escaped() -> None:
    problem = failure("diff", "shop", b"fatal: \x1b[31mred\x07 \xe2\x80\xae gnp\n").problem
    assert problem.message == "git diff in 'shop': \\x1b[31mred\\x07 \\u202e gnp."


@given(st.text())
@settings(max_examples=100)
def test_printable_text_is_printable_and_bounded(text: str) -> None:
    assert printable(text).isprintable()
    assert len(printable(text, 10)) <= 11 * 10


@given(st.text(alphabet="abc.=- ", min_size=1, max_size=12))
@settings(max_examples=50)
def test_every_filter_whatever_its_name_is_switched_off(name: str) -> None:
    found = overrides([f"filter.{name}.clean"])
    assert found[f"filter.{name}.clean"] == found[f"filter.{name}.process"] == ""
    assert found[f"filter.{name}.required"] == "false"


@given(st.lists(st.sampled_from(["core.x", "remote.a.b.url", "include.path", "Frotz.x", "includeif.a.path"])))
@settings(max_examples=50)
def test_only_keys_of_known_sections_are_accepted(names: list[str]) -> None:
    known = {"core.x", "remote.a.b.url"}
    assert set(refused(names)) == set(names) - known


def waiting(lock: int) -> "subprocess.Popen[bytes]":
    """Start what a killed process leaves: a child that has its lock, until it reads a line."""
    return subprocess.Popen(["/bin/sh", "-c", "read line"], stdin=subprocess.PIPE, pass_fds=(lock,))


async def test_a_git_that_outlives_its_caller_keeps_the_lock_it_was_started_under(place: Place, tmp_path: Path) -> None:
    """Killed, a process leaves its lock to the git it started, which may write for a while yet."""
    workspace = place.workspace(place.repository("shop", {"a": "1"}))
    async with alone(workspace, "a thing") as lock:
        outlives = waiting(lock)
        ended = await gitchild.run(
            ["/bin/sh", "-c", f"ls -l /proc/self/fd/{lock}"],
            cwd=tmp_path,
            env={"PATH": "/bin:/usr/bin"},
            scratch=tmp_path,
            stdin=None,
            limit=4096,
            timeout_s=5,
            held=(lock,),
        )
    assert ended.stdout.strip().endswith(b".lock")
    with pytest.raises(ToolError, match="is being changed by another process"):
        async with alone(workspace, "a thing"):
            pass
    outlives.communicate(b"\n")
    async with alone(workspace, "a thing"):
        pass
