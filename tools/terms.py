"""What to look for, from a question in plain words: quoted text, paths and names as code has them, then words."""

import re
from collections.abc import Iterator, Sequence
from typing import Annotated, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field

__all__ = ["MOST", "Term", "literal_terms", "terms_of"]

MOST = 10
"""Terms of one question: each is one pass over a repository."""
Kind: TypeAlias = Literal["quoted", "path", "name", "word"]
_QUOTED = re.compile(r'`([^`\n]{2,120})`|"([^"\n]{2,120})"')
_ENDS = ".,;:!?()[]{}<>\"'`*\u2026"
_CALLED = re.compile(r"[A-Za-z_][\w.]*\(\)")
_NAME = re.compile(r"[A-Za-z_$][\w$]*(?:(?:\.|::|->)[A-Za-z_$][\w$]*)*")
_MARKED = re.compile(r"_|[a-z0-9][A-Z]|\.|::|->|\$|[A-Za-z][0-9]|^[A-Z][A-Z0-9]{2,}$")
_OWNER = re.compile(r"([A-Z]\w+)(?:\.|::|->)[A-Za-z_]")
_FILE = re.compile(r"[\w.-]*\w\.[A-Za-z][A-Za-z0-9]{0,4}")
_NUMBERED = re.compile(r"#\d{1,9}")
_EITHER = re.compile(r"[a-z]+/[a-z]+")
"""As in and/or."""
_SHORT = re.compile(r"(?:[A-Za-z]\.)+[A-Za-z]")
"""As in e.g."""
_ENDINGS = ("ies", "ing", "ed", "es", "s", "y", "e")
_COMMON = """
    a about after all also an and any are as at be because been before being between both but by can code could
    did do does doing done each every file files find for from function get gets give happen happens has have
    having here how if in into is it its just kept know let like made make makes many may me more most much must
    my need no not of off on once one only or other our out over please repo repos repository repositories
    return returned returns same see set should so some such tell than that the their them then there these they
    thing this those through to too under until up use used uses using very was way we were what when where
    whether which while who whom whose why will with work works would you your
"""
_STOP = frozenset(_COMMON.split())


class Term(BaseModel):
    """One literal text to look for."""

    model_config = ConfigDict(frozen=True)

    text: Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00\r\n]*$")]
    kind: Kind = "quoted"


def terms_of(question: str) -> list[Term]:
    """Return what the question gives to look for, what tells most first, each once."""
    found = sorted(literal_terms(question), key=lambda term: (_ORDER[term.kind], -len(term.text)))
    unique: dict[str, Term] = {}
    for term in found:
        unique.setdefault(term.text.casefold(), term)
    return list(unique.values())[:MOST]


_ORDER: dict[Kind, int] = {"quoted": 0, "path": 1, "name": 2, "word": 3}


def literal_terms(text: str) -> Iterator[Term]:
    """Yield what is quoted, then paths, names and words in their order."""
    quoted = [part for found in _QUOTED.findall(text) if _is_plain(part := "".join(found))]
    for part in quoted:
        yield Term(text=part.strip() or part, kind="quoted") if " " in part.strip() else _one(part)
    for token in _QUOTED.sub(" ", text).split():
        if (word := token.strip(_ENDS)) and _is_plain(word):
            called = _CALLED.match(token.lstrip(_ENDS)) is not None
            yield from _of_token(word[:200], called=called)


def _of_token(word: str, *, called: bool) -> Iterator[Term]:
    if _NUMBERED.fullmatch(word):
        yield Term(text=word, kind="quoted")
    elif _SHORT.fullmatch(word):
        return
    elif (
        ("/" in word and not _EITHER.fullmatch(word))
        or called
        or _FILE.fullmatch(word)
        or (_NAME.fullmatch(word) and _MARKED.search(word))
    ):
        yield _one(word)
        if (first := _OWNER.match(word)) and _MARKED.search(first[1]):
            yield Term(text=first[1], kind="name")
    else:
        yield from (Term(text=part, kind="word") for part in _words(re.split(r"[^\w]+", word)))


def _one(word: str) -> Term:
    """Return a word that is meant literally: a path, or a name, of a dotted one the last part."""
    plain = word.strip(_ENDS) or word
    if "/" in plain or (_FILE.fullmatch(plain) and not plain[0].isupper()):
        return Term(text=plain.strip("/") or plain, kind="path")
    if _NAME.fullmatch(plain):
        return Term(text=re.split(r"\.|::|->", plain)[-1], kind="name")
    return Term(text=word, kind="quoted")


def _words(parts: Sequence[str]) -> Iterator[str]:
    for part in parts:
        if len(part) > 2 and not part.isdigit() and part.casefold() not in _STOP:
            yield _stem(part.casefold())


def _stem(word: str) -> str:
    """Cut an ending that inflects: what is left stands in every form of the word, as text is searched for literally."""
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= 4:
            return word.removesuffix(ending)
    return word


def _is_plain(word: str) -> bool:
    return word.isprintable() and any(char.isalnum() for char in word)
