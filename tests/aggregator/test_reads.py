"""The assembler by scripts: results are read while their job goes on, by those whose they are."""

from __future__ import annotations

import pytest

from aggregator.events import (
    MIDDLEWARE,
    CheckResult,
    ChunksDamaged,
    Command,
    FreeChunk,
    FreeChunks,
    Keep,
    Left,
    ResultChecked,
    SendResult,
    Spliced,
    SpliceFailed,
)
from aggregator.reads import MAX_READS, MAX_READS_OF_USER, WAIT_S
from moviola.base.vocabulary import ResultState
from moviola.wire.limits import IDLE_CLIENT_S
from moviola.wire.messages import Drop, Error, FetchedResult, FetchResult, Hello, Limits, Own, Welcome
from tests.aggregator.script import CLEAN, CLIENT, FILES, KEY, OUTPUTS, SOURCE, Script, holdings, said


def read(script: Script, index: int, *, track: int = 0, peer: int = CLIENT, job: str = "j") -> list[Command]:
    return script.hear(peer, FetchResult(job, track, index))


def sent(commands: list[Command], peer: int = CLIENT) -> list[tuple[int, int]]:
    return [(one.track, one.index) for one in commands if isinstance(one, SendResult) and one.peer == peer]


def state(commands: list[Command], peer: int = CLIENT) -> tuple[str, int | None]:
    [answer] = said(commands, peer)
    assert isinstance(answer, FetchedResult)
    return answer.state, answer.chunk_count


def refusal(commands: list[Command], peer: int = CLIENT) -> Error:
    [answer] = said(commands, peer)
    assert isinstance(answer, Error)
    assert not answer.fatal
    return answer


def test_what_is_stored_is_given_at_once_and_what_is_not_when_it_is() -> None:
    script = Script()
    script.collected()
    assert sent(read(script, 1)) == [(0, 1)]
    assert sent(read(script, 0, track=1)) == [(1, 0)]
    assert read(script, 2) == []
    assert sent(script.result(3)) == []
    commands = script.result(2)
    assert sent(commands) == [(0, 2)]
    assert [type(one) for one in commands].index(Keep) < [type(one) for one in commands].index(SendResult)


def test_what_could_not_be_kept_is_not_given() -> None:
    script = Script()
    script.own()
    read(script, 0)
    script.room = False
    assert sent(script.result(0)) == []
    script.room = True
    assert sent(script.result(0, worker=8)) == [(0, 0)]


def test_what_came_damaged_is_looked_at_and_done_again_where_it_is_so_on_disk() -> None:
    script = Script()
    script.collected()
    [check] = script.hear(CLIENT, FetchResult("j", 0, 1, damaged=True))
    assert check == CheckResult("j", 0, 1)
    assert sent(script.feed(ResultChecked(check, is_whole=True))) == [(0, 1)]
    script.hear(CLIENT, FetchResult("j", 0, 1, damaged=True))
    commands = script.feed(ResultChecked(check, is_whole=False))
    assert sent(commands) == []
    assert FreeChunk("j", 0, 1) in commands
    assert said(commands, MIDDLEWARE) == [holdings(1, [b"\x01", b"\x01"])]
    assert sent(script.result(1)) == [(0, 1)]
    assert script.hear(CLIENT, FetchResult("j", 0, 5, damaged=True)) == []  # it went meanwhile


def test_the_count_is_known_when_all_is_stored_and_what_is_beyond_is_said_to_be() -> None:
    script = Script()
    script.collected()
    read(script, 2)
    assert state(script.finish(2, 1)) == (ResultState.BEYOND, 2)
    [command] = read(script, 1)
    assert isinstance(command, SendResult)
    assert command.chunk_count == 2
    assert state(read(script, 7, track=1)) == (ResultState.BEYOND, 1)


def test_of_a_job_with_its_files_nothing_is_left_to_read() -> None:
    script = Script()
    commands = script.ended()
    assert FreeChunks("j") in commands
    assert state(read(script, 1)) == (ResultState.SPLICED, 2)
    assert state(read(script, 2)) == (ResultState.BEYOND, 2)


def test_results_of_a_splice_that_failed_stay_until_the_job_is_dropped() -> None:
    script = Script()
    script.collected()
    script.finish(2, 1)
    script.feed(SpliceFailed("j", "a bad header"))
    assert sent(read(script, 1)) == [(0, 1)]
    script.drop()
    assert refusal(read(script, 1)).code == "unknown-job"


def test_what_a_splice_found_damaged_is_waited_for_until_it_is_done_again() -> None:
    script = Script()
    script.collected()
    script.finish(2, 1)
    script.feed(ChunksDamaged("j", ((0, 1),), "it is damaged"))
    assert read(script, 1) == []
    assert sent(script.result(1)) == [(0, 1)]


