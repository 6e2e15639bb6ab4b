"""What a repository has on a question is found at one commit, ranked and bounded, and nothing of it runs."""

from pathlib import Path
from typing import Any

import pytest

from tests.tools.gitting import Place, look, snapshot
from tools.base import ToolError
from tools.lookups import MOST, look_up
from tools.surveying import survey
from tools.terms import terms_of

pytestmark = pytest.mark.anyio

SHOP = {
    "README.md": "# Shop\n\nSells things.\n",
    "src/auth.py": '"""Who may enter."""\n\n\ndef authenticate(user):\n    return user.ok\n',
    "src/door.py": "from auth import authenticate\n\n\ndef open_door(user):\n    return authenticate(user)\n",
    "tests/test_auth.py": "from auth import authenticate\n\n\ndef test_it():\n    assert authenticate(ADA)\n",
    "vendor/auth.min.js": "function authenticate(a){return 1}\n",
    "logo.bin": b"\0authenticate",
}


async def gathered(place: Place, root: Path, question: str, **args: object) -> Any:
    terms = [term.model_dump() for term in terms_of(question)]
    return await look(survey, place.workspace(root, mode="read"), terms=terms, **args)


def places(found: Any) -> list[str]:
    return [f"{one['path']}:{one['start']}" for one in found["passages"]]


@pytest.mark.requirement("F13", "R14")
async def test_the_definition_comes_first_then_uses_then_tests_and_what_is_vendored_last(place: Place) -> None:
    root = place.repository("shop", SHOP)
    before = snapshot(root)
    found = await gathered(place, root, "Who calls `authenticate`?")
    assert places(found) == [
        "src/auth.py:3",
        "src/door.py:1",
        "tests/test_auth.py:1",
        "vendor/auth.min.js:1",
        "README.md:1",
    ]
    assert found["passages"][0]["lines"][1] == "def authenticate(user):"
    assert "defines authenticate" in found["passages"][0]["why"]
    assert (found["commit"], found["files"], found["changed"]) == (place.git(root, "rev-parse", "HEAD").strip(), 6, 0)
    assert found["found"]["authenticate"] == 4
    assert snapshot(root) == before


async def test_what_is_not_committed_is_counted_and_not_shown(place: Place) -> None:
    root = place.repository("shop", SHOP)
    place.write(root, {"src/auth.py": "authenticate = None  # draft\n", "new.py": "authenticate = 1\n"})
    found = await gathered(place, root, "Who calls `authenticate`?")
    assert found["changed"] == 2
    assert "draft" not in str(found) and "new.py" not in str(found)


async def test_history_shows_who_added_and_who_removed_a_name_with_lines_that_can_be_cited(place: Place) -> None:
    root = place.repository("shop", {"a.py": "import os\n\nLIMIT_S = 3\n"})
    first = place.git(root, "rev-parse", "HEAD").strip()
    place.write(root, {"a.py": "import os\n"})
    second = place.commit(root, "Take the limit out, fixes #7")
    found = await gathered(place, root, "Why was `LIMIT_S` removed?")
    by_commit = {one["commit"]: one for one in found["commits"]}
    assert [*by_commit] == [second[:12], first[:12]]
    assert by_commit[second[:12]]["subject"] == "Take the limit out, fixes #7"
    removed, added = (by_commit[commit[:12]]["passages"][0] for commit in (second, first))
    for line in (removed, added):
        assert (line["path"], line["start"], line["commit"], line["lines"]) == ("a.py", 3, first[:12], ["LIMIT_S = 3"])
    told = await gathered(place, root, "What does #7 say?")
    assert [one["commit"] for one in told["commits"]] == [second[:12]]


async def test_a_repository_without_a_commit_says_so_and_one_without_text_has_nothing(place: Place) -> None:
    empty = await gathered(place, place.repository("empty", {}), "Who calls `authenticate`?")
    assert (empty["commit"], empty["passages"], len(empty["notes"])) == ("", [], 1)
    binary = await gathered(
        place, place.repository("binary", {"a.bin": b"\0authenticate"}), "Who calls `authenticate`?"
    )
    assert (binary["passages"], binary["found"]) == ([], {"authenticate": 0, "call": 0})


@pytest.mark.requirement("R14", "R18")
async def test_a_large_repository_is_cut_to_the_room_there_is_and_says_so(place: Place) -> None:
    files = {f"src/part{n}.py": f"def authenticate_{n}():\n" + "    authenticate(x)\n" * 400 for n in range(80)}
    root = place.repository("shop", {**files, "long.py": "authenticate = '" + "x" * 900_000 + "'\n"})
    found = await gathered(place, root, "Who calls `authenticate`?", room=4000)
    assert 2000 < len(str(found)) < 6000
    assert any("left out" in note for note in found["notes"])


