"""The bundle's icon: twelve dots on a ring, the first of them lit."""

import struct
import zlib
from math import cos, hypot, pi, sin

SIZE = 512
RING, DOT = 0.34 * SIZE, 0.062 * SIZE
GROUND, LIT, DIM = b"\x12\x1a\x2b\xff", b"\x4a\xde\x80\xff", b"\xcb\xd5\xe1\xff"


def icon() -> bytes:
    """Return it as a PNG."""
    angles = [pi * (number / 6 - 0.5) for number in range(12)]
    dots = [(SIZE / 2 + RING * cos(angle), SIZE / 2 + RING * sin(angle)) for angle in angles]

    def row(y: int) -> bytes:
        near = [(number, *dot) for number, dot in enumerate(dots) if abs(y - dot[1]) < DOT]
        shown = (next((n for n, left, top in near if hypot(x - left, y - top) < DOT), None) for x in range(SIZE))
        return b"\x00" + b"".join(GROUND if n is None else DIM if n else LIT for n in shown)

    rows = map(row, range(SIZE))
    header = struct.pack(">IIBBBBB", SIZE, SIZE, 8, 6, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(b"".join(rows), 9)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(*chunk) for chunk in chunks)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
