"""The comparison itself: the modes take turns, round by round, and every result is held against the first one."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from moviola.base.invocation import typed
from moviola.comparison.contestant import Contestant, ModeFailed
from moviola.comparison.difference import first_difference
from moviola.comparison.messages import Finished
from moviola.comparison.records import Comparison, Mode
from moviola.comparison.request import Request
from moviola.comparison.scoreboard import Scoreboard
from moviola.comparison.whereabouts import Whereabouts, whereabouts
from moviola.wire.errors import WireError

MakeContestant = Callable[[Mode, Request, Whereabouts | None, float | None], Contestant]

DIGEST_SHOWN: Final = 12
"""Hex digits of a digest that a sentence shows."""


@dataclass(frozen=True, slots=True)
class _Reference:
    """The first result, with which all others are compared."""

    mode: Mode
    number: int
    finished: Finished


def compare(request: Request, folder: Path, make: MakeContestant = Contestant) -> Generator[Comparison, None, None]:
    """Carry out a comparison. Yield what is known of it whenever that has changed; at last what came of it.

    A mode that fails, or a result that differs, ends it with the state `failed`. Whoever stops iterating, or raises,
    ends all that was started.

    Args:
        request: what is compared.
        folder: for the results: an empty one, which the caller removes.
        make: makes a contestant.
    """
    board = Scoreboard(request)
    yield board.comparison()
    deadline = None if request.limit_s is None else time.monotonic() + request.limit_s
    try:
        cluster = _cluster(request)
        board.meet(cluster)
        with ExitStack() as stack:
            contestants = [stack.enter_context(make(mode, request, cluster, deadline)) for mode in request.modes]
            for _ in _rounds(contestants, request, folder, board):
                yield board.comparison()
    except (ModeFailed, WireError, TimeoutError) as error:
        board.fail(str(error))
        yield board.comparison()


def _cluster(request: Request) -> Whereabouts | None:
    """Return where the cluster's programs are; None if no cluster takes part. Raise WireError, TimeoutError,
    ModeFailed."""
    if Mode.DISTRIBUTED not in request.modes or request.target is None:
        return None
    found = whereabouts(request.target)
    if not found.workers:
        raise ModeFailed(f"no worker is connected to {request.target.address}; start one with {typed('worker')}")
    return found


def _rounds(contestants: list[Contestant], request: Request, folder: Path, board: Scoreboard) -> Iterator[None]:
    """Do all rounds, and yield whenever the board has changed. Raise ModeFailed where a result differs from the first
    one."""
    reference: _Reference | None = None
    for number in range(1 - request.warm_ups, request.iterations + 1):
        for contestant in contestants:
            board.begin(contestant.mode, number)
            yield
            place = folder / f"{contestant.mode}{number}"
            place.mkdir()
            for told in contestant.work(number, place):
                if isinstance(told, float):
                    board.progress(told)
                    yield
                    continue
                taken, finished = told
                if reference is None:
                    reference = _Reference(contestant.mode, number, finished)
                    board.subject(finished.unit, finished.count, finished.chunks)
                    board.remark(finished.remarks)
                elif differs := _difference(reference, contestant.mode, number, finished):
                    raise ModeFailed(differs)
                else:
                    shutil.rmtree(place, ignore_errors=True)
                board.end(taken, finished.digests)
                yield


def _difference(reference: _Reference, mode: Mode, number: int, finished: Finished) -> str:
    """Return a sentence that says where a result differs from the first one; empty if it does not."""
    ours, theirs = reference.finished, finished
    for name, digest in ours.digests.items():
        if theirs.digests.get(name) == digest:
            continue
        place = first_difference(ours.files[name], theirs.files[name]) if name in theirs.files else ""
        where = f": the first difference is in {place}" if place else ""
        return (
            f"the result {name} of {_round(mode, number)} differs from that of "
            f"{_round(reference.mode, reference.number)}{where} (digest {_shown(theirs.digests, name)} instead of "
            f"{_shown(ours.digests, name)})"
        )
    return ""


def _round(mode: Mode, number: int) -> str:
    return f"{mode}, round {number}" if number > 0 else f"{mode}, a round to warm up"


def _shown(digests: Mapping[str, str], name: str) -> str:
    return digests.get(name, "nothing")[:DIGEST_SHOWN]
