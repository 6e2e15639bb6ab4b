"""The twelve factors and the thirteenth, and how each is kept here: what `factor12://factors` says."""

FACTORS: tuple[tuple[str, str], ...] = (
    ("Natural language to tool calls", "Each agent is a typed tool; the host's model turns a wish into a call of one."),
    ("Own your prompts", "Every word a model reads is a versioned template: `prompt://{name}` shows it."),
    ("Own your context window", "What a model is shown is built from the thread's log, and only from it."),
    ("Tools are structured outputs", "A tool describes a call and is typed; the engine alone carries calls out."),
    ("One state", "A thread is its log: `thread://{id}/events` is all there is, and everything else is read from it."),
    (
        "Launch, pause, resume",
        "An agent's tool launches, a question pauses, `thread_answer` and `thread_resume` go on; also after a crash,"
        " also from another host.",
    ),
    (
        "Contact humans with tool calls",
        "A question is an event. It waits as a row until somebody answers; an approval is bound to one exact action,"
        " and only a person gives it.",
    ),
    ("Own your control flow", "The next step is a function of ours, not a model's loop; a model is one of its steps."),
    ("Compact errors", "A failure enters the log in one line; three failures of one key go to a person."),
    ("Small, focused agents", "An agent is a file with one purpose: `factor12://agents` lists them."),
    ("Trigger from anywhere", "The same threads over MCP, REST, webhooks and the command line."),
    ("Stateless reducer", "`next_step(task, thread)` is pure: the same log gives the same step, today and on replay."),
    ("Pre-fetch context", "What will be needed is read before it is asked for: issue, repository, state of its tests."),
)


def page() -> str:
    """Return the page."""
    lines = [f"{number}. **{name}.** {kept}" for number, (name, kept) in enumerate(FACTORS, 1)]
    return "\n".join(["# The factors, as factor12 keeps them", "", *lines, ""])
