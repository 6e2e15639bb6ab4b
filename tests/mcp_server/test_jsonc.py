"""One entry put into JSON that somebody else wrote, and every other character left alone."""

import json
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcp_server.jsonc import Unreadable, read
from mcp_server.jsonc_edit import Unmergeable, drop, put

PATH = ("servers", "ours")
ENTRY = {"command": "/bin/x", "args": ["serve"]}
WRITTEN = '"ours": {\n      "command": "/bin/x",\n      "args": ["serve"]\n    }'


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param("", '{\n  "servers": {\n    ' + WRITTEN + "\n  }\n}\n", id="nothing"),
        pytest.param(" \n", '{\n  "servers": {\n    ' + WRITTEN + "\n  }\n}\n", id="white space"),
        pytest.param("{}\n", '{\n  "servers": {\n    ' + WRITTEN + "\n  }\n}\n", id="an empty object"),
        pytest.param('{\n  "servers": {}\n}', '{\n  "servers": {\n    ' + WRITTEN + "\n  }\n}", id="an empty section"),
        pytest.param(
            '{\n  "a": 1\n}\n',
            '{\n  "a": 1,\n  "servers": {\n    ' + WRITTEN + "\n  }\n}\n",
            id="no section",
        ),
        pytest.param(
            '{\n  "servers": {\n    "b": {} // last\n  } // end\n}\n',
            '{\n  "servers": {\n    "b": {}, // last\n    ' + WRITTEN + "\n  } // end\n}\n",
            id="comments after the last one",
        ),
        pytest.param(
            '{\n  "servers": {\n    "b": {}, /* , */\n    // none yet\n  },\n}\n',
            '{\n  "servers": {\n    "b": {}, /* , */\n    // none yet\n    ' + WRITTEN + ",\n  },\n}\n",
            id="a trailing comma",
        ),
        pytest.param(
            '{"servers":{"b":{}}}',
            '{"servers":{"b":{}, "ours": {"command": "/bin/x", "args": ["serve"]}}}',
            id="one line",
        ),
        pytest.param(
            '{\n  "servers": {"b": {}}\n}',
            '{\n  "servers": {"b": {}, "ours": {"command": "/bin/x", "args": ["serve"]}}\n}',
            id="a section on one line",
        ),
        pytest.param(
            '{\r\n\t"servers": {\r\n\t\t"b": 1\r\n\t}\r\n}\r\n',
            '{\r\n\t"servers": {\r\n\t\t"b": 1,\r\n\t\t"ours": {\r\n\t\t\t"command": "/bin/x",'
            '\r\n\t\t\t"args": ["serve"]\r\n\t\t}\r\n\t}\r\n}\r\n',
            id="tabs and CRLF",
        ),
        pytest.param(
            '\ufeff{\n    "servers": {"ours": 3, "b": 1e5}\n}',
            '\ufeff{\n    "servers": {"ours": {"command": "/bin/x", "args": ["serve"]}, "b": 1e5}\n}',
            id="a byte order mark, and an entry that differs",
        ),
    ],
)
def test_an_entry_is_put_in_the_way_the_file_is_written(before: str, after: str) -> None:
    assert put(before, PATH, ENTRY) == after
    assert put(after, PATH, ENTRY) == after


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('{"servers": {"ours": {}}}', '{"servers": {}}'),
        ('{"servers": {"ours": {}, "b": 1}}', '{"servers": {"b": 1}}'),
        ('{"servers": {"b": 1, "ours": {}}}', '{"servers": {"b": 1}}'),
        ('{\n "servers": {\n  "b": 1, // b\n  "ours": {\n  }\n }\n}', '{\n "servers": {\n  "b": 1 // b\n }\n}'),
        (
            '{\r\n "servers": {\r\n  "ours": {}, // was ours\r\n  "b": 1,\r\n },\r\n}',
            '{\r\n "servers": { // was ours\r\n  "b": 1,\r\n },\r\n}',
        ),
        ('{"servers": {"b": 1}}', '{"servers": {"b": 1}}'),
        ("", ""),
        ("{}", "{}"),
    ],
)
def test_an_entry_is_taken_out_with_its_comma_and_nothing_else(before: str, after: str) -> None:
    assert drop(before, PATH) == after


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("[]", "not an object"),
        ('{"servers": []}', "'servers', line 1, is not an object"),
        ('{"servers": {"ours": 1,\n"ours": 2}}', "'ours' twice, lines 1 and 2"),
        ('{"servers": {},\n\n"servers": {}}', "'servers' twice, lines 1 and 3"),
        ('{"servers": {"ours": { // mine\n}}}', "a comment stands in its 'ours', line 1"),
        ("// nothing yet\n", "comments and nothing else"),
    ],
)
def test_where_there_is_no_safe_place_the_reason_is_told(text: str, why: str) -> None:
    with pytest.raises(Unmergeable, match=why):
        put(text, PATH, ENTRY)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("{'a': 1}", "line 1, column 2: this is no JSON"),
        ('{\n  "a" 1}', "line 2, column 7: ':' is missing"),
        ('{"a": }', "a value is missing"),
        ('{"a": 1 "b": 2}', "',' or '}' is missing"),
        ('{"a": [1 2]}', "',' or ']' is missing"),
        ('{"a": 1}{}', "the end is missing"),
        ('{"a": "\n"}', "this is no JSON"),
        ('{"a": 01}', "no JSON"),
        ('{"a": NaN}', "no JSON"),
        ('{"a": truely}', "no JSON"),
        ('{"a": 1', "is missing here"),
        ("{,}", "a name in quotes is missing"),
        ("/* open", "no JSON"),
        ("[" * 5000, "nested more than"),
        ('{"a": ' + "9" * 5000 + "}", "too long"),
    ],
)
def test_what_is_no_json_is_refused_with_its_place(text: str, why: str) -> None:
    with pytest.raises(Unreadable, match=why.replace("[", r"\[")):
        read(text)


