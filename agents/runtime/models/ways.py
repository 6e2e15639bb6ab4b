"""How a server wants to be asked, learned from what it refuses: those that speak one API differ in what they know."""

from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

from agents.runtime.models.troubles import Received

Shape: TypeAlias = Literal["schema", "json", "plain"]
_LOOSER: dict[Shape, Shape] = {"schema": "json", "json": "plain"}
_UNSUPPORTED = frozenset({400, 404, 415, 422, 500, 501})
_SHAPES = ("response_format", "json_schema", "json_object", "schema", "structured", "grammar", "text.format", "tool")
_SYSTEM = ("system role", "system message", "role 'system'", "roles must alternate", "only user and assistant roles")


@dataclass(frozen=True, slots=True)
class Ways:
    """What is sent; each refusal takes something away, so that this ends."""

    shape: Shape = "schema"
    """How the answer's form is asked for: by schema (of a format or a tool), as any JSON, or in words alone."""
    told: bool = False
    """Whether the prompt says the schema though the format does: a server took the format and minded it not."""
    temperature: bool = True
    system: bool = True
    """Whether the rules have a message of their own."""
    limits: tuple[str, ...] = ("max_tokens",)
    """Names of the parameter that bounds the answer, the next to be tried first."""

    @property
    def says_schema(self) -> bool:
        return self.told or self.shape != "schema"


def fewer(ways: Ways, got: Received) -> Ways | None:
    """Return what to send instead, if the response complains about something that can be left out."""
    said = got.said.lower()
    if got.status not in _UNSUPPORTED or not said:
        return None
    if "temperature" in said and ways.temperature:
        return replace(ways, temperature=False)
    if ways.limits and any(limit in said for limit in ways.limits):
        return replace(ways, limits=ways.limits[1:])
    if any(word in said for word in _SYSTEM) and ways.system:
        return replace(ways, system=False)
    if any(word in said for word in _SHAPES) and ways.shape in _LOOSER:
        return replace(ways, shape=_LOOSER[ways.shape])
    return None
