"""An issue of any size: assessed by rules, handed to the agent that fits, or split and worked on in order."""

from typing import Any

import anyio
import pytest

from agents.runtime.kin import asker
from agents.runtime.model import ScriptedModel
from agents.runtime.splitting import TRIES
from mcp_server.envelope import envelope
from state.log import SqliteStore
from state.thread import Thread
from state.upkeep import drift
from tests.agents.mall import COUNT, LARGE, LOGIN, LOST, MALL, TOTAL, mall, part, split
from tests.agents.shop import FIXED, MakeRepository, Shop, output
from tools.issue_parts import written

pytestmark = pytest.mark.anyio

GOOD = split(part(LOGIN), part(TOTAL, 1), part(COUNT, 2, files=["cart.py"], success_criteria=["count([1]) is 1"]))


async def smart(shop: Shop, issue: str, **task: Any) -> Thread:
    return await shop.run("smart_issue", issue=issue, **task)


def parts(thread: Thread) -> list[tuple[str, str, str]]:
    return [(one["issue"], one.get("agent", ""), one["outcome"]) for one in output(thread)["parts"]]


def stored(shop: Shop) -> SqliteStore:
    assert isinstance(shop.runtime.store, SqliteStore)
    return shop.runtime.store


@pytest.mark.requirement("R13")
async def test_what_is_written_out_is_fixed_by_issue_fixer_in_a_child(make_repository: MakeRepository) -> None:
    async with mall(make_repository("shop", MALL)) as shop:
        thread = await smart(shop, "123", check="tests/test_auth.py")
        told = output(thread)
        assert (thread.outcome, told["complexity"], told["route"]) == ("fixed", "atomic", "issue_fixer")
        assert told["rules"][0]["rule"] == "the change is written out"
        child = shop.runtime.store.load(told["parts"][0]["thread"])
        assert (child.agent, child.outcome, child.parent, child.depth) == ("issue_fixer", "fixed", thread.id, 1)
        assert child.output["evidence"]["outcome"] == "fixed"
        assert shop.text() == FIXED
        store = stored(shop)
        assert store.database.rows("select * from repo_leases") == []
        assert drift(store.database) == []


async def test_a_few_plain_words_go_to_intelligent_issue(make_repository: MakeRepository) -> None:
    words = f"# Issue #9: {LOGIN[0]}\n\n## Description\n{LOGIN[1]}\n"
    async with mall(make_repository("shop", MALL)) as shop:
        thread = await smart(shop, words)
        assert (thread.outcome, parts(thread)) == ("fixed", [("text", "intelligent_issue", "fixed")])
        assert output(thread)["complexity"] == "simple"
        assert shop.text() == FIXED


@pytest.mark.requirement("R13", "F8", "F10")
async def test_a_large_issue_is_split_into_issue_files_and_fixed_part_by_part(make_repository: MakeRepository) -> None:
    async with mall(make_repository("shop", MALL), [GOOD]) as shop:
        thread = await smart(shop, "200")
        assert (thread.outcome, output(thread)["route"]) == ("fixed", "parts")
        assert parts(thread) == [
            ("issues/201-let-users-in.md", "intelligent_issue", "fixed"),
            ("issues/202-add-up-the-total.md", "intelligent_issue", "fixed"),
            ("issues/203-count-the-items.md", "intelligent_issue", "fixed"),
        ]
        assert shop.text("issues/203-count-the-items.md") == (
            f"# Issue #203: Count the items\n\n## Description\n{COUNT[1]}\n\n## Files to Update\n- `cart.py`\n"
            "\n## Success Criteria\n- count([1]) is 1\n\n## Dependencies\n- #202\n"
            "\n## Parent Issue\n#200 (part 3 of 3)\n"
        )
        assert "sum(prices)" in shop.text("cart.py")
        children = [shop.runtime.store.load(one["thread"]) for one in output(thread)["parts"]]
        assert all(one.parent == thread.id and one.outcome == "fixed" for one in children)
        assert children[0].launched_at < children[1].launched_at < children[2].launched_at


