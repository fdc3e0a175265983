"""The splicing process: `python -m aggregator.splicing FD`, started by aggregator/splice_processes.py alone.

Reads results from the spool's files, joins them by the `splice` of their kind, and puts the files of a job under their
names when all of them are whole. It ends when the other end of its channel is closed.
"""

from __future__ import annotations

import errno
import logging
import os
import queue
import shutil
import signal
import socket
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Final

import xxhash

from moviola.base.failures import MAX_FAILURES_IN_SUMMARY, Failure
from moviola.base.output_summary import OutputSummary
from moviola.media import kinds, metadata, metrics
from moviola.media.cluster_statistics import ResultFacts, cluster_statistics
from moviola.media.errors import BadHeader, ForeignExtradata, MediaError, NothingToSplice
from moviola.media.manifest.records import Maker
from moviola.media.material import Output, Source, header
from moviola.media.spliced import Spliced
from moviola.wire.limits import KIB
from moviola.wire.options import set_up_log
from moviola.wire.shortened import fitted_record

from .channel import Channel
from .diagnosis import unreadable
from .publishing import Publication
from .splice_messages import (
    MAX_SAID,
    DamagedReply,
    FailedReply,
    Ready,
    Reply,
    SplicedReply,
    SpliceRequest,
    Step,
    TrackChunk,
    to_map,
)

STEP_INTERVAL_S: Final = 1.0
"""How often a sign of life is given at most."""

MAX_WARNINGS: Final = 100
MAX_TRACEBACK: Final = 2000
MAX_SUMMARY_SIZE: Final = 32 * KIB
"""How much of an output travels to the client: warnings, characters of the end of a failure's traceback, and bytes in
all. The metrics file has everything. So the message about a job of 64 outputs stays below a header's limit."""


MAX_REASON: Final = 1000
"""Characters of the sentence why a result makes no file, which is sent for each of these results."""


class Damaged(Exception):
    """A stored result is not what was stored, or not like the others of its track."""

    def __init__(self, track: int, index: int, text: str) -> None:
        super().__init__(text)
        self.track, self.index = track, index


class Unspliceable(Exception):
    """An output that cannot be spliced; `error` is why."""

    def __init__(self, track: int, error: Exception) -> None:
        super().__init__(str(error))
        self.track, self.error = track, error


