"""Results of a job on an engine wait on the disk, and are found again."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from moviola.base.failures import Failure
from moviola.engines.errors import EngineFailed
from moviola.engines.run import Counts
from moviola.engines.store import KEPT_S, MAX_JOBS, Identity, StoredResults
from moviola.media.account import Account
from moviola.media.computing import Computed
from moviola.media.manifest.records import Maker
from moviola.media.spliced import Spliced

SPLICED = Spliced(Account(), "digest", "out.mp4")


def result(index: int, payload: bytes | memoryview, output: int = 0) -> Computed:
    return Computed(output, index, 10, payload, "build", Maker("node", 2))


@contextmanager
def opened(root: Path, *, key: str = "key", build: str = "build", fresh: bool = False) -> Iterator[StoredResults]:
    with StoredResults(root, Identity(key, build), "ray-1", ["a", "b"], [Counts(), Counts()], fresh=fresh) as stored:
        yield stored


def test_results_are_read_in_order_whatever_the_order_in_which_they_came(tmp_path: Path) -> None:
    with opened(tmp_path) as stored:
        for index in (2, 0, 1):
            stored.keep(result(index, bytes([index]) * 5))
        stored.keep(result(0, b"of b", output=1))
        payloads = stored.payloads(0)
        assert list(payloads) == [b"\0" * 5, b"\1" * 5, b"\2" * 5] == list(payloads)
        assert list(stored.payloads(1)) == [b"of b"]
        assert stored.holds(0, 2)
        assert not stored.holds(1, 2)


def test_what_was_stored_is_found_again_with_who_made_it(tmp_path: Path) -> None:
    with opened(tmp_path) as stored:
        stored.keep(result(0, memoryview(b"zero")))
        stored.note(Failure(output="a", chunk=3, explanation="it failed"))
    with opened(tmp_path) as stored:
        assert (stored.found, stored.forgotten) == (1, "")
        assert list(stored.payloads(0)) == [b"zero"]
        assert stored.maker(0, 0) == ("node", 2)
        told = stored.statistics(0, SPLICED)
        assert [(one.chunk, one.job, one.explanation) for one in told.failures] == [(3, "ray-1", "it failed")]
        assert told.job == "ray-1"


def test_the_first_result_of_a_chunk_counts(tmp_path: Path) -> None:
    with opened(tmp_path) as stored:
        stored.keep(result(0, b"first"))
        stored.keep(result(0, b"second"))
        assert list(stored.payloads(0)) == [b"first"]
        assert stored.statistics(0, SPLICED).duplicates == 1


def test_results_of_another_build_or_another_job_are_not_taken(tmp_path: Path) -> None:
    with opened(tmp_path) as stored:
        stored.keep(result(0, b"zero"))
    with opened(tmp_path, key="other") as stored:
        assert not stored.found
    with opened(tmp_path, build="newer") as stored:
        assert not stored.found
        assert stored.forgotten == "1 results that are here are of another build (build), and are made again"
        stored.keep(result(0, b"newer"))
    with opened(tmp_path, build="newer", fresh=True) as stored:
        assert (stored.found, stored.forgotten) == (0, "")


def test_a_result_that_is_damaged_on_the_disk_is_made_again(tmp_path: Path) -> None:
    with opened(tmp_path) as stored:
        stored.keep(result(0, b"zero"))
        stored.keep(result(1, b"one"))
        (segment,) = (stored.folder / "spool").glob("*.segment")
        descriptor = os.open(segment, os.O_RDWR)
        os.pwrite(descriptor, b"X", 0)
        os.close(descriptor)
        with pytest.raises(EngineFailed, match="chunk 0 of a was damaged"):
            list(stored.payloads(0))
    with opened(tmp_path) as stored:
        assert stored.found == 1
        assert not stored.holds(0, 0)
        assert "1 results in" in stored.forgotten
        stored.keep(result(0, b"again"))
        assert list(stored.payloads(0)) == [b"again", b"one"]


def test_a_job_that_another_process_does_is_said(tmp_path: Path) -> None:
    with opened(tmp_path), pytest.raises(EngineFailed, match="this job is being done already"), opened(tmp_path):
        pass


def test_a_disk_that_takes_no_more_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with opened(tmp_path) as stored:
        monkeypatch.setattr(stored._spool, "limit_bytes", 0)
        with pytest.raises(EngineFailed, match=r"the results cannot be kept in .*make room there"):
            stored.keep(result(0, b"zero"))
        assert not stored.holds(0, 0)


def test_jobs_that_nobody_goes_on_with_are_removed(tmp_path: Path) -> None:
    for number in range(MAX_JOBS + 2):
        with opened(tmp_path, key=f"key-{number:02}"):
            pass
        for path in (tmp_path / f"key-{number:02}").iterdir():
            seconds = os.stat(path).st_mtime - 100 + number
            os.utime(path, (seconds, seconds))
    assert len(list(tmp_path.iterdir())) <= MAX_JOBS
    assert not (tmp_path / "key-00").exists()
    for path in (tmp_path / "key-20").iterdir():
        seconds = os.stat(path).st_mtime - KEPT_S - 1
        os.utime(path, (seconds, seconds))
    with opened(tmp_path, key="new"):
        assert not (tmp_path / "key-20").exists()
        assert (tmp_path / "key-21").exists()


def test_it_can_be_removed(tmp_path: Path) -> None:
    with opened(tmp_path) as stored:
        stored.keep(result(0, b"zero"))
    stored.remove()
    assert list(tmp_path.iterdir()) == []
