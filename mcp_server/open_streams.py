"""A stream goes on only while its caller may come in: a token that was revoked or has expired hears nothing more."""

from collections.abc import Awaitable, Callable

import anyio
from starlette.datastructures import Headers
from starlette.types import Message, Send

RECHECK_S = 1.0
"""How long a stream goes on unasked. One with nothing to tell is asked at its next ping."""


def while_let_in(send: Send, let_in: Callable[[], Awaitable[bool]]) -> Send:
    """Send a response; one that is a stream of events ends once its caller would not be let in any more.

    The server takes the end of the response for the client's leaving, so that whoever makes the events stops, too.
    """
    is_stream = ended = False
    asked = anyio.current_time()

    async def sent(message: Message) -> None:
        nonlocal is_stream, ended, asked
        if message["type"] == "http.response.start":
            is_stream = Headers(raw=message["headers"]).get("content-type", "").startswith("text/event-stream")
        elif is_stream and anyio.current_time() - asked > RECHECK_S:
            asked = anyio.current_time()
            if not ended and not await let_in():
                ended = True
                return await send({"type": "http.response.body", "body": b"", "more_body": False})
        if not ended:
            await send(message)

    return sent
