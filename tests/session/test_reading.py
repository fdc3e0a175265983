"""Reading results while a job goes on, as scripts: event, expected commands."""

from __future__ import annotations

from dataclasses import replace

import pytest

from moviola.session.aggregator_line import NEVER_REACHED_S
from moviola.session.events import (
    Arriving,
    ClusterMessage,
    Command,
    Dial,
    Event,
    Give,
    HangUp,
    Lost,
    Send,
    ServerRole,
    Start,
    Tick,
    Wanted,
    Welcomed,
)
from moviola.session.reading import STALL_S, Description, Ending, Reading
from moviola.session.redial import PATIENCE_S
from moviola.wire.addresses import Address
from moviola.wire.messages import Error, FetchedResult, FetchResult, Job, Message, Watch

MIDDLEWARE, AGGREGATOR = ServerRole.MIDDLEWARE, ServerRole.AGGREGATOR
HERE, THERE = Address("127.0.0.1", 5001), Address("127.0.0.1", 6001)
RUNNING = Job("j", "clip.mp4", "running", addresses=[HERE])
SOURCE, OUTPUT = {"kind": "video"}, {"name": "out"}


class Script:
    """A reading of track 1 from result 2 on; commands of an event are returned."""

    def __init__(self) -> None:
        self.brain = Reading("j", 1, "here:5000", first=2)
        self.now = 100.0

    def feed(self, event: Event) -> list[Command]:
        commands = self.brain.handle(event, self.now)
        self.brain.validate()
        return commands

    def hear(self, peer: ServerRole, message: Message, payload: bytes = b"") -> list[Command]:
        return self.feed(ClusterMessage(peer, message, payload))

    def result(self, index: int, state: str = "stored", count: int | None = None) -> list[Command]:
        """The aggregator answers."""
        described = (SOURCE, OUTPUT) if index == 2 else ({}, {})
        return self.hear(AGGREGATOR, FetchedResult("j", 1, index, state, count, *described), b"%d" % index)

    def tick(self, after_s: float = 0.0) -> list[Command]:
        self.now += after_s
        return self.feed(Tick())

    def asked(self) -> Script:
        """It has asked for its first result."""
        assert self.feed(Start()) == [Dial(MIDDLEWARE)]
        assert self.feed(Wanted()) == []
        assert self.feed(Welcomed(MIDDLEWARE)) == [Send(MIDDLEWARE, Watch("j"))]
        assert self.hear(MIDDLEWARE, RUNNING) == [Dial(AGGREGATOR, (HERE,))]
        assert self.feed(Welcomed(AGGREGATOR)) == [asks(2, describe=True)]
        return self

    def given(self) -> Script:
        """It has given its first result, and nothing is wanted yet."""
        assert self.asked().result(2) == [Give(2, b"2")]
        return self

    @property
    def ending(self) -> tuple[Ending, str]:
        assert self.brain.ended is not None
        assert self.brain.next_deadline() is None
        return self.brain.ended.ending, self.brain.ended.reason


def asks(index: int, *, describe: bool = False) -> Send:
    return Send(AGGREGATOR, FetchResult("j", 1, index, describe))


def test_one_result_after_the_other_each_when_it_is_wanted() -> None:
    script = Script().given()
    assert script.brain.description == Description(SOURCE, OUTPUT)
    assert script.tick(3600) == []
    assert script.feed(Wanted()) == [asks(3)]
    assert script.feed(Wanted()) == []
    assert script.result(3, "awaited") == [asks(3)]
    assert script.result(3) == [Give(3, b"3")]
    assert script.feed(Wanted()) == [asks(4)]
    assert script.result(4, "beyond", 4) == [HangUp(AGGREGATOR), HangUp(MIDDLEWARE)]
    assert script.ending == (Ending.COMPLETE, "")
    assert script.feed(Wanted()) == []


def test_what_ends_the_track_is_known_from_its_count() -> None:
    script = Script().asked()
    script.result(2, count=3)
    script.feed(Lost(AGGREGATOR, "idle"))
    script.feed(Wanted())
    assert script.ending == (Ending.COMPLETE, "")


