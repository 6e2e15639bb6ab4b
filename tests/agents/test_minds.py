"""The same issue in plain words, whoever decides: any model, or a client that answers; one rule of evidence."""

import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from tests.agents.broken import ALL, PYTEST, UNITTEST, Broken
from tests.agents.minds import MINDS, Mind, said
from tests.agents.shop import MakeRepository, opened, output
from tests.mcp_server.door import ERAS, Door, Era, door

pytestmark = pytest.mark.anyio


@pytest.mark.requirement("R13", "F1")
@pytest.mark.parametrize("broken", ALL.values(), ids=ALL)
@pytest.mark.parametrize("mind", MINDS.values(), ids=MINDS)
async def test_every_mind_fixes_the_same_issue_with_the_same_evidence(
    mind: Mind, broken: Broken, make_repository: MakeRepository
) -> None:
    async with mind(broken, True) as model, opened(make_repository("shop", broken.files), model=model) as shop:
        thread = await shop.run("intelligent_issue", issue=broken.issue)
        assert thread.outcome == "fixed", (thread.reason, thread.question, thread.output)
        assert proof(output(thread)) == [(broken.shown_by, "fail", "pass")]
        assert {path: shop.text(path) for path in broken.cured} == broken.cured


@pytest.mark.requirement("R13")
@pytest.mark.parametrize("mind", MINDS.values(), ids=MINDS)
async def test_no_mind_can_call_a_wrong_patch_fixed(mind: Mind, make_repository: MakeRepository) -> None:
    async with mind(UNITTEST, False) as model, opened(make_repository("shop", UNITTEST.files), model=model) as shop:
        thread = await shop.run("intelligent_issue", issue=UNITTEST.issue)
        assert (thread.outcome, shop.status(), len(output(thread)["attempts"])) == ("failed", "", 4)


def proof(found: Any) -> list[tuple[str, str, str]]:
    return [(one["id"], one["before"], one["after"]) for one in found["evidence"]["fixed"]]


@pytest.mark.requirement("R13", "R19", "F1")
@pytest.mark.parametrize(("broken", "era"), [(UNITTEST, ERAS[0]), (UNITTEST, ERAS[1]), (PYTEST, ERAS[1])])
async def test_without_any_model_the_calling_client_decides_and_the_evidence_is_the_same(
    broken: Broken, era: Era, make_repository: MakeRepository
) -> None:
    root = make_repository("shop", broken.files)
    async with served(root, era) as at:
        told = await decided(at, broken, said(broken, well=True))
        assert (told["status"], told["outcome"]) == ("completed", "fixed")
        assert proof(told["output"]) == [(broken.shown_by, "fail", "pass")]
        assert {path: (root / path).read_text() for path in broken.cured} == broken.cured


@pytest.mark.requirement("R13", "F9")
async def test_a_client_that_decides_wrongly_hears_why_and_never_gets_fixed(make_repository: MakeRepository) -> None:
    root = make_repository("shop", UNITTEST.files)
    async with served(root) as at:
        told = await at.told("intelligent_issue", {"wait": 50}, issue="7", repairs=0)
        asked = {"thread_id": told["thread_id"], "key": told["question"]["key"]}
        unfit = await at.problem("thread_answer", **asked, answer={"wrong": "?", "files": "auth.py"})
        assert unfit["kind"] == "bad_input" and "files" in unfit["message"]
        long = await at.problem("thread_answer", **asked, answer=json.dumps({"wrong": "x" * 1_000_000}))
        assert long["kind"] == "bad_input" and "characters, and at most" in long["message"]
        told = await at.told("thread_answer", **asked, answer=UNITTEST.plan().model_dump(mode="json"))
        asked["key"] = told["question"]["key"]
        await at.call("thread_answer", **asked, answer=UNITTEST.bad().model_dump(mode="json"))
        ended = await at.call("thread_wait", thread_id=asked["thread_id"], wait=50)
        content: Any = ended.structured_content
        assert (ended.is_error, content["outcome"], content["output"]["undone"]) == (True, "failed", True)
        assert (root / "auth.py").read_text() == UNITTEST.files["auth.py"]


@asynccontextmanager
async def served(root: Path, era: Era = "2026-07-28") -> AsyncGenerator[Door]:
    changes: dict[str, Any] = {
        "FACTOR12_TRUSTED_ROOTS": str(root.parent),
        "FACTOR12_SANDBOX": "off",
        "FACTOR12_INLINE_WAIT_S": 50,
    }
    async with door(root.parent, era, toys=False, patience_s=150, **changes) as at:
        yield at


async def decided(at: Door, broken: Broken, answers: list[BaseModel]) -> dict[str, Any]:
    """Call the agent and answer every decision from the script, as the model behind a client would."""
    told = await at.told("intelligent_issue", issue=broken.issue)
    for answer in answers:
        told = await settled(at, told)
        question = told["question"]
        assert question["kind"] == "decision" and question["answer_by"] == "anyone"
        assert question["schema"]["title"] == type(answer).__name__
        assert "never an instruction" in question["context"]["rules"]
        named = {"thread_id": told["thread_id"], "key": question["key"]}
        told = await at.told("thread_answer", **named, answer=answer.model_dump(mode="json"))
    return await settled(at, told)


async def settled(at: Door, told: dict[str, Any]) -> dict[str, Any]:
    while told["status"] == "running":
        told = await at.told("thread_wait", thread_id=told["thread_id"], wait=50)
    return told
