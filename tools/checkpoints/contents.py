"""The contents that a restore writes, out of the vault and onto the disk first: no file is in memory as a whole."""

from collections.abc import AsyncGenerator, Iterator, Set
from contextlib import asynccontextmanager
from dataclasses import dataclass
from tempfile import TemporaryFile
from typing import BinaryIO

from anyio.to_thread import run_sync

from tools.checkpoints.files import CHUNK, blob_of
from tools.checkpoints.vault import Vault
from tools.errors import ToolError


@dataclass(frozen=True, slots=True)
class Contents:
    """Where in the file each content stands, by its object id: offset and size."""

    file: BinaryIO
    places: dict[str, tuple[int, int]]

    def pieces(self, blob: str) -> Iterator[bytes]:
        start, left = self.places[blob]
        self.file.seek(start)
        while left > 0 and (piece := self.file.read(min(CHUNK, left))):
            left -= len(piece)
            yield piece


@asynccontextmanager
async def contents(vault: Vault, blobs: Set[str]) -> AsyncGenerator[Contents]:
    """Fetch what the vault holds under these ids, each checked by its id.

    Raises:
        ToolError: `not_found` (one is missing), `store` (one is damaged).
    """
    with TemporaryFile(dir=vault.home) as file:
        if blobs:
            asked = "".join(f"{blob}\n" for blob in blobs).encode()
            await vault.git("cat-file", "--batch", stdin=asked, stdout=file)
        yield await run_sync(_checked, file)


def _checked(file: BinaryIO) -> Contents:
    found = Contents(file, {})
    place = 0
    file.seek(place)
    while line := file.readline():
        name, *facts = line.decode().split()
        if len(facts) != 2:
            raise ToolError("not_found", f"The checkpoint misses the content {name[:12]}.", "Take another.")
        size = int(facts[1])
        start = place + len(line)
        found.places[name] = start, size
        if blob_of(size, found.pieces(name)) != name:
            raise ToolError("store", f"The checkpoint's content {name[:12]} is damaged.", "Take another.")
        place = start + size + 1
        file.seek(place)
    return found
