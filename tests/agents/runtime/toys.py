"""What the engine's tests drive: a world of small files, tools that read and change it, an agent that does as told."""

from collections.abc import Callable, Mapping
from typing import Any, Literal

from pydantic import BaseModel

from agents.runtime.definition import Agent
from prompts import Rendered
from state.steps import Ask, Call, Done, Step, Think
from state.thread import Thread
from tools.base import CutOff, Tool, ToolError, Workspace, tool
from tools.locks import alone

LARGE = 100


def _read(workspace: Workspace, name: str) -> int:
    path = workspace.repository().root / name
    return int(path.read_text()) if path.exists() else 0


def _write(workspace: Workspace, name: str, text: str) -> None:
    root = workspace.repository().root
    (root / f".{name}").write_text(text)
    (root / f".{name}").replace(root / name)
    with (workspace.scratch / "applied").open("a") as journal:
        journal.write(f"{name} {text} {workspace.effect}\n")


@tool("read", carries="files", timeout=5)
def peek(workspace: Workspace, name: str) -> str:
    """Read a file."""
    path = workspace.repository().root / name
    if not path.exists():
        raise ToolError("not_found", f"{name!r} is missing.", "Write it first.")
    return path.read_text()


class Sum(BaseModel):
    name: str
    old: int
    new: int


async def _apply_sum(workspace: Workspace, plan: Sum) -> int:
    async with alone(workspace, plan.name):
        if (now := _read(workspace, plan.name)) != plan.old:
            raise ToolError("conflict", f"{plan.name!r} is {now}, not {plan.old} any more.", "Look again.")
        _write(workspace, plan.name, str(plan.new))
    return plan.new


async def add_blindly(workspace: Workspace, plan: Sum) -> int:
    """Apply without a look at the world: a bug to plant."""
    _write(workspace, plan.name, str(plan.new))
    return plan.new


def forget(*_: object) -> None:
    """Probe and never find anything: a bug to plant."""


async def _probe_sum(workspace: Workspace, plan: Sum) -> int | None:
    async with alone(workspace, plan.name):
        now = _read(workspace, plan.name)
    if now not in (plan.old, plan.new):
        raise CutOff(f"{plan.name!r} is {now}, neither {plan.old} nor {plan.new}.")
    return plan.new if now == plan.new else None


def _large(_: Workspace, plan: Sum) -> str | None:
    return f"It adds {plan.new - plan.old}, which is a lot." if plan.new - plan.old >= LARGE else None


@tool("write", apply=_apply_sum, probe=_probe_sum, gate=_large, carries="nothing", timeout=5)
async def add(workspace: Workspace, name: str, amount: int) -> Sum:
    """Add to the number in a file; a large amount needs a person."""
    old = _read(workspace, name)
    return Sum(name=name, old=old, new=old + amount)


class Letter(BaseModel):
    name: str
    text: str


def _apply_send(workspace: Workspace, plan: Letter) -> str:
    workspace.fence()
    _write(workspace, plan.name, plan.text)
    return "sent"


def _probe_send(workspace: Workspace, plan: Letter) -> str | None:
    """Believe to know; for a danger the engine asks a person all the same."""
    return "sent" if (workspace.repository().root / plan.name).exists() else None


@tool("danger", apply=_apply_send, probe=_probe_send, carries="nothing", timeout=5)
def send(_: Workspace, name: str, text: str) -> Letter:
    """Send a letter, which cannot be taken back."""
    return Letter(name=name, text=text)


def _leaves(_: Workspace, plan: Letter) -> str | None:
    return None if plan.name.startswith("own") else f"It hangs {plan.name!r} outside."


@tool("write", apply=_apply_send, probe=_probe_send, outward=_leaves, carries="nothing", timeout=5)
def post(_: Workspace, name: str, text: str) -> Letter:
    """Hang up a note where others see it; it can be taken down again."""
    return Letter(name=name, text=text)


TOOLS: tuple[Tool[..., Any], ...] = (peek, add, send, post)


class Line(BaseModel):
    """One line of an errand."""

    do: Literal["peek", "add", "send", "post", "ask", "think"]
    name: str = "a"
    amount: int = 1
    by: Literal["anyone", "person"] = "anyone"


class Errand(BaseModel):
    lines: tuple[Line, ...] = ()
    tolerant: bool = False
    """Go on past what a person denied."""


class Report(BaseModel):
    results: dict[str, Any] = {}
    denied: list[str] = []


class Word(BaseModel):
    word: str


def next_step(task: Errand, thread: Thread) -> Step:
    """Do the lines in order, each under a key of its own."""
    for number, line in enumerate(task.lines):
        key = f"{number}:{line.do}"
        if key not in thread.results and not (task.tolerant and key in thread.denials):
            return _step(key, line)
    return Done(Report(results=dict(thread.results.items()), denied=sorted(thread.denials)))


def _step(key: str, line: Line) -> Step:
    match line.do:
        case "peek":
            return peek.keyed(key, line.name)
        case "add":
            return add.keyed(key, line.name, line.amount)
        case "send":
            return send.keyed(key, line.name, f"letter {line.amount}")
        case "post":
            return post.keyed(key, line.name, f"note {line.amount}")
        case "ask":
            return Ask(key, "Which colour?", ("red", "green") if line.by == "person" else (), line.by)
        case "think":
            return Think(key, "word", Word, {"name": line.name})


errand = Agent("errand", "Errand", "Do the lines in order.", Errand, Report, next_step)


def agent_of(decide: Callable[[Errand, Thread], Step], name: str = "errand") -> Agent[Errand, Report]:
    """Make an agent of any decision, under the errand's name: what a new version of its code would be."""
    return Agent(name, name, name, Errand, Report, decide)


def lines(*told: str) -> dict[str, Any]:
    """Write an errand as text: `add a 2`, `peek a`, `send box 1`, `ask`, `ask person`, `think`."""
    return {"lines": [_line(*text.split()) for text in told]}


def _line(do: str, name: str = "a", amount: str = "1") -> dict[str, Any]:
    return {"do": do, "by": name} if do == "ask" and name != "a" else {"do": do, "name": name, "amount": int(amount)}


def render(_: Thread, name: str, context: Mapping[str, Any], /) -> Rendered:
    """Render a prompt that has forgotten to mention any answer."""
    text = f"Prompt {name}: find a word for {context.get('name')}, red if you must."
    return Rendered(name, text, "1", f"template of {name}")


def decided(*steps: Step) -> Callable[[Errand, Thread], Step]:
    """Make a decision that takes the n-th step when n outcomes are known."""

    def decide(_: Errand, thread: Thread) -> Step:
        return steps[min(len(thread.results), len(steps) - 1)]

    return decide


def call(key: str, name: str = "a", amount: int = 1) -> Call:
    return add.keyed(key, name, amount)
