"""`factor12 checkpoints`: the same as over MCP, readable; and what only a person may say, at their terminal."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.agents.shop import AUTH, FIXED
from tests.mcp_server.shell import Shell, open_shell


@pytest.fixture
def fixed(make_repository: Callable[..., Path], tmp_path: Path) -> Shell:
    """A shell where a thread has fixed the shop."""
    shell = open_shell(make_repository, tmp_path)
    assert shell.quick("run", "issue_fixer", "123").code == 0
    return shell


def first_of(shell: Shell) -> str:
    found: str = shell.quick("checkpoints", "list", "--json").json["checkpoints"][0]["checkpoint_id"]
    return found


def auth(shell: Shell) -> str:
    return (shell.folder / "auth.py").read_text()


def test_a_thread_is_taken_back_and_put_forward_again(fixed: Shell) -> None:
    listed = fixed.quick("checkpoints", "list")
    assert "before the first change" in listed.out and "shop" in listed.out and "TAKEN" in listed.out
    first = first_of(fixed)
    since = fixed.quick("checkpoints", "diff", first)
    assert "auth.py" in since.out and "+    return user.is_valid()" in since.out
    done = fixed.quick("checkpoints", "restore", first, "--yes")
    assert done.code == 0 and "auth.py" in done.out and auth(fixed) == AUTH
    undo = done.out.split("To take it back: factor12 ")[1].split()
    again = fixed.quick(*undo, "--yes", "--json").json
    assert again["done"] and auth(fixed) == FIXED
    short = f"{first[:8]}@{undo[2].rpartition('@')[2]}"
    dry = fixed.quick("checkpoints", "restore", short, "--dry-run")
    assert (dry.code, dry.out) == (0, "No file changes.\n")


def test_saved_by_hand_it_is_compared_by_file_and_as_one_document(fixed: Shell) -> None:
    saved = fixed.quick("checkpoints", "save", "--label", "well")
    assert "Held: " in saved.out
    held = fixed.quick("checkpoints", "save", "--json").json["checkpoint_id"]
    assert fixed.quick("checkpoints", "diff", held).out == "Nothing changed.\n"
    (fixed.folder / "picture.bin").write_bytes(bytes(range(256)))
    (fixed.folder / "notes.txt").write_text("one\n")
    stat = fixed.quick("checkpoints", "diff", held, "--stat").out
    assert "notes.txt" in stat and "+1" in stat and "binary" in stat and "@@" not in stat
    told = fixed.quick("checkpoints", "diff", held, "--json").json
    assert {"repo": "shop", "path": "notes.txt", "added": 1, "removed": 0} in told["files"] and "+one" in told["patch"]
    assert "patch" not in fixed.quick("checkpoints", "diff", held, "--json", "--stat").json
    between = fixed.quick("checkpoints", "diff", first_of(fixed), "--against", held, "--json").json
    assert [row["path"] for row in between["files"]] == ["auth.py"]


def test_nothing_is_restored_unasked(fixed: Shell) -> None:
    first = first_of(fixed)
    dry = fixed.quick("checkpoints", "restore", first, "--dry-run")
    assert dry.code == 0 and "auth.py" in dry.out
    assert fixed.quick("checkpoints", "restore", first, "--json").json["done"] is False
    asked = fixed.run("checkpoints", "restore", first)
    assert asked.code == 1 and "Add --yes" in asked.complaint and "auth.py" in asked.out
    for typed, code in (("no", 1), ("\x04", 1), ("yes", 0)):
        assert auth(fixed) == FIXED
        with fixed.person("checkpoints", "restore", first) as person:
            person.sees("Restore\\? Type yes: ")
            person.presses(typed) if typed == "\x04" else person.types(typed)
            assert person.leaves() == code, person.screen
    assert auth(fixed) == AUTH


@pytest.mark.requirement("R8")
def test_edits_of_a_person_are_written_over_only_with_the_code_shown_at_their_terminal(fixed: Shell) -> None:
    first = first_of(fixed)
    (fixed.folder / "auth.py").write_text("mine\n")
    (fixed.folder / "notes.txt").write_text("mine\n")
    for words in (("--yes",), ("--yes", "--json"), ("--yes", "--overwrite")):
        refused = fixed.run("checkpoints", "restore", first, *words)
        assert refused.code == 1 and "--overwrite" in refused.complaint and auth(fixed) == "mine\n"
    with fixed.person("checkpoints", "restore", first, "--overwrite") as person:
        person.sees("type the code")
        person.types("")
        assert person.leaves() == 1 and auth(fixed) == "mine\n"
    with fixed.person("checkpoints", "restore", first, "--overwrite") as person:
        person.sees("held first")
        person.types(person.sees("To write over them, type the code ([A-Z2-9]{4}): ")[1])
        assert person.leaves() == 0, person.screen
    assert auth(fixed) == AUTH and (fixed.folder / "notes.txt").read_text() == "mine\n", "only what was in the way"
    assert "over edits of auth.py as told over terminal" in fixed.quick("threads", "show").out
    undo = fixed.quick("checkpoints", "list", "--json").json["checkpoints"][-1]["checkpoint_id"]
    assert fixed.quick("checkpoints", "restore", undo, "--yes").code == 0
    assert auth(fixed) == "mine\n", "undoing brings the edits back"


@pytest.mark.requirement("R8")
def test_where_the_terminal_does_not_count_nobody_overwrites_there(fixed: Shell) -> None:
    first = first_of(fixed)
    (fixed.folder / "auth.py").write_text("mine\n")
    with fixed.where(FACTOR12_APPROVAL_CHANNELS="elicitation").person(
        "checkpoints", "restore", first, "--overwrite"
    ) as person:
        person.sees("not taken from a terminal")
        assert person.leaves() == 1
    with fixed.person("checkpoints", "restore", first, "--overwrite") as person:
        person.sees("type the code")
        (fixed.folder / "auth.py").write_text("mine, still\n")
        person.presses("\x04")
        assert person.leaves() == 1
    with fixed.person("checkpoints", "restore", first, "--overwrite") as person:
        code = person.sees("type the code (....): ")[1]
        (fixed.folder / "auth.py").write_text("mine, later than what was shown\n")
        person.types(code)
        person.sees("files changed while you looked")
        assert person.leaves() == 1
    assert auth(fixed) == "mine, later than what was shown\n"


@pytest.mark.requirement("R15")
def test_what_is_not_there_is_one_line_with_a_true_code(make_repository: Callable[..., Path], tmp_path: Path) -> None:
    shell = open_shell(make_repository, tmp_path)
    assert shell.quick("run", "testing").code == 1
    assert "None: the thread has changed nothing." in shell.quick("checkpoints", "list").out
    for words in (("diff", "latest@7"), ("diff", "x"), ("restore", "nobody@1", "--yes"), ("list", "nobody")):
        assert shell.quick("checkpoints", *words).code == 2, words
    reads = shell.quick("checkpoints", "save")
    assert reads.code == 1 and "writes to no repository" in reads.complaint


def test_of_very_many_files_some_are_named(fixed: Shell) -> None:
    for number in range(25):
        (fixed.folder / f"new{number}.txt").write_text("mine")
    told = fixed.quick("checkpoints", "restore", first_of(fixed), "--dry-run").out
    assert "Stays" in told and "and 5 more" in told
