"""One connection over two descriptors: slow readers, pipes that are full, files, and what is still open."""

import json
import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import anyio
import pytest
from anyio.streams.memory import MemoryObjectReceiveStream
from mcp.shared.message import SessionMessage
from mcp_types.jsonrpc import JSONRPCNotification, JSONRPCRequest, JSONRPCResponse

from mcp_server.wire import Wire

pytestmark = pytest.mark.anyio


@pytest.fixture
def pipes() -> Generator[tuple[int, int, int, int]]:
    """Yield what the server reads, what the client writes, what the client reads, what the server writes."""
    ends = (*os.pipe(), *os.pipe())
    yield ends
    for end in ends:
        try:
            os.close(end)
        except OSError:
            continue


async def received(wire: Wire) -> list[Any]:
    """Return every message until the other side closes."""
    send, receive = anyio.create_memory_object_stream[SessionMessage | Exception](100)
    async with send, receive:
        await wire.receive(send)
        return _taken(receive)


def _taken(receive: MemoryObjectReceiveStream[SessionMessage | Exception]) -> list[Any]:
    found: list[Any] = []
    while receive.statistics().current_buffer_used:
        item = receive.receive_nowait()
        assert isinstance(item, SessionMessage)
        found.append(item.message)
    return found


def request(known: int, method: str = "ping") -> bytes:
    return json.dumps({"jsonrpc": "2.0", "id": known, "method": method}).encode() + b"\n"


async def test_messages_are_handed_on_and_what_is_none_is_answered(pipes: tuple[int, int, int, int]) -> None:
    source, client, answers, sink = pipes
    broken_response = b'{"jsonrpc": "2.0", "id": 1, "result": 7}\n'
    os.write(client, request(1) + b"nonsense\n" + broken_response + request(2).strip())
    os.close(client)
    messages = await received(Wire(source, sink))
    assert [message.id for message in messages] == [1, 2]
    os.close(sink)
    (answer,) = os.read(answers, 4096).splitlines()
    assert json.loads(answer)["error"]["code"] == -32700


async def test_a_plain_file_is_read_to_its_end_and_another_one_written(tmp_path: Path) -> None:
    (tmp_path / "in").write_bytes(request(1) + b"nonsense\n")
    with (tmp_path / "in").open("rb") as source, (tmp_path / "out").open("wb") as sink:
        (message,) = await received(Wire(source.fileno(), sink.fileno()))
    assert message.id == 1
    assert json.loads((tmp_path / "out").read_bytes())["id"] is None


@pytest.mark.parametrize("blocking", [True, False])
async def test_a_reader_who_is_slow_gets_every_byte_in_order(pipes: tuple[int, int, int, int], blocking: bool) -> None:
    source, _, answers, sink = pipes
    os.set_blocking(sink, blocking)
    texts = ["a" * 300_000, "b" * 10, "c" * 70_000]
    send, receive = anyio.create_memory_object_stream[SessionMessage](10)
    for number, text in enumerate(texts):
        send.send_nowait(SessionMessage(JSONRPCResponse(jsonrpc="2.0", id=number, result={"text": text})))
    send.close()
    got = bytearray()

    async def read_slowly() -> None:
        while len(got) < sum(map(len, texts)) or not got.endswith(b"\n"):
            await anyio.wait_readable(answers)
            got.extend(os.read(answers, 5000))

    async with receive, anyio.create_task_group() as group:
        group.start_soon(read_slowly)
        await Wire(source, sink).send(receive)
    assert [json.loads(line)["result"]["text"] for line in got.splitlines()] == texts


async def test_it_is_drained_once_every_request_is_answered_or_given_up(pipes: tuple[int, int, int, int]) -> None:
    source, client, _, sink = pipes
    wire = Wire(source, sink)
    await wire.drained()
    cancelled = {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 2}}
    os.write(client, request(1) + request(2) + json.dumps(cancelled).encode() + b"\n")
    os.close(client)
    first, second, third = await received(wire)
    assert isinstance(first, JSONRPCRequest) and second.id == 2 and isinstance(third, JSONRPCNotification)
    with anyio.move_on_after(0.05) as early:
        await wire.drained()
    assert early.cancelled_caught
    send, receive = anyio.create_memory_object_stream[SessionMessage](10)
    send.send_nowait(SessionMessage(JSONRPCNotification(jsonrpc="2.0", method="notifications/message")))
    send.send_nowait(SessionMessage(JSONRPCResponse(jsonrpc="2.0", id=1, result={})))
    send.close()
    with anyio.fail_after(5):
        async with receive, anyio.create_task_group() as group:
            group.start_soon(wire.send, receive)
            await wire.drained()


async def test_an_input_that_does_not_block_is_waited_for(pipes: tuple[int, int, int, int]) -> None:
    source, client, _, sink = pipes
    os.set_blocking(source, False)

    async def write_later() -> None:
        await anyio.wait_writable(client)
        os.write(client, request(1))
        os.close(client)

    async with anyio.create_task_group() as group:
        group.start_soon(write_later)
        assert [message.id for message in await received(Wire(source, sink))] == [1]


@contextmanager
def twice(descriptor: int) -> Generator[tuple[int, int]]:
    """Yield a descriptor that does not block and another one of the same pipe."""
    os.set_blocking(descriptor, False)
    other = os.dup(descriptor)
    yield descriptor, other
    os.close(other)


async def test_an_input_that_another_was_quicker_to_read_is_waited_for_again(pipes: tuple[int, int, int, int]) -> None:
    source, client, _, sink = pipes
    send, receive = anyio.create_memory_object_stream[SessionMessage | Exception](10)
    with twice(source) as both:
        async with send, receive, anyio.create_task_group() as group:
            for own in both:
                group.start_soon(Wire(own, sink).receive, send)
            await anyio.wait_all_tasks_blocked()
            for number in (1, 2):
                os.write(client, request(number))
                item = await receive.receive()
                assert isinstance(item, SessionMessage) and isinstance(item.message, JSONRPCRequest)
                assert item.message.id == number
            os.close(client)


async def test_a_pipe_that_another_was_quicker_to_fill_is_waited_for_again(pipes: tuple[int, int, int, int]) -> None:
    source, _, answers, sink = pipes
    got = bytearray()

    async def say(own: int, text: str) -> None:
        send, receive = anyio.create_memory_object_stream[SessionMessage](1)
        send.send_nowait(SessionMessage(JSONRPCResponse(jsonrpc="2.0", id=1, result={"text": text})))
        send.close()
        async with receive:
            await Wire(source, own).send(receive)

    with twice(sink) as (own, other):
        async with anyio.create_task_group() as group:
            group.start_soon(say, own, "a" * 100_000)
            group.start_soon(say, other, "b" * 100_000)
            await anyio.wait_all_tasks_blocked()
            while got.count(b"\n") < 2:
                await anyio.wait_readable(answers)
                got += os.read(answers, 5000)
    assert got.count(b"a" * 100) > 900 and got.count(b"b" * 100) > 900
