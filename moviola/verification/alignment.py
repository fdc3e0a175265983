"""Find the units of one row, as it was made, in another row, as it was found: in place, moved, or nowhere.

A unit is a number, such as the CRC of a frame's packet. What both rows begin and end with is matched first. Of the
rest, units that occur exactly once in each row are matched; they are called sure. Sure units that have exchanged places
in pairs are swaps. Of the other sure units, the longest subsequence that is in the same order in both rows has stayed,
and the rest has moved (P. Heckel, "A technique for isolating differences between files", CACM 21, 1978). Units that
occur several times are matched within the gaps between sure units that stayed; what is left is matched anywhere, as
moved.
"""

from __future__ import annotations

import sys
from bisect import bisect_left
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from itertools import pairwise
from typing import Final

MAX_COMPARED: Final = 2000
"""The longest gap without sure units, on either side, that is compared unit by unit. A longer one would take
minutes."""

NOWHERE: Final = -1


@dataclass(slots=True)
class Alignment:
    """What became of the units that were made.

    Attributes:
        place: for each, its place among those found; NOWHERE for one that is not there.
        moved: those that are there, out of order.
        swaps: pairs of these that have changed places with each other, the earlier one first.
        extra: places in the row that was found to which no unit that was made is matched, rising.
    """

    place: list[int]
    moved: set[int] = field(default_factory=set)
    swaps: list[tuple[int, int]] = field(default_factory=list)
    extra: list[int] = field(default_factory=list)

    def gaps(self) -> Iterator[tuple[list[int], list[int]]]:
        """Yield (gone, came) for each stretch between two neighbouring units that stayed: the units made in it that are
        nowhere, and the places found in it that are extra. Stretches that have neither are left out."""
        gone: list[int] = []
        last = -1
        for made, place in enumerate([*self.place, sys.maxsize]):
            if place == NOWHERE:
                gone.append(made)
            elif made not in self.moved:
                came = self.extra[bisect_left(self.extra, last) : bisect_left(self.extra, place)]
                if gone or came:
                    yield gone, came
                gone, last = [], place


def align(made: Sequence[int], found: Sequence[int]) -> Alignment:
    """Return what became of the units that were made."""
    place = [NOWHERE] * len(made)
    start, end = 0, 0
    shorter = min(len(made), len(found))
    while start < shorter and made[start] == found[start]:
        place[start] = start
        start += 1
    while end < shorter - start and made[-1 - end] == found[-1 - end]:
        end += 1
        place[-end] = len(found) - end
    made_range, found_range = range(start, len(made) - end), range(start, len(found) - end)
    alignment = Alignment(place)
    _match(alignment, made, found, made_range, found_range)
    taken = set(place[start : len(made) - end])
    alignment.extra = [at for at in found_range if at not in taken]
    return alignment


def _match(
    alignment: Alignment, made: Sequence[int], found: Sequence[int], made_range: range, found_range: range
) -> None:
    """Match the units between the common beginning and the common end of both rows."""
    sure = _sure(made, found, made_range, found_range)
    alignment.swaps = list(_swapped(sure))
    swapped = {one for pair in alignment.swaps for one in pair}
    stayed = _rising([pair for pair in sure if pair[0] not in swapped])
    alignment.moved = {one for one, _ in sure} - {one for one, _ in stayed}
    for one, other in sure:
        alignment.place[one] = other
    taken = {other for _, other in sure}
    edges = [(made_range.start - 1, found_range.start - 1), *stayed, (made_range.stop, found_range.stop)]
    for (before, place_before), (after, place_after) in pairwise(edges):
        unplaced = [each for each in range(before + 1, after) if alignment.place[each] == NOWHERE]
        untaken = [each for each in range(place_before + 1, place_after) if each not in taken]
        for at, place in _in_gap(made, found, unplaced, untaken):
            alignment.place[at] = place
            taken.add(place)
    _match_moved(alignment, made, found, made_range, (each for each in found_range if each not in taken))


def _sure(made: Sequence[int], found: Sequence[int], made_range: range, found_range: range) -> list[tuple[int, int]]:
    """Return (place made, place found) of each unit that occurs exactly once in each row."""
    made_counts, found_counts = Counter(made[at] for at in made_range), Counter(found[at] for at in found_range)
    places = {found[at]: at for at in found_range if found_counts[found[at]] == 1}
    return [(at, places[made[at]]) for at in made_range if made_counts[made[at]] == 1 and made[at] in places]


def _swapped(pairs: list[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Yield each pair of sure units that have exchanged their places among the sure units."""
    ranks = {place: rank for rank, place in enumerate(sorted(place for _, place in pairs))}
    target = [ranks[place] for _, place in pairs]
    for rank, other in enumerate(target):
        if rank < other and target[other] == rank:
            yield pairs[rank][0], pairs[other][0]


def _rising(pairs: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return the longest subsequence of the pairs in which the second numbers rise. The first ones rise in any
    case."""
    tails: list[int] = []  # of a row of each length, the least place it can end with
    ends: list[int] = []  # and which pair that is
    before: list[int] = []
    for number, (_, place) in enumerate(pairs):
        length = bisect_left(tails, place)
        before.append(ends[length - 1] if length else -1)
        tails[length : length + 1] = [place]
        ends[length : length + 1] = [number]
    chain, number = [], ends[-1] if ends else -1
    while number >= 0:
        chain.append(pairs[number])
        number = before[number]
    return chain[::-1]


def _in_gap(made: Sequence[int], found: Sequence[int], ones: list[int], others: list[int]) -> Iterator[tuple[int, int]]:
    """Yield (place made, place found) of equal units of a gap, in which none is sure, in the same order in both
    rows."""
    start = end = 0
    shorter = min(len(ones), len(others))
    while start < shorter and made[ones[start]] == found[others[start]]:
        yield ones[start], others[start]
        start += 1
    while end < shorter - start and made[ones[-1 - end]] == found[others[-1 - end]]:
        yield ones[-1 - end], others[-1 - end]
        end += 1
    ones, others = ones[start : len(ones) - end], others[start : len(others) - end]
    if not ones or not others or len(ones) > MAX_COMPARED or len(others) > MAX_COMPARED:
        return
    matcher = SequenceMatcher(None, [made[at] for at in ones], [found[at] for at in others], autojunk=False)
    for at, place, size in matcher.get_matching_blocks():
        yield from zip(ones[at : at + size], others[place : place + size], strict=True)


def _match_moved(
    alignment: Alignment, made: Sequence[int], found: Sequence[int], made_range: range, free: Iterator[int]
) -> None:
    """Match each unit that is still nowhere to an equal one at any free place, and count it as moved."""
    places: dict[int, deque[int]] = {}
    for at in free:
        places.setdefault(found[at], deque()).append(at)
    for one in made_range if places else ():
        left = places.get(made[one])
        if alignment.place[one] == NOWHERE and left:
            alignment.place[one] = left.popleft()
            alignment.moved.add(one)
