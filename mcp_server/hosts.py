"""The hosts there are: where each keeps its servers, and in which words."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeAlias

from mcp_server.jsonc_edit import pretty
from state.problem import ProblemError

Written: TypeAlias = Literal["claude-desktop", "claude-code", "cursor", "vscode"]
"""Hosts whose file can be edited without a loss."""
Printed: TypeAlias = Literal["claude-desktop", "claude-code", "cursor", "vscode", "zed", "codex", "gemini"]


@dataclass(frozen=True, slots=True)
class Started:
    """A server that the host starts and speaks to over stdio."""

    command: str
    args: tuple[str, ...] = ("serve",)
    env: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, slots=True)
class Listening:
    """A server that listens already; the host takes the bearer token from a variable of its own environment."""

    url: str
    token_variable: str = ""


Server: TypeAlias = Started | Listening


@dataclass(frozen=True, slots=True)
class Host:
    """A host's ways. A field that is empty names what it does not have."""

    title: str
    section: str
    user_file: Mapping[str, str]
    """Platform -> its file, below the home folder; `linux` for the rest."""
    project_file: str = ""
    comments: bool = False
    """Whether its file may hold comments and trailing commas."""
    stdio_type: bool = False
    """Whether it wants to be told that a server speaks stdio."""
    http_type: bool = False
    url: str = ""
    """What it calls a URL."""
    variable: str = ""
    """How a header names a variable."""
    on_windows: bool = False
    """Whether it runs on Windows where factor12 runs in WSL, and has to be told how to get in."""
    then: str = ""
    """What makes it read the file."""


_APPLICATIONS = "Library/Application Support"
HOSTS: Mapping[Printed, Host] = {
    "claude-desktop": Host(
        title="Claude Desktop",
        section="mcpServers",
        user_file={
            "linux": ".config/Claude/claude_desktop_config.json",
            "darwin": f"{_APPLICATIONS}/Claude/claude_desktop_config.json",
            "win32": "AppData/Roaming/Claude/claude_desktop_config.json",
        },
        on_windows=True,
        then="Quit Claude Desktop and start it again.",
    ),
    "claude-code": Host(
        title="Claude Code",
        section="mcpServers",
        user_file={"linux": ".claude.json"},
        project_file=".mcp.json",
        stdio_type=True,
        http_type=True,
        url="url",
        variable="${%s}",
        then="Start Claude Code anew; `claude mcp list` shows the server.",
    ),
    "cursor": Host(
        title="Cursor",
        section="mcpServers",
        user_file={"linux": ".cursor/mcp.json"},
        project_file=".cursor/mcp.json",
        comments=True,
        stdio_type=True,
        url="url",
        variable="${env:%s}",
        on_windows=True,
        then="Restart Cursor, or switch the server on in its MCP settings.",
    ),
    "vscode": Host(
        title="VS Code",
        section="servers",
        user_file={
            "linux": ".config/Code/User/mcp.json",
            "darwin": f"{_APPLICATIONS}/Code/User/mcp.json",
            "win32": "AppData/Roaming/Code/User/mcp.json",
        },
        project_file=".vscode/mcp.json",
        comments=True,
        stdio_type=True,
        http_type=True,
        url="url",
        variable="${env:%s}",
        on_windows=True,
        then="Run the command *MCP: List Servers* in VS Code and start it there.",
    ),
    "zed": Host(
        title="Zed",
        section="context_servers",
        user_file={"linux": ".config/zed/settings.json"},
        project_file=".zed/settings.json",
        comments=True,
        url="url",
    ),
    "codex": Host(title="Codex", section="mcp_servers", user_file={"linux": ".codex/config.toml"}, url="url"),
    "gemini": Host(
        title="Gemini CLI",
        section="mcpServers",
        user_file={"linux": ".gemini/settings.json"},
        project_file=".gemini/settings.json",
        comments=True,
        url="httpUrl",
        variable="${%s}",
    ),
}
OURS = ("type", "command", "args", "url", "httpUrl", "headers")
"""What an entry says about how the server is reached; everything else in it is the person's."""


def entry(name: Printed, server: Server) -> dict[str, Any]:
    """Return how the host's file names the server.

    Raises:
        ProblemError: `refused`; the host's file has no words for it.
    """
    host = HOSTS[name]
    match server:
        case Started(command, args, env):
            told: dict[str, Any] = {"type": "stdio"} if host.stdio_type else {}
            told |= {"command": command, "args": list(args)}
            return told | ({"env": dict(env)} if env else {})
        case Listening(url, variable):
            return _listening(name, host, url, variable)


def _listening(name: Printed, host: Host, url: str, variable: str) -> dict[str, Any]:
    if not host.url:
        raise ProblemError(
            "refused",
            f"The file of {host.title} has no place for a URL.",
            "Add it under Settings → Connectors, or leave out --url.",
        )
    told: dict[str, Any] = {"type": "http"} if host.http_type else {}
    told[host.url] = url
    if not variable:
        return told
    if name == "codex":
        return told | {"bearer_token_env_var": variable}
    if not host.variable:
        message = f"The file of {host.title} cannot take a token from a variable."
        raise ProblemError("refused", message, "Leave out --token-variable, and add the header by hand.")
    return told | {"headers": {"Authorization": f"Bearer {host.variable % variable}"}}


def merged(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    """Return the entry as it should be: what it says beyond how the server is reached stays, variables too."""
    kept = {key: value for key, value in old.items() if key in new or key not in OURS}
    if "command" not in new:
        kept.pop("env", None)
    both = {**kept, **new}
    if isinstance(env := old.get("env"), Mapping) and "command" in new:
        both["env"] = {**env, **new.get("env", {})}
    return both


def snippet(name: Printed, as_called: str, server: Server) -> str:
    """Return what a person pastes into the host's file, as a document of its own."""
    told = entry(name, server)
    if name == "codex":
        rows = [f"[mcp_servers.{as_called}]", *(f"{key} = {_toml(value)}" for key, value in told.items())]
        return "\n".join(rows) + "\n"
    return pretty({HOSTS[name].section: {as_called: told}}) + "\n"


def _toml(value: Any) -> str:
    """Write a value of TOML. Its strings are those of JSON, but for DEL, which it wants escaped."""
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{key} = {_toml(part)}" for key, part in _items(value)) + " }"
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _items(value: Any) -> list[tuple[str, Any]]:
    return list(value.items())


def place(name: Printed, platform: str, home: Path, variables: Mapping[str, str]) -> Path:
    """Return where the host keeps a person's servers on this platform."""
    host = HOSTS[name]
    if name == "claude-code" and (moved := variables.get("CLAUDE_CONFIG_DIR")):
        return Path(moved) / ".claude.json"
    if name == "codex" and (moved := variables.get("CODEX_HOME")):
        return Path(moved) / "config.toml"
    below = host.user_file.get(platform, host.user_file["linux"])
    configured = variables.get("XDG_CONFIG_HOME", "")
    if below.startswith(".config/") and platform != "darwin" and configured.startswith("/"):
        return Path(configured, below.removeprefix(".config/"))
    return home / below
