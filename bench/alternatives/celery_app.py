"""The Celery application of the comparison; BENCH_REDIS names broker and result store."""

from __future__ import annotations

import os
from typing import Any

from celery import Celery  # type: ignore[import-not-found, unused-ignore]

from bench.alternatives import work

app = Celery("bench", broker=os.environ["BENCH_REDIS"], backend=os.environ["BENCH_REDIS"])
app.conf.update(
    task_serializer="pickle", result_serializer="pickle", accept_content=["pickle"], worker_prefetch_multiplier=1
)


@app.task
def filter_batch(name: str, batch: Any) -> Any:
    """Return the filtered frames of a batch; None for None, with which a worker is warmed."""
    return None if batch is None else work.apply_to_batch(name, batch)
