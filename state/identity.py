"""The hash that makes an effect recognisable: what is done, with what (R3)."""

import json
from collections.abc import Mapping
from hashlib import sha256
from typing import Any


def identity(what: str, args: Mapping[str, Any]) -> str:
    """Hash a tool or prompt with its arguments, canonically: 16 hex digits of sha256."""
    canonical = json.dumps([what, dict(args)], sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return sha256(canonical.encode("utf-8", "surrogatepass")).hexdigest()[:16]