@pytest.mark.requirement("R18")
async def test_nothing_that_a_repository_names_runs_while_it_is_searched(place: Place) -> None:
    root = place.repository("shop", {**SHOP, ".gitattributes": "*.py diff=own filter=own\n"})
    program = place.mark("own")
    for key in ("diff.own.textconv", "diff.own.command", "diff.external", "core.fsmonitor", "gpg.program"):
        place.git(root, "config", key, str(program))
    place.git(root, "config", "log.showSignature", "true")
    place.ran()
    found = await gathered(place, root, "Who calls `authenticate`?")
    assert "src/auth.py:3" in places(found)
    searches = [{"repo": "shop", "kind": kind, "text": "authenticate"} for kind in ("text", "definition", "history")]
    await looked_up(place, root, found["commit"], *searches)
    assert place.ran() == ""


@pytest.mark.parametrize("text", ["--output=/tmp/x", "-O", "--", "^HEAD", "$(id)", "a.*b", "--all"])
async def test_a_term_is_never_an_option_nor_a_pattern(place: Place, text: str) -> None:
    root = place.repository("shop", {"a.py": f"x = 1\n# {text}\n"})
    head = place.git(root, "rev-parse", "HEAD").strip()
    [plain, history] = await looked_up(
        place, root, head, *({"repo": "shop", "kind": kind, "text": text} for kind in ("text", "history"))
    )
    assert places(plain) == ["a.py:1"]
    assert [one["commit"] for one in history["commits"]] == [head[:12]]


async def looked_up(place: Place, root: Path, commit: str, *searches: dict[str, Any], room: int = 8000) -> Any:
    workspace = place.workspace(root, mode="read")
    return await look(look_up, workspace, searches=list(searches), commits={"shop": commit}, room=room)


async def test_a_search_shows_text_a_definition_the_history_or_lines_of_a_file(place: Place) -> None:
    root = place.repository("shop", SHOP)
    head = place.git(root, "rev-parse", "HEAD").strip()
    kinds = ("text", "definition", "history")
    searches = [{"repo": "shop", "kind": kind, "text": "authenticate"} for kind in kinds]
    page = {"repo": "shop", "kind": "file", "text": "src/door.py", "line": 4}
    text, definition, history, file = await looked_up(place, root, head, *searches, page)
    assert places(text)[0] == "src/auth.py:3"
    assert places(definition) == ["src/auth.py:3", "vendor/auth.min.js:1"]
    assert [one["commit"] for one in history["commits"]] == [head[:12]]
    assert (places(file), file["search"]) == (["src/door.py:1"], "file 'src/door.py' in shop")


@pytest.mark.parametrize(
    ("search", "note"),
    [
        ({"repo": "bank", "kind": "text", "text": "x"}, "no repository of this question"),
        ({"repo": "shop", "kind": "file", "text": "../etc/passwd"}, "climbs out"),
        ({"repo": "shop", "kind": "file", "text": "/etc/passwd"}, "absolute"),
        ({"repo": "shop", "kind": "file", "text": ".git/config"}, "git's own folder"),
        ({"repo": "shop", "kind": "file", "text": "src"}, "no text file"),
        ({"repo": "shop", "kind": "file", "text": "README.md", "line": 900}, "Nothing was found"),
        ({"repo": "shop", "kind": "text", "text": "a\nb"}, "more than one line"),
        ({"repo": "shop", "kind": "text", "text": "nowhere"}, "Nothing was found"),
    ],
)
async def test_a_search_that_leads_nowhere_is_a_note_and_the_others_go_on(
    place: Place, search: dict[str, Any], note: str
) -> None:
    root = place.repository("shop", SHOP)
    good = {"repo": "shop", "kind": "definition", "text": "open_door"}
    bad, fine = await looked_up(place, root, place.git(root, "rev-parse", "HEAD").strip(), search, good)
    assert note in bad["note"] and not bad["passages"]
    assert places(fine) == ["src/door.py:3"]


async def test_more_searches_than_are_allowed_are_refused_and_a_large_file_is_shown_in_part(place: Place) -> None:
    root = place.repository("shop", {"a.py": "".join(f"line {n} {'x' * 200}\n" for n in range(2000))})
    head = place.git(root, "rev-parse", "HEAD").strip()
    page = {"repo": "shop", "kind": "file", "text": "a.py", "line": 1000}
    with pytest.raises(ToolError, match="searches"):
        await looked_up(place, root, head, *[page] * (MOST + 1))
    [found] = await looked_up(place, root, head, page, room=2000)
    assert places(found) == ["a.py:980"] and 500 < len(str(found)) < 2500
