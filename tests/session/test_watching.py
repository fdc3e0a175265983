"""What a watch looks at and remembers, without a cluster."""

from __future__ import annotations

import errno
import os
import signal
import time
from pathlib import Path

import pytest

from client.interruption import interruptible
from moviola.display.progress import display_for
from moviola.display.terminal import Terminal
from moviola.filters.registry import schemas
from moviola.media.wholeness import Wholeness, wholeness
from moviola.session import watching
from moviola.session.job_settings import JobSettings
from moviola.session.network import Sender
from moviola.session.order import OutputRequest
from moviola.session.outcome import Status
from moviola.session.target import Target
from moviola.session.views import BatchDisplay
from moviola.session.watch_record import WatchRecord
from moviola.session.watching import LOOK_INTERVAL_S, FolderDelivery, Folders
from moviola.wire.addresses import Address
from tests.closed import close

LONG_AGO = 1_000_000_000


@pytest.fixture
def folders(tmp_path: Path) -> Folders:
    """A folder to watch, and one for results."""
    made = Folders(tmp_path / "in", tmp_path / "out")
    made.source.mkdir()
    made.results.mkdir()
    return made


def table_in(folders: Folders, name: str = "a.csv", changed_at: float = LONG_AGO) -> Path:
    """A file that lies in the watched folder, and is whole."""
    path = folders.source / name
    path.write_text("id,release_date\n1,2005-01-01\n")
    os.utime(path, (changed_at, changed_at))
    return path


def watch(folders: Folders, record: WatchRecord, *, once: bool = False) -> FolderDelivery:
    """A watch whose middleware is not there."""
    display = display_for(Terminal(stderr=True), quiet=True)
    wanted, target = OutputRequest(["post_2000"], schemas()), Target(Address("localhost", 1))
    return FolderDelivery(folders, wanted, JobSettings(), target, record, display, settle_s=1, once=once)


def test_ctrl_c_between_two_calls_of_a_middleware_that_is_away_ends_the_watch(
    folders: Folders, monkeypatch: pytest.MonkeyPatch
) -> None:
    table_in(folders)
    with WatchRecord(folders.results) as record:
        delivery = watch(folders, record, once=True)
        monkeypatch.setattr(delivery._stopped, "wait", lambda _timeout_s: signal.raise_signal(signal.SIGINT))
        with interruptible(delivery.interrupt):
            assert list(delivery.outcomes()) == []
        assert delivery.waiting == 1  # it had no turn


def test_ctrl_c_while_the_next_call_is_prepared_is_not_lost(folders: Folders, monkeypatch: pytest.MonkeyPatch) -> None:
    class Interrupted(Sender):
        def __init__(self, target: Target, display: BatchDisplay) -> None:
            super().__init__(target, display)
            delivery.interrupt()

    monkeypatch.setattr(watching, "Sender", Interrupted)
    with WatchRecord(folders.results) as record:
        delivery = watch(folders, record)
        monkeypatch.setattr(delivery, "_look", lambda _now: pytest.fail("it goes on"))
        assert list(delivery.outcomes()) == []


def test_files_that_are_done_and_gone_are_forgotten_when_there_are_many(
    folders: Folders, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching, "MAX_FILES", 3)
    with WatchRecord(folders.results) as record:
        delivery = watch(folders, record)
        for number in range(20):
            path = table_in(folders, f"{number}.csv", LONG_AGO + number)
            delivery._look(time.monotonic() + 2 * number * LOOK_INTERVAL_S)
            (arrival,) = [each for each in record.arrivals.values() if each.file == path.name]
            record.end(arrival, "done")
            path.unlink()
        assert len(record.arrivals) <= 3
        assert delivery._watch.done <= record.arrivals.keys()


class Unreadable:
    """Looks into files of which some may not be read."""

    def __init__(self, *names: str) -> None:
        self.names = set(names)

    def look(self, path: Path) -> Wholeness:
        if path.name in self.names:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
        return wholeness(path)


def test_a_file_that_cannot_be_read_is_refused_at_the_end(folders: Folders, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "wholeness", Unreadable("a.csv").look)
    table_in(folders)
    with WatchRecord(folders.results) as record:
        (outcome,) = watch(folders, record, once=True).outcomes()
        assert (outcome.source, outcome.status) == ("a.csv", Status.WRONG)
        assert outcome.reason == "a.csv cannot be read (Permission denied); make it readable."
        assert not record.arrivals


def test_so_are_files_in_a_folder_that_may_be_listed_and_not_entered(
    folders: Folders, monkeypatch: pytest.MonkeyPatch
) -> None:
    table_in(folders, "a.csv")
    table_in(folders, "notes.txt")
    listed = list(folders.source.iterdir())
    close(folders.source, monkeypatch)
    monkeypatch.setattr(Path, "iterdir", lambda _folder: iter(listed))
    with WatchRecord(folders.results) as record:
        (outcome,) = watch(folders, record, once=True).outcomes()
    assert outcome.reason == "a.csv cannot be read (Permission denied); make it readable."


def test_a_file_that_cannot_be_read_is_named_once_and_taken_when_it_can_be(
    folders: Folders, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = Unreadable("a.csv")
    monkeypatch.setattr(watching, "wholeness", files.look)
    table_in(folders)
    with WatchRecord(folders.results) as record:
        delivery = watch(folders, record)
        said: list[str] = []
        monkeypatch.setattr(delivery._display, "remark", said.append)
        for number in range(3):
            delivery._look(time.monotonic() + 2 * number * LOOK_INTERVAL_S)
        assert delivery.waiting == 0
        assert said == ["a.csv cannot be read (Permission denied); make it readable: then it is sent."]
        files.names.clear()
        delivery._look(time.monotonic() + 8 * LOOK_INTERVAL_S)
        assert [each.file for each in record.arrivals.values()] == ["a.csv"]
        assert delivery.waiting == 1
