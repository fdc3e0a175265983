"""A mode's process as it is seen by the comparison: here it is a script that says what a test wants."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import pytest

from moviola.comparison.contestant import Contestant, ModeFailed
from moviola.comparison.messages import Finished
from moviola.comparison.records import Mode, Round
from moviola.comparison.whereabouts import Whereabouts

from .requests import request

SCRIPT = """
import sys
from multiprocessing.connection import Connection
from pathlib import Path
from moviola.comparison.messages import Failure, Finished, Progress, Ready
pipe = Connection(int(sys.argv[1]))
pipe.recv()
pipe.send(Ready())
pipe.recv()
{}
pipe.recv()
"""

FINISHED = """
pipe.send(Progress(0.5))
pipe.send(Finished(1.0, "frame", 60, 4, {"blur": "d1"}, {"blur": Path("x")}, {"far": 2.5, "near": 100.0}))
"""


def program(says: str) -> list[str]:
    return [sys.executable, "-c", SCRIPT.replace("{}", says)]


def test_what_workers_elsewhere_report_is_added_to_what_is_measured_here(tmp_path: Path) -> None:
    cluster = Whereabouts(2, remote=frozenset({"far"}))
    with Contestant(Mode.DISTRIBUTED, request(), cluster, program=program(FINISHED)) as contestant:
        half, (taken, finished) = contestant.work(1, tmp_path)  # type: ignore[misc]
    assert half == 0.5
    assert isinstance(taken, Round)
    assert isinstance(finished, Finished)
    assert (taken.number, taken.seconds, finished.count) == (1, 1.0, 60)
    assert 2.5 <= taken.cpu_seconds < 100
    assert taken.peak_memory > 0


@pytest.mark.parametrize(
    ("says", "words"),
    [
        ("sys.exit(3)", "threads: its process ended with exit status 3"),
        ("pipe.send(Failure('it broke'))", "threads: it broke"),
    ],
)
def test_a_mode_that_ends_or_fails_is_told_in_a_sentence(tmp_path: Path, says: str, words: str) -> None:
    with (
        Contestant(Mode.THREADS, request(), program=program(says)) as contestant,
        pytest.raises(ModeFailed, match=f"^{words}$"),
    ):
        list(contestant.work(1, tmp_path))


def test_a_mode_that_takes_longer_than_it_may_is_ended() -> None:
    late = Contestant(Mode.THREADS, request(limit_s=5.0), deadline=time.monotonic(), program=program(""))
    with pytest.raises(ModeFailed, match=r"threads: the comparison exceeded its time limit of 5 s;"), late:
        pass
