"""What git fast-import reads: contents first, then the commit that names them. It makes a pack of that at once."""

import os
import secrets
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from time import time
from typing import BinaryIO

from anyio.from_thread import check_cancelled

from tools.checkpoints.contents import Contents
from tools.checkpoints.files import State, state_of
from tools.checkpoints.vault import REFS, Vault


class Stream:
    """A file of commands, in which a content that turns out to be of no use is taken back."""

    def __init__(self, file: BinaryIO) -> None:
        self.file = file
        self._start = 0
        self._written = set[str]()

    def hold(self, root: Path, path: str) -> State:
        """Add the content of what is at `path`, and return its state. In a worker thread, which a cancel ends soon.

        Raises:
            ToolError, TooLarge: As `state_of`; nothing is added then.
        """
        self._start = self.file.tell()
        state = None
        try:
            state = state_of(root, path, self._begin)
        finally:
            if state is None or state[1] in self._written:
                self._take_back()
        if state is not None and state[1] not in self._written:
            self._written.add(state[1])
            self.file.write(b"\n")
        return state

    def add(self, contents: Contents) -> None:
        """Add contents that another vault holds."""
        for blob, (_, size) in contents.places.items():
            self._written.add(blob)
            self.file.write(b"blob\ndata %d\n" % size)
            self.file.writelines(contents.pieces(blob))
            self.file.write(b"\n")

    def commit(self, message: bytes, onto: bytes, states: Mapping[str, State]) -> None:
        """Add a commit of states whose contents are known, on what the line `onto` names."""
        ref = f"{REFS}/{time():.6f}-{secrets.token_hex(4)}"
        self.file.write(
            f"commit {ref}\nmark :1\ncommitter factor12 <factor12@localhost> {int(time())} +0000\n".encode()
        )
        self.file.write(b"data %d\n%s\n%s" % (len(message), message, onto))
        self.file.writelines(b"D %s\n" % quoted(path) for path, state in states.items() if not state)
        there = ((path, state) for path, state in states.items() if state)
        self.file.writelines(f"M {mode} {blob} ".encode() + quoted(path) + b"\n" for path, (mode, blob) in there)
        self.file.write(b'get-mark :1\nls :1 ""\n')

    def _begin(self, size: int) -> Callable[[bytes], object]:
        self._take_back()
        self.file.write(b"blob\ndata %d\n" % size)
        return self._take

    def _take(self, piece: bytes) -> None:
        check_cancelled()
        self.file.write(piece)

    def _take_back(self) -> None:
        self.file.seek(self._start)
        self.file.truncate()


@contextmanager
def open_stream(vault: Vault) -> Generator[Stream]:
    path = vault.home / f"stream.{secrets.token_hex(4)}"
    try:
        with path.open("w+b") as file:
            yield Stream(file)
    finally:
        path.unlink(missing_ok=True)


def quoted(path: str) -> bytes:
    name = os.fsencode(path)
    plain = b"".join(b"\\%03o" % char if char < 32 or char > 126 or char in b'"\\' else bytes([char]) for char in name)
    return b'"%s"' % plain
