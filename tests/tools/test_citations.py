"""A citation holds when its commit, file, line and quote are there, and a claim when what it names stands by them."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from tests.tools.gitting import Place, look, snapshot
from tools.citations import NEAR, Claim, check_claims

pytestmark = pytest.mark.anyio

AUTH = "import log\n\n\ndef authenticate(user):\n    if user.tries > 3:\n        return False\n    return user.ok\n"
FAR = "\n" * (NEAR + 2) + "SECRET_LIMIT = 7\n"


@dataclass(frozen=True)
class Bench:
    """Two repositories, one of which has changed since."""

    place: Place
    shop: Path
    web: Path
    first: str
    head: str
    other: str

    async def verdict(self, text: str, *citations: tuple[str, str]) -> dict[str, Any]:
        claim = Claim.model_validate({"text": text, "citations": [{"at": at, "quote": q} for at, q in citations]})
        commits = {"shop": self.head, "web": self.other}
        workspace = self.place.workspace(self.shop, self.web, mode="read")
        [verdict] = await look(check_claims, workspace, claims=[claim.model_dump()], commits=commits)
        return verdict

    async def holds(self, text: str, *citations: tuple[str, str]) -> bool:
        return bool((await self.verdict(text, *citations))["kept"])


@pytest.fixture
def bench(place: Place) -> Bench:
    shop = place.repository("shop", {"auth.py": "old = 1\n", "big.txt": "x" * 1_100_000, "pic.bin": b"\0authenticate"})
    first = place.git(shop, "rev-parse", "HEAD").strip()
    place.write(shop, {"auth.py": AUTH + FAR, "src/a b.py": "two words = 1\n", "copy.py": "# nothing\n" * 9})
    (shop / "link.py").symlink_to("auth.py")
    head = place.commit(shop, "rewritten")
    web = place.repository("web", {"auth.py": "def login():\n    pass\n"})
    return Bench(place, shop, web, first, head, place.git(web, "rev-parse", "HEAD").strip())


async def test_a_true_claim_keeps_its_citation_under_the_commit_that_was_found(bench: Bench) -> None:
    verdict = await bench.verdict(
        "`authenticate` returns False after more than 3 tries.",
        (f"shop/auth.py:4@{bench.head}", "def  authenticate(user):\n  if user.tries > 3:\n return False"),
    )
    assert [one["at"] for one in verdict["kept"]] == [f"shop/auth.py:4@{bench.head[:12]}"]
    assert verdict["dropped"] == []


@pytest.mark.parametrize(
    ("at", "quote", "why"),
    [
        ("shop/auth.py:4@{head}", "return user.admin", "does not begin in that line"),
        ("shop/auth.py:5@{head}", "def authenticate(user):", "does not begin in that line"),
        ("shop/auth.py:3@{head}", "def authenticate(user):", "does not begin in that line"),
        ("shop/copy.py:4@{head}", "def authenticate(user):", "does not begin in that line"),
        ("web/auth.py:4@{head}", "def authenticate(user):", "no commit"),
        ("shop/auth.py:4@{invented}", "def authenticate(user):", "no commit"),
        ("shop/auth.py:4@{first}", "def authenticate(user):", "it has 1."),
        ("shop/auth.py:4@{other}", "def authenticate(user):", "no commit"),
        ("shop/auth.py:4000@{head}", "def authenticate(user):", "the file ends before that line: it has 20."),
        ("shop/auth.py:0@{head}", "def authenticate(user):", "not repo/path:line@commit"),
        ("shop/auth.py:4@worktree", "def authenticate(user):", "not repo/path:line@commit"),
        ("shop/auth.py:4@HEAD", "def authenticate(user):", "not repo/path:line@commit"),
        ("shop/auth.py:4", "def authenticate(user):", "not repo/path:line@commit"),
        ("bank/auth.py:4@{head}", "def authenticate(user):", "that was looked at"),
        ("shop/gone.py:4@{head}", "def authenticate(user):", "no text file"),
        ("shop/src:1@{head}", "two words = 1", "no text file"),
        ("shop/link.py:1@{head}", "auth.py", "no text file"),
        ("shop/pic.bin:1@{head}", "authenticate", "no text file"),
        ("shop/big.txt:1@{head}", "xxxxxxxx", "no text file"),
        ("shop/../web/auth.py:1@{head}", "def login():", "climbs"),
        ("shop/.git/config:1@{head}", "[core]", "git's own folder"),
        ("shop/auth.py:4@{head}", "def", "too short"),
        ("shop/auth.py:4@{head}", "def authent", "does not begin in that line"),
        ("shop/auth.py:4@{head}", "--output=x\n", "does not begin in that line"),
    ],
)
async def test_a_planted_citation_is_dropped_and_says_why(bench: Bench, at: str, quote: str, why: str) -> None:
    place = at.format(head=bench.head, first=bench.first, other=bench.other, invented="deadbeef" * 5)
    verdict = await bench.verdict("It is so.", (place, quote))
    assert verdict["kept"] == []
    assert why in verdict["dropped"][0]
    true = (f"shop/auth.py:4@{bench.head}", "def authenticate(user):")
    assert await bench.holds("It is so.", true)
    both = await bench.verdict("It is so.", (place, quote), true)
    assert (len(both["kept"]), len(both["dropped"])) == (1, 1)


async def test_older_commits_of_the_history_count_and_those_beside_it_do_not(bench: Bench) -> None:
    assert await bench.holds("It was otherwise.", (f"shop/auth.py:1@{bench.first[:10]}", "old = 1"))
    bench.place.git(bench.shop, "checkout", "-q", "--orphan", "aside")
    aside = bench.place.commit(bench.shop, "aside")
    bench.place.git(bench.shop, "checkout", "-q", "main")
    verdict = await bench.verdict("It is so.", (f"shop/auth.py:4@{aside}", "def authenticate(user):"))
    assert "not in the history that was looked at" in verdict["dropped"][0]


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("`authenticate` lets 3 tries pass.", True),
        ("`authenticate` lets 5 tries pass.", False),
        ("`authorise` lets 3 tries pass.", False),
        ("user.tries is compared in auth.py.", True),
        ("user.tries is compared in login.py.", False),
        ("SECRET_LIMIT is 7.", False),
        ('It says "return False".', True),
        ('It says "return True".', False),
        ("Nobody is let in for ever.", True),
        ("   ", False),
    ],
)
async def test_what_a_claim_names_must_stand_near_what_it_cites(bench: Bench, text: str, holds: bool) -> None:
    true = (f"shop/auth.py:4@{bench.head}", "def authenticate(user):")
    assert await bench.holds(text, true) is holds


async def test_a_name_that_only_the_path_has_is_not_borne_out_and_the_path_itself_is(bench: Bench) -> None:
    cited = (f"shop/copy.py:1@{bench.head}", "# nothing")
    for text in ("`copy` does it.", "It calls `py`."):
        assert not await bench.holds(text, cited)
    for text in ("shop/copy.py says nothing.", "copy.py says nothing.", "`shop` has it."):
        assert await bench.holds(text, cited)


async def test_of_a_line_without_end_only_what_stands_by_the_quote_counts(bench: Bench) -> None:
    line = f"function login(u){{return 3}}{';var pad' * 200};function logout(){{return 77}}"
    bench.place.write(bench.shop, {"min.js": f"{line}\nvar after = 5\n"})
    bench = replace(bench, head=bench.place.commit(bench.shop, "minified"))
    cited = (f"shop/min.js:1@{bench.head}", "function login(u)")
    assert await bench.holds("`login` returns 3.", cited)
    assert await bench.holds("`after` is 5.", cited)
    assert not await bench.holds("`logout` returns 77.", cited)
    assert await bench.holds("`logout` returns 77.", (f"shop/min.js:1@{bench.head}", "function logout(){return 77}"))


@pytest.mark.parametrize(("quote", "holds"), [("import", False), ("): , ; ( .", False), ("import log", True)])
async def test_a_quote_that_could_stand_anywhere_tells_nothing(bench: Bench, quote: str, holds: bool) -> None:
    assert await bench.holds("It is so.", (f"shop/auth.py:1@{bench.head}", quote)) is holds


async def test_digits_of_the_place_that_is_cited_are_no_numbers_of_the_text(bench: Bench) -> None:
    for number in range(10, 100):
        text = f"`authenticate` lets {number} tries pass."
        assert not await bench.holds(text, (f"shop/auth.py:4@{bench.head}", "def authenticate(user):"))
    cited = (f"shop/auth.py:4@{bench.head}", "def authenticate(user):")
    assert not await bench.holds("`authenticate` lets 4 tries pass.", cited)
    assert await bench.holds(f"Commit {bench.head[:12]} has `authenticate`.", cited)


async def test_a_name_may_stand_by_another_citation_of_the_same_claim(bench: Bench) -> None:
    one, two = (
        (f"shop/auth.py:4@{bench.head}", "def authenticate(user):"),
        (f"shop/auth.py:20@{bench.head}", "SECRET_LIMIT = 7"),
    )
    assert await bench.holds("`authenticate` ignores SECRET_LIMIT.", one, two)
    assert not await bench.holds("`authenticate` ignores SECRET_LIMIT.", one)
    assert not await bench.holds("It is so.")


@pytest.mark.requirement("R14")
async def test_uncommitted_text_cannot_be_cited_and_checking_writes_nothing(bench: Bench) -> None:
    bench.place.write(bench.shop, {"auth.py": "fresh = 1\n"})
    before = snapshot(bench.shop)
    assert not await bench.holds("It is so.", (f"shop/auth.py:1@{bench.head}", "fresh = 1"))
    assert await bench.holds("It is so.", (f"shop/auth.py:1@{bench.head}", "import log"))
    assert await bench.holds("It is so.", (f"shop/src/a b.py:1@{bench.head}", "two words = 1"))
    assert snapshot(bench.shop) == before
