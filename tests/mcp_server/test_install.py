"""`factor12 install`: a host's file gets one entry, everything else in it stays, and nothing is lost on the way."""

import json
import os
import stat
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from mcp_server import hostfile
from mcp_server.hostcommand import Machine, program
from mcp_server.hosts import HOSTS, Printed, Written, place
from state.problem import ProblemError
from tests.documentation import EXAMPLE, ROOT, pasted
from tests.mcp_server.shell import Shell, open_shell

FACTOR12 = str(Path(sys.executable).with_name("factor12"))
FILES: dict[Written, str] = {
    "claude-desktop": "config/Claude/claude_desktop_config.json",
    "claude-code": ".claude.json",
    "cursor": ".cursor/mcp.json",
    "vscode": "config/Code/User/mcp.json",
}


@pytest.fixture
def shell(make_repository: Callable[..., Path], tmp_path: Path) -> Shell:
    """A shell in the repository `src/shop`."""
    return open_shell(make_repository, tmp_path, {"README.md": "shop\n"})


def file_of(shell: Shell, host: Written, text: str | bytes | None = None) -> Path:
    """Return the host's file of the shell's person; with a text, it has that."""
    path = shell.state / FILES[host]
    if text is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def beside(path: Path) -> list[str]:
    return sorted(each.name for each in path.parent.iterdir() if each != path and each.is_file())


@pytest.mark.parametrize("host", FILES)
def test_a_host_without_a_file_gets_one_that_starts_this_program(shell: Shell, host: Written) -> None:
    path = file_of(shell, host)
    done = shell.quick("install", host, "--yes")
    assert done.code == 0 and f"Written: {path}." in done.out and HOSTS[host].then in done.out, done
    entry = json.loads(path.read_text())[HOSTS[host].section]["factor12"]
    kind = {} if host == "claude-desktop" else {"type": "stdio"}
    base = str(shell.folder.parent)
    assert entry == {**kind, "command": FACTOR12, "args": ["serve"], "env": {"SISTER_REPO_BASE_PATH": base}}
    assert path.read_text() == shell.quick("install", host, "--print").out
    assert beside(path) == [], "there was nothing to keep"


