"""The comparison with modes that are played: what they say is made up, nothing is started."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any

from moviola.comparison.contest import compare
from moviola.comparison.contestant import ModeFailed
from moviola.comparison.messages import Finished
from moviola.comparison.records import Comparison, Mode, Round, State
from moviola.comparison.request import Request
from moviola.comparison.whereabouts import Whereabouts

from .requests import finished, request, taken


class Player:
    """A mode that plays: it writes `content` as its result, and names it by `digest`."""

    def __init__(self, mode: Mode, *, digests: dict[int, str], fails_at: int | None, log: list[str]) -> None:
        self.mode, self._digests, self._fails_at, self._log = mode, digests, fails_at, log

    def __enter__(self) -> Player:
        self._log.append(f"+{self.mode}")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._log.append(f"-{self.mode}")

    def work(self, number: int, folder: Path) -> Iterator[float | tuple[Round, Finished]]:
        self._log.append(f"{self.mode}{number}")
        yield 0.5
        if number == self._fails_at:
            raise ModeFailed(f"{self.mode}: it broke")
        digest = self._digests.get(number, "d1")
        (folder / "blur.jsonl").write_text(f"line\n{digest}\n")
        yield taken(number), finished(digest, folder / "blur.jsonl")


def play(
    asked: Request, folder: Path, log: list[str], *, digests: dict[int, str] | None = None, fails_at: int | None = None
) -> list[Comparison]:
    """Play a comparison of which the mode `threads` has these digests, and fails at this round."""

    def make(mode: Mode, _request: Request, _cluster: Whereabouts | None, _deadline: float | None) -> Any:
        is_odd = mode is Mode.THREADS
        return Player(mode, digests=(digests or {}) if is_odd else {}, fails_at=fails_at if is_odd else None, log=log)

    return list(compare(asked, folder, make))


def test_modes_take_turns_round_by_round_and_leave_one_result(tmp_path: Path) -> None:
    log: list[str] = []
    told = play(request(iterations=2, warm_ups=1), tmp_path, log)
    assert log == [
        "+sequential", "+threads",
        "sequential0", "threads0", "sequential1", "threads1", "sequential2", "threads2",
        "-threads", "-sequential",
    ]  # fmt: skip
    assert (told[-1].state, told[-1].results, told[-1].count, told[-1].chunks) == (State.DONE, 6, 60, 4)
    assert [each.name for each in tmp_path.iterdir()] == ["sequential0"]
    shares = [each.share for each in told]
    assert shares == sorted(shares)
    assert shares[-1] == 1.0


def test_a_result_that_differs_ends_it_with_the_place(tmp_path: Path) -> None:
    log: list[str] = []
    told = play(request(iterations=5, warm_ups=0), tmp_path, log, digests={3: "d2"})[-1]
    assert told.state is State.FAILED
    assert told.reason == (
        "the result blur of threads, round 3 differs from that of sequential, round 1: the first difference is in "
        "line 2 of blur.jsonl (digest d2 instead of d1)"
    )
    assert log[-3:] == ["threads3", "-threads", "-sequential"]
    assert [len(each.rounds) for each in told.modes] == [3, 2]


def test_a_mode_that_fails_ends_it(tmp_path: Path) -> None:
    log: list[str] = []
    told = play(request(iterations=2, warm_ups=0), tmp_path, log, fails_at=1)[-1]
    assert (told.state, told.reason) == (State.FAILED, "threads: it broke")
    assert log[-2:] == ["-threads", "-sequential"]


def test_who_stops_looking_ends_what_was_started(tmp_path: Path) -> None:
    log: list[str] = []

    def make(mode: Mode, *_more: Any) -> Any:
        return Player(mode, digests={}, fails_at=None, log=log)

    going_on = compare(request(), tmp_path, make)
    while not log or log[-1] != "threads0":
        next(going_on)
    going_on.close()
    assert log[-2:] == ["-threads", "-sequential"]
