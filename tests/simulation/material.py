"""What is cut, filtered and spliced in a simulation: texts that tell where they come from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import xxhash

from moviola.base.build_path import BuildPath, to_text
from moviola.filters.assets import value_of
from moviola.filters.chain import Step
from moviola.media.material import Chunk, Encoder, Output, Result, Source
from moviola.session.assets import AssetFile, AssetsFirst
from moviola.session.order import Order, Submission, submission_key

FRAMES_PER_CHUNK = 10
UNREADABLE = b"nothing that makes a file"
"""A result that no splicer takes."""

READS_FILE: Final = "faces"
"""The filter that names a file in some jobs, which then travels with them."""


def source(name: str, chunk_count: int, stream_count: int) -> Source:
    """A source of `chunk_count` chunks in each stream."""
    facts = {"frame_count": chunk_count * FRAMES_PER_CHUNK}
    return Source("video", name, f"print-of-{name}", facts, {"name": name, "stages": True}, {}, stream_count)


def submission(
    name: str,
    chunk_count: int,
    stream_count: int,
    chains: Sequence[Sequence[str]],
    on_error: str,
    file: bytes = b"",
    out: str = "out",
) -> Submission:
    """A job with one output for each chain of filters, called `out` and its number; with a `file`, READS_FILE names
    that."""
    named = {READS_FILE: {"model": value_of(file)}} if file else {}
    outputs = tuple(
        Output(f"{out}{i}", tuple(Step(one, dict(named.get(one, {}))) for one in chain), Encoder(), on_error)
        for i, chain in enumerate(chains)
    )
    is_named = any(READS_FILE in chain for chain in chains)
    order = Order(outputs, assets=(AssetFile(value_of(file), "model", file),) if file and is_named else ())
    made = source(name, chunk_count, stream_count)
    return Submission(submission_key(made, order), made, order)


def begun(made: Submission, key: str) -> Submission:
    """Return how a submission begins whose source still comes, under a key of its own: neither how long it is nor what
    it will be is known."""
    return replace(made, key=key, source=replace(made.source, fingerprint="", facts={}), new=True)


def is_whole(described: Mapping[str, Any]) -> bool:
    """Whether this is what is known of a source when it is whole."""
    return described["fingerprint"] == f"print-of-{described['name']}" and "frame_count" in described["facts"]


def chunk_text(name: str, stream: int, index: int) -> bytes:
    return f"{name.rstrip('v')}/{stream}/{index}".encode()  # of a long name its beginning: spools are small here


def result_text(chunk: bytes, output: dict[str, Any], mode: str, files: Mapping[str, bytes]) -> bytes:
    """What comes of a chunk: deterministic, and different for every chain, file and mode."""
    return builds_and_text(compute(chunk, output, mode, [], "", files).payload)[1]


def compute(
    payload: bytes, output: dict[str, Any], mode: str, stage: list[int], build: str, files: Mapping[str, bytes]
) -> Result:
    """What a worker makes of a chunk, or of what an earlier stage made: each step leaves its number, its name, the
    content of the file that it names, and its mode.

    The build of each step that is done stands in front of the text, for the next stage and for whoever looks at what
    is spliced (see `builds_and_text`).
    """
    names = [step["name"] for step in output["chain"]]
    read = [b"".join(files[value] for value in step["parameters"].values()) for step in output["chain"]]
    start, stop = stage or (0, len(names))
    before, text = builds_and_text(payload) if start else ((), payload)
    builds = (*before, *[build] * (stop - start))
    text += b"".join(b"|%d%s%s:%s" % (i, names[i].encode(), read[i], mode.encode()) for i in range(start, stop))
    payload = ",".join(builds).encode() + b"\n" + text
    if stop < len(names):
        return Result(payload, to_text(builds), FRAMES_PER_CHUNK, 0, 0, 0, 0)
    fallback = FRAMES_PER_CHUNK if mode == "bypass" else 0
    return Result(payload, to_text(builds), FRAMES_PER_CHUNK, FRAMES_PER_CHUNK, fallback, 0, 0)


def builds_and_text(payload: bytes) -> tuple[BuildPath, bytes]:
    """Return the build of each step that made a payload, as its workers wrote them down, and its text."""
    builds, text = payload.split(b"\n")
    return tuple(builds.decode().split(",")), text


def expected_file(made: Submission, chunk_count: int, output: dict[str, Any], bypassed: frozenset[int]) -> bytes:
    """The finished file of an output: every result once, in order."""
    files = {file.value: file.content for file in made.order.assets}
    modes = ["bypass" if index in bypassed else "filter" for index in range(chunk_count)]
    chunks = [chunk_text(made.source.name, 0, index) for index in range(chunk_count)]
    return b"\n".join(result_text(chunk, output, mode, files) for chunk, mode in zip(chunks, modes, strict=True))


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


def reader_of(made: Submission, chunk_count: int) -> AssetsFirst:
    """Reads what is submitted, as the client's command does."""
    return AssetsFirst(Reader(made.source, chunk_count), made.order.assets)


def folder_bytes(folder: Path, file: str) -> bytes:
    return (folder / file).read_bytes()
