"""Repositories with agents of their own, and servers beside them."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from mcp import Client

from mcp_server.app import build_server
from mcp_server.compose import Runtime, running
from mcp_server.custom_files import as_it_is
from state import sessions
from state.grants import grant
from state.sqlite import Database
from tests.conftest import repository
from tests.mcp_server.door import Door, Era, settings_in

HEAD = "from mcp_server.plugin import Agent, BaseModel, Done, Step, Thread, need, read_file, script, thought\n"
TYPES = """

class Task(BaseModel):
    path: str = "README.md"


class Report(BaseModel):
    text: str


"""


def agent_file(body: str, *, name: str = "reader", head: str = "", after: str = "") -> str:
    """Return an agent whose `next_step` has that body."""
    lines = "\n".join(f"    {line}" for line in body.splitlines())
    made = f'agent = Agent("{name}", "Read", "Read a file.", Task, Report, next_step)\n'
    return f"{HEAD}{head}{TYPES}@script\ndef next_step(task: Task, thread: Thread) -> Step:\n{lines}\n\n\n{made}{after}"


READER = agent_file("return Done(Report(text=need(thread, read_file)(task.path).text))")


def sister(folder: Path, files: Mapping[str, str], name: str = "lib") -> Path:
    """Make a repository with these files beside the others."""
    return repository(folder / name, files)


def trust(folder: Path, root: Path) -> None:
    """Trust a repository with its agents as they are, as the command does."""
    database = Database(settings_in(folder).database)
    sessions.trust(database, root, 1.0)
    grant(database, root, as_it_is(root), 1.0)
    database.close()


@asynccontextmanager
async def beside(folder: Path, era: Era = "2026-07-28", **settings: Any) -> AsyncGenerator[Door]:
    """Serve the folder of repositories to a client in memory."""
    async with served(folder, **settings) as runtime, Client(build_server(runtime), mode=era) as client:
        yield Door(client, runtime)


@asynccontextmanager
async def served(folder: Path, **settings: Any) -> AsyncGenerator[Runtime]:
    async with running(settings_in(folder, **settings), folder / "shop") as runtime:
        yield runtime


async def names(door: Door) -> list[str]:
    return [tool.name for tool in (await door.client.list_tools()).tools]
