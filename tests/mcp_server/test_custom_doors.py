"""Custom agents at the other doors: REST, webhooks, and for several principals at one server."""

from pathlib import Path

import pytest

from tests.conftest import repository
from tests.mcp_server.custom_repos import READER, agent_file, sister
from tests.mcp_server.http_server import token
from tests.mcp_server.rest_client import WAIT_S, Rest, resting
from tests.mcp_server.test_webhooks import SECRET, delivered, standard

ASKS = agent_file("return Done(Report(text=answer(thread, 'colour', 'Which?')))", name="asker").replace(
    "import Agent", "import answer, Agent"
)
BREAKS = agent_file("return 1 // 0", name="breaker")
FILES = {
    "agents/reader.py": READER,
    "agents/asker.py": ASKS,
    "agents/breaker.py": BREAKS,
    "agents/bad.py": READER + "(",
}
RULES = """
[trigger]
secret_env = "HOOK_SECRET"

[[rule]]
source = "trigger"
match = { agent_type = "reader" }
agent = "lib__reader"
repo = "shop"
principal = "ada"
task = { path = "${message}" }

[[rule]]
source = "trigger"
match = { agent_type = "gone" }
agent = "lib__gone"
repo = "shop"
"""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    sister(tmp_path / "src", FILES)
    return repository(tmp_path / "src/shop", {"README.md": "A shop.\n"})


def wish(agent: str) -> dict[str, object]:
    return {"agent": agent, "task": {}, "repo": "shop", "wait": WAIT_S}


@pytest.mark.requirement("R15")
def test_over_rest_it_is_an_agent_like_any_other_and_so_are_its_faults(home: Path) -> None:
    with resting(home, toys=False) as rest:
        told = rest.post("/agents/start", wish("lib__reader"))
        assert (told["status"], told["output"]) == ("completed", {"text": "A shop.\n"})
        document = rest.send("GET", "/openapi.json").text
        assert "lib__reader" in document and "lib__bad" not in document
        failed = rest.post("/agents/start", wish("lib__breaker"))
        assert failed["status"] == "failed"
        assert "agents/breaker.py:14 of 'lib' raised ZeroDivisionError" in failed["error"]["message"]
        missing = rest.refused(404, "POST", "/agents/start", json=wish("lib__bad"))
        assert "agents/bad.py" in missing["message"] and "'lib'" in missing["message"]
        assert "lib__nobody" in rest.refused(404, "POST", "/agents/start", json=wish("lib__nobody"))["message"]
        wrong = {**wish("lib__reader"), "task": {"path": 3}}
        assert "path" in rest.refused(422, "POST", "/agents/start", json=wrong)["message"]
        assert rest.post("/agents/start", wish("lib__reader"))["outcome"] == "done"


@pytest.mark.requirement("R21")
def test_each_principal_has_threads_of_its_own_with_the_same_agent(home: Path) -> None:
    ada, bob = (token(home, name, "read,run") for name in ("ada", "bob"))
    with resting(home, toys=False, secret=ada) as hers:
        his = Rest(hers.url, bob)
        asked = [door.post("/agents/start", wish("lib__asker")) for door in (hers, his)]
        assert [one["status"] for one in asked] == ["waiting", "waiting"]
        at = f"/agents/{asked[0]['thread_id']}/answer"
        assert his.refused(404, "POST", at, json={"key": "colour", "answer": "his"})["kind"] == "not_found"
        for door, thread, word in ((his, asked[1], "blue"), (hers, asked[0], "red")):
            door.post(f"/agents/{thread['thread_id']}/answer", {"key": "colour", "answer": word})
            ended = door.get(f"/agents/{thread['thread_id']}/status?wait={WAIT_S}")
            assert ended["output"] == {"text": word}
        assert [len(door.get("/agents")["threads"]) for door in (hers, his)] == [1, 1]


@pytest.mark.requirement("F11")
def test_a_webhook_launches_one_once_and_a_missing_one_is_named(home: Path, tmp_path: Path) -> None:
    (tmp_path / "webhooks.toml").write_text(RULES)
    ada = token(home, "ada", "read,run")
    more = {"FACTOR12_WEBHOOKS": str(tmp_path / "webhooks.toml"), "HOOK_SECRET": SECRET}
    with resting(home, toys=False, secret=ada, **more) as rest:
        body = {"agent_type": "reader", "message": "README.md"}
        threads = [delivered(rest, "/webhooks/trigger", standard(body, "msg_x"))["thread_id"] for _ in range(2)]
        assert threads[0] == threads[1]
        ended = rest.get(f"/agents/{threads[0]}/status?wait={WAIT_S}")
        assert ended["output"] == {"text": "A shop.\n"}
        how = standard({"agent_type": "gone", "message": "x"})
        gone = rest.refused(404, "POST", "/webhooks/trigger", **how)
        assert "lib__gone" in gone["message"]
