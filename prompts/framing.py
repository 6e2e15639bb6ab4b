"""Frame what somebody else wrote, so that a model can tell it from what it is asked (R18)."""

import unicodedata
from hashlib import sha256

_CONTROLS = {code: None for code in (*range(32), 127) if chr(code) not in "\n\t"}


def framed(text: str, origin: str) -> str:
    """Frame a text by its origin.

    Nothing inside can end the frame: it is marked by a hash of what it holds.
    """
    plain = _plain(str(text))
    mark = sha256(plain.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    where = " ".join(origin.split()).replace('"', "'")
    return f'<data origin="{where}" id="{mark}">\n{plain.rstrip()}\n</data id="{mark}">'


def _plain(text: str) -> str:
    """Return the text without characters that control, format or stand for nothing; most texts have none."""
    text = text.translate(_CONTROLS)
    if text.isascii():
        return text
    return "".join(char for char in text if char in "\n\t" or unicodedata.category(char)[0] != "C")
