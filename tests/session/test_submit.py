"""One submission as scripts: event, expected commands. After every event the session's invariants are checked."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import pytest

from moviola.base.finished_file import FinishedFile
from moviola.base.progress import Progress
from moviola.base.vocabulary import ErrorCode
from moviola.session.events import (
    Begin,
    ClusterMessage,
    Command,
    Dial,
    Event,
    Exhausted,
    HangUp,
    Interrupted,
    Keep,
    Kept,
    Lost,
    NotKept,
    Pull,
    Pulled,
    Rewind,
    Send,
    ServerRole,
    Start,
    Tick,
    Unreadable,
    Welcomed,
)
from moviola.session.job_session import TRANSITIONS, Phase
from moviola.session.order import submission_key
from moviola.session.outcome import Status
from moviola.session.redial import PATIENCE_S
from moviola.session.submit import SubmitSession
from moviola.wire.addresses import Address
from moviola.wire.messages import Chunk, End, Error, Job, Submit, Watch
from moviola.wire.messages import Event as Event_
from tests.session.material import make_chunk, make_submission

MIDDLEWARE = ServerRole.MIDDLEWARE
BYE = [HangUp(ServerRole.AGGREGATOR), HangUp(ServerRole.MIDDLEWARE)]
DONE = {"files": [FinishedFile("blur.mp4", 3, "x")], "addresses": [Address("h", 5001)]}


class Stage:
    """A session and its clock."""

    def __init__(self, stream_count: int = 1, *, detach: bool = False, is_patient: bool = False) -> None:
        submission = make_submission(stream_count)
        self.session = SubmitSession(submission, "localhost:5000", detach=detach, is_patient=is_patient)
        self.now = 0.0

    def feed(self, *events: Event) -> list[Command]:
        """The commands that the last of the events brings."""
        commands: list[Command] = []
        for event in events:
            commands = self.session.handle(event, self.now)
            self.session.validate()
        return commands

    def job(self, state: str = "running", **fields: Any) -> list[Command]:
        return self.feed(ClusterMessage(MIDDLEWARE, Job("j", "clip.mp4", state, send_window_bytes=1000, **fields)))

    def sending(self) -> Stage:
        self.feed(Start(), Welcomed(MIDDLEWARE))
        self.job(have=[b""])
        return self

    def waiting(self) -> Stage:
        self.sending().feed(Pulled(make_chunk(0)), Exhausted())
        self.job(accepted=1, progress=Progress(chunks_total=1))
        return self

    def again(self) -> list[Command]:
        """Time passes until the session wants to do something."""
        due = self.session.next_deadline()
        assert due is not None
        self.now = due
        return self.feed(Tick())


def chunk(index: int, stream: int = 0) -> Send:
    piece = make_chunk(index, stream=stream)
    return Send(MIDDLEWARE, Chunk("j", stream, index, 10), piece.payload)


def ended(stage: Stage) -> tuple[Status, str, str]:
    ending = stage.session.ending
    assert ending is not None
    return ending.status, ending.state, ending.reason


def test_from_the_first_dial_to_the_last_file() -> None:
    stage = Stage()
    assert stage.feed(Start()) == [Dial(MIDDLEWARE)]
    (submit,) = stage.feed(Welcomed(MIDDLEWARE))
    assert isinstance(submit, Send)
    assert isinstance(submit.message, Submit)
    assert (submit.message.key, submit.message.outputs[0]["name"]) == ("key", "blur")
    assert stage.job(have=[b""]) == [Pull()]
    assert stage.feed(Pulled(make_chunk(0))) == [chunk(0), Pull()]
    assert stage.feed(Exhausted()) == [Send(MIDDLEWARE, End("j", [1]))]
    assert stage.job(accepted=1) == []
    assert stage.job("done", **DONE) == [Begin("blur.mp4", 3, "x")]
    assert stage.feed(Kept(Keep("blur.mp4"))) == [HangUp(ServerRole.AGGREGATOR), *BYE]
    assert ended(stage) == (Status.DONE, "done", "")
    assert stage.feed(Tick()) == []


def test_a_source_of_which_more_is_known_at_the_end_is_described_once_more() -> None:
    stage = Stage().sending()
    began = stage.session.submission
    whole = replace(began.source, fingerprint="of all of it", facts={"frame_count": 10})
    stage.feed(Pulled(make_chunk(0)))
    end = Send(MIDDLEWARE, End("j", [1], whole.to_wire(), submission_key(whole, began.order)))
    assert stage.feed(Exhausted(whole)) == [end]
    stage.feed(Lost(MIDDLEWARE, "reset"))
    stage.again()
    (submit,) = stage.feed(Welcomed(MIDDLEWARE))
    assert isinstance(submit, Send)
    assert isinstance(submit.message, Submit)
    assert submit.message.key == began.key, "its own job, and no other of the same content"
    assert stage.job(have=[b"\x01"]) == [end]


def test_an_answer_that_is_not_to_the_submission_is_passed_over() -> None:
    stage = Stage()
    stage.feed(Start(), Welcomed(MIDDLEWARE))
    assert stage.job() == []
    assert stage.session.phase is Phase.SUBMITTING


def test_chunks_wait_for_room_and_acknowledgements_give_it_back() -> None:
    stage = Stage().sending()
    assert stage.feed(Pulled(make_chunk(0, 900))) == [
        Send(MIDDLEWARE, Chunk("j", 0, 0, 10), make_chunk(0, 900).payload),
        Pull(),
    ]
    assert stage.feed(Pulled(make_chunk(1, 900))) == []
    assert stage.job(accepted=1) == [Send(MIDDLEWARE, Chunk("j", 0, 1, 10), make_chunk(1, 900).payload), Pull()]


def test_a_lost_connection_is_dialled_again_and_only_what_is_missing_is_sent() -> None:
    stage = Stage().sending()
    stage.feed(Pulled(make_chunk(0)), Pulled(make_chunk(1)))
    stage.job(accepted=1)
    assert stage.feed(Lost(MIDDLEWARE, "reset")) == []
    assert stage.session.trouble == "the connection is lost (reset)"
    assert stage.again() == [Dial(MIDDLEWARE)]
    (submit,) = stage.feed(Welcomed(MIDDLEWARE))
    assert isinstance(submit, Send)
    assert isinstance(submit.message, Submit)
    assert submit.message.key == "key"
    assert stage.job(have=[b"\x01"]) == [chunk(1)]
    assert stage.feed(Pulled(make_chunk(2))) == [chunk(2), Pull()]
    assert stage.session.trouble == ""


def test_a_middleware_that_lost_its_chunks_gets_them_from_the_beginning() -> None:
    stage = Stage().waiting()
    stage.feed(Lost(MIDDLEWARE, "reset"))
    stage.again()
    stage.feed(Welcomed(MIDDLEWARE))
    assert stage.job(have=[b""]) == [Rewind(), Pull()]
    assert stage.feed(Pulled(make_chunk(0))) == [chunk(0), Pull()]
    assert stage.feed(Exhausted()) == [Send(MIDDLEWARE, End("j", [1]))]


def test_chunks_given_up_while_we_wait_are_sent_again() -> None:
    stage = Stage().waiting()
    assert stage.job(have=[b""], accepted=1) == [Rewind(), Pull()]
    assert stage.session.phase is Phase.SENDING


def test_a_job_that_ended_while_we_were_away_is_fetched() -> None:
    stage = Stage().waiting()
    stage.feed(Lost(MIDDLEWARE, "reset"))
    stage.again()
    stage.feed(Welcomed(MIDDLEWARE))
    assert stage.job("done", have=[b"\x01"], **DONE) == [Begin("blur.mp4", 3, "x")]


def test_an_upload_that_was_complete_needs_no_room_to_end() -> None:
    stage = Stage()
    stage.feed(Start(), Welcomed(MIDDLEWARE))
    record = Job("j", "clip.mp4", "running", send_window_bytes=0, have=[b"\x01"])
    assert stage.feed(ClusterMessage(MIDDLEWARE, record)) == [Pull()]
    assert stage.feed(Pulled(make_chunk(0))) == [Pull()]
    assert stage.feed(Exhausted()) == [Send(MIDDLEWARE, End("j", [1]))]


def test_whoever_detaches_from_a_job_that_is_all_there_waits_for_no_other_record() -> None:
    """There may be none: nothing of the job has changed, and no worker is there."""
    stage = Stage(detach=True)
    stage.feed(Start(), Welcomed(MIDDLEWARE))
    stage.job("pending", have=[b"\x01"], progress=Progress(chunks_total=1))
    stage.feed(Pulled(make_chunk(0)))
    assert stage.feed(Exhausted()) == [Send(MIDDLEWARE, End("j", [1])), *BYE]
    assert ended(stage)[:2] == (Status.DONE, "pending")


def test_no_middleware_at_the_first_call_ends_it() -> None:
    stage = Stage()
    stage.feed(Start())
    assert stage.feed(Lost(MIDDLEWARE, "Connection refused")) == BYE
    assert ended(stage) == (
        Status.UNREACHABLE,
        "failed",
        "No middleware answers at localhost:5000 (Connection refused); start one with ./run.sh, or name another with "
        "--host and --port",
    )


def test_a_middleware_that_refuses_is_not_said_to_be_away() -> None:
    stage = Stage()
    stage.feed(Start())
    lost = Lost(MIDDLEWARE, "'ana' does not know this cluster's secret", ErrorCode.FORBIDDEN)
    assert stage.feed(lost) == BYE
    status, _, reason = ended(stage)
    assert status is Status.UNREACHABLE
    assert reason == "The middleware at localhost:5000 refused this client: 'ana' does not know this cluster's secret"


def test_who_is_patient_calls_a_middleware_again_that_was_never_reached() -> None:
    stage = Stage(is_patient=True)
    stage.feed(Start())
    assert stage.feed(Lost(MIDDLEWARE, "Connection refused")) == []
    assert stage.session.trouble == "the connection is lost (Connection refused)"
    assert stage.again() == [Dial(MIDDLEWARE)]
    assert stage.feed(Lost(MIDDLEWARE, "who are you?", ErrorCode.FORBIDDEN)) == BYE
    assert ended(stage)[0] is Status.UNREACHABLE, "a refusal is final"


def test_a_middleware_that_stays_away_ends_it_and_says_how_to_go_on() -> None:
    stage = Stage().sending()
    while stage.feed(Lost(MIDDLEWARE, "refused")) != BYE:
        stage.again()
    assert PATIENCE_S < stage.now < PATIENCE_S + 10
    status, _, reason = ended(stage)
    assert status is Status.UNREACHABLE
    assert reason.endswith(
        "job j waits for the rest of its source: the same command sends it, and python -m client.jobs cancel j ends it"
    )


def test_a_full_middleware_is_not_called_in_a_fury() -> None:
    stage = Stage().sending()
    calls = []
    for _ in range(5):
        stage.feed(Lost(MIDDLEWARE, "disk full", "full"))
        before = stage.now
        stage.again()
        calls.append(stage.now - before)
        stage.feed(Welcomed(MIDDLEWARE))
        stage.job(have=[b""])
    assert calls == pytest.approx([0.2, 0.4, 0.8, 1.6, 3.2])


def test_a_connection_lost_for_good_reason_is_not_dialled_again() -> None:
    stage = Stage().sending()
    assert stage.feed(Lost(MIDDLEWARE, "we speak version 3", "version")) == BYE
    assert ended(stage)[0] is Status.FAILED


def test_who_is_refused_for_being_one_too_many_asks_again_and_says_why_in_the_end() -> None:
    stage = Stage()
    refused = ClusterMessage(MIDDLEWARE, Error("busy", "user 'ann' has 9 unfinished jobs", fatal=False))
    stage.feed(Start())
    stage.feed(Lost(MIDDLEWARE, "user 'ann' has 9 connections", "busy"))
    assert stage.again() == [Dial(MIDDLEWARE)]
    stage.feed(Welcomed(MIDDLEWARE))
    assert stage.feed(refused) == [HangUp(MIDDLEWARE)]
    assert stage.session.trouble == "user 'ann' has 9 unfinished jobs"
    while not stage.session.ending:
        assert stage.again() == [Dial(MIDDLEWARE)]
        stage.feed(Welcomed(MIDDLEWARE), refused)
    status, _, reason = ended(stage)
    assert status is Status.FAILED
    assert reason == "user 'ann' has 9 unfinished jobs (tried for 600 s); nothing was sent"


@pytest.mark.parametrize(("code", "status"), [("bad-job", Status.WRONG), ("not-yours", Status.FAILED)])
def test_a_refused_submission_ends_it(code: str, status: Status) -> None:
    stage = Stage()
    stage.feed(Start(), Welcomed(MIDDLEWARE))
    assert stage.feed(ClusterMessage(MIDDLEWARE, Error(code, "it cannot be", fatal=False))) == BYE
    assert ended(stage)[0] is status
    assert "it cannot be" in ended(stage)[2]


def test_an_edited_source_ends_it() -> None:
    stage = Stage().sending()
    text = "chunk 3 differs from the one accepted before"
    assert stage.feed(ClusterMessage(MIDDLEWARE, Error("edited", text, fatal=False, job="j"))) == BYE
    assert ended(stage) == (Status.FAILED, "failed", text)


def test_a_source_that_cannot_be_read_on_ends_it() -> None:
    stage = Stage().sending()
    assert stage.feed(Unreadable("the file changed")) == BYE
    assert ended(stage) == (Status.FAILED, "failed", "the file changed")


@pytest.mark.parametrize(("state", "status"), [("failed", Status.FAILED), ("cancelled", Status.CANCELLED)])
def test_a_job_that_ends_badly_has_no_files(state: str, status: Status) -> None:
    stage = Stage().waiting()
    assert stage.job(state, reason="because") == BYE
    assert ended(stage) == (status, state, "because")


def test_a_partial_job_is_fetched_and_says_why() -> None:
    stage = Stage().waiting()
    stage.job("partial", reason="2 frames unfiltered", **DONE)
    stage.feed(Kept(Keep("blur.mp4")))
    assert ended(stage) == (Status.PARTIAL, "partial", "2 frames unfiltered")


def test_files_that_cannot_be_had_say_where_they_are() -> None:
    stage = Stage().waiting()
    stage.job("done", **DONE)
    stage.feed(NotKept(Keep("blur.mp4"), "disk full"))
    status, state, reason = ended(stage)
    assert (status, state) == (Status.FAILED, "done")
    assert reason.startswith("the job is done, but blur.mp4 cannot be written here: disk full; its files stay")


def test_a_middleware_that_goes_while_files_come_is_called_again_for_an_aggregator_that_moves() -> None:
    stage = Stage().waiting()
    stage.job("done", **DONE)
    assert stage.feed(Lost(MIDDLEWARE, "gone")) == []
    assert stage.session.phase is Phase.FETCHING
    assert stage.again() == [Dial(MIDDLEWARE)]
    assert stage.feed(Welcomed(MIDDLEWARE)) == [Send(MIDDLEWARE, Watch("j"))]
    stage.feed(ClusterMessage(MIDDLEWARE, Error("unknown-job", "forgotten meanwhile", fatal=False)))
    stage.job("done", files=DONE["files"], addresses=[Address("h", 6001)])
    assert stage.session.fetching is not None
    assert stage.session.fetching.line.addresses == (Address("h", 6001),)


@pytest.mark.parametrize("name", ["..", "a/b", ".x"])
def test_a_job_whose_name_leads_elsewhere_is_not_trusted(name: str) -> None:
    stage = Stage()
    stage.feed(Start(), Welcomed(MIDDLEWARE))
    assert stage.feed(ClusterMessage(MIDDLEWARE, Job(name, "clip.mp4", "running", have=[b""]))) == BYE
    assert ended(stage)[0] is Status.FAILED


def test_whoever_detaches_leaves_when_the_whole_source_is_there() -> None:
    stage = Stage(detach=True).sending()
    stage.feed(Pulled(make_chunk(0)), Exhausted())
    assert stage.job(accepted=1, progress=Progress(chunks_total=None)) == []  # End may not have arrived
    assert stage.job("pending", accepted=1, progress=Progress(chunks_total=1)) == BYE
    assert ended(stage) == (Status.DONE, "pending", "")


@pytest.mark.parametrize(("state", "status"), [("done", Status.DONE), ("failed", Status.FAILED)])
def test_whoever_detaches_fetches_nothing_of_a_job_that_is_over_by_then(state: str, status: Status) -> None:
    stage = Stage(detach=True).sending()
    stage.feed(Pulled(make_chunk(0)), Exhausted())
    assert stage.job(state, reason="so it is", **DONE) == BYE
    assert ended(stage) == (status, state, "so it is")


def test_what_the_person_should_know_of_the_job_is_remarked() -> None:
    stage = Stage()
    stage.feed(Start(), Welcomed(MIDDLEWARE))
    stage.feed(ClusterMessage(MIDDLEWARE, Event_("source-edited", "clip.mp4 was edited", "old")))
    stage.job(have=[b"\x03"])
    assert stage.session.remarks == ["clip.mp4 was edited", "clip.mp4: continues job j, 2 chunks are there"]
    stage.feed(Lost(MIDDLEWARE, "reset"))
    stage.again()
    stage.feed(Welcomed(MIDDLEWARE))
    stage.job(have=[b"\x03"])
    assert len(stage.session.remarks) == 2  # that it continues its own job is no news


def test_priority_new_and_origin_are_submitted_again_as_they_were() -> None:
    stage = Stage()
    made = replace(stage.session.submission, priority=3, new=True, origin="here:/clip.mp4")
    stage.session.submission = made
    stage.feed(Start())
    for _ in range(2):
        (submit,) = stage.feed(Welcomed(MIDDLEWARE))
        assert isinstance(submit, Send)
        assert isinstance(submit.message, Submit)
        assert (submit.message.priority, submit.message.new, submit.message.origin) == (3, True, "here:/clip.mp4")
        stage.job(have=[b""])
        stage.feed(Lost(MIDDLEWARE, "reset"))
        stage.again()
    stage.feed(Interrupted())
    assert "the same command without --new sends it" in ended(stage)[2]


CANCELLED = "python -m client.jobs cancel j ends it"


def test_an_interruption_says_what_becomes_of_the_job() -> None:
    said = []
    for stage in (Stage(), Stage().sending(), Stage().waiting()):
        stage.feed(Interrupted())
        assert ended(stage)[0] is Status.CANCELLED
        said.append(ended(stage)[2])
    assert said == [
        "interrupted; nothing was sent",
        f"interrupted; job j waits for the rest of its source: the same command sends it, and {CANCELLED}",
        f"interrupted; job j goes on without us: the same command comes back to it, and {CANCELLED}",
    ]


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_losses_at_any_moment_lead_to_the_same_chunks(order: tuple[int, ...]) -> None:
    """The connection is lost after each of the first events, with a different part accepted each time."""
    stage = Stage().sending()
    there: set[int] = set()
    source = [make_chunk(index) for index in range(3)]
    position = 0
    commands: list[Command] = [Pull()]
    for step in itertools.count():
        assert step < 100
        for command in commands:
            if isinstance(command, Send) and isinstance(command.message, Chunk) and step not in order:
                there.add(command.message.index)
        if Rewind() in commands:
            position = 0
        if stage.session.phase is Phase.WAITING and len(there) == 3:
            break
        if step in order or stage.session.phase is Phase.WAITING:
            stage.feed(Lost(MIDDLEWARE, "lost"))
            stage.again()
            stage.feed(Welcomed(MIDDLEWARE))
            commands = stage.job(have=[bytes([sum(1 << index for index in there)])])
        elif Pull() in commands or position < 3:
            commands = stage.feed(Pulled(source[position]) if position < 3 else Exhausted())
            position += 1
        else:
            commands = stage.feed(Exhausted())
    assert there == {0, 1, 2}


def test_the_transitions_are_complete_and_end() -> None:
    assert set(TRANSITIONS) == set(Phase)
    assert not TRANSITIONS[Phase.OVER]
    assert all(Phase.OVER in after for phase, after in TRANSITIONS.items() if phase is not Phase.OVER)
