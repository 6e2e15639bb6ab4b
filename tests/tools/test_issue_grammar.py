"""What an issue says about itself: number, title, texts, lists and metadata."""

import pytest

from tools.issue_form import Issue
from tools.issue_grammar import parse_issue


def parse(text: str) -> Issue:
    return parse_issue(text, "text")


@pytest.mark.parametrize(
    ("heading", "number", "title"),
    [
        ("# Issue #123: Fix it", 123, "Fix it"),
        ("# Issue #007: Fix it", 7, "Fix it"),
        ("## issue 12 - Fix it", 12, "Fix it"),
        ("# Issue #12 \u2013 Fix it", 12, "Fix it"),
        ("# #12: Fix it", 12, "Fix it"),
        ("# #12 Fix it", 12, "Fix it"),
        ("# Issue #12\n```\nlog\n```", 12, "Issue 12"),
        ("# Issue: Fix it", None, "Fix it"),
        ("# Issue #007a: Fix it", None, "Fix it"),
        ("# Issue #64-1: Fix it", None, "Fix it"),
        ("# 3 bugs in auth", None, "3 bugs in auth"),
        ("# Issues #3 and #4", None, "Issues #3 and #4"),
        ("Issue #5: Fix it\n===", 5, "Fix it"),
        ("Intro.\n\n# Issue #5: Fix it", 5, "Fix it"),
        ("Intro.\n\n### Issue #5: Fix it", 5, "Fix it"),
        ("# Issue #99999999999: Fix it", None, "Issue #99999999999: Fix it"),
        ("# Issue #\u0661: Fix it", None, "Issue #\u0661: Fix it"),
        ("Fix the login.\nIt fails.", None, "Fix the login."),
        ("Fix the login.\n\n## Details\nIt fails.", None, "Fix the login."),
        ("## Description\nThe login fails.", None, "The login fails."),
        ("# " + "x" * 300, None, "x" * 200),
        ("# Fix \x1b[31m\u202eit", None, "Fix [31mit"),
        ("\x1b\u202e\nFix it.", None, ""),
    ],
)
def test_number_and_title_come_from_the_heading_or_else_the_first_words(
    heading: str, number: int | None, title: str
) -> None:
    issue = parse(heading + "\n")
    assert (issue.number, issue.title) == (number, title)


FULL = """\
# Issue #064: Everything at once

Introduction.

## Description
It fails.

### Seen where
In <!-- not here --> `src/a.py`:

```
# not a heading
```

<!--
## Problem
hidden
-->

## Problem
No check.

## Solution
Add one.

## Files to Update
- `src/a.py` (line 70)
- src/b.py - also
- files to be found

## Files to Create
1. tests/test_a.py

## Requirements
- [ ] Keep the name
- [x] Stay fast,
  always
  - even cold

Also be kind.

## Acceptance Criteria
* All tests pass

## Metadata
- **Repository**: `shop`
- **Source Repository**: org/base
- **Labels**: bug, `high`, bug
- State: open

## Type
Bug

## Priority
High - blocks others

## Parent Issue
#061

## Dependencies
- Depends on: #12, #064-1
- [#13](https://example.org)

## Assignee
issue_fixer_agent

## Test
Run `pytest -x tests/test_a.py::test_it[1] tests/b` and see.
```bash
# all
python -m pytest tests/test_c.py
```
"""


def test_every_section_of_the_grammar_finds_its_place() -> None:
    issue = parse(FULL)
    assert issue.model_dump(exclude={"description"}) == {
        "origin": "text",
        "number": 64,
        "title": "Everything at once",
        "problem": "No check.",
        "solution": "Add one.",
        "pairs": (),
        "files_update": ("src/a.py", "src/b.py"),
        "files_create": ("tests/test_a.py",),
        "requirements": ("Keep the name", "Stay fast, always", "even cold", "Also be kind."),
        "success_criteria": ("All tests pass",),
        "checks": ("tests/test_a.py::test_it[1]", "tests/test_c.py"),
        "agent": "issue_fixer",
        "type": "Bug",
        "priority": "High - blocks others",
        "status": "open",
        "labels": ("bug", "high"),
        "repository": "shop",
        "source_repository": "org/base",
        "parent": 61,
        "dependencies": ("#12", "#064-1", "#13"),
    }
    assert issue.description == "It fails.\n\n### Seen where\nIn  `src/a.py`:\n\n```\n# not a heading\n```"


def test_an_issue_survives_the_log_it_is_written_to() -> None:
    issue = parse(FULL + "\nCurrent: `a`\nShould be: `b`\n")
    assert Issue.model_validate_json(issue.model_dump_json()) == issue


