"""What is cut, filtered and spliced in a simulation: texts that tell where they come from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import xxhash

from client.order import Order, Submission, submission_key
from filters.chain import Step
from media.material import Chunk, Encoder, Output, Result, Source

FRAMES_PER_CHUNK = 10


def source(name: str, chunk_count: int, stream_count: int) -> Source:
    """A source of `chunk_count` chunks in each stream."""
    facts = {"frame_count": chunk_count * FRAMES_PER_CHUNK}
    return Source("video", name, f"print-of-{name}", facts, {"name": name}, {}, stream_count)


def submission(name: str, chunk_count: int, stream_count: int, filters: tuple[str, ...], on_error: str) -> Submission:
    outputs = tuple(Output(f"out{i}", (Step(one, {}),), Encoder(), on_error) for i, one in enumerate(filters))
    order = Order(outputs)
    made = source(name, chunk_count, stream_count)
    return Submission(submission_key(made, order), made, order)


def chunk_text(name: str, stream: int, index: int) -> bytes:
    return f"{name}/{stream}/{index}".encode()


def result_text(chunk: bytes, output: dict[str, Any], mode: str) -> bytes:
    """What a worker makes of a chunk: deterministic, and different for every output and mode."""
    return chunk + f"|{output['chain'][0]['name']}|{mode}".encode()


def compute(chunk: bytes, output: dict[str, Any], mode: str, build: str) -> Result:
    fallback = FRAMES_PER_CHUNK if mode == "bypass" else 0
    return Result(result_text(chunk, output, mode), build, FRAMES_PER_CHUNK, FRAMES_PER_CHUNK, fallback, 0, 0)


def expected_file(name: str, chunk_count: int, output: dict[str, Any], bypassed: frozenset[int]) -> bytes:
    """The finished file of an output: every result once, in order."""
    modes = ["bypass" if index in bypassed else "filter" for index in range(chunk_count)]
    return b"\n".join(result_text(chunk_text(name, 0, i), output, mode) for i, mode in enumerate(modes))


def xxh3_hex(data: bytes) -> str:
    return xxhash.xxh3_128_hexdigest(data)


class Reader:
    """A source's chunks, one after the other, streams interleaved; as client.sources.Reader."""

    def __init__(self, made: Source, chunk_count: int) -> None:
        self.source, self._count, self._position = made, chunk_count, 0

    def next_chunk(self) -> Chunk | None:
        streams = self.source.stream_count
        if self._position >= self._count * streams:
            return None
        index, stream = divmod(self._position, streams)
        self._position += 1
        return Chunk(stream, index, FRAMES_PER_CHUNK, chunk_text(self.source.name, stream, index))

    def rewind(self) -> None:
        self._position = 0


def folder_bytes(folder: Path, file: str) -> bytes:
    return (folder / file).read_bytes()
