"""Tokens that an OAuth server signed: what counts, what does not, and what a client is told that has none."""

import json
import threading
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from time import time
from typing import Any

import httpx2 as httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from mcp_server.callers import Caller
from mcp_server.oauth import OAuth
from mcp_server.settings import Settings
from state.problem import ProblemError
from tests.conftest import repository
from tests.mcp_server.http_server import bearer, caller, served

pytestmark = pytest.mark.anyio

AUDIENCE = "https://agents.test/mcp"


@dataclass
class Issuer:
    """An authorization server on this machine: its metadata, its keys, and how often they were fetched."""

    url: str = ""
    keys: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    claims_to_be: str = ""
    down: bool = False
    fetched: int = 0

    def told(self, path: str) -> Any:
        if self.down:
            return None
        if path == "/jwks":
            self.fetched += 1
            return {"keys": self.keys}
        if path == "/.well-known/openid-configuration":
            return {"issuer": self.claims_to_be or self.url, "jwks_uri": f"{self.url}/jwks"}
        return None


@contextmanager
def _listening(issuer: Issuer) -> Generator[None]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            told = issuer.told(self.path)
            body = json.dumps(told).encode()
            self.send_response(404 if told is None else 200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        issuer.url = f"http://127.0.0.1:{server.server_port}"
        try:
            yield
        finally:
            server.shutdown()
            thread.join()


RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
OTHER = rsa.generate_private_key(public_exponent=65537, key_size=2048)
CURVE = ec.generate_private_key(ec.SECP256R1())


def public(kid: str, key: Any) -> dict[str, Any]:
    curve = isinstance(key, ec.EllipticCurvePrivateKey)
    made = ECAlgorithm.to_jwk(key.public_key()) if curve else RSAAlgorithm.to_jwk(key.public_key())
    return {**json.loads(made), "kid": kid, "use": "sig"}


@pytest.fixture
def issuer() -> Generator[Issuer]:
    known = Issuer(keys=[public("one", RSA), public("two", CURVE)])
    with _listening(known):
        yield known


def oauth(issuer: Issuer) -> OAuth:
    given: dict[str, Any] = {"FACTOR12_OAUTH_ISSUER": issuer.url, "FACTOR12_PUBLIC_URL": "https://agents.test"}
    return OAuth(Settings(**given))


def signed(issuer: Issuer, key: Any = RSA, kid: str | None = "one", alg: str = "RS256", **changes: Any) -> str:
    claims = {"iss": issuer.url, "sub": "ada", "aud": AUDIENCE, "exp": int(time()) + 60, "scope": "read factor12:run x"}
    claims = {name: value for name, value in {**claims, **changes}.items() if value is not None}
    return jwt.encode(claims, key, algorithm=alg, headers={"kid": kid} if kid else None)


@pytest.mark.parametrize(("key", "kid", "alg"), [(RSA, "one", "RS256"), (RSA, "one", "PS512"), (CURVE, "two", "ES256")])
async def test_a_signed_token_names_its_principal_and_scopes(issuer: Issuer, key: Any, kid: str, alg: str) -> None:
    if alg == "PS512":
        issuer.keys[0]["alg"] = alg
    found = await oauth(issuer).caller(signed(issuer, key, kid, alg))
    assert found == Caller(f"ada {issuer.url}", frozenset({"read", "run"}))


@pytest.mark.parametrize(
    "changes",
    [
        {"aud": "https://other.test/mcp"},
        {"aud": None},
        {"iss": "http://127.0.0.1:1"},
        {"iss": None},
        {"exp": 1},
        {"exp": None},
        {"sub": None},
        {"nbf": 4_000_000_000},
        {"kid": "three"},
        {"kid": None},
        {"key": OTHER},
        {"key": "a secret that both have, and that is long enough", "alg": "HS256"},
        {"key": None, "alg": "none"},
    ],
)
@pytest.mark.requirement("R8")
async def test_a_token_that_was_not_made_for_this_server_does_not_count(
    issuer: Issuer, changes: dict[str, Any]
) -> None:
    at = oauth(issuer)
    assert await at.caller(signed(issuer)) is not None
    assert await at.caller(signed(issuer, **changes)) is None


async def test_the_public_key_is_no_shared_secret(issuer: Issuer) -> None:
    """The oldest trick: to sign with what everybody knows, and say that it is a secret."""
    forged = jwt.encode({"sub": "ada"}, "x" * 64, algorithm="HS256", headers={"kid": "one"})
    assert await oauth(issuer).caller(forged) is None


@pytest.mark.parametrize("garbled", ["", "a.b.c", "é.é.é", "x" * 20_000, "eyJhbGciOiJSUzI1NiJ9.e30.", "."])
async def test_what_is_no_token_does_not_count(issuer: Issuer, garbled: str) -> None:
    assert await oauth(issuer).caller(garbled) is None


async def test_new_keys_are_fetched_and_strangers_cannot_have_them_fetched_at_will(issuer: Issuer) -> None:
    at = oauth(issuer)
    for _ in range(20):
        assert await at.caller(signed(issuer, OTHER, "new")) is None
    assert issuer.fetched == 1


async def test_a_server_that_is_down_is_named_until_it_is_back_and_known_keys_go_on(issuer: Issuer) -> None:
    issuer.down = True
    with pytest.raises(ProblemError, match=r"cannot be had.*FACTOR12_OAUTH_ISSUER"):
        await oauth(issuer).caller(signed(issuer))
    issuer.down = False
    at = oauth(issuer)
    assert await at.caller(signed(issuer)) is not None
    issuer.down = True
    assert await at.caller(signed(issuer)) is not None


async def test_metadata_of_another_issuer_is_not_believed(issuer: Issuer) -> None:
    issuer.claims_to_be = "https://evil.test"
    with pytest.raises(ProblemError, match=r"speaks for 'https://evil\.test'"):
        await oauth(issuer).caller(signed(issuer))


async def test_a_client_without_a_token_learns_where_to_get_one_and_one_with_it_works(
    issuer: Issuer, tmp_path: Path
) -> None:
    shop = repository(tmp_path / "src/shop", {"README": "A shop."})
    with served(shop, FACTOR12_OAUTH_ISSUER=issuer.url, FACTOR12_OAUTH_AUDIENCE=AUDIENCE) as (_, url):
        async with httpx.AsyncClient(trust_env=False) as client:
            refused = await client.post(f"{url}/mcp", json={})
            where = refused.headers["www-authenticate"].partition('resource_metadata="')[2].partition('"')[0]
            described = (await client.get(where)).json()
            no_scope = await client.post(
                f"{url}/mcp", json={}, headers={**bearer(signed(issuer, scope="")), "Mcp-Method": "tools/call"}
            )
        async with caller(url, signed(issuer)) as ada:
            assert (await ada.told("health"))["status"] == "ok"
            assert (await ada.problem("thread_wait"))["kind"] == "not_found"
    assert refused.status_code == 401 and where == f"{url}/.well-known/oauth-protected-resource/mcp"
    assert described["resource"] == f"{url}/mcp" and described["authorization_servers"] == [issuer.url]
    assert no_scope.status_code != 401


@pytest.mark.parametrize("url", ["http://idp.test", "ftp://idp.test", "idp.test", "http://localhost.evil.test"])
def test_an_issuer_that_anybody_could_play_is_refused(url: str) -> None:
    given: dict[str, Any] = {"FACTOR12_OAUTH_ISSUER": url}
    with pytest.raises(ValueError, match="an address begins with https"):
        Settings(**given)
