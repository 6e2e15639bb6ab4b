"""Reading beneath a repository's top: nothing outside is reached, whatever stands on the way."""

import ctypes
import os
import socket
import stat
import threading
from pathlib import Path

import pytest

from tests.tools.filing import problem_of, right_before_it_is_opened, snapshot
from tools.beneath import LIMIT, digest, explaining, list_names, read_bytes
from tools.errors import ToolError

RENAME_EXCHANGE = 2


@pytest.fixture
def top(tmp_path: Path) -> Path:
    """A folder with one readable file, and a secret beside it."""
    root = tmp_path / "ws"
    (root / "a").mkdir(parents=True)
    (root / "a/b.txt").write_bytes(b"inside\r\n")
    (tmp_path / "ws-evil").mkdir()
    (tmp_path / "ws-evil/secret.txt").write_bytes(b"secret")
    return root


def test_a_regular_file_is_read_byte_for_byte(top: Path) -> None:
    assert read_bytes(top, "a/b.txt") == b"inside\r\n"
    assert digest(b"") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


@pytest.mark.parametrize("link", ["file", "folder", "chain", "dangling", "parent", "absolute", "inside"])
def test_a_symbolic_link_anywhere_in_a_path_is_refused(top: Path, tmp_path: Path, link: str) -> None:
    target, path = {
        "file": ("../ws-evil/secret.txt", "link"),
        "folder": ("../ws-evil", "link/secret.txt"),
        "chain": ("link2", "link/secret.txt"),
        "dangling": ("nowhere", "link"),
        "parent": ("..", "link/ws-evil/secret.txt"),
        "absolute": (str(tmp_path / "ws-evil"), "link/secret.txt"),
        "inside": ("a", "link/b.txt"),
    }[link]
    (top / "link2").symlink_to("../ws-evil")
    (top / "link").symlink_to(target)
    assert "symbolic link" in problem_of(lambda: read_bytes(top, path), "refused").message
    assert read_bytes(top, "a/b.txt") == b"inside\r\n"


def test_a_folder_that_only_begins_like_the_top_is_not_reached(top: Path) -> None:
    for path in (f"{top}-evil/secret.txt", "../ws-evil/secret.txt", "a/../../ws-evil/secret.txt"):
        problem_of(lambda path=path: read_bytes(top, path), "bad_input")


def test_names_with_a_tilde_or_a_dollar_are_not_expanded(top: Path) -> None:
    (top / "~").mkdir()
    (top / "~/$HOME").write_bytes(b"literal")
    assert read_bytes(top, "~/$HOME") == b"literal"
    problem_of(lambda: read_bytes(top, "~root/.profile"), "not_found")


def test_what_is_no_regular_file_is_refused_without_waiting(top: Path) -> None:
    os.mkfifo(top / "pipe")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(top / "socket"))
        for name, kind in (("pipe", "a pipe"), ("socket", "a socket"), ("a", "a folder")):
            assert kind in problem_of(lambda name=name: read_bytes(top, name), "refused").message


@pytest.mark.parametrize("path", ["null", "self/environ", "zero"])
def test_devices_and_the_process_itself_are_not_read(path: str) -> None:
    problem_of(lambda: read_bytes(Path("/proc") if "/" in path else Path("/dev"), path), "refused")


def test_a_file_over_the_limit_is_refused_also_when_it_is_sparse(top: Path) -> None:
    with (top / "sparse").open("wb") as file:
        file.truncate(3 << 30)
    assert "3221225472 bytes" in problem_of(lambda: read_bytes(top, "sparse"), "limit").message
    (top / "full").write_bytes(b"x" * LIMIT)
    assert len(read_bytes(top, "full")) == LIMIT
    problem_of(lambda: read_bytes(top, "full", LIMIT - 1), "limit")


