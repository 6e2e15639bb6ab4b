"""Hold every wording of a prompt against the cases that lie beside it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from mcp_server.wordings import Origin, Wording
from prompts import BadTemplate, filled
from prompts.cases import MOST_BYTES, SUFFIX, Case, failures, read
from prompts.render import SUFFIX as TEMPLATE
from tools.beneath import read_bytes
from tools.errors import ToolError


@dataclass(frozen=True, slots=True)
class Tested:
    """What came of one case."""

    name: str
    origin: Origin
    case: str
    wrong: tuple[str, ...] = ()

    def told(self) -> dict[str, Any]:
        return {"name": self.name, "from": self.origin, "case": self.case, "wrong": list(self.wrong)}


def tested(found: Sequence[Wording], name: str) -> Iterator[Tested]:
    """Yield the outcome of each case of each wording of a prompt.

    An override without cases of its own is filled with the variables of ours: it must bear what ours gets, and not
    say the same.
    """
    for one in found:
        try:
            template = one.usable()
            cases = _cases(one) or ([] if one.origin == "factor12" else _borrowed(found))
        except BadTemplate as error:
            yield Tested(name, one.origin, "", (str(error.problem),))
            continue
        for case in cases:
            wrong = failures(case, lambda variables, template=template: filled(template, variables).text)
            yield Tested(name, one.origin, case.case, tuple(wrong))
        if not cases:
            yield Tested(name, one.origin, "")


def _borrowed(found: Sequence[Wording]) -> list[Case]:
    own = [case for one in found if one.origin == "factor12" for case in _cases(one)]
    return [Case(case=f"bears: {case.case}", variables=case.variables) for case in own]


def _cases(one: Wording) -> list[Case]:
    file = one.file.removesuffix(TEMPLATE) + SUFFIX
    where = one.where.replace(TEMPLATE, SUFFIX)
    try:
        return read(read_bytes(one.root, file, MOST_BYTES).decode(), where)
    except ToolError as error:
        if error.problem.kind == "not_found":
            return []
        raise BadTemplate(where, 0, error.problem.message) from error
    except UnicodeDecodeError as error:
        raise BadTemplate(where, 0, "the cases are not UTF-8.") from error
