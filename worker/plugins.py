"""The files of filters that children load: notices that one has changed, and tries the new ones before they count."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import tempfile
from collections.abc import Sequence
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

Version = tuple[tuple[int, int, int] | None, ...]
"""Of each file: its time of change in ns, its size and its inode; None where it is not there."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Trial:
    sources: PluginSources
    fd: int
    process: subprocess.Popen[bytes]
    out: IO[bytes]
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
        except PluginError as error:
            log.warning("%s; the filters stay as they are", error)
            return
        if sources == self._sources:
            return
        fd = sources.hold()
        out, err = tempfile.TemporaryFile(), tempfile.TemporaryFile()  # noqa: SIM115 - `_end` closes them
        command = [*processes.program("worker.trial"), str(fd), self._wanted]
        trial = processes.start(command, stdin=subprocess.DEVNULL, stdout=out, stderr=err, pass_fds=[fd])
        self._trial = _Trial(sources, fd, trial, out, err, now + TRIAL_LIMIT_S)

    def _judge(self, trial: _Trial, now: float) -> tuple[str, ...]:
        self.look_at = now + LOOK_S
        if trial.process.poll() is None and now < trial.ends_at:
            return ()
        self._trial = None
        is_late = trial.process.returncode is None
        said, complaint = self._end(trial)
        if trial.process.returncode != 0:
            reason = f"they are not loaded within {TRIAL_LIMIT_S:g} s" if is_late else complaint
            reason = reason or f"loading them ended with {processes.how_it_ended(trial.process.returncode)}"
            log.warning("files of --plugins have changed: %s; the filters stay as they are", reason)
            os.close(trial.fd)
            return ()
        os.close(self.fd)
        self.fd, self._sources = trial.fd, trial.sources
        self.number += 1
        self.build = f"plugins-{trial.sources.digest}"
        log.info("files of --plugins have changed: the workers begin anew with them, one after the other")
        return tuple(json.loads(said))

    @staticmethod
    def _end(trial: _Trial) -> tuple[str, str]:
        """End a trial, and return the last lines of its standard output and of its standard error."""
        processes.end(trial.process)
        lines = []
        for file in (trial.out, trial.err):
            with file:
                file.seek(0)
                lines.append((file.read().decode(errors="replace").strip().splitlines() or [""])[-1])
        return lines[0], lines[1]


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
