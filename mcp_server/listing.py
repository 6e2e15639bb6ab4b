"""What clients read before any call, kept beside the store: making it needs every agent's code, reading it needs none.

A host waits for the first list of tools, and importing all agents for their schemas takes longer than all the rest.
"""

from collections.abc import Callable
from typing import Any, TypeAlias

from mcp_server.compose import Runtime
from mcp_server.kept import code_key, keep, read
from mcp_server.parts import catalogued

Listing: TypeAlias = dict[str, Any]
"""`tools` and `prompts`, as `toolbox.shown` and `prompts.shown` describe them, and the `key` they were made for."""
FILE = "listing.json"


def listing(runtime: Runtime, make: Callable[[], Listing]) -> Listing:
    """Return what was kept for exactly this code and these settings, or make it, and keep it for the next start."""
    if runtime.parts is not catalogued:
        return make()
    path = runtime.settings.state_dir / FILE
    key = code_key(runtime.settings.approval)
    if (kept := read(path, key)) is not None:
        return kept
    made = {"key": key, **make()}
    keep(path, made)
    return made
