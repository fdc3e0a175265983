"""Ids of jobs as people are shown them."""

from __future__ import annotations

from typing import Final

GAP: Final = "…"
"""Stands for the middle of an id that was too long to be shown."""

TAIL: Final = 12
"""Characters at the end of an id, by which jobs of one source are told apart."""


def short_id(job: str, width: int) -> str:
    """Return a job's id in at most `width` characters, without its middle if it is longer; `jobs.find` understands
    it."""
    return job if len(job) <= width else f"{job[: max(1, width - TAIL - 1)]}{GAP}{job[-TAIL:]}"
