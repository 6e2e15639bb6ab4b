"""How much an issue asks for: every rule with its evidence, and nothing but rules."""

from pathlib import Path

import pytest

from tests.tools.checking import Memory
from tools.complexity import Assessment, Level, assess_issue
from tools.workspace import Repository, Workspace

pytestmark = pytest.mark.anyio

PAIR = "## Current Code\n```\na\n```\n\n## Should Be\n```\nb\n```\n"
OTHER = PAIR.replace("a\n", "c\n")


def items(heading: str, count: int) -> str:
    return f"## {heading}\n" + "".join(f"- thing {number} must hold\n" for number in range(count))


def files(*names: str) -> str:
    return "## Files to Update\n" + "".join(f"- `{name}`\n" for name in names)


async def assessed(root: Path, issue: str) -> Assessment:
    here = Workspace({"shop": Repository("shop", root, "read")}, Memory(), root)
    return await assess_issue.fn(here, issue)


@pytest.mark.parametrize(
    ("text", "level", "rule", "evidence"),
    [
        (f"# T\n{PAIR}", "atomic", "the change is written out", ": 1"),
        (f"# T\n**File**: a.py\n\n{PAIR}\n{OTHER}", "simple", "the change is written out", ": 2"),
        (f"# T\n{PAIR}\n{items('Requirements', 20)}", "atomic", "the change is written out", ": 1"),
        ("# T\n\nThe login fails.\n", "simple", "what it asks for", "none"),
        (f"# T\n{items('Requirements', 2)}", "simple", "what it asks for", "2: "),
        (f"# T\n{items('Requirements', 3)}", "moderate", "what it asks for", "thing 0 must hold"),
        (f"# T\n{items('Success Criteria', 7)}", "complex", "what it asks for", "7: "),
        (f"# T\n{items('Requirements', 13)}", "enterprise", "what it asks for", "and 5 more"),
        (f"# T\n{files('a.py', 'b.py')}", "moderate", "files it names", "2: a.py, b.py"),
        (f"# T\n{files(*[f'f{n}.py' for n in range(6)])}", "complex", "files it names", "6: "),
        (f"# T\n{files('api/a.py', 'web/b.py', 'jobs/c.py')}", "complex", "parts of the repository", "api, jobs, web"),
        (f"# T\n\n{'word ' * 2000}\n", "complex", "its length", "10000 characters"),
        (f"# T\n{items('Requirements', 3)}- red \x1b[31m\u202ewords", "moderate", "what it asks for", "red [31mwords"),
        ("# Migrate the store\n\nTo another database.\n", "complex", "words that mean a wide change", "migrate"),
        (f"# T\n\n{'word ' * 400}\n", "moderate", "its length", "characters"),
        ("# T\n\nSee src/auth.py and `lib/b.py`; not user.name or ../etc/x.py.\n", "moderate", "files it names", "2: "),
    ],
)
async def test_each_rule_says_its_level_and_what_it_counted(
    tmp_path: Path, text: str, level: Level, rule: str, evidence: str
) -> None:
    found = await assessed(tmp_path, text)
    assert found.level == level, found.rules
    assert any(one.rule == rule and evidence in one.evidence for one in found.rules), found.rules


async def test_files_that_are_there_parts_and_the_next_number_come_from_the_repository(tmp_path: Path) -> None:
    (tmp_path / "issues").mkdir()
    (tmp_path / "a.py").write_text("")
    (tmp_path / "issues" / "007-large.md").write_text(f"# Issue #7: Large\n\n{files('a.py', 'gone.py')}")
    (tmp_path / "issues" / "9.md").write_text("# Issue #9: A part\n\nWords.\n\n## Parent Issue\n#7\n")
    (tmp_path / "issues" / "41.md").write_text("# Issue #41: Another\n\nParents of 7 children.\n")
    (tmp_path / "issues" / "12-broken.md").write_bytes(b"parent 7 \xff")
    found = await assessed(tmp_path, "7")
    assert (found.number, found.files, found.next_number) == (7, ["a.py"], 42)
    assert [(part.number, part.path, part.exact) for part in found.parts] == [(9, "issues/9.md", False)]


async def test_an_issue_with_the_number_of_another_in_its_heading_does_not_have_its_parts(tmp_path: Path) -> None:
    (tmp_path / "issues").mkdir()
    (tmp_path / "issues" / "007-large.md").write_text("# Issue #7: Large\n\nWords.\n")
    (tmp_path / "issues" / "8.md").write_text("# Issue #7: Copied from the other\n\nOther words.\n")
    (tmp_path / "issues" / "9.md").write_text("# Issue #9: A part\n\nWords.\n\n## Parent Issue\n#7\n")
    for issue, number, parts in (("7", 7, [9]), ("8", 8, []), ("issues/8.md", 8, []), ("# Issue #7: Large", 7, [9])):
        found = await assessed(tmp_path, issue)
        assert (found.number, [part.number for part in found.parts]) == (number, parts)


async def test_an_issue_that_hides_what_it_names_is_not_looked_for_outside(tmp_path: Path) -> None:
    found = await assessed(tmp_path, "# T\n\nSee `../../etc/passwd.txt` and `.git/config.py`, a/../b.py too.\n")
    assert found.files == []
