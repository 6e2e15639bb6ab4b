"""How a thread stands, as a person wants to hear it: outcome, evidence, what changed, what to do next."""

import shlex
from collections.abc import Mapping, Sequence
from difflib import unified_diff
from itertools import islice
from typing import Any, assert_never, cast

from rich.text import Text

from agents.runtime.rewinding import checkpoint_id
from mcp_server.cli_decision import decision_lines, how
from mcp_server.cli_findings import finding_lines
from mcp_server.cli_timeline import colour
from mcp_server.envelope import Shown
from mcp_server.terminal import attended, one_line, out, safe
from state.thread import Thread

MOST = 10
"""Tests, files and parts that are named one by one."""
CHANGED = ("fixed", "changed_unverified")


def print_summary(thread: Thread, status: Shown) -> None:
    """Print the result to stdout."""
    console = out()
    verdict = thread.outcome or status
    where = ", ".join(ref.name for ref in thread.workspace)
    head = Text.assemble(
        (verdict, f"bold {colour(verdict)}"), f"  {safe(thread.agent)}{f' in {safe(where)}' if where else ''}"
    )
    console.print(head.append(f"  {thread.id}", style="dim"))
    for told in _told(thread):
        console.print(Text(f"  {told}"))
    console.print(Text.assemble(("  Next: ", "bold"), safe(next_step(thread, status))))


def next_step(thread: Thread, status: Shown) -> str:
    """Say what a person at a shell does next."""
    match status:
        case "running" | "interrupted":
            return f"factor12 threads resume {thread.id}  (or `threads watch`, or `threads cancel`)"
        case "waiting":
            return _how_to_answer(thread)
        case "cancelled" | "failed" if thread.left_edits and thread.checkpoints:
            taken = checkpoint_id(thread, thread.checkpoints[0])
            return f"its edits stand in the work tree; factor12 checkpoints restore {taken}  takes them back."
        case "cancelled":
            return "nothing; it was stopped."
        case "completed" | "failed" if _edited(thread) and thread.own_tree:
            root = shlex.quote(thread.own_tree.root)
            return f"{_seen_by(thread, root)}; factor12 threads apply {thread.id}  takes them over."
        case "completed" | "failed" if _edited(thread):
            seen = _seen_by(thread, shlex.quote(thread.workspace[0].root))
            return f"{seen}; they are not committed{' here' if _branch(thread) else ''}."
        case "completed" | "failed":
            return f"factor12 threads show {thread.id}  shows every step."
    assert_never(status)


def _seen_by(thread: Thread, root: str) -> str:
    """Return the command that shows the edits: git says nothing of the lines of new files until they are added."""
    if not (files := _rows(_fields(thread.output).get("files"))):
        return f"git -C {root} status  and  git -C {root} diff  show the edits"
    new = any(not file.get("before") for file in files)
    return f"git -C {root} diff  shows the edits{' but for new files' if new else ''}"


def _branch(thread: Thread) -> str:
    """Return the branch that the edits were committed on, if they were."""
    return str(_fields(_fields(thread.output).get("commit")).get("branch", ""))


def _how_to_answer(thread: Thread) -> str:
    question = thread.question
    if question is None:
        return f"factor12 threads resume {thread.id}"
    if question.kind == "decision":
        return f"factor12 answer {thread.id}  (shows it and asks you)" if attended() else how(thread, question)
    if question.answer_by == "anyone":
        return f"factor12 answer {thread.id} {shlex.quote(question.key)} ANSWER  (without the last two it asks you)"
    return f"factor12 answer {thread.id}"


