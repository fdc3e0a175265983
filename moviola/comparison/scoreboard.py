"""Adds up what the rounds of a comparison gave: rules on plain data, without process, clock or file."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Final

from moviola.base.processes import core_count
from moviola.comparison.records import Comparison, Mode, ModeFigures, Round, State
from moviola.comparison.request import Request
from moviola.comparison.whereabouts import Whereabouts

BUSY_CORES: Final = 0.1
"""Share of the machine's cores. Other programs that keep more than this busy get a remark; less is usual on any
system."""


class Scoreboard:
    """Take what happens in a comparison, and tell what is known of it.

    Args:
        request: what is compared.
        cores: of this machine; by default as many as this process may use.
    """

    def __init__(self, request: Request, cores: int | None = None) -> None:
        self._request = request
        self._workers = dict.fromkeys(request.modes, request.workers)
        if Mode.SEQUENTIAL in self._workers:
            self._workers[Mode.SEQUENTIAL] = 1
        self._rounds: dict[Mode, list[Round]] = {mode: [] for mode in request.modes}
        self._remarks: dict[str, None] = {}
        self._ended = 0
        material = request.material
        self._told = Comparison(
            source=material.name,
            kind=material.kind,
            unit="",
            filters=request.filters,
            iterations=request.iterations,
            warm_ups=request.warm_ups,
            cores=core_count() if cores is None else cores,
        )

    def remark(self, sentences: Iterable[str]) -> None:
        """Keep what is to be known of the figures; each sentence once."""
        self._remarks |= dict.fromkeys(sentences)

    def meet(self, cluster: Whereabouts | None) -> None:
        """Note how many workers the cluster has, and what it remarks; None: no cluster takes part."""
        if cluster is not None:
            self._workers[Mode.DISTRIBUTED] = cluster.workers
            self._remarks |= dict.fromkeys(cluster.remarks)

    def begin(self, mode: Mode, number: int) -> None:
        """Note that a round of a mode begins. Rounds to warm up have numbers below 1, and 0 is the last of them."""
        is_warm_up = number < 1
        shown = number + self._request.warm_ups if is_warm_up else number
        self._told = replace(self._told, mode=mode, round=shown, is_warm_up=is_warm_up)

    def progress(self, share: float) -> None:
        """Note which share of the round is done, 0 to 1."""
        self._told = replace(self._told, share=self._share(share))

    def subject(self, unit: str, count: int, chunks: int) -> None:
        """Note what the first round found: what is counted, how many there are, into how many chunks they are cut."""
        self._told = replace(self._told, unit=unit, count=count, chunks=chunks)

    def end(self, taken: Round, digests: Mapping[str, str]) -> None:
        """Note a round whose digests are those of the first one. Its figures count unless it was a warm-up; the last
        round ends the comparison."""
        if taken.number > 0:
            self._rounds[Mode(self._told.mode)].append(taken)
        self._ended += 1
        self._told = replace(self._told, digests=dict(digests), results=self._ended, share=self._share(0.0))
        if self._ended == self._count:
            self._finish(State.DONE)

    def fail(self, reason: str) -> None:
        """End the comparison as failed: a mode failed, or its result differs. Nothing more is measured."""
        self._finish(State.FAILED, reason)

    def cancel(self, reason: str) -> None:
        """End the comparison as cancelled, because nobody wants its result any more."""
        self._finish(State.CANCELLED, reason)

    def comparison(self) -> Comparison:
        """Return what is known."""
        figures = [self._figures(mode) for mode in self._request.modes]
        base = next((each.seconds for each in figures if each.mode is Mode.SEQUENTIAL), None)
        with_speed_up = [
            replace(each, speed_up=base / each.seconds) if base and each.seconds else each for each in figures
        ]
        return replace(self._told, modes=with_speed_up, remarks=[*self._remarks, *self._on_the_whole()])

    @property
    def _count(self) -> int:
        return len(self._request.modes) * (self._request.iterations + self._request.warm_ups)

    def _share(self, of_round: float) -> float:
        return min(1.0, (self._ended + of_round) / self._count)

    def _finish(self, state: State, reason: str = "") -> None:
        self._told = replace(self._told, state=state, reason=reason, mode="", round=0, is_warm_up=False)

    def _figures(self, mode: Mode) -> ModeFigures:
        rounds = self._rounds[mode]
        if not rounds:
            return ModeFigures(mode, self._workers[mode])
        seconds = [each.seconds for each in rounds]
        median = statistics.median(seconds)
        return ModeFigures(
            mode=mode,
            workers=self._workers[mode],
            rounds=list(rounds),
            seconds=median,
            seconds_min=min(seconds),
            seconds_max=max(seconds),
            per_second=self._told.count / median if median > 0 else None,
            cpu_seconds=statistics.median(each.cpu_seconds for each in rounds),
            peak_memory=max(each.peak_memory for each in rounds),
        )

    def _on_the_whole(self) -> Iterable[str]:
        """Yield what is to be known of all figures together."""
        cores, most = self._told.cores, max(self._workers.values(), default=1)
        others = [each.other_cores for rounds in self._rounds.values() for each in rounds]
        if others and (busy := statistics.mean(others)) > BUSY_CORES * cores:
            yield (
                f"Other programs kept {busy:.1f} of the {cores} cores busy meanwhile; on an idle machine the figures "
                "would be different"
            )
        if most > cores:
            yield f"This machine has {cores} cores, so {most} workers take turns on them"
        if 0 < self._told.chunks < most:
            has = "1 chunk" if self._told.chunks == 1 else f"{self._told.chunks} chunks"
            size = "--chunk-records" if self._told.kind == "table" else "--chunk-frames"
            yield f"The source is cut into {has}, too few for {most} workers; a smaller {size} makes more"
