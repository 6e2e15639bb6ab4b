"""What a thread and its session may spend; at the end of it a person is asked, and told the price of going on."""

from agents.runtime.questions import by_person
from state.events import Asked, BudgetExtended
from state.spending import Spent
from state.thread import Thread

MORE = BudgetExtended(steps=25, seconds=1800.0, tokens=250_000, money=2.5)
"""What one "continue" allows."""
SESSION = Spent(5_000_000, 25.0)
"""What all threads of a session may spend together, unless the settings say otherwise."""
OPTIONS = ("continue", "stop")


def is_spent(thread: Thread) -> bool:
    """Whether the next effect would go beyond the thread's own budget."""
    budget, (tokens, money) = thread.budget, thread.spent
    over = tokens >= budget.tokens or money >= budget.money
    return over or thread.steps >= budget.steps or thread.seconds >= budget.seconds


def session_is_spent(thread: Thread, spent: Spent, limit: Spent) -> bool:
    """Whether the next call of a model would go beyond what its session may spend, and this thread beyond that."""
    return spent.tokens >= limit.tokens + thread.beyond.tokens or spent.money >= limit.money + thread.beyond.money


def of_thread(thread: Thread) -> Asked:
    """Ask whether the thread may go on; nothing is thrown away."""
    budget, (tokens, money) = thread.budget, thread.spent
    used = (
        f"{thread.steps} of {budget.steps} steps, {thread.seconds:.0f} of {budget.seconds:.0f} s, "
        f"{tokens:,} of {budget.tokens:,} tokens and ${money:.2f} of ${budget.money:.2f}"
    )
    more = f"{MORE.steps} more steps, {MORE.seconds:.0f} s, {MORE.tokens:,} tokens and ${MORE.money:.2f}"
    text = f"This thread has used {used}.\nGo on for at most {more}, or stop?{_price(thread)}"
    return by_person(f"budget:{budget.steps}", text, OPTIONS, "budget", "")


def of_session(thread: Thread, spent: Spent, limit: Spent) -> Asked:
    """Ask whether this thread may go on although its session has spent what it may."""
    text = (
        f"The threads of session {thread.session!r} have used {spent.tokens:,} of {limit.tokens:,} tokens and "
        f"${spent.money:.2f} of ${limit.money:.2f}.\nMay this thread use {MORE.tokens:,} more tokens and "
        f"${MORE.money:.2f}, or stop?{_price(thread)}"
    )
    more = {
        "tokens": max(0, spent.tokens - limit.tokens - thread.beyond.tokens) + MORE.tokens,
        "money": max(0.0, spent.money - limit.money - thread.beyond.money) + MORE.money,
    }
    return by_person(f"budget:session:{thread.version}", text, OPTIONS, "budget", "session", more)


def extension(asked: Asked) -> BudgetExtended:
    """Return what a "continue" to one of these questions allows."""
    if asked.about != "session":
        return MORE
    more = asked.question.context
    return BudgetExtended(session_tokens=more["tokens"], session_money=more["money"])


def _price(thread: Thread) -> str:
    """Say what as many steps have cost so far, as the best guess at what they will."""
    if not (thread.steps and thread.spent.tokens):
        return ""
    share = MORE.steps / thread.steps
    tokens, money = thread.spent.tokens * share, thread.spent.money * share
    dollars = f" and ${money:.2f}" if thread.spent.money else ""
    return f" At the rate so far, {MORE.steps} steps take about {tokens:,.0f} tokens{dollars}."
