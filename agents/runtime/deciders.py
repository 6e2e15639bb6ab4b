"""Who decides for a thread: whoever the settings say, or the model that it was forked to."""

from agents.runtime.engine import Engine
from agents.runtime.model import Model
from state.problem import ProblemError
from state.thread import Thread


def model_of(engine: Engine, thread: Thread) -> Model | None:
    """Return who decides for the thread; nobody here, if the calling model does.

    Raises:
        ProblemError: `bad_input`; the thread was forked to a model that is not configured any more.
    """
    if not thread.model:
        return engine.model
    require_model(engine, thread.model)
    return engine.links[thread.model]


def require_model(engine: Engine, name: str) -> None:
    """Require that a thread can be forked to this model.

    Raises:
        ProblemError: `bad_input`, with those there are.
    """
    if name not in engine.links:
        hint = f"Name it in FACTOR12_MODEL, which has: {', '.join(sorted(engine.links)) or 'none'}."
        raise ProblemError("bad_input", f"No model {name[:80]!r} is configured.", hint)
