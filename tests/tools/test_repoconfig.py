"""factor12.toml: all of it from a repository the person trusts, two harmless parts of it from any other."""

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tools.base import ToolError
from tools.repoconfig import RepositoryConfig, config_changed, config_digest, read_config
from tools.workspace import Repository

EVERYTHING = """
[check]
runner = "pytest"
paths = ["tests", "more/test_x.py"]
timeout_s = 30
[sandbox]
writable = ["build"]
[branches]
protected = ["release/*"]
[agents]
enabled = ["issue_fixer"]
"""


def repository(root: Path, text: str | bytes | None, *, trusted: bool = True) -> Repository:
    if text is not None:
        (root / "factor12.toml").write_bytes(text if isinstance(text, bytes) else text.encode())
    return Repository("shop", root, "write", trusted=trusted)


def test_a_trusted_repository_is_taken_at_its_word(tmp_path: Path) -> None:
    assert read_config(repository(tmp_path, EVERYTHING)).model_dump() == {
        "check": {"runner": "pytest", "paths": ["tests", "more/test_x.py"], "timeout_s": 30},
        "sandbox": {"writable": ["build"]},
        "branches": {"protected": ["release/*"]},
        "agents": {"enabled": ["issue_fixer"]},
    }


@pytest.mark.requirement("R18")
def test_of_an_untrusted_repository_only_runner_and_paths_count(tmp_path: Path) -> None:
    config = read_config(repository(tmp_path, EVERYTHING, trusted=False))
    assert config == RepositoryConfig.model_validate(
        {"check": {"runner": "pytest", "paths": ["tests", "more/test_x.py"]}}
    )


@pytest.mark.requirement("R18")
def test_of_a_trusted_repository_only_the_settings_that_were_trusted_count_in_full(tmp_path: Path) -> None:
    shop = repository(tmp_path, EVERYTHING)
    trusted = replace(shop, config=config_digest(tmp_path))
    assert read_config(trusted) == read_config(shop)
    assert config_changed(trusted) == ""
    (tmp_path / "factor12.toml").write_text(EVERYTHING.replace("build", ".venv"))
    assert read_config(trusted) == read_config(replace(shop, trusted=False))
    assert config_changed(trusted) == (
        "factor12.toml is not the one you trusted: of it only runner and paths count until "
        f"`factor12 repo trust {tmp_path}`."
    )
    assert read_config(shop).sandbox.writable == [".venv"], "in a trusted folder, whatever is there counts"
    assert config_changed(shop) == "" and config_changed(replace(trusted, trusted=False)) == ""


def test_settings_that_come_after_the_trust_are_not_covered_by_it(tmp_path: Path) -> None:
    trusted = replace(repository(tmp_path, None), config=config_digest(tmp_path))
    assert config_changed(trusted) == ""
    (tmp_path / "factor12.toml").write_text(EVERYTHING)
    assert config_changed(trusted) and not read_config(trusted).sandbox.writable


def test_without_a_file_there_are_defaults(tmp_path: Path) -> None:
    assert read_config(repository(tmp_path, None)) == RepositoryConfig()
    assert read_config(repository(tmp_path, "")) == RepositoryConfig()


@pytest.mark.parametrize("trusted", [True, False])
@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[check]\nrunnner = 'pytest'\n", "factor12.toml of 'shop': check.runnner: unknown key."),
        ("[chekc]\n", "factor12.toml of 'shop': chekc: unknown key."),
        ("[check]\nrunner = 'sh'\n", "check.runner: Input should be 'pytest'"),
        ("[check]\nrunner = ['sh', '-c']\n", "check.runner: "),
        ("[check]\npaths = ['../..']\n", "check.paths.0: Value error, '../..' is not a path inside the repository."),
        ("[check]\npaths = ['-p evil']\n", "check.paths.0: "),
        ("[check]\npaths = 'tests'\n", "check.paths: Input should be a valid list."),
        ("[check]\ntimeout_s = 0\n", "check.timeout_s: Input should be greater than or equal to 1."),
        ("[check]\ntimeout_s = 100000\n", "check.timeout_s: "),
        ("[check]\ntimeout_s = '9'\n", "check.timeout_s: Input should be a valid integer."),
        ("[sandbox]\nwritable = ['/']\n", "sandbox.writable.0: "),
        ("check = 1\n", "check: "),
        ("[check\n", "factor12.toml of 'shop': "),
        (b"\xff", "factor12.toml of 'shop': "),
        ("x = " + "[" * 20_000, "factor12.toml of 'shop': "),
    ],
)
def test_a_mistake_is_named_with_its_key_and_file(
    tmp_path: Path, text: str | bytes, message: str, trusted: bool
) -> None:
    with pytest.raises(ToolError) as caught:
        read_config(repository(tmp_path, text, trusted=trusted))
    assert caught.value.problem.kind == "bad_input"
    assert message in caught.value.problem.message
    assert "\n" not in caught.value.problem.message


def test_a_file_that_leads_out_of_the_repository_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("[check]\ntimeout_s = 1\n")
    (tmp_path / "repo").mkdir()
    (tmp_path / "repo/factor12.toml").symlink_to("../secret")
    with pytest.raises(ToolError):
        read_config(repository(tmp_path / "repo", None))


@given(st.binary(max_size=60))
@settings(max_examples=50)
def test_any_bytes_are_a_config_or_a_refusal(tmp_path_factory: pytest.TempPathFactory, raw: bytes) -> None:
    try:
        read_config(repository(tmp_path_factory.mktemp("any"), raw))
    except ToolError as error:
        assert error.problem.kind == "bad_input"