blanks = st.sampled_from(["", " ", "\n", "\n\t", "\r\n  ", '/* { " */', " // x\n", "//\r\n"])
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@st.composite
def written(draw: st.DrawFn, value: Any) -> str:
    """Write a value as a person may: blanks and comments anywhere, a trailing comma now and then."""

    def blank() -> str:
        return draw(blanks)

    match value:
        case dict() | list():
            if isinstance(value, dict):
                entries = cast("dict[str, Any]", value)
                opening, closing = "{}"
                named = [(f"{json.dumps(name)}{blank()}:", part) for name, part in entries.items()]
            else:
                opening, closing = "[]"
                named = [("", part) for part in cast("list[Any]", value)]
            parts = [f"{blank()}{name}{blank()}{draw(written(part))}{blank()}" for name, part in named]
            tail = "," if parts and draw(st.booleans()) else ""
            return f"{opening}{','.join(parts)}{tail}{blank()}{closing}"
        case _:
            return json.dumps(value, ensure_ascii=draw(st.booleans()))


sections = st.dictionaries(st.text(max_size=4).filter(lambda name: name != "ours"), values, max_size=3)
documents = st.dictionaries(st.text(max_size=4).filter(lambda name: name != "servers"), values, max_size=3)


@given(data=st.data(), root=documents, section=st.none() | sections, place=st.integers(0, 3))
def test_whatever_a_file_looks_like_an_entry_goes_in_and_comes_out_again(
    data: st.DataObject, root: dict[str, Any], section: dict[str, Any] | None, place: int
) -> None:
    names = list(root.items())
    whole = root if section is None else dict([*names[:place], ("servers", section), *names[place:]])
    text = data.draw(blanks) + data.draw(written(whole)) + data.draw(blanks)
    with_ours = put(text, PATH, ENTRY)
    document = read(with_ours)
    assert document.root is not None
    assert document.root.value == {**whole, "servers": {**(section or {}), "ours": ENTRY}}
    assert [name for name in document.root.value if name != "servers"] == list(root)
    assert put(with_ours, PATH, ENTRY) == with_ours
    without = read(drop(with_ours, PATH)).root
    assert without is not None and without.value == {**whole, "servers": section or {}}
