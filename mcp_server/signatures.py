"""Who sent a webhook: the signatures of GitHub, and of the Standard Webhooks specification."""

import hmac
from base64 import b64decode, b64encode
from binascii import Error as NotBase64
from collections.abc import Mapping
from hashlib import sha256
from typing import TypeAlias

from starlette.datastructures import Headers

from state.problem import Problem

WINDOW_S = 300.0
"""How old, or how far ahead, a signed time may be: what was overheard cannot be played back later."""
LONGEST = 2000
PREFIX = "whsec_"
SHORTEST = 16
"""Bytes of a secret; shorter ones can be guessed."""
Secrets: TypeAlias = Mapping[str, bytes]


class Unsigned(Exception):
    """A delivery that proves nothing about who sent it."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.problem = Problem(kind="refused", message=message, hint=hint)


def secret_of(text: str) -> bytes:
    """Return a secret's bytes: of `whsec_…` what its base64 says, of anything else the text.

    Raises:
        ValueError: It is too short, or not base64 behind `whsec_`.
    """
    try:
        secret = b64decode(text.removeprefix(PREFIX), validate=True) if text.startswith(PREFIX) else text.encode()
    except NotBase64 as error:
        raise ValueError(f"behind {PREFIX} it is not base64") from error
    if len(secret) < SHORTEST:
        raise ValueError(f"it is shorter than {SHORTEST} bytes")
    return secret


def by_github(secret: bytes, headers: Headers, body: bytes) -> str:
    """Return what tells this delivery apart: its body, for the id beside it is not signed.

    Raises:
        Unsigned: It does not come from GitHub, as far as the secret tells.
    """
    given = only(headers, "x-hub-signature-256")
    digest = hmac.new(secret, body, sha256).hexdigest()
    if not hmac.compare_digest(f"sha256={digest}".encode(), given.encode("latin-1", "replace")):
        raise Unsigned("The signature does not fit the body.", "Set the same secret in the repository's webhook.")
    return sha256(body).hexdigest()


def by_standard(secret: bytes, headers: Headers, body: bytes, now: float) -> str:
    """Return what tells this delivery apart: its signed id.

    Raises:
        Unsigned: The signature does not fit, or is too old.
    """
    known, at = only(headers, "webhook-id"), only(headers, "webhook-timestamp")
    signed = b".".join((known.encode("latin-1", "replace"), at.encode("latin-1", "replace"), body))
    wanted = b"v1," + b64encode(hmac.new(secret, signed, sha256).digest())
    given = only(headers, "webhook-signature").encode("latin-1", "replace").split(b" ")
    if not any(hmac.compare_digest(wanted, one) for one in given):
        raise Unsigned("No signature fits id, timestamp and body.", "Sign `id.timestamp.body` with the same secret.")
    if not (at.isascii() and at.isdigit() and len(at) < SHORTEST) or abs(now - int(at)) > WINDOW_S:
        raise Unsigned(f"The delivery was not signed within {WINDOW_S:.0f} seconds.", "Sign it anew; check the clocks.")
    return sha256(known.encode("latin-1", "replace")).hexdigest()


def only(headers: Headers, name: str) -> str:
    """Return the header that must be there once: of two, a proxy and we might read different ones."""
    match headers.getlist(name):
        case [value] if 0 < len(value) <= LONGEST:
            return value
        case []:
            raise Unsigned(f"The header {name} is missing.", "docs/rest.md says how a delivery is signed.")
        case _:
            raise Unsigned(f"The header {name} is not one value.", "Send it once.")
