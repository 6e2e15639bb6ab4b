"""The configuration: from the environment and one file of the person's; a bad value stops the start by its name."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mcp_server.home import here
from mcp_server.settings import Settings, child_environment, load
from state.problem import ProblemError


@pytest.fixture
def env(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., None]:
    """Set variables on an otherwise empty environment."""
    for field in Settings.model_fields.values():
        monkeypatch.delenv(str(field.alias), raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))

    def set_all(**variables: str) -> None:
        for name, value in variables.items():
            monkeypatch.setenv(name, value)

    return set_all


def test_every_variable_has_an_alias_a_default_and_a_sentence(env: Callable[..., None]) -> None:
    settings = load()
    assert settings.inline_wait_s == 20 and settings.approval == "person"
    assert settings.approval_channels == ("elicitation", "terminal", "rest") and settings.max_concurrent_agents == 10
    for field in Settings.model_fields.values():
        assert field.alias and field.description and field.description.endswith("."), field


def test_values_come_from_the_environment_before_the_persons_file(env: Callable[..., None], tmp_path: Path) -> None:
    file = tmp_path / "config" / "factor12" / ".env"
    file.parent.mkdir(parents=True)
    file.write_text("LOG_LEVEL=error\nFACTOR12_SESSION=file\nNOT_OURS=1\n")
    env(FACTOR12_SESSION="environment", FACTOR12_ALLOWED_ROOTS="/a:/b", FACTOR12_APPROVAL_CHANNELS="terminal")
    settings = load()
    assert settings.session == "environment" and settings.log_level == "ERROR"
    assert settings.allowed_roots == (Path("/a"), Path("/b")) and settings.approval_channels == ("terminal",)


@pytest.mark.requirement("R8")
def test_a_file_in_the_working_directory_configures_nothing(
    env: Callable[..., None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".env").write_text("FACTOR12_APPROVAL=host\nSISTER_REPO_BASE_PATH=/\n")
    monkeypatch.chdir(tmp_path)
    assert load().approval == "person" and load().base_path is None
    assert load(tmp_path / ".env").approval == "host"  # the control: the same file, named by the person


BAD = {
    "FACTOR12_INLINE_WAIT_S": "60",
    "FACTOR12_APPROVAL": "model",
    "FACTOR12_APPROVAL_CHANNELS": "terminal,pigeon",
    "MAX_CONCURRENT_AGENTS": "0",
    "LOG_LEVEL": "loud",
    "FACTOR12_LEASE_S": "soon",
    "STRUCTURED_LOGGING": "maybe",
    "FACTOR12_DURABILITY": "none",
    "FACTOR12_TRUSTED_ROOTS": "/a:~nobody-at-all/b",
    "TEMPERATURE": "hot",
    "OPENAI_BASE_URL": "127.0.0.1:11434",
}


@pytest.mark.parametrize(("name", "value"), BAD.items())
@pytest.mark.requirement("R15")
def test_a_bad_value_stops_the_start_with_its_name(env: Callable[..., None], name: str, value: str) -> None:
    env(**{name: value})
    with pytest.raises(ProblemError) as raised:
        load()
    problem = raised.value.problem
    assert problem.kind == "bad_input" and problem.message.startswith(f"{name}=") and "\n" not in problem.message


def test_the_persons_home_is_known_in_every_folder(env: Callable[..., None], tmp_path: Path) -> None:
    env(HOME=str(tmp_path), SISTER_REPO_BASE_PATH="~/src", FACTOR12_STATE_DIR="~/state")
    env(FACTOR12_ALLOWED_ROOTS="~/a:/b", FACTOR12_TRUSTED_ROOTS="~/src/mine")
    settings = load()
    assert settings.base_path == tmp_path / "src" and settings.state_dir == tmp_path / "state"
    assert settings.allowed_roots == (tmp_path / "a", Path("/b"))
    assert settings.trusted_roots == (tmp_path / "src/mine",)


def test_a_named_file_that_is_missing_is_not_found(env: Callable[..., None], tmp_path: Path) -> None:
    with pytest.raises(ProblemError, match=r"nowhere\.env"):
        load(tmp_path / "nowhere.env")


def test_the_log_is_in_the_state_folder_or_where_the_url_says(env: Callable[..., None], tmp_path: Path) -> None:
    env(FACTOR12_STATE_DIR=str(tmp_path))
    assert load().database == tmp_path / "factor12.db"
    for url in ("sqlite:////data/log.db", "/data/log.db"):
        env(FACTOR12_DATABASE_URL=url)
        assert load().database == Path("/data/log.db")


def test_checkpoints_and_own_work_trees_are_in_the_state_folder_or_a_named_one(
    env: Callable[..., None], tmp_path: Path
) -> None:
    env(FACTOR12_STATE_DIR=str(tmp_path), HOME=str(tmp_path))
    assert (load().vaults, load().worktrees) == (tmp_path / "checkpoints", tmp_path / "worktrees")
    env(CHECKPOINT_DIR="~/held")
    assert (load().vaults, load().worktrees) == (tmp_path / "held/checkpoints", tmp_path / "held/worktrees")


@pytest.mark.requirement("R10")
def test_a_child_inherits_where_programs_are_and_never_a_key() -> None:
    given = {"PATH": "/bin", "LC_ALL": "C", "HOME": "/h", "OPENAI_API_KEY": "k", "AWS_SECRET": "s", "LD_PRELOAD": "x"}
    assert child_environment(given) == {"PATH": "/bin", "LC_ALL": "C", "HOME": "/h"}


@pytest.mark.requirement("R10")
def test_a_child_finds_the_toolchains_by_their_folders_and_by_nothing_else() -> None:
    folders = {"CARGO_HOME": "/c", "RUSTUP_HOME": "/r", "GOPATH": "/g", "NVM_DIR": "/n", "JAVA_HOME": "/j"}
    other = {
        "CARGO_REGISTRY_TOKEN": "k",
        "GOPROXY": "https://me:k@host",
        "NPM_TOKEN": "k",
        "VOLTA_HOME": "a key",
    }
    assert child_environment({**folders, **other}) == folders


@pytest.mark.requirement("R15")
@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("FACTOR12_ALLOWED_HOSTS", "*", "is no name such as"),
        ("FACTOR12_ALLOWED_HOSTS", "https://agents.test", "is no name such as"),
        ("FACTOR12_ALLOWED_HOSTS", "agents.test:port", "is no name such as"),
        ("FACTOR12_PUBLIC_URL", "agents.test", "begins with https"),
        ("FACTOR12_PUBLIC_URL", "https://user:word@agents.test", "no name of a user"),
        ("FACTOR12_PUBLIC_URL", "https://agents.test/?a=b", "begins with https"),
    ],
)
def test_a_name_by_which_nobody_could_call_is_refused(name: str, value: str, says: str) -> None:
    given: dict[str, Any] = {name: value}
    with pytest.raises(ValueError, match=says):
        Settings(**given)


def test_names_and_addresses_by_which_clients_call_are_taken_as_they_write_them() -> None:
    given: dict[str, Any] = {
        "FACTOR12_ALLOWED_HOSTS": "agents.test, 10.0.0.1:8000,[fd00::1]:80",
        "FACTOR12_PUBLIC_URL": "https://agents.test/one/",
    }
    known = Settings(**given)
    assert known.allowed_hosts == ("agents.test", "10.0.0.1:8000", "[fd00::1]:80")
    assert known.public_url == "https://agents.test/one"


@pytest.mark.requirement("R15")
def test_a_folder_that_was_removed_is_named_as_the_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    assert here() == gone
    gone.rmdir()
    with pytest.raises(ProblemError, match="was removed"):
        here()
