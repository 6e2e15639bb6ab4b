"""A real server process on real pipes: how it starts, what it never prints, how it leaves, who takes over (R6, R11)."""

import json
import os
import pty
import signal
import subprocess
import sys
from pathlib import Path

import anyio
import pytest

from tests.mcp_server.byhand import ENVELOPE, HELLO, hosted
from tests.mcp_server.door import ERAS, Era, Person, accept, door, task
from tests.mcp_server.process import REAL, TOYS, measured, piped
from tests.mcp_server.toys import until

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.requirement("R19", "F11")
async def test_a_client_of_either_era_is_asked_and_answers_over_pipes(shop: Path, era: Era) -> None:
    person = Person([accept("red"), accept("approve")])
    async with piped(shop, era, TOYS, person) as at:
        told = await at.told("errand", **task("ask person", "send box 1"))
    assert told["status"] == "completed" and len(person.shown) == 2
    assert (shop / "box").exists()


@pytest.mark.requirement("R17", "R19", "F6")
async def test_an_answer_from_another_process_lets_a_thread_go_on_and_both_see_its_end(shop: Path) -> None:
    async with hosted(shop) as host, door(shop.parent) as other:
        waiting = await host.told("errand", **task("ask", "add a 1"))
        ended = await other.told("thread_answer", thread_id=waiting["thread_id"], key="0:ask", answer="blue")
        assert ended["outcome"] == "done" and (shop / "a").read_text() == "1"
        assert (await host.told("thread_wait", thread_id=waiting["thread_id"]))["version"] == ended["version"]


@pytest.mark.requirement("R6")
async def test_a_second_signal_while_leaving_changes_nothing(shop: Path) -> None:
    async with hosted(shop) as host:
        begun = await host.call("holder")
        await until(shop.parent / "state" / "scratch" / "holding")
        for _ in range(3):
            host.process.send_signal(signal.SIGINT)
        assert (await host.result(begun))["status"] == "running"
        assert await host.process.wait() == 0
    async with door(shop.parent) as other:
        (shop / "go").write_text("gone")
        assert (await other.told("thread_wait", thread_id="latest", wait=5))["output"] == {"summary": "gone"}


@pytest.mark.requirement("R17")
async def test_a_subscription_that_stays_open_ends_with_the_connection_and_without_a_word(shop: Path) -> None:
    async with hosted(shop, greeted=False) as host:
        await host.ask("subscriptions/listen", _meta=ENVELOPE, notifications={"toolsListChanged": True})
        assert (await host.receive())["method"] == "notifications/subscriptions/acknowledged"
        await host.hang_up()
        assert await host.ends(3) == 0
    assert (shop.parent / "stderr").read_text() == ""


BROKEN: list[tuple[bytes, int | str | None, str]] = [
    (b"nonsense", None, "not JSON"),
    (b'{"jsonrpc":"2.0","id":"cut","method":"tools/list"', "cut", "not JSON"),
    (b'{"method":"tools/list","params":{"a":"\xff"},"jsonrpc":"2.0","id":91}', 91, "not JSON"),
    (b'{"jsonrpc":"2.0","id":92,"method":"tools/call","params":{"name":"\\ud800"}}', 92, "Unicode"),
    (b'{"jsonrpc":"2.0","id":93}', 93, "not a JSON-RPC"),
    (b'{"jsonrpc":"1.0","id":94,"method":"tools/list"}', 94, "not a JSON-RPC"),
    (b'[{"jsonrpc":"2.0","id":95,"method":"tools/list"}]', None, "batches"),
    (b'{"jsonrpc":"2.0","id":96,"method":"' + b"m" * 1000 + b'"}', 96, "200 characters"),
    (b'{"jsonrpc":"2.0","id":97,"method":"x","params":{"a":"' + b"a" * (5 << 20) + b'"}}', 97, "MiB"),
    (b'{"method":"x","params":{"a":"' + b"a" * (5 << 20) + b'"},"jsonrpc":"2.0","id":"last"}', "last", "MiB"),
    (b"[" * 100_000, None, "not JSON"),
]


