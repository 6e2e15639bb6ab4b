"""What `factor12 doctor` says of who decides: the calling model, a chain, a missing key, a server that is not there."""

import socket
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import pytest

from mcp_server.deciding import BY_CALLER
from tests.mcp_server.shell import Shell, open_shell

KEY = "correct-horse-battery-staple"


@pytest.fixture
def shop(make_repository: Callable[..., Path], tmp_path: Path) -> Shell:
    return open_shell(make_repository, tmp_path)


@pytest.fixture
def listens() -> Generator[str]:
    """The address of a server that takes connections."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}/v1"


@pytest.fixture
def silent() -> str:
    """An address where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    return f"http://127.0.0.1:{port}/v1"


def told(shell: Shell, **variables: str) -> dict[str, Any]:
    ran = shell.where(**variables).quick("doctor", "--json")
    assert KEY not in ran.out + ran.err
    (found,) = [one for one in ran.json if one["part"] == "model"]
    assert ran.code == (1 if found["state"] == "bad" else 0), ran.out
    return found


def test_without_a_model_the_calling_one_decides_and_that_is_well(shop: Shell) -> None:
    for variables in ({}, {"FACTOR12_MODEL": "host"}):
        found = told(shop, **variables)
        assert (found["state"], found["says"]) == ("good", BY_CALLER)
    found = told(shop, OPENAI_API_KEY=KEY)
    assert found["state"] == "note" and "no model is named" in found["says"] and found["next"] == "Set MODEL_NAME."


def test_a_model_without_its_key_keeps_runs_from_working_and_the_variable_is_named(shop: Shell) -> None:
    found = told(shop, FACTOR12_MODEL="openai:m")
    assert (found["state"], found["says"]) == ("bad", "openai:m; openai:m has no key")
    assert found["next"].startswith("Set OPENAI_API_KEY, or OPENAI_BASE_URL")
    assert "ANTHROPIC_API_KEY" in told(shop, FACTOR12_MODEL="anthropic:m")["next"]
    assert told(shop, FACTOR12_MODEL="scripted:/no/such")["state"] == "bad"


def test_a_base_url_that_does_not_answer_is_found_before_a_run_is(shop: Shell, silent: str, listens: str) -> None:
    found = told(shop, FACTOR12_MODEL="openai:m", OPENAI_BASE_URL=silent)
    assert found["state"] == "bad" and f"does not answer at {silent[7:-3]}: no connection" in found["says"]
    assert "OPENAI_BASE_URL" in found["next"]
    there = told(shop, FACTOR12_MODEL="openai:m", OPENAI_BASE_URL=listens, FACTOR12_MODEL_PRICES="m=0/0")
    assert (there["state"], there["says"]) == ("good", "openai:m"), "the control"


def test_of_a_chain_each_model_is_looked_at_and_one_that_can_decide_is_enough(
    shop: Shell, silent: str, listens: str
) -> None:
    found = told(shop, FACTOR12_MODEL="openai:m,anthropic:c,host", OPENAI_BASE_URL=silent)
    assert found["state"] == "note" and found["says"].startswith(f"openai:m, then anthropic:c, then {BY_CALLER}; ")
    assert "openai:m does not answer" in found["says"] and "anthropic:c has no key" in found["says"]
    assert told(shop, FACTOR12_MODEL="openai:m,anthropic:c", OPENAI_BASE_URL=silent)["state"] == "bad"
    second = told(shop, FACTOR12_MODEL="anthropic:c,openai:m", OPENAI_BASE_URL=listens)
    assert second["state"] == "note" and second["says"].endswith("; anthropic:c has no key")


def test_what_costs_nothing_for_want_of_a_price_is_said(shop: Shell) -> None:
    found = told(shop, FACTOR12_MODEL="openai:m", OPENAI_API_KEY=KEY)
    assert found["state"] == "note" and "no price is known of openai:m" in found["says"]
    assert told(shop, FACTOR12_MODEL="openai:m", OPENAI_API_KEY=KEY, FACTOR12_MODEL_PRICES="m=1/2")["state"] == "good"


def test_behind_a_proxy_a_server_is_not_asked_past_it(shop: Shell, silent: str, listens: str) -> None:
    proxied = {"FACTOR12_MODEL": "openai:m", "OPENAI_BASE_URL": silent, "FACTOR12_MODEL_PRICES": "m=0/0"}
    assert told(shop, http_proxy=listens, **proxied)["state"] == "good"
    assert told(shop, http_proxy=listens, no_proxy="127.0.0.1", **proxied)["state"] == "bad"
