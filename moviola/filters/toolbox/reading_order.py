"""In which order the characters of a line stand, from left to right, where scripts of both directions meet.

The rules and their names (P2, W1 …) are those of the Unicode Bidirectional Algorithm (UAX #9, revision 50), for one
paragraph without the characters that command an order: `moviola.filters.fonts` knows none of those.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Final

_BRACKETS: Final = {"(": ")", "[": "]", "{": "}", "⟨": "⟩", "〈": "〉", "《": "》", "「": "」", "『": "』", "【": "】"}
_MOST_OPEN: Final = 63  # BD16: pairs that lie deeper are no pairs
_NEUTRAL: Final = frozenset(("B", "S", "WS", "ON"))
_NUMBERS: Final = frozenset(("EN", "AN"))


def levels(text: str) -> list[int]:
    """Return the embedding level of each character: at an even level it is read from left to right, at an odd one from
    right to left."""
    classes = [unicodedata.bidirectional(each) or "L" for each in text]
    base = next((int(each != "L") for each in classes if each in ("L", "R", "AL")), 0)  # P2, P3
    ground = _direction(base)
    resolved = _neutrals(_brackets(text, _weak(classes, ground), ground), ground)
    found = [_implicit(each, base) for each in resolved]
    for index in range(len(text) - 1, -1, -1):  # L1
        if classes[index] not in ("WS", "S", "B", "BN"):
            break
        found[index] = base
    return found


def visual_order(depths: Sequence[int]) -> list[int]:
    """Return the indexes of pieces as they stand from left to right, by their levels (L2)."""
    order = list(range(len(depths)))
    for level in range(max(depths, default=0), 0, -1):
        start = 0
        for deep, group in groupby(list(order), key=lambda index: depths[index] >= level):
            end = start + len(list(group))
            if deep:
                order[start:end] = order[start:end][::-1]
            start = end
    return order


def _direction(level: int) -> str:
    return "R" if level % 2 else "L"


def _implicit(kind: str, base: int) -> int:
    """Return the level of a character of this class, in a line of the level `base` (I1 and I2)."""
    if base % 2:
        return base + (kind != "R")
    return base + {"L": 0, "R": 1}.get(kind, 2)


def _weak(classes: Sequence[str], ground: str) -> list[str]:
    """W1 to W7: numbers, and what belongs to them."""
    kinds: list[str] = []
    strong = ground
    for kind in classes:
        if kind in ("NSM", "BN"):  # W1
            kind = kinds[-1] if kinds else ground
        elif kind in ("L", "R", "AL"):
            strong = kind
        if kind == "EN" and strong == "AL":  # W2
            kind = "AN"
        kinds.append(kind)
    kinds = ["R" if kind == "AL" else kind for kind in kinds]  # W3
    for index in range(1, len(kinds) - 1):  # W4
        before, after = kinds[index - 1], kinds[index + 1]
        if before == after and (kinds[index], before) in (("ES", "EN"), ("CS", "EN"), ("CS", "AN")):
            kinds[index] = before
    for start, end in _runs(kinds, frozenset(("ET",))):  # W5
        if "EN" in (*kinds[max(start - 1, 0) : start], *kinds[end : end + 1]):
            kinds[start:end] = ["EN"] * (end - start)
    strong = ground
    for index, kind in enumerate(kinds):
        if kind in ("L", "R"):
            strong = kind
        elif kind == "EN" and strong == "L":  # W7
            kinds[index] = "L"
        elif kind in ("ES", "ET", "CS"):  # W6
            kinds[index] = "ON"
    return kinds


def _brackets(text: str, kinds: list[str], ground: str) -> list[str]:
    """N0: two brackets of a pair have one direction."""
    for opening, closing in sorted(_pairs(text, kinds)):
        within = {_strong(kind) for kind in kinds[opening + 1 : closing]} - {""}
        if ground in within:
            kinds[opening] = kinds[closing] = ground
        elif within:
            before = next((_strong(kind) for kind in reversed(kinds[:opening]) if _strong(kind)), ground)
            kinds[opening] = kinds[closing] = before
    return kinds


def _pairs(text: str, kinds: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Yield the places of both brackets of each pair (BD16)."""
    opened: list[tuple[str, int]] = []
    for index, character in enumerate(text):
        if kinds[index] != "ON":
            continue
        if character in _BRACKETS:
            if len(opened) == _MOST_OPEN:
                return
            opened.append((_BRACKETS[character], index))
        elif any(closing == character for closing, _ in opened):
            while True:
                closing, start = opened.pop()
                if closing == character:
                    yield start, index
                    break


def _neutrals(kinds: list[str], ground: str) -> list[str]:
    """N1 and N2: what has no direction has that of its neighbours, or the line's."""
    for start, end in _runs(kinds, _NEUTRAL):
        before = _strong(kinds[start - 1]) if start else ground
        after = _strong(kinds[end]) if end < len(kinds) else ground
        kinds[start:end] = [before if before == after else ground] * (end - start)
    return kinds


def _strong(kind: str) -> str:
    """The direction that a class has for its neighbours; empty for none."""
    return "R" if kind in _NUMBERS else kind if kind in ("L", "R") else ""


def _runs(kinds: Sequence[str], wanted: frozenset[str]) -> Iterator[tuple[int, int]]:
    """Yield start and end of each run of these classes."""
    start = 0
    for found, group in groupby(list(kinds), key=wanted.__contains__):
        end = start + len(list(group))
        if found:
            yield start, end
        start = end
