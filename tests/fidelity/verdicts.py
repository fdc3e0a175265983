"""The words of a judgement."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Fate(StrEnum):
    """What becomes of one aspect of a file."""

    NOTHING = "–"  # the source has nothing of the kind
    KEPT = "kept"
    SAID = "changed, said"
    LOST = "LOST SILENTLY"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of one aspect, with what was compared, or said, in a few words."""

    aspect: str
    fate: Fate
    text: str = ""

    def __str__(self) -> str:
        return f"{self.fate}: {self.text}" if self.text else str(self.fate)


_WORST = (Fate.NOTHING, Fate.KEPT, Fate.SAID, Fate.REFUSED, Fate.LOST)


def joined(aspect: str, verdicts: list[Verdict]) -> Verdict:
    """Return one verdict of many: as bad as the worst of them, with what that one and its equals say."""
    if not verdicts:
        return Verdict(aspect, Fate.NOTHING)
    worst = max(verdicts, key=lambda each: _WORST.index(each.fate)).fate
    texts = [each.text for each in verdicts if each.fate is worst and each.text]
    return Verdict(aspect, worst, "; ".join(dict.fromkeys(texts)))
