"""A listener is told each thing once and in order, whatever becomes of its connections and of the middleware."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moviola.base.vocabulary import EventKind
from moviola.session.cluster_events import ClusterEvent, EventId, ListenerKind
from moviola.session.event_feed import EventFeed
from moviola.wire.messages import EventRecord, Events, JobGlance, Message, Missed, Snapshot, Subscribe, Subscribed

NOW = 1000.0


def of(number: int, kind: str = "job-done", job: str = "j", state: str = "done", **more: str) -> EventRecord:
    return EventRecord(number, kind, f"event {number}", float(number), job, state=state, **more)  # type: ignore[arg-type]


def take(feed: EventFeed, *messages: Message) -> list[ClusterEvent]:
    return [event for message in messages for event in feed.take(message, NOW)]


def told(events: list[ClusterEvent]) -> list[tuple[str, str, str]]:
    return [(event.kind, event.job or event.worker, str(event.id or "")) for event in events]


def test_events_come_with_their_ids_and_all_they_say() -> None:
    feed = EventFeed()
    assert feed.request() == Subscribe(snapshot=True)
    record = EventRecord(
        8, "task-failed", "it failed", 1.5, "j", "clip.mp4", "u", "running", "", "w1", "out", chunk=3, frames=2
    )
    assert not take(feed, Subscribed("1.a", 7), Snapshot(7))
    (event,) = take(feed, Events(8, [record]))
    assert event.kind is EventKind.TASK_FAILED
    assert event.id == EventId("1.a", 8)
    assert event.to_json() == {
        "id": "1.a-8", "kind": "task-failed", "time": 1.5, "text": "it failed", "job": "j", "name": "clip.mp4",
        "user": "u", "state": "running", "worker": "w1", "output": "out", "chunk": 3, "frames": 2,
    }  # fmt: skip


def test_a_kind_that_a_newer_middleware_knows_comes_as_it_is() -> None:
    (event,) = take(EventFeed(), Subscribed("1.a", 0), Events(1, [of(1, "job-polished")]))
    assert event.kind == "job-polished"
    assert not event.ends_job


def test_progress_has_no_id_and_changes_no_place() -> None:
    feed = EventFeed()
    (event,) = take(feed, Subscribed("1.a", 4), Events(4, [of(0, "progress", state="running")]))
    assert event.id is None
    assert feed.position == EventId("1.a", 4)


def test_after_a_lost_connection_it_goes_on_behind_the_last_event_and_repeats_none() -> None:
    feed = EventFeed(kinds=[EventKind.JOB_DONE], job="j")
    take(feed, Subscribed("1.a", 4), Snapshot(4), Events(5, [of(5)]))
    assert told(feed.lost("away", NOW)) == [("disconnected", "", "")]
    assert not feed.lost("still away", NOW)
    assert feed.request() == Subscribe("1.a", 5, job="j", kinds=["job-done"], snapshot=True)
    events = take(feed, Subscribed("1.a", 5), Events(6, [of(5), of(6)]), Snapshot(6, [JobGlance("j", "done")]))
    assert told(events) == [("connected", "", ""), ("job-done", "j", "1.a-6")]


def test_a_gap_is_told_and_made_up_for() -> None:
    feed = EventFeed()
    before = [JobGlance(f"j{number}", state) for number, state in enumerate(("running", "running", "paused", "failed"))]
    take(feed, Subscribed("1.a", 4), Snapshot(4, before, ["w1", "w2"]))
    events = take(feed, Missed(5, 9), Events(10, [of(10, "job-paused", "j1", "paused")]))
    assert (events[0].kind, events[0].count, events[0].first, events[0].last) == (ListenerKind.MISSED, 5, 5, 9)
    assert told(events[1:]) == [("job-paused", "j1", "")], "who comes back with an earlier id hears of the gap again"
    now = [JobGlance("j0", "done"), JobGlance("j1", "paused"), JobGlance("j2", "pending"), JobGlance("j3", "running")]
    assert not take(feed, Snapshot(10, [*now, JobGlance("j5", "pending")], last=False))
    events = take(feed, Snapshot(10, [JobGlance("j6", "failed", "task-failed", "u", "b.mp4")], ["w2", "w3"]))
    assert told(events) == [
        ("job-done", "j0", ""), ("job-resumed", "j2", ""), ("job-retried", "j3", ""), ("job-submitted", "j5", ""),
        ("job-submitted", "j6", ""), ("job-failed", "j6", ""), ("worker-joined", "w3", ""),
        ("worker-left", "w1", "1.a-10"),
    ]  # fmt: skip
    assert all(event.is_caught_up for event in events)
    assert (events[5].code, events[5].user, events[5].name) == ("task-failed", "u", "b.mp4")
    assert told(take(feed, Events(11, [of(11)]))) == [("job-done", "j", "1.a-11")]


def test_a_gap_is_told_once_and_made_up_for_after_a_lost_connection_too() -> None:
    feed = EventFeed()
    take(feed, Subscribed("1.a", 4), Snapshot(4, [JobGlance("j", "running")]))
    assert told(take(feed, Missed(5, 9))) == [("missed", "", "")]
    feed.lost("away", NOW)
    assert feed.request() == Subscribe("1.a", 9, snapshot=True), "that 5 to 9 were missed has been told"
    events = take(feed, Subscribed("1.a", 9), Events(10, [of(10, "job-waiting", "k", "pending")]))
    assert told(events) == [("connected", "", ""), ("job-waiting", "k", "")]
    assert not take(feed, Snapshot(10, [JobGlance("j", "done")], last=False)), "its other parts are on their way"
    assert feed.state_of("j") == "running"
    events = take(feed, Snapshot(10, [JobGlance("k", "pending")]))
    assert told(events) == [("job-done", "j", "1.a-10")]
    assert feed.state_of("j") == "done"


def test_who_asked_for_little_comes_back_behind_what_was_not_for_it() -> None:
    feed = EventFeed(kinds=[EventKind.JOB_DONE])
    take(feed, Subscribed("1.a", 4), Snapshot(4), Events(9, [of(6)]), Events(3000, []))
    feed.lost("away", NOW)
    assert feed.request().number == 3000


def test_a_job_that_is_not_known_any_more_is_told_so() -> None:
    feed = EventFeed()
    take(feed, Subscribed("1.a", 4), Snapshot(4, [JobGlance("j0", "running"), JobGlance("j1", "done")]))
    events = take(feed, Missed(5, 9), Snapshot(9))
    assert told(events[1:]) == [("job-forgotten", "j0", "1.a-9")]


@pytest.mark.parametrize("breaks_again", [False, True])
def test_a_middleware_that_began_anew_leaves_a_gap_that_no_lost_connection_hides(*, breaks_again: bool) -> None:
    feed = EventFeed()
    take(
        feed,
        Subscribed("1.a", 4),
        Snapshot(4, [JobGlance("j", "running")]),
        Events(5, [of(5, "job-paused", state="paused")]),
    )
    feed.lost("away", NOW)
    events = take(feed, Subscribed("2.b", 0))
    assert [event.kind for event in events] == ["connected", "missed"]
    assert (events[1].first, events[1].last) == (6, None)
    if breaks_again:
        feed.lost("away", NOW)
        assert feed.request().journal == "2.b"
        take(feed, Subscribed("2.b", 0))
    events = take(
        feed, Events(1, [of(1, "worker-joined", "", "", worker="w")]), Snapshot(1, [JobGlance("j", "done")], ["w"])
    )
    assert told(events) == [("worker-joined", "w", ""), ("job-done", "j", "2.b-1")]


def test_who_comes_back_through_another_gateway_is_told_every_state_after_a_gap() -> None:
    """It knows the id only, and not what was known before."""
    feed = EventFeed(after=EventId("1.a", 4))
    glances = [JobGlance("j0", "done"), JobGlance("j1", "running"), JobGlance("j2", "paused")]
    events = take(feed, Subscribed("2.b", 0), Snapshot(3, glances, ["w"]))
    assert told(events[1:]) == [("job-done", "j0", ""), ("job-resumed", "j1", ""), ("job-paused", "j2", "2.b-3")]
    without_gap = EventFeed(after=EventId("2.b", 3))
    assert not take(without_gap, Subscribed("2.b", 3), Snapshot(3, glances, ["w"]))


def test_what_is_caught_up_on_is_of_the_kinds_that_were_asked_for() -> None:
    feed = EventFeed(kinds=[EventKind.JOB_DONE])
    take(feed, Subscribed("1.a", 4), Snapshot(4))
    events = take(feed, Missed(5, 5), Snapshot(9, [JobGlance("j0", "done"), JobGlance("j1", "failed")], ["w"]))
    assert events[0].text == "event 5 was missed; too much has happened since"
    assert told(events[1:]) == [("job-done", "j0", "1.a-9")]


def test_events_since_a_time_are_asked_for_once() -> None:
    feed = EventFeed(since_unix_s=500.0)
    assert feed.request() == Subscribe(since_unix_s=500.0, snapshot=True)
    take(feed, Subscribed("1.a", 2))
    assert feed.request() == Subscribe("1.a", 2, snapshot=True)


WORDS = st.sampled_from(
    ["", "j", "w", "job-done", "job-forgotten", "worker-left", "progress", "done", "running", "1.a"]
)
NUMBERS = st.integers(0, 5) | st.just(2**63 - 1)
RECORDS = st.builds(EventRecord, NUMBERS, WORDS, st.text(max_size=5), st.floats(allow_nan=False), WORDS, state=WORDS)
GLANCES = st.builds(JobGlance, WORDS, WORDS)
MESSAGES = st.one_of(
    st.builds(Subscribed, st.sampled_from(["1.a", "2.b"]), NUMBERS),
    st.builds(Events, NUMBERS, st.lists(RECORDS, max_size=3)),
    st.builds(Missed, NUMBERS, NUMBERS),
    st.builds(Snapshot, NUMBERS, st.lists(GLANCES, max_size=3), st.lists(WORDS, max_size=2), last=st.booleans()),
)


@given(st.lists(MESSAGES | st.none(), max_size=12))
def test_no_sequence_of_messages_breaks_a_feed_or_leads_it_back(messages: list[Message | None]) -> None:
    feed = EventFeed()
    for message in messages:
        before = feed.position
        for event in feed.lost("away", NOW) if message is None else feed.take(message, NOW):
            assert "time" in event.to_json()
            if (
                event.id is not None
                and before is not None
                and event.id.journal == before.journal
                and not event.is_caught_up
            ):
                assert event.id.number > before.number
        feed.request()


@pytest.mark.parametrize("text", ["1.a-7", "3.9f2c04a1-120", "a-b-0"])
def test_an_id_is_read_as_it_is_written(text: str) -> None:
    assert str(EventId.parse(text)) == text


@pytest.mark.parametrize(
    "text", ["", "7", "-7", "1.a-", "1.a--", "1.a-x", "1.a-٣", "1.a-" + "9" * 30, "x" * 300 + "-1"]
)
def test_what_is_no_id_is_refused_in_a_sentence(text: str) -> None:
    with pytest.raises(ValueError, match="an event's id is like"):
        EventId.parse(text)
