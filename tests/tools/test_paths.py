"""Spellings of paths: which mean one place inside a repository on every system, and which are refused."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.tools.filing import problem_of
from tools.errors import ToolError
from tools.paths import DEEPEST, LONGEST_NAME, components, is_git_name


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/",
        "/etc/passwd",
        "//server/share",
        "..",
        "../x",
        "a/../../x",
        "a/..",
        ".",
        "./a",
        "a/./b",
        "a//b",
        "a/",
        "a\0b",
        "a\nb",
        "a\x1b[31m",
        "a\x7f",
        "..\\x",
        "a\\b",
        "%2e%2e/x",
        "a%2Fb",
        "%5c",
        "a%00",
        "\uff0e\uff0e",
        "a\u2025/x",
        "a\u2024/x",
        "\uff0e\uff0e/x",
        "a\u2044b",
        "a\uff0fb",
        "a\u2215b",
        "a\u29f8b",
        "a\uff3cb",
        "c\uff1ax",
        "a\u200b.py",
        "a\u200c.py",
        "a\u202egnp.exe",
        "a\u2066.py",
        "a\ufeff.py",
        "a\U000e0041.py",
        "a\u2028b",
        "a\udc80",
        "\ud800",
        "x" * 5000,
        "x" * (LONGEST_NAME + 1),
        "é" * 128,
        "a/" * 60000 + "b",
        "/".join("a" * (DEEPEST + 1)),
        "CON",
        "con",
        "NUL.txt",
        "nul .txt",
        "a/aux.c",
        "COM1",
        "com\u00b9.log",
        "LPT9.x.y",
        "CONIN$",
        "ok.txt::$DATA",
        "ok.txt:stream",
        "C:",
        "C:/x",
        "C:x",
        "\\\\server\\share",
        "\\\\?\\C:\\x",
        "ok.txt.",
        "ok.txt ",
        "a./b",
        "...",
    ],
    ids=ascii,
)
def test_a_path_that_could_mean_another_place_is_refused(path: str) -> None:
    assert "\udc80" not in str(problem_of(lambda: components(path), "bad_input"))


@pytest.mark.parametrize(
    "path",
    [
        ".git",
        ".git/config",
        ".git/hooks/pre-commit",
        ".git/info/attributes",
        "vendor/x/.git/config",
        ".GIT/config",
        ".Git/x",
        "GIT~1/config",
        "git~2",
        ".\uff47\uff49\uff54/config",
        ".gIt/x",
    ],
    ids=ascii,
)
def test_git_is_not_entered_in_any_spelling(path: str) -> None:
    problem_of(lambda: components(path), "refused")


@pytest.mark.parametrize("name", [".g\u200cit", ".git\u200d", "\ufeff.git", ".git ", ".git.", ".gi\u2064T"], ids=ascii)
def test_names_that_some_file_systems_take_for_git_are_known(name: str) -> None:
    assert is_git_name(name)
    problem_of(lambda: components(name), "bad_input", "refused")


@pytest.mark.parametrize(
    "path",
    [
        "a",
        "src/app.py",
        ".gitignore",
        ".github/workflows/ci.yml",
        "git/x",
        "digit~1/x",
        "~/x",
        "$HOME/x",
        "${X}",
        "a b/c d.txt",
        " leading",
        "-rf",
        "@x",
        "[id].tsx",
        "100%.txt",
        "a..b",
        "..a",
        "café.py",
        "日本語/größe.md",
        "\ufb01le.py",
        "console.log",
        "nullable.py",
        "com10.txt",
        "é" * 127,
        "/".join("a" * DEEPEST),
    ],
    ids=ascii,
)
def test_an_ordinary_path_is_taken_literally(path: str) -> None:
    assert components(path) == tuple(path.split("/"))


@settings(max_examples=300, deadline=None)
@given(st.text(st.characters(), max_size=40) | st.text("./\\gitGIT~1: %2e\u200c\uff0e", max_size=12))
def test_whatever_is_accepted_stays_inside_and_reads_back_the_same(path: str) -> None:
    try:
        parts = components(path)
    except ToolError:
        return
    assert "/".join(parts) == path
    assert not {"", ".", ".."} & set(parts)
    assert not any(is_git_name(part) for part in parts)