class Request:
    """One job to be spliced. Raises BadHeader when what a client said of it makes no job."""

    def __init__(self, asked: SpliceRequest, channel: Channel) -> None:
        self.job, self.duplicates, self.statistics = asked.job, asked.duplicates, asked.statistics
        self.results = Path(asked.results)
        self.source = header(Source, asked.source)
        self.outputs = [header(Output, one) for one in asked.outputs]
        self.tracks = asked.tracks
        self.last_read: dict[int, int] = {}  # track → the result that was read last
        self._channel = channel
        self._began_at = self._stepped_at = time.monotonic()

    def payloads(self, track: int) -> Iterator[bytes]:
        """A track's results in order, each checked. Raises Damaged."""
        for index in range(len(self.tracks[track])):
            self.last_read[track] = index
            yield self._payload(track, index)

    def payloads_alone(self, track: int, indexes: Iterable[int]) -> Iterator[bytes]:
        """Yield the payload of each of a track's results that is among `indexes`, and an empty one for each other
        result, in order. Raises Damaged."""
        kept = frozenset(indexes)
        for index in range(len(self.tracks[track])):
            yield self._payload(track, index) if index in kept else b""

    def worker(self, track: int, index: int) -> str:
        """Return who made a result."""
        return self.tracks[track][index].worker

    def _payload(self, track: int, index: int) -> bytes:
        """One result, checked. Raises Damaged."""
        part = self.tracks[track][index]
        self._step()
        try:
            with open(part.path, "rb") as file:
                data = os.pread(file.fileno(), part.size, part.offset)
        except OSError as error:
            raise Damaged(track, index, f"chunk {index} of track {track} cannot be read: {error}") from error
        if (xxhash.xxh3_64_digest(data) if data else bytes(8)) != part.xxh3:
            raise Damaged(track, index, f"chunk {index} of track {track} is damaged in {part.path}")
        return data

    def damaged(self) -> Iterator[tuple[int, int]]:
        """The results that are not what was stored."""
        for track, rows in enumerate(self.tracks):
            for index in range(len(rows)):
                try:
                    self._payload(track, index)
                except Damaged:
                    yield track, index

    def check_room(self) -> None:
        """Raise OSError if the files will not fit on the disk. They are not even begun then, so that they take no room
        from others meanwhile."""
        sizes = [sum(part.size for part in track) for track in self.tracks]
        filtered, passed = sizes[: len(self.outputs)], sizes[len(self.outputs) :]
        needed = sum(filtered) + len(filtered) * sum(passed)
        self.results.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(self.results).free
        if needed > free:
            reason = f"{os.strerror(errno.ENOSPC)}: {needed / 1e6:.1f} MB are needed and {free / 1e6:.1f} MB are free"
            raise OSError(errno.ENOSPC, reason)

    def result_facts(self, track: int, spliced: Spliced) -> list[ResultFacts]:
        """Return who made each result of a track and what it took, in order."""
        return [
            ResultFacts(part.worker, part.frames, part.stored_unix_s, chunk.latency_ms / 1000)
            for part, chunk in zip(self.tracks[track], spliced.account.chunks, strict=False)
        ]

    def makers(self, track: int) -> Callable[[int], Maker]:
        """Return a function that tells who made a result of a track, and at which try."""
        told = self.statistics.retried[track] if track < len(self.statistics.retried) else []
        retried = {one.chunk: one.times for one in told}
        return lambda chunk: Maker(self.tracks[track][chunk].worker, 1 + retried.get(chunk, 0))

    def wall_seconds(self) -> float:
        """Return the seconds since the job was submitted."""
        return self.statistics.seconds + time.monotonic() - self._began_at

    def _step(self) -> None:
        now = time.monotonic()
        if now - self._stepped_at >= STEP_INTERVAL_S:
            self._stepped_at = now
            self._channel.send(to_map(Step()))


class Repeated:
    """An iterable that calls a function for each iteration over it, because a splice may have to begin again."""

    def __init__(self, read: Callable[[], Iterator[bytes]]) -> None:
        self._read = read

    def __iter__(self) -> Iterator[bytes]:
        return self._read()


def splice_job(request: Request) -> SplicedReply:
    """Make all files of a job, or none, and return the answer to its request."""
    request.check_room()
    with Publication(request.results, request.job) as publication:
        made = [_attributed(request, track, publication) for track in range(len(request.outputs))]
        described = metadata.build(request.source, [spliced for spliced, _ in made])
        metrics.write(publication.partial(metadata.NAME), described)
        files = publication.publish()
    return SplicedReply([summary for _, summary in made], files)


def _attributed(request: Request, track: int, publication: Publication) -> tuple[Spliced, OutputSummary]:
    """Splice one output, as `_splice_output` does, and say whose fault a failure is.

    Raises Unspliceable where the workers' results are to blame; what a wrong header of the client's source causes is
    raised as it is, so that no worker is blamed for it.
    """
    try:
        return _splice_output(request, track, publication)
    except (Damaged, BadHeader, OSError):
        raise
    except Exception as error:
        raise Unspliceable(track, error) from error


def _splice_output(
    request: Request, track: int, publication: Publication, alone: Iterable[int] | None = None
) -> tuple[Spliced, OutputSummary]:
    """Write the files and metrics of one output, and return what was spliced and its entry in Finished.outputs. With
    `alone`, only the results of these indexes go in."""
    source, output = request.source, request.outputs[track]
    metrics_name = output.name + metrics.SUFFIX
    results = Repeated(lambda: request.payloads(track) if alone is None else request.payloads_alone(track, alone))
    others: dict[int, Iterable[bytes]] = {
        stream: Repeated(partial(request.payloads, len(request.outputs) + stream - 1)) if alone is None else ()
        for stream in range(1, source.stream_count)
    }
    spliced = kinds.splice(publication, source, output, results, others, request.makers(track), request.job)
    facts = request.result_facts(track, spliced)
    cluster = cluster_statistics(track, request.duplicates[track], facts, request.statistics, request.job, output.name)
    built = metrics.build(source, output, spliced, request.wall_seconds(), cluster)
    metrics.write(publication.partial(metrics_name), built.to_wire())
    told = metrics.summary(output.name, spliced, built, metrics_name)
    failures = [_shortened(failure) for failure in told.failures[:MAX_FAILURES_IN_SUMMARY]]
    told = replace(told, warnings=told.warnings[:MAX_WARNINGS], failures=failures)
    return spliced, fitted_record(told, MAX_SUMMARY_SIZE)


