"""Templates as somebody else may have written them."""

from typing import Any

from prompts import filled
from prompts.template import Template, parse

HEAD = (
    "name: greet\nversion: 2\ndescription: Greet somebody.\nvariables:\n  who: string\n  items: list\n  data: object\n"
)
WHERE = "prompts/greet.md.j2 of shop"
BODY_AT = HEAD.count("\n") + 3
"""The line of the file at which a body begins."""
CONTEXT: dict[str, Any] = {"who": "you", "items": [{"a": 1, "items": "x"}, {"a": 2}], "data": {"k": "v"}}


def template(body: str, head: str = HEAD, name: str = "greet") -> Template:
    return parse(f"---\n{head}---\n{body}", name, WHERE)


def text(body: str, **changed: Any) -> str:
    return filled(template(body), CONTEXT | changed).text
