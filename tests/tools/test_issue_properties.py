"""Whatever the text, reading it ends in an issue or in one clear error, and nothing of a pair is lost."""

from hypothesis import given, settings
from hypothesis import strategies as st

from tools.errors import ToolError
from tools.issue_fences import mend
from tools.issue_form import Flaw, Issue
from tools.issue_grammar import parse_issue
from tools.issue_markdown import Code, Heading, read_document, visible

PIECES = st.sampled_from(
    [
        *("# Issue #7: T", "## Current Code", "### Should Be", "## Fixed code", "## Description", "## Target File"),
        *("## Files to Update", "## Metadata", "### 1. Part", "## \u0421urrent Code", "Should Be", "---", "===", "###"),
        *("```", "```python", "````", "```markdown", "~~~", "    x = 1", "\tx", "x = 1", "x = 2", "`x`", "``x` y"),
        *("**File**: src/a.py", "File: ../a.py", "- `src/b.py`", "Update `c.py`:", "**Target File**: d.py"),
        *("Current: `x`", "Should be: `y`", "**Current:**", "Should be:", "Current: `x`, should be: `y`"),
        *("# Current broken code:", "- **Labels**: a, b", "**Priority**: high", "## Check", "pytest tests/a.py"),
        *("<!--", "-->", "<!-- x -->", "> ```", "> # T", "- ", "  - ```", "1. a", "", " ", "\0", "\ufeff", "<div>"),
    ]
)
DOCUMENTS = st.one_of(st.lists(PIECES, max_size=25).map("\n".join), st.text(max_size=300))


@settings(max_examples=400, deadline=None)
@given(DOCUMENTS)
def test_any_text_gives_an_issue_or_one_error_that_names_a_line(text: str) -> None:
    try:
        issue = parse_issue(text, "issues/7.md")
    except ToolError as error:
        assert error.problem.kind in ("bad_input", "refused")
        assert error.problem.hint
        assert error.problem.message.startswith("issues/7.md ")
        assert error.problem.message.isprintable() or "\n" not in error.problem.message
        return
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    assert issue.title.isprintable()
    assert Issue.model_validate_json(issue.model_dump_json()) == issue
    for pair in issue.pairs:
        assert pair.old.strip()
        assert pair.old != pair.new
        assert pair.old.split("\n")[0].strip() in lines[pair.line - 1].lstrip("\ufeff")


@settings(max_examples=200, deadline=None)
@given(DOCUMENTS)
def test_reading_makes_no_more_blocks_than_there_are_lines(text: str) -> None:
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    try:
        document = read_document(text)
    except Flaw as flaw:
        assert 1 <= flaw.line <= len(lines)
        return
    assert len(document.blocks) <= len(lines)
    assert len(document.lines) == len(lines)
    starts = [block.line for block in document.blocks]
    assert starts == sorted(starts)
    assert all(block.below > block.line for block in document.blocks if isinstance(block, Heading))
    assert sum(len(block.text) for block in document.blocks) <= 4 * len(text) + len(lines)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.one_of(PIECES, st.text("`~m d\n#", max_size=8)), max_size=25))
def test_mending_keeps_every_line_that_is_no_fence_or_blanks_it(lines: list[str]) -> None:
    lines = "\n".join(lines).split("\n")
    mended = mend(lines)
    assert len(mended) == len(lines)
    for before, after in zip(lines, mended, strict=True):
        assert after in (before, "") or after.strip("`~") == before.strip().strip("`~").strip()


@settings(max_examples=200, deadline=None)
@given(st.text("a`<!->\n ", max_size=60))
def test_removing_comments_keeps_the_lines_and_invents_nothing(text: str) -> None:
    shown = visible(text)
    assert shown.count("\n") == text.count("\n")
    rest = iter(text)
    assert all(char in rest for char in shown)


CODE = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\r"), min_size=1, max_size=80)
FILES = st.sampled_from([None, "src/a.py", "b/c.test.ts", "\u00fcber/\u65e5.md"])


def render(file: str | None, old: str, new: str) -> str:
    """Write a pair as a careful author would: with fences longer than any run of backticks within."""
    ticks = "`" * (max(old.count("`"), new.count("`")) + 3)
    place = f"**File**: `{file}`\n\n" if file else ""
    return f"### Current Code\n{place}{ticks}text\n{old}\n{ticks}\n\n### Should Be\n{ticks}\n{new}\n{ticks}\n"


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(FILES, CODE, CODE), max_size=4, unique_by=lambda change: change[1]))
def test_pairs_that_are_written_down_are_read_back_exactly(changes: list[tuple[str | None, str, str]]) -> None:
    wanted = [(file, old, new) for file, old, new in changes if old.strip() and old != new]
    parts = [f"## {i}. Part\n{render(*change)}" for i, change in enumerate(wanted, 1)]
    issue = parse_issue("# Issue #1: T\n\n" + "\n".join(parts), "text")
    stated = {file for file, _, _ in wanted if file}
    only = next(iter(stated)) if len(stated) == 1 else None
    assert [(pair.file, pair.old, pair.new) for pair in issue.pairs] == [(f or only, o, n) for f, o, n in wanted]


@settings(max_examples=100, deadline=None)
@given(CODE)
def test_code_is_kept_to_the_last_blank(code: str) -> None:
    ticks = "`" * (code.count("`") + 3)
    document = read_document(f"{ticks}\n{code}\n{ticks}\n")
    assert [block.text for block in document.blocks if isinstance(block, Code)] == [code]
