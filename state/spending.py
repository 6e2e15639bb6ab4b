"""What models and steps cost, and how much of it a thread may spend unasked."""

from pydantic import BaseModel, ConfigDict, Field


class Budget(BaseModel):
    """What a thread may spend before it has to ask a person."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, defer_build=True)

    steps: int = Field(default=25, ge=0)
    seconds: float = Field(default=1800.0, ge=0)


class Usage(BaseModel):
    """What one call of a model took."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, defer_build=True)

    model: str = ""
    """Provider and name; empty when a caller decided."""
    input_tokens: int = Field(default=0, ge=0)
    cached_tokens: int = Field(default=0, ge=0)
    """Of the input, what the provider had in its cache."""
    output_tokens: int = Field(default=0, ge=0)
    cost: float = Field(default=0.0, ge=0)
    """US dollars; 0 also when no price is known."""


class Thought(BaseModel):
    """How a model was asked: which words it was sent, and what that took."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    template: str
    version: str = ""
    digest: str = ""
    """Of the template as it was written."""
    sent: str
    """Hash of every word that was sent."""
    usage: Usage = Usage()
