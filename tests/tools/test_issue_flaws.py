"""What is wrong with an issue is said with its line; nothing that deceives the eye is taken for what it looks like."""

import pytest

from tools.errors import ToolError
from tools.issue_form import LIMIT
from tools.issue_grammar import parse_issue

PAIR = "## Current Code\n```\na\n```\n## Should Be\n```\nb\n```\n"


def refusal(text: str, origin: str = "issues/007-x.md") -> ToolError:
    with pytest.raises(ToolError) as caught:
        parse_issue(text, origin)
    assert caught.value.problem.hint
    assert "\n" not in str(caught.value)
    return caught.value


@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
        ("# T\n\n## Current Code\n```\na\n```\n", 3, "'Current Code' has no 'Should Be' after it."),
        (f"## Current Code\n```\nx\n```\n{PAIR}", 1, "'Current Code' has no 'Should Be' after it."),
        ("T\n\nCurrent:\n```\na\n```\n", 3, "'Current' has no 'Should Be' after it."),
        ("T\n\n```\n# Current broken code:\na\n```\n", 4, "'Current broken code' has no 'Should Be' after it."),
        (f"# T\n{PAIR}Current: `c`\n", 10, "'Current' has no 'Should Be' after it."),
        ("# T\n\n### Fixed code:\n```\nb\n```\n", 3, "'Fixed code' has no 'Current Code' before it."),
        ("# T\nCurrent: `a\nShould be: `b`\n", 3, "'Should be' has no 'Current Code' before it."),
        ("# T\n\nShould be: `b`\n", 3, "'Should be' has no 'Current Code' before it."),
        (f"{PAIR}## Should Be\n```\nc\n```\n", 9, "'Should Be' has no 'Current Code' before it."),
        ("# T\n## Should be\nThe title is plural.\n", 2, "'Should be' holds no code block."),
        ("## Current Code\nreturn a\n\n## Should Be\nreturn b\n", 1, "'Current Code' holds no code block."),
        ("## Current Code\n```\na\n```\n```\nb\n```\n", 6, "a second code block under 'Current Code' of line 1."),
        (f"{PAIR}Try:\n```\nmake\n```\n", 11, "a second code block under 'Should Be' of line 5."),
        ("## Current Code\n```\n \t\n\n```\n## Should Be\n`b`\n", 3, "the code under 'Current Code' is empty."),
        ("## Current Code\n```\n```\n## Should Be\n`b`\n", 3, "the code under 'Current Code' is empty."),
        ("Current: `a`\nShould be: `a`\n", 2, "'Should be' is the same as 'Current' of line 1."),
        (f"{PAIR}{PAIR.replace('b', 'c')}", 11, "the same code as on line 3 shall become something else here."),
        ("# T\n\n- x\n  ```py\n  a\n", 4, "the code block opened here is never closed."),
        ("# T\n\n```py\na\n``\n~~~\n    ```\n", 3, "the code block opened here is never closed."),
        ("# T\n````\n```\n", 2, "the code block opened here is never closed."),
        ("# T\n\n```", 3, "the code block opened here is never closed."),
        ("# T\n\n<!-- hidden\n\n## Current Code\n", 3, "the comment opened here is never closed."),
        ("# T\nFine\0.\n", 2, "U+0000 is no character of a text."),
        ("# T\n\n\ud800\n", 3, "U+D800 is no character of a text."),
        ("# \n\n<!-- x -->\n", 1, "there is no title and no content."),
        ("```markdown\n```\n", 1, "there is no title and no content."),
        ("# Issue #12\n", 1, "there is no title and no content."),
        ("---\n", 1, "there is no title and no content."),
    ],
)
def test_a_flaw_in_the_form_is_told_with_its_line(text: str, line: int, what: str) -> None:
    problem = refusal(text).problem
    assert (problem.kind, problem.message) == ("bad_input", f"issues/007-x.md line {line}: {what}")


def test_a_fence_as_long_as_a_book_is_not_repeated() -> None:
    assert refusal("# T\n" + "`" * 90_000).problem.hint == "End it with a line of 90000 '`'."


