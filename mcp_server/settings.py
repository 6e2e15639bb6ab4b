"""The configuration, read once from the environment and from a file the person named; never from a repository."""

import os
from collections.abc import Mapping
from functools import cached_property
from hashlib import sha256
from os import environ
from pathlib import Path
from typing import Any, Literal

from platformdirs import user_config_path, user_state_path
from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, DotEnvSettingsSource, PydanticBaseSettingsSource, SettingsConfigDict

from mcp_server.model_settings import ModelSettings
from mcp_server.spending_settings import SpendingSettings
from mcp_server.values import Address, Hosts, Paths, SomeWords, WebAddress, Words, some
from state.problem import ProblemError

TOOLSETS = ("agents", "threads", "checkpoints", "repositories", "service")
CHANNELS = ("elicitation", "terminal", "rest")
FOLDERS = ("state_dir", "checkpoint_dir", "prompts_dir", "base_path")
ROOTS = ("allowed_roots", "excluded_roots", "trusted_roots")


class Settings(ModelSettings, SpendingSettings):
    """Every variable factor12 reads. `docs/configuration.md` is generated from this table."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", populate_by_name=True, env_ignore_empty=True)

    database_url: str = Field(
        default="",
        alias="FACTOR12_DATABASE_URL",
        description="Where the log is: sqlite:///PATH, or a path. Default: factor12.db in the state folder.",
    )
    state_dir: Path = Field(
        default_factory=lambda: user_state_path("factor12"),
        alias="FACTOR12_STATE_DIR",
        description="Private folder for the log, locks and scratch files.",
    )
    checkpoint_dir: Path | None = Field(
        default=None,
        alias="CHECKPOINT_DIR",
        description="Private folder for checkpoints and for threads' own work trees. Default: the state folder.",
    )
    prompts_dir: Path | None = Field(
        default=None,
        alias="FACTOR12_PROMPTS_DIR",
        description="Folder with your own prompts. Default: `prompts` in the configuration folder.",
    )
    base_path: Path | None = Field(
        default=None,
        alias="SISTER_REPO_BASE_PATH",
        description="Folder whose repositories may be used. Default: where the server's own repository stands.",
    )
    allowed_roots: Paths = Field(
        default=(), alias="FACTOR12_ALLOWED_ROOTS", description="Further folders whose repositories may be used."
    )
    excluded_roots: Paths = Field(
        default=(),
        alias="FACTOR12_EXCLUDED_ROOTS",
        description="Folders inside these whose repositories may not be used, nor seen in lists.",
    )
    trusted_roots: Paths = Field(
        default=(),
        alias="FACTOR12_TRUSTED_ROOTS",
        description="Folders whose repositories the person trusts: their own programs may run.",
    )
    session: str = Field(
        default="default", alias="FACTOR12_SESSION", description="The session of calls that name none."
    )
    max_concurrent_agents: int = Field(
        default=10, ge=1, le=1000, alias="MAX_CONCURRENT_AGENTS", description="Threads driven at the same time."
    )
    inline_wait_s: float = Field(
        default=20.0, ge=0, le=50, alias="FACTOR12_INLINE_WAIT_S", description="How long a call waits for its thread."
    )
    inline_bytes: int = Field(
        default=16384, ge=16384, alias="FACTOR12_INLINE_BYTES", description="Larger outputs are kept beside the log."
    )
    auto_resume_s: float = Field(
        default=900.0,
        ge=0,
        alias="FACTOR12_AUTO_RESUME_S",
        description="Threads interrupted longer ago wait for thread_resume.",
    )
    lease_s: float = Field(
        default=30.0, ge=1, alias="FACTOR12_LEASE_S", description="A driver silent for this long may be replaced."
    )
    durability: Literal["normal", "full"] = Field(
        default="normal",
        alias="FACTOR12_DURABILITY",
        description="full: every event survives power loss, not only writes, answers and dangerous outcomes.",
    )
    sandbox: Literal["auto", "require", "off"] = Field(
        default="auto",
        alias="FACTOR12_SANDBOX",
        description="auto: tests run in bubblewrap where it works; require: never without; off: as if there were none.",
    )
    approval: Literal["person", "host"] = Field(
        default="person",
        alias="FACTOR12_APPROVAL",
        description="host: the host's own permission prompt for thread_approve counts as a person's approval.",
    )
    approval_channels: Words = Field(
        default=CHANNELS,
        alias="FACTOR12_APPROVAL_CHANNELS",
        description="Where a person may approve: elicitation, terminal, rest (with a token that may approve).",
    )
    toolsets: Words = Field(
        default=TOOLSETS, alias="FACTOR12_TOOLSETS", description=f"Offer only tools of these: {', '.join(TOOLSETS)}."
    )
    read_only: bool = Field(
        default=False, alias="FACTOR12_READ_ONLY", description="Offer only what changes nothing, also over REST."
    )
    tools: SomeWords = Field(default=None, alias="FACTOR12_TOOLS", description="Offer only these tools. Default: all.")
    checkpoint_days: float = Field(
        default=30.0, ge=0, alias="FACTOR12_CHECKPOINT_DAYS", description="`factor12 gc` drops older checkpoints."
    )
    checkpoint_count: int = Field(
        default=100,
        ge=1,
        alias="FACTOR12_CHECKPOINT_COUNT",
        description="`factor12 gc` keeps so many checkpoints of a repository, the newest.",
    )
    api_host: str = Field(
        default="127.0.0.1",
        alias="API_HOST",
        description="Where `serve --transport http` and `sse` listen; this machine only.",
    )
    api_port: int = Field(
        default=8000, ge=0, le=65535, alias="API_PORT", description="The port of that; 0: any free one."
    )
    auth: Literal["auto", "required", "off"] = Field(
        default="auto",
        alias="FACTOR12_AUTH",
        description="Who is let in over HTTP. auto: anybody on this machine until the first token is made or an OAuth "
        "server is set, then only who has a token; required: only who has one; off: whoever reaches the port.",
    )
    public_url: WebAddress = Field(
        default="",
        alias="FACTOR12_PUBLIC_URL",
        description="Where clients reach this server, such as https://agents.example.org. Default: host and port.",
    )
    allowed_hosts: Hosts = Field(
        default=(),
        alias="FACTOR12_ALLOWED_HOSTS",
        description="Further names, with their ports if any, by which clients may call this server over HTTP.",
    )
    oauth_issuer: Address = Field(
        default="",
        alias="FACTOR12_OAUTH_ISSUER",
        description="The OAuth 2.0 authorization server whose tokens count, by its issuer identifier.",
    )
    oauth_audience: str = Field(
        default="",
        alias="FACTOR12_OAUTH_AUDIENCE",
        description="The audience its tokens must be for. Default: the public URL, with or without /mcp.",
    )
    oauth_jwks_url: Address = Field(
        default="",
        alias="FACTOR12_OAUTH_JWKS_URL",
        description="Where its keys are. Default: as its metadata says.",
    )
    webhooks: Path | None = Field(
        default=None,
        alias="FACTOR12_WEBHOOKS",
        description="The file with the rules of webhooks; docs/rest.md shows one. Default: none are taken.",
    )
    enable_metrics: bool = Field(
        default=True, alias="ENABLE_METRICS", description="Whether `/metrics` answers over HTTP."
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        default="WARNING", alias="LOG_LEVEL", description="What is written to stderr."
    )
    structured_logging: bool = Field(
        default=False, alias="STRUCTURED_LOGGING", description="Log as JSON lines instead of text."
    )

    @field_validator("log_level", mode="before")
    @classmethod
    def _any_case(cls, value: object) -> object:
        return value.upper() if isinstance(value, str) else value

    @field_validator(*FOLDERS, *ROOTS, "webhooks")
    @classmethod
    def _at_home(cls, value: Path | tuple[Path, ...] | None) -> Path | tuple[Path, ...] | None:
        """Know `~`, which hosts hand on as it stands in their configuration."""
        try:
            return (
                tuple(path.expanduser() for path in value) if isinstance(value, tuple) else value and value.expanduser()
            )
        except RuntimeError as error:  # ~somebody
            raise ValueError("nobody here has such a home") from error

    @field_validator("approval_channels")
    @classmethod
    def _known_channels(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if unknown := set(value) - set(CHANNELS):
            raise ValueError(f"unknown channel {', '.join(sorted(unknown))}; there are {', '.join(CHANNELS)}")
        return value

    @field_validator("toolsets")
    @classmethod
    def _known_toolsets(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        there = f"there are {', '.join(TOOLSETS)}"
        if unknown := [name for name in value if name not in TOOLSETS]:
            raise ValueError(f"unknown toolset {', '.join(unknown)}; {there}")
        return some(value, there)

    @field_validator("tools")
    @classmethod
    def _some_tools(cls, value: tuple[str, ...] | None) -> tuple[str, ...] | None:
        return value if value is None else some(value, "README.md lists them")

    @cached_property
    def database(self) -> Path:
        """The file the log is in."""
        named = self.database_url.removeprefix("sqlite:///")
        return Path(named).expanduser().absolute() if named else self.state_dir / "factor12.db"

    @cached_property
    def vaults(self) -> Path:
        """Where checkpoints are: in a folder for each database, whose logs say which are needed."""
        own = f"-{sha256(os.fsencode(self.database)).hexdigest()[:12]}" if self.database_url else ""
        return (self.checkpoint_dir or self.state_dir) / f"checkpoints{own}"

    @property
    def own_prompts(self) -> Path:
        return self.prompts_dir or user_config_path("factor12") / "prompts"

    @property
    def listens_at(self) -> str:
        host = f"[{self.api_host}]" if ":" in self.api_host else self.api_host
        return f"http://{host}:{self.api_port}"

    @property
    def worktrees(self) -> Path:
        """Where work trees of threads' own are."""
        return (self.checkpoint_dir or self.state_dir) / "worktrees"

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Take the environment over the named file; nothing else is read."""
        return init_settings, env_settings, dotenv_settings


def load(env_file: Path | None = None, **given: Any) -> Settings:
    """Read the settings; those that are given, by name, go before all others.

    Raises:
        ProblemError: `bad_input`, naming the variable and what it accepts; `not_found` for a named file.
    """
    if env_file is not None and not env_file.is_file():
        raise ProblemError("not_found", f"There is no file {str(env_file)!r}.", "Give --env-file a file that exists.")
    file = env_file or user_config_path("factor12") / ".env"
    try:
        named: dict[str, Any] = {"_env_file": file}
        return Settings(**named, **given)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        name, why = str(first["loc"][0]), first["msg"].removeprefix("Value error, ")
        secret = any(one.alias == name and one.annotation is SecretStr for one in Settings.model_fields.values())
        written = DotEnvSettingsSource(Settings, env_file=file).env_vars
        from mcp_server.outward import Outward, secrets_in  # a key may have been written where a name belongs

        message = Outward(more=secrets_in(written)).text(f"{name}={'…' if secret else repr(first['input'])}: {why}.")
        hint = "`docs/configuration.md` lists every variable."
        raise ProblemError("bad_input", message, hint) from (None if secret else error)


INHERITED = ("PATH", "LANG", "TZ", "HOME", "XDG_CONFIG_HOME", "GIT_CONFIG_GLOBAL")
TOOLCHAINS = (
    *("ASDF_DATA_DIR", "ASDF_DIR", "CARGO_HOME", "COREPACK_HOME", "FNM_DIR", "GOMODCACHE", "GOPATH", "GOROOT"),
    *("JAVA_HOME", "MISE_DATA_DIR", "NVM_BIN", "NVM_DIR", "PNPM_HOME", "PYENV_ROOT", "RUSTUP_HOME", "VOLTA_HOME"),
)
"""Where version managers keep the programs that the PATH leads to, which would look for them in the HOME they get."""


def child_environment(source: Mapping[str, str] = environ) -> dict[str, str]:
    """Return what a child may inherit (R10): where programs and git's settings are, how text is encoded; never a key.

    What runs a repository's own code sets a HOME of its own over this one.
    """
    return {
        name: value
        for name, value in source.items()
        if name in INHERITED or name.startswith("LC_") or (name in TOOLCHAINS and value.startswith("/"))
    }
