"""From what a model wrote to a decision: one JSON object that fits, also where prose or a fence stands around it."""

import json
from collections.abc import Iterator
from typing import Any, TypeVar, cast

from pydantic import BaseModel, ValidationError
from pydantic_core import to_json

from agents.runtime.model import ModelError

ModelT = TypeVar("ModelT", bound=BaseModel)
MOST_COMPLAINTS = 3
LONGEST_COMPLAINT = 400
MOST_BRACES = 200
"""Where an object is looked for at most: what was written may be as long as an answer, and hold nothing else."""
THOUGHT_ALOUD = "</think>"
"""With this, models that reason in the open end what is not their answer."""


def answer_in(written: str, returns: type[ModelT]) -> ModelT:
    """Return the decision.

    Raises:
        ModelError: `bad_input`; what was written is none, and why, compactly enough to be told to the model.
    """
    written = written.rpartition(THOUGHT_ALOUD)[2].strip()
    if not written:
        raise unfit("The answer was empty.")
    try:
        whole = _read(written)
    except (ValueError, RecursionError):
        return _inside(written, returns)
    return fitting(whole, returns)


def fitting(value: Any, returns: type[ModelT]) -> ModelT:
    """Return a parsed answer as what was asked for.

    Raises:
        ModelError: `bad_input`; it does not fit, or the log could not keep it.
    """
    try:
        answer = returns.model_validate_json(json.dumps(value, allow_nan=False))
        to_json(answer)
    except ValidationError as error:
        raise unfit(_complaint(error)) from error
    except (ValueError, RecursionError) as error:  # not a number, half a character, an endless nest
        raise unfit("The answer holds what is no number or no whole character.") from error
    return answer


def unfit(complaint: str) -> ModelError:
    """Return the error that shows a model what was wrong with its answer."""
    plain = " ".join(complaint.encode("utf-8", "replace").decode().split())
    short = plain if len(plain) <= LONGEST_COMPLAINT else f"{plain[: LONGEST_COMPLAINT - 1]}…"
    return ModelError("bad_input", short, "Answer with one JSON object that fits the schema.")


def _inside(written: str, returns: type[ModelT]) -> ModelT:
    """Take the one object that stands in prose. Several are a guess, and nobody guesses here."""
    match list(_objects(written)):
        case [one]:
            return fitting(one, returns)
        case []:
            raise unfit("The answer holds no JSON object.")
        case several:
            raise unfit(f"The answer holds {len(several)} JSON objects, and one was asked for.")


def _objects(written: str) -> Iterator[Any]:
    decoder, at = json.JSONDecoder(parse_constant=_refuse), 0
    for _ in range(MOST_BRACES):
        if (at := written.find("{", at)) < 0:
            return
        try:
            found, at = decoder.raw_decode(written, at)
        except (ValueError, RecursionError):
            at += 1
        else:
            yield found


def _read(written: str) -> Any:
    value: Any = json.loads(written, parse_constant=_refuse)
    if not isinstance(value, dict):
        raise ValueError("no object")
    return cast(Any, value)


def _refuse(constant: str) -> Any:
    raise ValueError(constant)


def _complaint(error: ValidationError) -> str:
    found = error.errors(include_url=False, include_input=False, include_context=False)
    told = [f"{'.'.join(map(str, one['loc'])) or 'the answer'}: {one['msg']}" for one in found[:MOST_COMPLAINTS]]
    more = f"; and {len(found) - MOST_COMPLAINTS} more" if len(found) > MOST_COMPLAINTS else ""
    return f"{'; '.join(told)}{more}."
