"""The key that seals what clients carry: private, the same for every process on one store, never a weak one."""

from pathlib import Path

import pytest

from mcp_server.sealing import KEY_BYTES, sealed_by
from state.sqlite import StoreError


def test_every_process_on_one_store_has_the_same_private_key(tmp_path: Path) -> None:
    sealed_by(tmp_path / "log.db")
    key = tmp_path / "log.db.key"
    first = key.read_bytes()
    sealed_by(tmp_path / "log.db")
    assert key.read_bytes() == first and len(first) == KEY_BYTES
    assert key.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [key]


@pytest.mark.requirement("R15")
def test_a_key_that_is_cut_short_or_cannot_be_read_is_refused_with_its_path(tmp_path: Path) -> None:
    (tmp_path / "short.db.key").write_bytes(b"weak")
    (tmp_path / "folder.db.key").mkdir()
    for name in ("short.db", "folder.db", "missing/log.db"):
        with pytest.raises(StoreError) as refused:
            sealed_by(tmp_path / name)
        assert refused.value.problem.kind == "store" and f"{name}.key" in refused.value.problem.hint