@pytest.mark.parametrize(
    ("text", "line", "other"),
    [
        ("## Target File\na.py\n\n## Target File\nb.py\n", 4, "line 1 says about 'target file'"),
        ("**Target File**: a.py\n\n## Target File\nb.py\n", 3, "line 1 says about 'target file'"),
        ("# T\n## Description\nx\n\n## Description\ny\n", 5, "line 2 says about 'description'"),
        ("## Priority\nhigh\n## Metadata\n- **Priority**: low\n", 4, "line 1 says about 'priority'"),
        ("## Requirements\n- a\n## Requirements\n- a\n- b\n", 3, "line 1 says about 'requirements'"),
        ("**Labels**: a, b\n\n## Labels\n- a\n", 3, "line 1 says about 'labels'"),
        ("# T\nType: bug\nType: feature\n", 3, "line 2 says about 'type'"),
    ],
)
def test_sections_that_contradict_each_other_are_refused(text: str, line: int, other: str) -> None:
    problem = refusal(text).problem
    assert problem.kind == "bad_input"
    assert problem.message.startswith(f"issues/007-x.md line {line}: this contradicts what {other}")


@pytest.mark.parametrize(
    "text",
    [
        "## Target File\na.py\n\n## Target File\n`a.py`\n",
        "## Priority\nHigh\n## Metadata\n- **Priority**: high\n",
        "**Labels**: a, b\n\n## Labels\n- a\n- b\n",
        "# T\n## Requirements\n- a\n## Part\n### Requirements\n- b\n",
        "# T\n## Part 1\n**Priority**: high\n## Part 2\n**Priority**: low\n",
    ],
)
def test_sections_that_agree_or_speak_of_parts_may_repeat(text: str) -> None:
    parse_issue(text, "text")


def test_two_files_for_one_target_or_one_pair_are_refused() -> None:
    assert refusal("## Target File\n- a.py\n- b.py\n").problem.message.endswith(
        "line 3: a second target file, 'b.py', beside 'a.py'."
    )
    both = "## Current Code\nFile: a.py\nFile: b.py\n```\na\n```\n## Should Be\n`b`\n"
    assert "line 3: 'Current Code' of line 1 names two files." in refusal(both).problem.message
    before = "# T\n**File**: a.py\n\n**File**: b.py\n" + PAIR
    assert "line 4: 'b.py' is named here for what follows, and 'a.py' on line 2." in refusal(before).problem.message
    apart = "## Current Code\nFile: a.py\n```\na\n```\n## Should Be\nFile: b.py\n```\nb\n```\n"
    assert "line 6: 'Should Be' names 'b.py', but line 1 is about 'a.py'." in refusal(apart).problem.message


@pytest.mark.parametrize(
    ("name", "character"),
    [
        ("\u0421urrent Code", "U+0421 CYRILLIC CAPITAL LETTER ES at character 1"),
        ("Current C\u03bfde", "U+03BF GREEK SMALL LETTER OMICRON at character 10"),
        ("Current\u200b Code", "U+200B ZERO WIDTH SPACE at character 8"),
        ("\uff23urrent Code", "U+FF23 FULLWIDTH LATIN CAPITAL LETTER C at character 1"),
        ("\u26a0\ufe0f Curr\u0435nt Code", "U+0435 CYRILLIC SMALL LETTER IE at character 8"),
        ("\u202eCurrent Code", "U+202E RIGHT-TO-LEFT OVERRIDE at character 1"),
    ],
)
@pytest.mark.parametrize("form", ["# T\n\n## {}\n```\na\n```\n", "# T\n\n**{}**:\n```\na\n```\n"])
def test_a_section_name_with_look_alike_letters_is_refused_with_the_letter(
    form: str, name: str, character: str
) -> None:
    problem = refusal(form.format(name)).problem
    assert problem.kind == "bad_input"
    assert problem.message.startswith("issues/007-x.md line 3: ")
    assert "is not 'current code'" in problem.message
    shift = 2 if form.count("*") else 0
    code, _, place = character.rpartition(" ")
    assert f"{code} {int(place) + shift}" in problem.message


def test_section_names_of_other_languages_and_accents_are_plain_words() -> None:
    parse_issue(
        "# T\n## \u0422\u0435\u043a\u0443\u0449\u0438\u0439 \u043a\u043e\u0434\nx\n## D\u00e9tails: \u00e9t\u00e9\nx\n",
        "text",
    )


FILE_FORMS = (
    "**File**: {}",
    "File: `{}`",
    "## Target File\n{}",
    "## Files to Update\n- {} - the check",
    "## Files to Create\n- `{}`",
    "**Check**: {}",
)


