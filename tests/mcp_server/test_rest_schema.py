"""REST keeps what its OpenAPI says: schemathesis calls it in every way that allows, and in many that it does not."""

import subprocess
import sys
from pathlib import Path

from tests.agents.shop import SHOP
from tests.conftest import repository
from tests.mcp_server.rest_client import resting
from tests.mcp_server.test_webhooks import RULES, SECRET

NOT_MEANT = (
    "use_after_free",  # the log of a deleted thread is kept until gc
    "positive_data_acceptance",  # a repository or version that is named must exist, and no schema knows which do
)


def test_every_call_keeps_what_the_document_says(tmp_path: Path) -> None:
    home = repository(tmp_path / "src/shop", SHOP)
    (tmp_path / "webhooks.toml").write_text(RULES)
    known = {"FACTOR12_WEBHOOKS": str(tmp_path / "webhooks.toml"), "HOOK_SECRET": SECRET}
    program = [str(Path(sys.executable).with_name("schemathesis")), "run"]
    options = ["--checks", "all", "--exclude-checks", ",".join(NOT_MEANT), "--max-examples", "6", "--no-color"]
    bounds = ["--phases", "fuzzing,stateful", "--seed", "12", "--generation-database", "none"]
    with resting(home, toys=False, FACTOR12_SANDBOX="off", FACTOR12_INLINE_WAIT_S="1", **known) as rest:
        done = subprocess.run(
            [*program, f"{rest.url}/openapi.json", *options, *bounds],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=150,
        )
    assert done.returncode == 0, done.stdout
    assert "Operations:       22 selected" in done.stdout