def _told(thread: Thread) -> list[str]:
    """Return the lines between the outcome and the next step."""
    if (problem := thread.reason or thread.trouble) is not None:
        return [safe(str(problem))]
    if thread.question is not None and thread.question.kind == "decision":
        return [] if attended() else list(decision_lines(thread, thread.question))
    if thread.question is not None:
        options = [f"  {number}  {safe(option)}" for number, option in enumerate(thread.question.options, 1)]
        return [*(safe(line) for line in thread.question.text.splitlines()), *options]
    output = _fields(thread.output)
    lines = [one_line(str(output["summary"]))] if output.get("summary") else []
    lines += [safe(line) for text in ("answer", "follow_up") for line in str(output.get(text) or "").splitlines()]
    lines += _unverified(_fields(output.get("dropped")))
    lines += finding_lines(output)
    lines += _red(_fields(output.get("check")))
    lines += _evidence(_fields(output.get("evidence")))
    lines += _files(_rows(output.get("files")))
    lines += _parts(_rows(output.get("parts")))
    if branch := _branch(thread):
        lines.append(f"committed on {safe(branch)}")
    return [*lines, *(one_line(str(note)) for note in _list(output.get("notes")))]


def _unverified(dropped: Mapping[str, Any]) -> list[str]:
    """Return what an answer was not allowed to say, and why."""
    reasons = _list(dropped.get("reasons"))
    shown = [f"  {one_line(str(reason))}" for reason in reasons[:MOST]]
    more = [f"  and {len(reasons) - MOST} more reasons"] if len(reasons) > MOST else []
    return [f"Left out, as it could not be verified ({dropped.get('count', 0)}):", *shown, *more] if reasons else []


def _red(check: Mapping[str, Any]) -> list[str]:
    """Return the tests that are red, and why."""
    failures = _rows(check.get("failures"))
    shown = [_failure(test) for test in failures[:MOST]]
    counts = _fields(check.get("counts"))
    more = counts.get("failed", 0) + counts.get("error", 0) - len(shown)
    return shown + ([f"and {more} more tests"] if shown and more > 0 else [])


def _failure(test: Mapping[str, Any]) -> str:
    place = f"{test['file']}:{test['line']}" if test.get("file") and test.get("line") else test.get("file", "")
    why = one_line(str(test.get("message", "")), 120)
    return "  ".join(part for part in (safe(str(test["id"])), safe(str(test["state"])), why, safe(str(place))) if part)


def _evidence(evidence: Mapping[str, Any]) -> list[str]:
    changes = [*_rows(evidence.get("fixed")), *_rows(evidence.get("broken"))]
    shown = [f"{safe(str(test['id']))}  {test['before']} → {test['after']}" for test in changes[:MOST]]
    return shown + ([f"and {len(changes) - MOST} more tests"] if len(changes) > MOST else [])


def _files(files: Sequence[Mapping[str, Any]]) -> list[str]:
    return [_stat(file) for file in files[:MOST]] + (
        [f"and {len(files) - MOST} more files"] if len(files) > MOST else []
    )


def _parts(parts: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return what became of each part of a work, if it was split."""
    if len(parts) < 2:
        return []
    told = [f"{part.get('issue')}  {part.get('outcome')}  {part.get('title', '')}" for part in parts[:MOST]]
    more = [f"and {len(parts) - MOST} more parts"] if len(parts) > MOST else []
    return [*(one_line(part, 200) for part in told), *more]


def _stat(file: Mapping[str, Any]) -> str:
    """Return a changed file with how many lines came and went."""
    added = removed = 0
    for span in _rows(file.get("spans")):
        old, new = (str(span.get(side, "")).splitlines() for side in ("old", "new"))
        for line in islice(unified_diff(old, new, n=0), 2, None):
            added += line[0] == "+"
            removed += line[0] == "-"
    counts = f"  +{added} -{removed}" if added or removed else "" if file.get("before") else "  new"
    return f"{safe(str(file.get('path')))}{counts}"


def _edited(thread: Thread) -> bool:
    output = _fields(thread.output)
    if any(part.get("outcome") in CHANGED for part in _rows(output.get("parts"))):
        return True
    return bool(output.get("files")) and not output.get("undone") and thread.outcome in CHANGED


def _fields(value: Any) -> Mapping[str, Any]:
    return cast("Mapping[str, Any]", value) if isinstance(value, dict) else {}


def _rows(value: Any) -> list[Mapping[str, Any]]:
    return [_fields(row) for row in _list(value) if isinstance(row, dict)]


def _list(value: Any) -> list[Any]:
    return cast("list[Any]", value) if isinstance(value, list) else []
