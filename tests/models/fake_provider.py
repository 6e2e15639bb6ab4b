"""A provider of models on loopback that answers by script: in the shapes of the real ones, and as badly as they can.

Its requests are kept as they came, keys included, so that tests see what was sent and to whom.
"""

import json
import socket
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import Any


@dataclass(frozen=True)
class Answer:
    """One response, and how its sending goes wrong."""

    body: bytes = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    kind: str = "application/json"
    cut: int | None = None
    """Send so many bytes of the body, then drop the connection."""
    hangs: bool = False
    """Send nothing until the client is gone, or the test is over."""
    chunked: bool = False
    """Send it in pieces of no announced length."""


@dataclass(frozen=True)
class Sent:
    """One request."""

    path: str
    headers: Mapping[str, str]
    body: dict[str, Any]


@dataclass
class Provider:
    """The running server."""

    script: list[Answer]
    url: str = ""
    sent: list[Sent] = field(default_factory=list[Sent])
    reached: Event = field(default_factory=Event)
    """A request has come in."""
    left: Event = field(default_factory=Event)
    """A client went away while its request hung."""
    over: Event = field(default_factory=Event)

    def next(self) -> Answer:
        return self.script.pop(0) if self.script else error(418, "the script is over")


def json_answer(value: Any, status: int = 200, **headers: str) -> Answer:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(json.dumps(value).encode(), status, named)


def error(status: int, message: str = "", code: str = "", param: str = "", **headers: str) -> Answer:
    """Refuse as OpenAI does."""
    told = {"message": message, "type": "error", "code": code or None, "param": param or None}
    return json_answer({"error": told}, status, **headers)


USED = {"prompt_tokens": 1000, "completion_tokens": 20, "prompt_tokens_details": {"cached_tokens": 800}}


def chat(content: Any, finish: str = "stop", **message: Any) -> Answer:
    said = {"role": "assistant", "content": content, **message}
    choices = [{"index": 0, "message": said, "finish_reason": finish}]
    return json_answer({"object": "chat.completion", "choices": choices, "usage": USED})


def responses(text: str = "", *, refusal: str = "", why: str = "", **more: Any) -> Answer:
    part = {"type": "refusal", "refusal": refusal} if refusal else {"type": "output_text", "text": text}
    used = {"input_tokens": 1000, "input_tokens_details": {"cached_tokens": 800}, "output_tokens": 20}
    body: dict[str, Any] = {
        "object": "response",
        "status": "incomplete" if why else "completed",
        "error": None,
        "incomplete_details": {"reason": why} if why else None,
        "output": [{"type": "reasoning", "summary": []}, {"type": "message", "role": "assistant", "content": [part]}],
        "usage": used,
    }
    return json_answer(body | more)


def messages(*content: Any, stop: str = "tool_use") -> Answer:
    used = {"input_tokens": 150, "cache_creation_input_tokens": 50, "cache_read_input_tokens": 800, "output_tokens": 20}
    return json_answer({"type": "message", "content": list(content), "stop_reason": stop, "usage": used})


def decided(value: Any) -> Any:
    """Return a call of the tool that Anthropic's models hand their answer over with."""
    return {"type": "tool_use", "id": "toolu_1", "name": "decide", "input": value}


def said(text: str) -> Any:
    return {"type": "text", "text": text}


@contextmanager
def provider(*script: Answer) -> Generator[Provider]:
    """Serve on a free port of loopback until the block ends."""
    made = Provider(list(script))

    class Here(_Once):
        serves = made

    with _Server(("127.0.0.1", 0), Here) as server:
        made.url = f"http://127.0.0.1:{server.server_port}"
        Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        try:
            yield made
        finally:
            made.over.set()
            server.shutdown()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that go away are what some tests are about."""


class _Once(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    serves: Provider

    def do_POST(self) -> None:
        text = self.rfile.read(int(self.headers.get("content-length") or 0))
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.serves.sent.append(Sent(self.path, headers, json.loads(text)))
        self.serves.reached.set()
        answer = self.serves.next()
        if answer.hangs:
            return self._hang()
        self.send_response_only(answer.status)
        for name, value in {"content-type": answer.kind, **answer.headers}.items():
            self.send_header(name, value)
        if answer.chunked:
            self.send_header("transfer-encoding", "chunked")
        else:
            self.send_header("content-length", str(len(answer.body)))
        self.end_headers()
        self._send(answer)

    def _send(self, answer: Answer) -> None:
        body = answer.body if answer.cut is None else answer.body[: answer.cut]
        pieces = [body[at : at + 1000] for at in range(0, len(body), 1000)] if answer.chunked else [body]
        for piece in pieces:
            self.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece) if answer.chunked else piece)
        if answer.cut is not None:
            self.close_connection = True
        elif answer.chunked:
            self.wfile.write(b"0\r\n\r\n")

    def _hang(self) -> None:
        """Wait for the client to go; what it would send next is nothing."""
        self.connection.settimeout(0.02)
        while not self.serves.over.is_set():
            try:
                if not self.connection.recv(1, socket.MSG_PEEK):
                    break
            except TimeoutError:
                continue
            except OSError:
                break
        self.serves.left.set()
        self.close_connection = True

    def log_message(self, format: str, *args: Any) -> None:
        """stderr belongs to pytest."""
