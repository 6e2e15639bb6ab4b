"""Clients of other hosts at the real server: each does the same job, over each transport, in each era it speaks."""

from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager, ExitStack, asynccontextmanager
from itertools import product
from pathlib import Path
from typing import Literal, TypeAlias

import anyio
import pytest

from tests.clients import job
from tests.clients.hosts import Host, Server, Transport, inspector, python, typescript
from tests.mcp_server.door import ERAS, Era
from tests.mcp_server.http_server import served
from tests.mcp_server.process import REAL, started

pytestmark = [pytest.mark.anyio, pytest.mark.clients]

Name: TypeAlias = Literal["inspector", "typescript v1", "typescript v2", "python"]
TRANSPORTS: tuple[Transport, ...] = ("stdio", "sse", "http")
SPOKEN: dict[Name, tuple[Era, ...]] = {
    "inspector": ERAS,
    "typescript v1": ("legacy",),
    "typescript v2": ERAS,
    "python": ERAS,
}
LONGEST_S = 240
BOX = "off"
"""In one, the tests of a repository that nobody trusts would run unasked."""
CASES = [(name, era, transport) for name, eras in SPOKEN.items() for era, transport in product(eras, TRANSPORTS)]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return job.repositories(tmp_path / "src")


@pytest.mark.requirement("F11", "R19")
@pytest.mark.parametrize(("name", "era", "transport"), CASES)
async def test_a_client_does_the_job(name: Name, era: Era, transport: Transport, home: Path, tmp_path: Path) -> None:
    async with host(name, era, transport, home, tmp_path) as client:
        await job.do(client, home.parent)
        await job.approve(client, home.parent)


@asynccontextmanager
async def host(name: Name, era: Era, transport: Transport, home: Path, folder: Path) -> AsyncGenerator[Host]:
    """Open a client of that name at a server of its own, whose person trusts all but the market."""
    trusted = ":".join(str(home.parent / known) for known in ("shop", "stall"))
    with ExitStack() as stack, anyio.fail_after(LONGEST_S):
        url = ""
        if transport != "stdio":
            _, at = stack.enter_context(served(home, FACTOR12_TRUSTED_ROOTS=trusted, FACTOR12_SANDBOX=BOX))
            url = f"{at}/{'sse' if transport == 'sse' else 'mcp'}"
        params = started(home, REAL, FACTOR12_TRUSTED_ROOTS=trusted, FACTOR12_SANDBOX=BOX)
        async with opened(name, Server(transport, era, params, url), folder) as client:
            yield client


def opened(name: Name, server: Server, folder: Path) -> AbstractAsyncContextManager[Host]:
    match name:
        case "inspector":
            return inspector(server, folder)
        case "typescript v1":
            return typescript("v1.js", server)
        case "typescript v2":
            return typescript("v2.js", server)
        case "python":
            return python(server)
