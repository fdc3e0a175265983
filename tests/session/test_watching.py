"""What a watch looks at and remembers, without a cluster."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from moviola.display.progress import display_for
from moviola.display.terminal import Terminal
from moviola.filters.registry import schemas
from moviola.session import watching
from moviola.session.job_settings import JobSettings
from moviola.session.order import OutputRequest
from moviola.session.target import Target
from moviola.session.watch_record import WatchRecord
from moviola.session.watching import LOOK_INTERVAL_S, FolderDelivery, Folders
from moviola.wire.addresses import Address

LONG_AGO = 1_000_000_000


def test_files_that_are_done_and_gone_are_forgotten_when_there_are_many(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching, "MAX_FILES", 3)
    source, results = tmp_path / "in", tmp_path / "out"
    source.mkdir()
    results.mkdir()
    with WatchRecord(results) as record:
        display = display_for(Terminal(stderr=True), quiet=True)
        wanted, target = OutputRequest([], schemas()), Target(Address("localhost", 1))
        delivery = FolderDelivery(Folders(source, results), wanted, JobSettings(), target, record, display, settle_s=1)
        for number in range(20):
            path = source / f"{number}.csv"
            path.write_text("id\n1\n")
            os.utime(path, (LONG_AGO + number, LONG_AGO + number))
            delivery._look(time.monotonic() + 2 * number * LOOK_INTERVAL_S)
            (arrival,) = [each for each in record.arrivals.values() if each.file == path.name]
            record.end(arrival, "done")
            path.unlink()
        assert len(record.arrivals) <= 3
        assert delivery._watch.done <= record.arrivals.keys()
