"""Fixing an issue from end to end: real git, real tests, the real log."""

import pytest

from tests.agents.shop import (
    AUTH,
    AUTH_ISSUE,
    AUTH_TESTS,
    FIXED,
    GREEN_TEST,
    RED_TEST,
    SHOP,
    MakeRepository,
    asking,
    opened,
    output,
)
from tests.conftest import run_git

pytestmark = pytest.mark.anyio

BUG, CURE = "    return False  # Bug here", "    return user.is_valid()"


@pytest.mark.requirement("R13", "F10", "F8")
async def test_the_example_issue_is_fixed_once_and_a_second_run_changes_nothing(
    make_repository: MakeRepository,
) -> None:
    async with opened(make_repository("shop", SHOP)) as shop:
        thread = await shop.fix("123")
        assert (thread.outcome, shop.text()) == ("fixed", FIXED)
        assert [change["id"] for change in output(thread)["evidence"]["fixed"]] == [RED_TEST]
        assert shop.edits(thread) == ["edit:auth.py"]
        assert shop.status() == " M auth.py\n"
        again = await shop.fix("123")
        assert (again.outcome, shop.edits(again), shop.text()) == ("no_change", [], FIXED)


@pytest.mark.requirement("R12", "F7")
async def test_text_that_stands_twice_is_a_question_and_the_answer_chooses(make_repository: MakeRepository) -> None:
    twice = AUTH + f"\n\ndef may_pay(user):\n{BUG}\n"
    async with opened(make_repository("shop", {**SHOP, "auth.py": twice})) as shop:
        asked = await shop.fix(asking(BUG, CURE))
        assert asked.question
        assert (asked.question.key, asked.question.options) == ("place:1", ("auth.py:13", "auth.py:17"))
        assert shop.text() == twice
        thread = await shop.answer(asked, "auth.py:13", person=False)
        assert (thread.outcome, shop.text()) == ("fixed", twice.replace(BUG, CURE, 1))


@pytest.mark.requirement("R13")
async def test_an_unrelated_red_test_does_not_hide_the_evidence(make_repository: MakeRepository) -> None:
    red = AUTH_TESTS + '\n    def test_the_moon(self):\n        self.fail("not here yet")\n'
    async with opened(make_repository("shop", {**SHOP, "tests/test_auth.py": red})) as shop:
        thread = await shop.fix("123")
        evidence = output(thread)["evidence"]
        assert (thread.outcome, evidence["still_failing"]) == ("fixed", 1)
        assert [change["id"] for change in evidence["fixed"]] == [RED_TEST]


@pytest.mark.requirement("R13")
@pytest.mark.parametrize(
    ("old", "new"),
    [
        (
            '    def test_a_valid_user_may_enter(self):\n        self.assertTrue(authenticate(User("ada")))',
            "    # nothing to see here",
        ),
        (
            "    def test_a_valid_user_may_enter(self):",
            '    @unittest.skip("later")\n    def test_a_valid_user_may_enter(self):',
        ),
    ],
    ids=["deleted", "skipped"],
)
async def test_a_failing_test_that_is_deleted_or_skipped_is_not_a_fix(
    old: str, new: str, make_repository: MakeRepository
) -> None:
    async with opened(make_repository("shop", SHOP)) as shop:
        thread = await shop.fix(asking(old, new, "tests/test_auth.py"))
        assert thread.outcome == "changed_unverified"
        assert output(thread)["evidence"]["fixed"] == []


@pytest.mark.requirement("R13")
async def test_a_flaky_test_that_passes_by_itself_beside_a_harmless_edit_is_not_a_fix(
    make_repository: MakeRepository,
) -> None:
    flaky = (
        "import pathlib, unittest\n\n\nclass Luck(unittest.TestCase):\n    def test_luck(self):\n"
        "        file = pathlib.Path('luck')\n        there = file.exists()\n        file.touch()\n"
        "        self.assertTrue(there)\n"
    )
    async with opened(
        make_repository("shop", {"auth.py": AUTH, "tests/__init__.py": "", "tests/test_x.py": flaky})
    ) as shop:
        thread = await shop.fix(asking(BUG, "    return False  # no bug"))
        assert thread.outcome == "changed_unverified"
        assert output(thread)["summary"].startswith(
            "Flaky, red once and passing once on the same code: tests/test_x.py"
        )


