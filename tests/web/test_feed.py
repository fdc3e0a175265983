"""What listeners are told, whenever they come and however slowly they read."""

from __future__ import annotations

import asyncio
from typing import cast

from moviola.session.cluster_events import ClusterEvent, EventId, ListenerKind
from moviola.web import feed
from moviola.web.feed import MAX_BUFFERED, Feed, Listener
from moviola.web.line import Line
from moviola.wire.messages import EventRecord, Events, JobGlance, Missed, Snapshot, Subscribe, Subscribed

from .feeds import JOURNAL, FakeLine, current, happened


def told(listener: Listener) -> list[str]:
    """Everything that waits for a listener: the texts of events, `missed` for what was missed."""

    async def take() -> list[str]:
        found = []
        while listener.has_news:
            event = (await listener.next()).event
            found.append("missed" if event.kind == ListenerKind.MISSED else event.text)
        return found

    return asyncio.run(take())


LATER = "2.def"
"""The journal behind a restart."""


def everything(event: ClusterEvent) -> bool:
    return True


def test_all_that_is_kept_is_asked_for_and_later_what_came_after_it() -> None:
    line = FakeLine()
    made = Feed(cast(Line, line))
    assert line.sent == [Subscribe(since_unix_s=0.0, snapshot=True)]
    made.take(Subscribed(JOURNAL, 0))
    made.take(happened(1, 2))
    made.welcomed()
    assert line.sent[1:] == [Subscribe(JOURNAL, 2, snapshot=True)]


def test_who_comes_new_is_told_what_happens_from_now_on() -> None:
    made = current(1, 2)
    listener = made.listen(everything, None)
    made.take(happened(3))
    assert told(listener) == ["3"]
    made.leave(listener)
    made.take(happened(4))
    assert told(listener) == []


def test_who_comes_back_misses_nothing_and_hears_nothing_twice() -> None:
    made = current(1, 2, 3)
    listener = made.listen(everything, EventId(JOURNAL, 1))
    made.take(happened(3, 4))
    assert told(listener) == ["2", "3", "4"]


def test_who_comes_back_too_late_is_told_so() -> None:
    made = current(1, 2)
    assert told(made.listen(everything, EventId("0.other", 7))) == ["missed", "1", "2"]


def test_what_the_middleware_has_not_kept_is_told_as_missed() -> None:
    made = Feed(cast(Line, FakeLine()))
    made.take(Subscribed(JOURNAL, 0))
    made.take(Missed(1, 5))
    made.take(happened(6))
    made.take(Snapshot(6))
    assert told(made.listen(everything, EventId(JOURNAL, 2))) == ["missed", "6"]


def test_a_listener_hears_what_it_wants() -> None:
    made = current()
    listener = made.listen(lambda event: event.job == "mine", None)
    made.take(happened(1, job="other"))
    made.take(happened(2, job="mine"))
    assert told(listener) == ["2"]


def test_who_reads_too_slowly_loses_the_oldest_and_is_told_how_many() -> None:
    made = current()
    listener = made.listen(everything, None)
    for number in range(1, MAX_BUFFERED + 4):
        made.take(happened(number))
    found = told(listener)
    assert found[:2] == ["missed", "4"]
    assert len(found) == MAX_BUFFERED + 1


def ended(number: int) -> Events:
    return Events(number, [EventRecord(number, "job-done", f"{number}", job="j", state="done")])


def restarted(made: Feed, *jobs: JobGlance) -> None:
    """The middleware begins another journal, and tells how these jobs are."""
    made.lost("it is restarted")
    made.welcomed()
    made.take(Subscribed(LATER, 0))
    made.take(Snapshot(0, list(jobs)))


def test_who_was_told_by_another_gateway_of_a_restart_hears_nothing_twice() -> None:
    """That one's connection may have ended before an event that this one has."""
    made = current()
    running = [EventRecord(number, "job-started", f"{number}", job="j", state="running") for number in (1, 2)]
    made.take(Events(2, running))
    restarted(made, JobGlance("j", "running"))
    assert told(made.listen(everything, EventId(JOURNAL, 1))) == ["2", "missed"]
    assert told(made.listen(everything, EventId(LATER, 0))) == []
    made.take(happened(1, 2))
    assert told(made.listen(everything, EventId(LATER, 0))) == ["1", "2"]
    assert told(made.listen(everything, EventId(LATER, 1))) == ["2"]


def test_who_was_told_of_everything_goes_on_behind_it() -> None:
    made = current(1, 2)
    assert made.place == EventId(JOURNAL, 2)
    made.lost("it is restarted")
    made.welcomed()
    made.take(Subscribed(LATER, 0))
    made.take(happened(1))
    assert made.place is None, "what the restart has led to is still to come"
    made.take(Snapshot(1))
    assert made.place == EventId(LATER, 1)
    assert told(made.listen(everything, made.place)) == []


def test_the_end_of_a_job_is_known_to_who_has_been_told_of_it() -> None:
    made = current(1)
    made.take(ended(2))
    assert not made.has_ended("j", EventId(JOURNAL, 1))
    assert made.has_ended("j", EventId(JOURNAL, 2))
    made.take(happened(3, kind="job-retried"))
    assert not made.has_ended("j", EventId(JOURNAL, 2))
    assert feed.MAX_KEPT >= MAX_BUFFERED


def test_a_job_that_begins_again_after_a_restart_has_not_ended() -> None:
    made = current(1)
    made.take(ended(2))
    restarted(made, JobGlance("j", state="done"))
    assert not made.has_ended("j", EventId(JOURNAL, 2)), "it is to be told of the restart"
    assert made.has_ended("j", EventId(LATER, 0))
    made.take(Events(1, [EventRecord(1, "job-retried", "", job="j", state="pending")]))
    assert not made.has_ended("j", EventId(JOURNAL, 2))
    assert not made.has_ended("j", EventId(LATER, 1))


def test_the_end_of_a_job_before_this_gateway_began_is_known() -> None:
    made = Feed(cast(Line, FakeLine()))
    made.take(Subscribed(LATER, 0))
    made.take(Snapshot(0, [JobGlance("j", state="done")]))
    assert not made.has_ended("j", EventId(JOURNAL, 2)), "nobody here knows what whoever asks was told"
    assert made.has_ended("j", EventId(LATER, 0))