def test_what_is_missing_is_named(top: Path) -> None:
    assert "'nope'" in problem_of(lambda: read_bytes(top, "nope/x"), "not_found").message
    assert "is a file, not a folder" in problem_of(lambda: read_bytes(top, "a/b.txt/c"), "not_found").message
    assert "is gone" in problem_of(lambda: read_bytes(top / "a/b.txt", "c"), "not_found").message


def test_names_are_listed_sorted_and_only_those_that_can_be_opened(top: Path) -> None:
    (top / "a/A").touch()
    os.close(os.open(os.fsencode(top / "a") + b"/\xff", os.O_CREAT))
    (top / "link").symlink_to("a")
    assert list_names(top, "a") == ["A", "b.txt"]
    assert list_names(top, "") == ["a", "link"]
    problem_of(lambda: list_names(top, "link"), "refused")
    problem_of(lambda: list_names(top, "../ws-evil"), "bad_input")
    problem_of(lambda: list_names(top, "nope"), "not_found")


@pytest.mark.parametrize(
    ("number", "kind"),
    [
        (2, "not_found"),
        (13, "refused"),
        (30, "refused"),
        (28, "limit"),
        (122, "limit"),
        (21, "conflict"),
        (39, "conflict"),
    ],
)
def test_errors_of_the_file_system_become_problems(number: int, kind: str) -> None:
    with pytest.raises(ToolError) as caught, explaining("x"):
        raise OSError(number, os.strerror(number))
    assert caught.value.problem.kind == kind


def test_an_error_that_nobody_can_act_on_stays_one() -> None:
    with pytest.raises(OSError, match="Input/output"), explaining("x"):
        raise OSError(5, "Input/output error")


@pytest.mark.requirement("R14")
def test_reading_changes_nothing_below_the_top(top: Path) -> None:
    before = snapshot(top)
    read_bytes(top, "a/b.txt")
    list_names(top, "a")
    assert snapshot(top) == before


def test_a_folder_that_is_swapped_for_a_link_meanwhile_leaks_nothing(top: Path) -> None:
    """The attack: a folder and a link to a place outside change names as fast as they can."""
    (top / "a/secret.txt").write_bytes(b"inside")
    (top / "b").symlink_to("../ws-evil")
    stop = threading.Event()

    def swap() -> None:
        libc = ctypes.CDLL(None, use_errno=True)
        one, other = os.fsencode(top / "a"), os.fsencode(top / "b")
        while not stop.is_set():
            for _ in range(50):
                assert libc.renameat2(-100, one, -100, other, RENAME_EXCHANGE) == 0

    attacker = threading.Thread(target=swap)
    attacker.start()
    seen: dict[bytes, int] = {}
    try:
        while seen.get(b"inside", 0) < 300 or seen.get(b"refused", 0) < 300:
            try:
                found = read_bytes(top, "a/secret.txt")
            except ToolError as error:
                found = error.problem.kind.encode()
            seen[found] = seen.get(found, 0) + 1
    finally:
        stop.set()
        attacker.join()
    assert seen.keys() <= {b"inside", b"refused"}


def test_a_file_that_is_swapped_for_a_pipe_right_before_it_is_opened_is_refused(top: Path) -> None:
    def swap() -> None:
        (top / "a/swapped.txt").unlink()
        os.mkfifo(top / "a/swapped.txt")

    (top / "a/swapped.txt").write_bytes(b"inside")
    with right_before_it_is_opened("swapped.txt", swap):
        assert "is a pipe" in problem_of(lambda: read_bytes(top, "a/swapped.txt"), "refused").message


def test_a_file_without_permission_is_refused_for_an_ordinary_user(top: Path) -> None:
    (top / "a/b.txt").chmod(0)
    if os.geteuid() == 0:
        assert read_bytes(top, "a/b.txt") == b"inside\r\n"
    else:
        problem_of(lambda: read_bytes(top, "a/b.txt"), "refused")
    assert stat.S_IMODE((top / "a/b.txt").stat().st_mode) == 0
