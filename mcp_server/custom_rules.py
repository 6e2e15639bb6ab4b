"""What the file of a custom agent may not do, found before any of it runs.

This keeps honest agents pure (R2) and off our internals, which may change any day. It is no wall: what keeps a hostile
file out is that a person trusts it, as it is, or does not.
"""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from types import ModuleType
from typing import Any

from state.problem import Problem

API = "mcp_server.plugin"
OURS = frozenset({"mcp_server", "agents", "tools", "prompts", "state"})
ALLOWED = frozenset(
    {
        API,
        *("abc", "ast", "base64", "bisect", "collections", "copy", "dataclasses", "datetime", "decimal", "difflib"),
        *("enum", "fnmatch", "fractions", "functools", "hashlib", "heapq", "html", "itertools", "json", "math"),
        *("numbers", "operator", "pydantic", "re", "shlex", "statistics", "string", "textwrap", "types", "typing"),
        *("unicodedata", "urllib.parse", "__future__"),
    }
)
"""Modules that compute, and neither look at the world nor change it; with what lies below them."""
CALLS = frozenset(
    {"open", "exec", "eval", "compile", "__import__", "input", "breakpoint", "globals", "exit", "quit", "print"}
)
INSIDES = frozenset(
    {"__import__", "__builtins__", "__globals__", "__subclasses__", "__loader__", "__spec__", "f_globals", "f_builtins"}
)
NEXT = "Say what you want done by a step; `docs/custom-agents.md` of factor12 shows what an agent may use."


@dataclass(frozen=True, slots=True)
class Flaw:
    """What is wrong with a file, and in which line; 0 where it is no line's."""

    line: int
    message: str
    hint: str = NEXT

    def problem(self, file: str, repo: str) -> Problem:
        """Return it as the problem of that file."""
        where = f"{file}:{self.line}" if self.line else file
        return Problem(kind="refused", message=f"{where} of {repo!r}: {self.message}", hint=self.hint)


def is_meant(source: bytes) -> bool:
    """Tell whether a file in a folder `agents` wants to be an agent of ours: many a project has such a folder."""
    return API.partition(".")[0].encode() in source


def flaws(source: bytes) -> list[Flaw]:
    """Return what is wrong with the file, first line first; nothing in it is run."""
    try:
        tree = ast.parse(source.decode("utf-8-sig"))  # as it is run: a line that names another encoding counts nowhere
    except UnicodeDecodeError as error:
        line = source.count(b"\n", 0, error.start) + 1
        return [Flaw(line, "Python cannot read it: it is not UTF-8.", "Save it as UTF-8.")]
    except SyntaxError as error:
        return [Flaw(error.lineno or 0, f"Python cannot read it: {error.msg}.", "Correct the syntax.")]
    except (ValueError, RecursionError, MemoryError) as error:  # a NUL byte, or nested without end
        return [Flaw(0, f"Python cannot read it: {error}.", "Correct the file.")]
    found = [flaw for node in ast.walk(tree) for flaw in _in(node)]
    if not found and not _has_agent(tree):
        found = [Flaw(0, "it has no `agent = Agent(…)`.", "Give the module a name `agent`.")]
    return sorted(found, key=lambda flaw: flaw.line)


def _in(node: ast.AST) -> Iterator[Flaw]:
    match node:
        case ast.Import(names=names):
            for alias in names:
                yield from _imported(node.lineno, alias.name)
        case ast.ImportFrom():
            yield from _from(node)
        case ast.Call(func=ast.Name(id=name)) if name in CALLS:
            yield Flaw(node.lineno, f"it calls {name}().")
        case ast.Name(id=name) | ast.Attribute(attr=name) if name in INSIDES:
            yield Flaw(node.lineno, f"it uses {name}, by which one gets at what it may not import.")
        case ast.Attribute(value=value, attr=name):
            yield from _taken(node.lineno, ast.unparse(value), name)
        case _:
            pass


def _from(node: ast.ImportFrom) -> Iterator[Flaw]:
    if node.level or node.module is None:
        yield Flaw(node.lineno, "it imports a file beside it.", "Keep an agent in one file; agents do not share.")
    elif _is_allowed(node.module):
        for alias in node.names:
            yield from _taken(node.lineno, node.module, alias.name)
    elif not all(_is_allowed(f"{node.module}.{alias.name}") for alias in node.names):
        yield from _imported(node.lineno, node.module)


def _imported(line: int, module: str) -> Iterator[Flaw]:
    if _is_allowed(module):
        return
    if module.partition(".")[0] in OURS:
        hint = f"Import from {API}; it has all that is promised."
        yield Flaw(line, f"it imports {module}, which is an internal of factor12.", hint)
    else:
        yield Flaw(line, f"it imports {module}, which an agent may not.")


def _taken(line: int, module: str, name: str) -> Iterator[Flaw]:
    """Look at what is taken out of a module: it may be another one, that it imports for itself."""
    if module == API.partition(".")[0]:
        yield from _imported(line, f"{module}.{name}")
    elif module in ALLOWED:
        found: Any = getattr(import_module(module), name, None)
        if isinstance(found, ModuleType) and not _is_allowed(found.__name__):
            yield Flaw(line, f"it takes {module}.{name}, which an agent may not import.")


def _is_allowed(module: str) -> bool:
    parts = module.split(".")
    return any(".".join(parts[:end]) in ALLOWED for end in range(1, len(parts) + 1))


def _has_agent(tree: ast.Module) -> bool:
    names = {
        target.id
        for node in tree.body
        for target in (
            node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
        )
        if isinstance(target, ast.Name)
    }
    return "agent" in names
