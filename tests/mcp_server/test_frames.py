"""Lines of JSON-RPC out of any bytes, in any pieces, and an answer to those that are none (R15)."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mcp_types import INVALID_REQUEST, PARSE_ERROR
from mcp_types.jsonrpc import JSONRPCError, JSONRPCNotification, JSONRPCRequest, JSONRPCResponse

from mcp_server.frames import ENDS, LONGEST_FRAME, Frame, Refused, Splitter, TooLong, parse

LIMIT = 2 * ENDS


def split(chunks: list[bytes], limit: int = LIMIT) -> list[Frame]:
    splitter = Splitter(limit)
    return [*(frame for chunk in chunks for frame in splitter.feed(chunk)), *splitter.end()]


def lines_of() -> st.SearchStrategy[bytes]:
    """Lines of every length around the limits, without spending bytes on it."""
    short = st.binary(max_size=20).map(lambda line: line.replace(b"\n", b""))
    return st.tuples(short, st.integers(0, 40)).map(lambda drawn: drawn[0] * drawn[1])


@given(st.lists(lines_of(), max_size=6), st.data())
@settings(max_examples=80, deadline=None)
def test_frames_are_the_same_however_the_bytes_arrive(lines: list[bytes], data: st.DataObject) -> None:
    stream = b"\n".join(lines)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=8)))
    pieces = [stream[start:end] for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True)]
    expected = [line if len(line) <= LIMIT else len(line) for line in lines if line.strip() or len(line) > LIMIT]
    found = split(pieces)
    assert [frame if isinstance(frame, bytes) else frame.size for frame in found] == expected
    for frame, line in zip(found, (line for line in lines if line.strip() or len(line) > LIMIT), strict=True):
        if isinstance(frame, TooLong):
            assert line.startswith(frame.head) and line.endswith(frame.tail)
            assert len(frame.head) == len(frame.tail) == ENDS


def test_what_is_kept_of_a_long_frame_stays_small() -> None:
    (frame,) = split([b"x" * 1000] * 1000)
    assert isinstance(frame, TooLong) and frame.size == 1_000_000
    assert len(frame.head) + len(frame.tail) == 2 * ENDS


def body(**fields: Any) -> bytes:
    return json.dumps({"jsonrpc": "2.0", **fields}).encode()


@pytest.mark.parametrize(
    ("frame", "kind"),
    [
        (body(id=1, method="ping"), JSONRPCRequest),
        (body(id="a", method="ping"), JSONRPCRequest),
        (body(method="notifications/initialized"), JSONRPCNotification),
        (body(id=1, result={}), JSONRPCResponse),
        (body(id=1, error={"code": 1, "message": "no"}), JSONRPCError),
    ],
)
def test_a_message_is_handed_on_as_what_it_is(frame: bytes, kind: type) -> None:
    assert type(parse(frame)) is kind


LONG = b"a" * (LONGEST_FRAME + 1)
REFUSED: list[tuple[Frame, Any, int]] = [
    (b"nonsense", None, PARSE_ERROR),
    (b'{"id": 5, "method": "x"', 5, PARSE_ERROR),
    (b'{"jsonrpc": "2.0", "id": -5, "method": "\xff"}', -5, PARSE_ERROR),
    (b'{"method": "\xff", "jsonrpc": "2.0", "id": "a b"}', "a b", PARSE_ERROR),
    (b'{"method": "\xff", "id": 6, "jsonrpc": "2.0"}', 6, PARSE_ERROR),
    (b'{"params": {"id": 7}, "method": \xff}', None, PARSE_ERROR),
    (b'{"id": 007, "method": \xff}', None, PARSE_ERROR),
    (b"[" * 5000, None, PARSE_ERROR),
    (b'{"jsonrpc": "2.0", "id": 8, "method": "\\ud800"}', 8, PARSE_ERROR),
    (b'{"jsonrpc": "2.0", "id": "\\ud800", "method": "x"}', "?", PARSE_ERROR),
    (b"[]", None, INVALID_REQUEST),
    (b"7", None, INVALID_REQUEST),
    (b"{}", None, INVALID_REQUEST),
    (body(id=9), 9, INVALID_REQUEST),
    (body(id=True), None, INVALID_REQUEST),
    (body(id=1.5), None, INVALID_REQUEST),
    (body(id=10, method=7), 10, INVALID_REQUEST),
    (body(id=11, method="m" * 201), 11, INVALID_REQUEST),
    (body(method="m" * 201), None, INVALID_REQUEST),
    (TooLong(b'{"jsonrpc":"2.0","id":12,"method":"', LONG[-ENDS:], len(LONG)), 12, INVALID_REQUEST),
    (TooLong(LONG[:ENDS], b'aaa"},"jsonrpc":"2.0","id":"z"}', len(LONG)), "z", INVALID_REQUEST),
    (TooLong(LONG[:ENDS], b'"params":{"id":13}}', len(LONG)), None, INVALID_REQUEST),
]


@pytest.mark.parametrize(("frame", "known", "code"), REFUSED)
@pytest.mark.requirement("R15")
def test_what_is_no_message_is_answered_under_its_own_id_where_that_can_be_seen(
    frame: Frame, known: Any, code: int
) -> None:
    refused = parse(frame)
    assert isinstance(refused, Refused)
    assert refused.answer.id == known and refused.answer.error.code == code
    assert len(refused.answer.model_dump_json()) < 300


@pytest.mark.parametrize("frame", [body(id=1, result=7), body(id=None, error="no"), body(result={})])
def test_a_broken_response_is_answered_with_nothing(frame: bytes) -> None:
    assert parse(frame) is None


@given(st.binary(max_size=400))
@settings(max_examples=200, deadline=None)
def test_no_bytes_break_the_parser(frame: bytes) -> None:
    match parse(frame):
        case Refused(answer):
            assert json.loads(answer.model_dump_json())["error"]["message"]
        case _:
            pass
