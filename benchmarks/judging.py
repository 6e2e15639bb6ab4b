"""What judgement costs beside the model: telling how complex an issue is, and the prompt of a long thread."""

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from subprocess import run
from sys import executable

from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, trim_messages
from pydantic import BaseModel

from agents.runtime.model import Prompt
from agents.runtime.thinking import prompt_for
from agents.runtime.window import Limits
from benchmarks.figures import Figure, at_most, timed, times_faster
from prompts import rendered
from prompts.tokens import estimate
from state.events import Compacted, Launched, Resolved
from state.fold import reduce
from state.steps import Think
from state.thread import Thread
from tools.files import read_file

STEPS = 200
WINDOW = 8_000
TOOLS = {read_file.name: read_file}
ISSUE = "# Issue #7: Carts\n\n## Requirements\n" + "".join(
    f"- Cart {n} keeps `item_{n}` in src/cart{n}.py\n" for n in range(8)
)
ASSESS = """
import sys, time, anyio
from pathlib import Path
from tools.complexity import assess_issue
from tools.workspace import Repository, Workspace
root = Path(sys.argv[1])
where = Workspace({"shop": Repository("shop", root, "read")}, blobs=None, scratch=root)
async def main():
    start = time.perf_counter()
    assert (await assess_issue.look(where, {"issue": sys.argv[2]}))["level"]
    print(1e3 * (time.perf_counter() - start))
anyio.run(main)
"""


class Next(BaseModel):
    why: str


def figures(folder: Path) -> Iterator[Figure]:
    (folder / "assessed" / "issues").mkdir(parents=True)
    words = [executable, "-c", ASSESS, str(folder / "assessed"), ISSUE]
    first = min(float(run(words, capture_output=True, text=True, check=True).stdout) for _ in range(5))
    yield at_most("complexity of an issue, first call of a process", first, "ms", 100)
    prompts, last = _prompts()
    reused = sum(_shared(*pair) for pair in pairwise(prompts)) / sum(map(len, prompts[1:]))
    what = f"prompt of a {STEPS}-step thread in {WINDOW:,} tokens"
    yield Figure(f"{what}: begins as the one before", 100 * reused, "%", budget="≥ 80 %", kept=reused >= 0.8)
    ours = 1e3 * timed(lambda: _prompt(last), 20)
    beside = 1e3 * timed(_trimmed, 20)
    yield times_faster(what, ours, "ms", beside, "LangChain trim_messages, same texts", None)


def _prompts() -> tuple[list[str], Thread]:
    """Return what a model is sent at each step, as an engine would: it notes when older steps shrink."""
    thread, sent = reduce(Thread(id="t"), Launched(agent="a", session="s", task={}, at=0.0)), list[str]()
    for number in range(STEPS):
        while isinstance(made := _prompt(thread), Compacted):
            thread = reduce(thread, made)
        sent.append(made.text)
        thread = reduce(
            thread, Resolved(key=f"call:{number}", value=_text(number), tool="read_file", args=_args(number))
        )
    return sent, thread


def _prompt(thread: Thread) -> Prompt | Compacted:
    rules = rendered("system")
    body = rendered("assistant", request="Where is it?", repositories=["shop"], tools=[])
    return prompt_for(
        thread, Think("turn", "assistant", Next, {}, history=True), rules, body, Limits(tokens=WINDOW), TOOLS
    )


def _trimmed() -> None:
    said = [SystemMessage("Rules."), HumanMessage("Where is it?")]
    steps = [each for n in range(STEPS) for each in (AIMessage(f"read_file {_args(n)}"), HumanMessage(_text(n)))]
    trim_messages(
        [*said, *steps],
        max_tokens=WINDOW,
        token_counter=lambda messages: sum(estimate(str(message.content)) for message in messages),
        include_system=True,
    )


def _args(number: int) -> dict[str, str]:
    return {"path": f"src/file{number}.py"}


def _text(number: int) -> str:
    return f"line {number} of a file\n" * 20


def _shared(before: str, after: str) -> int:
    return next((at for at, (one, other) in enumerate(zip(before, after, strict=False)) if one != other), len(before))
