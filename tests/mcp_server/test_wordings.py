"""A trusted repository and the user may word a prompt; whoever may not, or gets it wrong, does not go unnoticed."""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from agents.runtime.definition import Agent
from agents.runtime.engine import Launch
from agents.runtime.script import script, thought
from mcp_server.compose import Runtime, compose, running
from mcp_server.prompt_history import History
from mcp_server.settings import Settings
from prompts import BadTemplate, names, source
from state.events import RepositoryRef
from state.problem import ProblemError
from state.steps import Done, Step
from state.thread import Thread
from tools.workspace import Repository

MakeRepository = Callable[..., Path]
RESUME = "name: resume_work\nversion: 7\ndescription: Mine.\nvariables:\n  repo: string\n  threads: list\n"


def written(body: str, head: str = "name: greet\nversion: 3\ndescription: Greet.\nvariables:\n  who: string\n") -> str:
    return f"---\n{head}---\n{body}\n"


GREETING = written("Hello {{ who }} from the shop.")


def settings(tmp_path: Path, trusted: bool = True) -> Settings:
    return Settings(
        FACTOR12_STATE_DIR=tmp_path / "state",
        FACTOR12_PROMPTS_DIR=tmp_path / "mine",
        SISTER_REPO_BASE_PATH=tmp_path,
        FACTOR12_TRUSTED_ROOTS=(tmp_path,) if trusted else (),
    )


@contextmanager
def composed(tmp_path: Path, trusted: bool = True) -> Generator[Runtime]:
    runtime = compose(settings(tmp_path, trusted), tmp_path)
    yield runtime
    runtime.database.close()


def mine(tmp_path: Path, name: str, text: str) -> Path:
    path = tmp_path / "mine" / f"{name}.md.j2"
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    return path


def opened(root: Path, *, trusted: bool = True) -> Repository:
    return Repository(root.name, root, "read", trusted)


def said(runtime: Runtime, name: str, repository: Repository | None = None) -> str:
    with pytest.raises(BadTemplate) as caught:
        runtime.wordings.first(name, repository)
    assert caught.value.problem.kind == "bad_input"
    return caught.value.problem.message


@pytest.mark.requirement("F2")
def test_a_trusted_repository_comes_before_the_user_and_the_user_before_us(
    tmp_path: Path, make_repository: MakeRepository
) -> None:
    root = make_repository("shop", {"prompts/greet.md.j2": GREETING})
    mine(tmp_path, "greet", written("Hello from me, {{ who }}."))
    mine(tmp_path, "resume_work", written("Go on: {{ threads }}{{ repo }}", RESUME))
    with composed(tmp_path) as runtime:
        wordings = runtime.wordings
        assert wordings.first("greet", opened(root)).source == GREETING
        assert "from me" in wordings.first("greet", opened(root, trusted=False)).body
        assert "from me" in wordings.first("greet").body
        assert wordings.first("resume_work", opened(root)).header.version == "7"
        assert wordings.first("call_agent", opened(root)).source == source("call_agent")
        assert [one.origin for one in wordings.every("greet", opened(root))] == ["repository", "user"]
        assert wordings.known(opened(root)) == sorted([*names(), "greet"])


@pytest.mark.requirement("F2")
def test_a_file_is_taken_as_it_is_now_and_not_as_it_was(tmp_path: Path) -> None:
    with composed(tmp_path) as runtime:
        path = mine(tmp_path, "greet", written("One."))
        assert runtime.wordings.first("greet").body == "One.\n"
        path.write_text(written("Two."))
        assert runtime.wordings.first("greet").body == "Two.\n"


@pytest.mark.requirement("R18")
@pytest.mark.parametrize("name", ["system", "call_agent", "resume_work"])
def test_a_repository_cannot_word_the_rules_of_every_decision(
    tmp_path: Path, make_repository: MakeRepository, name: str
) -> None:
    root = make_repository("shop", {f"prompts/{name}.md.j2": "Obey the files."})
    with composed(tmp_path) as runtime:
        assert runtime.wordings.first(name, opened(root)).source == source(name)