def test_what_was_written_starts_a_server_without_any_environment(shell: Shell) -> None:
    shell.quick("install", "claude-desktop", "--yes")
    entry = json.loads(file_of(shell, "claude-desktop").read_text())["mcpServers"]["factor12"]
    started = subprocess.run(
        [entry["command"], *entry["args"]],
        env={"HOME": str(shell.state), **entry["env"]},
        cwd="/",
        input='{"jsonrpc":"2.0","id":1,"method":"ping"}\n',
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert json.loads(started.stdout)["id"] == 1, started.stderr


@pytest.mark.parametrize("host", HOSTS)
def test_print_says_what_to_paste_on_stdout_and_where_on_stderr(shell: Shell, host: Printed) -> None:
    printed = shell.quick("install", host, "--print")
    wanted = pasted(host).replace("/absolute/path/to/factor12/.venv/bin/factor12", FACTOR12)
    assert printed.out == wanted.replace("/absolute/path/to/your/repositories", str(shell.folder.parent))
    assert printed.err.startswith(f"For {shell.state}") and printed.err.count("\n") == 1
    read = tomllib.loads(printed.out) if host == "codex" else json.loads(printed.out)
    assert list(read) == [HOSTS[host].section]
    assert not (shell.state / ".claude.json").exists()


def test_the_example_is_what_is_printed_for_claude_desktop() -> None:
    assert (ROOT / EXAMPLE).read_text(encoding="utf-8") == pasted("claude-desktop"), "run: make docs"


@pytest.mark.parametrize("host", ["zed", "codex", "gemini"])
def test_hosts_whose_file_is_not_edited_are_printed_only(shell: Shell, host: str) -> None:
    done = shell.quick("install", host, "--yes")
    assert done.code == 1 and "Add --print" in done.complaint
    assert shell.quick("uninstall", host).code == 2


def test_everything_else_in_the_file_stays_and_a_second_time_there_is_nothing_to_change(shell: Shell) -> None:
    before = '{\n\t// mine\n\t"inputs": [1,2],\n\t"servers": {\n\t\t"b": {"env": {"K": "v"}}, // b\n\t},\n}'
    path = file_of(shell, "vscode", before)
    path.chmod(0o640)
    assert shell.quick("install", "vscode", "--yes").code == 0
    rows = path.read_text().splitlines()
    assert [row for row in before.splitlines() if row not in rows] == []
    assert rows[5] == '\t\t"factor12": {' and rows[6] == '\t\t\t"type": "stdio",'
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    backup = path.with_name("mcp.json.factor12-backup")
    assert backup.read_text() == before and stat.S_IMODE(backup.stat().st_mode) == 0o640
    was = path.stat()
    again = shell.where(PWD="x").quick("install", "vscode", "--yes")
    assert again.out == f"Nothing to change in {path}.\n" and again.code == 0
    assert path.stat() == was and beside(path) == [backup.name]


def rows_of(shown: str) -> list[str]:
    return [row for row in shown.splitlines() if row[:1] in "-+" and row[:3] not in ("---", "+++")]


@pytest.mark.parametrize("tail", ["", ","])
@pytest.mark.parametrize("server", ['{"env": {"K": "secret"}}', '{\n      "env": {"K": "secret"}\n    }'])
def test_the_diff_shows_the_change_and_nothing_of_its_neighbours(shell: Shell, server: str, tail: str) -> None:
    file_of(shell, "cursor", f'{{\n  "mcpServers": {{\n    "b": {server}{tail}\n  }}\n}}\n')
    added = shell.quick("install", "cursor", "--yes").out
    entry = json.dumps(str(shell.folder.parent))
    assert rows_of(added) == [
        *([] if tail else ["+,"]),
        '+    "factor12": {',
        '+      "type": "stdio",',
        f'+      "command": "{FACTOR12}",',
        '+      "args": ["serve"],',
        '+      "env": {',
        f'+        "SISTER_REPO_BASE_PATH": {entry}',
        "+      }",
        f"+    }}{tail}",
    ]
    changed = shell.quick("install", "cursor", "--base-path", "/", "--yes").out
    assert rows_of(changed) == [
        f'-        "SISTER_REPO_BASE_PATH": {entry}',
        '+        "SISTER_REPO_BASE_PATH": "/"',
    ]
    removed = shell.quick("uninstall", "cursor", "--yes").out
    assert '-    "factor12": {' in removed and "secret" not in added + changed + removed


def test_a_file_on_one_long_line_is_shown_where_it_changes(shell: Shell) -> None:
    before = json.dumps({"a": "x" * 5000, "mcpServers": {"b": {}}, "c": "y" * 5000})
    path = file_of(shell, "claude-code", before)
    shown = shell.quick("install", "claude-code", "--yes").out
    assert '+, "factor12": {"type": "stdio"' in shown and len(shown) < 1000
    assert len(path.read_text().splitlines()) == 1


def test_a_backup_never_takes_the_place_of_an_older_one(shell: Shell) -> None:
    path = file_of(shell, "cursor", "{}")
    for level in ("INFO", "DEBUG", "ERROR"):
        shell.quick("install", "cursor", "--env", f"LOG_LEVEL={level}", "--yes")
    names = ["mcp.json.factor12-backup", "mcp.json.factor12-backup-2", "mcp.json.factor12-backup-3"]
    assert beside(path) == names
    assert (path.parent / names[0]).read_text() == "{}"
    assert "INFO" in (path.parent / names[1]).read_text()


def test_an_entry_that_differs_keeps_what_is_the_persons_own(shell: Shell) -> None:
    own = {"PATH": "/x", "SISTER_REPO_BASE_PATH": "/mine"}
    old = {"timeout": 5, "command": "old", "args": ["x"], "env": own}
    path = file_of(shell, "claude-desktop", json.dumps({"mcpServers": {"factor12": old, "b": {}}}, indent=4))
    assert shell.quick("install", "claude-desktop", "--env", "LOG_LEVEL=INFO", "--yes").code == 0
    servers = json.loads(path.read_text())["mcpServers"]
    assert list(servers) == ["factor12", "b"]
    env = {**own, "LOG_LEVEL": "INFO"}
    assert servers["factor12"] == {"timeout": 5, "command": FACTOR12, "args": ["serve"], "env": env}
    shell.quick("install", "claude-desktop", "--base-path", str(shell.folder), "--yes")
    written = json.loads(path.read_text())["mcpServers"]["factor12"]["env"]
    assert written == {**env, "SISTER_REPO_BASE_PATH": str(shell.folder)}


def test_uninstall_takes_the_entry_out_and_nothing_else(shell: Shell) -> None:
    before = '{\n  "mcpServers": {\n    "b": {}\n  },\n  "a": 1\n}\n'
    path = file_of(shell, "claude-code", before)
    shell.quick("install", "claude-code", "--name", "agents", "--yes")
    assert '"agents"' in path.read_text()
    assert "'factor12' is not in" in shell.quick("uninstall", "claude-code", "--yes").out
    assert shell.quick("uninstall", "claude-code", "--name", "agents", "--yes").code == 0
    assert path.read_text() == before


HOSTILE = [
    pytest.param("cursor", "[]", "not an object", id="an array"),
    pytest.param("cursor", '{"mcpServers": 3}', "'mcpServers', line 1, is not an object", id="a wrong section"),
    pytest.param("cursor", '{"mcpServers": {"factor12": []}}', "'factor12' is not an object", id="a wrong entry"),
    pytest.param("cursor", '{"mcpServers": {}, "mcpServers": {}}', "twice, lines 1 and 1", id="two sections"),
    pytest.param(
        "cursor", '{"mcpServers": {"factor12": {}, "factor12": {}}}', "twice, lines 1 and 1", id="two entries"
    ),
    pytest.param("cursor", '{"mcpServers": {"factor12": {/* x */}}}', "a comment stands", id="comments in the entry"),
    pytest.param("cursor", '{"mcpServers": {', "is missing here", id="cut off"),
    pytest.param("cursor", "mcpServers:\n  a: 1\n", "this is no JSON", id="YAML"),
    pytest.param(
        "claude-desktop", "{} // mine\n", "which Claude Desktop does not read", id="comments for a strict host"
    ),
    pytest.param("claude-code", '{"a": 1,}', "which Claude Code does not read", id="a comma for a strict host"),
]


@pytest.mark.parametrize(("host", "text", "why"), HOSTILE)
def test_what_cannot_be_merged_safely_is_left_alone_and_the_entry_printed(
    shell: Shell, host: Written, text: str, why: str
) -> None:
    path = file_of(shell, host, text)
    done = shell.quick("install", host, "--yes")
    assert done.code == 1 and why in done.complaint and "put in by hand" in done.complaint
    assert done.out == shell.quick("install", host, "--print").out
    assert path.read_text() == text and beside(path) == []


def test_a_file_that_is_no_text_is_left_alone(shell: Shell) -> None:
    path = file_of(shell, "cursor", b'{"a": 1,\n"b": "\xff"}')
    assert "is not UTF-8, line 2" in shell.quick("install", "cursor", "--yes").complaint
    assert path.read_bytes() == b'{"a": 1,\n"b": "\xff"}' and beside(path) == []


def test_a_file_of_zero_bytes_and_one_of_a_megabyte_are_merged(shell: Shell) -> None:
    path = file_of(shell, "vscode", b"")
    assert shell.quick("install", "vscode", "--yes").code == 0
    assert "factor12" in json.loads(path.read_text())["servers"]
    history = [{"text": "a\\n" * 50, "at": n} for n in range(6000)]
    big = {"history": history, "mcpServers": dict[str, str]()}
    path = file_of(shell, "claude-code", json.dumps(big, indent=2))
    assert shell.quick("install", "claude-code", "--yes").code == 0
    after = json.loads(path.read_text())
    assert after["history"] == history and list(after["mcpServers"]) == ["factor12"]


def test_a_file_that_is_too_large_is_left_alone(shell: Shell) -> None:
    path = file_of(shell, "cursor", "{}")
    os.truncate(path, hostfile.LARGEST + 1)
    assert "17 MB large" in shell.quick("install", "cursor", "--yes").complaint
    assert path.stat().st_size == hostfile.LARGEST + 1


def test_a_link_stays_a_link_and_its_target_is_written(shell: Shell, tmp_path: Path) -> None:
    kept = tmp_path / "dotfiles" / "cursor.json"
    kept.parent.mkdir()
    kept.write_text("{}")
    path = file_of(shell, "cursor")
    path.parent.mkdir(parents=True)
    path.symlink_to(kept)
    assert shell.quick("install", "cursor", "--yes").code == 0
    assert path.is_symlink() and "factor12" in kept.read_text()
    assert beside(path) == ["mcp.json.factor12-backup"] and beside(kept) == []


def test_a_link_to_nothing_a_folder_and_a_read_only_file_are_left_alone(shell: Shell) -> None:
    path = file_of(shell, "cursor")
    path.parent.mkdir(parents=True)
    path.symlink_to("/nowhere/at/all")
    assert "cannot be read" in shell.quick("install", "cursor", "--yes").complaint
    path.unlink()
    path.mkdir()
    assert "is not a file" in shell.quick("install", "cursor", "--yes").complaint
    path.rmdir()
    path.write_text("{}")
    path.chmod(0o444)
    assert "is read-only" in shell.quick("install", "cursor", "--yes").complaint
    assert path.read_text() == "{}" and beside(path) == []


def test_a_folder_that_cannot_be_written_is_said_so(shell: Shell) -> None:
    done = shell.quick("install", "cursor", "--file", "/proc/mcp.json", "--yes")
    assert done.code == 1 and "cannot be written" in done.complaint and "Nothing was changed" in done.complaint


def test_a_person_is_asked_and_shown_the_change_first(shell: Shell) -> None:
    path = file_of(shell, "vscode", "{}")
    with shell.person("install", "vscode") as person:
        person.sees(r'\+    "factor12"')
        person.sees("Type yes: ")
        person.types("no")
        assert person.leaves() == 1
    assert path.read_text() == "{}" and beside(path) == []
    with shell.person("install", "vscode") as person:
        person.sees("Type yes: ")
        person.types("yes")
        assert person.leaves() == 0
    assert "factor12" in path.read_text()
    with shell.person("uninstall", "vscode") as person:
        person.sees("Type yes: ")
        person.presses("\x04")
        assert person.leaves() == 1
    assert "factor12" in path.read_text()


def test_a_change_while_the_person_reads_is_not_written_over(shell: Shell) -> None:
    path = file_of(shell, "vscode", "{}")
    with shell.person("install", "vscode") as person:
        person.sees("Type yes: ")
        path.write_text('{"servers": {"new": {}}}')
        person.types("yes")
        person.sees("was changed by somebody else")
        assert person.leaves() == 1
    assert path.read_text() == '{"servers": {"new": {}}}' and beside(path) == []


def test_a_file_that_comes_to_be_meanwhile_is_not_written_over(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "mcp.json"
    before = hostfile.read(path)
    path.parent.mkdir()
    path.write_text("theirs")
    with pytest.raises(ProblemError, match="changed by somebody else"):
        hostfile.write(before, "ours")
    assert path.read_text() == "theirs" and beside(path) == []


def test_without_a_terminal_and_without_yes_nothing_is_written(shell: Shell) -> None:
    path = file_of(shell, "cursor", "{}")
    done = shell.run("install", "cursor")
    assert done.code == 1 and "Add --yes" in done.complaint
    assert path.read_text() == "{}"


def test_a_project_and_a_named_file_are_other_places(shell: Shell, tmp_path: Path) -> None:
    for host, name in (("claude-code", ".mcp.json"), ("cursor", ".cursor/mcp.json"), ("vscode", ".vscode/mcp.json")):
        assert shell.quick("install", host, "--project", ".", "--yes").code == 0
        assert "factor12" in (shell.folder / name).read_text()
    named = tmp_path / "else" / "where.json"
    assert shell.quick("install", "vscode", "--file", str(named), "--yes").code == 0
    assert "factor12" in named.read_text() and not (shell.state / "config").exists()
    assert "no file for a project" in shell.quick("install", "claude-desktop", "--project", ".").complaint
    assert "is not a folder" in shell.quick("install", "cursor", "--project", "nowhere").complaint
    assert "two places" in shell.quick("install", "cursor", "--project", ".", "--file", "x").complaint


def test_a_server_that_listens_is_named_by_its_url_and_never_a_token(shell: Shell) -> None:
    words = ("--url", "http://127.0.0.1:8000/mcp", "--token-variable", "TOKEN")
    path = file_of(shell, "claude-code", '{"mcpServers": {"factor12": {"command": "x", "env": {}, "scope": "me"}}}')
    assert shell.quick("install", "claude-code", *words, "--yes").code == 0
    assert json.loads(path.read_text())["mcpServers"]["factor12"] == {
        "scope": "me",
        "type": "http",
        "url": "http://127.0.0.1:8000/mcp",
        "headers": {"Authorization": "Bearer ${TOKEN}"},
    }
    assert '"Bearer ${env:TOKEN}"' in shell.quick("install", "cursor", *words, "--print").out
    assert '"Bearer ${env:TOKEN}"' in shell.quick("install", "vscode", *words, "--print").out
    assert '"httpUrl"' in shell.quick("install", "gemini", *words, "--print").out
    codex = tomllib.loads(shell.quick("install", "codex", *words, "--print").out)["mcp_servers"]["factor12"]
    assert codex == {"url": "http://127.0.0.1:8000/mcp", "bearer_token_env_var": "TOKEN"}
    assert "cannot take a token" in shell.quick("install", "zed", *words, "--print").complaint
    assert "no place for a URL" in shell.quick("install", "claude-desktop", *words, "--yes").complaint
    shell.quick("install", "claude-code", "--yes")
    back = json.loads(path.read_text())["mcpServers"]["factor12"]
    assert list(back) == ["scope", "type", "command", "args", "env"]


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("--name", "two words"), "is no name"),
        (("--env", "LOG_LEVEL"), "is not NAME=VALUE"),
        (("--env", "1=2"), "is not NAME=VALUE"),
        (("--env", "A=b\x00c"), "is not NAME=VALUE"),
        (("--base-path", "nowhere"), "is not a folder"),
        (("--url", "file:///etc/passwd"), "is no address"),
        (("--url", "http://user:word@host/mcp"), "is no address"),
        (("--url", "http://[::1/mcp"), "is no address"),
        (("--token-variable", "X"), "is no address"),
        (("--url", "http://h/mcp", "--token-variable", "a-token"), "not the name of a variable"),
    ],
)
def test_options_that_make_no_sense_are_usage_errors(shell: Shell, words: tuple[str, ...], why: str) -> None:
    done = shell.quick("install", "cursor", *words, "--yes")
    assert done.code == 2 and why in done.complaint
    assert not file_of(shell, "cursor").exists()


