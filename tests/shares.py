"""In which order tests run where several processes share them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import groupby
from typing import TypeVar

T = TypeVar("T")


def dealt(items: Sequence[T], processes: int, module: Callable[[T], str], is_long: Callable[[T], bool]) -> list[T]:
    """Return the items in another order: one share after the other, as xdist's `worksteal` cuts them for its processes.

    Each share begins with whole modules of long tests, so that every process has some from the start, and none is left
    alone with them at the end; the quick ones after them are what processes that are done take from the others.

    Args:
        items: those of a module are neighbours.
        processes: how many there are; shares are of one length, and the last has what is left over.
        module: of an item.
        is_long: whether an item takes seconds.
    """
    shares: list[list[T]] = [[] for _ in range(processes)]
    for _, found in groupby((item for item in items if is_long(item)), module):
        min(shares, key=len).extend(found)
    quick = [item for item in items if not is_long(item)]
    size = len(items) // processes
    for share in shares[:-1]:
        room = max(size - len(share), 0)
        share += quick[:room]
        del quick[:room]
    shares[-1] += quick
    return [item for share in shares for item in share]
