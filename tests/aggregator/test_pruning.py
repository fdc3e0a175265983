"""The limits of a folder of results, kept in the background."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from aggregator.pruning import GRACE_S, INTERVAL_S, Pruning
from moviola.base.result_folders import LISTS, note

NOW = 1e9
DAY_S = 24 * 3600


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """Jobs of 1000 bytes, one of a minute and of one to four days."""
    for job, age_s in {"new": 60.0, **{f"job-{days}": days * DAY_S for days in range(1, 5)}}.items():
        path = tmp_path / job / "blur.mp4"
        path.parent.mkdir()
        path.write_bytes(bytes(1000))
        note(tmp_path, job, path.name, path)
        os.utime(tmp_path / LISTS / f"{job}.jsonl", (NOW - age_s, NOW - age_s))
    return tmp_path


def left(results: Path) -> list[str]:
    return sorted(path.name for path in results.iterdir() if path.name != LISTS)


def pruned(results: Path, max_age_s: float | None, max_size: int | None, open_jobs: frozenset[str]) -> list[str]:
    pruning = Pruning(results, max_age_s, max_size, lambda: NOW)
    pruning.tick(0.0, open_jobs)
    pruning.wait()
    return left(results)


def test_without_a_limit_nothing_goes(results: Path) -> None:
    assert Pruning(results, None, None, lambda: NOW).next_deadline() is None
    assert len(pruned(results, None, None, frozenset())) == 5


def test_what_is_too_old_goes(results: Path) -> None:
    assert pruned(results, 2.5 * DAY_S, None, frozenset()) == ["job-1", "job-2", "new"]


def test_the_oldest_go_where_there_is_too_much(results: Path) -> None:
    assert pruned(results, None, 3000, frozenset()) == ["job-1", "job-2", "new"]


def test_open_jobs_and_the_newest_hour_stay(results: Path) -> None:
    assert GRACE_S > 60
    assert pruned(results, 1.0, 1, frozenset({"job-3"})) == ["job-3", "new"]


def test_it_looks_again_after_a_while(results: Path) -> None:
    pruning = Pruning(results, 2.5 * DAY_S, None, lambda: NOW)
    pruning.tick(100.0, frozenset())
    pruning.wait()
    assert pruning.next_deadline() == 100.0 + INTERVAL_S
    os.utime(results / LISTS / "job-1.jsonl", (0, 0))
    pruning.tick(100.0 + INTERVAL_S - 1, frozenset())
    pruning.wait()
    assert "job-1" in left(results)
    pruning.tick(100.0 + INTERVAL_S, frozenset())
    pruning.wait()
    assert "job-1" not in left(results)


def test_one_job_goes_as_its_user_wishes(results: Path) -> None:
    pruning = Pruning(results, None, None, lambda: NOW)
    pruning.remove("new")
    pruning.remove("unknown")
    pruning.wait()
    assert left(results) == ["job-1", "job-2", "job-3", "job-4"]
