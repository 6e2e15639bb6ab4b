"""A finding is taken where its quote stands, and is known again by the code it is about."""

import pytest

from tests.agents.reviewing import claim, said
from tools.reviewing.findings import fingerprint, merged, verified
from tools.reviewing.parts import PART_BYTES, Part, parts
from tools.reviewing.patch import FileDiff, Hunk
from tools.reviewing.signs import signs
from tools.reviewing.symbols import symbol_at, symbols

PART = Part(
    file="a.py",
    old=10,
    new=20,
    lines=[" def f(x):", "-    return x", "+    y = x", "+    return y", " ", "+    return y"],
    symbols=[(20, "f")],
)


@pytest.mark.parametrize(
    ("quote", "line", "found"),
    [
        ("return x", 11, (11, True)),
        ("y = x", 21, (21, False)),
        ("y = x", 900, (21, False)),
        ("  y   =  x ", 21, (21, False)),
        ("   21 + y = x", 21, (21, False)),
        ("+    y = x", 21, (21, False)),
        ("y = x\n    return y", 0, (21, False)),
        ("def f(x):", 20, (20, False)),
        ("return y", 24, (24, False)),
        ("return y", 25, (24, False)),
    ],
)
def test_a_quote_is_found_however_it_is_spaced_and_its_line_is_corrected(
    quote: str, line: int, found: tuple[int, bool]
) -> None:
    [one], dropped = verified([PART], said(claim(quote, line, "a.py")))
    assert (one.line, one.removed) == found and not dropped


def test_of_two_places_as_near_none_is_guessed() -> None:
    kept, dropped = verified([PART], said(claim("return y", 23, "a.py"), claim("return y", 90, "a.py")))
    assert not kept and dropped == ["quote stands in several places"] * 2


def test_a_fingerprint_is_of_code_and_not_of_numbers_words_or_how_much_was_quoted() -> None:
    moved = PART.model_copy(update={"new": 90, "symbols": [(90, "f")], "lines": [" x = 1", *PART.lines]})
    first, again = claim("y = x", 21, "a.py"), claim("  y =   x", 0, "./a.py", severity="nit", message="Else.")
    [one], [other] = verified([PART], said(first))[0], verified([moved], said(again))[0]
    assert one.fingerprint == other.fingerprint == fingerprint("a.py", "bug", "f", "y  =  x")
    assert merged([other, one]) == ([one], 1)
    security = claim("y = x", 21, "a.py", category="security")
    assert verified([PART], said(security))[0][0].fingerprint != one.fingerprint


def test_a_large_hunk_is_cut_at_lines_that_keep_their_numbers() -> None:
    lines = tuple(f"{'+-'[number % 2]}line {number}" for number in range(3000))
    cut = list(parts(FileDiff("a.py", hunks=[Hunk(1, 1, lines)]), []))
    assert len(cut) > 3 and max(sum(map(len, part.lines)) for part in cut) <= PART_BYTES
    seen = [(line.mark, line.number, line.text) for part in cut for line in part.numbered()]
    assert seen == [("+-"[number % 2], number // 2 + 1, f"line {number}") for number in range(3000)]


def test_context_alone_is_no_part_and_a_long_line_is_cut() -> None:
    [part] = parts(FileDiff("a.py", hunks=[Hunk(1, 1, (" same",)), Hunk(5, 5, (f"+{'x' * 5000}",))]), [])
    assert part.lines == [f"+{'x' * 400}…"]


SOURCES = {
    "python": ("class A:\n    async def f(self):\n        pass\n\n    x = 1\ny = 2\n", "A|A.f|A.f|A.f|A|"),
    "go": ("func (s *Server) Run() {\n\tgo()\n}\nvar x\n", "Run|Run||"),
    "typescript": (
        "export class A {\n  x = 1\n}\nexport const f = async (a) => {\n  a()\n}\n",
        "A|A||f|f|",
    ),
    "rust": ("impl<T> Shop for A {\n    pub(crate) fn f() {}\n}\n", "Shop|Shop.f|"),
}


@pytest.mark.parametrize("language", SOURCES)
def test_a_line_stands_in_the_function_that_it_is_indented_under(language: str) -> None:
    text, wanted = SOURCES[language]
    known = symbols(text.split("\n"))
    assert "|".join(symbol_at(known, number) for number in range(1, wanted.count("|") + 2)) == wanted


@pytest.mark.parametrize(
    ("line", "rule"),
    [
        ("<<<<<<< HEAD", "conflict-marker"),
        (">>>>>>> feature", "conflict-marker"),
        ("=======", ""),
        ("access = admin\u202e # user", "hidden-character"),
        ("-----BEGIN RSA PRIVATE KEY-----", "secret"),
        ("key = 'AKIA" + "A1B2C3D4E5F6G7H8'", "secret"),
        ("key = 'AKIA'", ""),
        ("token: ghp_" + "a1B2" * 9, "secret"),
        ("emoji = '👩\u200d💻'", ""),
    ],
)
def test_what_needs_no_judgement_is_told_of_added_lines_only(line: str, rule: str) -> None:
    part = PART.model_copy(update={"lines": [f"+{line}", f" {line}", f"-{line}"]})
    found = list(signs([part]))
    assert [one.rule for one in found] == [rule] * bool(rule)
    assert not any("A1B2" in one.quote or "a1B2a1B2" in one.quote for one in found)