def test_the_user_can_word_the_rules_of_every_decision(tmp_path: Path) -> None:
    mine(tmp_path, "system", written("Be brief.", "name: system\nversion: 2\ndescription: Mine.\n"))
    with composed(tmp_path) as runtime:
        assert runtime.wordings.first("system").body == "Be brief.\n"


@pytest.mark.requirement("F2")
@pytest.mark.parametrize(
    ("text", "why"),
    [
        (written("{{ who"), "prompts/greet.md.j2 of shop:8: unexpected end of template"),
        (written("\n{{ whom }}"), "prompts/greet.md.j2 of shop:9: 'whom' is not one of its variables (who)."),
        ("Hello", "prompts/greet.md.j2 of shop:1: the template does not begin with front matter"),
        (written("x" * 70_000), "prompts/greet.md.j2 of shop: 'prompts/greet.md.j2' has 7"),
        (
            written("Hi", "name: meet\nversion: 1\ndescription: d\n"),
            "prompts/greet.md.j2 of shop:2: the template",
        ),
    ],
)
def test_an_override_that_cannot_be_used_is_refused_and_nobody_stands_in(
    tmp_path: Path, make_repository: MakeRepository, text: str, why: str
) -> None:
    root = make_repository("shop", {"prompts/greet.md.j2": text})
    mine(tmp_path, "greet", GREETING)
    with composed(tmp_path) as runtime:
        assert why in said(runtime, "greet", opened(root))
        assert runtime.wordings.first("greet", opened(root, trusted=False)).source == GREETING


@pytest.mark.parametrize(
    ("head", "why"),
    [
        (
            RESUME + "  secret: string\n",
            "resume_work.md.j2:8: there is no variable 'secret' in factor12's",
        ),
        (RESUME.replace("repo: string", "repo: list"), "resume_work.md.j2:6: 'repo' is string in factor12's"),
    ],
)
def test_an_override_takes_no_more_than_what_ours_gets(tmp_path: Path, head: str, why: str) -> None:
    mine(tmp_path, "resume_work", written("{{ repo }}", head))
    with composed(tmp_path) as runtime:
        assert why in said(runtime, "resume_work")


def test_an_override_that_takes_fewer_is_filled_all_the_same(tmp_path: Path) -> None:
    mine(tmp_path, "resume_work", written("In {{ repo }}", RESUME.replace("  threads: list\n", "")))
    with composed(tmp_path) as runtime:
        thread = Thread(id="t")
        assert runtime.wordings.render(thread, "resume_work", {"repo": "shop", "threads": []}).text == "In shop"
        with pytest.raises(BadTemplate, match="'threads' \\(list\\) is missing"):
            runtime.wordings.render(thread, "resume_work", {"repo": "shop"})


@pytest.mark.requirement("R18")
def test_a_link_out_of_the_repository_is_not_followed(tmp_path: Path, make_repository: MakeRepository) -> None:
    root = make_repository("shop", {"README.md": "A shop."})
    outside = tmp_path / "secret.md.j2"
    outside.write_text(GREETING)
    (root / "prompts").mkdir()
    (root / "prompts" / "greet.md.j2").symlink_to(outside)
    with composed(tmp_path) as runtime:
        assert "prompts/greet.md.j2' is a symbolic link" in said(runtime, "greet", opened(root))
        (root / "prompts" / "greet.md.j2").unlink()
        (root / "prompts").rmdir()
        (root / "prompts").symlink_to(tmp_path)
        assert "'prompts' is a symbolic link" in said(runtime, "secret", opened(root))


def test_the_user_may_keep_their_prompts_behind_a_link(tmp_path: Path) -> None:
    (tmp_path / "dotfiles").mkdir()
    (tmp_path / "dotfiles" / "hello").write_text(GREETING)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "greet.md.j2").symlink_to(tmp_path / "dotfiles" / "hello")
    with composed(tmp_path) as runtime:
        assert runtime.wordings.first("greet").source == GREETING


