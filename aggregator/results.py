"""The verdict on every result: kept, duplicate, unwanted or refused; or that there is no room for it.

* What comes under another owner epoch than the job's is unwanted.
* A result is refused whose tag does not prove that its lease was lent to the worker that sends it, for this task and
  with this fingerprint: neither kept nor counted.
* The first result of each (job, track, index) is kept; later ones are compared by checksum, counted and dropped.

The middleware chooses one fingerprint a track within an owner epoch, and tags vouch for it: so results go together.
"""

from __future__ import annotations

from typing import Final

from moviola.base.vocabulary import ErrorCode, Verdict
from moviola.wire.errors import ProtocolError
from moviola.wire.lease_tags import is_lent
from moviola.wire.limits import MAX_CHUNKS
from moviola.wire.messages import Hello, Pass, Result, Stored

from .events import MIDDLEWARE, Keep, PeerMessage, Send
from .jobs import CollectedJob, CollectedTrack
from .memory import Memory
from .states import JobPhase

NO_ROOM_DELAY_S: Final = 1.0
"""A result for which there is no room is answered after this time, so that it is not sent round in circles."""

_COUNTS: Final = ("frames_in", "frames_out", "fallback_frames", "lost_frames", "damaged_frames")


class Results:
    """The part of the assembler that takes results in."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    def result(self, event: PeerMessage, message: Result, hello: Hello) -> None:
        """Judge a worker's result of an output's chunk. `hello` is how the worker introduced itself."""
        keep = Keep(
            peer=event.peer,
            job=message.job,
            track=message.track,
            index=message.index,
            size=event.payload_size,
            xxh3=event.payload_xxh3,
            worker=hello.name,
            fingerprint=message.build,
            lease=message.lease,
            content=message.content,
            frames={name: getattr(message, name) for name in _COUNTS},
        )
        job = self._wanted(keep, message.owner_epoch)
        if job is None:
            return
        if not is_lent(message, job.lease_key, hello.token):
            text = f"its tag does not prove that lease {message.lease} was lent to it for this"
            self._memory.log(f"{_where(keep)} is refused: {text}", is_warning=True)
            self._memory.send(keep.peer, _verdict(keep, Verdict.REFUSED, text))
            return
        self._judge(job, keep)

    def passed(self, event: PeerMessage, message: Pass) -> None:
        """Judge a chunk of a stream that is not filtered, which the middleware has passed on."""
        size, xxh3 = event.payload_size, event.payload_xxh3
        keep = Keep(MIDDLEWARE, message.job, message.track, message.index, size, xxh3, content=xxh3)
        job = self._wanted(keep, message.owner_epoch)
        if job is not None:
            self._judge(job, keep)

    def kept(self, keep: Keep) -> None:
        """Take note that a result is on disk, and tell those who wait for that."""
        memory = self._memory
        job = memory.jobs[keep.job]
        track = job.tracks[keep.track]
        track.held[keep.index] = keep.content
        if track.fingerprint != keep.fingerprint:
            track.fingerprint = keep.fingerprint
            memory.save(job)
        self._answer(keep, Verdict.KEPT)

    def not_kept(self, keep: Keep, reason: str, now: float) -> None:
        """Tell that there is no room for a result. The middleware is told at once of a worker's result, so that it may
        hold the job; the sender is answered NO_ROOM_DELAY_S later."""
        memory = self._memory
        memory.log(f"{_where(keep)} could not be kept: {reason}", is_warning=True)
        answer = _verdict(keep, Verdict.NO_ROOM, reason)
        if keep.peer != MIDDLEWARE:
            memory.send(MIDDLEWARE, answer)
            answer = _verdict(keep, Verdict.UNWANTED, reason)
        memory.later.append((now + NO_ROOM_DELAY_S, Send(keep.peer, answer)))

    def _wanted(self, keep: Keep, owner_epoch: int) -> CollectedJob | None:
        """Return the job that a result is for. If it is not here under this owner epoch, answer that the result is
        unwanted, and return None."""
        job = self._memory.find(keep.job)
        if job is not None and owner_epoch == job.owner_epoch:
            return job
        self._answer(keep, Verdict.UNWANTED, "no such job here, or it was given to another aggregator")
        return None

    def _judge(self, job: CollectedJob, keep: Keep) -> None:
        track = _track_of(job, keep)
        if job.holds(track, keep.index):
            return self._duplicate(job, track, keep)
        if job.state is not JobPhase.COLLECTING:
            return self._answer(keep, Verdict.UNWANTED, "the job is complete without it")
        if track.fingerprint not in ("", keep.fingerprint):  # a middleware that a power cut made forget its choice
            begun = f"output {track.output} was begun with {track.fingerprint!r}"
            return self._answer(keep, Verdict.UNWANTED, f"{keep.worker} computes with {keep.fingerprint!r}, {begun}")
        self._memory.outbox.append(keep)
        return None

    def _duplicate(self, job: CollectedJob, track: CollectedTrack, keep: Keep) -> None:
        if not track.compare(keep.index, keep.content, keep.fingerprint):
            self._memory.log(f"{_where(keep)} differs from the stored result of the same build", is_warning=True)
        self._memory.save(job)
        self._answer(keep, Verdict.DUPLICATE)

    def _answer(self, keep: Keep, verdict: Verdict, text: str = "") -> None:
        """Send the verdict to whoever sent the result. If a worker's result was kept, tell the middleware as well."""
        if verdict == Verdict.UNWANTED:
            self._memory.log(f"{_where(keep)} is unwanted: {text}")
        message = _verdict(keep, verdict, text)
        self._memory.send(keep.peer, message)
        if keep.peer != MIDDLEWARE and verdict == Verdict.KEPT:
            self._memory.send(MIDDLEWARE, message)


def _track_of(job: CollectedJob, keep: Keep) -> CollectedTrack:
    """Return the track that a result is of. Raises ProtocolError if the job has no such track or chunk, or if it may
    not come from this sender: results of outputs come from workers, the other chunks from the middleware."""
    track = job.tracks[keep.track] if keep.track < len(job.tracks) else None
    if track is None or bool(track.output) == (keep.peer == MIDDLEWARE) or keep.index >= MAX_CHUNKS:
        raise ProtocolError(ErrorCode.BAD_MESSAGE, f"{_where(keep)} is not a chunk that this sender may send")
    return track


def _where(keep: Keep) -> str:
    return f"job {keep.job} track {keep.track} chunk {keep.index} of {keep.worker or 'the middleware'}"


def _verdict(keep: Keep, verdict: Verdict, text: str) -> Stored:
    counts = {name: count for name, count in keep.frames.items() if name != "frames_in"}
    return Stored(keep.job, keep.track, keep.index, verdict, keep.lease, keep.worker, text=text, **counts)
