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
from rich.padding import Padding
from rich.syntax import Syntax
from rich.table import Table
from rich.text import Text

CHECKOUT = Path(__file__).resolve().parent.parent
PLACE = CHECKOUT / ".demo"
START = monotonic()
SAYS = {"host": "cyan", "server": "magenta", "agent": "green", "demo": "yellow", "log": "blue"}

console = Console(highlight=False, emoji=False)


def tell(who: str, what: str) -> None:
    """Print one line of the story; a long one goes on below itself."""
    row = Table.grid(padding=(0, 2))
    row.add_column(width=7, justify="right", style="dim")
    row.add_column(width=6, style=SAYS[who])
    row.add_column()
    row.add_row(f"{monotonic() - START:.1f} s", who, Text(what))
    console.print(row)


def chapter(title: str) -> None:
    console.print()
    console.rule(Text(title, "bold"), align="left")


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
    result = await client.call_tool(tool, arguments, progress_callback=hear, meta={"wait": 45})
    return result.structured_content or {}


async def hear(progress: float, total: float | None, message: str | None) -> None:
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
    assert result.get("outcome") == "fixed", result
    output = result["output"]
    tell("agent", f"fixed: {output['summary']}")
    for test in output["evidence"]["fixed"]:
        tell("agent", f"{test['id']}: {test['before']} → {test['after']}")
    lines = diff(root).strip().splitlines()[2:]
    console.print(Padding(Syntax("\n".join(lines), "diff", background_color="default"), (1, 0, 0, 17)))


async def killed_in_the_middle() -> None:
    """Let the second fix begin, and kill the server with -9 while the edited code is being tested."""
    async with host() as client:

        async def kill_after_the_edit(progress: float, total: float | None, message: str | None) -> None:
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
    """Start another server, which takes the thread up by itself, and look at what became of it."""
    async with host() as client:
        (cut, *_) = (await call(client, "thread_list", repo="portal"))["threads"]
        tell("server", f"thread {cut['thread_id']} is {cut['status']} at version {cut['version']}: taken up again")
        conclude(await call(client, "thread_wait", thread_id=cut["thread_id"]), PLACE / "portal")
        chapter("Nothing was done twice")
        for event in (await call(client, "thread_history", thread_id=cut["thread_id"]))["events"]:
            tell("log", f"{event['version']:>2}  {event['says']}")
        chapter("What there is")
        console.print(threads((await call(client, "thread_list"))["threads"]))


def threads(rows: list[Mapping[str, Any]]) -> Table:
    table = Table("THREAD", "AGENT", "REPOSITORY", "ISSUE", "OUTCOME", "EVENTS", box=None)
    for row in rows:
        cells = ("thread_id", "agent", "repo", "issue", "outcome", "version")
        table.add_row(*(str(row.get(cell, "")) for cell in cells))
    return table


async def main() -> None:
    chapter("Two repositories side by side")
    make_repositories(PLACE)
    tell(
        "demo",
        f"{PLACE.relative_to(CHECKOUT)}/shop, and {PLACE.relative_to(CHECKOUT)}/portal, whose tests call into shop",
    )
    chapter("A host starts the server, and its model calls an agent")
    await first_visit()
    chapter("The next issue, and kill -9 in the middle")
    await killed_in_the_middle()
    chapter("Another server goes on where the first was killed")
    await second_visit()
    console.print()
    tell("demo", "It is all still there: git -C .demo/portal diff, and the log in .demo/state/factor12.db")


if __name__ == "__main__":
    anyio.run(main)
