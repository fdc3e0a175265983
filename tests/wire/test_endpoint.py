"""What one end of a connection decides: scripts of what came, without a socket."""

from __future__ import annotations

import pytest

from moviola.wire import limits
from moviola.wire.budget import Budget
from moviola.wire.endpoint import Share
from moviola.wire.events import Damaged, Lost, Received, Unsent
from moviola.wire.limits import KIB, MIB
from moviola.wire.messages import Beat, Chunk, Error, Task, Watch, Welcome
from moviola.wire.outbox import FileSlice
from moviola.wire.schema import Lease
from tests.wire.ends import End, frame, opened
from tests.wire.pair import HANDED, HELLO, TASK

CHUNK = Chunk("j", 0, 0, 1)


# ── handshakes ───────────────────────────────────────────────────────────────────────────────────────────────────────


def _greeted() -> tuple[End, End]:
    """An end that has answered the Greeting of another one."""
    here, there = End(HELLO), End()
    here.end.dialling(here.now)
    here.end.connected(here.now)
    here.come(there.leave())
    return here, there


def test_both_ends_of_a_handshake_hear_of_each_other() -> None:
    here, there = _greeted()
    assert there.come(here.leave())
    assert there.messages() == [HELLO]
    there.end.send(Welcome(version=3, epoch=7), b"", None)
    here.come(there.leave())
    assert here.messages() == [Welcome(version=3, epoch=7)]
    assert (here.state, there.state) == ("open", "open")
    assert here.end.deadline is there.end.deadline is None


def test_a_greeting_is_answered_even_if_no_more_fits_the_turn() -> None:
    """Where many connections have something to say, each may say one thing a turn."""
    here, there = End(HELLO), End()
    here.end.connected(here.now)
    here.come(there.leave(), Share(1, limits.RECEIVE_BUFFER))
    there.come(here.leave())
    there.end.send(Welcome(version=3, epoch=7), b"", None)
    here.come(there.leave())
    assert here.messages() == [Welcome(version=3, epoch=7)]


def test_an_address_and_a_handshake_have_so_much_time() -> None:
    here = End(HELLO)
    here.end.dialling(here.now)
    assert here.seconds_left == limits.CONNECT_TIMEOUT_S
    assert not here.end.is_reading
    here.end.connected(here.now)
    assert here.seconds_left == limits.HANDSHAKE_TIMEOUT_S
    assert here.end.is_reading
    here.later(limits.HANDSHAKE_TIMEOUT_S)
    assert here.lost() == ["the handshake took too long"]
    assert here.state == "closed"


def test_nobody_is_told_of_one_that_never_said_who_it_is() -> None:
    there = End()
    there.later(limits.HANDSHAKE_TIMEOUT_S)
    assert there.state == "closed"
    assert there.events == []


def test_hung_up_while_it_is_dialled_nothing_is_said() -> None:
    here = End(HELLO)
    here.end.close(here.now, "failed", "never mind")
    assert here.state == "closed"
    assert not here.end.outbox
    assert here.events == []


# ── what ends a connection ───────────────────────────────────────────────────────────────────────────────────────────


def test_a_reason_is_sent_last_and_then_it_is_over() -> None:
    end = opened()
    end.end.send(Beat(), b"", None)
    end.end.close(end.now, "superseded", "a newer session of this name has joined")
    assert end.state == "closing"
    assert not end.end.is_reading
    other = opened()
    other.come(end.leave())
    assert other.messages() == [Beat()]
    assert end.state == "closed"
    other.end.ended()
    [lost] = other.events
    assert isinstance(lost, Lost)
    assert lost.error == Error(code="superseded", text="a newer session of this name has joined")
    assert lost.reason == "a newer session of this name has joined"
    assert end.events == []


def test_a_reason_that_nobody_takes_is_given_up() -> None:
    end = opened()
    end.end.close(end.now, "superseded", "a newer session of this name has joined")
    assert end.leave(3)
    assert end.state == "closing"
    end.later(limits.HANDSHAKE_TIMEOUT_S)
    assert end.state == "closed"
    assert end.events == []


