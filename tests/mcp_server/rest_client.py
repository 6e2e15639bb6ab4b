"""A client of REST: what it sends, and what it is answered."""

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest
from anyio.from_thread import start_blocking_portal

from tests.agents.runtime.toys import lines
from tests.mcp_server.http_server import bearer, listening

WAIT_S = 40


@dataclass(frozen=True)
class Rest:
    """Who calls, and where."""

    url: str
    secret: str = ""

    def send(self, method: str, path: str, **how: Any) -> httpx.Response:
        headers = {**bearer(self.secret), **how.pop("headers", {})}
        with httpx.Client(trust_env=False, verify=False, timeout=60) as client:
            return client.request(method, self.url + path, headers=headers, **how)

    def get(self, path: str) -> dict[str, Any]:
        return self._told(self.send("GET", path))

    def post(self, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        return self._told(self.send("POST", path) if body is None else self.send("POST", path, json=body))

    def delete(self, path: str) -> dict[str, Any]:
        return self._told(self.send("DELETE", path))

    def refused(self, status: int, method: str, path: str, **how: Any) -> dict[str, str]:
        """Send what must fail with this status, and return its error: a kind, a line, and what to do next (R15)."""
        answered = self.send(method, path, **how)
        assert answered.status_code == status, answered.text
        fields = answered.json()
        error: dict[str, str] = fields["error"]
        assert "\n" not in error["message"] and fields["next"], fields
        return error

    def errand(self, *told: str, **more: Any) -> dict[str, Any]:
        """Launch the toy that does as told, in a work tree of its own, and wait for its rest."""
        wish = {"agent": "errand", "task": lines(*told), "isolation": "worktree", "wait": WAIT_S, **more}
        return self.post("/agents/start", wish)

    @staticmethod
    def _told(answered: httpx.Response) -> dict[str, Any]:
        assert answered.status_code == 200, answered.text
        fields: dict[str, Any] = answered.json()
        return fields


@contextmanager
def resting(home: Path, *, toys: bool = True, secret: str = "", **variables: str) -> Generator[Rest]:
    """Serve in the repository `home`, in a thread of this process, and be a client."""
    with pytest.MonkeyPatch.context() as patch, start_blocking_portal() as portal:
        for name, value in variables.items():
            patch.setenv(name, value)
        known = {"FACTOR12_TRUSTED_ROOTS": str(home.parent), **variables}
        with portal.wrap_async_context_manager(listening(home, toys=toys, **known)) as port:
            yield Rest(f"http://127.0.0.1:{port}", secret)