def test_who_waits_for_a_job_that_goes_is_told() -> None:
    script = Script()
    script.own()
    read(script, 0)
    answer = refusal(script.drop())
    assert (answer.code, answer.text, answer.job) == ("unknown-job", "job j is not here", "j")
    script.collected()
    read(script, 5)
    assert refusal(script.hear(MIDDLEWARE, Drop("j", 1, files=True))).code == "unknown-job"


def test_a_job_that_begins_again_is_waited_for_on() -> None:
    """What was stored of it is gone; nobody is given a result of the epoch before."""
    script = Script()
    script.collected()
    read(script, 2)
    assert sent(script.own(epoch=2)) == []
    assert sent(script.result(2)) == []  # of the epoch before
    assert sent(script.result(2, epoch=2)) == [(0, 2)]


def test_who_has_waited_long_is_answered_and_may_ask_again() -> None:
    assert WAIT_S < IDLE_CLIENT_S
    script = Script()
    script.own()
    script.hear(30, Hello("client", "c", "s", [3]))
    read(script, 0)
    script.now += 5
    read(script, 0, peer=30)
    deadline = script.brain.next_deadline()
    assert deadline is not None
    assert deadline <= script.now + WAIT_S - 5
    commands = script.tick(WAIT_S - 5)
    assert state(commands) == (ResultState.AWAITED, None)
    assert said(commands, 30) == []
    assert read(script, 0) == []
    assert sent(script.result(0)) == [(0, 0)]


def test_a_read_is_for_the_jobs_user_and_for_admins() -> None:
    script = Script()
    script.hear(MIDDLEWARE, Own("j", "clip.mp4", 1, SOURCE, OUTPUTS, KEY, "ann"))
    script.result(0)
    for user, peer in (("bob", 30), ("", 31)):
        script.hear(peer, Hello("client", "c", "s", [3], user=user))
        answer = refusal(read(script, 0, peer=peer), peer)
        assert answer.code == "not-yours"
        assert answer.text.startswith("job j is of user 'ann'; only that user")
    script.hear(32, Hello("client", "c", "s", [3], user="ann"))
    assert sent(read(script, 0, peer=32), 32) == [(0, 0)]
    script.feed(Left(MIDDLEWARE, "gone"))
    script.tick(1)
    script.hear(MIDDLEWARE, Welcome(1, 2, Limits(admins=["root"])))
    script.hear(33, Hello("client", "c", "s", [3], user="root"))
    assert sent(read(script, 0, peer=33), 33) == [(0, 0)]


def test_what_is_none_is_refused() -> None:
    script = Script()
    script.own()
    assert refusal(read(script, 0, job="none")).code == "unknown-job"
    answer = refusal(read(script, 0, track=2))
    assert (answer.code, answer.text) == ("not-found", "job j has 2 tracks, and none with the number 2")


def test_how_many_may_wait_is_bounded_by_connection_by_user_and_in_all() -> None:
    script = Script()
    script.own(user="ann")
    users = [f"user {number}" for number in range(MAX_READS // MAX_READS_OF_USER)]
    for number, user in enumerate(users):
        script.own(f"job {number}", user=user)
        for place in range(MAX_READS_OF_USER):
            peer = 1000 + number * MAX_READS_OF_USER + place
            script.hear(peer, Hello("client", "c", "s", [3], user=user))
            assert read(script, 0, peer=peer, job=f"job {number}") == []
    again = refusal(read(script, 1, peer=1000, job="job 0"), 1000)
    assert (again.code, "one result at a time" in again.text) == ("busy", True)
    script.hear(50, Hello("client", "c", "s", [3], user=users[0]))
    answer = refusal(read(script, 0, peer=50, job="job 0"), 50)
    assert answer.code == "busy"
    assert answer.text == "user 'user 0' waits for 64 results already, the most that one user may"
    script.hear(51, Hello("client", "c", "s", [3], user="ann"))
    answer = refusal(read(script, 0, peer=51), 51)
    assert (answer.code, answer.text.startswith("1024 results are waited for already")) == ("busy", True)
    script.feed(Left(1000, "gone"))
    assert read(script, 0, peer=51) == []


@pytest.mark.parametrize("index", [0, 1])
def test_results_are_given_until_the_files_are_there(index: int) -> None:
    script = Script()
    script.collected()
    script.finish(2, 1)
    assert sent(read(script, index)) == [(0, index)]
    script.feed(Spliced("j", [CLEAN], FILES))
    assert state(read(script, index))[0] == ResultState.SPLICED
