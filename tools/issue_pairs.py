"""Join the sides of an issue's changes into pairs, and refuse what is half, empty or contradictory."""

from collections.abc import Iterator, Sequence

from tools.issue_form import Flaw, Pair
from tools.issue_sides import ONE_EACH, Claim


def match_sides(claims: Sequence[Claim], fallback: str | None) -> Iterator[Pair]:
    """Join each current side with the one that follows it; `fallback` is the file of pairs that state none.

    Raises:
        Flaw: A side is alone, holds no code, or asks for nothing; or two pairs contradict each other.
    """
    seen: dict[tuple[str | None, str], Pair] = {}
    current: Claim | None = None
    for claim in claims if any(not claim.remark for claim in claims) else ():
        if claim.code is None:
            if not claim.vague:
                hint = "Put the code below it between two ``` lines."
                raise Flaw(claim.line, f"{claim.name!r} holds no code block.", hint)
        elif claim.side == "current":
            _refuse_alone(current)
            current = claim
        else:
            pair = _pair(current, claim, fallback)
            _refuse_contradiction(seen.setdefault((pair.file, pair.old), pair), pair)
            current = None
    _refuse_alone(current)
    yield from seen.values()


def _pair(current: Claim | None, should: Claim, fallback: str | None) -> Pair:
    assert should.code is not None
    if current is None:
        raise Flaw(should.line, f"{should.name!r} has no 'Current Code' before it.", ONE_EACH)
    assert current.code is not None
    if not current.code.text.strip():
        raise Flaw(current.code.line, f"the code under {current.name!r} is empty.", "Show the code that stands now.")
    if current.code.text == should.code.text:
        hint = "Show under 'Should Be' what it shall become."
        raise Flaw(should.code.line, f"{should.name!r} is the same as {current.name!r} of line {current.line}.", hint)
    if should.own_file and current.file not in (None, should.own_file):
        what = f"{should.name!r} names {should.own_file!r}, but line {current.line} is about {current.file!r}."
        raise Flaw(should.line, what, "Name one file for both.")
    file = current.file or should.file or fallback
    return Pair(file=file, old=current.code.text, new=should.code.text, line=current.code.line)


def _refuse_alone(current: Claim | None) -> None:
    if current is not None:
        raise Flaw(current.line, f"{current.name!r} has no 'Should Be' after it.", ONE_EACH)


def _refuse_contradiction(first: Pair, pair: Pair) -> None:
    if first.new != pair.new:
        what = f"the same code as on line {first.line} shall become something else here."
        raise Flaw(pair.line, what, "Keep one of the two pairs, or show more of the code around each.")
