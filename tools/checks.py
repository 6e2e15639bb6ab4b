"""Run a repository's tests and say what each of them said (R13); nothing else of a repository is ever run."""

import json
from collections.abc import Sequence
from dataclasses import replace

from anyio.to_thread import run_sync
from pydantic import BaseModel, ConfigDict, ValidationError

from tools.base import tool
from tools.boxes.sandbox import BoxName, box_for
from tools.children import Child
from tools.errors import ToolError
from tools.evidence import MOST, Check, Comparison, Verdict, compare
from tools.repoconfig import config_changed, read_config
from tools.runners.boxed import reason_to_ask, wrapping
from tools.runners.detection import detect
from tools.runners.families import FAMILIES
from tools.runners.results import RED, Missing, Report, Runner, State, Target, compact
from tools.runners.surroundings import attempt, clear, run_there, shown, target
from tools.runners.targets import existing, name_filter
from tools.workspace import Workspace

INLINE_BYTES = 15_000
INLINE_STATES = 200
TIMEOUT_S = 600
AGAIN_S = 200
"""Of the time the tool has, for the second look of `confirm`."""


class CheckPlan(BaseModel):
    """What will run, exactly."""

    model_config = ConfigDict(frozen=True)

    repo: str
    runner: Runner | None
    reason: str
    """Why this runner; or why none can run, and then `argv` is empty."""
    argv: list[str] = []
    environment: dict[str, str] = {}
    """Beside the workspace's own."""
    paths: list[str] = []
    select: str = ""
    timeout_s: int = TIMEOUT_S
    sandbox: BoxName = "none"
    writable: list[str] = []
    """What the tests may write that they otherwise only read, in a sandbox."""
    note: str = ""
    """What else the person should know, beside the result."""
    baseline: str = ""
    confirm: bool = False
    """Run once more, alone, what is red; with a baseline, what was red there and passes, or is new and red."""


def _gate(workspace: Workspace, plan: CheckPlan) -> str | None:
    return reason_to_ask(workspace, plan)


async def _apply(workspace: Workspace, plan: CheckPlan) -> Check:
    if plan.runner is None or not plan.argv:
        return Check(runner=plan.runner, command=[], verdict="no_evidence", why=plan.reason)
    there = target(workspace, plan.repo, plan.runner, plan.paths, plan.select)
    child, report = await _run(workspace, plan.runner, plan, there, plan.timeout_s)
    flaky: list[str] = []
    if plan.confirm and report.ids:
        flaky = await _flaky(workspace, plan, plan.runner, there, report)
    elif plan.confirm and not plan.baseline and _verdict(plan, child, report)[0] == "failed":
        again = await _run(workspace, plan.runner, plan, there, min(plan.timeout_s, AGAIN_S))
        flaky = [plan.runner] if _verdict(plan, *again)[0] == "passed" else []
    return _conclude(workspace, plan, shown(there, plan.argv), child, report, flaky)


async def _run(
    workspace: Workspace, runner: Runner, plan: CheckPlan, there: Target, timeout_s: float
) -> tuple[Child, Report]:
    wrap = wrapping(workspace, plan)
    async with attempt(there) as here:
        workspace.fence()
        child = await run_there(here, plan, timeout_s, wrap)
        return child, await run_sync(_report, runner, here, child)


async def _flaky(workspace: Workspace, plan: CheckPlan, runner: Runner, there: Target, report: Report) -> list[str]:
    """Look a second time at what would be evidence; return the tests that are red once and pass once."""
    was = _states(workspace, plan.baseline) if plan.baseline else {}
    looked_at = {name: state for name, state in report.states.items() if _shows(state, was.get(name))}
    if not looked_at:
        return []
    try:
        alone = replace(there, paths=await run_sync(existing, there.root, tuple(looked_at)))
        recipe = await FAMILIES[runner].recipe(alone)
    except ToolError:  # the runner does not say where its tests are, they are too many, or it takes no paths
        alone, recipe = there, await FAMILIES[runner].recipe(there)
    if isinstance(recipe, Missing):  # pragma: no cover - it was there for the first look
        return []
    narrowed = plan.model_copy(update={"argv": list(recipe.argv), "environment": dict(recipe.environment)})
    _, again = await _run(workspace, runner, narrowed, alone, min(plan.timeout_s, AGAIN_S))
    return sorted(name for name, state in looked_at.items() if {state, again.states.get(name)} in _TURNED)


_TURNED: tuple[set[State], ...] = ({"pass", "fail"}, {"pass", "error"})


def _shows(state: State, was: State | None) -> bool:
    """Tell whether a test's state would be evidence: red where nothing was known of it, or red no longer."""
    return state in RED if was is None else state == "pass" and was in RED


def _report(runner: Runner, there: Target, child: Child) -> Report:
    """Read what the runner wrote, where the tests could write as well."""
    try:
        return FAMILIES[runner].report(there, child)
    except ToolError as error:
        return Report(problem=f"The report of {runner} cannot be read: {error.problem.message}")
    except ValidationError:
        return Report(problem=f"The report of {runner} holds what {runner} does not write.")


async def _probe(workspace: Workspace, plan: CheckPlan) -> None:
    """End what a cut-off check left running. A check leaves no mark: running it again is the answer."""
    if plan.runner is not None:
        await clear(target(workspace, plan.repo, plan.runner, plan.paths, plan.select))


