"""A review as a person reads it: the verdict, then each finding with its line, gravest first."""

from collections.abc import Mapping, Sequence
from typing import Any, cast

from mcp_server.terminal import one_line, safe

MOST = 30
"""Findings that are shown one by one."""
_VERDICTS = {"approve": "approve", "comment": "comment", "request_changes": "request changes"}


def finding_lines(output: Mapping[str, Any]) -> list[str]:
    """Return the lines of a review; none for the output of another agent."""
    if "findings" not in output or output.get("verdict") not in _VERDICTS:
        return []
    rows = [cast("Mapping[str, Any]", row) for row in cast("Sequence[Any]", output["findings"])]
    lines = [f"verdict: {_VERDICTS[output['verdict']]}"]
    for row in rows[:MOST]:
        lines += _finding(row)
    if len(rows) > MOST:
        lines.append(f"and {len(rows) - MOST} more findings")
    if any(row.get("state") in ("new", "still") for row in rows):
        lines.append("One that is none: factor12 run pr_review --dismiss 'FINGERPRINT why'")
    return lines


def _finding(row: Mapping[str, Any]) -> list[str]:
    place = f"{row.get('file')}:{row.get('line')}{' (removed)' if row.get('removed') else ''}"
    head = f"{row.get('state')}  {row.get('severity')} {row.get('category')}  {place}  {row.get('fingerprint')}"
    if row.get("state") in ("fixed", "dismissed"):
        why = f"  {row['reason']}" if row.get("reason") else ""
        return [one_line(f"{head}{why}", 200)]
    lines = [one_line(head, 200), f"    | {one_line(str(row.get('quote', '')), 160)}"]
    lines.append(f"    {one_line(str(row.get('message', '')), 400)}")
    if row.get("suggestion"):
        lines.append(f"    → {one_line(str(row['suggestion']), 400)}")
    return [safe(line) for line in lines]