def test_a_lost_connection_goes_on_with_what_was_not_given() -> None:
    script = Script().given()
    script.feed(Wanted())
    assert script.feed(Lost(AGGREGATOR, "torn")) == [Send(MIDDLEWARE, Watch("j"))]
    assert script.tick(1) == [Dial(AGGREGATOR, (HERE,))]
    assert script.feed(Welcomed(AGGREGATOR)) == [asks(3)]
    assert script.result(3) == [Give(3, b"3")]


def test_what_comes_damaged_is_said_to_have_come_so_until_it_is_whole() -> None:
    script = Script().given()
    script.feed(Wanted())
    script.feed(Lost(AGGREGATOR, "FetchedResult arrived damaged", "corrupt"))
    script.tick(1)
    damaged = Send(AGGREGATOR, FetchResult("j", 1, 3, damaged=True))
    assert script.feed(Welcomed(AGGREGATOR)) == [damaged]
    script.feed(Lost(AGGREGATOR, "torn"))
    script.tick(5)
    assert script.feed(Welcomed(AGGREGATOR)) == [damaged]
    assert script.result(3, "awaited") == [asks(3)]
    assert script.result(3) == [Give(3, b"3")]
    assert script.feed(Wanted()) == [asks(4)]


def test_a_connection_that_was_sent_away_while_nothing_was_wanted_is_made_again_when_it_is() -> None:
    script = Script().given()
    assert script.feed(Lost(AGGREGATOR, "nothing was asked for", "idle")) == []
    assert script.tick(600) == []
    assert script.feed(Wanted()) == [Dial(AGGREGATOR, (HERE,))]


def test_the_middleware_may_go_and_come_and_the_aggregator_move() -> None:
    script = Script().given()
    script.feed(Wanted())
    assert script.feed(Lost(MIDDLEWARE, "gone")) == []
    assert script.result(3) == [Give(3, b"3")]
    script.feed(Wanted())
    assert script.feed(Lost(AGGREGATOR, "gone")) == []
    assert set(script.tick(1)) == {Dial(MIDDLEWARE), Dial(AGGREGATOR, (HERE,))}
    script.feed(Lost(AGGREGATOR, "refused"))
    script.feed(Welcomed(MIDDLEWARE))
    script.hear(MIDDLEWARE, replace(RUNNING, addresses=[THERE]))
    assert script.tick(5) == [Dial(AGGREGATOR, (THERE,), at_middleware=True)]
    assert script.feed(Welcomed(AGGREGATOR)) == [asks(4)]


def test_a_store_without_the_job_is_asked_again_later() -> None:
    """It was given to another one, or begins again."""
    script = Script().given()
    script.feed(Wanted())
    error = Error("unknown-job", "job j is not here", fatal=False)
    assert script.hear(AGGREGATOR, error) == [HangUp(AGGREGATOR), Send(MIDDLEWARE, Watch("j"))]
    script.hear(MIDDLEWARE, replace(RUNNING, addresses=[THERE]))
    assert script.tick(1) == [Dial(AGGREGATOR, (THERE,))]
    assert script.feed(Welcomed(AGGREGATOR)) == [asks(3)]


def test_an_aggregator_that_is_not_reached_as_told_is_tried_at_the_middlewares_host() -> None:
    script = Script()
    script.feed(Start())
    script.feed(Wanted())
    script.feed(Welcomed(MIDDLEWARE))
    script.hear(MIDDLEWARE, RUNNING)
    script.feed(Lost(AGGREGATOR, "no such name"))
    assert script.tick(1) == [Dial(AGGREGATOR, (HERE,), at_middleware=True)]
    script.feed(Welcomed(AGGREGATOR))
    assert HangUp(AGGREGATOR) in script.hear(AGGREGATOR, Error("not-yours", "another job", fatal=False))
    assert script.tick(1) == [Dial(AGGREGATOR, (HERE,))]


def test_nobody_is_called_before_it_is_known_where_the_job_is() -> None:
    script = Script()
    script.feed(Start())
    script.feed(Wanted())
    script.feed(Welcomed(MIDDLEWARE))
    assert script.hear(MIDDLEWARE, replace(RUNNING, state="pending", addresses=[])) == []
    assert script.hear(MIDDLEWARE, replace(RUNNING, job="another")) == []
    assert script.hear(MIDDLEWARE, RUNNING) == [Dial(AGGREGATOR, (HERE,))]


