"""A source that comes while it is sent: nothing of its beginning is taken on trust."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from moviola.filters.registry import schemas
from moviola.media.errors import UnreadableSource
from moviola.media.growing import GrowingFile
from moviola.media.material import Chunk, Cutting, Material
from moviola.session.arriving import ArrivingReader, OtherThanItBegan
from moviola.session.order import Order, OutputRequest
from moviola.session.sources import Reader

HEADER = b"id,title,release_date\n"
RECORDS = [b"1,The General,1926-12-31\n", b"2,Metropolis,1927-01-10\n"] * 100
TABLE = HEADER + b"".join(RECORDS)
HALF = len(HEADER) + sum(len(record) for record in RECORDS[:100])


@pytest.fixture
def file(tmp_path: Path) -> GrowingFile:
    """A table of which half has come."""
    path = tmp_path / "films.csv"
    path.write_bytes(TABLE[:HALF])
    growing = GrowingFile(path, len(TABLE))
    growing.grow(HALF)
    return growing


@pytest.fixture
def material(file: GrowingFile) -> Material:
    return Material.single("table", file.path)


@pytest.fixture
def order(material: Material) -> Order:
    return OutputRequest(["post_2000"], schemas(), cutting=Cutting(chunk_records=20)).order(material)


def complete(file: GrowingFile, whole: bytes = TABLE) -> None:
    file.path.write_bytes(whole)
    file.grow(len(TABLE) - HALF)
    file.end()


def rest_of(reader: ArrivingReader) -> list[Chunk]:
    return list(iter(reader.next_chunk, None))


def test_first_chunks_come_while_the_rest_is_away_and_then_all(
    material: Material, order: Order, file: GrowingFile
) -> None:
    reader = ArrivingReader(material, file, order)
    began = reader.source
    first = [reader.next_chunk() for _ in range(4)]
    complete(file)
    everything = rest_of(reader)
    usual = Reader(material, order)
    assert everything == list(iter(usual.next_chunk, None))
    assert first == everything[:4]
    assert reader.source == usual.source != began
    assert (began.fingerprint, began.process, began.name) == ("", usual.source.process, usual.source.name)
    reader.rewind()
    assert rest_of(reader) == everything


def test_its_beginning_may_be_read_again_before_it_is_whole(
    material: Material, order: Order, file: GrowingFile
) -> None:
    reader = ArrivingReader(material, file, order)
    first = [reader.next_chunk() for _ in range(3)]
    reader.rewind()
    assert [reader.next_chunk() for _ in range(3)] == first


@pytest.mark.parametrize(
    ("whole", "what"),
    [
        (TABLE.replace(b"1926", b"2026", 1), "chunk 0"),
        (TABLE.replace(b"title", b"tilde", 1), "process"),
        (HEADER + b"".join(RECORDS[:30]), "chunk 2|chunk 1"),
    ],
)
def test_a_beginning_that_was_another_is_found_out(
    material: Material, order: Order, file: GrowingFile, whole: bytes, what: str
) -> None:
    reader = ArrivingReader(material, file, order)
    for _ in range(3):
        reader.next_chunk()
    complete(file, whole)
    with pytest.raises(OtherThanItBegan, match=what):
        rest_of(reader)
    assert reader.is_other


def test_what_is_broken_off_is_told_to_whoever_waits(material: Material, order: Order, file: GrowingFile) -> None:
    reader = ArrivingReader(material, file, order)
    with ThreadPoolExecutor(1) as threads:
        waiting = threads.submit(rest_of, reader)
        file.break_off()
        with pytest.raises(UnreadableSource, match="was broken off"):
            waiting.result(60)
    assert not reader.is_other
