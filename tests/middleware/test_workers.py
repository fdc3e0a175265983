"""Leases that outlive a connection or the middleware, as scripts: by whom they are adopted."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from middleware.events import Send, SendChunk
from moviola.wire.messages import Control, Released, Revoke, Stored, Subscribe, Task
from moviola.wire.schema import Lease
from tests.middleware.script import Script, bits, held_lease


def test_after_a_restart_held_leases_go_on_and_stored_tasks_are_not_redone(script: Script) -> None:
    script.worker(11)
    job = script.submit(chunks=4)
    script.deliver(11, 0)
    held = [held_lease(task) for task in script.said(11, Task)[1:]]
    new = script.restarted(epoch=2)
    new.worker(21, "w11", held=tuple(held))
    new.aggregator(9)
    new.hold(job, bits(0))
    new.tick()
    assert new.tasks(21) == []  # it holds its credit
    for one in held:
        new.tell(9, Stored(job, 0, one.index, "kept", one.lease, "w11", 10))
        new.tell(21, Released(one.lease, "stored"))
    new.tick()
    assert new.tasks(21) == [3]
    assert new.said(21, Task)[0].lease.epoch == 2


def test_a_lease_told_twice_is_adopted_once(script: Script) -> None:
    script.worker(11)
    script.submit(chunks=2)
    task = script.said(11, Task)[0]
    script.leave(11)
    held = tuple(held_lease(replace(task, index=index)) for index in (0, 0, 1))
    script.worker(12, "w11", held=held)
    script.leave(12)
    script.worker(13)
    script.tick()
    assert script.tasks(13) == [0, 1]


def test_a_lease_is_adopted_by_the_worker_only_that_it_was_lent_to(script: Script) -> None:
    script.worker(11)
    script.client(2)
    script.tell(2, Subscribe())
    script.submit(chunks=2)
    held = tuple(held_lease(task) for task in script.said(11, Task))
    for peer in (12, 13):  # two others claim it, before and after its holder has left
        script.worker(peer, held=held)
        assert script.said(peer, Revoke) == [Revoke(one.lease) for one in held]
        script.leave(11)
    assert [one.kind for one in script.events(2)].count("lease-refused") == 2
    for peer in (12, 13):
        script.leave(peer)


@pytest.mark.parametrize(
    "changes",
    [{"index": 1}, {"mode": "bypass"}, {"build": "g"}, {"tag": b""}, {"lease": Lease(1, 99)}, {"stage": [0, 1]}],
)
def test_a_lease_is_adopted_for_just_what_it_was_lent_for(script: Script, changes: dict[str, Any]) -> None:
    script.worker(11)
    script.submit(chunks=2)
    held = held_lease(script.said(11, Task)[0])
    script.leave(11)
    script.worker(12, "w11", held=(replace(held, **changes),))
    assert len(script.said(12, Revoke)) == 1
    script.leave(12)
    script.worker(13, "w11", held=(held,))
    assert not script.said(13, Revoke)


def test_a_worker_that_returns_is_told_what_is_not_wanted_before_it_is_given_more(script: Script) -> None:
    """So that it never holds more than its credit, and need not give back what it is lent, which would end its work."""
    script.worker(11)
    script.submit(chunks=12)
    held = [held_lease(task) for task in script.said(11, Task)]
    script.leave(11)
    script.worker(12)
    script.tick()
    for index in (0, 1):  # another does what it was lent
        script.deliver(12, index)
    script.worker(13, "w11", held=tuple(held))
    script.tick()
    sent = [one.message for one in script.commands if isinstance(one, Send | SendChunk) and one.peer == 13]
    told = [one for one in sent if isinstance(one, Revoke | Task)]
    assert [type(one) for one in told] == [Revoke] * 2 + [Task] * 2
    assert [one.lease for one in told[:2]] == [one.lease for one in held]


def test_a_lease_is_not_adopted_twice_by_one_process_under_two_names(script: Script) -> None:
    script.worker(11)
    job = script.submit(chunks=1)
    held = held_lease(script.said(11, Task)[0])
    script.leave(11)
    script.worker(12, "a", held=(held,), token="token of w11")
    script.worker(13, "b", held=(held,), token="token of w11")
    assert script.said(12, Revoke) == []
    assert script.said(13, Revoke) == [Revoke(held.lease)]
    script.tell(1, Control(job, "cancel"))
    script.leave(12)
    script.leave(13)
    script.tick()
    assert script.job(1).state == "cancelled"
