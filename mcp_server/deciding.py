"""From the settings to who decides. Nothing of a provider is imported before its first decision."""

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from mcp_server.model_settings import HOST, price
from mcp_server.settings import Settings

if TYPE_CHECKING:
    from agents.runtime.model import Model
    from agents.runtime.models.remote import Price

BY_CALLER = "the calling model decides (host)"


def decider(settings: Settings) -> "Model | None":
    """Return the models in their order, or nothing where the calling model decides."""
    named = [link for link in settings.chain if link[0] != HOST]
    if not named:
        return None
    from agents.runtime.models.chain import Chain

    links = [_link(settings, provider, name, len(named)) for provider, name in named]
    host = len(named) < len(settings.chain)
    return links[0] if len(links) == 1 and not host else Chain(links, host)


def links(settings: Settings) -> "dict[str, Model | None]":
    """Return each of the models by provider and name, and the calling model as `host`."""
    named = [link for link in settings.chain if link[0] != HOST]
    return {f"{provider}:{name}": _link(settings, provider, name, 1) for provider, name in named} | {HOST: None}


def deciding(settings: Settings) -> str:
    """Say who decides, without any key."""
    said = [BY_CALLER if provider == HOST else f"{provider}:{name}" for provider, name in settings.chain]
    return ", then ".join(said) or BY_CALLER


def lacking(settings: Settings, provider: str, name: str) -> tuple[str, str] | None:
    """Say what a model lacks that a person must set or install, and what to do."""
    if provider == "anthropic":
        if not (settings.anthropic_api_key.get_secret_value() or settings.anthropic_base_url):
            return "has no key", "Set ANTHROPIC_API_KEY."
        if find_spec("anthropic") is None:
            return "needs the package anthropic, which is not installed", "pip install 'factor12[anthropic]'"
    elif provider.startswith("openai") and not (settings.openai_api_key.get_secret_value() or settings.openai_base_url):
        return "has no key", "Set OPENAI_API_KEY, or OPENAI_BASE_URL for a server without keys."
    elif provider == "scripted" and not Path(name).is_file():
        return "has no such file", "Name one in FACTOR12_MODEL."
    return None


def unpriced(settings: Settings) -> list[str]:
    """Name the models whose cost cannot be counted."""
    remote = [link for link in settings.chain if link[0] not in (HOST, "scripted")]
    return [f"{provider}:{name}" for provider, name in remote if _price(settings, provider, name) is None]


def _price(settings: Settings, provider: str, name: str) -> "Price | None":
    known = dict(map(price, settings.model_prices))
    return known.get(f"{provider}:{name}", known.get(name))


def _link(settings: Settings, provider: str, name: str, links: int) -> "Model":
    from agents.runtime.models import anthropic, openai
    from agents.runtime.models.remote import Remote
    from agents.runtime.models.scripted import ScriptFile
    from agents.runtime.models.troubles import Place
    from agents.runtime.models.wire import TOTAL_S, Patience

    if provider == "scripted":
        return ScriptFile(Path(name))
    if provider == "anthropic":
        key, url, variable = settings.anthropic_api_key, settings.anthropic_base_url, "ANTHROPIC"
        dialect, sdk, usual = anthropic.Messages(), anthropic.SDK, anthropic.BASE_URL
    else:
        key, url, variable = settings.openai_api_key, settings.openai_base_url, "OPENAI"
        limits = ("max_tokens", "max_completion_tokens") if url else ("max_completion_tokens", "max_tokens")
        dialect = openai.Chat(limits) if provider == "openai" else openai.Responses()
        sdk, usual = openai.SDK, openai.BASE_URL
    place = Place(
        f"{provider}:{name}", key.get_secret_value(), f"{variable}_API_KEY", f"{variable}_BASE_URL", url or usual
    )
    return Remote(
        name,
        place,
        dialect,
        sdk,
        needs_key=not url,
        temperature=settings.temperature,
        price=_price(settings, provider, name) or (0.0, 0.0, 0.0),
        patience=Patience(total_s=TOTAL_S / links),
    )