@pytest.mark.parametrize(
    ("text", "description"),
    [
        ("# T\n\nBefore.\n\n## Description\nInside.\n", "Inside."),
        ("# T\n\nBefore.\n\n## Notes\nInside.\n", "Before."),
        ("# T\n\n## Notes\nInside.\n", "## Notes\nInside."),
        ("One.\nTwo.\n", "One.\nTwo."),
        ("# T\n\nDescription\n-----------\nInside.\n", "Inside."),
        ("# T\n\n## Description\nA rule\n---\n**Type**: bug\n", "A rule\n---\n**Type**: bug"),
    ],
)
def test_the_description_is_its_section_or_the_introduction_or_everything(text: str, description: str) -> None:
    assert parse(text).description == description


def test_long_texts_are_cut_with_a_mark_and_pairs_never_are() -> None:
    texts = f"# T\n## Description\n{'d' * 5000}\n## Requirements\n- {'r' * 600}\n"
    issue = parse(f"{texts}## Current Code\n```\n{'c' * 9000}\n```\n## Should Be\n`b`\n")
    assert issue.description == "d" * 4000 + " … [1000 more characters]"
    assert issue.requirements == ("r" * 500 + " … [100 more characters]",)
    assert issue.pairs[0].old == "c" * 9000


@pytest.mark.parametrize(
    ("value", "agent"),
    [
        ("SmartIssueAgent", "smart_issue"),
        ("`IntelligentIssueAgent`", "intelligent_issue"),
        ("- IssueFixerAgent", "issue_fixer"),
        ("**TestingAgent**", "testing"),
        ("PRReviewAgent", "pr_review"),
        ("ResearchAgent, because of the sources", "research"),
        ("Use the DeploymentAgent.", "deployment"),
        ("HierarchicalOrchestrator", "orchestrate"),
        ("IssueOrchestratorAgent", "orchestrate"),
        ("issue_fixer", "issue_fixer"),
        ("issue_fixer_agent", "issue_fixer"),
        ("release_notes", "release_notes"),
        ("Nobody yet.", ""),
        ("An Agent", ""),
    ],
)
def test_an_assigned_agent_gets_our_name(value: str, agent: str) -> None:
    assert parse(f"# T\n## Agent Assignment\n{value}\n").agent == agent


@pytest.mark.parametrize(("value", "agent"), [("SmartIssueAgent", "smart_issue"), ("testing", "testing"), ("dave", "")])
def test_an_assignee_may_be_a_person_or_an_agent(value: str, agent: str) -> None:
    assert parse(f"# T\n**Assignee**: {value}\n").agent == agent


@pytest.mark.parametrize(
    ("value", "checks"),
    [
        ("**Check**: tests/test_x.py", ("tests/test_x.py",)),
        ("Check: `./tests/test_x.py::test_a`, `tests/test_y.py`", ("tests/test_x.py::test_a", "tests/test_y.py")),
        ("## Check\n- tests/test_x.py\n- web/a.test.ts", ("tests/test_x.py", "web/a.test.ts")),
        ("## Test\n```\npytest -q\n```", ("pytest",)),
        ("## Tests\n`cargo test`", ("cargo",)),
        ("## Check\nunittest", ("unittest",)),
        ("## Test\nPlease make sure to go through all pages.", ()),
        ("## Check\nnone", ()),
    ],
)
def test_checks_are_the_tests_an_issue_names_or_else_its_runner(value: str, checks: tuple[str, ...]) -> None:
    assert parse(f"# T\n\n{value}\n").checks == checks


@pytest.mark.parametrize(
    ("value", "parent"),
    [
        ("064", 64),
        ("#64", 64),
        ("Issue #64", 64),
        ("`#64`", 64),
        ("[#64](x)", 64),
        ("#MASTER-12-X", None),
        ("#64-1", None),
    ],
)
def test_a_parent_is_a_whole_issue_number(value: str, parent: int | None) -> None:
    assert parse(f"# T\n## Parent Issue\n{value}\n").parent == parent


def test_fields_count_in_bold_anywhere_and_plain_only_at_the_top_or_under_metadata() -> None:
    assert parse("# T\nPriority: high\n").priority == "high"
    assert parse("# T\n## Metadata\nPriority: high\n").priority == "high"
    assert parse("# T\n## Details\n**Priority:** high  \n").priority == "high"
    assert parse("# T\n## Notes\n**Priority: high**\n").priority == "high"
    assert parse("# T\n## Notes\nPriority: high\n").priority == ""
    assert parse("# T\n## Current Code\n**Priority**: high\n\n`a`\n## Should Be\n`b`\n").priority == ""


def test_what_stands_for_the_whole_issue_outweighs_a_remark_below_a_heading() -> None:
    assert parse("# T\n## Part\n**Priority**: low\n\n## Priority\nhigh\n").priority == "high"
    assert parse("# T\n## Priority\nhigh\n## Part\n**Priority**: low\n").priority == "high"
