"""What a prompt was: at a commit, by its digest, or when a thread was shown it."""

from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from dataclasses import dataclass
from difflib import unified_diff
from inspect import isawaitable
from pathlib import Path
from typing import Any

from mcp_server.comparing import thoughts_of
from mcp_server.compose import Runtime
from mcp_server.wordings import Wording
from prompts import ours
from prompts.template import digest as digest_of
from state.problem import ProblemError
from tools.base import Tool, ToolError
from tools.git import git_log, git_show
from tools.workspace import Repository, Workspace

MOST_COMMITS = 200
SHORT = 12
RULES = "system"
"""The template that goes before every prompt."""


@dataclass(frozen=True, slots=True)
class Change:
    """One comparison: a line that says what came of it, and a patch if both texts are known."""

    line: str
    patch: str = ""

    def told(self) -> dict[str, Any]:
        return {"said": self.line, "patch": self.patch}


@dataclass(frozen=True, slots=True)
class History:
    """The past of one prompt, as far as git has its file."""

    runtime: Runtime
    name: str
    here: Repository | None

    async def compared(self, *, rev: str, digest: str, thread: str) -> list[Change]:
        """Compare what is used now with what was asked for.

        Raises:
            ProblemError: There is no such prompt, thread, commit or version.
        """
        used = self._used()
        now = used.usable()
        if thread:
            return [*self._since(thread, used)]
        if rev:
            before = await self._at(used, rev)
            return [_change(f"{used.where} at {rev}", before, used.where, now.source)]
        if digest:
            where, before = await self._of_digest(used, digest)
            return [_change(where, before, used.where, now.source)]
        if used.origin == "factor12":
            return [Change(f"{self.name}: factor12's own is used; nothing stands before it.")]
        try:
            own = ours(self.name)
        except ProblemError:
            return [Change(f"{self.name}: only {used.where} has words for it; factor12 has none to compare with.")]
        return [_change(own.where, own.source, used.where, now.source)]

    def _used(self) -> Wording:
        found = next(self.runtime.wordings.every(self.name, self.here), None)
        if found is None:
            known = ", ".join(self.runtime.wordings.known(self.here))
            raise ProblemError("not_found", f"There is no prompt {self.name!r}.", f"There are: {known}.")
        return found

    def _since(self, wanted: str, used: Wording) -> Iterator[Change]:
        """Compare with each version that a thread was shown, of the prompt and of the rules before it."""
        thread = self.runtime.find(wanted)
        shown = thoughts_of(self.runtime.store, thread.id)
        known = [one.digest for one in shown if one.template == self.name]
        if self.name == RULES:
            known = [one.rules for one in shown]
        if not known:
            message = f"Thread {thread.id!r} was not shown {self.name!r}."
            raise ProblemError("not_found", message, "`factor12 threads show` lists what it was asked.")
        now = used.usable()
        for digest in dict.fromkeys(known):
            old = f"{self.name} as thread {thread.id[:8]} was shown it"
            if (blob := self.runtime.store.get(digest)) is None:
                yield Change(
                    f"{old} ({digest[:SHORT]}) → {used.where} ({now.digest[:SHORT]}); what it was is not kept."
                )
            else:
                yield _change(old, blob.decode(), used.where, now.source)

    async def _of_digest(self, used: Wording, digest: str) -> tuple[str, str]:
        """Return a version by its digest, or the beginning of one: a thread was shown it, or git has it."""
        if (blob := self.runtime.store.get(digest)) is not None:
            return f"{self.name} of {digest[:SHORT]}", blob.decode(errors="replace")
        async for commit, before in self._versions(used):
            if digest_of(before).startswith(digest):
                return f"{used.where} at {commit[:SHORT]}", before
        message = f"There is no version of {self.name!r} with the digest {digest[:64]!r}."
        raise ProblemError("not_found", message, f"No thread was shown it, and git's last {MOST_COMMITS} have others.")

    async def _versions(self, used: Wording) -> AsyncIterator[tuple[str, str]]:
        """Yield the commit and text of each version that git has, the newest first."""
        place = _place(used)
        if place is None:
            return
        root, path = place
        workspace = self.runtime.repositories.workspace(root)
        log: dict[str, Any] = await _look(git_log, workspace, limit=MOST_COMMITS, path=path)
        for commit in log["commits"]:
            with suppress(ToolError):  # the commit that removed it
                shown = await _look(git_show, workspace, ref=commit["id"], path=path)
                yield commit["id"], shown["text"]

    async def _at(self, used: Wording, rev: str) -> str:
        if (place := _place(used)) is None:
            raise ProblemError("not_found", f"{used.where} is in no git repository.", "Compare without --rev.")
        root, path = place
        shown = await _look(git_show, self.runtime.repositories.workspace(root), ref=rev, path=path)
        return str(shown["text"])


async def _look(tool: Tool[..., Any], workspace: Workspace, **arguments: Any) -> dict[str, Any]:
    workspace.scratch.mkdir(parents=True, exist_ok=True, mode=0o700)
    looked = tool.look(workspace, arguments)
    return await looked if isawaitable(looked) else looked


def _place(used: Wording) -> tuple[Path, str] | None:
    """Return the work tree that holds a file, and the file's path in it."""
    file = used.root / used.file
    root = next((folder for folder in file.parents if (folder / ".git").exists()), None)
    return (root, str(file.relative_to(root))) if root else None


def _change(old: str, before: str, new: str, after: str) -> Change:
    if before == after:
        return Change(f"{new}: the same as {old}.")
    line = f"{old} ({digest_of(before)[:SHORT]}) → {new} ({digest_of(after)[:SHORT]})"
    return Change(line, patch(old, before, new, after))


def patch(old: str, before: str, new: str, after: str) -> str:
    """Return a readable patch from one text to the other."""
    lines = unified_diff(before.splitlines(keepends=True), after.splitlines(keepends=True), old, new)
    return "".join(line if line.endswith("\n") else f"{line}\n" for line in lines)
