"""Bytes flipped anywhere in a ledger: it opens with true rows alone, or says which file is damaged."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import signal
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aggregator.events import Keep
from aggregator.jobs import FixedPart, TrackRecord
from aggregator.jobs import JobRecord as CollectedRecord
from aggregator.ledger import AggregatorLedger
from aggregator.states import JobPhase
from middleware.job_record import JobRecord
from middleware.job_request import JobRequest
from middleware.ledger import MiddlewareLedger
from moviola.base.details import Policy
from moviola.base.vocabulary import JobState
from moviola.storage.errors import LedgerUnusable
from moviola.storage.spool import Location

JOBS = [f"job-{number}" for number in range(6)]
FRAMES = {"frames_in": 8}


def _request(number: int) -> JobRequest:
    source = {"kind": "video", "name": "clip", "stream_count": 1, "process": {"crf": number}}
    return JobRequest(f"k{number}", "ann", source, [], Policy(), 0, "", 1.5, bytes(32), [])


def _record(number: int) -> JobRecord:
    return JobRecord(JobState.RUNNING, "", "", "s", "store", "agg", number, ["f"], None, 0.0, [], [], [])


def _collected(number: int) -> CollectedRecord:
    return CollectedRecord(JobPhase.COLLECTING, number, 0, [], [TrackRecord("out", "f", 0, 0)], None)


def write(folder: Path) -> None:
    """Both ledgers, as programs leave them that are killed: the newest is in the log beside the file."""
    middleware = MiddlewareLedger(folder / "middleware.sqlite")
    aggregator = AggregatorLedger(folder / "aggregator.sqlite")
    middleware.raise_epoch()
    aggregator.raise_epoch()
    for number, job in enumerate(JOBS):
        middleware.save_job(job, _record(number), _request(number))
        aggregator.jobs.save(job, _collected(number).to_wire(), FixedPart(job, "ann", number, bytes(32)).to_wire())
        for index in range(20):
            location = Location(index % 3 + 1, index * 100, 100)
            middleware.add_chunk(job, 0, index, 8, index * 77, location)
            aggregator.add_result(Keep(1, job, 0, index, 100, index * 77, "worker", frames=FRAMES), location, 1.5)
        middleware.commit()
        aggregator.commit()


def _write_and_die(folder: Path) -> None:
    write(folder)
    os.kill(os.getpid(), signal.SIGKILL)


@pytest.fixture(scope="module", params=["closed", "killed"])
def written(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, set[Any]]:
    """A folder with both ledgers, and all that they say."""
    folder, copy = tmp_path_factory.mktemp("written"), tmp_path_factory.mktemp("copy")
    target = write if request.param == "closed" else _write_and_die
    child = multiprocessing.get_context("spawn").Process(target=target, args=(folder,))
    child.start()
    child.join(60)
    shutil.copytree(folder, copy, dirs_exist_ok=True)
    return folder, rows(copy)


def rows(folder: Path) -> set[Any]:
    """All that both ledgers say, places in the spool left out: what lies there has its own checksum."""
    found: set[Any] = set()
    middleware = MiddlewareLedger(folder / "middleware.sqlite")
    try:
        found |= {("job", repr(one)) for one in middleware.jobs()}
        found |= {("chunk", *one[:5]) for one in middleware.chunks()}
        found.add(("epoch of the middleware", middleware.raise_epoch()))
    finally:
        middleware.close()
    aggregator = AggregatorLedger(folder / "aggregator.sqlite")
    try:
        found |= {("owned", repr(one)) for one in aggregator.jobs.all()}
        found |= {("result", one.job, one.track, one.index, one.xxh3, one.worker) for one in aggregator.results()}
        found.add(("epoch of the aggregator", aggregator.raise_epoch()))
    finally:
        aggregator.close()
    return found


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_no_row_is_believed_that_is_not_what_was_written(written: tuple[Path, set[Any]], data: st.DataObject) -> None:
    origin, true = written
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made) / "damaged"
        shutil.copytree(origin, folder)
        path = data.draw(st.sampled_from(sorted(one for one in folder.iterdir() if one.suffix != ".reserve")))
        content = bytearray(path.read_bytes())
        for place in data.draw(st.lists(st.integers(0, len(content) - 1), min_size=1, max_size=4)):
            length, mask = data.draw(st.sampled_from([1, 1, 8, 600])), data.draw(st.integers(1, 255))
            content[place : place + length] = bytes(byte ^ mask for byte in content[place : place + length])
        path.write_bytes(content)
        said = ""
        try:
            found = rows(folder)
        except LedgerUnusable as error:
            said = str(error)
        if said:
            assert said.startswith(f"{str(path).removesuffix('-wal')} cannot be used as a ledger: ")
            assert "move it away" in said
            return
        assert {one for one in found if not one[0].startswith("epoch")} <= true
