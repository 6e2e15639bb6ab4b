"""Whose words a prompt has: a trusted repository's, the user's own, or ours."""

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from mcp_server.repositories import Repositories
from prompts import BadTemplate, Rendered, checked, filled, names, ours
from prompts.render import SUFFIX, TEMPLATES
from state.problem import ProblemError
from state.thread import Thread
from tools.errors import ToolError
from tools.workspace import Repository

if TYPE_CHECKING:
    from mcp_server.custom_files import Place
    from prompts.template import Template

Origin: TypeAlias = Literal["repository", "user", "factor12"]
FOLDER = "prompts"
NOT_FOR_REPOSITORIES = ("system", "call_agent", "resume_work")
"""The rules of every decision, and what hosts are told before a repository is known."""


@dataclass(frozen=True, slots=True)
class Wording:
    """One file that has words for a prompt. Why it cannot be used is an error only when it would be."""

    origin: Origin
    where: str
    root: Path
    file: str
    """Beneath `root`."""
    template: "Template | None"
    problem: ProblemError | None = None
    digest: str = ""
    """Of what the file holds, also when that cannot be used."""

    def usable(self) -> "Template":
        """Return the template.

        Raises:
            ProblemError: It cannot be used.
        """
        if self.template is None:
            raise self.problem or BadTemplate(self.where, 0, "the template cannot be read.")
        return self.template


@dataclass(frozen=True, slots=True)
class Wordings:
    """What stands before our prompts, looked up anew for every prompt: who writes one tries it at once."""

    repositories: Repositories
    folder: Path
    """The user's own prompts."""
    home_of: Callable[[str], "Place | None"] = lambda _: None
    """The repository that an agent is from, if it is no agent of ours: its own words come first."""

    def render(self, thread: Thread, name: str, context: Mapping[str, Any], /) -> Rendered:
        """Render a prompt as the thread's repository, the user or we word it (F2).

        Raises:
            ProblemError: `not_found`; `bad_input`, naming the file that would be used and cannot be.
            Unavailable: The words that the agent came with are others than a person trusted.
        """
        home = self.home_of(thread.agent)
        if home is not None and (own := self._agents_own(home, name)) is not None:
            return filled(own, context)
        here = self.repositories.opened(thread.workspace[0]) if thread.workspace else None
        return filled(self.first(name, here), context)

    def _agents_own(self, home: "Place", name: str) -> "Template | None":
        """Return the words that the agent's own repository has, if it has some: exactly those that were trusted."""
        from agents.runtime.deciding import Unavailable
        from mcp_server.custom_files import UNWORDED

        file, repository = f"{FOLDER}/{name}{SUFFIX}", Repository(home.repo, home.root, "read", trusted=True)
        found = next((one for one in self.every(name, repository) if one.origin == "repository"), None)
        if found is None and (name in NOT_FOR_REPOSITORIES or file not in (home.granted or ())):
            return None
        if (why := home.refusal(file, found.digest if found else "", UNWORDED)) is not None:
            raise Unavailable(why.kind, why.message, why.hint)
        assert found is not None
        return found.usable()

    def first(self, name: str, repository: Repository | None = None) -> "Template":
        """Return the template that is used.

        Raises:
            ProblemError: There is none, or the one that would be used cannot be: ours does not silently stand in.
        """
        found = next(self.every(name, repository), None)
        return found.usable() if found else ours(name)

    def every(self, name: str, repository: Repository | None = None) -> Iterator[Wording]:
        """Yield whoever has words for a prompt; the first are used."""
        if not name.isidentifier():
            return
        if repository is not None and repository.trusted and name not in NOT_FOR_REPOSITORIES:
            root, file = repository.source or repository.root, f"{FOLDER}/{name}{SUFFIX}"
            yield from _wording("repository", root, file, name, f"{file} of {repository.name}")
        yield from self._users(name)
        if name in names():
            template = ours(name)
            yield Wording("factor12", template.where, TEMPLATES, f"{name}{SUFFIX}", template)

    def ignored(self, repository: Repository) -> list[str]:
        """Return the names of prompts that do not count because the repository is not trusted."""
        return [] if repository.trusted else named((repository.source or repository.root) / FOLDER)

    def known(self, repository: Repository | None = None) -> list[str]:
        """Return every name that somebody has words for."""
        found = {*names(), *named(self.folder)}
        if repository is not None and repository.trusted:
            found |= {*named((repository.source or repository.root) / FOLDER)} - {*NOT_FOR_REPOSITORIES}
        return sorted(found)

    def _users(self, name: str) -> Iterator[Wording]:
        """Look into the user's own folder, where links are followed: they keep it as they like."""
        path = self.folder / f"{name}{SUFFIX}"
        real = Path(os.path.realpath(path))
        yield from _wording("user", real.parent, real.name, name, str(path))


def _wording(origin: Origin, root: Path, file: str, name: str, where: str) -> Iterator[Wording]:
    """Yield what a file says, if it is there."""
    from prompts.template import digest, parse

    known = ""
    try:
        source = _read(root, file, where)
        if source is None:
            return
        known = digest(source)
        template = parse(source, name, where)
        checked(template)
    except BadTemplate as error:
        yield Wording(origin, where, root, file, None, error, known)
    else:
        yield Wording(origin, where, root, file, template, None, known)


def _read(root: Path, file: str, where: str) -> str | None:
    from prompts.template import MOST_BYTES
    from tools.beneath import read_bytes

    try:
        return read_bytes(root, file, MOST_BYTES).decode()
    except ToolError as error:
        if error.problem.kind == "not_found":
            return None
        raise BadTemplate(where, 0, error.problem.message, "Correct the file, or remove it.") from error
    except UnicodeDecodeError as error:
        raise BadTemplate(where, 0, "the template is not UTF-8.") from error


def named(folder: Path) -> list[str]:
    """Return the names of the templates in a folder that could be prompts."""
    from prompts.template import NAME

    try:
        with os.scandir(folder) as entries:
            found = [entry.name.removesuffix(SUFFIX) for entry in entries if entry.name.endswith(SUFFIX)]
    except OSError:
        return []
    return [name for name in found if NAME.fullmatch(name)]