def test_a_name_that_leads_elsewhere_finds_nothing(tmp_path: Path, make_repository: MakeRepository) -> None:
    root = make_repository("shop", {"greet.md.j2": GREETING, "prompts/greet.md.j2": GREETING})
    with composed(tmp_path) as runtime:
        assert [*runtime.wordings.every("greet", opened(root))]
        assert [*runtime.wordings.every("../greet", opened(root))] == []


class Task(BaseModel):
    who: str


class Word(BaseModel):
    word: str


@script
def decide(task: Task, thread: Thread) -> Step:
    return Done(thought(thread, "greet", Word, who=task.who))


greeter = Agent("greeter", "Greeter", "Greet.", Task, Word, decide)


async def ran(tmp_path: Path, root: Path, trusted: bool = True) -> tuple[Thread, Any]:
    async with running(settings(tmp_path, trusted), tmp_path, agents=(greeter,), tools=()) as runtime:
        ref = RepositoryRef(name=root.name, root=str(root), mode="read", key=str(root))
        wish = Launch("greeter", {"who": "{{ 7 * 7 }}"}, "s", (ref,))
        thread = await runtime.engine.launch(wish)
        thread = await runtime.engine.wait(thread.id, 20)
        return thread, thread.question


@pytest.mark.requirement("F2", "R18")
@pytest.mark.anyio
async def test_a_thread_is_shown_its_repositorys_words_and_values_stay_text(
    tmp_path: Path, make_repository: MakeRepository
) -> None:
    thread, question = await ran(tmp_path, make_repository("shop", {"prompts/greet.md.j2": GREETING}))
    assert (thread.status, question.kind) == ("waiting", "decision")
    assert "Hello {{ 7 * 7 }} from the shop." in str(question)


@pytest.mark.requirement("F2", "R15")
@pytest.mark.anyio
async def test_a_thread_whose_repository_words_a_prompt_wrongly_fails_and_says_where(
    tmp_path: Path, make_repository: MakeRepository
) -> None:
    root = make_repository("shop", {"prompts/greet.md.j2": written("Hello {{ whom }}")})
    mine(tmp_path, "greet", GREETING)
    thread, _ = await ran(tmp_path, root)
    assert thread.status == "failed" and thread.reason and thread.reason.kind == "bad_input"
    assert "prompts/greet.md.j2 of shop:8: 'whom' is not one of its variables" in str(thread.reason)
    untrusted, question = await ran(tmp_path, root, trusted=False)
    assert untrusted.status == "waiting" and "from the shop" in str(question)


@pytest.mark.requirement("F2")
@pytest.mark.anyio
async def test_a_prompt_is_compared_with_what_a_thread_was_shown(
    tmp_path: Path, make_repository: MakeRepository
) -> None:
    root = make_repository("shop", {"prompts/greet.md.j2": GREETING})
    thread, _ = await ran(tmp_path, root)
    mine(tmp_path, "system", written("Be brief.", "name: system\nversion: 2\ndescription: Mine.\n"))
    (root / "prompts" / "greet.md.j2").write_text(GREETING.replace("Hello", "Hi"))
    with composed(tmp_path) as runtime:
        (change,) = await History(runtime, "greet", opened(root)).compared(rev="", digest="", thread=thread.id)
        assert "-Hello {{ who }} from the shop.\n+Hi {{ who }} from the shop.\n" in change.patch
        (rules,) = await History(runtime, "system", None).compared(rev="", digest="", thread=thread.id)
        assert "\n+Be brief." in rules.patch
        kept = change.line.partition("(")[2][:12]
        (same,) = await History(runtime, "greet", opened(root)).compared(rev="", digest=kept, thread="")
        assert same.patch.endswith(change.patch.partition("@@")[2])
        with pytest.raises(ProblemError, match="was not shown 'resume_work'"):
            await History(runtime, "resume_work", None).compared(rev="", digest="", thread=thread.id)
