"""The key that seals what clients carry between two calls; every process on one store has the same."""

import os
import secrets
from pathlib import Path
from typing import Any

from mcp.server.context import ServerRequestContext
from mcp.server.mcpserver import RequestStateSecurity

from mcp_server.callers import caller_of
from state.sqlite import StoreError

LIFETIME_S = 86_400.0
"""A form may stay open overnight, and the server restart meanwhile."""
KEY_BYTES = 32


def sealed_by(database: Path) -> RequestStateSecurity:
    """Return the SDK's sealing with the key that lies beside the store.

    Raises:
        StoreError: The key can be neither read nor written, or is cut short.
    """
    return RequestStateSecurity(keys=[_key(database)], ttl=LIFETIME_S, bind_principal=_principal)


def _principal(ctx: ServerRequestContext[Any, Any]) -> str | None:
    """Return whose form it is: another principal's answer to it counts for nothing."""
    return caller_of(ctx.request).principal or None


def _key(database: Path) -> bytes:
    path = database.with_name(f"{database.name}.key")
    try:
        if not path.exists():
            _create(path)
        key = path.read_bytes()
    except OSError as error:
        raise StoreError(database, f"has a key that cannot be used ({error})", f"Check {str(path)!r}.") from error
    if len(key) < KEY_BYTES:
        raise StoreError(database, "has a key that is cut short", f"Remove {str(path)!r}; open forms end with it.")
    return key


def _create(path: Path) -> None:
    """Put a new key there whole, unless another process was faster."""
    new = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        os.write(descriptor, secrets.token_bytes(KEY_BYTES))
        os.fsync(descriptor)
        os.link(new, path)
    except FileExistsError:
        return
    finally:
        os.close(descriptor)
        new.unlink()
