"""When events for a webhook are tried, and when they are given up: scripts of what happens, with their times."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from moviola.web import deliveries
from moviola.web.deliveries import (
    LONGEST_DELAY_S,
    MAX_TRIES,
    Answered,
    Delivery,
    DeliveryCommand,
    DeliveryEvent,
    DeliveryQueue,
    GiveUp,
    Happened,
    Post,
    WakeAt,
    Woken,
)

NO = Answered("it answers 500")
YES = Answered()


def event(number: int) -> Delivery:
    return Delivery(f"1.abc-{number}", b"{}")


def play(queue: DeliveryQueue, *script: tuple[float, DeliveryEvent]) -> list[list[DeliveryCommand]]:
    return [queue.handle(happened, now) for now, happened in script]


def test_events_are_sent_one_at_a_time_in_order() -> None:
    queue = DeliveryQueue()
    assert play(
        queue, (0, Happened(event(1))), (0, Happened(event(2))), (1, YES), (1, Happened(event(3))), (2, YES), (3, YES)
    ) == [[Post(event(1))], [], [Post(event(2))], [], [Post(event(3))], []]
    assert not queue


def test_what_is_not_taken_is_tried_again_and_the_next_waits_for_it() -> None:
    queue = DeliveryQueue()
    assert play(queue, (0, Happened(event(1))), (0, Happened(event(2))), (5, NO)) == [
        [Post(event(1))], [], [WakeAt(6)]
    ]  # fmt: skip
    assert play(queue, (5.5, Woken()), (5.6, Happened(event(3))), (6, Woken())) == [
        [WakeAt(6)], [WakeAt(6)], [Post(event(1))]
    ]  # fmt: skip
    assert play(queue, (6, NO), (8, Woken()), (8, YES)) == [[WakeAt(8)], [Post(event(1))], [Post(event(2))]]
    assert play(queue, (9, NO)) == [[WakeAt(10)]], "what follows begins with the first delay"


def tried_to_the_end(queue: DeliveryQueue, now: float) -> tuple[list[float], list[DeliveryCommand]]:
    """Refuse what is on its way until something else comes; return when it was tried, and what comes then."""
    times = [now]
    while True:
        commands = queue.handle(NO, now)
        if not (len(commands) == 1 and isinstance(commands[0], WakeAt)):
            return times, commands
        now = commands[0].at
        assert queue.handle(Woken(), now) == [Post(event(1))]
        times.append(now)


def test_an_event_that_nobody_takes_is_given_up_and_the_next_one_tried() -> None:
    queue = DeliveryQueue()
    play(queue, (0, Happened(event(1))), (0, Happened(event(2))))
    times, commands = tried_to_the_end(queue, 0)
    delays = [after - before for before, after in pairwise(times)]
    assert delays == [1, 2, 4, 8, 16, 32, 64, 128, 256]
    assert (len(times), max(delays) <= LONGEST_DELAY_S) == (MAX_TRIES, True)
    reason = f"tried {MAX_TRIES} times, at last: it answers 500"
    assert commands == [GiveUp(event(1), reason), Post(event(2))]


def test_of_too_many_the_oldest_that_is_not_on_its_way_is_given_up() -> None:
    queue = DeliveryQueue()
    limit = deliveries.MAX_WAITING
    play(queue, *((0.0, Happened(event(number))) for number in range(limit)))
    reason = f"more than {limit} events wait, and it is the oldest"
    assert play(queue, (1, Happened(event(limit)))) == [[GiveUp(event(1), reason)]]
    assert play(queue, (2, NO)) == [[WakeAt(3)]]
    assert play(queue, (2.5, Happened(event(limit + 1)))) == [[GiveUp(event(0), reason), Post(event(2))]]
    assert len(queue) == limit


@given(st.lists(st.sampled_from(["new", "yes", "no", "time"]), max_size=200))
def test_whatever_happens_each_event_is_taken_or_given_up_once_and_in_order(script: list[str]) -> None:
    queue, now, count, on_its_way = DeliveryQueue(), 0.0, 0, False
    over: list[str] = []
    sent: Delivery | None = None

    def do(happened: DeliveryEvent) -> None:
        nonlocal on_its_way, sent
        for command in queue.handle(happened, now):
            if isinstance(command, Post):
                assert not on_its_way
                on_its_way, sent = True, command.delivery
            elif isinstance(command, GiveUp):
                over.append(command.delivery.id)

    def end(answer: Answered) -> None:
        nonlocal on_its_way
        on_its_way = False
        if not answer.refusal:
            assert sent is not None
            over.append(sent.id)
        do(answer)

    for word in script:
        if word == "new":
            do(Happened(event(count)))
            count += 1
        elif word == "time":
            now += 1
            do(Woken())
        elif on_its_way:
            end(YES if word == "yes" else NO)
    while queue:
        now += LONGEST_DELAY_S
        do(Woken())
        end(YES)
    assert over == [event(number).id for number in range(count)]
