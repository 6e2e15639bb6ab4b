"""What stands in the log for an output too large for it."""

from typing import Any, cast

from pydantic import BaseModel, ConfigDict


class Artifact(BaseModel):
    """An output too large for the log; its bytes are a blob. Opaque to agents."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    digest: str
    size: int
    preview: str


def artifact_of(value: Any) -> Artifact | None:
    """Return the artifact that stands for a result too large for the log, or `None`."""
    if isinstance(value, dict) and (found := cast(dict[str, Any], value).get("$artifact")) is not None:
        return Artifact.model_validate(found)
    return None
