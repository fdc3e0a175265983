"""Messages between a client and an aggregator: finished files."""

from __future__ import annotations

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
