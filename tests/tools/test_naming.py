"""What a statement names must be found whatever it is written with, and words that name nothing are let be."""

import pytest

from tools.naming import is_number, is_place, named_in, number_stands, ungrouped


@pytest.mark.parametrize(
    ("claim", "named"),
    [
        ("`authenticate` returns False after 3 tries.", ["authenticate", "False", "3"]),
        ("It waits 30s, at most 1,000 times, on the 3rd try.", ["30", "1000"]),
        ("TIMEOUT_S is set in shop/settings.py.", ["TIMEOUT_S", "shop/settings.py"]),
        ("Text is UTF-8 and/or ASCII.", ["ASCII"]),
        ("Users may enter.", []),
        (
            "It waits -30 s, .5 s, 3-10 s, 2,50 s, 3k, 3e9 or 0xFF.",
            ["-30", ".5", "3", "10", "2", "50", "3k", "3e9", "0xFF"],
        ),
        ("Three \uff13\uff10 and 5\u200b0.", ["30", "50"]),
        (
            "`a\u200buthorise`, \uff4f\uff4b_\uff4d\uff45 and \u0430uthorise are called.",
            ["authorise", "ok_me", "\u0430uthorise"],
        ),
        ("'one', \u2018two\u2019, \u201cthree\u201d, \u00abfour\u00bb and `x`.", ["one", "two", "three", "four", "x"]),
        ("It calls login(user) with --no-verify and @cached.", ["login", "--no-verify", "@cached"]),
        ("It returns None, and None of the file(s) is read.", ["None"]),
        ("Caf\u00e9 na\u00efve don't the users' work \u0441\u043b\u043e\u0432\u043e.", []),
    ],
)
def test_a_claim_names_code_paths_quotes_and_numbers(claim: str, named: list[str]) -> None:
    assert named_in(claim) == named
    assert ungrouped("1_000,000") == "1000000"


@pytest.mark.parametrize(
    ("name", "text", "stands"),
    [
        ("5", "x = 5", True),
        ("5", "x = 5 - 3; y = x-5", True),
        ("5", "range 3-5", True),
        ("-5", "x = -5", True),
        ("1000", "x = 1_000", True),
        ("30", "30s", True),
        ("5", "x = -5", False),
        ("5", "x = 1.5", False),
        ("1", "x = 1.5", False),
        ("1", "x = 0x1F", False),
        ("2.3", "1.2.3", False),
        ("30", "300", False),
    ],
)
def test_a_number_stands_where_it_is_no_part_of_another(name: str, text: str, stands: bool) -> None:
    assert is_number(name)
    assert number_stands(name, text) is stands


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        ("shop/auth.py", True),
        ("auth.py", True),
        (".env.local", True),
        ("0123abc", True),
        ("auth", False),
        ("30", False),
    ],
)
def test_a_file_or_commit_is_named_and_what_merely_is_a_part_of_a_path_is_not(name: str, answer: bool) -> None:
    assert is_place(name) is answer