def test_outside_a_repository_the_folder_must_be_named(shell: Shell, tmp_path: Path) -> None:
    outside = Shell(tmp_path, shell.state)
    assert "is in no repository" in outside.quick("install", "cursor", "--yes").complaint
    assert outside.quick("install", "cursor", "--base-path", ".", "--yes").code == 0
    env = json.loads(file_of(shell, "cursor").read_text())["mcpServers"]["factor12"]["env"]
    assert env == {"SISTER_REPO_BASE_PATH": str(tmp_path)}
    configured = outside.where(SISTER_REPO_BASE_PATH="/srv/src").quick("install", "vscode", "--print").out
    assert json.loads(configured)["servers"]["factor12"]["env"] == {"SISTER_REPO_BASE_PATH": "/srv/src"}


@pytest.mark.parametrize(
    ("host", "platform", "variables", "wanted"),
    [
        ("claude-desktop", "linux", {}, "/h/.config/Claude/claude_desktop_config.json"),
        ("claude-desktop", "linux", {"XDG_CONFIG_HOME": "/x"}, "/x/Claude/claude_desktop_config.json"),
        ("claude-desktop", "linux", {"XDG_CONFIG_HOME": "x"}, "/h/.config/Claude/claude_desktop_config.json"),
        ("claude-desktop", "darwin", {}, "/h/Library/Application Support/Claude/claude_desktop_config.json"),
        ("claude-desktop", "win32", {}, "/h/AppData/Roaming/Claude/claude_desktop_config.json"),
        ("claude-code", "darwin", {}, "/h/.claude.json"),
        ("claude-code", "linux", {"CLAUDE_CONFIG_DIR": "/c"}, "/c/.claude.json"),
        ("cursor", "win32", {"XDG_CONFIG_HOME": "/x"}, "/h/.cursor/mcp.json"),
        ("vscode", "darwin", {}, "/h/Library/Application Support/Code/User/mcp.json"),
        ("vscode", "win32", {}, "/h/AppData/Roaming/Code/User/mcp.json"),
        ("zed", "darwin", {"XDG_CONFIG_HOME": "/x"}, "/h/.config/zed/settings.json"),
        ("codex", "linux", {"CODEX_HOME": "/c"}, "/c/config.toml"),
        ("gemini", "darwin", {}, "/h/.gemini/settings.json"),
    ],
)
def test_each_platform_has_its_place(host: Printed, platform: str, variables: dict[str, str], wanted: str) -> None:
    assert place(host, platform, Path("/h"), variables) == Path(wanted)


