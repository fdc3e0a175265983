"""A listener is asked what it knows once it must know it, and not while that is still on its way."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from moviola.wire.messages import EventRecord, Events, JobGlance, Missed, Snapshot, Subscribed
from tests.simulation.listener import Listener
from tests.simulation.network import Network
from tests.simulation.world import World

HAPPENED = [EventRecord(number, "job-waiting", "it waits", 0.0, "other", state="pending") for number in range(1, 10)]
RUNNING, DONE = (JobGlance("j", state) for state in ("running", "done"))
OTHER = JobGlance("other", "pending")


@pytest.fixture
def listener() -> Listener:
    """One that has missed that job j has ended, and has heard of all events since."""
    journal = SimpleNamespace(name="1", last=9)
    jobs = {"j": SimpleNamespace(id="j", state="done"), "other": SimpleNamespace(id="other", state="pending")}
    cluster = SimpleNamespace(journal=journal, jobs=jobs)
    server = SimpleNamespace(dispatcher=SimpleNamespace(cluster=cluster))
    middleware: Any = SimpleNamespace(server=server, happened={"1": HAPPENED})
    world = World(1)
    made = Listener("sluggish", world, Network(world), middleware, is_sluggish=True)
    for message in (Subscribed("1", 0), Snapshot(0, [RUNNING]), Missed(1, 7), Events(9, HAPPENED[7:])):
        made.hear(message)
    return made


def test_it_has_been_told_all_with_the_last_part_of_the_snapshot_behind_a_gap(listener: Listener) -> None:
    assert not listener.has_been_told_all
    listener.hear(Snapshot(9, [DONE], last=False))
    assert not listener.has_been_told_all
    listener.hear(Snapshot(9, [OTHER]))
    assert listener.has_been_told_all
    listener.check_states()


def test_one_that_is_told_no_state_in_time_is_found(listener: Listener) -> None:
    with pytest.raises(AssertionError, match="for a snapshot since 1000"):
        listener.check_states()


def test_one_that_is_told_a_wrong_state_is_found(listener: Listener) -> None:
    listener.hear(Snapshot(9, [RUNNING, OTHER]))
    with pytest.raises(AssertionError, match="sluggish knows j as 'running', and it is done"):
        listener.check_states()
