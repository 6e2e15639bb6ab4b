"""The changes an issue asks for, in every form its authors write them."""

import pytest

from tools.issue_form import Issue
from tools.issue_grammar import parse_issue

SEED = """\
# Issue #123: Fix authentication bug

## Description
The login system fails when...

## Current Code
```python
def authenticate(user):
    return False  # Bug here
```

## Should Be
```python
def authenticate(user):
    return user.is_valid()
```

## Metadata
- **Repository**: your-repo
- **Labels**: bug, high-priority

## Agent Assignment
IntelligentIssueAgent
"""
OLD = "def authenticate(user):\n    return False  # Bug here"
NEW = "def authenticate(user):\n    return user.is_valid()"
WRAPPED = f"```markdown\n{SEED}```\n"


def parse(text: str) -> Issue:
    return parse_issue(text, "issues/123-auth.md")


def changes(text: str) -> list[tuple[str | None, str, str]]:
    return [(pair.file, pair.old, pair.new) for pair in parse(text).pairs]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (SEED, 8),
        (WRAPPED, 9),
        (WRAPPED.removesuffix("\n"), 9),
        (f"\n\n{WRAPPED}\n\n", 11),
        (f"### Issue File Format\nAgents expect issues in the `issues/` directory:\n{WRAPPED}", 11),
        (f"### Format\n```bash\n# run it\n```\n{WRAPPED}\n## Core Patterns\n```python\n# Save\n```\n", 13),
        (f"````markdown\n{SEED}````\n", 9),
        (f"~~~md\n{SEED}~~~\n", 9),
        (f"```\n{SEED}```\n", 9),
        (SEED.replace("\n", "\r\n"), 8),
        (WRAPPED.replace("\n", "\r\n"), 9),
        (SEED.replace("\n", "\r"), 8),
        ("\ufeff" + SEED, 8),
        ("\ufeff" + WRAPPED, 9),
    ],
)
def test_the_seeds_own_example_gives_its_one_pair_however_it_is_pasted(text: str, line: int) -> None:
    issue = parse(text)
    assert [(pair.old, pair.new, pair.line) for pair in issue.pairs] == [(OLD, NEW, line)]
    assert (issue.number, issue.title) == (123, "Fix authentication bug")
    assert (issue.description, issue.repository) == ("The login system fails when...", "your-repo")
    assert (issue.labels, issue.agent) == (("bug", "high-priority"), "intelligent_issue")


def test_bare_fences_inside_an_outer_one_are_read_when_it_spans_the_file() -> None:
    assert [(pair.old, pair.new) for pair in parse(WRAPPED.replace("```python", "```")).pairs] == [(OLD, NEW)]


def test_an_issue_quoted_from_a_mail_is_read_like_the_original() -> None:
    assert changes("".join(f"> {line}\n" for line in SEED.splitlines())) == [(None, OLD, NEW)]


@pytest.mark.parametrize(
    "text",
    [
        "# Explain it\n\n## Description\nThe guide shows:\n\n" + WRAPPED,
        "# Explain it\n\n" + WRAPPED,
        WRAPPED + "\n## Requirements\n- explain it\n",
        "```markdown\nno heading first\n## Current Code\n```\n",
        "```markdown\n# A title\nand no section\n```\n",
        "```python\n# Issue #1: a comment\n## Description\n```\n",
    ],
)
def test_an_issue_that_only_quotes_another_one_asks_for_nothing(text: str) -> None:
    assert parse(text).pairs == ()


def test_a_nested_block_of_equal_fences_belongs_to_the_markdown_around_it() -> None:
    text = (
        "## Current Code\n```markdown\nUse:\n```python\nx = 1\n```\nMore\n```\n\n"
        "## Should Be\n```markdown\nUse:\n```python\nx = 2\n```\nMore\n```\n"
    )
    assert changes(text) == [(None, "Use:\n```python\nx = 1\n```\nMore", "Use:\n```python\nx = 2\n```\nMore")]


def test_a_fence_of_another_kind_inside_the_code_of_a_fenced_issue_is_code() -> None:
    inner = "# T\n## Current Code\n```python\n~~~\na\n```\n## Should Be\n```python\nb\n```\n"
    assert changes(f"```markdown\n{inner}```\n\nThanks!\n") == [(None, "~~~\na", "b")]


def test_a_markdown_block_that_is_no_nest_is_read_as_commonmark_does() -> None:
    text = "# T\n## Current Code\n```md\na\n```sh\n```\n## Should Be\n```md\nb\n```\n"
    assert changes(text) == [(None, "a\n```sh", "b")]


