"""What leaves the process: no secret it was given, no token by its form, and only valid Unicode."""

import json
from time import process_time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mcp_server.outward import Outward
from tools.edits import REDACTED

SECRET = "correct horse battery staple"


@pytest.mark.parametrize("name", ["OPENAI_API_KEY", "gh_token", "DB_PASSWORD", "TOKEN", "MY_SECRET", "AWS_CREDENTIALS"])
def test_a_value_of_the_environment_that_is_named_as_a_secret_is_marked(name: str) -> None:
    assert Outward({name: SECRET}).text(f"it said {SECRET}!") == f"it said {REDACTED}!"


@pytest.mark.parametrize(
    ("name", "value"), [("HOME", "/home/somebody"), ("MAX_TOKENS", "100000000"), ("API_KEY", "short"), ("KEYS", SECRET)]
)
def test_ordinary_and_short_values_stay_as_they_are(name: str, value: str) -> None:
    assert Outward({name: value}).text(f"a {value} b") == f"a {value} b"


def test_a_secret_that_holds_another_one_is_marked_as_a_whole() -> None:
    outward = Outward({"A_TOKEN": "abcdefgh", "B_TOKEN": "abcdefgh-and-more"})
    assert outward.text("abcdefgh-and-more abcdefgh") == f"{REDACTED} {REDACTED}"


@pytest.mark.parametrize(
    "token",
    [
        "ghp_" + "a1" * 18,
        "github_pat_" + "a1" * 20,
        "sk-ant-" + "a1" * 20,
        "xoxb-1234567890-abc",
        "AKIA" + "ABCD1234" * 2,
        "eyJhbGciOiJIUzI1.eyJzdWIiOiIxMjM0.abcdefghijklmnop",
        "eyJhb-ciOiJIUzI1_-.eyJzdWIiO-eyJxMjM0.abcdefghijklmnop",
        "-----BEGIN RSA PRIVATE KEY-----\n" + "a1b2" * 20 + "\n-----END RSA PRIVATE KEY-----",
    ],
)
def test_a_token_is_known_by_its_form_wherever_it_came_from(token: str) -> None:
    assert Outward({}).text(f"found {token} here") == f"found {REDACTED} here"


def test_words_that_only_look_a_little_like_tokens_stay() -> None:
    text = "ghp_short, sk-learn, AKIAlike, -----BEGIN CERTIFICATE-----"
    assert Outward({}).text(text) == text


@pytest.mark.parametrize("part", ["eyJ-", "eyJa.", "-----BEGIN PRIVATE KEY-----", "sk-", "ghp_", "xoxb-"])
def test_a_text_made_to_keep_the_search_for_tokens_busy_takes_no_longer_than_another(part: str) -> None:
    begun = process_time()
    Outward({}).text(part * (1_000_000 // len(part)))
    assert process_time() - begun < 3


def test_every_text_of_nested_data_is_cleaned_and_other_values_stay() -> None:
    told = {SECRET: [SECRET, {"deep": (SECRET, 1, None, True, 1.5)}]}
    clean = Outward({"MY_TOKEN": SECRET}).value(told)
    assert clean == {REDACTED: [REDACTED, {"deep": [REDACTED, 1, None, True, 1.5]}]}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.characters(exclude_categories=())),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


@given(JSON)
@settings(max_examples=60)
def test_whatever_leaves_can_be_sent_as_utf_8(value: Any) -> None:
    json.dumps(Outward({}).value(value), ensure_ascii=False).encode()
