"""How much a model is told, and what may be spent: the part of the settings that is about limits."""

from pydantic import Field
from pydantic_settings import BaseSettings

from state.spending import Budget, Spent


class SpendingSettings(BaseSettings):
    """The variables that say how far a thread may go before a person is asked."""

    max_context_tokens: int = Field(
        default=100_000,
        ge=1000,
        alias="MAX_CONTEXT_TOKENS",
        description="The largest prompt, in tokens as factor12 estimates them: a third of the bytes.",
    )
    context_compression_threshold: float = Field(
        default=0.8,
        gt=0,
        le=1,
        alias="CONTEXT_COMPRESSION_THRESHOLD",
        description="The part of that at which older steps are told a line each.",
    )
    budget_steps: int = Field(
        default=100, ge=1, alias="FACTOR12_BUDGET_STEPS", description="Steps of a thread before a person is asked."
    )
    budget_seconds: float = Field(
        default=1800.0,
        ge=1,
        alias="FACTOR12_BUDGET_SECONDS",
        description="Seconds that a thread's steps may take before a person is asked.",
    )
    budget_tokens: int = Field(
        default=500_000,
        ge=1,
        alias="FACTOR12_BUDGET_TOKENS",
        description="Tokens that a thread may send and receive before a person is asked.",
    )
    budget_dollars: float = Field(
        default=5.0,
        gt=0,
        alias="FACTOR12_BUDGET_DOLLARS",
        description="What a thread may spend before a person is asked, at the prices in FACTOR12_MODEL_PRICES.",
    )
    session_tokens: int = Field(
        default=5_000_000,
        ge=1,
        alias="FACTOR12_SESSION_TOKENS",
        description="Tokens that all threads of a session may send and receive before a person is asked.",
    )
    session_dollars: float = Field(
        default=25.0,
        gt=0,
        alias="FACTOR12_SESSION_DOLLARS",
        description="What all threads of a session may spend before a person is asked.",
    )

    @property
    def budget(self) -> Budget:
        """What one thread may spend."""
        return Budget(
            steps=self.budget_steps,
            seconds=self.budget_seconds,
            tokens=self.budget_tokens,
            money=self.budget_dollars,
        )

    @property
    def session_limit(self) -> Spent:
        """What all threads of a session may spend together."""
        return Spent(self.session_tokens, self.session_dollars)
