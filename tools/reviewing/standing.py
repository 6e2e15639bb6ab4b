"""Tell what became of known findings: their line still stands, moved, came back, or is gone."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from tools.reviewing.change import Snapshot
from tools.reviewing.findings import Finding, fingerprint, normal
from tools.reviewing.memory import Known
from tools.reviewing.parts import Part, clipped
from tools.reviewing.symbols import symbol_at, symbols


class Spot(NamedTuple):
    """A line that reads like the one of a finding."""

    line: int
    symbol: str
    text: str


class Now:
    """The change and the files as they are after it."""

    def __init__(
        self, snapshot: Snapshot, texts: Mapping[str, str | None], certain: Iterable[Finding], *, linted: bool
    ) -> None:
        """`certain` is what rules say of it; `linted` whether the linter's are all among them."""
        self._snapshot = snapshot
        self._texts = texts
        self._certain = {one.fingerprint for one in certain}
        self._linted = linted
        self._parts: dict[str, list[Part]] = {}
        for part in snapshot.parts:
            self._parts.setdefault(part.file, []).append(part)

    def path(self, finding: Finding) -> str:
        """Return what the finding's file is called now."""
        return self._snapshot.renamed.get(finding.file, finding.file)

    def became(self, known: Known) -> Finding | None:
        """Return the finding as it stands now; `None` if this change tells nothing of it, or rules say it anew."""
        finding, file = known.finding, self.path(known.finding)
        if self._is_ruled(finding):
            spots: Sequence[Spot] | None = None if finding.fingerprint in self._certain else ()
        else:
            spots = self._spots(finding, file)
        if spots is None or (spots and file not in self._snapshot.files):
            return None
        if not spots:
            told = bool(self._snapshot.subject) and known.subject == self._snapshot.subject
            over = known.gone or known.dismissed is not None or not told
            return None if over else finding.model_copy(update={"state": "fixed", "was": ""})
        spot = min(spots, key=lambda one: (one.symbol != finding.symbol, abs(one.line - finding.line)))
        return self._moved(known, file, spot)

    def _moved(self, known: Known, file: str, spot: Spot) -> Finding:
        finding = known.finding
        mark = fingerprint(file, finding.rule or finding.category, spot.symbol, spot.text)
        state = "dismissed" if known.dismissed is not None else "new" if known.gone else "still"
        changed = {
            "fingerprint": mark,
            "was": finding.fingerprint if mark != finding.fingerprint else "",
            "file": file,
            "line": spot.line,
            "symbol": spot.symbol,
            "state": state,
            "reason": known.dismissed or "",
        }
        return finding.model_copy(update=changed)

    def _is_ruled(self, finding: Finding) -> bool:
        """Whether a rule has looked at the finding's file again and decides alone."""
        return bool(finding.rule) and (finding.category != "lint" or self._linted)

    def _spots(self, finding: Finding, file: str) -> list[Spot] | None:
        """Return where the finding's line stands; `None` if nobody can tell."""
        if finding.removed or (file not in self._texts and file in self._parts):
            lines = (
                Spot(line.number, part.symbol(line), line.text)
                for part in self._parts.get(file, ())
                for line in part.numbered()
                if (line.mark == "-") is finding.removed
            )
            return list(_alike(lines, finding))
        if file not in self._texts:
            return None
        text = (self._texts[file] or "").split("\n")
        known = symbols(text)
        alike = _alike((Spot(number, "", clipped(line.rstrip("\r"))) for number, line in enumerate(text, 1)), finding)
        return [spot._replace(symbol=symbol_at(known, spot.line)) for spot in alike]


def _alike(spots: Iterable[Spot], finding: Finding) -> Iterator[Spot]:
    cut = finding.quote.endswith("…")
    wanted = normal(finding.quote.removesuffix("…"))
    for spot in spots:
        text = normal(spot.text)
        if text == wanted or (cut and text.startswith(wanted)):
            yield spot