def test_garbage_is_answered_with_a_reason() -> None:
    end = opened()
    end.come(frame(Beat()) + b"GET / HTTP/1.1\r\n\r\n" + frame(Beat()))
    assert end.state == "closing"
    [beat, lost] = end.events
    assert isinstance(beat, Received)
    assert isinstance(lost, Lost)
    assert lost.reason.startswith("not-moviola: ")
    assert b"not-moviola" in end.leave()
    assert end.state == "closed"


def test_the_end_says_whether_it_tore_a_message() -> None:
    whole, torn = opened(), opened()
    torn.come(frame(CHUNK, b"begun", 100))
    for end in (whole, torn):
        end.end.ended()
    assert whole.lost() == ["the other side closed the connection"]
    assert torn.lost() == ["the other side closed the connection in the middle of a message"]
    assert torn.budget.used_bytes == 0


# ── sending ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_what_cannot_be_sent_comes_back_and_the_connection_lives(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("moviola.wire.endpoint.CHECKS_WHAT_IS_SENT", False)  # as at work
    end, released = opened(), list[str]()
    too_large = Task(Lease(1, 1), "j", 0, 0, {"x": bytes(limits.MAX_HEADER)}, {}, "o", 1)
    end.end.send(too_large, FileSlice(lambda: 0, 0, 5, lambda: released.append("slice")), 1)
    [unsent] = end.events
    assert isinstance(unsent, Unsent)
    assert unsent.message == too_large
    assert released == ["slice"]
    assert not end.end.outbox
    assert end.state == "open"


def test_who_reads_nothing_is_lost_before_too_much_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_BACKLOG", 10 * KIB)
    end, released = opened(), list[str]()
    end.end.send(TASK, FileSlice(lambda: 0, 0, MIB, lambda: released.append("file")), 1)
    end.end.send(TASK, bytes(9 * KIB), None)
    assert end.events == []
    end.end.send(TASK, bytes(1 * KIB), None)
    assert end.lost() == ["it reads too slowly: too much waits to be sent to it"]
    assert end.state == "closed"
    end.end.send(TASK, FileSlice(lambda: 0, 0, MIB, lambda: released.append("late")), 1)
    assert released == ["file", "late"]


def test_who_takes_no_answers_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "HIGH_WATERMARK", 4 * KIB)
    monkeypatch.setattr(limits, "LOW_WATERMARK", 1 * KIB)
    end = opened()
    end.end.send(TASK, bytes(4 * KIB), None)
    end.end.settle(end.now)
    assert not end.end.is_reading
    end.leave(2 * KIB)
    assert not end.end.is_reading
    end.leave()
    assert end.end.is_reading


def test_questions_wait_in_order_until_enough_answers_were_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "HIGH_WATERMARK", 4 * KIB)
    monkeypatch.setattr(limits, "LOW_WATERMARK", 1 * KIB)
    end = opened()
    end.come(frame(Watch("a")) + frame(Watch("b")) + frame(Watch("c")))
    events = [event for event in end.events if isinstance(event, Received)]
    end.events.clear()
    assert not end.end.hold(events[0])
    end.end.send(TASK, bytes(5 * KIB), None)
    assert end.end.hold(events[1])
    end.leave(2 * KIB)
    assert end.end.hold(events[2])  # behind one that is kept
    assert end.events == []
    end.leave()
    assert end.events == events[1:]


