"""Which bubblewrap is used, what it is shown, and what is said where there is none."""

import os
import sys
from pathlib import Path

import pytest

from mcp_server.settings import TOOLCHAINS
from tests.tools.boxing import the_box
from tools.boxes import bubblewrap
from tools.boxes.bubblewrap import Bubblewrap
from tools.boxes.sandbox import Policy
from tools.boxes.toolchains import KEPT_BY, toolchains

linux = pytest.mark.skipif(sys.platform != "linux", reason="bubblewrap runs on Linux only")

REFUSES = "#!/bin/sh\necho 'bwrap: setting up uid map: Permission denied' >&2\nexit 1\n"


def program(place: Path, text: str = "#!/bin/sh\nexit 0\n") -> Path:
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(text, encoding="utf-8")
    place.chmod(0o755)
    return place


@linux
def test_a_bwrap_inside_a_folder_of_repositories_is_never_used(tmp_path: Path) -> None:
    marker = tmp_path / "ran"
    brought = program(tmp_path / "src/shop/bin/bwrap", f"#!/bin/sh\n/usr/bin/touch {marker}\n")
    (tmp_path / "links").mkdir()
    (tmp_path / "links/bwrap").symlink_to(brought)
    path = f"{brought.parent}:{tmp_path / 'links'}:relative"
    assert str(tmp_path) not in Bubblewrap(path, [tmp_path / "src"]).standing().says
    assert not marker.exists()
    assert Bubblewrap(path).standing().says == str(brought), "outside of them it would be the system's"
    assert marker.exists()


@linux
def test_one_that_cannot_start_a_box_says_why_and_the_next_is_tried(tmp_path: Path) -> None:
    refuses = program(
        tmp_path / "1/bwrap", "#!/bin/sh\necho 'bwrap: setting up uid map: Permission denied.' >&2\nexit 1\n"
    )
    silent = program(tmp_path / "2/bwrap", "#!/bin/sh\nexit 7\n")
    broken = program(tmp_path / "3/bwrap", "not a program")
    works = program(tmp_path / "4/bwrap")
    path = ":".join(str(each.parent) for each in (refuses, silent, broken, works))
    assert Bubblewrap(path).standing().says == str(works)


@linux
def test_without_one_that_works_every_reason_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def none(_name: str) -> None: ...

    monkeypatch.setattr(bubblewrap, "find_spec", none)
    switch = tmp_path / "switch"
    switch.write_text("1\n")
    monkeypatch.setattr(bubblewrap, "_SWITCHES", ((str(switch), "1", "AppArmor restricts them"), ("/absent", "1", "")))
    refuses = program(
        tmp_path / "1/bwrap", "#!/bin/sh\necho 'bwrap: setting up uid map: Permission denied' >&2\nexit 1\n"
    )
    broken = program(tmp_path / "2/bwrap", "not a program")
    found = Bubblewrap(f"{refuses.parent}:{broken.parent}").standing()
    assert found.name == "none"
    assert found.says == (
        f"{refuses} cannot start a box: setting up uid map: Permission denied (AppArmor restricts them); "
        f"{broken} cannot start a box: Exec format error"
    )
    assert "install bubblewrap" in Bubblewrap("").standing().says


def test_elsewhere_than_on_linux_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    assert Bubblewrap("/usr/bin").standing().says == "bubblewrap runs on Linux only"


def test_one_that_hangs_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bubblewrap, "PROBE_S", 0.2)
    monkeypatch.setattr(sys, "platform", "linux")
    hangs = program(tmp_path / "bwrap", "#!/bin/sh\nexec sleep 60\n")
    assert Bubblewrap(str(hangs.parent)).standing().says != str(hangs)


def test_a_process_asks_once(tmp_path: Path) -> None:
    asked = tmp_path / "asked"
    counts = program(tmp_path / "bwrap", f"#!/bin/sh\necho once >> {asked}\n")
    box = Bubblewrap(str(counts.parent))
    if sys.platform != "linux":
        pytest.skip("bubblewrap runs on Linux only")
    assert [box.standing().name for _ in range(3)] == ["bwrap"] * 3
    assert asked.read_text() == "once\n"


def test_every_toolchain_that_a_child_may_know_of_is_shown_in_a_box() -> None:
    assert KEPT_BY.keys() == set(TOOLCHAINS)


