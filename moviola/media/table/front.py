"""The first chunks of a CSV file that still comes. Where it is cut depends on its size, which is known before."""

from __future__ import annotations

from collections.abc import Iterator

from moviola.media.growing import GrowingFile
from moviola.media.material import Chunk, Cutting, Material, Source
from moviola.media.table import KIND
from moviola.media.table.scan import Scanner
from moviola.media.table.schema import Table, TableProcess, TableSplice, kind_of
from moviola.media.table.split import Limits, Place, check_headers, chunks_of, limits_of, read_header


def front(material: Material, growing: GrowingFile, cutting: Cutting) -> tuple[Source, Iterator[Chunk]]:
    """Return what the header of a CSV file tells of it, and its chunks, as they come.

    Raise UnreadableSource for a header that is none, and what reading a growing file raises.
    """
    ((name, path),) = material.files
    with growing.open() as file:
        columns = read_header(path, Scanner(file))
    table = Table(kind_of(columns), name, columns)
    check_headers(material.name, [table])
    source = Source(
        kind=KIND.name,
        name=material.name,
        fingerprint="",
        facts={"unit": KIND.unit},
        process=TableProcess([table]).to_wire(),
        splice=TableSplice([table], 0).to_wire(),
        stream_count=1,
    )
    return source, _chunks(growing, limits_of(cutting, table, growing.size))


def _chunks(growing: GrowingFile, limits: Limits) -> Iterator[Chunk]:
    with growing.open() as file:
        yield from chunks_of(file, growing.path, limits, Place())
