"""Which models decide, with which keys and at which prices: the part of the settings that is about judgement."""

from functools import cached_property
from typing import Annotated

from pydantic import AfterValidator, Field, SecretStr, field_validator
from pydantic_settings import BaseSettings

from mcp_server.values import WebAddress, Words

PROVIDERS = ("openai", "openai-responses", "anthropic", "scripted")
HOST = "host"
CLAUDE = "claude"


def _key(value: SecretStr) -> SecretStr:
    """Take what can stand in a header; a stray line end is what files and shells leave behind."""
    key = value.get_secret_value().strip()
    if not (key.isascii() and key.isprintable()) or " " in key:
        raise ValueError("a key is one word of plain letters, figures and signs")
    return SecretStr(key)


Key = Annotated[SecretStr, AfterValidator(_key)]


def price(text: str) -> tuple[str, tuple[float, float, float]]:
    """Read `NAME=INPUT/CACHED/OUTPUT` or `NAME=INPUT/OUTPUT`: dollars for a million tokens.

    Raises:
        ValueError: It is not written so.
    """
    name, _, written = text.rpartition("=")
    try:
        given = [float(part) for part in written.split("/")]
    except ValueError:
        given = []
    if not name or len(given) not in (2, 3) or not all(0 <= part < 1e6 for part in given):
        raise ValueError(f"{text!r} is not written like gpt-x=1.25/0.125/10 or gpt-x=1.25/10, in dollars")
    return name, (given[0], given[-2] if len(given) == 3 else given[0], given[-1])


class ModelSettings(BaseSettings):
    """The variables that say who decides."""

    model: Words = Field(
        default=(),
        alias="FACTOR12_MODEL",
        description="Who decides, in order, the next when one cannot: openai:NAME, openai-responses:NAME, "
        "anthropic:NAME, or host, the calling model. Default: MODEL_NAME where there is a key, else host.",
    )
    model_name: str = Field(
        default="",
        alias="MODEL_NAME",
        description="The model, if FACTOR12_MODEL is not set: of Anthropic if its name begins with claude or only "
        "that key is there, else of OpenAI or of the server at OPENAI_BASE_URL.",
    )
    temperature: float | None = Field(
        default=None,
        ge=0,
        le=2,
        alias="TEMPERATURE",
        description="How freely the model chooses its words. Default: what its provider takes.",
    )
    openai_api_key: Key = Field(
        default=SecretStr(""), alias="OPENAI_API_KEY", description="The key for OpenAI, or for OPENAI_BASE_URL."
    )
    openai_base_url: WebAddress = Field(
        default="",
        alias="OPENAI_BASE_URL",
        description="A server that speaks like OpenAI's, such as http://127.0.0.1:11434/v1. Default: OpenAI's own.",
    )
    anthropic_api_key: Key = Field(
        default=SecretStr(""), alias="ANTHROPIC_API_KEY", description="The key for Anthropic."
    )
    anthropic_base_url: WebAddress = Field(
        default="",
        alias="ANTHROPIC_BASE_URL",
        description="A server that speaks like Anthropic's. Default: Anthropic's own.",
    )
    model_prices: Words = Field(
        default=(),
        alias="FACTOR12_MODEL_PRICES",
        description="Dollars for a million tokens: NAME=INPUT/CACHED/OUTPUT or NAME=INPUT/OUTPUT. None are built in; "
        "what has no price costs 0 and says so.",
    )

    @field_validator("model")
    @classmethod
    def _known_models(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for link in value:
            provider, _, name = link.partition(":")
            if link != HOST and not (provider in PROVIDERS and name):
                there = ", ".join(f"{known}:NAME" for known in PROVIDERS[:-1])
                raise ValueError(f"{link!r} is none of {there}, {HOST}")
        if HOST in value[:-1]:
            raise ValueError("nothing comes after host, which always decides")
        return value

    @field_validator("model_prices")
    @classmethod
    def _known_prices(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for written in value:
            price(written)
        return value

    @cached_property
    def chain(self) -> tuple[tuple[str, str], ...]:
        """Who decides, as provider and name, in order; empty when the calling model does."""
        if self.model:
            return tuple((provider, name) for provider, _, name in (link.partition(":") for link in self.model))
        openai = bool(self.openai_api_key.get_secret_value() or self.openai_base_url)
        if not self.model_name or not (openai or self.anthropic_api_key.get_secret_value()):
            return ()
        claude = self.model_name.startswith(CLAUDE) and self.anthropic_api_key.get_secret_value()
        return (("anthropic" if claude or not openai else "openai", self.model_name),)

    @property
    def secrets(self) -> tuple[str, ...]:
        """What must leave the process nowhere but in a request to its own provider."""
        keys = (self.openai_api_key, self.anthropic_api_key)
        return tuple(key.get_secret_value() for key in keys if key.get_secret_value())
