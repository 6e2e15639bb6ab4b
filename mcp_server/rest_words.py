"""What a REST caller sensibly does next with a thread, as a request."""

from typing import Any

from mcp_server.compose import Runtime
from mcp_server.envelope import Envelope, envelope
from state.thread import Thread


def shown(runtime: Runtime, thread: Thread) -> Envelope:
    """Return a thread as every door shows it, with its next request, and without secrets."""
    fields = envelope(runtime, thread)
    fields["next"] = _next(thread, fields) or fields["next"]
    clean: Envelope = runtime.outward.value(fields)
    return clean


def _next(thread: Thread, fields: Envelope) -> str:
    """Return the next request; nothing where none follows."""
    at = f"/agents/{thread.id}"
    match fields["status"]:
        case "running":
            return f"GET {at}/status?wait=50 waits for it; GET {at}/events follows it."
        case "interrupted":
            return f"POST {at}/resume goes on; POST {at}/cancel gives it up."
        case "waiting" if "question" not in fields:
            return f"POST {at}/resume goes on from here."
        case "waiting":
            return _answer(f"/agents/{fields['question'].get('thread_id', thread.id)}", fields["question"])
        case _:
            return ""


def _answer(at: str, question: dict[str, Any]) -> str:
    body = f'{{"key": "{question["key"]}", "answer": …}}'
    if question["answer_by"] == "person":
        return f"Only a person may answer: POST {at}/answer {body} with a token that may approve, or `factor12 answer`."
    return f"POST {at}/answer {body} answers."