@pytest.mark.requirement("R13", "R15")
async def test_a_part_that_fails_stops_what_depends_on_it_and_nothing_else(make_repository: MakeRepository) -> None:
    proposed = split(part(LOST), part(TOTAL, 1), part(LOGIN), part(COUNT, 2))
    async with mall(make_repository("shop", MALL), [proposed]) as shop:
        thread = await smart(shop, "200")
        assert thread.outcome == "failed"
        assert [outcome for _, _, outcome in parts(thread)] == ["failed", "blocked", "fixed", "blocked"]
        told = output(thread)
        assert (told["summary"], told["parts"][1].get("thread", "")) == ("complex: 1 of 4 parts fixed.", "")
        assert "issues/201" in told["parts"][1]["summary"]
        assert shop.text() == FIXED


async def test_an_issue_whose_parts_are_written_is_gone_on_with_and_not_split_again(
    make_repository: MakeRepository,
) -> None:
    root = make_repository("shop", MALL)
    async with mall(root, [split(part(LOST), part(TOTAL, 1))]) as shop:
        assert (await smart(shop, "200")).outcome == "failed"
        before = sorted(path.name for path in (root / "issues").iterdir())
        lost = root / "issues" / "201-find-what-is-not-there.md"
        lost.write_text(lost.read_text().replace(LOST[1], LOGIN[1]))
        thread = await smart(shop, "200")
        assert (thread.outcome, output(thread)["continued"]) == ("fixed", True)
        assert sorted(path.name for path in (root / "issues").iterdir()) == before


@pytest.mark.requirement("R13")
async def test_parts_that_were_never_written_keep_an_issue_from_being_fixed(make_repository: MakeRepository) -> None:
    half = dict([*written(split(part(LOGIN), part(TOTAL)), 200, 201).items()][:1])
    async with mall(make_repository("shop", {**MALL, **half})) as shop:
        thread = await smart(shop, "200")
        assert (thread.outcome, parts(thread)[0][2], shop.text()) == ("changed_unverified", "fixed", FIXED)
        assert output(thread)["summary"] == "complex: 1 of 2 parts fixed."
        assert "are not there: 2." in output(thread)["notes"][0]


@pytest.mark.requirement("R13")
async def test_two_parts_with_one_number_are_both_named_and_neither_is_worked_on(
    make_repository: MakeRepository,
) -> None:
    one, other = written(split(part(LOGIN), part(TOTAL)), 200, 201).values()
    async with mall(make_repository("shop", {**MALL, "issues/201.md": one, "issues/issue-201.md": other})) as shop:
        thread = await smart(shop, "200")
        assert (thread.outcome, shop.status()) == ("failed", "")
        assert thread.reason is not None and thread.reason.kind == "ambiguous"
        assert "issues/201.md or issues/issue-201.md" in thread.reason.message


async def test_a_number_that_a_person_took_while_the_parts_were_thought_of_is_theirs(
    make_repository: MakeRepository,
) -> None:
    async with mall(make_repository("shop", MALL), None) as shop:
        thread = await smart(shop, "200")
        (shop.root / "issues" / "201-mine.md").write_text("# Issue #201: Mine\n\nWords.\n")
        answer = split(part(LOGIN), part(TOTAL, 1)).model_dump(mode="json")
        await shop.runtime.engine.answer(thread.id, "split:1", answer, channel="test", person=False)
        thread = await shop.wait(thread)
        assert [issue for issue, _, _ in parts(thread)] == [
            "issues/202-let-users-in.md",
            "issues/203-add-up-the-total.md",
        ]
        assert "## Dependencies\n- #202\n" in shop.text("issues/203-add-up-the-total.md")


async def test_a_part_is_not_split_again_however_large_it_is(make_repository: MakeRepository) -> None:
    large = LARGE.replace("A rewrite", f"{LOGIN[1]} A rewrite").replace("#200", "#201") + "\n## Parent Issue\n#200\n"
    async with mall(make_repository("shop", {**MALL, "issues/201-part.md": large})) as shop:
        thread = await smart(shop, "201")
        assert (output(thread)["complexity"], output(thread)["route"]) == ("complex", "intelligent_issue")


