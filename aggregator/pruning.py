"""Keeps the folder of results within its limits of age and size, in the background: the loop waits for no disk."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Set
from pathlib import Path
from typing import Final

from moviola.base.file_names import check_file_name
from moviola.base.result_folders import JobFolder, job_folder, job_folders, to_remove

log = logging.getLogger(__name__)

INTERVAL_S: Final = 60.0
"""Between two looks at the folder: one of some thousand jobs is read in less than a second."""

GRACE_S: Final = 3600.0
"""Results that are younger stay whatever the limits: their client may be fetching them, or be away for a moment."""


class Pruning:
    """Removes the files of old jobs from a folder of results.

    Args:
        results: the folder.
        max_age_s: results that are older go; None: no limit.
        max_size: the oldest go until the rest have at most so many bytes; None: no limit.
        unix_clock: the time of day, to which files' times compare.
    """

    def __init__(
        self, results: Path, max_age_s: float | None, max_size: int | None, unix_clock: Callable[[], float]
    ) -> None:
        self._results, self._max_age_s, self._max_size = results, max_age_s, max_size
        self._unix_clock = unix_clock
        self._due_at = 0.0
        self._thread: threading.Thread | None = None

    @property
    def is_limited(self) -> bool:
        """Return True if there is a limit of age or size."""
        return self._max_age_s is not None or self._max_size is not None

    def next_deadline(self) -> float | None:
        """Return when to call `tick`, in monotonic seconds; None if never."""
        return self._due_at if self.is_limited else None

    def tick(self, now: float, open_jobs: Set[str]) -> None:
        """Begin to look at the folder, if it is time to. Files of `open_jobs` stay."""
        if not self.is_limited or now < self._due_at:
            return
        self._due_at = now + INTERVAL_S
        if self._thread is None or not self._thread.is_alive():
            self._start(self._prune, frozenset(open_jobs))

    def remove(self, job: str) -> None:
        """Begin to remove the files of one job, as its user wishes."""
        folder = job_folder(self._results, check_file_name(job, "a job's id"))
        if folder is not None:
            self._start(_remove, folder, "as its user wishes")

    def wait(self) -> None:
        """Return when nothing is being removed any more."""
        if self._thread is not None:
            self._thread.join()

    def _start(self, function: Callable[..., None], *arguments: object) -> None:
        self._thread = threading.Thread(target=function, args=arguments, daemon=True)
        self._thread.start()

    def _prune(self, open_jobs: frozenset[str]) -> None:
        now = self._unix_clock()
        folders = job_folders(self._results)
        going = to_remove(folders, now, max_age_s=self._max_age_s, max_size=self._max_size)
        for folder in going:
            if folder.job not in open_jobs and now - folder.made_at_unix_s > GRACE_S:
                _remove(folder, "for the limits of age and size")


def _remove(folder: JobFolder, why: str) -> None:
    try:
        removed = folder.remove()
    except OSError as error:
        log.warning("the files of job %s cannot be removed: %s", folder.job, error)
        return
    log.info("the files of job %s are removed %s: %.1f MB", folder.job, why, removed.size / 1e6)
    if removed.strangers:
        log.warning("%d files in %s are not Moviola's, and stay", len(removed.strangers), folder.path)
