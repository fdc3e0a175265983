"""One submission with its surroundings: the session's commands carried out on a loop, a source and files."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from moviola.base.failures import Failure
from moviola.base.output_summary import OutputSummary
from moviola.base.progress import Progress
from moviola.media.errors import UnreadableSource
from moviola.media.kinds import unit_of
from moviola.media.preflight import Preflight
from moviola.session import events
from moviola.session.assets import ChunkReader
from moviola.session.batch import JobLoad
from moviola.session.destination import Place
from moviola.session.events import Command, Event, ServerRole
from moviola.session.files import Files
from moviola.session.follow import FollowSession
from moviola.session.job_session import JobSession, Phase
from moviola.session.links import Links, OpenLinks
from moviola.session.order import Submission
from moviola.session.outcome import Outcome, OutputOutcome, Status
from moviola.session.shortfall import shortfall
from moviola.session.submit import SubmitSession
from moviola.session.target import Target, hello
from moviola.session.upload import WINDOW_SIZE
from moviola.session.views import JobView
from moviola.wire.events import ConnectionId, NetworkEvent
from moviola.wire.messages import Job


@dataclass(frozen=True, slots=True)
class UploadRequest:
    """What is to be sent, where it is read from, and where its results go.

    With `detach` nobody waits for the results. `path` and `size` (bytes) are the source's. With the `session` of an
    earlier try the job of that try is found, even if it has ended; an empty one is replaced by a new one.
    `window_size` is how many bytes of the source may be sent and not accepted yet. `is_patient` is as in JobSession.
    `preflight` is what was known of the source before it is sent."""

    submission: Submission
    reader: ChunkReader
    place: Place
    detach: bool = False
    path: str = ""
    size: int = 0
    session: str = ""
    window_size: int = WINDOW_SIZE
    is_patient: bool = False
    preflight: Preflight | None = None

    @property
    def name(self) -> str:
        """The source's file name."""
        return self.submission.source.name

    def brain(self, where: str) -> SubmitSession:
        """Return the brain that follows this request to its end; `where` names the middleware in its messages."""
        return SubmitSession(
            self.submission, where, detach=self.detach, window_size=self.window_size, is_patient=self.is_patient
        )

    @property
    def frames(self) -> int:
        """Return the number of the source's frames; 0 where it is not known before the source is sent."""
        return int(self.submission.source.facts.get("frame_count", 0))

    @property
    def unit(self) -> str:
        """What one of the things that are counted is called."""
        return unit_of(self.submission.source.kind)

    @property
    def frames_wanted(self) -> int:
        """Frames over all outputs, as far as they are known before the source is sent."""
        return self.frames * len(self.submission.order.outputs)


@dataclass(frozen=True, slots=True)
class FollowRequest:
    """A job that was submitted before, and where its results go, if they are wanted."""

    job: str
    name: str
    place: Place
    fetch: bool
    reader: None = None
    unit: str = "frame"
    frames: int = 0
    frames_wanted: int = 0
    path: str = ""
    size: int = 0
    session: str = ""
    preflight: None = None

    def brain(self, where: str) -> FollowSession:
        """Return the brain that follows this request to its end; `where` names the middleware in its messages."""
        return FollowSession(self.job, where, fetch=self.fetch)


