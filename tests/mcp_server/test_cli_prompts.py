"""`factor12 prompts`: whose words count, what they are, how they changed, and whether they say what they should."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from prompts import names, source
from tests.conftest import run_git
from tests.mcp_server.shell import Shell, open_shell

ROOT = Path(__file__).parents[2]
GREET = "---\nname: greet\nversion: 1\ndescription: Greet.\nvariables:\n  who: string\n  often: integer\n---\n"
BODY = "{% for _ in range(often) %}\nHello {{ who }}.\n{% endfor %}\n"
CASES = "- case: everybody is greeted\n  variables: {who: Ann, often: 2}\n  contains: [Hello Ann.]\n  most_tokens: 10\n"


@pytest.fixture
def shop(make_repository: Callable[..., Path], tmp_path: Path) -> Shell:
    (tmp_path / "mine").mkdir()
    shell = open_shell(make_repository, tmp_path).where(FACTOR12_PROMPTS_DIR=str(tmp_path / "mine"))
    put(shell, "greet.md.j2", GREET + BODY)
    put(shell, "greet.cases.yaml", CASES)
    run_git(shell.folder, "add", "-A")
    run_git(shell.folder, "commit", "-q", "-m", "greet")
    return shell


def test_each_prompt_that_a_command_of_the_documents_names_is_there() -> None:
    text = "".join(page.read_text() for page in (ROOT / "docs").glob("*.md"))
    named = re.findall(r"factor12 prompts (?:show|render|diff|test) ([a-z_]+)", text)
    assert len(named) > 5 and set(named) <= set(names())


def put(shell: Shell, name: str, text: str) -> None:
    (shell.folder / "prompts").mkdir(exist_ok=True)
    (shell.folder / "prompts" / name).write_text(text)


def mine(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / "mine" / name).write_text(text)


def test_each_prompt_is_listed_with_whose_words_it_has(shop: Shell, tmp_path: Path) -> None:
    mine(tmp_path, "system.md.j2", source("system").replace("version: 1", "version: 1-mine"))
    mine(tmp_path, "resume_work.md.j2", "no front matter")
    rows = {row["name"]: row for row in shop.quick("prompts", "list", "--json").json}
    assert (rows["system"]["from"], rows["system"]["version"], rows["system"]["before"]) == (
        *("user", "1-mine"),
        ["factor12"],
    )
    assert (rows["greet"]["from"], rows["call_agent"]["from"]) == ("repository", "factor12")
    assert "front matter" in rows["resume_work"]["problem"]
    told = shop.quick("prompts", "list").out
    assert "1-mine" in told and "does not begin with front matter" in told


def test_the_prompts_of_an_untrusted_repository_do_not_count_and_it_says_so(shop: Shell) -> None:
    listed = shop.wary().quick("prompts", "list")
    assert "greet" not in listed.out and "not trusted" in listed.err
    missing = shop.wary().quick("prompts", "show", "greet").complaint
    assert "There is no prompt 'greet'" in missing and f"factor12 repo trust {shop.folder}" in missing


@pytest.mark.parametrize("words", [("show", "plan_fix"), ("diff", "plan_fix"), ("test", "plan_fix"), ("test",)])
def test_who_rewords_a_prompt_of_an_untrusted_repository_is_told_that_it_does_not_count(
    shop: Shell, words: tuple[str, ...]
) -> None:
    put(shop, "plan_fix.md.j2", source("plan_fix").replace("Plan the fix", "Think about the fix"))
    said = shop.wary().quick("prompts", *words)
    assert said.code == 0 and f"not trusted. To trust it: factor12 repo trust {shop.folder}" in said.err
    assert "not trusted" not in shop.quick("prompts", *words).err
    assert "not trusted" not in shop.wary().quick("prompts", "show", "system").err


def test_a_prompt_is_shown_with_what_it_takes_and_where_it_is(shop: Shell) -> None:
    told = shop.quick("prompts", "show", "greet").out
    assert "prompts/greet.md.j2 of shop" in told and "often integer" in told and "Hello {{ who }}." in told
    shown = shop.quick("prompts", "show", "greet", "--json").json
    assert (shown["variables"], shown["body"]) == ({"who": "string", "often": "integer"}, BODY)


def test_a_prompt_is_rendered_with_variables_by_their_types(shop: Shell, tmp_path: Path) -> None:
    said = shop.quick("prompts", "render", "greet", "--var", "who={{ 7 }}", "--var", "often=1")
    assert said.out == "Hello {{ 7 }}.\n\n" and "version 1" in said.err and "about 5 tokens" in said.err
    (tmp_path / "some.json").write_text('{"who": "Ann", "often": 1}')
    made = shop.quick("prompts", "render", "greet", "--vars", str(tmp_path / "some.json"), "--var", "who=Bo", "--json")
    assert (made.json["text"], made.json["tokens"]) == ("Hello Bo.\n", 4)
    (tmp_path / "some.yaml").write_text("who: Ann\noften: 2\n")
    assert shop.quick("prompts", "render", "greet", "--vars", str(tmp_path / "some.yaml")).out.count("Ann") == 2


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("--var", "who=Ann"), "'often' (integer) is missing"),
        (("--var", "who=Ann", "--var", "often=1.5"), "'often' must be integer, not number"),
        (("--var", "who=Ann", "--var", "often=many"), "'many' is not JSON"),
        (("--var", "who=Ann", "--var", "often=1", "--var", "x=1"), "'x' is not one of its variables"),
        (("--var", "who"), "has no value"),
        (("--vars", "nowhere.json"), "No such file"),
    ],
)
def test_variables_that_do_not_fit_are_a_usage_error(shop: Shell, words: tuple[str, ...], why: str) -> None:
    said = shop.quick("prompts", "render", "greet", *words)
    assert said.code == 2 and why in said.complaint


def test_a_changed_prompt_is_a_readable_diff(shop: Shell, tmp_path: Path) -> None:
    assert "the same as" in shop.quick("prompts", "diff", "greet", "--rev", "HEAD").err
    before = shop.quick("prompts", "show", "greet", "--json").json["digest"]
    put(shop, "greet.md.j2", (GREET + BODY).replace("Hello", "Good day,"))
    for words in (("--rev", "HEAD"), ("--digest", before)):
        said = shop.quick("prompts", "diff", "greet", *words)
        assert "-Hello {{ who }}.\n+Good day, {{ who }}.\n" in said.out and before[:12] in said.err
    mine(tmp_path, "system.md.j2", source("system").replace("Do not guess.", "Never guess."))
    (change,) = shop.quick("prompts", "diff", "system", "--json").json
    assert "\n-Do not guess." in change["patch"] and "\n+Never guess." in change["patch"]


def test_what_a_diff_cannot_find_is_named(shop: Shell) -> None:
    assert "nothing stands before it" in shop.quick("prompts", "diff", "system").err
    assert "only prompts/greet.md.j2 of shop" in shop.quick("prompts", "diff", "greet").err
    assert "no version of 'greet'" in shop.quick("prompts", "diff", "greet", "--digest", "ffff").complaint
    assert "names no commit" in shop.quick("prompts", "diff", "greet", "--rev", "nowhere").complaint
    assert shop.quick("prompts", "diff", "nobody").code == 2


@pytest.mark.requirement("F2")
def test_cases_hold_or_the_exit_code_and_a_line_say_why_not(shop: Shell, tmp_path: Path) -> None:
    good = shop.quick("prompts", "test")
    assert good.code == 0 and "holds greet (repository) everybody is greeted" in good.out and "0 failed" in good.out
    put(shop, "greet.md.j2", GREET + "Hi {{ who }}." * 9)
    bad = shop.quick("prompts", "test", "greet")
    assert bad.code == 1 and "fails greet" in bad.out
    assert "it does not contain 'Hello Ann.'" in bad.out and "more than 10" in bad.out
    put(shop, "greet.md.j2", GREET + "{{ whom }}")
    (broken,) = shop.quick("prompts", "test", "greet", "--json").json
    assert "greet.md.j2 of shop:9: 'whom' is not one of its variables" in broken["wrong"][0]
    assert shop.quick("prompts", "test", "nobody").code == 2


def test_an_override_without_cases_must_bear_what_ours_gets(shop: Shell, tmp_path: Path) -> None:
    head = "---\nname: resume_work\nversion: 1\ndescription: Mine.\nvariables:\n  threads: list\n---\n"
    mine(tmp_path, "resume_work.md.j2", head + "{{ threads[0].thread_id }}")
    said = shop.quick("prompts", "test", "resume_work")
    assert said.code == 1 and "fails resume_work (user) bears: nothing is unfinished" in said.out
    mine(tmp_path, "resume_work.md.j2", head + "{{ threads | length }}")
    assert shop.quick("prompts", "test", "resume_work").code == 0
    mine(tmp_path, "resume_work.cases.yaml", "- case: x\n  must: y\n")
    assert "unknown key" in shop.quick("prompts", "test", "resume_work").out


def test_what_has_no_cases_is_said_and_fails_nothing(shop: Shell, tmp_path: Path) -> None:
    mine(tmp_path, "other.md.j2", "---\nname: other\nversion: 1\ndescription: d\n---\nHi")
    said = shop.quick("prompts", "test", "other")
    assert (said.code, said.out) == (0, "no cases other (user)\n0 held, 0 failed\n")
