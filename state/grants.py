"""Which files of agents a person lets run, each as it was when they said so."""

from pathlib import Path

from state.sqlite import Database


def grant(database: Database, root: Path, files: dict[str, str], at: float) -> None:
    """Let exactly these files of the repository decide: path beneath `root` → digest. Earlier grants are forgotten."""
    with database.transaction(durable=True) as db:
        db.execute("delete from granted_agents where root = ?", (str(root),))
        db.executemany(
            "insert into granted_agents values (?, ?, ?, ?)",
            [(str(root), file, digest, at) for file, digest in files.items()],
        )


def revoke(database: Database, root: Path) -> bool:
    """Take back what was granted to a repository; False if nothing was."""
    with database.transaction(durable=True) as db:
        return db.execute("delete from granted_agents where root = ?", (str(root),)).rowcount > 0


def granted(database: Database) -> dict[Path, dict[str, str]]:
    """Return each repository's files with their digests."""
    found = dict[Path, dict[str, str]]()
    for root, file, digest in database.rows("select root, file, digest from granted_agents order by root, file"):
        found.setdefault(Path(root), {})[file] = digest
    return found
