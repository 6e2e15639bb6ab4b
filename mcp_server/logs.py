"""Logs as an event stream on stderr, as text or JSON lines, without the process's secrets (R11)."""

import json
import logging
import sys
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from types import MappingProxyType

from mcp_server.outward import Outward
from mcp_server.settings import Settings

_about: ContextVar[Mapping[str, str]] = ContextVar("about", default=MappingProxyType({}))


@contextmanager
def about(**fields: str) -> Generator[None]:
    """Name what the log lines of this block are about: a tool, a thread, a session."""
    token = _about.set({**_about.get(), **fields})
    try:
        yield
    finally:
        _about.reset(token)


class Lines(logging.Formatter):
    """Text or one JSON object per record, cleaned like everything else that leaves the process."""

    def __init__(self, outward: Outward, *, structured: bool) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")
        self._outward = outward
        self._structured = structured

    def format(self, record: logging.LogRecord) -> str:
        fields = _about.get()
        if self._structured:
            return self._json(record, fields)
        known = "".join(f" {name}={value}" for name, value in fields.items())
        first, *rest = super().format(record).split("\n")
        return self._outward.text("\n".join([first + known, *rest]))

    def _json(self, record: logging.LogRecord, fields: Mapping[str, str]) -> str:
        line = {
            "at": self.formatTime(record),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            **fields,
        }
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return json.dumps(self._outward.value(line), ensure_ascii=False)


def configure(settings: Settings, outward: Outward) -> None:
    """Send what is logged to stderr, once, before the SDK would choose for itself."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(Lines(outward, structured=settings.structured_logging))
    logging.basicConfig(level=settings.log_level, handlers=[handler], force=True)
