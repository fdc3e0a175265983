"""A user's view of the cluster, which all requests share, without a cluster."""

from __future__ import annotations

import asyncio
from typing import cast

from moviola.base.vocabulary import EventKind, Notice
from moviola.web.line import Line
from moviola.web.mirror import Mirror
from moviola.wire.messages import Event, Job

from .feeds import FakeLine, happened


def test_a_job_that_was_forgotten_is_gone_at_once_and_does_not_come_back() -> None:
    async def story() -> None:
        mirror = Mirror(cast(Line, FakeLine()))
        kept, gone = (Job(name, "clip.mp4", "done") for name in ("kept", "gone"))
        for record in (kept, gone, Event(Notice.CURRENT, "these are all")):
            mirror.take(record)
        assert mirror.view.jobs.keys() == {"kept", "gone"}
        mirror.welcomed()  # all records are asked for again
        mirror.take(gone)
        mirror.take(happened(1, 2, kind=EventKind.JOB_FORGOTTEN, job="gone"))
        assert mirror.view.jobs.keys() == {"kept"}
        mirror.take(kept)
        mirror.take(Event(Notice.CURRENT, "these are all"))
        assert mirror.view.jobs.keys() == {"kept"}
        mirror.close()

    asyncio.run(story())
