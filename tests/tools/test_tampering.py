"""Edits that change the examiner instead of the answer are noticed, and honest ones are not."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tools.tampering import EditedFile, examining_part, is_test_file, review

pytestmark = pytest.mark.requirement("R13")
TEST = "import pytest\n\ndef test_a():\n    assert f() == 1\n    assert g() == 2\n\ndef test_b():\n    assert h()\n"
JS = "it('adds', () => { expect(add(1, 1)).toBe(2) })\n"
GO = "func TestAdd(t *testing.T) {\n\tif add(1, 1) != 2 {\n\t\tt.Fatal(1)\n\t}\n}\n"
RUST = "fn add(a: u8) -> u8 { a }\n#[cfg(test)]\nmod tests {\n    #[test]\n    fn adds() { assert!(add(1) == 2); }\n}\n"


@pytest.mark.parametrize(
    ("path", "old", "new", "doubt"),
    [
        ("tests/test_x.py", TEST, None, "tests/test_x.py, a part of the tests, was deleted."),
        ("tests/data.json", "{}", None, "tests/data.json, a part of the tests, was deleted."),
        ("tests/test_x.py", TEST, TEST.replace("test_a", "check_a"), "no longer has the test 'test_a'"),
        ("tests/test_x.py", TEST, TEST.replace("test_a", "test_c"), "no longer has the test 'test_a'"),
        ("tests/test_x.py", TEST, TEST.replace("def test_b", "@pytest.mark.skip\ndef test_b"), "skips or excuses"),
        ("tests/test_x.py", TEST, TEST.replace("def test_b", "@pytest.mark.xfail()\ndef test_b"), "skips or excuses"),
        ("tests/test_x.py", TEST, TEST.replace("assert h", "pytest.skip('x'); assert h"), "skips or excuses"),
        ("tests/test_x.py", TEST, "pytestmark = []\n" + TEST, "skips or excuses"),
        ("tests/test_x.py", TEST, TEST.replace("    assert g() == 2\n", ""), "asserts less"),
        ("src/add.test.js", JS, JS.replace("it(", "it.skip("), "no longer has the test 'adds'"),
        ("src/add.test.js", JS, "describe.only('x', () => {})\n" + JS, "skips or excuses"),
        ("src/add.test.js", JS, JS.replace("expect(add(1, 1)).toBe(2)", ""), "asserts less"),
        ("add_test.go", GO, GO.replace("\tif", "\tt.Skip()\n\tif"), "skips or excuses"),
        ("add_test.go", GO, GO.replace("\t\tt.Fatal(1)\n", ""), "asserts less"),
        ("src/lib.rs", RUST, RUST.replace("#[test]", "#[test] #[ignore]"), "skips or excuses"),
        ("src/lib.rs", RUST, RUST.partition("#[cfg")[0], "no longer has the test 'adds'"),
        ("tests/helpers.py", "X = 1\n", "X = 2\n", "tests/helpers.py, which tests are made of, was edited."),
        ("tests/__snapshots__/a.snap", "1", "2", "which tests are made of"),
        ("conftest.py", None, "collect_ignore = ['x']", "conftest.py configures the check and was edited."),
        ("sub/conftest.py", "a", "b", "sub/conftest.py configures the check"),
        ("pytest.ini", "[pytest]\n", "[pytest]\naddopts = -k nothing\n", "configures the check"),
        ("pyproject.toml", "", "[tool.pytest.ini_options]\naddopts = '-k nothing'\n", "configures the check"),
        ("pyproject.toml", "[tool", "[tool.", "configures the check"),
        ("setup.cfg", "[tool:pytest]\n", "[tool:pytest]\naddopts = -x\n", "configures the check"),
        ("tox.ini", "[pytest]\n", "nonsense", "configures the check"),
        ("package.json", '{"scripts": {"test": "jest"}}', '{"scripts": {"test": "true"}}', "configures the check"),
        ("package.json", "{}", "{", "configures the check"),
        ("package.json", "{}", "[1]", "configures the check"),
        ("package.json", '"node --test"', '"node --test || true"', "configures the check"),
        ("package.json", "{}", "[" * 100_000, "configures the check"),
        ("pyproject.toml", "", "x = " + "[" * 20_000, "configures the check"),
        ("Makefile", "test:\n\tpytest\n", "test:\n\ttrue\n", "configures the check"),
        ("jest.config.js", "a", "b", "configures the check"),
        ("factor12.toml", "a", "b", "configures the check"),
        ("rules.mk", "a", "b", "configures the check"),
        ("jest.setup.ts", "a", "b", "configures the check"),
        ("node_modules/jest/index.js", "a", "b", "configures the check"),
        ("unittest.py", None, "class TestCase: pass", "configures the check"),
    ],
)
def test_an_edit_that_weakens_its_own_check_is_named(path: str, old: str | None, new: str | None, doubt: str) -> None:
    assert doubt in review(EditedFile(path=path, old=old, new=new)).doubt


@pytest.mark.parametrize(
    ("path", "old", "new"),
    [
        ("src/auth.py", "assert x\nassert y\n", "assert x\n"),
        ("src/auth.py", "def test_connection(): pass\n", ""),
        ("src/gone.py", "x", None),
        ("tests/test_new.py", None, TEST),
        ("tests/helpers.py", None, "X = 1\n"),
        ("tests/test_x.py", TEST, TEST + "\ndef test_c():\n    assert k()\n"),
        ("tests/test_x.py", TEST, TEST.replace("== 1", "== 3")),
        ("src/lib.rs", RUST, RUST.replace("{ a }", "{ a + 1 }")),
        ("src/plain.rs", "fn a() {}", "fn a() { b() }"),
        ("tests/api.rs", "#[test] fn a() { assert!(b()); }", "#[test] fn a() { assert!(c()); }"),
        ("pyproject.toml", "[project]\nversion = '1'\n", "[project]\nversion = '2'\n"),
        ("setup.cfg", "[metadata]\nname = a\n", "[metadata]\nname = b\n"),
        ("tox.ini", "[pytest]\n[tox]\na = 1\n", "[pytest]\n[tox]\na = 2\n"),
        ("package.json", '{"version": "1", "scripts": {}}', '{"version": "2", "scripts": {}}'),
        ("pyproject.toml", "tool = 1\n", "tool = 2\n"),
        ("README.md", "a", "b"),
    ],
)
def test_an_honest_edit_raises_no_doubt(path: str, old: str | None, new: str | None) -> None:
    assert review(EditedFile(path=path, old=old, new=new)).doubt == ""


def test_the_examining_part_of_a_rust_source_is_its_documentation_and_test_module() -> None:
    assert examining_part("src/lib.rs", RUST).strip().startswith("#[cfg(test)]")
    assert examining_part("src/lib.rs", "//! a\nfn a() {}\n/// b\nfn b() {}").split() == ["//!", "a", "///", "b"]
    assert examining_part("src/lib.rs", "fn a() {}") == ""
    assert examining_part("tests/api.rs", "fn a() {}") == "fn a() {}"
    assert examining_part("src/lib.rs", None) == ""


def test_an_edit_of_a_python_source_touches_its_examples_only_if_it_changed_one() -> None:
    text = 'def half(n):\n    """Halve.\n\n    >>> half(4)\n    2\n    """\n    return n / 2\n'
    code = review(EditedFile(path="pkg/calc.py", old=text, new=text.replace("/ 2", "// 2")))
    example = review(EditedFile(path="pkg/calc.py", old=text, new=text.replace("    2\n", "    2.0\n")))
    assert (code.touches("pkg/calc.py::pkg.calc.half"), example.touches("pkg/calc.py::pkg.calc.half")) == (False, True)
    for test in ("pkg/calc.py::half", "pkg/calc.py::TestX::test_y[calc.half]"):
        assert (code.touches(test), example.touches(test)) == (True, True)
    assert not example.touches("pkg/other.py::pkg.calc.half")
    test = review(EditedFile(path="test_calc.py", old=text, new=text.replace("/ 2", "// 2")))
    assert test.touches("test_calc.py::test_calc.half")


def test_a_setting_is_found_in_its_section_however_far_away_that_begins() -> None:
    section = "[tool.pytest.ini_options]\n" + "".join(f"# {line}\n" for line in range(100))
    strict, lenient = (f"{section}filterwarnings = {value}\n" for value in ('["error"]', "[]"))
    assert "configures the check" in review(EditedFile(path="pyproject.toml", old=strict, new=lenient)).doubt


@pytest.mark.parametrize(
    ("path", "answer"),
    [
        ("tests/x.py", True),
        ("test_x.py", True),
        ("pkg/x_test.go", True),
        ("src/x.spec.ts", True),
        ("src/__tests__/x.js", True),
        ("unit_tests/expected.json", True),
        ("Tests/data.json", True),
        ("golden/expected.json", True),
        ("src/button.snap", True),
        ("src/latest.py", False),
        ("src/contest/x.py", False),
        ("src/testing/x.py", False),
        (".pytest_cache/x", False),
        ("tests.md", False),
    ],
)
def test_a_test_file_is_known_by_its_name_or_folder(path: str, answer: bool) -> None:
    assert is_test_file(path) is answer


paths = st.sampled_from(
    ["tests/test_a.py", "conftest.py", "pyproject.toml", "setup.cfg", "package.json", "a.rs", "b.py"]
)


@given(paths, st.text(max_size=200))
@settings(max_examples=60)
def test_no_text_breaks_the_look_and_an_unchanged_file_raises_no_doubt(path: str, text: str) -> None:
    review(EditedFile(path=path, old="assert x\n", new=text))
    assert review(EditedFile(path=path, old=text, new=text)).doubt == ""
