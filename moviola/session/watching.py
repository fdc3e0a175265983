"""A folder watched: what arrives there is sent once it is whole, each file once, and the results are brought.

The sources are only read. What was sent is remembered beside the results (watch_record.py).
"""

from __future__ import annotations

import stat
import threading
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from moviola.base.mapped import MAX_INT
from moviola.base.writers import is_open_to_write
from moviola.media.errors import UnreadableSource
from moviola.media.kinds import KINDS
from moviola.media.wholeness import Wholeness, wholeness
from moviola.session import sources
from moviola.session.existing import settle
from moviola.session.faults import contained
from moviola.session.job_settings import JobSettings
from moviola.session.network import NOTHING_YET, NothingYet, Sender
from moviola.session.order import OutputRequest
from moviola.session.outcome import REFUSED, Outcome, Remains, Status
from moviola.session.plan import refusal
from moviola.session.preparing import upload_request
from moviola.session.run import UploadRequest
from moviola.session.target import Target, UsageError
from moviola.session.views import BatchDisplay
from moviola.session.watch import CUT_OFF, MAX_FILES, FolderWatch, Identity, Look
from moviola.session.watch_record import Arrival, WatchRecord

LOOK_INTERVAL_S: Final = 1.0
"""Between two looks into the folder."""

MAX_LOOKING: Final = 0.1
"""Part of the time that looks into the folder may take: in a large folder on a slow disk they become rarer."""

RETRY_S: Final = 5.0
"""How long after no middleware answered it is called again."""

UNFINISHED: Final = (".part", ".partial", ".tmp", ".temp", ".crdownload", ".download", ".filepart", "~")
"""How programs end the names of files that they have not finished: nothing is said of these."""

SUFFIXES: Final = frozenset[str]().union(*(kind.suffixes for kind in KINDS.values()))


@dataclass(frozen=True, slots=True)
class Folders:
    """What is watched, and where the results of each file get a folder of their own."""

    source: Path
    results: Path


