"""What factor12 promises, one entry per rule and factor; `test_requirements.py` holds it against the tests."""

from dataclasses import dataclass

RULES = "DESIGN.md, section 3"
FACTORS = "DESIGN.md, section 11"


@dataclass(frozen=True, slots=True)
class Requirement:
    """One promise. A test that shows it carries `@pytest.mark.requirement("<id>")`."""

    id: str
    says: str
    source: str


def _numbered(letter: str, source: str, sentences: tuple[str, ...]) -> tuple[Requirement, ...]:
    return tuple(Requirement(f"{letter}{number}", says, source) for number, says in enumerate(sentences, 1))


REQUIREMENTS: tuple[Requirement, ...] = (
    *_numbered(
        "R",
        RULES,
        (
            "The log is the truth: all state of a thread is the fold of its events.",
            "next_step is pure and sees inline data only: same task and log, same step.",
            "A recorded effect never runs again within its generation; the same key with another hash is Diverged.",
            "Write ahead: the intent is in the log before the effect, the outcome before the next decision.",
            "A cut-off effect is settled by its tool or by a person, never silently done twice.",
            "One driver: a lease with an epoch guards each thread, and nothing stays running for ever.",
            "A waiting thread costs nothing: a row; no task, no lease, no memory.",
            "Approval is enforced by the engine, bound to the exact effect, single use, expiring, denied by default.",
            "A person's answer reaches the next decision: the rendered prompt provably contains it.",
            "No process-wide state; children are bounded, and all descendants die with them.",
            "stdout belongs to the protocol on stdio; logs go to stderr.",
            "Edits find one place, or ask, or refuse; never a guess, an append or a replace-all.",
            "Evidence or it did not happen: a check yields a state per test, and only those make `fixed`.",
            "Reading never writes: a read-only tool leaves every repository byte-identical.",
            "Failure is loud: closed error kinds, true exit codes, one line that says what to do next.",
            "Every result carries its thread_id and the next sensible call.",
            "A call returns in time, and only a cancel stops a thread.",
            "Untrusted text stays data, and what was read decides what needs a person.",
            "Only tools/call can be relied on: a client with no capabilities loses nothing but comfort.",
            "One writer per work tree; a second one is busy and hears the holder's thread id.",
            "A process drives only what it may, and opening an editor never starts old work elsewhere.",
        ),
    ),
    *_numbered(
        "F",
        FACTORS,
        (
            "Natural language becomes tool calls.",
            "Own your prompts: versioned templates, their hash in the log.",
            "Own your context window: it is built from the log.",
            "Tools are structured outputs.",
            "One state: execution and business state are the same log.",
            "Launch, pause and resume with simple APIs, also between choosing and running a tool.",
            "Contact humans with tool calls.",
            "Own your control flow.",
            "Compact errors into the context; three failures of one key go to a person.",
            "Small, focused agents.",
            "Trigger from anywhere, and meet people where they are.",
            "The agent is a stateless reducer.",
            "Pre-fetch the context that will be needed.",
        ),
    ),
)
