"""A job whose messages cost a connection ends; nobody else's does, and no connection is lost for ever."""

from __future__ import annotations

import pytest

from middleware.events import Left, MemberMessage, Unsent
from middleware.link_costs import MAX_LINK_COSTS
from moviola.wire.messages import ChunkWindow, Control, Error, Own, Task
from tests.middleware.script import Script

REASON = "bad-message: Own.name: a text of at most 200 characters, not 209"


@pytest.fixture
def script() -> Script:
    made = Script()
    made.aggregator()
    made.client()
    made.client(2)
    return made


def refuse(script: Script, job: str, peer: int = 9) -> None:
    """The other side closes the connection over a message about a job."""
    script._take(script.dispatcher.handle(Left(peer, REASON, job), script.now))


def state_of(script: Script, job: str) -> tuple[str, str]:
    found = script.dispatcher.cluster.open.get(job)
    if found is None:
        state, _, reason = script.ended(job)
        return state, reason
    return found.state.value, found.reason


def test_a_job_that_ends_the_aggregators_connection_again_and_again_is_failed(script: Script) -> None:
    bad, good = script.submit(key="bad"), script.submit(2, key="good")
    for lost in range(MAX_LINK_COSTS):
        assert state_of(script, bad)[0] != "failed"
        if lost:
            script.aggregator()
        refuse(script, bad)
    state, reason = state_of(script, bad)
    assert state == "failed"
    assert REASON in reason
    assert "3 times" in reason
    script.aggregator()
    assert [own.job for own in script.said(9, Own)][-1] == good
    assert bad not in [own.job for own in script.said(9, Own)[-1:]]
    assert state_of(script, good)[0] == "pending"


def test_the_connection_that_we_close_over_a_message_counts_as_well(script: Script) -> None:
    bad = script.submit(key="bad")
    for lost in range(MAX_LINK_COSTS):
        if lost:
            script.aggregator()
        wrong = ChunkWindow(bad, 1, 0, 3, b"\1")  # not a multiple of 8
        script._take(script.dispatcher.handle(MemberMessage(9, wrong), script.now))
        assert script.closed(9)[-1] == "bad-message"
    assert state_of(script, bad)[0] == "failed"


def test_a_retried_job_begins_to_count_anew(script: Script) -> None:
    bad = script.submit(key="bad")
    refuse(script, bad)
    assert script.dispatcher.cluster.open[bad].link_costs == 1
    for verb in ("cancel", "retry"):
        script.tell(1, Control(bad, verb))
    assert script.dispatcher.cluster.open[bad].link_costs == 0


@pytest.mark.parametrize("peer", [2, 11, 8])
def test_who_has_nothing_to_do_with_a_job_cannot_end_it(script: Script, peer: int) -> None:
    """A client, a worker without a lease of it, an aggregator that does not own it."""
    job = script.submit(key="honest")
    script.worker(11, filters=("other",))
    script.aggregator(8, "other store", "other")
    for _ in range(3 * MAX_LINK_COSTS):
        refuse(script, job, peer)
        {2: script.client, 11: lambda peer: script.worker(peer, filters=("other",))}.get(
            peer, lambda peer: script.aggregator(peer, "other store", "other")
        )(peer)
    assert state_of(script, job)[0] != "failed"


def test_a_worker_that_cannot_take_its_task_counts(script: Script) -> None:
    job = script.submit(key="bad")
    for lost in range(MAX_LINK_COSTS):
        script.worker(11 + lost, f"w{lost}")
        script.tick()
        assert script.said(11 + lost, Task)
        refuse(script, job, 11 + lost)
    assert state_of(script, job)[0] == "failed"


def test_a_connection_lost_without_a_job_named_blames_nobody(script: Script) -> None:
    job = script.submit(key="k")
    for _ in range(3 * MAX_LINK_COSTS):
        refuse(script, "")
        script.aggregator()
    assert state_of(script, job)[0] == "pending"


def test_what_cannot_be_sent_ends_its_job_at_once_and_no_connection(script: Script) -> None:
    bad, good = script.submit(key="bad"), script.submit(2, key="good")
    own = next(one for one in script.said(9, Own) if one.job == bad)
    script._take(script.dispatcher.handle(Unsent(9, own, "Own would have 5000000 bytes"), script.now))
    state, reason = state_of(script, bad)
    assert (state, "5000000" in reason) == ("failed", True)
    assert state_of(script, good)[0] == "pending"
    assert not script.closed(9)


def test_an_unsent_record_for_a_watcher_ends_no_job(script: Script) -> None:
    job = script.submit(key="k")
    script._take(script.dispatcher.handle(Unsent(2, script.job(1), "Job would have 5000000 bytes"), script.now))
    assert state_of(script, job)[0] == "pending"
    assert not script.said(1, Error)
