"""What a session works on, in the words that orchestrators of sister repositories use for it: the execution context."""

import re
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from mcp_server.compose import Runtime
from state import sessions
from state.store import Row, Search

GITHUB = re.compile(r"(?:https://|ssh://git@|git@)github\.com[/:]([\w.-]+/[\w.-]+?)(?:\.git)?/?")


async def execution_context(runtime: Runtime, session: str, root: Path) -> dict[str, Any]:
    """Describe where the session stands: the repository, where it came from, and the thread that moved there last."""
    home = runtime.repositories.home
    stack = sessions.stack(runtime.database, runtime.principal, session) or []
    before = [Path(path) for path in stack[:-1]] or ([home] if home and stack else [])
    latest = runtime.store.list(Search(session=session, repo=str(root), limit=1), runtime.principal)
    url = await _origin(runtime, root)
    return {
        "repo_name": runtime.repositories.name_of(root),
        "repo_path": str(root),
        "repo_url": url,
        "source_repo": runtime.repositories.name_of(home) if home and home != root else None,
        "working_directory": str(root),
        "is_external": root != home,
        "parent": runtime.repositories.name_of(before[-1]) if before and before[-1] != root else None,
        "workflow_id": session,
        "metadata": {"depth": len(stack)},
        **(_work(latest[0], url) if latest else {}),
    }


def _work(row: Row, url: str | None) -> dict[str, Any]:
    """Return what the thread is about; an issue has an address only where its repository has one."""
    number = int(row.issue) if row.issue and row.issue.isdecimal() else None
    hosted = GITHUB.fullmatch(url or "")
    address = f"https://github.com/{hosted[1]}/issues/{number}" if hosted and number else None
    return {"issue_number": number, "issue_url": address, "trace_id": row.thread_id}


async def _origin(runtime: Runtime, root: Path) -> str | None:
    """Return where the repository was cloned from, without a name or password in it."""
    from tools.gitrun import git  # git's part is imported when a repository is first looked at

    workspace = runtime.repositories.workspace(root)
    words = ("config", "--get", "remote.origin.url")
    found = (await git(workspace, workspace.repository(), *words, ok=(0, 1))).decode(errors="replace").strip()
    parts = urlsplit(found)
    if not parts.netloc:
        return found or None
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
