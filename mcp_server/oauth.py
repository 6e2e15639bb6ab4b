"""OAuth 2.0 resource server: tokens that an authorization server signed for this one (RFC 9068), and its metadata."""

import json
import logging
from collections.abc import Mapping, Sequence
from typing import Any, cast

import anyio
import httpx2
import jwt

from mcp_server.callers import SCOPES, Caller, scopes_in
from mcp_server.settings import Settings
from state.problem import ProblemError

log = logging.getLogger(__name__)

ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
"""Signatures by a key of which only the public half is here; never `none`, never a shared secret."""
LEEWAY_S = 30
KEYS_LIVE_S = 600.0
KEYS_REST_S = 15.0
"""Unknown key ids make the keys be fetched again, but not more often than this: anybody can send one."""
FETCH_S = 10.0
LARGEST_DOCUMENT = 1 << 20
LONGEST_TOKEN = 16384


class OAuth:
    """Knows the keys of one authorization server."""

    def __init__(self, settings: Settings) -> None:
        self.issuer = settings.oauth_issuer
        here = settings.public_url or settings.listens_at
        self.resource = f"{here}/mcp"
        self._audiences = [settings.oauth_audience] if settings.oauth_audience else [self.resource, here]
        self._jwks_url = settings.oauth_jwks_url
        self._keys: Mapping[str | None, jwt.PyJWK] = {}
        self._fetched = float("-inf")
        self._failure: ProblemError | None = None
        self._fetching = anyio.Lock()

    def metadata(self) -> dict[str, Any]:
        """Describe this resource to clients that look for who gives tokens for it (RFC 9728)."""
        return {
            "resource": self.resource,
            "authorization_servers": [self.issuer],
            "scopes_supported": list(SCOPES),
            "bearer_methods_supported": ["header"],
            "resource_name": "factor12",
        }

    async def caller(self, token: str) -> Caller | None:
        """Return whom a token speaks for; `None` if it does not count here.

        Raises:
            ProblemError: `store`; the server's keys cannot be had, so no token can be judged.
        """
        if len(token) > LONGEST_TOKEN:
            return None
        try:
            header = jwt.get_unverified_header(token)
            if header.get("alg") not in ALGORITHMS:
                return None
            key = await self._key(header.get("kid"))
            claims = None if key is None else self._claims(token, key)
        except (jwt.PyJWTError, ValueError) as error:
            log.info("a token was refused: %s", error)
            return None
        return None if claims is None else self._named(claims)

    def _claims(self, token: str, key: jwt.PyJWK) -> dict[str, Any]:
        return jwt.decode(
            token,
            key,
            algorithms=[name for name in ALGORITHMS if name == key.algorithm_name],
            audience=self._audiences,
            issuer=self.issuer,
            leeway=LEEWAY_S,
            options={"require": ["exp", "iss", "aud", "sub"]},
        )

    def _named(self, claims: Mapping[str, Any]) -> Caller:
        given = claims.get("scope", claims.get("scp", ""))
        names = given.split() if isinstance(given, str) else [str(name) for name in cast(Sequence[Any], given)]
        return Caller(f"{claims['sub']} {self.issuer}", scopes_in(names))

    async def _key(self, wanted: object) -> jwt.PyJWK | None:
        kid = wanted if isinstance(wanted, str) else None
        age = anyio.current_time() - self._fetched
        if age > KEYS_LIVE_S or (kid not in self._keys and age > KEYS_REST_S):
            async with self._fetching:
                if anyio.current_time() - self._fetched > KEYS_REST_S:
                    self._failure = await self._fetch()
        if self._failure is not None and not self._keys:
            raise self._failure
        if kid is None and len(self._keys) == 1:
            return next(iter(self._keys.values()))
        return self._keys.get(kid)

    async def _fetch(self) -> ProblemError | None:
        """Fetch the keys, or say why not; those known go on being good for as long as the server cannot be asked."""
        self._fetched = anyio.current_time()
        try:
            async with httpx2.AsyncClient(timeout=FETCH_S) as client:
                known = jwt.PyJWKSet.from_dict(await _json(client, self._jwks_url or await self._discovered(client)))
        except (httpx2.HTTPError, httpx2.InvalidURL, ValueError, KeyError, jwt.PyJWTError) as error:
            log.warning("the keys of %s were not fetched: %s", self.issuer, error)
            message = f"The keys of {self.issuer} cannot be had: {error or type(error).__name__}."
            return ProblemError("store", message, "Check FACTOR12_OAUTH_ISSUER and that it can be reached.")
        self._keys = {key.key_id: key for key in known.keys}
        return None

    async def _discovered(self, client: httpx2.AsyncClient) -> str:
        """Return where the keys are (RFC 8414, or OpenID Connect's form of it)."""
        url = httpx2.URL(self.issuer)
        path = url.path.rstrip("/")
        at = str(url.copy_with(path="")).rstrip("/")
        places = (
            f"{at}/.well-known/oauth-authorization-server{path}",
            f"{at}{path}/.well-known/openid-configuration",
        )
        failures = list[str]()
        for place in places:
            try:
                told = await _json(client, place)
            except (httpx2.HTTPError, ValueError) as error:
                failures.append(str(error) or type(error).__name__)
                continue
            if told.get("issuer") != self.issuer:
                raise ValueError(f"{place} speaks for {str(told.get('issuer'))[:100]!r}")
            return str(told["jwks_uri"])
        raise ValueError("; ".join(failures))


async def _json(client: httpx2.AsyncClient, url: str) -> dict[str, Any]:
    body = bytearray()
    async with client.stream("GET", url, headers={"Accept": "application/json"}) as answer:
        if answer.status_code != 200:
            raise ValueError(f"{url} answered {answer.status_code}")
        async for part in answer.aiter_bytes():
            body += part
            if len(body) > LARGEST_DOCUMENT:
                raise ValueError(f"{url} is too large")
    told = json.loads(body)
    if not isinstance(told, dict):
        raise ValueError(f"{url} is no JSON object")
    return cast(dict[str, Any], told)