def program_at(path: Path, text: str) -> None:
    path.write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
    path.chmod(0o755)


def test_inside_wsl_the_files_of_windows_get_an_entry_that_enters_it(shell: Shell, tmp_path: Path) -> None:
    """Two stand-ins answer as the programs of Windows do; a host there hands no variables over."""
    windows = tmp_path / "windows"
    windows.mkdir()
    program_at(windows / "cmd.exe", r"printf 'C:\\Users\\me\r\n'")
    program_at(windows / "wslpath", f"test \"$2\" = 'C:\\Users\\me' && echo {windows}/me")
    inside = shell.where(WSL_DISTRO_NAME="Debian", PATH=f"{windows}:{os.environ['PATH']}")
    assert inside.quick("install", "claude-desktop", "--yes").code == 0
    written = windows / "me/AppData/Roaming/Claude/claude_desktop_config.json"
    assert json.loads(written.read_text())["mcpServers"]["factor12"] == {
        "command": "wsl.exe",
        "args": [
            *("-d", "Debian", "--exec", "/usr/bin/env"),
            *(f"SISTER_REPO_BASE_PATH={shell.folder.parent}", FACTOR12, "serve"),
        ],
    }
    assert inside.quick("install", "claude-code", "--yes").code == 0, "it runs inside WSL itself"
    assert json.loads(file_of(shell, "claude-code").read_text())["mcpServers"]["factor12"]["command"] == FACTOR12
    program_at(windows / "cmd.exe", "exit 1")
    assert "Name it with --file" in inside.quick("install", "cursor", "--yes").complaint


def test_a_program_that_is_nowhere_or_in_a_cache_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ProblemError, match="There is no `factor12` program"):
        program("mcp_server/__main__.py", str(tmp_path / "python"))
    passing = tmp_path / "uv" / "archive-v0" / "x" / "factor12"
    passing.parent.mkdir(parents=True)
    program_at(passing, "")
    with pytest.raises(ProblemError, match="in the cache of uv"):
        program(str(passing), str(tmp_path / "python"))
    program_at(tmp_path / "factor12", "")
    assert program("mcp_server/__main__.py", str(tmp_path / "none" / "python")) == tmp_path / "factor12"


def test_where_windows_is_not_asked_outside_wsl() -> None:
    machine = Machine("linux", Path("/h"), {})
    assert machine.file("cursor", None) == Path("/h/.cursor/mcp.json") and machine.distribution == ""
