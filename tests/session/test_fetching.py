"""The fetching of files, as scripts: event, expected commands."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moviola.base.finished_file import FinishedFile
from moviola.session.aggregator_line import NEVER_REACHED_S
from moviola.session.events import (
    Begin,
    Begun,
    ChecksumMismatch,
    ClusterMessage,
    Command,
    Dial,
    HangUp,
    Keep,
    Kept,
    Lost,
    NotKept,
    Send,
    ServerRole,
    Tick,
    Welcomed,
    Write,
)
from moviola.session.fetching import AHEAD_SIZE, PART_SIZE, STALL_S, Fetching, Wanted
from moviola.session.redial import PATIENCE_S
from moviola.wire.addresses import Address
from moviola.wire.messages import Error, Fetch, File

HERE = Address("127.0.0.1", 5001)
GONE = HangUp(ServerRole.AGGREGATOR)


def fetching(*files: tuple[str, int]) -> Fetching:
    return Fetching("j", [Wanted(name, size, "x") for name, size in files], [HERE])


def begun(file: str, offset: int) -> Begun:
    return Begun(Begin(file, 3, "x"), offset)


def part(file: str, offset: int, payload: bytes, size: int) -> ClusterMessage:
    return ClusterMessage(ServerRole.AGGREGATOR, File("j", file, offset, size), payload)


def ask(file: str, offset: int, length: int) -> Send:
    return Send(ServerRole.AGGREGATOR, Fetch("j", file, offset, length))


def test_a_file_is_dialled_for_asked_for_written_and_kept() -> None:
    brain = fetching(("a", 3))
    assert brain.begin() == [Begin("a", 3, "x")]
    assert brain.handle(begun("a", 0), 0) == [Dial(ServerRole.AGGREGATOR, (HERE,))]
    assert brain.handle(Welcomed(ServerRole.AGGREGATOR), 0) == [ask("a", 0, 3)]
    assert brain.handle(part("a", 0, b"abc", 3), 0) == [Write("a", b"abc"), Keep("a")]
    assert brain.handle(Kept(Keep("a")), 0) == [GONE]
    assert brain.over
    assert not brain.failure


def test_files_that_are_there_need_no_connection() -> None:
    brain = fetching(("a", 3), ("b", 4))
    brain.begin()
    assert brain.handle(Kept(Keep("a")), 0) == [Begin("b", 4, "x")]
    assert brain.handle(Kept(Keep("b")), 0) == [GONE]
    assert brain.over
    assert brain.size_here == brain.size_total == 7


def test_parts_are_asked_for_ahead_within_a_bound() -> None:
    size = AHEAD_SIZE + PART_SIZE + 5
    brain = fetching(("a", size))
    brain.begin()
    brain.handle(begun("a", 0), 0)
    asked = brain.handle(Welcomed(ServerRole.AGGREGATOR), 0)
    assert asked == [ask("a", offset, PART_SIZE) for offset in range(0, AHEAD_SIZE, PART_SIZE)]
    more = brain.handle(part("a", 0, bytes(PART_SIZE), size), 0)
    assert more[1:] == [ask("a", AHEAD_SIZE, PART_SIZE)]
    more = brain.handle(part("a", PART_SIZE, bytes(PART_SIZE), size), 0)
    assert more[1:] == [ask("a", AHEAD_SIZE + PART_SIZE, 5)]


def test_what_lies_here_is_not_fetched_again() -> None:
    brain = fetching(("a", 10))
    brain.begin()
    brain.handle(begun("a", 6), 0)
    assert brain.handle(Welcomed(ServerRole.AGGREGATOR), 0) == [ask("a", 6, 4)]


def test_a_part_of_a_file_is_fetched_alone_and_no_further_ahead_than_is_asked_for() -> None:
    brain = Fetching("j", [Wanted("a", 100 * PART_SIZE, "x")], [HERE], ahead_size=PART_SIZE)
    brain.begin()
    brain.handle(Begun(Begin("a", 3, "x"), 5, 2 * PART_SIZE), 0)
    assert brain.handle(Welcomed(ServerRole.AGGREGATOR), 0) == [ask("a", 5, PART_SIZE)]
    rest = PART_SIZE - 5
    asked = brain.handle(part("a", 5, bytes(PART_SIZE), 100 * PART_SIZE), 0)[1:]
    assert asked == [ask("a", 5 + PART_SIZE, rest)]
    assert brain.handle(part("a", 5 + PART_SIZE, bytes(rest), 100 * PART_SIZE), 0)[1:] == [Keep("a")]


def test_an_empty_file_and_one_that_is_here_unverified_are_kept_at_once() -> None:
    brain = fetching(("a", 0), ("b", 5))
    brain.begin()
    assert brain.handle(begun("a", 0), 0) == [Keep("a")]
    assert brain.handle(Kept(Keep("a")), 0) == [Begin("b", 5, "x")]
    assert brain.handle(begun("b", 5), 0) == [Keep("b")]


def test_a_lost_connection_goes_on_where_it_was() -> None:
    brain = fetching(("a", 2 * PART_SIZE))
    brain.begin()
    brain.handle(begun("a", 0), 0)
    brain.handle(Welcomed(ServerRole.AGGREGATOR), 0)
    brain.handle(part("a", 0, bytes(PART_SIZE), 2 * PART_SIZE), 1)
    assert brain.handle(Lost(ServerRole.AGGREGATOR, "gone"), 1) == []
    due = brain.next_deadline()
    assert due is not None
    brain.line.addresses = (Address("127.0.0.1", 6001),)
    assert brain.handle(Tick(), due) == [Dial(ServerRole.AGGREGATOR, (Address("127.0.0.1", 6001),))]
    assert brain.handle(Welcomed(ServerRole.AGGREGATOR), due) == [ask("a", PART_SIZE, PART_SIZE)]


def test_an_aggregator_that_does_not_answer_is_dialled_anew() -> None:
    brain = fetching(("a", 10))
    brain.begin()
    brain.handle(begun("a", 0), 0)
    brain.handle(Welcomed(ServerRole.AGGREGATOR), 5)
    assert brain.next_deadline() == 5 + STALL_S
    assert brain.handle(Tick(), 5 + STALL_S) == [GONE]
    due = brain.next_deadline()
    assert due is not None
    assert brain.handle(Tick(), due) == [Dial(ServerRole.AGGREGATOR, (HERE,), at_middleware=True)]


def test_an_aggregator_that_is_not_reached_as_told_is_tried_at_the_middlewares_host() -> None:
    brain = fetching(("a", 3))
    brain.begin()
    now, asked = 0.0, brain.handle(begun("a", 0), 0)
    for at_middleware, reason in ((False, "no such name"), (True, "refused"), (False, "no such name")):
        assert asked == [Dial(ServerRole.AGGREGATOR, (HERE,), at_middleware)]
        assert brain.handle(Lost(ServerRole.AGGREGATOR, reason), now) == []
        now = brain.next_deadline() or now
        asked = brain.handle(Tick(), now)
    assert brain.line.trouble == "no such name; refused"
    assert brain.handle(Welcomed(ServerRole.AGGREGATOR), now) == [ask("a", 0, 3)]
    brain.handle(part("a", 0, b"ab", 3), now)
    assert brain.line.trouble == ""
    brain.handle(Lost(ServerRole.AGGREGATOR, "gone"), now)
    now = brain.next_deadline() or now
    assert brain.handle(Tick(), now) == [Dial(ServerRole.AGGREGATOR, (HERE,), at_middleware=True)], "it was there"


def test_another_aggregator_at_the_middlewares_host_is_none_that_has_the_file() -> None:
    brain = fetching(("a", 3))
    brain.begin()
    brain.handle(begun("a", 0), 0)
    brain.handle(Lost(ServerRole.AGGREGATOR, "no such name"), 0)
    due = brain.next_deadline() or 0.0
    brain.handle(Tick(), due)
    brain.handle(Welcomed(ServerRole.AGGREGATOR), due)
    assert brain.handle(
        ClusterMessage(ServerRole.AGGREGATOR, Error("not-found", "no such file", fatal=False)), due
    ) == [GONE]
    assert not brain.over
    due = brain.next_deadline() or 0.0
    assert brain.handle(Tick(), due) == [Dial(ServerRole.AGGREGATOR, (HERE,), at_middleware=False)]


@given(st.lists(st.sampled_from(["lost", "part", "tick", "error", "stall"]), max_size=80))
def test_whatever_happens_it_ends_with_the_file_or_with_a_reason(happenings: list[str]) -> None:
    """And waits no longer than it says without a byte; what comes is written in order."""
    size = len(happenings) + 1
    brain = fetching(("a", size))
    brain.begin()
    now, last, written, dialled = 0.0, 0.0, 0, bool(brain.handle(begun("a", 0), 0))
    was_welcomed = False
    for what in [*happenings, *["lost", "tick"] * 400]:
        commands: list[Command] = []
        if dialled and not was_welcomed and what in ("part", "error", "stall"):
            commands += brain.handle(Welcomed(ServerRole.AGGREGATOR), now)
            was_welcomed = True
        match what:
            case "part" if was_welcomed and written < size:
                commands += brain.handle(part("a", written, b"x", size), now)
                last = now
            case "error" if was_welcomed:
                commands += brain.handle(
                    ClusterMessage(ServerRole.AGGREGATOR, Error("not-found", "x", fatal=False)), now
                )
            case "lost" if dialled:
                commands += brain.handle(Lost(ServerRole.AGGREGATOR, "refused"), now)
                dialled = was_welcomed = False
            case "stall" | "tick":
                now = max(now, brain.next_deadline() or now)
                commands += brain.handle(Tick(), now)
        for command in commands:
            written += isinstance(command, Write)
            if isinstance(command, Dial):
                dialled, was_welcomed = True, False
            elif isinstance(command, HangUp):
                dialled = was_welcomed = False
            elif isinstance(command, Keep):
                assert written == size
                brain.handle(Kept(Keep("a")), now)
        if brain.over:
            break
    assert brain.over
    assert bool(brain.failure) == (written < size)
    assert now - last < (PATIENCE_S if written else NEVER_REACHED_S) + STALL_S + 10


@pytest.mark.parametrize("wrong", [("b", 0, b"abc"), ("a", 1, b"ab"), ("a", 0, b""), ("a", 0, b"abcd")])
def test_a_part_that_was_not_asked_for_ends_the_connection(wrong: tuple[str, int, bytes]) -> None:
    brain = fetching(("a", 3))
    brain.begin()
    brain.handle(begun("a", 0), 0)
    brain.handle(Welcomed(ServerRole.AGGREGATOR), 0)
    assert brain.handle(part(*wrong, 3), 0) == [GONE]
    assert not brain.over


def test_a_spoiled_file_is_fetched_once_more_and_then_given_up() -> None:
    brain = fetching(("a", 3))
    brain.begin()
    brain.handle(begun("a", 0), 0)
    brain.handle(Welcomed(ServerRole.AGGREGATOR), 0)
    brain.handle(part("a", 0, b"abc", 3), 0)
    assert brain.handle(ChecksumMismatch(Keep("a")), 0) == [Begin("a", 3, "x")]
    assert brain.handle(begun("a", 0), 0) == [ask("a", 0, 3)]
    brain.handle(part("a", 0, b"abc", 3), 0)
    assert brain.handle(ChecksumMismatch(Keep("a")), 0) == [GONE]
    assert brain.failure == "a arrived damaged 2 times"


def test_what_ends_it_before_its_time() -> None:
    for event, words in (
        (NotKept(Keep("a"), "disk full"), "a cannot be written here: disk full"),
        (
            ClusterMessage(ServerRole.AGGREGATOR, Error("not-found", "no such file", fatal=False)),
            "does not give a: no such file",
        ),
        (part("a", 0, b"abcd", 4), "has 4 bytes there, and 3 were announced"),
    ):
        brain = fetching(("a", 3))
        brain.begin()
        brain.handle(begun("a", 0), 0)
        brain.handle(Welcomed(ServerRole.AGGREGATOR), 0)
        assert brain.handle(event, 0) == [GONE]
        assert words in brain.failure
        assert brain.handle(Tick(), 1) == []


@pytest.mark.parametrize(("was_reached", "limit_s"), [(False, NEVER_REACHED_S), (True, PATIENCE_S)])
def test_an_aggregator_that_stays_away_ends_it(was_reached: bool, limit_s: float) -> None:
    brain = fetching(("a", 3))
    brain.begin()
    brain.handle(begun("a", 0), 0)
    if was_reached:
        brain.handle(Welcomed(ServerRole.AGGREGATOR), 0)
        brain.handle(part("a", 0, b"a", 3), 0)
    now = 0.0
    while not brain.over:
        brain.handle(Lost(ServerRole.AGGREGATOR, "refused"), now)
        due = brain.next_deadline()
        if due is not None:
            now = due
            brain.handle(Tick(), now)
    assert limit_s < now < limit_s + 10
    assert brain.failure.startswith(f"the aggregator has not been reached for {limit_s:.0f} s (refused); with --advert")


def test_without_addresses_it_says_so() -> None:
    brain = Fetching("j", [Wanted("a", 3, "x")], [])
    brain.begin()
    assert brain.handle(begun("a", 0), 0) == [GONE]
    assert "no address is known for the aggregator" in brain.failure


@pytest.mark.parametrize("name", ["../a", "/a", "a/", "a/../b", "a/.b", "", ".hidden", "a\\b", "a\0"])
def test_names_that_lead_elsewhere_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match="not a plain name"):
        Wanted.of(FinishedFile(name, 1, "x"))


def test_metrics_come_first_so_that_what_an_interrupted_client_has_left_is_known_again() -> None:
    brain = fetching(("blur.mp4", 3), ("blur.metrics.json", 4), ("metadata.json", 5))
    assert brain.begin() == [Begin("blur.metrics.json", 4, "x")]
    assert brain.handle(Kept(Keep("blur.metrics.json")), 0) == [Begin("blur.mp4", 3, "x")]
    assert brain.handle(Kept(Keep("blur.mp4")), 0) == [Begin("metadata.json", 5, "x")]


def test_what_a_listing_lists_is_fetched_after_it() -> None:
    listing = FinishedFile("blur.files.jsonl", 2, "x", "blur")
    brain = Fetching("j", [Wanted.of(listing), Wanted("metadata.json", 3, "y")], [HERE])
    assert brain.begin() == [Begin("blur.files.jsonl", 2, "x", is_listing=True)]
    assert brain.size_total == 5
    entries = (FinishedFile("blur/a.jpg", 7, "a"), FinishedFile("blur/b.jpg", 8, "b"))
    assert brain.handle(Kept(Keep("blur.files.jsonl"), entries), 0) == [Begin("blur/a.jpg", 7, "a")]
    assert brain.size_total == 20
    assert brain.handle(Kept(Keep("blur/a.jpg")), 0) == [Begin("blur/b.jpg", 8, "b")]
    assert brain.handle(Kept(Keep("blur/b.jpg")), 0) == [Begin("metadata.json", 3, "y")]
    brain.handle(Kept(Keep("metadata.json")), 0)
    assert brain.over
    assert not brain.failure


def test_a_listing_that_leads_elsewhere_is_refused() -> None:
    brain = Fetching("j", [Wanted("blur.files.jsonl", 2, "x", is_listing=True)], [HERE])
    brain.begin()
    brain.handle(Kept(Keep("blur.files.jsonl"), (FinishedFile("blur/../../a", 7, "a"),)), 0)
    assert brain.over
    assert "not a plain name" in brain.failure


def test_a_listing_that_lists_listings_is_refused() -> None:
    brain = Fetching("j", [Wanted("blur.files.jsonl", 2, "x", is_listing=True)], [HERE])
    brain.begin()
    brain.handle(Kept(Keep("blur.files.jsonl"), (FinishedFile("blur/a", 7, "a", "blur"),)), 0)
    assert brain.over
    assert "further lists" in brain.failure
