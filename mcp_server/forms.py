"""A question as a form in a client, and what the form's end means; the same over every channel (R8)."""

from typing import Any, Literal, TypeAlias

from mcp_types import ElicitRequestFormParams, ElicitResult

from agents.runtime.questions import NO, fingerprint, visible
from mcp_server.compose import Runtime
from state.events import Question
from state.problem import ProblemError

CHANNEL = "elicitation"
MOST_QUESTIONS = 8
"""Questions put in one call; clients give up at about ten."""

Taken: TypeAlias = Literal["moved", "refused", "left"]
"""What became of an answer: the thread goes on or asks something else by now; it is none; there is none."""


def may_be_asked(runtime: Runtime, question: Question) -> bool:
    """Whether this caller's client may be asked: what only a person may answer needs the scope for that (R8)."""
    if question.kind == "decision":
        return False
    return asks_persons(runtime) if question.answer_by == "person" else "run" in runtime.caller.scopes


def asks_persons(runtime: Runtime) -> bool:
    """Whether a form counts as a person's word, by the settings and for this caller."""
    return "approve" in runtime.caller.scopes and CHANNEL in runtime.settings.approval_channels


def form(runtime: Runtime, question: Question) -> ElicitRequestFormParams:
    """Return the form of a question: its exact text, without secrets, and nothing in it that cannot be seen."""
    field: dict[str, Any] = {"type": "string", "title": "Answer"}
    if question.options:
        field["enum"] = [visible(option) for option in question.options]
    schema = {"type": "object", "properties": {"answer": field}, "required": ["answer"]}
    return ElicitRequestFormParams(message=runtime.outward.text(visible(question.text)), requested_schema=schema)


async def take(runtime: Runtime, thread_id: str, shown: str, response: ElicitResult, client: str) -> Taken:
    """Give the answer of a form to the engine; `shown` is the fingerprint of the question it was made of.

    `accept` answers. `decline` denies an approval and leaves any other question open. `cancel` answers nothing: clients
    without a person send it by themselves.
    """
    question = runtime.store.load(thread_id).question
    if question is None or fingerprint(question) != shown:
        return "moved"
    if not may_be_asked(runtime, question):
        return "left"
    match response.action, question.kind:
        case "accept", _:
            answer = chosen(question, (response.content or {}).get("answer"))
        case "decline", "approval":
            answer = NO
        case _:
            return "left"
    try:
        await runtime.engine.answer(
            thread_id, question.key, answer, channel=CHANNEL, person=True, client=client, shown=shown
        )
    except ProblemError as error:
        if error.problem.kind not in ("bad_input", "conflict", "not_found", "expired"):
            raise
        return "refused"
    return "moved"


def chosen(question: Question, filled: Any) -> Any:
    """Return what a form was filled in with; an option as it is, for the form shows it with all that is in it."""
    return next((option for option in question.options if visible(option) == filled), filled)
