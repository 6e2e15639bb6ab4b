"""A restore that was cut off, and that somebody changed: it leads nowhere but into the work tree (SECURITY row 27)."""

import json
import os
from pathlib import Path

import pytest

from tests.tools.gitting import Place, snapshot
from tools.checkpoints.restoring import complete
from tools.checkpoints.saving import save
from tools.checkpoints.vault import opened
from tools.errors import ToolError

pytestmark = pytest.mark.anyio
ASTRAY = [
    "../outside/x",
    "/etc/x",
    "lib/../../outside/x",
    ".git/hooks/pre-commit",
    ".GIT/config",
    "lib/.git/config",
    "x//y",
]


@pytest.fixture
def shop(place: Place) -> Path:
    (place.folder / "outside").mkdir()
    return place.repository("shop", {"a.txt": "one\n", "lib/b.txt": "b\n"})


@pytest.mark.parametrize("path", ASTRAY)
async def test_a_journal_that_leads_astray_is_not_carried_out(path: str, place: Place, shop: Path) -> None:
    workspace = place.workspace(shop)
    async with opened(workspace, workspace.repository()) as vault:
        held = await save(workspace, workspace.repository(), vault, "held")
        blob = (await vault.git("rev-parse", f"{held.commit}:a.txt")).decode().strip()
        before = snapshot(place.folder / "outside"), snapshot(shop)
        steps = [[os.fsencode(path).hex(), None, ["100644", blob]]]
        vault.keep(vault.journal, {"mark": ".factor12-0", "changes": steps, "by": {}})
        with pytest.raises(ToolError, match="which no checkpoint does") as caught:
            await complete(vault)
        assert caught.value.problem.kind == "refused"
        assert (snapshot(place.folder / "outside"), snapshot(shop)) == before
        steps = [[b"lib/new.txt".hex(), None, ["100644", blob]]]
        vault.keep(vault.journal, {**json.loads(vault.journal.read_bytes()), "changes": steps})
        assert await complete(vault)
        assert (shop / "lib/new.txt").read_text() == "one\n"
