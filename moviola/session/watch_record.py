"""What a watch remembers of the files that it has sent: one line of JSON for each step, in a file beside the results.

A line is on the disk before the step that it tells of has an effect elsewhere. So a watch that was killed finds, when
it is started again, which files are done, and which were under way and under what name they were sent.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Final
from uuid import uuid4

from moviola.base.files import written_aside
from moviola.base.mapped import Malformed, Mapped, Ticks
from moviola.base.records import record
from moviola.session.order import unique
from moviola.session.watch import MAX_FILES, Identity

NAME: Final = ".moviola-watch.jsonl"
"""Of the file, in the folder of the results."""

VERSION: Final = 1


class RecordUnusable(Exception):
    """The record cannot be used; the text is a sentence for a person."""


@record
class Arrival(Mapped):
    """A file that is sent, or was.

    Attributes:
        inode, size, mtime_ns: its identity.
        file: its name in the watched folder when it was sent.
        results: the name of the folder in which its results lie.
        ending: how it ended, one of `Status` in small letters; empty while it is under way.
    """

    inode: int
    size: int
    mtime_ns: Ticks
    file: str
    results: str
    ending: str = ""

    @property
    def identity(self) -> Identity:
        """What makes the file the same one under another name."""
        return Identity(self.inode, self.size, self.mtime_ns)


class WatchRecord:
    """The record of one folder of results. `with` holds it, so that no second watch writes to it.

    Raises RecordUnusable where it cannot be read or written, is not one, or another watch holds it.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / NAME
        self.arrivals: dict[Identity, Arrival] = {}
        self._id = uuid4().hex
        self._file: IO[str] | None = None

    def __enter__(self) -> WatchRecord:
        try:
            self._file = self.path.open("a+", encoding="utf-8", errors="replace")
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if not os.path.samestat(os.fstat(self._file.fileno()), self.path.stat()):
                raise BlockingIOError  # another watch has just written it anew
            self._read(self._file)
        except BlockingIOError:
            self._close()
            raise RecordUnusable(
                f"another watch puts its results into {self.path.parent}; give another folder"
            ) from None
        except OSError as error:
            self._close()
            raise RecordUnusable(f"{self.path} cannot be used: {error.strerror}") from error
        except RecordUnusable:
            self._close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close()

    def _close(self) -> None:
        if self._file is not None:
            with suppress(OSError):  # each line was flushed as it was written: what is left has failed, and was told
                self._file.close()

    @property
    def done(self) -> set[Identity]:
        """The files that need not be looked at again."""
        return {identity for identity, arrival in self.arrivals.items() if arrival.ending}

    def session_of(self, arrival: Arrival) -> str:
        """Return the session under which a file is sent: the same after a restart, so that it becomes one job."""
        identity = arrival.identity
        text = f"{self._id}/{identity.inode}/{identity.size}/{identity.mtime_ns}"
        return sha256(text.encode()).hexdigest()[:32]

    def begin(self, identity: Identity, file: str) -> Arrival:
        """A file is about to be sent. Return it, with the name for its results that it had before, or a free one."""
        arrival = self.arrivals.get(identity)
        if arrival is None:
            taken = (each.results for each in self.arrivals.values())
            there = (each.name for each in self.path.parent.iterdir())
            (results,) = unique([Path(file).stem], [*taken, *there])
            arrival = Arrival(identity.inode, identity.size, identity.mtime_ns, file, results)
        self._write(arrival)
        return arrival

    def end(self, arrival: Arrival, ending: str) -> None:
        """A file has come to its end, and its results are where they belong."""
        self._write(replace(arrival, ending=ending))

    def forget_gone(self, here: Iterable[Identity]) -> None:
        """Leave out files that are done and no longer in the folder: they cannot come again as they were.

        Raises RecordUnusable where more than MAX_FILES are left, or it cannot be written.
        """
        kept = set(here)
        arrivals = {key: each for key, each in self.arrivals.items() if key in kept or not each.ending}
        if len(arrivals) > MAX_FILES:
            hint = "move files that are done elsewhere"
            raise RecordUnusable(f"{self.path} remembers {len(arrivals)} files, and {MAX_FILES} is the limit; {hint}")
        if len(arrivals) < len(self.arrivals):
            self.arrivals = arrivals
            self._rewrite()

    def _write(self, arrival: Arrival) -> None:
        self.arrivals[arrival.identity] = arrival
        assert self._file is not None
        with self._written():
            self._file.write(_line(arrival))
            self._file.flush()
            os.fsync(self._file.fileno())

    def _rewrite(self) -> None:
        """Put a shorter record in the place of the old one, under the same lock."""
        with self._written(), written_aside(self.path) as partial:
            file = partial.open("a+", encoding="utf-8")
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            file.writelines([self._head(), *map(_line, self.arrivals.values())])
            file.flush()
        self._close()
        self._file = file

    @contextmanager
    def _written(self) -> Iterator[None]:
        """Raise RecordUnusable where the block cannot write."""
        try:
            yield
        except OSError as error:
            raise RecordUnusable(f"{self.path} cannot be written: {error.strerror}") from error

    def _head(self) -> str:
        return json.dumps({"moviola_watch": VERSION, "id": self._id}) + "\n"

    def _read(self, file: IO[str]) -> None:
        file.seek(0)
        text = file.read()
        lines = text.splitlines()
        if not lines:
            file.write(self._head())
            file.flush()
            os.fsync(file.fileno())
            return
        head = _object(lines[0])
        if head.get("moviola_watch") != VERSION or not isinstance(head.get("id"), str):
            hint = "move it away to begin anew: what is done already is known by its results"
            raise RecordUnusable(f"{self.path} is not the record of a watch of this version; {hint}")
        self._id = head["id"]
        if not text.endswith("\n"):  # the last line was cut off with its writer
            lines.pop()
            file.write("\n")
        for arrival in _arrivals(lines[1:]):
            self.arrivals[arrival.identity] = arrival


def _line(arrival: Arrival) -> str:
    return json.dumps(arrival.to_wire()) + "\n"


def _arrivals(lines: Iterable[str]) -> Iterator[Arrival]:
    """Yield what lines tell; one that cannot be read is passed over, and its file is known again by its results."""
    for line in lines:
        with suppress(Malformed):
            yield Arrival.from_wire(_object(line))


def _object(line: str) -> dict[str, Any]:
    try:
        told = json.loads(line)
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}