@pytest.mark.parametrize(
    ("text", "old", "new"),
    [
        ("## Current Code\n```\na\n```\n## Should Be\n```\nb\n```\n", "a", "b"),
        ("# current CODE:\n```\na\n```\n#### **SHOULD BE**\n```\nb\n```\n", "a", "b"),
        ("### Current broken code\n```\na\n```\n### Fixed code\n```\nb\n```\n", "a", "b"),
        ("Current Code\n------------\n```\na\n```\nShould Be\n=========\n```\nb\n```\n", "a", "b"),
        ("## 🔧 Current Code ##\n```\na\n```\n## ✅ Should Be ##\n```\nb\n```\n", "a", "b"),
        ("## Current\u00a0Code\n```\na\n```\n## Should Be\n```\nb\n```\n", "a", "b"),
        ("## Current Code\n~~~py\na\n```\n~~~\n## Should Be\n~~~~\nb\n~~~\n~~~~\n", "a\n```", "b\n~~~"),
        ("## Current Code\n\n    a\n      b\n\n## Should Be\n\n    c\n", "a\n  b", "c"),
        ("## Current Code\n\n\ta\n\n## Should Be\n\n\tb\n", "a", "b"),
        ("## Current Code\n```\n\ta  \n\n \n```\n## Should Be\n```\n\tb\t\n```\n", "\ta  \n\n ", "\tb\t"),
        ("## Current Code\n`a`\n## Should Be\n`b`\n", "a", "b"),
        ("## Current Code\n```\na\n```\n## Should Be\n```\n```\n", "a", ""),
        ("## Current Code\n```\na\n```\n## Why\nBecause.\n```\nlog\n```\n## Should Be\n```\nb\n```\n", "a", "b"),
        ("## Current Code\n```\na\n```\n### Output\n```\nlog\n```\n## Should Be\n```\nb\n```\n", "a", "b"),
        ("## Current Code\nCurrent:\n```\na\n```\n## Should Be\nShould be:\n```\nb\n```\n", "a", "b"),
        ("Current: `a`\nShould be: `b`\n", "a", "b"),
        ("Current: `a`, should be: `b`\n", "a", "b"),
        ("Current: `` a`b ``\nShould be: ``  ``\n", "a`b", "  "),
        ("- **Current**: `a`\n- **Should be:** `b`.\n", "a", "b"),
        ("Fix it.\nCurrent broken:\n```\na\n```\n\nShould be:\n```\nb\n```\n", "a", "b"),
        ("Current broken code:\n```\na\n```\nFixed code:\n```\nb\n```\n", "a", "b"),
        ("**Current Code**\n```\na\n```\n__Should Be__\n```\nb\n```\n", "a", "b"),
        ("Current: line 3 says\n```\na\n```\nShould be: this\n```\nb\n```\n", "a", "b"),
        ("1. Current:\n   ```\n   a\n     b\n   ```\n2. Should be:\n   ```\n   c\n   ```\n", "a\n  b", "c"),
        ("## Problem\n```python\n# Current broken code:\na\n```\n## Solution\n```\n// Fixed code:\nb\n```\n", "a", "b"),
        (
            "<!--\n## Should Be\n-->\n## Current Code\n```\n<!-- a -->\n```\n## Should Be\n```\nb\n```\n",
            "<!-- a -->",
            "b",
        ),
        ("Current: `<!-- a -->` <!-- it is\nold -->\nShould be: `b`\n", "<!-- a -->", "b"),
    ],
)
def test_every_form_of_a_pair_is_read(text: str, old: str, new: str) -> None:
    assert changes(f"# A title\n\n{text}") == [(None, old, new)]


@pytest.mark.parametrize(
    "text",
    [
        "The login fails when the name is empty.",
        "# Slow start\n\n## Description\nIt takes 9 s.\n",
        "# T\n\nCurrent: users see an error. Should be: users see the page.\n",
        "# T\n\n**Current:** `agent list` shows 12 agents but not this one\n**Impact:** high\n",
        "# T\n\n**Current:** `a`\n**Solution:** `b`\n",
        "# T\n\n## Current\nThe page is blue.\n\n## Requirements\n- red\n",
        "# T\n\n**Current:**\n- slow\n\n**Should be:**\n- fast\n",
        "# T\n\n```python\n# Current user\nuser = 1\n```\n",
        "# T\n\n```python\n# Current:\n```\n",
        "# T\n\n<!--\nCurrent: `a`\nShould be: `b`\n-->\n",
        "# T\n\nHidden <!--\nCurrent: `a`\nShould be: `b`\n--> text\n",
        "# T\n\n```\n## Current Code\n```\n",
    ],
)
def test_plain_words_and_hidden_text_ask_for_no_change(text: str) -> None:
    assert parse(text).pairs == ()


def test_several_pairs_keep_their_order_and_a_repeated_one_counts_once() -> None:
    one = "## Current Code\n```\na\n```\n## Should Be\n```\nb\n```\n"
    two = "### 2. Current Code\n```\nc\n```\n### Should Be\n```\nd\n```\n"
    assert changes("# T\n" + one + two + one) == [(None, "a", "b"), (None, "c", "d")]


