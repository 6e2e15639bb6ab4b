"""Search finds literal text in what git knows of, and shows nothing that lies elsewhere."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.tools.gitting import Place, look, snapshot
from tools.base import ToolError
from tools.search import LINE_LIMIT, matching_lines, search

pytestmark = pytest.mark.anyio


@pytest.fixture
def shop(place: Place) -> Path:
    files = {
        "a.py": "def price(x):\n    return x * 2  # a+b [c] $1\r\n",
        "src/b.py": "price = 1\nPRICE = 2\n",
        ".gitignore": "*.log\n",
        "kept.log": "price of a tracked file that is ignored\n",
    }
    root = place.repository("shop", {**files, "pic.bin": b"price\0"})
    place.git(root, "add", "-f", "kept.log")
    place.git(root, "commit", "-q", "-m", "forced")
    return root


async def hits(place: Place, root: Path, text: str, **args: object) -> list[tuple[str, int]]:
    found = await look(search, place.workspace(root, mode="read"), text=text, **args)
    return [(hit["path"], hit["line"]) for hit in found["hits"]]


@pytest.mark.requirement("R14")
async def test_search_finds_tracked_and_new_files_and_writes_nothing(place: Place, shop: Path) -> None:
    place.write(shop, {"new.py": "\nprice\n", "out.log": "price\n"})
    before = snapshot(shop)
    everywhere = [("a.py", 1), ("kept.log", 1), ("new.py", 2), ("src/b.py", 1)]
    assert await hits(place, shop, "price") == everywhere
    assert await hits(place, shop, "PRICE", ignore_case=True) == [*everywhere, ("src/b.py", 2)]
    assert await hits(place, shop, "price", paths=["src/"]) == [("src/b.py", 1)]
    assert snapshot(shop) == before


@pytest.mark.parametrize("text", ["a+b [c] $1", "(x):", "return x * 2", "*", "["])
async def test_the_text_is_never_a_pattern(text: str, place: Place, shop: Path) -> None:
    assert [path for path, _ in await hits(place, shop, text)] in (["a.py"], [".gitignore", "a.py"])
    assert await hits(place, shop, text.replace("x", ".")) == ([] if "x" in text else await hits(place, shop, text))


@pytest.mark.parametrize("text", ["--open-files-in-pager=x", "-e", "-Oxterm", "--", "^price", "pri.e", "\\x", "$(x)"])
async def test_the_text_is_never_an_option(text: str, place: Place, shop: Path) -> None:
    assert await hits(place, shop, text) == []
    place.write(shop, {"new.txt": f"line {text}\n"})
    assert await hits(place, shop, text) == [("new.txt", 1)]


async def test_a_line_is_shown_without_its_end_and_a_long_one_around_the_match(place: Place, shop: Path) -> None:
    found = await look(search, place.workspace(shop), text="return")
    assert found["hits"][0]["text"] == "    return x * 2  # a+b [c] $1"
    place.write(shop, {"long.js": "x" * 5000 + "needle" + "y" * 5000})
    [hit] = (await look(search, place.workspace(shop), text="needle"))["hits"]
    assert len(hit["text"]) == LINE_LIMIT
    assert "needle" in hit["text"]


async def test_more_hits_than_asked_for_are_left_out_and_it_says_so(place: Place, shop: Path) -> None:
    place.write(shop, {"many.txt": "hit\n" * 60})
    found = await look(search, place.workspace(shop), text="hit")
    assert (len(found["hits"]), found["truncated"]) == (50, True)
    exact = await look(search, place.workspace(shop), text="hit", limit=60)
    assert (len(exact["hits"]), exact["truncated"]) == (60, False)
    place.write(shop, {"more.txt": "hit\n" * 60, "most.txt": "hit\n"})
    assert (await look(search, place.workspace(shop), text="hit", limit=60))["truncated"]


async def test_nothing_behind_a_symbolic_link_is_shown_not_even_whether_it_matches(place: Place, shop: Path) -> None:
    outside = place.folder / "outside"
    place.write(outside, {"b.py": "price is secret\n"})
    assert ("src/b.py", 1) in await hits(place, shop, "price")
    (shop / "src" / "b.py").unlink()
    (shop / "src").rmdir()
    (shop / "src").symlink_to(outside)
    (shop / "link.py").symlink_to(outside / "b.py")
    assert "src/b.py" in place.git(shop, "grep", "-l", "price is secret")
    for text in ("price is secret", "price is another"):
        found = await look(search, place.workspace(shop), text=text)
        assert (found["hits"], found["skipped"], found["truncated"]) == ([], [], False)


async def test_a_nested_repository_is_not_entered(place: Place, shop: Path) -> None:
    inner = place.repository("shop/inner", {"x.py": "price\n", ".gitattributes": "* diff=evil\n"})
    place.git(inner, "config", "core.fsmonitor", str(place.mark("fsmonitor")))
    place.git(inner, "config", "diff.evil.textconv", str(place.mark("textconv")))
    place.ran()
    assert not [path for path, _ in await hits(place, shop, "price") if path.startswith("inner")]
    assert place.ran() == ""


async def test_several_lines_nothing_and_escapes_are_refused(place: Place, shop: Path) -> None:
    for args in (
        {"text": "a\nb"},
        {"text": "a\0"},
        {"text": ""},
        {"text": "x" * 1001},
        {"text": "x", "paths": ["../x"]},
    ):
        with pytest.raises(ToolError) as caught:
            await look(search, place.workspace(shop), **args)
        assert caught.value.problem.kind == "bad_input"


@given(st.text(alphabet="aAbé \n", max_size=60), st.text(alphabet="aAbé ", min_size=1, max_size=3), st.booleans())
@settings(max_examples=200)
def test_exactly_the_lines_with_the_text_are_found(content: str, text: str, ignore_case: bool) -> None:
    def plain(part: str) -> str:
        return part.lower() if ignore_case else part

    expected = [number for number, line in enumerate(content.split("\n"), 1) if plain(text) in plain(line)]
    assert [number for number, _ in matching_lines(content, text, ignore_case=ignore_case)] == expected


async def test_a_file_too_large_to_be_searched_is_named(
    place: Place, shop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tools.search.FILE_LIMIT", 20)
    found = await look(search, place.workspace(shop), text="price")
    assert "a.py" in found["skipped"]
