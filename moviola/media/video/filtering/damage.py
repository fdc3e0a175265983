"""Which frames of a chunk may differ from those of the undamaged source: damaged ones, and all that depend on them.

A decoder says where it met damage, and goes on: it conceals what is missing, and predicts the next pictures from that.
Of those it says nothing. They end where decoding can begin anew.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Final

from moviola.media.video.bundle import ChunkTable, RecoveryPoint
from moviola.media.video.cutting.cut import STEPS_BACK_OPEN, STEPS_BACK_WEAK
from moviola.media.video.reading.random_access import Access

PICTURE_IN_EACH: Final = frozenset({"h264", "hevc"})
"""Decoders of codecs of which every packet gives a picture, but where fields come in packets of their own."""


def affected(table: ChunkTable, damaged: Collection[int]) -> set[int]:
    """Return the packets of a chunk whose frames may differ, damaged ones among them.

    Args:
        table: the chunk's.
        damaged: places in `table.p` of packets in which damage was met that `is_expected` does not explain.
    """
    points = {point.packet: point.access for point in table.recovery}
    found: set[int] = set()
    is_affected = are_leading_affected = False
    shown_from: int | None = None  # when the last open access point is shown; what is shown before it is leading
    steps = 0
    for at, entry in enumerate(table.p):
        access = points.get(at)
        if access == Access.CLOSED:
            is_affected = are_leading_affected = False
            shown_from = None
        elif access == Access.OPEN and entry.pts is not None:
            are_leading_affected, is_affected, shown_from = is_affected, False, entry.pts
        elif access is not None:
            steps += 1
            is_affected = is_affected and steps <= (STEPS_BACK_OPEN if access == Access.OPEN else STEPS_BACK_WEAK)
        is_leading = shown_from is not None and entry.pts is not None and entry.pts < shown_from
        is_consequence = is_leading and are_leading_affected
        if at in damaged and not is_consequence:
            is_affected, steps = True, 0
        if is_affected or is_consequence:
            found.add(at)
    return found


def is_expected(table: ChunkTable, at: int) -> bool:
    """Return whether a decoder that begins with this chunk's preroll fails on a packet of it, damaged or not.

    It lacks what the leading pictures of an open access point refer to; after a weak one it is right only some points
    later. None of what may be affected by that is emitted.
    """
    if at >= table.preroll or not table.recovery or table.recovery[0].packet > 0:
        return False
    first = table.recovery[0]
    if first.access == Access.CLOSED or at == 0:
        return False
    shown_from, pts = table.p[0].pts, table.p[at].pts
    if first.access == Access.OPEN and shown_from is not None and pts is not None:
        return pts < shown_from and at < _next_point(table)
    return at < max(point.packet for point in table.recovery if point.packet <= table.preroll)


def _next_point(table: ChunkTable) -> int:
    return table.recovery[1].packet if len(table.recovery) > 1 else len(table.p)


def recovery_points(accesses: Iterator[tuple[int, bool]]) -> list[RecoveryPoint]:
    """Return the points at which damage before them ends, out of each packet's access and key flag.

    Both must say so: a damaged packet may look like an access point, and a container's flags are often wrong.
    """
    return [RecoveryPoint(at, access) for at, (access, key) in enumerate(accesses) if access and key]