def _fault_of(request: Request, track: int, indexes: Iterable[int]) -> Exception | None:
    """What is wrong with an output of these results alone; None if nothing is. Raises Damaged, and OSError."""
    try:
        with Publication(request.results, request.job) as scratch:
            spliced, _ = _splice_output(request, track, scratch, indexes)
            metadata.build(request.source, [spliced])
    except (Damaged, OSError):
        raise
    except NothingToSplice:
        return None
    except Exception as error:
        return error
    return None


def diagnosed(request: Request, failure: Unspliceable) -> DamagedReply:
    """Return the answer if results of workers make no file: which they are, and who made them.

    Raises the failure's error if it is due to none of them; Damaged if that is a ForeignExtradata, which names a result
    that does not fit the others.
    """
    track, error = failure.track, failure.error
    faults = unreadable(
        len(request.tracks[track]),
        request.last_read.get(track, -1),
        lambda indexes: _fault_of(request, track, indexes),
        lambda index: request.worker(track, index),
    )
    if not faults and isinstance(error, ForeignExtradata):
        raise Damaged(track, error.index, str(error)) from error
    if not faults:
        raise error
    index, fault = min(faults.items(), key=lambda one: one[0])
    output, worker = request.outputs[track].name, request.worker(track, index)
    text = f"chunk {index} of {output}, made by {worker}, makes no file: {fault}"[:MAX_REASON]
    chunks = [TrackChunk(track, index) for index in sorted(faults)]
    return DamagedReply(chunks, text, [request.worker(*one) for one in chunks])


def _shortened(failure: Failure) -> Failure:
    return replace(failure, traceback=failure.traceback[-MAX_TRACEBACK:])


def answer(asked: SpliceRequest, channel: Channel) -> Reply:
    """Carry out a request and return its answer. Whatever goes wrong, that becomes an answer as well."""
    try:
        request = Request(asked, channel)
        try:
            return splice_job(request)
        except Unspliceable as failure:
            return diagnosed(request, failure)
    except Damaged as error:  # whoever meets one looks for all, so that they are done again at once
        chunks = sorted({(error.track, error.index), *request.damaged()})
        return DamagedReply([TrackChunk(*one) for one in chunks], str(error)[:MAX_SAID], [])
    except MediaError as error:
        return FailedReply(str(error)[:MAX_SAID])
    except OSError as error:
        text = f"the files could not be written under {asked.results}: {error.strerror or error}"
        return FailedReply(text[:MAX_SAID])
    except Exception as error:  # a fault of ours must reach the person who waits, not only a log
        logging.getLogger(__name__).exception("job %s", asked.job)
        text = f"a fault of the program: {traceback.format_exception_only(error)[-1].strip()}"
        return FailedReply(text[:MAX_SAID])


def main() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C in the terminal is the aggregator's business
    set_up_log("warning")
    channel = Channel(socket.socket(fileno=int(sys.argv[1])))
    requests: queue.SimpleQueue[SpliceRequest] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(channel, requests), daemon=True).start()
    for kind in kinds.KINDS.values():
        kind.splice.load()  # so that the first job does not wait for it
    try:
        channel.send(to_map(Ready()))
        while True:
            channel.send(to_map(answer(requests.get(), channel)))
    except OSError:
        return  # the aggregator is gone


def _listen(channel: Channel, requests: queue.SimpleQueue[SpliceRequest]) -> None:
    """Receive requests while the main thread splices. End the process if the aggregator is gone."""
    try:
        while True:
            for request in channel.received(wait=True):
                requests.put(SpliceRequest.from_wire(request))
    except EOFError:
        os._exit(0)


if __name__ == "__main__":
    main()
