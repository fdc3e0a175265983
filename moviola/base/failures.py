"""How many failures are kept and told, each limit once, in the order in which a failure meets them.

All failures count; the limits are for their texts and tracebacks, for those that follow are mostly of one kind.
"""

from __future__ import annotations

from typing import Final

MAX_TRACEBACK: Final = 4_000
"""Characters of a filter's traceback, of its end, which says most: it travels in the result's report."""

MAX_FAILURES_OF_CHUNK: Final = 3
"""Failed frames of a chunk whose traceback its report has: the frames of a chunk mostly fail alike."""

MAX_FAILURES_OF_TASK: Final = 100
"""Failures of one task that the middleware keeps in full: each of many workers may add some."""

MAX_FAILURES_OF_JOB: Final = 20
"""Failures of a job that the middleware tells, and keeps in its history."""

MAX_FAILED_CHUNKS: Final = 16
"""Chunks of a job that are kept as files because they failed: a filter that always fails must not copy the whole
source."""

MAX_FAILURES_OF_OUTPUT: Final = 20
"""Failures that the metrics of an output tell in full, those of frames before those of chunks; the frames that they
cost are all counted, and listed among the troubles."""

MAX_FAILURES_IN_SUMMARY: Final = 5
"""Failures of an output that travel to the client; the metrics file has more."""
