"""A file of a finished job, as it is announced."""

from __future__ import annotations

from moviola.base.mapped import Mapped
from moviola.base.records import record
from moviola.base.texts import Name, Token


@record
class FinishedFile(Mapped):
    """A file that can be fetched.

    Attributes:
        file: its name within the job's folder.
        size (bytes): of its content.
        xxh3: xxh3_128 of its content, in hex.
        folder: where the file is a list of others: the name of the folder in which they lie; else empty.
    """

    file: Token
    size: int
    xxh3: Name
    folder: Name = ""
