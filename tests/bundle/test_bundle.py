"""The bundle tells a host the truth, and what is laid out for it runs. That it packs, `make bundle` shows."""

import json
import struct
import sys
import tomllib
import zlib
from pathlib import Path
from typing import Annotated, Any, Literal

import anyio
import pytest
from mcp import Client, StdioServerParameters, stdio_client
from pydantic import BaseModel, ConfigDict, Field

from bundle.icon import SIZE, icon
from bundle.manifest import ROOT, manifest
from bundle.staging import stage
from tests.mcp_server.process import environment


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class Command(Strict):
    command: str
    args: list[str]
    env: dict[str, str]


class Server(Strict):
    type: Literal["uv"]
    entry_point: str
    mcp_config: Command


class Named(Strict):
    name: str
    description: str


class Prompt(Named):
    arguments: list[str]
    text: str


class Asked(Strict):
    type: Literal["string", "number", "boolean", "directory", "file"]
    title: str
    description: str
    required: bool
    default: str | None = None


class Compatibility(Strict):
    platforms: list[Literal["darwin", "win32", "linux"]]
    runtimes: dict[Literal["python", "node"], str]


class Manifest(Strict):
    """Version 0.4 of the format, as far as it is used; the format knows no other keys."""

    manifest_version: Literal["0.4"]
    name: Annotated[str, Field(pattern=r"^[a-z0-9-]+$")]
    display_name: str
    version: Annotated[str, Field(pattern=r"^\d+\.\d+\.\d+$")]
    description: str
    author: dict[Literal["name"], str]
    license: str
    icon: str
    server: Server
    tools: list[Named]
    prompts: list[Prompt]
    prompts_generated: bool = False
    compatibility: Compatibility
    user_config: dict[str, Asked]


@pytest.fixture(scope="module")
def staged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("bundle")
    stage(place)
    return place


def filled(text: str, place: Path, answers: dict[str, str]) -> str:
    """Put in what a host puts in."""
    for name, value in {"__dirname": str(place), **{f"user_config.{k}": v for k, v in answers.items()}}.items():
        text = text.replace(f"${{{name}}}", value)
    return text


def test_the_manifest_has_the_form_that_hosts_read(staged: Path) -> None:
    told = Manifest.model_validate_json((staged / "manifest.json").read_text())
    assert (staged / told.icon).is_file() and (staged / told.server.entry_point).is_file()
    assert told.server.mcp_config.args[-1] == told.server.entry_point
    assert told.version == tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]


def test_every_placeholder_is_a_question_and_every_question_is_used() -> None:
    told = manifest()
    env: dict[str, str] = told["server"]["mcp_config"]["env"]
    assert list(env.values()) == [f"${{user_config.{name}}}" for name in told["user_config"]]
    optional = [asked for asked in told["user_config"].values() if not asked["required"]]
    assert all(asked["default"] == "" for asked in optional), "or its placeholder would be handed on"


@pytest.mark.requirement("R19")
def test_what_is_laid_out_runs_as_a_host_starts_it_and_has_the_tools_it_says(staged: Path, tmp_path: Path) -> None:
    """Python stands in for `uv run`, which would fetch the same packages first."""
    told: dict[str, Any] = json.loads((staged / "manifest.json").read_text())
    config = told["server"]["mcp_config"]
    answers = {"base_path": str(tmp_path), "trusted_roots": ""}
    env = {name: filled(value, staged, answers) for name, value in config["env"].items()}
    known = {**environment(tmp_path / "state", **env), "PYTHONDONTWRITEBYTECODE": "1"}
    del known["PYTHONPATH"]
    server = StdioServerParameters(
        command=sys.executable, args=[str(staged / config["args"][-1])], env=known, cwd=tmp_path
    )

    async def ask() -> None:
        with anyio.fail_after(60):
            async with Client(stdio_client(server)) as client:
                tools = (await client.list_tools()).tools
                assert [{"name": t.name, "description": t.description} for t in tools] == told["tools"]
                *fixed, generated = (await client.list_prompts()).prompts
                assert generated.name == "resume_work" and told["prompts_generated"]
                for shown, prompt in zip(fixed, told["prompts"], strict=True):
                    assert shown.name == prompt["name"] and shown.description == prompt["description"]
                    assert [argument.name for argument in shown.arguments or []] == prompt["arguments"]
                    names: list[str] = prompt["arguments"]
                    made = await client.get_prompt(shown.name, {name: f"${{arguments.{name}}}" for name in names})
                    assert made.messages[0].content.model_dump()["text"] == prompt["text"]
                assert not (await client.call_tool("repo_list", {})).is_error

    anyio.run(ask)


def test_nothing_is_laid_out_but_the_program(staged: Path) -> None:
    files = ["LICENSE", "README.md", "icon.png", "manifest.json", "pyproject.toml", "server.py"]
    folders = ["agents", "mcp_server", "prompts", "state", "tools"]
    assert {path.name for path in staged.iterdir()} == {*files, *folders}
    assert [*staged.rglob("__pycache__")] == []


def test_uv_gets_the_locked_versions_and_nothing_for_development(staged: Path) -> None:
    project = tomllib.loads((staged / "pyproject.toml").read_text())
    assert project["tool"]["uv"]["default-groups"] == []
    pins: list[str] = project["tool"]["uv"]["constraint-dependencies"]
    names = {pin.partition("==")[0].partition("[")[0] for pin in pins}
    wanted = {name.split("[")[0].split(">")[0] for name in project["project"]["dependencies"]}
    assert wanted <= names and all("hash" not in pin for pin in pins)


def test_the_icon_is_a_picture_of_the_size_that_hosts_want() -> None:
    data = icon()
    assert data[:8] == b"\x89PNG\r\n\x1a\n" and struct.unpack(">II", data[16:24]) == (SIZE, SIZE) == (512, 512)
    start = data.index(b"IDAT")
    (length,) = struct.unpack(">I", data[start - 4 : start])
    assert len(zlib.decompress(data[start + 4 : start + 4 + length])) == SIZE * (4 * SIZE + 1)


def test_the_lock_of_the_packer_pins_by_hash_and_names_no_registry() -> None:
    wanted = json.loads((ROOT / "bundle" / "package.json").read_text())["dependencies"]
    text = (ROOT / "bundle" / "package-lock.json").read_text()
    packages: dict[str, dict[str, Any]] = json.loads(text)["packages"]
    assert packages[""]["dependencies"] == wanted
    assert all(version[0].isdigit() for version in wanted.values())
    assert all(each["integrity"] and "resolved" not in each for name, each in packages.items() if name)