# ── receiving ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_share_is_smaller_where_more_have_something_to_say() -> None:
    assert Share.of(0) == Share.of(1) == Share(limits.MESSAGES_EACH, limits.READ_EACH)
    assert Share.of(100) == Share(limits.MESSAGES_PER_TURN // 100, limits.READ_PER_TURN // 100)
    assert Share.of(10_000) == Share(1, limits.RECEIVE_BUFFER)


def test_what_does_not_fit_a_turn_is_reported_in_the_next_without_another_byte() -> None:
    end = opened()
    end.come(frame(Beat()) * 5, Share(2, MIB))
    assert end.messages() == [Beat()] * 2
    assert end.end.has_unparsed
    assert end.seconds_left is None  # it waits for this side
    end.come(b"", Share(2, MIB))
    assert end.messages() == [Beat()] * 2
    end.come(b"", Share(2, MIB))
    assert end.messages() == [Beat()]
    assert not end.end.has_unparsed


def test_a_damaged_payload_is_told_with_its_message_and_costs_nothing_else() -> None:
    end = opened(role="worker")
    damaged = frame(HANDED, b"payload")[:-1] + b"D"
    end.come(damaged + frame(HANDED, b"payload"))
    assert [type(event) for event in end.events] == [Damaged, Received]
    assert end.state == "open"


def test_a_message_that_goes_on_slowly_may_and_one_that_stands_still_ends_its_connection() -> None:
    end = opened()
    end.come(frame(CHUNK, b"", MIB))
    assert end.state == "receiving"
    for _ in range(3):
        end.later(limits.FRAME_TIMEOUT_S - 1)
        end.come(bytes(limits.FRAME_PROGRESS))
        assert end.seconds_left == limits.FRAME_TIMEOUT_S
    end.later(limits.FRAME_TIMEOUT_S - 1)
    end.come(b"a few bytes")
    assert end.seconds_left == 1
    end.later(1)
    assert "stopped in its middle" in end.lost()[0]
    assert end.state == "closing"


def test_between_two_messages_there_is_no_hurry() -> None:
    end = opened()
    end.come(frame(CHUNK, b"begun", 100))
    assert end.seconds_left == limits.FRAME_TIMEOUT_S
    end.later(10)
    end.come(bytes(95))
    assert end.state == "open"
    assert end.seconds_left is None


# ── memory ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def _exhausted() -> tuple[Budget, End]:
    """A budget that one end has used up, and more: it is favoured."""
    budget = Budget(MIB)
    slow = opened(budget)
    whole = frame(CHUNK, b"", 2 * MIB) + bytes(MIB + 200_000)
    assert slow.come(whole) == len(whole)
    assert slow.state == "favoured"
    assert slow.seconds_left == limits.FAVOUR_TIMEOUT_S
    return budget, slow


def test_one_that_finds_no_memory_is_not_read_until_there_is_some() -> None:
    budget, slow = _exhausted()
    other = opened(budget, connection=2)
    whole = frame(CHUNK, b"", 2 * MIB) + bytes(2 * MIB)
    taken = other.come(whole)
    assert taken < len(whole)
    assert other.end.waits_for_memory
    assert not other.end.is_reading
    assert other.seconds_left is None  # it waits for this side
    assert budget.resumed() == []
    slow.come(bytes(MIB - 200_000))
    assert [type(message) for message in slow.messages()] == [Chunk]
    assert budget.resumed() == [other.end.account]
    other.end.waits_for_memory = False
    other.end.settle(other.now)
    assert other.end.is_reading
    other.come(whole[taken:])
    assert [type(message) for message in other.messages()] == [Chunk]
    assert budget.used_bytes == 0


def test_a_slow_message_beyond_the_budget_goes_where_others_wait() -> None:
    budget, slow = _exhausted()
    slow.come(bytes(limits.FRAME_PROGRESS))
    slow.later(limits.FAVOUR_TIMEOUT_S)
    assert slow.seconds_left == limits.FAVOUR_TIMEOUT_S  # nobody waits for its memory
    slow.come(bytes(limits.FRAME_PROGRESS))
    other = opened(budget, connection=2)
    other.come(frame(CHUNK, b"", 2 * MIB) + bytes(2 * MIB))
    assert budget.is_contended
    slow.later(limits.FAVOUR_TIMEOUT_S)
    assert "stopped in its middle" in slow.lost()[0]
    assert budget.resumed() == [other.end.account]


def test_a_message_behind_a_favoured_one_has_the_time_of_any_other() -> None:
    """The favoured one ends and the next one begins in the same turn."""
    _, end = _exhausted()
    end.later(1)
    end.come(bytes(MIB - 200_000) + frame(Chunk("j", 0, 1, 1), b"", 2 * MIB) + bytes(40_000))
    assert [type(message) for message in end.messages()] == [Chunk]
    assert end.state == "receiving"
    assert end.seconds_left == limits.FRAME_TIMEOUT_S
    end.come(bytes(MIB + 200_000))
    assert end.state == "favoured"
    assert end.seconds_left == limits.FAVOUR_TIMEOUT_S