@pytest.mark.requirement("R13")
async def test_a_weakened_test_module_that_the_proving_test_builds_on_is_not_a_fix(
    make_repository: MakeRepository,
) -> None:
    base = "def same(case, a, b):\n    case.assertEqual(a, b)\n"
    tests = AUTH_TESTS.replace("from auth", "from tests.test_base import same\nfrom auth").replace(
        'self.assertTrue(authenticate(User("ada")))', 'same(self, authenticate(User("ada")), True)'
    )
    both = asking("    case.assertEqual(a, b)", "    case.assertIsNotNone(b)", "tests/test_base.py") + (
        "\n**File**: auth.py\n\n## Current Code\n`import nothing`\n\n## Should Be\n`import os`\n"
    )
    shop_files = {**SHOP, "auth.py": f"def rest():\n    import nothing\n\n\n{AUTH}"}
    root = make_repository("shop", {**shop_files, "tests/test_auth.py": tests, "tests/test_base.py": base})
    async with opened(root) as shop:
        thread = await shop.fix(both)
        assert thread.outcome == "changed_unverified"
        assert "build on them" in output(thread)["summary"]


@pytest.mark.requirement("R13")
@pytest.mark.parametrize(
    "deed", ["path.write_text(text.replace('user.is_valid()', 'False  # Bug here'))", "path.unlink()"]
)
async def test_an_edit_that_the_tests_themselves_took_back_is_not_a_fix(
    deed: str, make_repository: MakeRepository
) -> None:
    last = f"""
    def test_zzz(self):
        import pathlib
        path = pathlib.Path("auth.py")
        text = path.read_text()
        if "return user.is_valid()" in text:
            {deed}
"""
    async with opened(make_repository("shop", {**SHOP, "tests/test_auth.py": AUTH_TESTS + last})) as shop:
        thread = await shop.fix("123")
        assert thread.outcome == "changed_unverified"
        assert output(thread)["summary"].startswith("'auth.py' is not as the edit left it")


@pytest.mark.requirement("R2", "R13")
async def test_an_edit_too_long_to_be_repeated_is_judged_and_taken_back_all_the_same(
    make_repository: MakeRepository,
) -> None:
    """Shifted far to the right, 300 short lines are many bytes."""
    lines = [f"x{n} = {n}" for n in range(300)]
    shifted = AUTH + "\n\nif True:\n" + "".join(f"{' ' * 60}{line}\n" for line in lines)
    old, new = "\n".join(lines), "\n".join([*lines[:-1], "authenticate = None"])
    async with opened(make_repository("shop", {**SHOP, "auth.py": shifted})) as shop:
        thread = await shop.fix(asking(old, new.replace("authenticate", "x0")))
        assert thread.outcome == "changed_unverified"
        assert shop.text() == shifted.replace("x299 = 299", "x0 = None")
        (shop.root / "auth.py").write_text(shifted)
        broken = await shop.fix(asking(old, new))
        assert (broken.outcome, output(broken)["undone"], shop.text()) == ("failed", True, shifted)


@pytest.mark.requirement("R12")
async def test_a_deletion_that_has_been_made_is_not_made_again(make_repository: MakeRepository) -> None:
    extra = AUTH + "\n\ndef unused():\n    pass\n"
    async with opened(make_repository("shop", {**SHOP, "auth.py": extra})) as shop:
        issue = asking("def unused():\n    pass", "")
        assert (await shop.fix(issue)).outcome == "changed_unverified"
        left = shop.text()
        assert "unused" not in left
        again = await shop.fix(issue)
        assert (again.outcome, shop.text()) == ("no_change", left)


@pytest.mark.requirement("R13")
async def test_a_repository_without_tests_ends_changed_unverified(make_repository: MakeRepository) -> None:
    async with opened(make_repository("shop", {"auth.py": AUTH, "issues/123.md": AUTH_ISSUE})) as shop:
        thread = await shop.fix("123")
        assert (thread.outcome, shop.text()) == ("changed_unverified", FIXED)


