"""Schemas as a model should read them: nothing generated, nothing lost."""

from typing import Any

import jsonschema
import pytest
from pydantic import BaseModel, Field

from mcp_server.schemas import envelope_schema, lean


class Part(BaseModel):
    title: str | None = None
    default: int = 0


class Piece(BaseModel):
    """Said to readers of the code."""

    parts: list[Part]


class Deep(BaseModel):
    pieces: list[Piece]


class Whole(BaseModel):
    summary: str = Field(description="What happened")
    parts: list[Part] = []
    either: str | int | None = None
    nothing: None = None


def test_titles_defaults_and_nulls_go_and_fields_of_those_names_stay() -> None:
    schema = lean(Whole.model_json_schema())
    part = schema["$defs"]["Part"]
    assert part == {"type": "object", "properties": {"title": {"type": "string"}, "default": {"type": "integer"}}}
    assert schema["properties"] == {
        "summary": {"type": "string", "description": "What happened"},
        "parts": {"type": "array", "items": {"$ref": "#/$defs/Part"}},
        "either": {"anyOf": [{"type": "string"}, {"type": "integer"}]},
        "nothing": {"type": "null"},
    }


class Asked(BaseModel):
    runner: str | None
    why: str


def test_what_may_be_null_is_not_required_for_results_leave_nulls_out() -> None:
    schema = lean(Asked.model_json_schema())
    assert schema["required"] == ["why"]
    jsonschema.validate({"why": "There are no tests."}, schema)


def test_an_envelope_shows_its_agents_output_two_levels_deep() -> None:
    schema = envelope_schema(Deep)
    assert schema["properties"]["output"]["properties"]["pieces"]["items"] == {"$ref": "#/$defs/Piece"}
    parts = {"items": {"type": "object"}, "type": "array"}
    assert schema["$defs"] == {"Piece": {"properties": {"parts": parts}, "required": ["parts"], "type": "object"}}


def test_an_envelope_has_its_agents_output_and_demands_the_next_step() -> None:
    schema = envelope_schema(Whole)
    good: dict[str, Any] = {"output": {"summary": "ok", "parts": [{"title": "one"}]}, "next": "Go on."}
    jsonschema.validate(good, schema)
    wrong = ({"output": {"summary": 7}, "next": ""}, {"output": {"summary": "ok"}}, {"status": "asleep", "next": ""})
    for bad in wrong:
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(bad, schema)
    jsonschema.validate({"error": {"kind": "busy", "message": "No."}, "next": "Wait."}, schema)
