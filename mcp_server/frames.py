"""Cut a byte stream into lines of JSON-RPC and say what is wrong with those that are none (R15)."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias, cast

from mcp_types import INVALID_REQUEST, PARSE_ERROR, ErrorData, JSONRPCError, JSONRPCMessage
from mcp_types.jsonrpc import JSONRPCNotification, JSONRPCRequest, RequestId, jsonrpc_message_adapter
from pydantic import ValidationError

MIB = 1 << 20
LONGEST_FRAME = 4 * MIB
LONGEST_METHOD = 200
"""Errors repeat the method they are about."""
ENDS = 256
"""Bytes kept of either end of a frame that is too long: enough to find its id."""
_ID_FIRST = re.compile(rb'^\s*\{\s*(?:"jsonrpc"\s*:\s*"2\.0"\s*,\s*)?"id"\s*:\s*(-?\d{1,18}|"[^"\\]{1,100}")\s*[,}]')
_ID_LAST = re.compile(rb'[,{]\s*"id"\s*:\s*(-?\d{1,18}|"[^"\\]{1,100}")\s*(?:,\s*"jsonrpc"\s*:\s*"2\.0"\s*)?\}\s*$')


@dataclass(frozen=True, slots=True)
class TooLong:
    """What is left of a frame that was not kept."""

    head: bytes
    tail: bytes
    size: int


@dataclass(frozen=True, slots=True)
class Refused:
    """What a frame that is no message is answered with."""

    answer: JSONRPCError


Frame: TypeAlias = bytes | TooLong


class Splitter:
    """Collects bytes until a line is whole. A line that grows too long is counted, not kept."""

    def __init__(self, limit: int = LONGEST_FRAME) -> None:
        self._limit = limit
        self._kept = bytearray()
        self._size = 0
        self._tail = b""

    def feed(self, chunk: bytes) -> Iterator[Frame]:
        """Yield the frames that end within the chunk; blank lines are none."""
        *whole, rest = chunk.split(b"\n")
        for part in whole:
            self._add(part)
            yield from self.end()
        self._add(rest)

    def end(self) -> Iterator[Frame]:
        """Yield what has come since the last line's end, as the last frame may lack one."""
        frame = bytes(self._kept) if self._size <= self._limit else TooLong(bytes(self._kept), self._tail, self._size)
        self._kept.clear()
        self._size, self._tail = 0, b""
        if isinstance(frame, TooLong) or frame.strip():
            yield frame

    def _add(self, part: bytes) -> None:
        self._size += len(part)
        if self._size <= self._limit:
            self._kept += part
        else:
            self._tail = (bytes(self._kept[-ENDS:]) + self._tail + part)[-ENDS:]
            self._kept += part[: max(0, ENDS - len(self._kept))]
            del self._kept[ENDS:]


def parse(frame: Frame) -> JSONRPCMessage | Refused | None:
    """Return the message, or why it is none; `None` for what no answer is due to.

    A request that cannot be read is answered under its own id, so that its sender does not wait for ever.
    """
    if isinstance(frame, TooLong):
        what = f"The message has {frame.size / MIB:.1f} MiB; at most {LONGEST_FRAME // MIB} are read."
        return _refuse(_id_of(frame.head, frame.tail), INVALID_REQUEST, what)
    try:
        message = jsonrpc_message_adapter.validate_json(frame, by_name=False)
    except ValidationError as error:
        return _complaint(frame, error)
    if isinstance(message, JSONRPCRequest | JSONRPCNotification) and len(message.method) > LONGEST_METHOD:
        known = message.id if isinstance(message, JSONRPCRequest) else None
        return _refuse(known, INVALID_REQUEST, f"A method's name has at most {LONGEST_METHOD} characters.")
    return message


def _complaint(frame: bytes, error: ValidationError) -> Refused | None:
    try:
        told: Any = json.loads(frame)
    except (ValueError, RecursionError):
        found = _id_of(frame[:ENDS], frame[-ENDS:])
        return _refuse(found, PARSE_ERROR, "The message is not JSON in UTF-8.")
    if not isinstance(told, dict):
        return _refuse(None, INVALID_REQUEST, "A message is one JSON object; batches are not taken.")
    fields = cast(dict[str, Any], told)
    if "method" not in fields and ("result" in fields or "error" in fields):
        return None
    known = fields.get("id")
    usable = known if isinstance(known, str | int) and not isinstance(known, bool) else None
    if error.errors(include_url=False, include_input=False)[0]["type"] == "json_invalid":
        return _refuse(usable, PARSE_ERROR, "The message holds text that is not valid Unicode.")
    return _refuse(usable, INVALID_REQUEST, "The message is not a JSON-RPC 2.0 request or notification.")


def _refuse(known: RequestId | None, code: int, message: str) -> Refused:
    if isinstance(known, str):
        known = known.encode("utf-8", "replace").decode()
    return Refused(JSONRPCError(jsonrpc="2.0", id=known, error=ErrorData(code=code, message=message)))


def _id_of(head: bytes, tail: bytes) -> RequestId | None:
    """Return the id of a frame that cannot be parsed, from where clients put it: the first or the last field."""
    found = _ID_FIRST.search(head) or _ID_LAST.search(tail)
    if found is None:
        return None
    try:
        return json.loads(found[1])
    except ValueError:
        return None
