"""The key beside the store: made once, private, whole, and the same for every process."""

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from mcp_server.sealing import KEY_BYTES, sealed_by
from state.sqlite import StoreError


@pytest.mark.requirement("R8")
def test_the_key_is_private_and_every_process_has_the_same(tmp_path: Path) -> None:
    database = tmp_path / "log.db"
    with ThreadPoolExecutor(8) as processes:
        seals = list(processes.map(sealed_by, [database] * 16))
    key = tmp_path / "log.db.key"
    assert stat.S_IMODE(key.stat().st_mode) == 0o600 and len(key.read_bytes()) == KEY_BYTES
    assert [path.name for path in tmp_path.iterdir()] == ["log.db.key"]
    sealed = seals[0].codec.seal(b"secret")
    assert b"secret" not in sealed.encode()
    assert all(seal.codec.unseal(sealed) == b"secret" for seal in seals)


def test_a_key_that_is_cut_short_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "log.db.key").write_bytes(b"short")
    with pytest.raises(StoreError, match="cut short") as raised:
        sealed_by(tmp_path / "log.db")
    assert "log.db.key" in raised.value.problem.hint


def test_a_key_that_cannot_be_read_is_one_clear_line(tmp_path: Path) -> None:
    Path(tmp_path / "log.db.key").mkdir()
    with pytest.raises(StoreError, match="cannot be used") as raised:
        sealed_by(tmp_path / "log.db")
    assert "\n" not in str(raised.value)