@tool("write", apply=_apply, probe=_probe, gate=_gate, carries="output", timeout=900)
async def run_check(
    workspace: Workspace,
    paths: tuple[str, ...] = (),
    select: str = "",
    runner: Runner | None = None,
    repo: str = "",
    baseline: str = "",
    confirm: bool = False,
) -> CheckPlan:
    """Run the repository's tests, or those in `paths` or whose name contains `select`.

    `baseline` is the `report` of an earlier check to compare with. With `confirm`, what would be evidence (what is red;
    with a baseline, what is new and red or no longer red) runs once more, to tell what is flaky. What keeps tests from
    running (no runner, no tests, a file that cannot be imported) is a result with the verdict `no_evidence`.
    """
    repository = workspace.repository(repo)
    settings = read_config(repository)
    config = settings.check
    if baseline:
        _states(workspace, baseline)
    plan = CheckPlan(
        repo=repository.name,
        runner=None,
        reason="No tests of a known runner were found in the repository.",
        paths=list(await run_sync(existing, repository.root, paths or tuple(config.paths))),
        select=name_filter(select),
        timeout_s=config.timeout_s or TIMEOUT_S,
        writable=list(settings.sandbox.writable),
        note=config_changed(repository),
        baseline=baseline,
        confirm=confirm,
    )
    if asked := runner or config.runner:
        return await _equip(workspace, plan, asked, "The call names it." if runner else "factor12.toml names it.")
    found = await run_sync(detect, repository.root)
    return await _equip(workspace, plan, found.runner, found.reason) if found else plan


async def _equip(workspace: Workspace, plan: CheckPlan, runner: Runner, reason: str) -> CheckPlan:
    """Find the program that runs the check; a plan without it says what is missing."""
    there = target(workspace, plan.repo, runner, plan.paths, plan.select)
    recipe = await FAMILIES[runner].recipe(there)
    if isinstance(recipe, Missing):
        return plan.model_copy(update={"runner": runner, "reason": recipe.reason})
    found = {
        "runner": runner,
        "reason": reason,
        "argv": list(recipe.argv),
        "environment": dict(recipe.environment),
        "sandbox": await run_sync(box_for, workspace.sandbox),
    }
    return plan.model_copy(update=found)


def _conclude(
    workspace: Workspace, plan: CheckPlan, command: list[str], child: Child, report: Report, flaky: Sequence[str]
) -> Check:
    verdict, why = _verdict(plan, child, report)
    states = dict(report.states)
    compared = None
    if plan.baseline and verdict != "no_evidence" and report.ids:
        compared = compare(_states(workspace, plan.baseline), states, plan.baseline)
    data = json.dumps(states, separators=(",", ":"), sort_keys=True).encode()
    return fit(
        Check(
            runner=plan.runner,
            command=command,
            verdict=verdict,
            why=" ".join(filter(None, (compact(why), plan.note))),
            counts=report.counts,
            exit_code=None if child.timed_out or child.excess else child.returncode,
            failures=list(report.failures[:20]),
            states=states if len(states) <= INLINE_STATES else {},
            report=workspace.blobs.put(data),
            ids=report.ids,
            compared=compared,
            flaky=list(flaky[:MOST]),
            sandbox=plan.sandbox,
            seconds=round(child.seconds, 2),
        )
    )


def _verdict(plan: CheckPlan, child: Child, report: Report) -> tuple[Verdict, str]:
    counts = report.counts
    if child.timed_out:
        return "no_evidence", f"The check was ended after {plan.timeout_s} s."
    if child.excess:
        return "no_evidence", f"The check was ended for {child.ended_for}."
    if report.problem:
        return "no_evidence", report.problem
    if report.ids and not counts.total:
        return "no_evidence", "No tests ran."
    if any(state in RED for state in report.states.values()) or counts.failed or counts.error:
        return "failed", f"{counts.failed + counts.error} of {counts.total} tests red."
    if child.returncode:
        return "failed", f"{plan.runner} ended with exit code {child.returncode} though no test is reported as red."
    if report.ids and counts.total == counts.skipped:
        return "no_evidence", f"Nothing but skipped tests: {counts.total}."
    if not counts.total:
        return "passed", "The command succeeded; it counts no tests."
    return "passed", f"{counts.passed} of {counts.total} tests passed."


def fit(check: Check) -> Check:
    """Make the result small enough to be seen by an agent, keeping what it needs most."""

    def large(most: int) -> bool:
        return len(json.dumps(check.model_dump(mode="json"))) > most

    if large(INLINE_BYTES - 3000):
        check = check.model_copy(update={"states": {}})
    for most in (20, 10, 5, 2):
        if large(INLINE_BYTES):
            shorter = check.compared and _shorter(check.compared, most)
            check = check.model_copy(update={"failures": check.failures[:most], "compared": shorter})
    return check


def _shorter(comparison: Comparison, most: int) -> Comparison:
    cut = {name: getattr(comparison, name)[:most] for name in ("fixed", "broken", "missing", "skipped")}
    return comparison.model_copy(update=cut)


def _states(workspace: Workspace, digest: str) -> dict[str, State]:
    if (data := workspace.blobs.get(digest)) is None:
        raise ToolError("not_found", f"There is no report {digest!r}.", "Give the `report` of an earlier check.")
    states: dict[str, State] = json.loads(data)
    return states


__all__ = ["Check", "CheckPlan", "run_check"]