@pytest.mark.parametrize(
    ("path", "character"),
    [
        ("src/\u0430uth.py", "U+0430 CYRILLIC SMALL LETTER A at character 5"),
        ("src/\u0441\u043e\u0440\u0443.py", "U+0441 CYRILLIC SMALL LETTER ES at character 5"),
        ("src/\uff41uth.py", "U+FF41 FULLWIDTH LATIN SMALL LETTER A at character 5"),
        ("src/\u65e5\uff41.py", "U+FF41 FULLWIDTH LATIN SMALL LETTER A at character 6"),
        ("src/au\u200cth.py", "U+200C ZERO WIDTH NON-JOINER at character 7"),
        ("src/\u202eauth.py", "U+202E RIGHT-TO-LEFT OVERRIDE at character 5"),
        ("src/au\x07th.py", "U+0007 without a name at character 7"),
        ("src\u2215auth.py", "U+2215 DIVISION SLASH at character 4"),
        ("src/\u2025/auth.py", "U+2025 TWO DOT LEADER at character 5"),
        ("src/a\u2013b.py", "U+2013 EN DASH at character 6"),
    ],
)
@pytest.mark.parametrize("form", FILE_FORMS)
def test_a_file_name_with_a_look_alike_or_invisible_character_is_refused_with_its_name(
    form: str, path: str, character: str
) -> None:
    problem = refusal(f"# T\n\n{form.format(path)}\n").problem
    assert problem.kind == "bad_input"
    assert character in problem.message


@pytest.mark.parametrize("path", ["../a.py", "src/../../a.py", "/etc/passwd.py", "~/a.py", "C:/a.py", ".git/config.py"])
@pytest.mark.parametrize("form", FILE_FORMS[:-1])
def test_a_file_name_that_leads_out_of_the_repository_is_refused(form: str, path: str) -> None:
    problem = refusal(f"# T\n\n{form.format(path)}\n").problem
    assert problem.kind == "refused"
    assert f"{path!r} is not a file inside the repository." in problem.message
    assert problem.message.startswith(f"issues/007-x.md line {3 + form.count(chr(10))}: ")


def test_a_windows_path_and_an_endless_name_are_refused_and_shown_short() -> None:
    assert refusal("# T\n\nFile: src\\a.py\n").problem.kind == "refused"
    assert len(refusal(f"# T\n\nFile: /{'a/' * 5000}b.py\n").problem.message) < 200


@pytest.mark.parametrize(
    "path",
    [
        "src/auth.py",
        "./src/auth.py",
        "docs/\u00fcbersicht.md",
        "\u65e5\u672c/\u8a9e.py",
        "docs/\u0441\u043f\u0440\u0430\u0432\u043a\u0430.md",
        "a..b/c.py",
        "u\u0308ber.md",
    ],
)
@pytest.mark.parametrize("form", FILE_FORMS)
def test_an_honest_file_name_in_any_script_is_taken(form: str, path: str) -> None:
    issue = parse_issue(f"# T\n\n{form.format(path)}\n\n{PAIR}", "text")
    named = {issue.pairs[0].file, *issue.files_update, *issue.files_create, *issue.checks}
    assert path.removeprefix("./") in named


def test_a_file_only_mentioned_is_checked_before_it_is_used() -> None:
    assert parse_issue("# T\nSee `src/\u0430uth.py`.\n", "text").pairs == ()
    problem = refusal(f"# T\n\nSee\n`src/\u0430uth.py`.\n{PAIR}").problem
    assert "line 4: the file name" in problem.message


@pytest.mark.parametrize("text", ["", " \n\t\r\n", "\ufeff", "\ufeff\n"])
def test_an_empty_issue_is_refused_and_says_so(text: str) -> None:
    problem = refusal(text, "issues/7.md").problem
    assert (problem.kind, problem.message) == ("bad_input", "issues/7.md is empty.")
    assert refusal(text, "text").problem.message == "The issue's text is empty."


@pytest.mark.parametrize("text", ["a" * (LIMIT + 1), "\u00e9" * (LIMIT // 2 + 1), "```\n" * 1_300_000])
def test_an_issue_over_the_limit_is_refused_without_reading_it(text: str) -> None:
    assert refusal(text).problem.kind == "limit"


def test_an_issue_of_exactly_the_limit_is_still_read() -> None:
    assert parse_issue("\u00e9" * (LIMIT // 2), "text").pairs == ()


@pytest.mark.parametrize(
    ("unit", "kind"),
    [
        ("```\n", "bad_input"),
        ("```python\n", "bad_input"),
        ("```markdown\n```python\n```\n", ""),
        ("~~~\n", "bad_input"),
    ],
)
def test_a_storm_of_fences_gets_one_line_and_no_hang(unit: str, kind: str) -> None:
    if kind:
        assert refusal(unit * 30_000).problem.kind == kind
    else:
        assert parse_issue("# T\n" + unit * 30_000, "text").title == "T"