@pytest.mark.parametrize("state", ["failed", "cancelled"])
def test_a_job_that_ended_without_files_ends_it_at_once(state: str) -> None:
    script = Script().given()
    script.feed(Wanted())
    script.hear(MIDDLEWARE, replace(RUNNING, state=state, reason="so it is"))
    assert script.ending == (Ending.OVER, "so it is")


def test_a_job_that_has_its_files_is_asked_whether_all_were_given() -> None:
    script = Script().given()
    script.feed(Wanted())
    script.hear(MIDDLEWARE, replace(RUNNING, state="done"))
    script.result(3, "spliced", 9)
    assert script.ending == (Ending.OVER, "")


@pytest.mark.parametrize("addresses", [[HERE], []])
def test_where_nobody_can_say_the_files_are_enough(addresses: list[Address]) -> None:
    script = Script()
    script.feed(Start())
    script.feed(Wanted())
    script.feed(Welcomed(MIDDLEWARE))
    script.hear(MIDDLEWARE, replace(RUNNING, state="partial", addresses=addresses))
    script.feed(Lost(AGGREGATOR, "refused"))
    assert script.ending == (Ending.OVER, "")


def test_a_job_that_is_forgotten_is_over() -> None:
    script = Script().given()
    script.hear(MIDDLEWARE, Error("unknown-job", "there is no job j", fatal=False))
    assert script.ending == (Ending.OVER, "there is no job j")


def test_too_many_readers_are_refused_with_a_sentence() -> None:
    script = Script().asked()
    script.hear(AGGREGATOR, Error("busy", "64 are the most", fatal=False))
    assert script.ending == (Ending.REFUSED, "64 are the most")


def test_an_answer_that_does_not_come_is_asked_for_anew_unless_it_is_on_its_way() -> None:
    script = Script().asked()
    for _ in range(5):
        assert script.tick(STALL_S - 1) == []
        assert script.feed(Arriving(AGGREGATOR)) == []
    assert script.tick(STALL_S - 1) == []
    assert script.tick(1)[0] == HangUp(AGGREGATOR)
    assert script.tick(1) == [Dial(AGGREGATOR, (HERE,), at_middleware=True)]
    assert script.feed(Welcomed(AGGREGATOR)) == [asks(2, describe=True)]


@pytest.mark.parametrize(
    "answer",
    [
        FetchedResult("j", 1, 3, "stored"),
        FetchedResult("j", 0, 2, "stored"),
        FetchedResult("another", 1, 2, "stored"),
        FetchedResult("j", 1, 2, "strange"),
        Job("j", "n", "s"),
    ],
)
def test_what_was_not_asked_for_costs_the_connection_and_is_not_given(answer: Message) -> None:
    script = Script().asked()
    commands = script.hear(AGGREGATOR, answer, b"payload")
    assert commands[0] == HangUp(AGGREGATOR)
    assert not any(isinstance(one, Give) for one in commands)


def test_an_answer_to_nobody_is_not_given() -> None:
    script = Script().given()
    assert script.result(3) == [HangUp(AGGREGATOR)]


def test_patience_has_an_end() -> None:
    script = Script().asked()
    began = script.now
    while script.brain.ended is None:
        script.feed(Lost(AGGREGATOR, "refused"))
        script.now = script.brain.next_deadline() or script.now
        script.feed(Tick())
    assert script.ending[0] is Ending.UNREACHABLE
    assert script.ending[1].startswith("the aggregator has not been reached for 120 s (refused); with --advertise")
    assert script.now - began >= NEVER_REACHED_S
    script = Script().given()
    while script.brain.ended is None:
        script.feed(Lost(MIDDLEWARE, "refused"))
        script.now = script.brain.next_deadline() or script.now
        script.feed(Tick())
    assert script.ending[0] is Ending.UNREACHABLE
    assert script.ending[1].startswith("No middleware answers at here:5000 (refused)")
    assert script.now - 100 >= PATIENCE_S


def test_a_middleware_that_says_no_ends_it() -> None:
    script = Script()
    script.feed(Start())
    script.feed(Lost(MIDDLEWARE, "it does not know the secret", "forbidden"))
    assert script.ending == (
        Ending.REFUSED,
        "the middleware at here:5000 ended the connection: it does not know the secret",
    )
