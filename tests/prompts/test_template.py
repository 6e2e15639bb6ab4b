"""A template says what it takes: front matter that is read strictly, and variables that are held against it."""

from pathlib import Path
from typing import Any

import pytest

from prompts import names, rendered, source
from prompts.problem import BadTemplate
from prompts.template import MOST_BYTES, parse
from tests.documentation import ROOT

HEAD = "name: greet\nversion: 2\ndescription: Greet somebody.\nvariables:\n  who: string\n"


def template(head: str = HEAD, body: str = "Hello {{ who }}.\n") -> str:
    return f"---\n{head}---\n{body}"


def told(text: str) -> str:
    with pytest.raises(BadTemplate) as caught:
        parse(text, "greet", "prompts/greet.md.j2")
    assert caught.value.problem.kind == "bad_input" and caught.value.problem.hint
    return caught.value.problem.message


@pytest.mark.requirement("F2")
@pytest.mark.parametrize("name", names())
def test_each_of_our_templates_has_front_matter_that_names_it(name: str) -> None:
    made = parse(source(name), name, name)
    assert made.header.version and made.header.description.endswith(".")


@pytest.mark.requirement("F2")
def test_what_was_rendered_is_named_by_version_and_digest_and_has_no_front_matter() -> None:
    seen = rendered("call_agent", agent="testing", description="Run tests.", task={})
    assert seen.text.startswith("Call the tool") and seen.version == "1" and len(seen.digest) == 64


def test_a_header_is_read_whatever_the_file_has_for_line_ends() -> None:
    made = parse("\ufeff" + template().replace("\n", "\r\n"), "greet", "f")
    assert (made.header.version, made.header.variables, made.body) == ("2", {"who": "string"}, "Hello {{ who }}.\n")


@pytest.mark.requirement("F2")
@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Hello", "prompts/greet.md.j2:1: the template does not begin with front matter"),
        ("---\nname: greet\n", "prompts/greet.md.j2:1: the template does not begin with front matter"),
        (template("name: [\n"), "prompts/greet.md.j2:2: expected the node content"),
        (template("name: &a greet\nversion: *a\n"), "prompts/greet.md.j2:3: aliases are not taken"),
        (template("name: !!python/object/apply:os.system [id]\n"), "could not determine a constructor"),
        (template(HEAD + "name: greet\n"), "prompts/greet.md.j2:7: a key is no text, or stands twice"),
        (template(HEAD + "tokens: 5\n"), "prompts/greet.md.j2:7: front matter: tokens: unknown key"),
        (template(HEAD.replace("string", "text")), "prompts/greet.md.j2:6: front matter: variables.who: Input should"),
        (template(HEAD.replace("greet\n", "meet\n", 1)), "prompts/greet.md.j2:2: the template calls itself 'meet'"),
        (template("greet\n"), "front matter: all: Input should be"),
        (template(HEAD.replace("2", "1.10")), "prompts/greet.md.j2:3: front matter: version: Input should be"),
        (template("[" * 3000 + "\n"), "this YAML has more than 200 brackets"),
        (template("- " * 2000 + "\n"), "this is not YAML"),
        (template("name: " + "9" * 4090 + "\n"), "front matter: name: Input should be"),
        (template(body="x" * MOST_BYTES), "prompts/greet.md.j2: the template has more than"),
        (template(HEAD + "#" * 9000 + "\n"), "the front matter has more than"),
    ],
)
def test_front_matter_that_cannot_be_used_is_refused_by_file_and_line(text: str, said: str) -> None:
    assert said in told(text)


@pytest.mark.requirement("F2")
@pytest.mark.parametrize(
    ("context", "said"),
    [
        ({}, "prompt 'call_agent': 'agent' (string) is missing; 'description' (string) is missing;"),
        ({"agent": 1, "description": "d", "task": {}}, "'agent' must be string, not integer"),
        ({"agent": "a", "description": None, "task": {}}, "'description' must be string, not null"),
        ({"agent": "a", "description": "d", "task": [1]}, "'task' must be object, not list"),
        ({"agent": "a", "description": "d", "task": {}, "more": 1}, "'more' is not one of its variables"),
        ({"agent": "a", "description": "d", "task": object()}, "its variables are no JSON"),
    ],
)
def test_a_variable_that_does_not_fit_is_named_with_its_template(context: dict[str, Any], said: str) -> None:
    with pytest.raises(BadTemplate) as caught:
        rendered("call_agent", **context)
    assert said in caught.value.problem.message


def test_true_is_no_number_and_a_whole_number_is_one() -> None:
    made = parse(template(HEAD.replace("string", "number")), "greet", "f")
    assert made.taken({"who": 1}) == {"who": 1}
    with pytest.raises(BadTemplate, match="'who' must be number, not boolean"):
        made.taken({"who": True})


def test_a_name_that_leads_elsewhere_is_no_prompt() -> None:
    with pytest.raises(Exception, match="There is no prompt"):
        rendered("../../README")
    assert Path(ROOT / "README.md").is_file()
