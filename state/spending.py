"""What models and steps cost, and how much of it a thread may spend unasked."""

from typing import NamedTuple

from pydantic import BaseModel, ConfigDict, Field


class Budget(BaseModel):
    """What a thread may spend before it has to ask a person."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, defer_build=True)

    steps: int = Field(default=25, ge=0)
    seconds: float = Field(default=1800.0, ge=0)
    tokens: int = Field(default=500_000, ge=0)
    """Sent to models and received from them."""
    money: float = Field(default=5.0, ge=0)
    """US dollars."""


class Spent(NamedTuple):
    """What models took so far."""

    tokens: int = 0
    money: float = 0.0


class Usage(BaseModel):
    """What one call of a model took."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, defer_build=True)

    model: str = ""
    """Provider and name; empty when a caller decided."""
    input_tokens: int = Field(default=0, ge=0, le=10**12)
    cached_tokens: int = Field(default=0, ge=0)
    """Of the input, what the provider had in its cache."""
    output_tokens: int = Field(default=0, ge=0, le=10**12)
    cost: float = Field(default=0.0, ge=0, le=1e9)
    """US dollars; 0 also when no price is known."""

    @property
    def spent(self) -> Spent:
        return Spent(self.input_tokens + self.output_tokens, self.cost)


class Thought(BaseModel):
    """How a model was asked: which words it was sent, and what that took."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    template: str
    version: str = ""
    digest: str = ""
    """Of the template as it was written: the blob of that name holds it."""
    rules: str = ""
    """The same of the template that goes before every prompt."""
    sent: str
    """Hash of every word that was sent."""
    usage: Usage = Usage()
