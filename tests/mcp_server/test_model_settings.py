"""Who decides, by the variables a person set; keys are shown nowhere."""

from typing import Any

import pytest

from mcp_server.compose import compose
from mcp_server.model_settings import price
from mcp_server.settings import Settings, load
from state.problem import ProblemError

KEY = "correct-horse-battery-staple"


def known(**variables: str) -> Settings:
    given: dict[str, Any] = variables
    return Settings(**given)


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    for field in Settings.model_fields.values():
        monkeypatch.delenv(str(field.alias), raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("FACTOR12_STATE_DIR", str(tmp_path / "state"))


@pytest.mark.parametrize(
    ("variables", "chain"),
    [
        ({}, ()),
        ({"OPENAI_API_KEY": KEY}, ()),
        ({"MODEL_NAME": "gpt-x"}, ()),
        ({"MODEL_NAME": "gpt-x", "OPENAI_API_KEY": KEY}, (("openai", "gpt-x"),)),
        ({"MODEL_NAME": "qwen:3b", "OPENAI_BASE_URL": "http://127.0.0.1:1/v1"}, (("openai", "qwen:3b"),)),
        ({"MODEL_NAME": "claude-x", "ANTHROPIC_API_KEY": KEY}, (("anthropic", "claude-x"),)),
        ({"MODEL_NAME": "claude-x", "ANTHROPIC_API_KEY": KEY, "OPENAI_API_KEY": KEY}, (("anthropic", "claude-x"),)),
        ({"MODEL_NAME": "gpt-x", "ANTHROPIC_API_KEY": KEY, "OPENAI_API_KEY": KEY}, (("openai", "gpt-x"),)),
        ({"FACTOR12_MODEL": "host", "MODEL_NAME": "gpt-x", "OPENAI_API_KEY": KEY}, (("host", ""),)),
        (
            {"FACTOR12_MODEL": "openai:qwen:3b, openai-responses:gpt-x,anthropic:claude-x,host"},
            (("openai", "qwen:3b"), ("openai-responses", "gpt-x"), ("anthropic", "claude-x"), ("host", "")),
        ),
    ],
)
def test_who_decides_is_what_the_chain_says_or_else_where_a_key_and_a_name_are(
    variables: dict[str, str], chain: tuple[tuple[str, str], ...]
) -> None:
    assert known(**variables).chain == chain


@pytest.mark.requirement("R15")
@pytest.mark.parametrize(
    ("variable", "value", "says"),
    [
        ("FACTOR12_MODEL", "gpt-x", "'gpt-x' is none of openai:NAME"),
        ("FACTOR12_MODEL", "openai:", "'openai:' is none of"),
        ("FACTOR12_MODEL", "google:gem", "'google:gem' is none of"),
        ("FACTOR12_MODEL", "host,openai:gpt-x", "nothing comes after host"),
        ("FACTOR12_MODEL_PRICES", "gpt-x", "is not written like"),
        ("FACTOR12_MODEL_PRICES", "gpt-x=1", "is not written like"),
        ("FACTOR12_MODEL_PRICES", "gpt-x=1/-2", "is not written like"),
        ("FACTOR12_MODEL_PRICES", "gpt-x=nan/2", "is not written like"),
    ],
)
def test_a_chain_or_price_that_is_none_stops_the_start_by_its_name(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, says: str
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(ProblemError) as raised:
        load()
    assert raised.value.problem.message.startswith(f"{variable}=") and says in raised.value.problem.message


def test_prices_are_dollars_for_a_million_tokens_with_or_without_a_cache() -> None:
    assert price("qwen=3b=1.25/0.125/10") == ("qwen=3b", (1.25, 0.125, 10.0))
    assert price("gpt-x=1/10") == ("gpt-x", (1.0, 1.0, 10.0))


@pytest.mark.requirement("R15")
@pytest.mark.parametrize("value", [f"{KEY} and more", f"{KEY}\r\nHost: elsewhere", f"{KEY}é"])
@pytest.mark.parametrize("variable", ["OPENAI_API_KEY", "ANTHROPIC_API_KEY"])
def test_a_key_that_cannot_be_one_is_refused_and_not_shown(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(ProblemError) as raised:
        load()
    assert raised.value.problem.message.startswith(f"{variable}=…: a key is one word")
    assert KEY not in str(raised.value) and raised.value.__cause__ is None


def test_a_key_written_where_a_name_belongs_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FACTOR12_MODEL", "openai:gpt-x,sk-" + "a1" * 20)
    with pytest.raises(ProblemError, match="FACTOR12_MODEL") as raised:
        load()
    assert "a1a1" not in str(raised.value)


def test_a_key_of_the_persons_file_is_redacted_like_one_of_the_environment(tmp_path: Any) -> None:
    (tmp_path / "keys.env").write_text(f"OPENAI_API_KEY={KEY}\nANTHROPIC_API_KEY= {KEY}-too \n")
    settings = load(tmp_path / "keys.env")
    assert settings.secrets == (KEY, f"{KEY}-too")
    runtime = compose(settings, tmp_path)
    assert KEY not in runtime.outward.text(f"they said {KEY}.") and KEY not in repr(settings)
    runtime.database.close()
