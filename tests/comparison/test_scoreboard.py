from __future__ import annotations

import pytest

from moviola.comparison.records import Comparison, Mode, ModeFigures, Round, State
from moviola.comparison.scoreboard import Scoreboard
from moviola.comparison.whereabouts import Whereabouts

from .requests import request, taken

DIGESTS = {"blur": "d1"}


def board(**more: int) -> Scoreboard:
    """One of sequential and threads, on a machine of 2 cores, whose source is known."""
    made = Scoreboard(request(**{"warm_ups": 0, **more}), cores=2)
    made.subject("frame", 60, 4)
    return made


def play(made: Scoreboard, *rounds: tuple[Mode, Round]) -> Comparison:
    for mode, each in rounds:
        made.begin(mode, each.number)
        made.end(each, DIGESTS)
    return made.comparison()


def figures(told: Comparison, mode: Mode) -> ModeFigures:
    return next(each for each in told.modes if each.mode is mode)


def test_a_mode_is_told_by_the_median_of_its_rounds_and_their_ends() -> None:
    slower = {Mode.SEQUENTIAL: 2, Mode.THREADS: 1}
    rounds = [
        (mode, taken(number, seconds * times))
        for number, seconds in ((1, 5.0), (2, 3.0), (3, 4.0))
        for mode, times in slower.items()
    ]
    told = play(board(iterations=3), *rounds)
    threads = figures(told, Mode.THREADS)
    assert (threads.seconds, threads.seconds_min, threads.seconds_max) == (4.0, 3.0, 5.0)
    assert (threads.per_second, threads.cpu_seconds, threads.peak_memory) == (15.0, 8.0, 1003)
    assert (threads.speed_up, figures(told, Mode.SEQUENTIAL).speed_up) == (2.0, 1.0)
    assert (threads.workers, figures(told, Mode.SEQUENTIAL).workers) == (2, 1)
    assert (told.state, told.share, told.results, told.digests) == (State.DONE, 1.0, 6, DIGESTS)


def test_rounds_to_warm_up_are_compared_and_do_not_count() -> None:
    made = board(iterations=1, warm_ups=1)
    made.begin(Mode.SEQUENTIAL, 0)
    assert (made.comparison().round, made.comparison().is_warm_up) == (1, True)
    told = play(made, (Mode.SEQUENTIAL, taken(0, 100.0)), (Mode.THREADS, taken(0, 100.0)))
    assert (told.state, told.results, told.share) == (State.RUNNING, 2, 0.5)
    assert all(not each.rounds and each.seconds is None for each in told.modes)
    told = play(made, (Mode.SEQUENTIAL, taken(1, 2.0)), (Mode.THREADS, taken(1, 1.0)))
    assert (told.state, figures(told, Mode.THREADS).speed_up) == (State.DONE, 2.0)


def test_it_tells_how_far_all_of_it_is() -> None:
    made = board(iterations=2)
    play(made, (Mode.SEQUENTIAL, taken(1)))
    made.begin(Mode.THREADS, 1)
    made.progress(0.5)
    told = made.comparison()
    assert (told.share, told.mode, told.round, told.is_warm_up) == (0.375, "threads", 1, False)
    assert Comparison.from_wire(told.to_wire()) == told


def test_without_the_sequential_mode_there_is_no_speed_up() -> None:
    made = Scoreboard(request(Mode.THREADS, Mode.DISTRIBUTED, warm_ups=0), cores=2)
    made.subject("frame", 60, 4)
    made.meet(Whereabouts(workers=3, remarks=("One is far away",)))
    told = play(made, (Mode.THREADS, taken()), (Mode.DISTRIBUTED, taken()))
    assert [each.speed_up for each in told.modes] == [None, None]
    assert figures(told, Mode.DISTRIBUTED).workers == 3
    assert "One is far away" in told.remarks


@pytest.mark.parametrize(
    ("others", "chunks", "workers", "words"),
    [
        (0.5, 4, 2, ["Other programs kept 0.5 of the 2 cores busy"]),
        (0.1, 4, 2, []),
        (0.0, 1, 2, ["The source is cut into 1 chunk, too few for 2 workers; a smaller --chunk-frames"]),
        (0.0, 9, 3, ["This machine has 2 cores, so 3 workers take turns"]),
    ],
)
def test_what_makes_figures_worth_less_is_said(others: float, chunks: int, workers: int, words: list[str]) -> None:
    made = Scoreboard(request(Mode.DISTRIBUTED, warm_ups=0), cores=2)
    made.meet(Whereabouts(workers))
    made.subject("frame", 60, chunks)
    told = play(made, (Mode.DISTRIBUTED, taken(other_cores=others)))
    assert len(told.remarks) == len(words)
    assert all(remark.startswith(word) for remark, word in zip(told.remarks, words, strict=True))


def test_a_failure_and_an_end_by_somebody_keep_what_was_found() -> None:
    made = board(iterations=2)
    play(made, (Mode.SEQUENTIAL, taken(1, 2.0)))
    made.begin(Mode.THREADS, 1)
    made.fail("threads: it broke")
    told = made.comparison()
    assert (told.state, told.reason, told.mode) == (State.FAILED, "threads: it broke", "")
    assert figures(told, Mode.SEQUENTIAL).seconds == 2.0