class FolderDelivery:
    """Watch a folder and send what arrives.

    Args:
        wanted: what is to be made of every file.
        settings: of which priority and verify_cuts count here.
        record: of what was sent, held by the caller.
        settle_s: seconds that a file of unknown length is left alone.
        once: end when everything that was in the folder has come to its end.
    """

    def __init__(
        self,
        folders: Folders,
        wanted: OutputRequest,
        settings: JobSettings,
        target: Target,
        record: WatchRecord,
        display: BatchDisplay,
        *,
        settle_s: float,
        once: bool = False,
    ) -> None:
        self._folders, self._wanted, self._settings, self._target = folders, wanted, settings, target
        self._record, self._display, self._once = record, display, once
        self._watch = FolderWatch(record.done, settle_s)
        self._ready: deque[Arrival] = deque()
        self._under_way: dict[str, Arrival] = {}
        self._out_of_reach: dict[str, str] = {}  # why of each file in the folder nothing at all is known, by name
        self._told: set[str] = set()
        self._stopped = threading.Event()
        self._sender: Sender | None = None
        self._look_at = float("-inf")
        self._is_unreachable = False

    def interrupt(self) -> None:
        """Nobody wants to wait any longer. May be called by a signal handler."""
        self._stopped.set()
        if self._sender is not None:
            self._sender.interrupt()

    def outcomes(self) -> Iterator[Outcome]:
        """Yield what came of each file, as it comes. Files whose jobs go on without us are yielded, too.

        Raises RecordUnusable where the record cannot be written any more, OSError where the folder cannot be read.
        """
        self._record.forget_gone(self._files().values())
        while not (self._stopped.is_set() or self._is_over()):
            self._sender = Sender(self._target, self._display)
            if self._stopped.is_set():  # since it was tested above: only the Sender before this one was told
                self._sender.interrupt()
            for outcome in self._sender.send(self._requests()):
                arrival = self._under_way.pop(outcome.path)
                if outcome.status is Status.UNREACHABLE:
                    self._ready.appendleft(arrival)
                    self._say_unreachable(outcome.reason)
                    continue
                self._is_unreachable = False
                if outcome.status is not Status.CANCELLED or outcome.remains is Remains.NOTHING:
                    self._record.end(arrival, outcome.status.name.lower())
                yield outcome
            self._stopped.wait(RETRY_S if self._is_unreachable else 0.0)
        for name, fault in self._left().items() if self._once else ():
            way_out = "copy it again" if fault == CUT_OFF else "make it readable"
            yield Outcome(name, "", Status.WRONG, REFUSED, f"{name} {fault}; {way_out}.")

    @property
    def waiting(self) -> int:
        """Files that are not whole yet, or have not had their turn."""
        return self._watch.waiting + len(self._ready)

    def _left(self) -> dict[str, str]:
        """Return what is wrong with the files that are left as they are, by name."""
        return {**self._out_of_reach, **self._watch.left}

    def _is_over(self) -> bool:
        return self._once and self._look_at > float("-inf") and not self.waiting

    def _say_unreachable(self, reason: str) -> None:
        if not self._is_unreachable:
            self._display.say(f"{reason}. It is called again every {RETRY_S:.0f} s.")
        self._is_unreachable = True

    def _requests(self) -> Iterator[UploadRequest | Outcome | NothingYet]:
        while True:
            self._look(time.monotonic())
            if self._ready:
                yield self._request(self._ready.popleft())
            elif self._is_over():
                return
            else:
                yield NOTHING_YET

    # ── what lies in the folder ──────────────────────────────────────────────────────────────────────────────────

    def _look(self, now: float) -> None:
        if now < self._look_at:
            return
        files = self._files()
        if len(self._record.arrivals) >= MAX_FILES:
            self._record.forget_gone(files.values())
            self._watch.done &= self._record.arrivals.keys()
        for name in self._watch.seen(files, now, time.time()):  # noqa: TID251 - files have times of day
            try:
                path = self._folders.source / name
                look = Look(_wholeness(path), is_open_to_write(path))
            except FileNotFoundError:
                continue  # it has gone
            except OSError as error:
                self._watch.unreadable(name, _unreadable(error), now)
                continue
            identity = self._watch.looked(name, look, now)
            if identity is not None:
                self._ready.append(self._record.begin(identity, name))
        for name, fault in self._left().items() if not self._once else ():  # with `once` they are refused at the end
            later = "it is sent when the rest has come" if fault == CUT_OFF else "make it readable: then it is sent"
            self._tell(f"{name} {fault}; {later}.")
        took = time.monotonic() - now
        self._look_at = now + max(LOOK_INTERVAL_S, took / MAX_LOOKING)

    def _files(self) -> dict[str, Identity]:
        """Return the files that can be sent, by name. Raises OSError."""
        found: dict[str, Identity] = {}
        self._out_of_reach.clear()
        for path in sorted(self._folders.source.iterdir()):
            if path.name.startswith(".") or path.name.endswith(UNFINISHED):
                continue
            try:
                facts = path.stat()
            except FileNotFoundError:
                continue
            except OSError as error:
                if path.suffix.lower() in SUFFIXES and len(self._out_of_reach) < MAX_FILES:
                    self._out_of_reach[path.name] = _unreadable(error)
                continue
            if not stat.S_ISREG(facts.st_mode):
                continue
            if path.suffix.lower() not in SUFFIXES:
                self._tell(f"{path.name} is left alone: it has no suffix of a video, image or table.")
            elif len(found) >= MAX_FILES:
                self._tell(f"{self._folders.source} has more than {MAX_FILES} files; the others wait.")
            else:
                found[path.name] = Identity(facts.st_ino & MAX_INT, facts.st_size, facts.st_mtime_ns)
        return found

    def _tell(self, sentence: str) -> None:
        """Each sentence once, and not more than files are watched."""
        if sentence not in self._told and len(self._told) < MAX_FILES:
            self._told.add(sentence)
            self._display.remark(sentence)

    # ── a file is sent ───────────────────────────────────────────────────────────────────────────────────────────

    def _request(self, arrival: Arrival) -> UploadRequest | Outcome:
        path = self._folders.source / arrival.file
        self._under_way[str(path)] = arrival
        try:
            with contained("", [path], UsageError):
                request = self._prepared(path, arrival)
        except UnreadableSource as complaint:
            return replace(refusal(complaint), path=str(path))
        except UsageError as error:
            return Outcome(path.name, "", Status.WRONG, REFUSED, str(error), path=str(path))
        if isinstance(request, Outcome):
            return replace(request, path=str(path))
        if request.preflight is not None:
            for remark in request.preflight.remarks():
                self._display.remark(f"{request.name}: {remark}")
        size = arrival.identity.size
        return replace(request, path=str(path), size=size, session=self._record.session_of(arrival))

    def _prepared(self, path: Path, arrival: Arrival) -> UploadRequest | Outcome:
        """Return what is sent of a file, or the outcome where its results are there.

        Raises UnreadableSource, UsageError.
        """
        materials, complaints = sources.find([path])
        if complaints:
            raise complaints[0]
        (material,) = materials
        out = f"{self._folders.results / arrival.results}/"
        orders = {material: self._wanted.order(material)}
        destination = settle(orders, out, self._folders.results, overwrite=self._settings.overwrite)[material]
        if destination.finished is not None:
            return destination.finished
        return upload_request(material, destination.order, destination.place, self._settings)


def _wholeness(path: Path) -> Wholeness:
    """Return whether a file is whole; where its beginning is such that this cannot be told, what reads it will say so.

    Raises OSError.
    """
    try:
        return wholeness(path)
    except OSError:
        raise
    except Exception:
        return Wholeness.UNKNOWN


def _unreadable(error: OSError) -> str:
    return f"cannot be read ({error.strerror or error})"