@pytest.mark.requirement("R13")
async def test_an_edit_that_breaks_a_passing_test_is_taken_back_to_the_byte(make_repository: MakeRepository) -> None:
    async with opened(make_repository("shop", SHOP)) as shop:
        thread = await shop.fix(asking(BUG, "    return True"))
        assert (thread.outcome, thread.status, shop.text()) == ("failed", "failed", AUTH)
        assert output(thread)["undone"] is True
        assert GREEN_TEST in output(thread)["summary"]
        assert shop.status() == ""


@pytest.mark.requirement("R12")
async def test_a_pair_that_stands_nowhere_keeps_every_other_pair_from_being_made(
    make_repository: MakeRepository,
) -> None:
    second = "### 2.\n\n## Current Code\n```python\nno such line\n```\n\n## Should Be\n```python\nx\n```\n"
    issue = f"{AUTH_ISSUE}\n{second}"
    line = next(n for n, text in enumerate(issue.split("\n"), 1) if text == "no such line")
    async with opened(make_repository("shop", SHOP)) as shop:
        thread = await shop.fix(issue)
        assert thread.reason
        assert (thread.reason.kind, shop.text()) == ("not_found", AUTH)
        assert thread.reason.message.startswith("Pair 2 (issue line ")
        named = int(thread.reason.message.partition("issue line ")[2].partition(")")[0])
        assert line - 4 <= named <= line
        assert thread.reason.hint


@pytest.mark.requirement("R12")
async def test_line_ends_and_indentation_of_the_file_win_over_those_of_the_issue(
    make_repository: MakeRepository,
) -> None:
    crlf = AUTH.replace("\n", "\r\n")
    async with opened(make_repository("shop", {**SHOP, "auth.py": crlf})) as shop:
        thread = await shop.fix(asking(BUG.strip(), CURE.strip()))
        assert (thread.outcome, shop.text()) == ("fixed", FIXED.replace("\n", "\r\n"))


@pytest.mark.requirement("R12")
async def test_a_snippet_that_is_indented_otherwise_takes_the_indentation_of_the_file(
    make_repository: MakeRepository,
) -> None:
    nested = AUTH.replace("def authenticate(user):\n" + BUG, "if True:\n    def authenticate(user):\n    " + BUG)
    async with opened(make_repository("shop", {**SHOP, "auth.py": nested})) as shop:
        thread = await shop.fix("123")
        assert (thread.outcome, shop.text()) == ("fixed", nested.replace(BUG.strip(), CURE.strip()))


@pytest.mark.requirement("R12")
async def test_a_pair_without_a_file_is_searched_in_tracked_files_but_never_in_issues(
    make_repository: MakeRepository,
) -> None:
    root = make_repository("shop", SHOP)
    (root / "untracked.py").write_text(AUTH)
    async with opened(root) as shop:
        quoted = await shop.fix(asking("The login system fails when a valid user signs in.", "x", file=""))
        assert quoted.reason
        assert (quoted.reason.kind, shop.text("issues/123.md")) == ("not_found", AUTH_ISSUE)
        thread = await shop.fix(asking(BUG, CURE, file=""))
        assert (thread.outcome, shop.text(), shop.text("untracked.py")) == ("fixed", FIXED, AUTH)


@pytest.mark.requirement("F10")
async def test_a_branch_holds_exactly_the_replacements_and_leaves_the_persons_work_alone(
    make_repository: MakeRepository,
) -> None:
    root = make_repository("shop", SHOP)
    mine = AUTH.replace("Who may enter the shop.", "Who may enter the shop, and when.")
    (root / "auth.py").write_text(mine)
    head, index = run_git(root, "rev-parse", "HEAD"), run_git(root, "ls-files", "--stage")
    async with opened(root) as shop:
        thread = await shop.fix("123", branch=True)
        assert thread.outcome == "fixed"
        commit = output(thread)["commit"]
        assert commit["branch"].startswith("agent/issue-123-")
        assert run_git(root, "show", f"{commit['branch']}:auth.py") == FIXED
        assert run_git(root, "diff", "--name-only", "HEAD", commit["branch"]) == "auth.py\n"
        assert (run_git(root, "rev-parse", "HEAD"), run_git(root, "ls-files", "--stage")) == (head, index)
        assert run_git(root, "branch", "--show-current") == "main\n"
        assert shop.text() == mine.replace(BUG, CURE)


