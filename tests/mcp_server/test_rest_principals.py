"""Two principals at REST: neither sees, reads, follows, answers or stops what is the other's (R21)."""

from pathlib import Path

import pytest

from tests.conftest import repository
from tests.mcp_server.http_server import token
from tests.mcp_server.rest_client import Rest, resting

CALLS = (
    ("GET", "/agents/{id}/status"),
    ("GET", "/agents/{id}/history"),
    ("GET", "/agents/{id}/events"),
    ("GET", "/agents/{id}/checkpoints"),
    ("GET", "/agents/{id}/checkpoints/1/diff"),
    ("GET", "/agent/state/{id}"),
    ("POST", "/agents/{id}/resume"),
    ("POST", "/agents/{id}/cancel"),
    ("POST", "/agents/{id}/fork"),
    ("POST", "/agents/{id}/checkpoints"),
    ("POST", "/agents/{id}/checkpoints/1/restore"),
    ("DELETE", "/agents/{id}"),
)


@pytest.mark.requirement("R21")
def test_what_is_one_principals_is_nothing_to_another(tmp_path: Path) -> None:
    home = repository(tmp_path / "src/shop", {"README": "A shop."})
    scopes = "read,run,approve,admin"
    ada, bob = token(home, "ada", scopes), token(home, "bob", scopes)
    with resting(home, secret=ada) as hers:
        asked = hers.errand("ask")
        his = Rest(hers.url, bob)
        for method, path in CALLS:
            answered = his.send(method, path.format(id=asked["thread_id"]))
            assert answered.status_code == 404 and "thread_id" not in answered.json(), (method, path)
        answer = {"key": "0:ask", "answer": "red"}
        assert his.refused(404, "POST", f"/agents/{asked['thread_id']}/answer", json=answer)["kind"] == "not_found"
        assert his.refused(404, "POST", "/agent/resume", json={"id": asked["thread_id"]})["kind"] == "not_found"
        assert his.get("/agents")["threads"] == [] and len(hers.get("/agents")["threads"]) == 1
        assert hers.get(f"/agents/{asked['thread_id']}/status")["status"] == "waiting"


@pytest.mark.requirement("R21")
def test_a_token_does_what_its_scopes_say(tmp_path: Path) -> None:
    home = repository(tmp_path / "src/shop", {"README": "A shop."})
    reads, runs = (token(home, "ada", scope) for scope in ("read", "run"))
    with resting(home, secret=runs) as runner:
        begun = runner.post("/agents/start", {"agent": "errand"})
        at = f"/agents/{begun['thread_id']}"
        assert "'read'" in runner.refused(403, "GET", f"{at}/status")["message"]
        reader = Rest(runner.url, reads)
        assert reader.get(f"{at}/status?wait=20")["status"] == "completed"
        for method, path in (("POST", "/agents/start"), ("POST", f"{at}/cancel"), ("DELETE", at)):
            assert "'run'" in reader.refused(403, method, path)["message"]
