"""What a question gives to look for, and what a statement names so exactly that it must be found."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tools.definitions import defines
from tools.terms import MOST, terms_of


@pytest.mark.requirement("F13")
@pytest.mark.parametrize(
    ("question", "wanted"),
    [
        ("Who calls `authenticate`?", ["authenticate", "call"]),
        ("Where is the session timeout configured?", ["configur", "session", "timeout"]),
        ("What does PaymentGateway.charge() in src/pay.py do?", ["src/pay.py", "PaymentGateway", "charge"]),
        ("Why was ERR_TIMEOUT raised in #12?", ["#12", "ERR_TIMEOUT", "rais"]),
        ('Where is "access denied" shown, e.g. in the log?', ["access denied", "shown", "log"]),
        ("How do reads and/or writes work?", ["read", "writ"]),
        ("???", []),
    ],
)
def test_a_question_gives_quoted_text_paths_and_names_first_and_then_words(question: str, wanted: list[str]) -> None:
    assert [term.text for term in terms_of(question)] == wanted


@given(st.text(max_size=2000))
def test_any_question_gives_few_searchable_terms_each_once(question: str) -> None:
    found = [term.text for term in terms_of(question)]
    assert len(found) <= MOST and len({text.casefold() for text in found}) == len(found)
    assert all(text and not set(text) & set("\n\r\0") for text in found)


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("def price(x):", "price"),
        ("    async def price(self):", "price"),
        ("class Price(Base):", "Price"),
        ("func (s *Shop) Price(id int) int {", "Price"),
        ("pub fn price<T>(x: T) -> u8 {", "price"),
        ("export const price = (x) => x", "price"),
        ("static int price(int x)", "price"),
        ("public List<String> price(Map<K, V> m) {", "price"),
        ("PRICE: Final = 3", "PRICE"),
        ("price = 3", "price"),
        ("  price: 3", "price"),
        ("#define PRICE 3", "PRICE"),
        ("CREATE TABLE price (", "price"),
    ],
)
def test_a_definition_is_known_in_many_languages(line: str, name: str) -> None:
    assert defines(line, name)
    assert not defines(line, f"{name}s")
    assert defines(line, name[:3].upper(), part=True)


@pytest.mark.parametrize(
    "line",
    ["    return price(x)", "total = price(x)", "if price == 3:", "await price();", "x.price(3);", "# price", ""],
)
def test_a_use_is_not_taken_for_a_definition(line: str) -> None:
    assert not defines(line, "price")


def test_a_long_line_of_any_shape_is_judged_at_once() -> None:
    assert not defines("a " * 100_000 + "price(", "price")
    assert not defines("(" * 100_000, "price")