class Run:
    """Feeds events to a brain and carries out what it commands.

    Args:
        loop: of the process; `links` says which of its connections are this run's.
    """

    def __init__(self, loop: Links, target: Target, request: UploadRequest | FollowRequest) -> None:
        self.session: JobSession = request.brain(str(target.address))
        self._request = request
        self._reader, self._place = request.reader, request.place
        self._hello = hello(target.user, request.session)
        self._links = OpenLinks(loop, target, self._hello)
        self._pull_wanted = False
        self._is_rewound = False  # the source is to be read from its beginning before the next chunk
        self._rewinds_first = False  # … by the read that is under way
        self._files: Files | None = None

    @property
    def links(self) -> Mapping[ServerRole, ConnectionId]:
        """Its connections."""
        return self._links.open

    @property
    def is_over(self) -> bool:
        """True when the job has ended and its files are here, or nobody waits for them any more."""
        return self.session.phase is Phase.OVER

    @property
    def wants_turn(self) -> bool:
        """Whether there is something to read, so that nobody should wait."""
        return self._pull_wanted and not self.is_over

    def feed(self, event: Event, now: float) -> None:
        """Everything that follows from an event."""
        waiting = deque([event])
        while waiting:
            for command in self.session.handle(waiting.popleft(), now):
                answer = self._execute(command)
                if answer is not None:
                    waiting.append(answer)
        if self.is_over and self._files is not None:
            self._files.close()

    def network(self, event: NetworkEvent, now: float) -> None:
        """An event of one of this run's connections."""
        meant = self._links.event_of(event)
        assert meant is not None
        self.feed(meant, now)

    @property
    def load(self) -> JobLoad:
        """What it takes, here and in the cluster."""
        return self.session.load

    def fire(self, now: float) -> None:
        """Tell the session that a deadline of its own has come, where one has."""
        deadline = self.session.next_deadline()
        if deadline is not None and deadline <= now:
            self.feed(events.Tick(), now)

    def read(self, now: float) -> None:
        """Read a chunk of the source, where one is wanted: a turn's share of what takes time."""
        if self.wants_turn:
            self.begin_read()
            self.end_read(self.pull(), now)

    def begin_read(self) -> None:
        """Prepare the read that is wanted. Call `pull` next, which may be done in another thread, and then `end_read`
        with what it returned."""
        self._pull_wanted = False
        self._rewinds_first, self._is_rewound = self._is_rewound, False

    def end_read(self, event: Event, now: float) -> None:
        """Tell the session what was read, unless the source is to be read from its beginning by now."""
        if not self._is_rewound:
            self.feed(event, now)

    def pull(self) -> Event:
        """Read on in the source. This takes time, and touches nothing but the source."""
        assert self._reader is not None
        try:
            if self._rewinds_first:
                self._reader.rewind()
            chunk = self._reader.next_chunk()
        except UnreadableSource as error:
            return events.Unreadable(str(error))
        return events.Exhausted(self._reader.source) if chunk is None else events.Pulled(chunk)

    def _execute(self, command: Command) -> Event | None:
        match command:
            case events.Dial() | events.HangUp() | events.Send():
                self._links.carry_out(command)
            case events.Pull():
                self._pull_wanted = True
            case events.Rewind():
                self._pull_wanted, self._is_rewound = False, True
            case events.Begin():
                assert self.session.record is not None
                self._files = self._files or Files(self.session.record.job, self._place)
                return self._files.begin(command)
            case events.Write():
                assert self._files is not None
                return self._files.write(command)
            case events.Keep():
                assert self._files is not None
                return self._files.keep(command)
        return None

    # ── for people ───────────────────────────────────────────────────────────────────────────────────────────────

    def view(self) -> JobView:
        """How far it is."""
        request, session = self._request, self.session
        progress = session.record.progress if session.record is not None else Progress()
        return JobView(
            id=self._hello.session,
            name=request.name,
            frames_total=progress.frames_total or request.frames,
            frames_sent=progress.frames_sent,
            frames_done=progress.frames_done,
            frames_wanted=progress.frames_wanted or request.frames_wanted,
            retries=progress.retries,
            in_work=progress.tasks_in_flight,
            note=session.note,
            unit=request.unit,
            waiting_since=session.waiting_since,
            waiting_until=session.waiting_until,
            size=request.size,
            job=session.record.job if session.record is not None else "",
        )

    def outcome(self) -> Outcome:
        """How it ended; only once it is over."""
        session, ending = self.session, self.session.ending
        assert ending is not None
        record = session.record
        return Outcome(
            source=self._request.name,
            job_id=record.job if record is not None else "",
            status=ending.status,
            state=ending.state,
            reason=ending.reason or self._shortfall(),
            seconds=record.seconds if record is not None else 0.0,
            outputs=tuple(self._output(summary) for summary in record.outputs) if record is not None else (),
            warnings=tuple(self._warnings(record.outputs)) if record is not None else (),
            failures=tuple(_failures(record)) if record is not None else (),
            unit=self._request.unit,
            size=self._request.size,
            path=self._request.path,
            remains=ending.remains,
            preflight=self._request.preflight,
        )

    def _shortfall(self) -> str:
        """Return why a job is partly done, which its record tells in numbers."""
        record, ending = self.session.record, self.session.ending
        if record is None or ending is None or ending.status is not Status.PARTIAL:
            return ""
        return shortfall(record.outputs, _failures(record), self._request.unit, record.job)

    def _warnings(self, summaries: list[OutputSummary]) -> Iterator[str]:
        for summary in summaries:
            yield from (f"{summary.name}: {warning}" for warning in summary.warnings)

    def _output(self, summary: OutputSummary) -> OutputOutcome:
        return OutputOutcome.of(summary, self._path(summary.file), self._path(summary.metrics_file))

    def _path(self, file: str) -> str:
        """Where a file is, once it is there."""
        if not file or self._files is None:
            return ""
        fetching = self.session.fetching
        is_here = file in self._files.kept or (fetching is not None and fetching.over and not fetching.failure)
        return str(self._files.path_of(file)) if is_here else ""


def _failures(record: Job) -> list[Failure]:
    """Those of the finished outputs; of a job that has none, what the middleware counted."""
    return [failure for summary in record.outputs for failure in summary.failures] or record.details.failures