@pytest.mark.parametrize(
    "place",
    [
        "**File**: src/a.py",
        "**File:** `src/a.py`",
        "__File:__ src/a.py  ",
        "File: `./src/a.py`",
        "- **File**: src/a.py:12-14",
        "File: src/a.py (line 12)",
        "File: [src/a.py](https://example.org)",
        "**Target File**: src/a.py",
        "Update `src/a.py`:",
        "Fix what `src/a.py` returns.",
        "Fix what `src/a.py:7` returns, as `user.name` does, not `/etc/passwd`, `../b.py` or `http://x.io/y.py`.",
        "## Target File\nsrc/a.py",
        "## Target File\n- `src/a.py`",
        "## File\nsrc/a.py",
        "## Files to Update\n- src/a.py - the check\n- files as needed",
        "## Files to modify\n1. **src/a.py**: the check",
        "## Files to Create/Modify\n```\nsrc/a.py\n```",
        "## `src/a.py`",
        "## 1. src/a.py",
        "## File: src/a.py",
        "## Files to Create\n- `src/new.py`\n\n## Notes\nSee `src/a.py` and `src/new.py`.",
    ],
)
def test_the_file_of_a_pair_is_found_where_the_issue_names_it(place: str) -> None:
    pair = "## Current Code\n```\na\n```\n## Should Be\n```\nb\n```\n"
    assert changes(f"# T\n\n{place}\n\n{pair}") == [("src/a.py", "a", "b")]
    if place.startswith("## "):
        assert changes(f"# T\n\n{pair}\n{place}\n") == [("src/a.py", "a", "b")]


@pytest.mark.parametrize(
    "text",
    [
        "## Current Code\n**File**: src/a.py\n```\na\n```\n## Should Be\n```\nb\n```\n",
        "## Current Code\n`src/a.py`\n```\na\n```\n## Should Be\n`src/a.py`:\n```\nb\n```\n",
        "## Current Code\n```\na\n```\n## Should Be\n**File**: src/a.py\n```\nb\n```\n",
        "## Current Code (src/a.py)\n```\na\n```\n## Should Be (src/a.py):\n```\nb\n```\n",
        "## Current Code\n### `src/a.py`\n```\na\n```\n## Should Be\n### `src/a.py`\n```\nb\n```\n",
    ],
)
def test_the_file_may_stand_within_the_pair(text: str) -> None:
    assert changes(f"# T\nSee `other.py`.\n\n{text}") == [("src/a.py", "a", "b")]


@pytest.mark.parametrize(
    "hint",
    [
        "Both `a.py` and `b.py` fail.",
        "## Files to Update\n- a.py\n- b.py\n",
        "Call `user.is_valid` and `os.path`.",
        "Change `old_name`.",
        "File: none",
        "File: not found, says the log.",
        "File: **",
    ],
)
def test_a_pair_has_no_file_where_the_issue_does_not_say_which(hint: str) -> None:
    assert changes(f"# T\n\n{hint}\n\n## Current Code\n`a`\n## Should Be\n`b`\n") == [(None, "a", "b")]


def test_numbered_changes_each_keep_the_file_named_in_their_own_part() -> None:
    text = (
        "# T\n**File**: base.py\n\n## Changes\n"
        "### 1. Auth\n**File**: `src/auth.py`\nCurrent: `a`\nShould be: `b`\n"
        "### 2. Shop\n**Target File**: src/shop.py\n\n#### Current Code\n```\nc\n```\n#### Should Be\n```\nd\n```\n"
        "### 3. Rest\nCurrent: `e`\nShould be: `f`\n"
        "### 4. Cart\n#### Target File\nsrc/cart.py\n#### Current Code\n`g`\n#### Should Be\n`h`\n"
    )
    assert changes(text) == [
        ("src/auth.py", "a", "b"),
        ("src/shop.py", "c", "d"),
        ("base.py", "e", "f"),
        ("src/cart.py", "g", "h"),
    ]


def test_flat_headings_share_the_file_stated_above_them_until_the_next_part() -> None:
    pair = "## Current Code\n`a`\n## Should Be\n`b`\n"
    text = f"# T\n## 1. Auth\n**File**: a.py\n{pair}## 2. Shop\n**File**: b.py\n{pair}"
    assert changes(text) == [("a.py", "a", "b"), ("b.py", "a", "b")]


def test_a_file_may_be_stated_twice_if_it_is_the_same_or_nothing_follows_or_the_pair_names_its_own() -> None:
    pair = "## Current Code\n`a`\n## Should Be\n`b`\n"
    same = f"# T\n**File**: a.py\n\n**File**: `./a.py`\n{pair}"
    heading = f"# T\n## Fix `auth.py`\n**File**: a.py\n{pair}"
    own = f"# T\n**File**: b.py\n{pair.replace('Code', 'Code (a.py)')}\n**File**: c.py\n"
    assert [changes(text) for text in (same, heading, own)] == [[("a.py", "a", "b")]] * 3


def test_the_line_of_a_pair_is_the_line_where_its_old_text_starts() -> None:
    inline = "# T\n\nCurrent: `a`\nShould be: `b`\n\n"
    fenced = "## Current Code\n\n```\nc\n```\n## Should Be\n`d`\n\n"
    indented = "### Current\n\n    e\n\n### Should Be\n`f`\n"
    assert [pair.line for pair in parse(inline + fenced + indented).pairs] == [3, 9, 16]
    commented = "# T\n```\n# Current code:\na\n```\n```\n# Fixed code:\nb\n```\n"
    assert [pair.line for pair in parse(commented).pairs] == [4]
