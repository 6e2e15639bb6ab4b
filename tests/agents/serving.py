"""A whole server in memory that fixes issues for a client, and how tests read what it tells."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from tests.mcp_server.door import Door, Era, door, structured


@asynccontextmanager
async def served(root: Path, era: Era = "2026-07-28", *, patience_s: float = 150, **more: Any) -> AsyncGenerator[Door]:
    changes: dict[str, Any] = {
        "FACTOR12_TRUSTED_ROOTS": str(root.parent),
        "FACTOR12_SANDBOX": "off",
        "FACTOR12_INLINE_WAIT_S": 50,
        **more,
    }
    async with door(root.parent, era, toys=False, patience_s=patience_s, **changes) as at:
        yield at


async def settled(at: Door, told: dict[str, Any]) -> dict[str, Any]:
    """Wait until the thread ends, however, or asks."""
    while told["status"] == "running":
        told = structured(await at.call("thread_wait", thread_id=told["thread_id"], wait=50))
    return told


def proof(found: Any) -> list[tuple[str, str, str]]:
    return [(one["id"], one["before"], one["after"]) for one in found["evidence"]["fixed"]]
