"""How a request reaches a provider and how much of its answer is read: no redirect is followed, no body is endless."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any

import anyio
from anyio.to_thread import run_sync

from agents.runtime.models.answers import unfit
from agents.runtime.models.troubles import Place, Received, Unavailable, too_slow, unreachable

if TYPE_CHECKING:
    from ssl import SSLContext

    from httpx2 import AsyncClient

MOST_BYTES = 1_000_000
"""Of a body, unpacked. A decision is small."""
CONNECT_S = 10.0
TOTAL_S = 280.0
"""An engine gives a decision 300 s."""
NO_KEY = "none"
"""What local servers are sent, which want a key and look at none."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a decision may take, and how often and how long it waits for a busy provider meanwhile."""

    total_s: float = TOTAL_S
    connect_s: float = CONNECT_S
    tries: int = 3
    most_wait_s: float = 60.0
    sleep: Callable[[float], Any] = field(default=anyio.sleep)


@dataclass(frozen=True, slots=True)
class Sdk:
    """A provider's own package, without its retries: it knows addresses, headers and keys."""

    package: str
    client: str
    extra: str = ""
    """Of ours, which installs it."""

    async def post(self, place: Place, path: str, body: dict[str, Any], patience: Patience) -> Received:
        """Send one request and return what came back, whatever its status.

        Raises:
            Unavailable: Nothing came back, or the package is not installed.
            ModelError: More came back than is read.
        """
        sdk = await self._imported(place)
        from httpx2 import Response, Timeout

        timeout = Timeout(patience.total_s, connect=min(patience.connect_s, patience.total_s))
        async with guarded()(timeout=timeout, verify=await run_sync(trusted_roots)) as http:
            settings = {"api_key": place.key or NO_KEY, "base_url": place.base_url}
            client = getattr(sdk, self.client)(**settings, max_retries=0, timeout=timeout, http_client=http)
            try:
                response = await client.post(path, cast_to=Response, body=body)
            except sdk.APIStatusError as error:
                response = error.response
            except sdk.APITimeoutError as error:
                raise too_slow(place, patience.connect_s) from error
            except sdk.APIConnectionError as error:
                raise unreachable(place, error.__cause__) from error
        if len(response.content) > MOST_BYTES:
            raise unfit(f"The answer was longer than {MOST_BYTES // 1000} kB.")
        return Received(response.status_code, response.headers, response.content)

    async def _imported(self, place: Place) -> Any:
        """Import what takes half a second beside the loop, when it is first needed."""
        try:
            return await run_sync(import_module, self.package, abandon_on_cancel=True)
        except ModuleNotFoundError as error:
            hint = f"Install it: pip install 'factor12[{self.extra}]'"
            raise Unavailable("refused", f"{place.who} needs the package {self.package}.", hint, then="ask") from error


@cache
def trusted_roots() -> "SSLContext":
    """Return whom certificates are believed from. Reading them takes as long as a short answer, so it is done once."""
    from httpx2 import create_ssl_context

    return create_ssl_context()


@cache
def guarded() -> "type[AsyncClient]":
    """Return the client of HTTP that the SDKs are given; it is made of what is imported late."""
    from httpx2 import AsyncClient, Request, Response

    class Guarded(AsyncClient):
        """Reads hardly more than a bound and follows nothing. Inherits because the SDKs take no other client."""

        async def send(self, request: Request, **_: Any) -> Response:
            response = await super().send(request, stream=True, follow_redirects=False)
            try:
                content = bytearray()
                async for part in response.aiter_bytes():
                    content += part
                    if len(content) > MOST_BYTES:
                        break
            finally:
                await response.aclose()
            headers = {name: value for name, value in response.headers.items() if not name.startswith("content-")}
            kind = response.headers.get("content-type", "")
            return Response(
                response.status_code, headers={**headers, "content-type": kind}, content=bytes(content), request=request
            )

    return Guarded
