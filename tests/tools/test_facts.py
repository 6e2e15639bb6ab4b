"""What is fetched about an issue before anybody asks for it: the right files, bounded, and nothing from outside."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic_core import to_json

from tests.tools.gitting import Place, look, snapshot
from tools.excerpts import GAP, excerpt
from tools.facts import BYTES, gather, show_files
from tools.mentions import paths, symbols, words

pytestmark = pytest.mark.anyio

ISSUE = "Orders above the limit are taken. See `check_limit` in `shop/orders.py`, and what the basket does with it."
FILES = {
    "shop/orders.py": "def check_limit(order):\n    return True\n",
    "shop/basket.py": "from shop.orders import check_limit\n\n\ndef put(basket, order):\n    check_limit(order)\n",
    "shop/unrelated.py": "def colour():\n    return 'red'\n",
    "issues/5.md": f"# Issue #5: Limit\n\n{ISSUE}\n",
}


@pytest.fixture
def shop(place: Place) -> Path:
    return place.repository("shop", FILES)


async def facts(place: Place, root: Path, text: str = ISSUE, **args: object) -> dict[str, Any]:
    return await look(gather, place.workspace(root, mode="read"), text=text, **args)


@pytest.mark.requirement("F13", "R14")
async def test_files_definitions_uses_commits_and_the_tree_are_found_and_nothing_is_written(
    place: Place, shop: Path
) -> None:
    before = snapshot(shop)
    found = await facts(place, shop)
    assert [file["path"] for file in found["files"]][:2] == ["shop/orders.py", "shop/basket.py"]
    assert found["files"][0]["text"] == FILES["shop/orders.py"] and found["files"][0]["whole"]
    first = found["places"][0]
    assert (first["path"], first["line"], first["defines"]) == ("shop/orders.py", 1, True)
    assert ("shop/basket.py", 5) in [(place["path"], place["line"]) for place in found["places"]]
    assert len(found["commits"]) == 1 and "shop/unrelated.py" in found["outline"]
    assert not any(file["path"].startswith("issues/") for file in found["files"]), "an issue quotes what it is about"
    assert snapshot(shop) == before


async def test_a_file_is_found_by_its_words_when_the_issue_names_none(place: Place, shop: Path) -> None:
    found = await facts(place, shop, "The colour of everything is wrong.")
    assert [file["path"] for file in found["files"]] == ["shop/unrelated.py"]


async def test_a_name_stands_for_the_file_of_that_name_and_a_missing_one_is_told(place: Place, shop: Path) -> None:
    found = await facts(place, shop, "Something.", files=["basket.py", "shop/gone.py"])
    assert [file["path"] for file in found["files"]] == ["shop/basket.py"]
    assert found["absent"] == ["shop/gone.py"]


@pytest.mark.requirement("R2")
async def test_of_a_large_repository_as_much_is_shown_as_an_agent_can_see(place: Place, shop: Path) -> None:
    long = "".join(f"line_{n} = {n}\n" for n in range(4000))
    body = f"{long}def check_limit(order):\n    return 'deep inside'\n{long}"
    many = {f"pkg{n % 80}/deep/er/module_{n}.py": f"check_limit({n})\n" + "é" * 3000 for n in range(300)}
    place.write(shop, {"shop/orders.py": body, **many})
    found = await facts(place, shop)
    assert len(to_json(found)) <= BYTES
    shown = found["files"][0]
    assert shown["path"] == "shop/orders.py" and "deep inside" in shown["text"] and not shown["whole"]
    assert any(entry.endswith("files)") for entry in found["outline"])


@pytest.mark.requirement("R18")
async def test_nothing_outside_the_repository_is_shown(place: Place, shop: Path) -> None:
    outside = place.folder / "outside.py"
    outside.write_text("check_limit = 'SECRET'\n")
    (shop / "link.py").symlink_to(outside)
    (shop / "shop" / "unrelated.py").unlink()
    (shop / "shop" / "unrelated.py").symlink_to(outside)
    names = ["link.py", "../outside.py", str(outside), ".git/config", "shop/unrelated.py"]
    found = await facts(place, shop, files=names)
    assert "SECRET" not in str(found) and "[core]" not in str(found)
    wanted = [{"path": name} for name in [*names, "shop", "no.py"]]
    sight = await look(show_files, place.workspace(shop, mode="read"), wanted=wanted)
    assert sight["files"] == [] and len(sight["absent"]) == len(wanted)
    assert all(repr(one["path"])[:40] in why for one, why in zip(wanted, sight["absent"], strict=True))


async def test_a_file_that_is_asked_for_is_shown_near_the_words_that_are_meant(place: Place, shop: Path) -> None:
    lines = [f"value_{n} = {n}" for n in range(5000)]
    place.write(shop, {"big.py": "\n".join(lines), "pic.bin": "\0"})
    wanted = [{"path": "big.py", "around": "value_4321"}, {"path": "pic.bin"}]
    sight = await look(show_files, place.workspace(shop, mode="read"), wanted=wanted)
    [file], [why] = sight["files"], sight["absent"]
    assert "value_4321 = 4321" in file["text"] and GAP in file["text"] and file["lines"].endswith("of 5000")
    assert "binary" in why and len(to_json(sight)) <= BYTES


async def test_a_repository_without_a_commit_has_facts_too(place: Place) -> None:
    root = place.folder / "fresh"
    root.mkdir()
    place.git(root, "init", "-q")
    place.write(root, {"a.py": "def check_limit():\n    pass\n"})
    found = await facts(place, root)
    assert ([file["path"] for file in found["files"]], found["commits"]) == (["a.py"], [])


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("`check_limit` and `User.is_valid()`", ["check_limit", "User", "is_valid"]),
        ("the parseHeader function, HTTPServer and _private", ["parseHeader", "HTTPServer", "_private"]),
        ("call total(cart) now", ["total"]),
        ("Make it better, please.", []),
    ],
)
def test_names_of_code_are_told_from_words(text: str, found: list[str]) -> None:
    assert symbols(text) == found


def test_words_that_stand_in_every_text_are_left_out() -> None:
    assert words("When the Discount should be applied, the discount is not.") == ["discount", "applied"]
    assert paths("See ./src/a.py, b.toml and https") == ["src/a.py", "b.toml"]


@given(st.text(alphabet="ab\n …", max_size=400), st.lists(st.integers(-3, 60), max_size=5), st.integers(0, 200))
def test_an_excerpt_holds_lines_of_the_file_and_no_more_than_it_may(text: str, meant: list[int], most: int) -> None:
    found = excerpt("a", text, meant, most)
    if found.whole:
        assert found.text == text
    else:
        lines = [line for line in found.text.split("\n") if line != GAP]
        assert sum(len(line) + 1 for line in lines) <= most + 1
        assert set(lines) <= {*text.split("\n")}