@pytest.mark.requirement("F9")
async def test_a_proposal_that_does_not_hold_together_is_asked_for_again_with_what_is_wrong(
    make_repository: MakeRepository,
) -> None:
    circle = split(part(LOGIN, 2), part(TOTAL, 1))
    async with mall(make_repository("shop", MALL), [circle, split(part(LOGIN), part(TOTAL, 1))]) as shop:
        thread = await smart(shop, "200")
        assert [outcome for _, _, outcome in parts(thread)] == ["fixed", "fixed"]
        model = shop.runtime.engine.model
        assert isinstance(model, ScriptedModel)
        assert "depend on each other in a circle" in model.prompts[-1].text


@pytest.mark.requirement("R18")
async def test_a_model_that_never_proposes_well_changes_nothing(make_repository: MakeRepository) -> None:
    hostile = split(
        part(LOGIN, files=["../outside.py"]),
        part(("Take over", "Words.\n\n## Should Be\n```\nimport os\n```\n\n## Parent Issue\n#1")),
    )
    headings = split(part(LOGIN), part(("Take over", "Words.\n\n## Dependencies\n- #999\n")))
    async with mall(make_repository("shop", MALL), [hostile, headings, split(part(LOGIN))]) as shop:
        thread = await smart(shop, "200")
        assert (thread.outcome, shop.status()) == ("failed", "")
        assert f"None of {TRIES} proposals" in output(thread)["summary"]


async def test_a_dry_run_says_what_would_be_done_and_writes_nothing(make_repository: MakeRepository) -> None:
    async with mall(make_repository("shop", MALL), [GOOD]) as shop:
        thread = await smart(shop, "200", dry_run=True)
        assert (thread.outcome, shop.status()) == ("done", "")
        assert [one["depends_on"] for one in output(thread)["parts"]] == [[], [201], [202]]
        assert {agent for _, agent, _ in parts(thread)} == {"intelligent_issue"}
        whole = await smart(shop, "123", dry_run=True)
        assert (whole.outcome, parts(whole)) == ("done", [("123", "issue_fixer", "planned")])
        assert len(shop.runtime.store.read(whole.id)) == 4


async def test_a_large_issue_without_a_number_is_left_and_says_why(make_repository: MakeRepository) -> None:
    async with mall(make_repository("shop", MALL)) as shop:
        thread = await smart(shop, LARGE.replace("Issue #200: ", ""))
        assert (thread.outcome, shop.status()) == ("no_change", "")
        assert "save it in issues/" in output(thread)["summary"]


async def test_without_a_model_the_caller_is_asked_for_the_parts(make_repository: MakeRepository) -> None:
    async with mall(make_repository("shop", MALL), None) as shop:
        thread = await smart(shop, "200")
        assert thread.question is not None
        assert (thread.question.kind, thread.question.key) == ("decision", "split:1")
        answer = split(part(LOGIN), part(TOTAL, 1)).model_dump(mode="json")
        await shop.runtime.engine.answer(thread.id, "split:1", answer, channel="test", person=False)
        thread = await shop.wait(thread)
        assert thread.outcome == "fixed"


@pytest.mark.requirement("R16", "R20")
async def test_the_question_of_a_part_is_answered_at_its_own_thread(make_repository: MakeRepository) -> None:
    twice = {**MALL, "auth2.py": MALL["auth.py"]}
    async with mall(make_repository("shop", twice)) as shop:
        thread = await smart(shop, "123")
        assert (thread.status, thread.waiting_on) == ("waiting", "children")
        child = asker(shop.runtime.store, thread)
        assert child is not None and child.question is not None
        shown = envelope(shop.runtime, thread)
        assert (shown["status"], shown["question"]["key"]) == ("waiting", "place:1")
        assert shown["question"]["thread_id"] == shown["children"][0]["thread_id"] == child.id
        assert f'`thread_answer` with thread_id "{child.id}"' in shown["next"]
        assert envelope(shop.runtime, child)["parent"] == thread.id
        await shop.runtime.engine.answer(child.id, "place:1", "auth.py:12", channel="test", person=False)
        with anyio.fail_after(30):
            thread = await shop.runtime.engine.wait(thread.id, 30)
        assert (thread.outcome, shop.text("auth2.py")) == ("fixed", MALL["auth.py"])
