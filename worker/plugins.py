"""The files of filters that children load: notices that one has changed, and tries the new ones before they count."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

from moviola.base import processes
from moviola.filters.plugin_sources import PluginSources
from moviola.filters.registry import PluginError

LOOK_S: Final = 1.0
"""Every so often the files are looked at. One that is the same in two looks is no longer being written."""

TRIAL_LIMIT_S: Final = 60.0
"""A file that has not been loaded after so long is refused: a cluster may take as long to start."""

TRY_AGAIN_S: Final = 30.0
"""After so long files are tried again that could not be tried, because the temporary folder was full, say."""

MAX_SAID: Final = 64 * 1024
"""Bytes at the end of what a trial wrote that are read: a thousand names of filters are far less."""

REFUSED: Final = "files of --plugins have changed: %s; the filters stay as they are"

Version = tuple[tuple[int, int, int] | None, ...]
"""Of each file: its time of change in ns, its size and its inode; None where it is not there."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Trial:
    sources: PluginSources
    fd: int
    process: subprocess.Popen[bytes]
    answer: IO[bytes]
    err: IO[bytes]
    ends_at: float


class Plugins:
    """The files in use, held in a file that children inherit, and newer ones that are being tried.

    Attributes:
        fd: of what children load; -1 where there is none.
        number: how often other files have come into use.
        build: what a build's fingerprint has of files that were changed; empty before that.
    """

    def __init__(self, sources: PluginSources, wanted: str, now: float) -> None:
        self._paths = tuple(path for path, _ in sources.files)
        self._wanted = wanted
        self._sources = sources
        self.fd = sources.hold() if self._paths else -1
        self.number = 0
        self.build = ""
        self._judged: Version = ()  # the first look compares the contents
        self._seen: Version = ()
        self._trial: _Trial | None = None
        self.look_at = now if self._paths else None

    def check(self, now: float) -> tuple[str, ...]:
        """Look at the files, and return the filters to offer where others have come into use, or nothing."""
        if self._trial is not None:
            return self._judge(self._trial, now)
        if self.look_at is None or now < self.look_at:
            return ()
        self.look_at = now + LOOK_S
        before, self._seen = self._seen, _versions(self._paths)
        if self._seen == before and self._seen != self._judged and None not in self._seen:
            self._judged = self._seen
            self._begin(now)
        return ()

    def close(self) -> None:
        """End a trial, and let go of what is held."""
        if self._trial is not None:
            self._end(self._trial)
            os.close(self._trial.fd)
        if self.fd >= 0:
            os.close(self.fd)

    def _begin(self, now: float) -> None:
        try:
            sources = PluginSources.read(self._paths)
            if sources != self._sources:
                self._trial = self._start(sources, now)
        except PluginError as error:
            log.warning("%s; the filters stay as they are", error)
        except OSError as error:
            reason = f"they cannot be tried ({error.strerror or error}), and will be again in {TRY_AGAIN_S:g} s"
            log.warning(REFUSED, reason)
            self._judged, self.look_at = (), now + TRY_AGAIN_S

    def _start(self, sources: PluginSources, now: float) -> _Trial:
        """Start a trial. Raises OSError, and leaves nothing open then."""
        with ExitStack() as opened:
            fd = sources.hold()
            opened.callback(os.close, fd)
            answer = opened.enter_context(tempfile.TemporaryFile())
            err = opened.enter_context(tempfile.TemporaryFile())
            process = processes.start(
                [*processes.program("worker.trial"), str(fd), self._wanted, str(answer.fileno())],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=err,
                pass_fds=[fd, answer.fileno()],
            )
            opened.pop_all()  # `_end` and `_judge` close them
        return _Trial(sources, fd, process, answer, err, now + TRIAL_LIMIT_S)

    def _judge(self, trial: _Trial, now: float) -> tuple[str, ...]:
        self.look_at = now + LOOK_S
        if trial.process.poll() is None and now < trial.ends_at:
            return ()
        self._trial = None
        is_late = trial.process.returncode is None
        answer, complaint = self._end(trial)
        status = trial.process.returncode
        filters = _filters_in(answer) if status == 0 else ()
        if not filters:
            reason = f"they are not loaded within {TRIAL_LIMIT_S:g} s" if is_late else complaint if status else ""
            log.warning(REFUSED, reason or f"loading them ended with {processes.how_it_ended(status)}")
            os.close(trial.fd)
            return ()
        os.close(self.fd)
        self.fd, self._sources = trial.fd, trial.sources
        self.number += 1
        self.build = f"plugins-{trial.sources.digest}"
        log.info("files of --plugins have changed: the workers begin anew with them, one after the other")
        return filters

    @staticmethod
    def _end(trial: _Trial) -> tuple[bytes, str]:
        """End a trial, and return its answer and the last line of its standard error."""
        processes.end(trial.process)
        answer, said = _taken(trial.answer), _taken(trial.err)
        return answer, (said.decode(errors="replace").strip().splitlines() or [""])[-1]


def _taken(file: IO[bytes]) -> bytes:
    """Close a file of a trial, and return what stands at its end."""
    with file:
        size = os.fstat(file.fileno()).st_size
        return os.pread(file.fileno(), MAX_SAID, max(0, size - MAX_SAID))


def _filters_in(answer: bytes) -> tuple[str, ...]:
    """Return the names in a trial's answer; none where it is not one, as of a process that ended before its time."""
    try:
        names = json.loads(answer)
    except ValueError:
        return ()
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        return ()
    return tuple(names)


def _versions(paths: Sequence[Path]) -> Version:
    found: list[tuple[int, int, int] | None] = []
    for path in paths:
        try:
            status = path.stat()
        except OSError:
            found.append(None)
        else:
            found.append((status.st_mtime_ns, status.st_size, status.st_ino))
    return tuple(found)