def policy(tmp_path: Path, **environment: str) -> Policy:
    for name in ("shop", "state/scratch"):
        (tmp_path / name).mkdir(parents=True, exist_ok=True)
    return Policy(tmp_path / "shop", tmp_path / "state/scratch", environment)


def installation(prefix: Path) -> Path:
    """Make what looks like an installation of Python, with something beside it that is none of a box's business."""
    program(prefix / "bin/python3")
    for file in ("lib/python3.11/os.py", "secret/key"):
        (prefix / file).parent.mkdir(parents=True)
        (prefix / file).touch()
    return prefix


def shown(program: Path, given: Policy) -> set[str]:
    return {str(place) for place in toolchains(str(program), given)}


def test_of_an_installation_the_programs_and_libraries_are_shown(tmp_path: Path) -> None:
    python = installation(tmp_path / "python")
    expected = {f"{python}/bin", f"{python}/lib"}
    assert shown(python / "bin/python3", policy(tmp_path)) == expected
    assert shown(Path("/bin/sh"), policy(tmp_path, PATH=f"{python}/bin")) == expected


@pytest.mark.parametrize("name", ["PATH", "PYENV_ROOT", "GOPATH", "CARGO_HOME"])
def test_a_folder_that_cannot_be_looked_at_is_not_shown_and_stops_nothing(tmp_path: Path, name: str) -> None:
    python = installation(tmp_path / "python")
    expected = {f"{python}/bin", f"{python}/lib"}
    beyond = (
        f"/{'x' * 300}"  # no name that the system knows: like a folder of another account, it cannot be asked about
    )
    assert shown(python / "bin/python3", policy(tmp_path, **{name: f"{beyond}/bin"})) == expected
    assert shown(Path(beyond, "bin/python3"), policy(tmp_path)) == set()


def test_a_link_in_the_repository_shows_an_installation_and_nothing_else(tmp_path: Path) -> None:
    given, python = policy(tmp_path), installation(tmp_path / "python")
    (tmp_path / "shop/.venv/bin").mkdir(parents=True)
    link = tmp_path / "shop/.venv/bin/python"
    (tmp_path / "current").symlink_to(python)
    link.symlink_to(tmp_path / "current/bin/python3")
    assert shown(link, given) == {f"{tmp_path}/current/bin", f"{tmp_path}/current/lib"}
    secret = program(tmp_path / "other/bin/python3")
    (tmp_path / "other/pyvenv.cfg").touch()
    link.unlink()
    link.symlink_to(secret)
    assert shown(link, given) == set(), "a folder that only calls itself an environment"
    assert shown(secret, given) == {f"{tmp_path}/other/bin", f"{tmp_path}/other/pyvenv.cfg"}, "the person's own PATH"


def test_credentials_beside_a_toolchain_and_folders_that_hold_everything_are_not_shown(tmp_path: Path) -> None:
    for folder in ("cargo/bin", "cargo/registry", "go/pkg", "go/src/other"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "cargo/credentials.toml").touch()
    home = str(Path.home())
    environment = {"CARGO_HOME": f"{tmp_path}/cargo", "GOPATH": f"{tmp_path}/go", "NVM_DIR": home, "PYENV_ROOT": "/"}
    given = policy(tmp_path, **environment, JAVA_HOME=str(tmp_path), PATH=f"{home}:/usr/bin:/:{tmp_path}/shop/bin")
    assert shown(Path("/bin/sh"), given) == {f"{tmp_path}/{part}" for part in ("cargo/bin", "cargo/registry", "go/pkg")}


def test_links_that_lead_in_a_circle_end(tmp_path: Path) -> None:
    circle = tmp_path / "shop/python"
    given = policy(tmp_path)
    circle.symlink_to(circle)
    assert shown(circle, given) == set()


@linux
def test_the_command_in_the_box_is_the_last_of_its_words(tmp_path: Path) -> None:
    words = the_box().wrap(["/bin/echo", "--bind", "/"], policy(tmp_path, PATH=os.defpath))
    assert words[words.index("--") :] == ["--", "/bin/echo", "--bind", "/"]
    assert {"--unshare-all", "--disable-userns", "--die-with-parent", "--new-session"} <= set(words)
