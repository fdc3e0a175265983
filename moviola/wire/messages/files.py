"""Messages between a client and an aggregator: finished files, and results while a job goes on."""

from __future__ import annotations

from dataclasses import field

from moviola.base.mapped import Map
from moviola.base.records import record
from moviola.base.texts import Name, Token
from moviola.wire.messages.message import Message


@record
class Fetch(Message):
    """Asks for a part of a finished file.

    Attributes:
        job: the job's id.
        file: as Finished tells it, or as in the listing of a folder that Finished tells.
        offset (bytes): where the part begins.
        length (bytes): how many at most; more than 8 MiB are never sent at once.
    """

    job: Name
    file: Token
    offset: int
    length: int


@record
class File(Message):
    """A part of a finished file. Payload: the bytes from `offset`.

    Attributes:
        job: as in Fetch.
        file: as in Fetch.
        offset (bytes): as in Fetch.
        size (bytes): of the whole file.
    """

    job: Name
    file: Token
    offset: int
    size: int


@record
class FetchResult(Message):
    """Asks for the stored result of one chunk, and waits for it a while where it is not there yet.

    Attributes:
        job: the job's id.
        track: the result's, or the passed chunk's.
        index: the chunk's.
        describe: the answer has `source` and `output`, too.
        damaged: it came, and did not match its checksum; is it so on the aggregator's disk?
    """

    job: Name
    track: int
    index: int
    describe: bool = False
    damaged: bool = False


@record
class FetchedResult(Message):
    """What is known of a result. Payload: the result, where it is `stored`.

    Attributes:
        job: as in FetchResult.
        track: as in FetchResult.
        index: as in FetchResult.
        state: `stored`, `awaited`, `beyond` or `spliced`.
        chunk_count (chunks): how many the track has; nil until all of the job is stored.
        source: where that was asked for, and the result is stored: as in Submit.
        output: the same: the track's output, as in Submit; empty for a stream that is not filtered.
    """

    job: Name
    track: int
    index: int
    state: Name
    chunk_count: int | None = None
    source: Map = field(default_factory=dict)
    output: Map = field(default_factory=dict)
