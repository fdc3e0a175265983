"""Chunks on which a filter failed, kept as files to look into: `results/<job>/failed/<output>-<chunk>`, as `.mkv` of a
video, as `.zip` of images; records have their place in the metrics.

The bytes of such a chunk may have crashed the codec library of workers. So each file is made by a process of its own
(aggregator/excerpting.py): if that crashes as well, only the file is missing.
"""

from __future__ import annotations

import logging
import subprocess
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgpack

from moviola.base import processes
from moviola.base.file_names import FAILED, check_file_name
from moviola.base.files import PARTIAL, aside
from moviola.base.mapped import Map

log = logging.getLogger(__name__)

PROGRAM: Final = processes.program("aggregator.excerpting")

MAX_WAITING: Final = 64
"""Chunks that may wait for their turn, on the disk. One job has at most 16, and if more than a few jobs fail at the
same moment, no more examples are needed."""

LIMIT_S: Final = 60.0
"""Seconds that one file may take to make. It takes a fraction of a second, on the slowest disk a few seconds."""

CHECK_S: Final = 0.2
"""How often the child is looked at."""


class FailedChunks:
    """Keeps chunks under a results folder, one at a time, in the background. Leftovers of a life before are removed."""

    def __init__(self, results: Path, program: Sequence[str] = PROGRAM) -> None:
        self._results, self._program = results, program
        self._waiting: deque[Path] = deque()
        self._child: subprocess.Popen[bytes] | None = None
        self._present: Path | None = None
        self._started_at = self._checked_at = 0.0
        for left in results.glob(f"*/{FAILED}/.*{PARTIAL}*"):
            left.unlink(missing_ok=True)

    def keep(self, job: str, output: str, index: int, process: Map, payload: bytes | bytearray) -> None:
        """Take a chunk, whose file is made a little later. If there is no room for the chunk, that is only logged."""
        if len(self._waiting) >= MAX_WAITING:
            log.warning("job %s chunk %d of %s failed; it is not kept, too many others are", job, index, output)
            return
        folder = self._results / check_file_name(job, "a job's id") / FAILED
        raw = aside(folder / f"{output}-{index:06}")
        try:
            folder.mkdir(parents=True, exist_ok=True)
            raw.write_bytes(msgpack.packb({"process": process, "chunk": bytes(payload)}))
        except OSError as error:
            log.warning("%s cannot be kept: %s", raw, error.strerror or error)
            _remove(raw)
            return
        self._waiting.append(raw)

    def tick(self, now: float) -> None:
        """Begin the next file when the one before is there. One whose process cannot be started is given up: it is an
        example, and no reason to keep the aggregator from its work."""
        self._checked_at = now
        if self._child is not None:
            if self._child.poll() is None and now - self._started_at < LIMIT_S:
                return
            self._end(self._child)
        if self._waiting:
            raw = self._waiting.popleft()
            try:
                self._child = processes.start(
                    [*self._program, str(raw)], stdin=subprocess.DEVNULL, start_new_session=True
                )
            except OSError as error:
                log.warning("%s could not be made a file: %s", raw.name, error.strerror or error)
                _remove(raw)
                return
            self._present, self._started_at = raw, now

    def next_deadline(self) -> float | None:
        if self._child is not None:
            return self._checked_at + CHECK_S
        return self._checked_at if self._waiting else None

    def stop(self) -> None:
        """End the process that makes a file, and remove the chunks whose files are not made yet."""
        if self._child is not None:
            self._end(self._child)
        while self._waiting:
            _remove(self._waiting.popleft())

    def _end(self, child: subprocess.Popen[bytes]) -> None:
        assert self._present is not None
        if (status := processes.end(child)) != 0:
            log.warning("%s could not be made a file (%s)", self._present.name, processes.how_it_ended(status))
        _remove(self._present)
        self._child = self._present = None


def _remove(raw: Path) -> None:
    """Remove a raw chunk and what was begun of its file, and the folder if it is empty then."""
    try:
        for left in raw.parent.iterdir():
            if left.name.startswith(raw.name):
                left.unlink(missing_ok=True)
        raw.parent.rmdir()
    except OSError:
        pass  # there are files in it, or there is none
