"""What a thread has read that others wrote, and what it may not do unasked since (R18).

Both are told from the log, whenever they are needed: a thread is never marked.
"""

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from state.thread import Recorded, Thread
from tools.base import Tool, Workspace
from tools.origins import Origin, origin_of
from tools.workspace import Repository

MOST = 6
"""Origins, and files of one, that are named; of more, the number."""
LONGEST = 160

Tools = Mapping[str, Tool[..., Any]]


def reason_to_ask(thread: Thread, tools: Tools, tool: Tool[..., Any], workspace: Workspace, plan: Any) -> str | None:
    """Say why a person must approve a plan, or `None` if it may run: the one place where it is decided.

    The tool's own reasons come first. Whatever leaves the repositories that the thread was launched with needs a person
    as soon as the thread has read what nobody vouches for. Whatever the reason, the person is told what was read.
    """
    own, leaves = tool.reason_to_ask(workspace, plan), tool.leaves(workspace, plan)
    if own is None and leaves is None:
        return None
    read = untrusted(thread, tools, workspace)
    if own is None and not read:
        return None
    return " ".join(part for part in (own, leaves, because(read)) if part)


def untrusted(thread: Thread, tools: Tools, workspace: Workspace | None = None) -> list[str]:
    """Return the origins of all that a thread has read and nobody vouches for, in the order it was read in.

    Issues, changes, output of programs and the web are never vouched for; files are where a person trusts the
    repository, which the workspace knows.
    """
    opened = dict(workspace.repositories) if workspace else dict[str, Repository]()
    trusted = {name for name, known in opened.items() if known.trusted}
    first = next(iter([*(ref.name for ref in thread.workspace), *opened]), "")
    known = sorted(thread.effects.items(), key=lambda one: one[1].version)
    found = (origin(key, one, tools, first) for key, one in known)
    read = [one for one in found if one is not None and not (one.carries == "files" and one.repo in trusted)]
    return [*thread.untrusted, *_together(read)]


def origin(key: str, recorded: Recorded, tools: Tools, first: str) -> Origin | None:
    """Return whose words an outcome holds: of a tool, of threads that were started; what a model decided is its own.

    `first` is the repository that is meant where none is named.
    """
    if (tool := tools.get(recorded.tool)) is not None:
        return origin_of(tool.name, tool.carries, recorded.args, recorded.value, first)
    if not recorded.tool:
        return None if recorded.risk == "read" else Origin("web", f"what the threads of {key!r} answered")
    return None if recorded.tool.startswith("prompt:") else origin_of(recorded.tool, None, {}, None, first)


def because(read: Collection[str]) -> str:
    """Tell a person what was read."""
    if not read:
        return ""
    shown = [one if len(one) <= LONGEST else f"{one[:LONGEST]}…" for one in list(read)[:MOST]]
    more = [f"{len(read) - MOST} more"] if len(read) > MOST else []
    return f"This thread has read: {', '.join([*shown, *more])}."


def _together(read: Iterable[Origin]) -> list[str]:
    """Return what a person is told, each once; the files of one repository are told together."""
    details: dict[str, dict[str, None]] = {}
    for one in read:
        known = details.setdefault(one.what, {})
        if one.detail:
            known[one.detail] = None
    return [_with(what, list(known)) for what, known in details.items()]


def _with(what: str, details: list[str]) -> str:
    if not details:
        return what
    more = [f"{len(details) - MOST} more"] if len(details) > MOST else []
    return f"{what} ({', '.join([*details[:MOST], *more])})"
