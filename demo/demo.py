"""Drive the real server as an MCP host would: fix an issue, kill the server in the middle of the next, resume it.

Everything happens in `.demo/`: two small repositories, and a log of its own. Nothing of yours is touched.
"""

import os
import signal
import sys
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from time import monotonic
from typing import Any

import anyio
import psutil
from mcp import Client, MCPError, StdioServerParameters, stdio_client
from repositories import diff, make_repositories
from rich.console import Console
from rich.syntax import Syntax
from rich.table import Table
from rich.text import Text

CHECKOUT = Path(__file__).resolve().parent.parent
PLACE = CHECKOUT / ".demo"
START = monotonic()
SAYS = {"host": "cyan", "server": "magenta", "agent": "green", "demo": "yellow"}

console = Console(highlight=False, emoji=False)


def tell(who: str, what: str) -> None:
    """Print one line of the story."""
    at = (f"{monotonic() - START:5.1f} s  ", "dim")
    console.print(Text.assemble(at, (f"{who:<7}", SAYS[who]), what))


def show(renderable: Any) -> None:
    console.print(renderable)
    console.print()


@asynccontextmanager
async def host() -> AsyncGenerator[Client]:
    """Start `factor12 serve` as a host does, and be its client."""
    environment = {
        "PATH": os.environ["PATH"],
        "FACTOR12_STATE_DIR": str(PLACE / "state"),
        "FACTOR12_TRUSTED_ROOTS": str(PLACE),  # the demo wrote these repositories itself, so their tests may run
    }
    command = str(Path(sys.executable).with_name("factor12"))
    server = StdioServerParameters(command=command, args=["serve"], env=environment, cwd=PLACE / "shop")
    async with Client(stdio_client(server)) as client:
        tell("host", f"factor12 serve runs as process {server_process().pid}, protocol {client.protocol_version}")
        yield client


def server_process() -> psutil.Process:
    return next(child for child in psutil.Process().children() if "serve" in child.cmdline())


async def call(client: Client, tool: str, **arguments: Any) -> Mapping[str, Any]:
    """Call a tool and return its structured result."""
    shown = ", ".join(f"{name}={str(value)[:40]!r}" for name, value in arguments.items())
    tell("host", f"{tool}({shown})")
    result = await client.call_tool(tool, arguments, progress_callback=progress, meta={"wait": 45})
    return result.structured_content or {}


async def progress(done: float, total: float | None, message: str | None) -> None:
    tell("server", message or "")


async def first_visit() -> None:
    """List the tools, switch to the shop, fix its issue."""
    async with host() as client:
        tools = (await client.list_tools()).tools
        tell("server", f"{len(tools)} tools: {', '.join(tool.name for tool in tools)}")
        place = await call(client, "repo_switch", repo="shop")
        tell("server", f"session {place['session']}: {place['repo']} on {place['branch']}, {place.get('runner')}")
        fixed = await call(client, "issue_fixer", issue="123", session=place["session"])
        conclude(fixed, PLACE / "shop")


def conclude(result: Mapping[str, Any], root: Path) -> None:
    """Show what an agent's result proves, and what it changed."""
    output = result.get("output", {})
    tell("agent", f"{result.get('outcome', result['status'])}: {output.get('summary', result.get('error'))}")
    for test in output.get("evidence", {}).get("fixed", ()):
        tell("agent", f"{test['id']}: {test['before']} → {test['after']}")
    console.print()
    show(Syntax(diff(root).strip(), "diff", background_color="default"))


async def killed_in_the_middle() -> None:
    """Let the second fix begin, and kill the server with -9 while the edited code is being tested."""
    async with host() as client:

        async def kill_after_the_edit(done: float, total: float | None, message: str | None) -> None:
            tell("server", message or "")
            if "(after)" in (message or ""):
                process = server_process()
                process.send_signal(signal.SIGKILL)
                tell("demo", f"kill -9 {process.pid}: the file is edited, its tests are running")

        tell("host", "issue_fixer(issue='7', repo='portal')")
        try:
            task = {"issue": "7", "repo": "portal"}
            await client.call_tool("issue_fixer", task, progress_callback=kill_after_the_edit)
        except MCPError as error:
            tell("host", f"the connection is gone: {error}")


async def second_visit() -> None:
    """Start another server, find the thread again, resume it, and list what there is."""
    async with host() as client:
        (cut, *_) = (await call(client, "thread_list", repo="portal"))["threads"]
        tell("server", f"thread {cut['thread_id']} is {cut['status']} at version {cut['version']}: taken up again")
        resumed = await call(client, "thread_wait", thread_id=cut["thread_id"])
        conclude(resumed, PLACE / "portal")
        history = await call(client, "thread_history", thread_id=cut["thread_id"])
        for event in history["events"]:
            tell("server", f"{event['version']:>2}  {event['says'][:100]}")
        console.print()
        show(threads((await call(client, "thread_list"))["threads"]))


def threads(rows: list[Mapping[str, Any]]) -> Table:
    table = Table("THREAD", "AGENT", "REPOSITORY", "ISSUE", "OUTCOME", "EVENTS", box=None)
    for row in rows:
        cells = ("thread_id", "agent", "repo", "issue", "outcome", "version")
        table.add_row(*(str(row.get(cell, "")) for cell in cells))
    return table


async def main() -> None:
    make_repositories(PLACE)
    tell("demo", f"two repositories in {PLACE.relative_to(CHECKOUT)}: shop, and portal, whose tests call into shop")
    await first_visit()
    await killed_in_the_middle()
    await second_visit()
    tell("demo", "Everything is still there: git -C .demo/portal diff, and .demo/state/factor12.db")


if __name__ == "__main__":
    anyio.run(main)
