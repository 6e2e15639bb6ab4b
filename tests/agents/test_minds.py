"""The same issue in plain words, whoever decides: any model, or a client that answers; one rule of evidence."""

import json
from typing import Any

import pytest
from pydantic import BaseModel

from state.transfer import export_thread
from tests.agents.broken import ALL, PYTEST, UNITTEST, Broken
from tests.agents.minds import CALL, MINDS, Mind, said, scripted_for, taken, takes
from tests.agents.serving import proof, served, settled
from tests.agents.shop import MakeRepository, opened, output
from tests.mcp_server.door import ERAS, Door, Era
from tests.models.fake_provider import Provider, error, provider
from tests.models.minds import APIS, KEY, PRICE, Api, Naps, answered, model

pytestmark = pytest.mark.anyio

NAMES: dict[str, Api] = {"openai:m": "chat", "openai-responses:m": "responses", "anthropic:m": "messages"}
"""Models as a person names them, and the API that each is asked over."""


@pytest.mark.requirement("R13", "F1")
@pytest.mark.parametrize("broken", ALL.values(), ids=ALL)
@pytest.mark.parametrize("name", MINDS)
async def test_every_mind_fixes_the_same_issue_with_the_same_evidence_and_the_log_says_what_it_took(
    name: str, broken: Broken, make_repository: MakeRepository
) -> None:
    async with MINDS[name](broken, True) as mind, opened(make_repository("shop", broken.files), model=mind) as shop:
        thread = await shop.run("intelligent_issue", issue=broken.issue)
        assert thread.outcome == "fixed", (thread.reason, thread.question, thread.output)
        assert proof(output(thread)) == [(broken.shown_by, "fail", "pass")]
        assert {path: shop.text(path) for path in broken.cured} == broken.cured
        assert taken(shop.runtime.store.read(thread.id)) == [takes(name)] * len(said(broken, well=True))


@pytest.mark.requirement("R13")
@pytest.mark.parametrize("mind", MINDS.values(), ids=MINDS)
async def test_no_mind_can_call_a_wrong_patch_fixed(mind: Mind, make_repository: MakeRepository) -> None:
    async with mind(UNITTEST, False) as wrong, opened(make_repository("shop", UNITTEST.files), model=wrong) as shop:
        thread = await shop.run("intelligent_issue", issue=UNITTEST.issue)
        assert (thread.outcome, shop.status(), len(output(thread)["attempts"])) == ("failed", "", 4)


NO_PLAN = '{"wrong": "It does not do what it says.", "files": "auth.py"}'


@pytest.mark.requirement("R13", "F9")
@pytest.mark.parametrize("api", APIS)
async def test_a_busy_provider_and_an_answer_that_does_not_fit_cost_time_and_money_but_no_evidence(
    api: Api, make_repository: MakeRepository
) -> None:
    naps, root = Naps(), make_repository("shop", UNITTEST.files)
    busy = error(429, "Slow down.", retry_after="7")
    with provider(busy, answered(api, NO_PLAN), *scripted_for(api, UNITTEST)) as server:
        async with opened(root, model=model(api, server.url, naps)) as shop:
            thread = await shop.run("intelligent_issue", issue=UNITTEST.issue)
            assert (thread.outcome, proof(output(thread))) == ("fixed", [(UNITTEST.shown_by, "fail", "pass")])
            assert taken(shop.runtime.store.read(thread.id)) == [takes(api)] * 3
    (unfit,) = thread.failures["plan:1"]
    assert unfit.problem.kind == "bad_input" and "files: Input should be a valid array" in unfit.problem.message
    assert (naps.taken, [unfit.problem.message in str(sent.body) for sent in server.sent]) == (
        [7.0],
        [False, False, True, False],
    )


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


@pytest.mark.requirement("R13", "F1")
@pytest.mark.parametrize(("name", "api"), NAMES.items())
async def test_a_server_whose_settings_name_a_model_fixes_the_issue_and_its_key_goes_to_the_provider_alone(
    name: str, api: Api, make_repository: MakeRepository
) -> None:
    root = make_repository("shop", UNITTEST.files)
    busy = error(429, f"Slow down, {KEY}.", retry_after_ms="1")
    with provider(*[busy] * 3, answered(api, "I would rather not."), *scripted_for(api, UNITTEST)) as server:
        async with served(root, **chosen(name, server)) as at:
            told = await settled(at, await at.told("intelligent_issue", issue=UNITTEST.issue))
            assert (told["status"], told["outcome"]) == ("completed", "fixed"), told
            assert proof(told["output"]) == [(UNITTEST.shown_by, "fail", "pass")]
            store = at.runtime.store
            assert [call.cost for call in taken(store.read(told["thread_id"]))] == [0.0, *[CALL.cost] * 3]
            exported = list(export_thread(store, told["thread_id"]))
    assert {KEY in str(sent.headers) for sent in server.sent} == {True} and len(server.sent) == 6
    assert "Slow down, [key]." in str(exported) and KEY not in str(exported) and KEY not in str(told)
    kept = [path for path in root.parent.rglob("*") if path.is_file()]
    assert "factor12.db" in {path.name for path in kept}
    assert [path for path in kept if KEY.encode() in path.read_bytes()] == []


@pytest.mark.requirement("R13")
@pytest.mark.parametrize(("name", "api"), NAMES.items())
async def test_a_server_does_not_say_fixed_of_what_its_model_does_not_fix(
    name: str, api: Api, make_repository: MakeRepository
) -> None:
    root = make_repository("shop", UNITTEST.files)
    with provider(*scripted_for(api, UNITTEST, well=False)) as server:
        async with served(root, **chosen(name, server)) as at:
            told = await at.told("intelligent_issue", {"wait": 0}, issue=UNITTEST.issue, repairs=0)
            ended = await at.call("thread_wait", thread_id=told["thread_id"], wait=50)
    content: Any = ended.structured_content
    assert (ended.is_error, content["outcome"], content["output"]["undone"]) == (True, "failed", True)
    assert (root / "auth.py").read_text() == UNITTEST.files["auth.py"]


def chosen(name: str, server: Provider) -> dict[str, Any]:
    """Return the settings with which this server decides, as a person writes them."""
    chosen = {"FACTOR12_MODEL": name, "FACTOR12_MODEL_PRICES": f"{name}={'/'.join(map(str, PRICE))}"}
    if name.startswith("anthropic"):
        return {**chosen, "ANTHROPIC_BASE_URL": server.url, "ANTHROPIC_API_KEY": KEY}
    return {**chosen, "OPENAI_BASE_URL": f"{server.url}/v1", "OPENAI_API_KEY": KEY}


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
