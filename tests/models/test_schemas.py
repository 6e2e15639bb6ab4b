"""The schemas that providers hold a model to: closed all through, and without a word that a strict one refuses."""

import ast
import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal, cast

import pytest
from pydantic import AnyUrl, BaseModel, ConfigDict, Field

import agents
from agents import assistant, research
from agents.runtime.models.schemas import form_of
from agents.runtime.patching import Patch
from agents.runtime.planning import Plan
from agents.runtime.witness import NewTest
from state.steps import Think
from tests.agents.prefixes import next_after
from tools.issue_parts import Split
from tools.reviewing.findings import Claims

STRICT = {
    *("type", "description", "properties", "required", "additionalProperties", "items", "enum", "const", "anyOf"),
    *("$ref", "$defs", "pattern", "format", "minItems", "maxItems"),
    *("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"),
}
"""The words that OpenAI's strict mode takes. It also bounds how deep a schema nests, and how much stands in it."""
DEEPEST, MOST_FIELDS = 10, 5000


def parts(node: Any, depth: int = 0) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield each schema inside this one, with how deep it stands."""
    if isinstance(node, list):
        for part in cast(list[Any], node):
            yield from parts(part, depth)
    elif isinstance(node, dict):
        schema = cast(dict[str, Any], node)
        yield depth, schema
        for word, value in schema.items():
            if word in ("properties", "$defs"):
                yield from (each for part in value.values() for each in parts(part, depth + 1))
            elif word in ("items", "anyOf", "oneOf", "allOf", "additionalProperties"):
                yield from parts(value, depth + 1)


def refusals(schema: Mapping[str, Any]) -> list[str]:
    """Say what a strict provider has against a schema, in words of its own errors."""
    found = [] if schema.get("type") == "object" else ["schema must have type 'object' and not 'anyOf'"]
    for depth, part in parts(schema):
        found += [f"'{word}' is not permitted" for word in part.keys() - STRICT]
        if part.get("type") == "object":
            if part.get("additionalProperties") is not False:
                found.append("'additionalProperties' is required to be supplied and to be false")
            if sorted(part.get("required", ["?"])) != sorted(part.get("properties", [])):
                found.append("'required' is required to include every key in properties")
        if not part.keys() & {"type", "anyOf", "$ref"}:
            found.append(f"schema must have a 'type' key: {part}")
        if "$ref" in part and (len(part) > 1 or part["$ref"].removeprefix("#/$defs/") not in schema["$defs"]):
            found.append(f"$ref cannot have keywords, and must be there: {part}")
        if depth > DEEPEST:
            found.append("too deep")
    fields = sum(len(part.get("properties", {})) for _, part in parts(schema))
    return found if fields <= MOST_FIELDS else [*found, "too many properties"]


TURN = next_after(assistant.agent, assistant.Task(request="What is 2 and 2?"))
assert isinstance(TURN, Think)
DECISIONS: dict[str, type[BaseModel]] = {
    one.__name__: one for one in (Claims, NewTest, Split, Plan, Patch, research.Further, research.Reply, TURN.returns)
}
"""Everything that the agents of the house ask a model for."""


def test_no_agent_asks_for_a_decision_that_is_not_held_against_what_providers_refuse() -> None:
    asked: set[str] = set()
    for path in Path(agents.__path__[0]).rglob("*.py"):
        calls = [node for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.Call)]
        asked |= {ast.unparse(one.args[2]) for one in calls if ast.unparse(one.func) == "thought" and one.args[2:]}
    assert asked | {"Turn"} == set(DECISIONS)


@pytest.mark.requirement("F4")
@pytest.mark.parametrize("returns", DECISIONS.values(), ids=DECISIONS)
def test_every_decision_of_every_agent_can_be_enforced_word_by_word(returns: type[BaseModel]) -> None:
    form = form_of(returns)
    assert form.strict and refusals(form.schema) == []
    assert set(form.schema["properties"]) == set(returns.model_fields)


class Leaf(BaseModel):
    """A thing."""

    kind: Literal["leaf"]
    colour: Literal["red", "blue"] = "red"


class Branch(BaseModel):
    kind: Literal["branch"]
    tips: list["Leaf | Branch"] = Field(default=[], max_length=3)


Branch.model_rebuild()


class Tree(BaseModel):
    model_config = ConfigDict(title="A tree")

    top: Annotated[Leaf | Branch, Field(discriminator="kind", description="Where it ends")]
    first: Leaf = Field(description="Said beside a reference")
    title: str = Field(default="", max_length=9, min_length=1, examples=["oak"])
    default: int | None = None
    properties: bool = False


def test_unions_references_and_defaults_are_said_as_strict_providers_want_them() -> None:
    schema = form_of(Tree).schema
    assert refusals(schema) == [] and form_of(Tree).strict
    assert schema["required"] == ["top", "first", "title", "default", "properties"]
    assert schema["properties"] == {
        "top": {"anyOf": [{"$ref": "#/$defs/Leaf"}, {"$ref": "#/$defs/Branch"}], "description": "Where it ends"},
        "first": {"$ref": "#/$defs/Leaf"},
        "title": {"type": "string"},
        "default": {"anyOf": [{"type": "integer"}, {"type": "null"}]},
        "properties": {"type": "boolean"},
    }
    assert schema["$defs"]["Leaf"] == {
        "type": "object",
        "description": "A thing.",
        "properties": {
            "kind": {"type": "string", "const": "leaf"},
            "colour": {"type": "string", "enum": ["red", "blue"]},
        },
        "required": ["kind", "colour"],
        "additionalProperties": False,
    }


def test_a_type_that_holds_itself_has_an_object_at_its_root_and_not_a_reference() -> None:
    form = form_of(Branch)
    assert form.strict and refusals(form.schema) == [] and form.schema["properties"].keys() == {"kind", "tips"}


class Rich(BaseModel):
    """Types that pydantic has words for which strict providers have not."""

    tags: set[int]
    address: AnyUrl
    file: Path
    data: bytes
    when: datetime
    amount: Decimal
    old: Annotated[int, Field(deprecated=True)]
    extra: Annotated[str, Field(json_schema_extra={"x-order": 1, "readOnly": True})]
    part: Annotated[float, Field(gt=0, le=1, multiple_of=0.5)]


def test_words_that_a_strict_provider_refuses_are_left_to_pydantic() -> None:
    form = form_of(Rich)
    assert form.strict and refusals(form.schema) == []
    said = form.schema["properties"]
    assert said["tags"] == {"type": "array", "items": {"type": "integer"}}
    assert [said[name] for name in ("address", "file", "data", "old", "extra")] == [
        *[{"type": "string"}] * 3,
        {"type": "integer"},
        {"type": "string"},
    ]
    assert said["when"] == {"type": "string", "format": "date-time"}
    assert said["part"] == {"type": "number", "exclusiveMinimum": 0, "maximum": 1, "multipleOf": 0.5}


class Loose(BaseModel):
    model_config = ConfigDict(extra="allow")

    name: str


OPEN: dict[str, Any] = {
    "anything": Any,
    "a map": dict[str, int],
    "a list of maps": list[dict[str, int]],
    "a list of anything": list[Any],
    "a tuple of several": tuple[int, str],
    "an object with more in it": Loose,
    "a part of all": Annotated[str, Field(json_schema_extra=lambda schema: schema.update(allOf=[{"pattern": "x"}]))],
}


@pytest.mark.parametrize("inside", OPEN.values(), ids=OPEN)
def test_what_cannot_be_closed_is_not_called_strict(inside: Any) -> None:
    holder = type("Holder", (BaseModel,), {"__annotations__": {"name": str, "inside": inside}, "__module__": __name__})
    form = form_of(holder)
    assert (not form.strict and refusals(form.schema)) or inside is Loose
    assert form.schema["required"] == ["name", "inside"]


def test_the_words_for_a_server_without_schemas_hold_the_same_schema() -> None:
    form = form_of(Tree)
    assert json.loads(form.told.partition("\n")[2]) == form.schema and form.name == "Tree"


def test_a_name_is_one_that_providers_take() -> None:
    odd = type("Wörter[int]" + "x" * 80, (BaseModel,), {})
    assert form_of(odd).name == ("W_rter_int_" + "x" * 80)[:64]
    assert form_of(odd).schema == {"type": "object", "properties": {}, "required": [], "additionalProperties": False}
