"""What clients and watchers are told, and that telling it stays cheap."""

from __future__ import annotations

from unittest.mock import Mock

import pytest

from middleware import records
from middleware.events import Tick
from middleware.tracks import Trouble
from tests.middleware.script import Script
from wire.messages import Job, Watch


def test_of_many_failures_only_those_that_are_told_are_put_together(monkeypatch: pytest.MonkeyPatch) -> None:
    script = Script()
    script.aggregator(9)
    script.client(1)
    script.tell(1, script.submission())
    job = script.dispatcher.cluster.jobs[script.job(1).job]
    for index in range(3000):
        job.add_chunk(0, index, 10, 1000, index + 1)
        job.tracks[0].troubles[index] = Trouble([{"worker": "w", "kind": "crash", "text": "x"}] * 3)
    frames_of = Mock(wraps=records._frames_of)
    monkeypatch.setattr(records, "_frames_of", frames_of)
    script.client(5)
    script.tell(5, Watch(job.id))
    told = script.said(5, Job)[-1].details["failures"]
    assert [one["frames"] for one in told[::3]] == [[10 * index, 10 * index + 9] for index in range(7)]
    assert len(told) == frames_of.call_count == records.MAX_FAILURES_KEPT


def test_who_sends_much_is_counted_once_a_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    script = Script()
    script.aggregator(9)
    for peer in range(100, 130):
        script.client(peer)
        script.tell(peer, script.submission(key=f"key {peer}"))
    counted = Mock(wraps=records.shares)
    monkeypatch.setattr(records, "shares", counted)
    window = script.dispatcher.cluster.rules.client_window_bytes
    script.dispatcher.handle(Tick(window), script.now + 1)  # little
    commands = script.dispatcher.handle(Tick(30 * window), script.now + 2)  # enough again: each is told
    assert counted.call_count == 2
    assert len({command.peer for command in commands if hasattr(command, "peer")}) == 30
