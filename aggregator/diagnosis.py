"""Finds the results because of which an output cannot be spliced.

A splice reads results one after the other, and a few ahead, so those at fault are among the ones that were read last.
Two things are tried. First, each of these is spliced alone: one that makes no file by itself, while others do, is at
fault. If none is, the last few are spliced together without one of them at a time, because results may contradict each
other. A worker that made one result at fault may have made more, so all of its results are tried alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

from moviola.media.errors import SpliceError

MAX_SUSPECTS: Final = 32
"""Results that are tried alone, back from the last one that was read: more than any encoder reorders frames by."""

MAX_TOGETHER: Final = 8
"""Results that are spliced together without one at a time, back from the last one that was read. A few are enough,
because only neighbours contradict each other."""

FaultOf = Callable[[Iterable[int]], Exception | None]
"""Return what is wrong with an output made of these results alone; None when nothing is."""


def unreadable(count: int, last: int, fault_of: FaultOf, worker_of: Callable[[int], str]) -> dict[int, Exception]:
    """Return the results at fault, by index, with what is wrong with each; empty where it is due to none of them.

    Args:
        count: of the output's results.
        last: index of the one that was read last; below 0 when none was.
        worker_of: who made a result.
    """
    tried = {index: fault_of([index]) for index in range(last, max(-1, last - MAX_SUSPECTS), -1)}
    faults = {index: fault for index, fault in tried.items() if fault is not None}
    if not faults:
        return _contradicting(range(max(0, last + 1 - MAX_TOGETHER), last + 1), fault_of)
    if all(isinstance(fault, SpliceError) for fault in faults.values()) and len(faults) == len(tried):
        others = [index for index in range(count) if index not in tried][:MAX_SUSPECTS]
        if not any(fault_of([index]) is None for index in others):
            return {}  # nothing at all can be spliced: that is no result's fault
    workers = {worker_of(index) for index in faults}
    for index in range(count):
        if index not in tried and worker_of(index) in workers and (fault := fault_of([index])) is not None:
            faults[index] = fault
    return faults


def _contradicting(together: range, fault_of: FaultOf) -> dict[int, Exception]:
    """Return each result without which the remaining ones can be spliced. Where leaving out either of two helps, both
    are returned."""
    fault = fault_of(together) if len(together) > 1 else None
    if fault is None:
        return {}
    return {one: fault for one in together if fault_of([other for other in together if other != one]) is None}
