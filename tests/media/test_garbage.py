"""Each parser of media: what it reads of a real file, it reads again; of anything else it says what is wrong."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgpack
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from moviola.base.mapped import Malformed, Mapped
from moviola.filters.chain import Step
from moviola.media import kinds
from moviola.media.bundle import pack, unpack
from moviola.media.errors import BundleError
from moviola.media.fidelity import Fate, Finding
from moviola.media.images.bundle import ImageChunk, ImageEntry, ImageResult, PictureEntry
from moviola.media.material import CommonFacts, Cutting, Encoder, FrameCount, Material, Output, Source
from moviola.media.report import Fallback, FrameNotes, Lost, Report
from moviola.media.table.bundle import BrokenRecord, TableChunk, TableResult
from moviola.media.table.bundle import ChunkTable as RecordsTable
from moviola.media.table.report import BadRecord, TableReport
from moviola.media.table.schema import Table, TableProcess, TableSplice
from moviola.media.video.bundle import ChunkTable, PassthroughTable, ResultTable
from moviola.media.video.filtering.frame_source import IntermediateSource
from moviola.media.video.filtering.intermediate import Intermediate
from moviola.media.video.filtering.process import process
from moviola.media.video.headers import VideoProcess, VideoSplice
from tests.garbage import VALUES, spoiled
from tests.media.video.clips import encode

OUTPUT = Output("out", (Step("blur", {"radius": 2}), Step("edges", {})), Encoder("mpeg4"))
READERS: dict[str, type[Any]] = {
    "source": Source,
    "output": Output,
    "common facts": CommonFacts,
    "frame count": FrameCount,
    "process": VideoProcess,
    "splice": VideoSplice,
    "chunk": ChunkTable,
    "passthrough": PassthroughTable,
    "result": ResultTable,
    "intermediate": Intermediate,
    "images": ImageChunk,
    "pictures": ImageResult,
    "tables": TableProcess,
    "tables' splice": TableSplice,
    "records": RecordsTable,
}


@pytest.fixture(scope="module")
def wholes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """A map that each reader takes, most of them of a real clip."""
    folder = tmp_path_factory.mktemp("garbage")
    clip = encode(folder / "clip.mkv", "libx264", 12, sound="aac")
    source, chunks = kinds.split(Material.single("video", clip), Cutting(chunk_frames=6, context_frames=1))
    listed = list(chunks)
    video = next(one for one in listed if not one.stream)
    result = process(video.payload, source.process, OUTPUT)
    handed = process(video.payload, source.process, OUTPUT, stage=range(1))
    report = Report(3, 1, 1, 1, [Fallback(3, "blur", "no")], [Lost(3, "x")], notes=[FrameNotes(3, [{"a": 1}])])
    table = Table("movies", "m.csv", ("id", "release_date"))
    return {
        "source": source.to_wire(),
        "output": OUTPUT.to_wire(),
        "common facts": CommonFacts([Finding("it", Fate.LOST, "w")], True, ["it w"], {}).to_wire(),
        "frame count": {"frame_count": 1},
        "process": source.process,
        "splice": source.splice,
        "chunk": unpack(video.payload)[0],
        "passthrough": unpack(next(one for one in listed if one.stream).payload)[0],
        "result": unpack(result.payload)[0],
        "intermediate": unpack(handed.payload)[0],
        "images": ImageChunk([ImageEntry(1, "a.png", "")], 3).to_wire(),
        "pictures": ImageResult([PictureEntry(1, 3, 0, "png")], ["a.png"], report).to_wire(),
        "tables": TableProcess([table]).to_wire(),
        "tables' splice": TableSplice([table], 5).to_wire(),
        "records": unpack(TableChunk(0, 0, 2, 1, 1, [BrokenRecord(0, 1, "x")], b"1,2\n").pack())[0],
    }


@pytest.mark.parametrize("name", READERS)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_garbage_is_read_or_refused(wholes: dict[str, dict[str, Any]], name: str, data: st.DataObject) -> None:
    reader, whole = READERS[name], wholes[name]
    assert msgpack.packb(reader.from_wire(whole).to_wire()) == msgpack.packb(whole)
    told = data.draw(VALUES | spoiled(whole))
    refusal = ""
    try:
        msgpack.packb(reader.from_wire(told).to_wire())
    except Malformed as error:
        refusal = str(error)
    assert "\n" not in refusal


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"own": [[0, 10**12]]}, "own: rising ranges"),
        ({"own": [[2, 1]]}, "own: rising ranges"),
        ({"own": [[0, 3], [1, 4]]}, "own: rising ranges"),
        ({"rank": [0]}, "rank: 9 numbers, not 1"),
        ({"preroll": 10**6}, "preroll: at most"),
        ({"span": [5, 4]}, "span: a time and a later one"),
    ],
)
def test_a_chunk_that_contradicts_itself_is_refused_before_anything_is_taken_for_it(
    wholes: dict[str, dict[str, Any]], change: dict[str, Any], why: str
) -> None:
    parts = [bytes(entry[0]) for entry in wholes["chunk"]["p"]]
    for mode in ("filter", "drop"):
        with pytest.raises(BundleError, match=why):
            process(pack(wholes["chunk"] | change, parts), wholes["process"], OUTPUT, mode=mode)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_payloads_of_garbage_are_refused_as_such(wholes: dict[str, dict[str, Any]], data: st.DataObject) -> None:
    """With a table that lists no part, or whatever parts it lists."""
    table = data.draw(st.dictionaries(st.text(max_size=6), VALUES, max_size=4)) | {"p": []}
    payload = pack(table, [])
    for read in _readers_of_payloads(wholes):
        with pytest.raises(BundleError):
            read(payload)


def _readers_of_payloads(wholes: dict[str, dict[str, Any]]) -> Iterator[Any]:
    yield TableChunk.unpack
    yield TableResult.unpack
    yield lambda payload: IntermediateSource(payload, VideoProcess.from_wire(wholes["process"]))


def test_a_tables_result_travels(tmp_path: Path) -> None:
    report = TableReport(0, 1, 1, malformed=[BadRecord(1, 2, "x")], malformed_count=1)
    made = TableResult(0, report, b"\1\0\0\0", bytes(8), b"", b"1")
    assert TableResult.unpack(made.pack()).report == report
    assert isinstance(report, Mapped)
