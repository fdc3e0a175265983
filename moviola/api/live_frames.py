"""The frames of an output while its job runs: results that are stored are read and decoded, one chunk at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from moviola.api.display import log
from moviola.api.errors import UsageError, translated
from moviola.base.mapped import Malformed
from moviola.media import kinds
from moviola.media.errors import MediaError
from moviola.media.frame import Frame
from moviola.media.material import Output, Source
from moviola.session.stored_results import StoredResults
from moviola.session.target import Target


class LiveFrames:
    """The frames of an output, to be iterated over once. After its last frame `is_complete` is True. The iteration ends
    earlier if the job ends first, or its results cannot be read on; what is left is then in the finished files, if
    there are any.

    Args:
        target: the cluster.
        job: its id.
        track: the output's number, from 0, in the order in which they were asked for.
        is_stopped: asked now and then whether to end at once.
    """

    def __init__(self, target: Target, job: str, track: int, is_stopped: Callable[[], bool]) -> None:
        self._job = job
        self._results = StoredResults(target, job, track, is_stopped=is_stopped)

    @property
    def is_complete(self) -> bool:
        """True when all frames have come."""
        return self._results.is_complete

    def __iter__(self) -> Iterator[Frame]:
        """Yield each frame. Raises UsageError where the output has no pictures, Refused, Unreachable."""
        with translated():
            payloads = self._payloads()
            first = next(payloads, None)
            description = self._results.description
            if first is None or description is None:
                return
            try:
                source, output = Source.from_wire(description.source), Output.from_wire(description.output)
                frames = kinds.frames(source, output, _behind(first, payloads))
            except (Malformed, ValueError) as error:
                log.warning("job %s is of another version, and is read when it has ended: %s", self._job, error)
                return
            if frames is None:
                raise UsageError(without_pictures(output.name, source.name))
            try:
                yield from frames
            except MediaError as error:  # its maker is at fault; the splice finds that too, and has it done again
                log.warning("the rest of job %s is read when it has ended: %s", self._job, error)

    def _payloads(self) -> Iterator[bytes]:
        for given in self._results:
            yield given.payload if isinstance(given.payload, bytes) else bytes(given.payload)


def without_pictures(output: str, job: str) -> str:
    """Return a sentence about an output that has no frames."""
    return f'output "{output}" of {job} has no pictures; wait for the job, and read its file'


def _behind(first: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    yield first
    yield from rest