@pytest.mark.requirement("R8", "R18")
async def test_a_check_of_an_untrusted_repository_waits_for_a_person_and_a_no_changes_nothing(
    make_repository: MakeRepository,
) -> None:
    async with opened(make_repository("shop", SHOP), trusted=False) as shop:
        asked = await shop.fix("123")
        assert asked.question
        assert (asked.status, asked.question.kind, asked.question.answer_by) == ("waiting", "approval", "person")
        assert "NOT SANDBOXED" in asked.question.text
        thread = await shop.answer(asked, "deny")
        assert (thread.outcome, shop.text(), shop.status()) == ("denied", AUTH, "")


@pytest.mark.requirement("R8")
async def test_each_run_of_an_untrusted_check_is_approved_and_a_late_no_takes_the_edit_back(
    make_repository: MakeRepository,
) -> None:
    async with opened(make_repository("shop", SHOP), trusted=False) as shop:
        again = await shop.answer(await shop.fix("123"), "approve")
        assert again.question
        assert (again.question.key, shop.text()) == ("approve:after", FIXED)
        denied = await shop.answer(again, "deny")
        assert (denied.outcome, shop.text(), output(denied)["undone"]) == ("denied", AUTH, True)


@pytest.mark.requirement("R13")
async def test_the_call_chooses_the_check_by_path_by_runner_or_does_without(make_repository: MakeRepository) -> None:
    async with opened(make_repository("shop", SHOP)) as shop:
        for check, outcome in (("tests/test_auth.py", "fixed"), ("unittest", "fixed"), ("none", "changed_unverified")):
            thread = await shop.fix("123", check=check)
            assert (check, thread.outcome, shop.text()) == (check, outcome, FIXED)
            (shop.root / "auth.py").write_text(AUTH)
        unsafe = await shop.fix("123", check="../elsewhere.py")
        missing = await shop.fix("123", check="tests/no_such.py")
        assert unsafe.reason and missing.reason
        assert (unsafe.reason.kind, missing.reason.kind, shop.text()) == ("bad_input", "not_found", AUTH)


@pytest.mark.requirement("R15")
@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (None, "not_found"),
        (b"", "bad_input"),
        (b"# Issue\0", "bad_input"),
        ("# Issue #9: caf\xe9\n".encode("latin-1"), "bad_input"),
    ],
    ids=["missing", "empty", "binary", "latin-1"],
)
async def test_an_issue_file_that_cannot_be_read_fails_and_changes_nothing(
    content: bytes | None, kind: str, make_repository: MakeRepository
) -> None:
    root = make_repository("shop", SHOP)
    if content is not None:
        (root / "issues" / "9.md").write_bytes(content)
    async with opened(root) as shop:
        before = shop.status()
        thread = await shop.fix("9")
        assert thread.reason
        assert (thread.status, thread.reason.kind, shop.status()) == ("failed", kind, before)
        assert thread.reason.hint


@pytest.mark.requirement("F9")
async def test_an_issue_file_of_five_megabytes_fails_at_once_with_its_size(make_repository: MakeRepository) -> None:
    root = make_repository("shop", SHOP)
    (root / "issues" / "9.md").write_bytes(b"# Issue\n" + b"x" * 5_000_000)
    async with opened(root) as shop:
        before = shop.status()
        thread = await shop.fix("9")
        assert thread.reason
        assert (thread.status, thread.reason.kind, shop.status()) == ("failed", "limit", before)
        assert "5000008 bytes" in thread.reason.message


async def test_an_issue_without_a_pair_ends_without_a_change(make_repository: MakeRepository) -> None:
    async with opened(make_repository("shop", SHOP)) as shop:
        thread = await shop.fix("# Issue #9: Make it better\n\nSomehow.\n")
        assert (thread.outcome, shop.status()) == ("no_change", "")
        assert "Current Code" in output(thread)["summary"]
