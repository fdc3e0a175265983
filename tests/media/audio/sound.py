"""Cuts, filters and joins sound, over the standard library's WAV files of 16-bit samples."""

from __future__ import annotations

import wave
from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping
from hashlib import file_digest, sha256
from pathlib import Path
from typing import Any

from moviola.filters.records import RecordFilter, RecordRunner
from moviola.filters.registry import make_chain
from moviola.media.account import Account
from moviola.media.bundle import pack, unpack
from moviola.media.errors import UnreadableSource
from moviola.media.fingerprint import fingerprint
from moviola.media.material import Chunk, Cutting, Files, Material, Output, Result, Source
from moviola.media.report import Report
from moviola.media.spliced import Spliced
from tests.media.audio import KIND

BLOCKS_A_SECOND = 10
CHUNK_BLOCKS = 4


def split(material: Material, cutting: Cutting) -> tuple[Source, Iterator[Chunk]]:
    """Chunks of some blocks each."""
    data = material.path.read_bytes()
    try:
        with wave.open(str(material.path)) as file:
            rate, channels, size = file.getframerate(), file.getnchannels(), file.getsampwidth()
            samples = file.readframes(file.getnframes())
    except wave.Error as error:
        raise UnreadableSource(material.path, f"this is no WAV file: {error}", "convert it first") from error
    block = max(1, rate // BLOCKS_A_SECOND) * channels * size
    blocks = [samples[start : start + block] for start in range(0, len(samples), block)]
    source = Source(
        kind=KIND.name,
        name=material.name,
        fingerprint=sha256(data).hexdigest()[:32],
        facts={"unit": KIND.unit, "frame_count": len(blocks), "size": len(data)},
        process={},
        splice={"frame_count": len(blocks), "format": [channels, size, rate]},
        stream_count=1,
    )
    return source, _chunks(blocks, cutting.chunk_records or CHUNK_BLOCKS)


def _chunks(blocks: list[bytes], length: int) -> Iterator[Chunk]:
    for index, first in enumerate(range(0, len(blocks), length)):
        own = blocks[first : first + length]
        yield Chunk(0, index, len(own), pack({"p": [[len(one)] for one in own], "first": first}, own))


def process(
    payload: bytes | bytearray | memoryview,
    source_process: dict[str, Any],
    output: Output,
    *,
    mode: str = "filter",
    on_frame: Callable[[int], None] | None = None,
) -> Result:
    """The blocks that the filters keep."""
    table, blocks = unpack(payload)
    runner = RecordRunner(each for each in make_chain(output.chain) if isinstance(each, RecordFilter))
    kept = [block for block in blocks if mode == "filter" and runner.keeps({"peak": str(_peak(block))})]
    if on_frame is not None:
        on_frame(len(blocks))
    report = Report(table["first"], len(blocks), frames_in=len(blocks), frames_out=len(kept), fingerprint=fingerprint())
    result = pack({"p": [[len(one)] for one in kept], "report": report.to_wire()}, kept)
    return Result(result, report.fingerprint, len(blocks), len(kept), 0, 0, 0)


def _peak(block: memoryview) -> int:
    return max(map(abs, array("h", bytes(block))), default=0)


def splice(
    files: Files,
    source: Source,
    output: Output,
    results: Iterable[bytes],
    passthrough: Mapping[int, Iterable[bytes]],
    _manifest: object,
) -> Spliced:
    """All kept blocks in one file."""
    account = Account()
    name = f"{output.name}.wav"
    path = files.partial(name)
    with wave.open(str(path), "wb") as file:
        channels, size, rate = source.splice["format"]
        file.setnchannels(channels)
        file.setsampwidth(size)
        file.setframerate(rate)
        for payload in results:
            table, blocks = unpack(payload)
            account.add(Report.from_wire(table["report"]))
            for block in blocks:
                file.writeframes(block)
    account.close(source.splice["frame_count"])
    with path.open("rb") as made:
        digest = file_digest(made, "sha256").hexdigest()
    return Spliced(account, digest, name, {"codec": None, "crf": None, "preset": None, "size": path.stat().st_size})


def write_excerpt(stem: Path, process: dict[str, Any], payload: bytes) -> Path:
    """The samples of a chunk, without a header."""
    path = stem.with_name(f"{stem.name}.pcm")
    path.write_bytes(b"".join(unpack(payload)[1]))
    return path


def write(path: Path, peaks: Iterable[int], rate: int = 8000) -> Path:
    """A mono file: a tenth of a second at each of these peaks."""
    samples = array("h", (peak for peak in peaks for _ in range(rate // BLOCKS_A_SECOND)))
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(samples.tobytes())
    return path