@pytest.mark.requirement("R15")
async def test_every_broken_frame_is_answered_and_the_next_good_call_works(shop: Path) -> None:
    async with hosted(shop) as host:
        for frame, known, says in BROKEN:
            error = await host.refusal(frame, known)
            assert says in error["message"], (frame[:80], error)
            assert len(json.dumps(error)) < 400
        await host.send(b'{"jsonrpc":"2.0","id":98,"result":7}')
        await host.send(b"\r\n")
        assert (await host.told("health"))["status"] == "ok"
        name = "n" * 100_000
        answer = await host.answer(await host.call(name))
        assert answer["result"]["isError"] and len(json.dumps(answer)) < 2000


def test_a_file_as_input_is_served_to_its_last_unfinished_line_and_a_broken_start_decides_nothing(
    shop: Path, tmp_path: Path
) -> None:
    discover = {"jsonrpc": "2.0", "id": 1, "method": "server/discover", "params": {"_meta": ENVELOPE}}
    script, out = tmp_path / "script.jsonl", tmp_path / "out.jsonl"
    script.write_text(f"nonsense\n{json.dumps(discover)}")
    with script.open("rb") as given, out.open("wb") as taken:
        done = subprocess.run(
            TOYS, cwd=shop, env=measured(shop.parent / "state"), stdin=given, stdout=taken, timeout=30
        )
    assert done.returncode == 0
    broken, found = map(json.loads, out.read_text().splitlines())
    assert broken["id"] is None and "2026-07-28" in found["result"]["supportedVersions"]


def test_a_closed_input_is_one_clear_line(shop: Path) -> None:
    done = subprocess.run(
        ["sh", "-c", 'exec "$@" <&-', "sh", *REAL],
        cwd=shop,
        env=measured(shop.parent / "state"),
        capture_output=True,
        timeout=30,
        text=True,
    )
    assert done.returncode == 2 and done.stderr.startswith("factor12: stdin and stdout must be open")


async def test_the_server_leaves_when_its_host_dies_although_the_input_stays_open(shop: Path) -> None:
    program = (
        "import subprocess, sys, time\n"
        "server = subprocess.Popen(sys.argv[1:], stdin=0, stdout=1)\n"
        "print(server.pid, file=sys.stderr, flush=True)\n"
        "sys.stdin.close()\n"
        "time.sleep(60)\n"
    )
    host = await anyio.open_process(
        [sys.executable, "-c", program, *TOYS], cwd=shop, env=measured(shop.parent / "state"), stderr=subprocess.PIPE
    )
    with anyio.fail_after(30):
        assert host.stdin is not None and host.stdout is not None and host.stderr is not None
        await host.stdin.send(
            json.dumps({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": HELLO}).encode() + b"\n"
        )
        await host.stdout.receive()
        host.kill()
        with pytest.raises(anyio.EndOfStream):  # the server's end of the pipe is closed: it has left
            while True:
                await host.stdout.receive()
    await host.aclose()


def test_a_host_that_stops_reading_ends_the_server(shop: Path) -> None:
    with subprocess.Popen(TOYS, cwd=shop, env=measured(shop.parent / "state"), stdin=-1, stdout=-1) as server:
        assert server.stdin is not None and server.stdout is not None
        server.stdout.close()
        server.stdin.write(json.dumps({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": HELLO}).encode())
        server.stdin.write(b"\n")
        server.stdin.flush()
        assert server.wait(30) == 0


def test_a_person_who_starts_it_by_hand_is_told_what_it_is_for(shop: Path) -> None:
    keyboard, terminal = pty.openpty()
    with subprocess.Popen(
        TOYS, cwd=shop, env=measured(shop.parent / "state"), stdin=terminal, stdout=-1, stderr=-1
    ) as server:
        assert server.stderr is not None
        assert b"started by a host" in server.stderr.readline()
        os.write(keyboard, b"\x04")
        assert server.wait(30) == 0
    os.close(keyboard)
    os.close(terminal)
