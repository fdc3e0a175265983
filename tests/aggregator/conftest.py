"""A short clip with sound, cut and filtered once for all tests that need real results."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from moviola.filters.chain import Step
from moviola.media import material as materials
from moviola.media.local import run_local
from moviola.media.material import Chunk, Encoder, Output, Result, Source
from moviola.media.video.cutting.split import split_file
from moviola.media.video.filtering.process import process
from tests.aggregator.peers import Cast
from tests.media.video.clips import encode


@dataclass(frozen=True)
class Material:
    """A source with all that its outputs' workers would return, and the digests of an undisturbed run."""

    source: Source
    chunks: list[Chunk]
    outputs: list[Output]
    results: list[list[Result]]
    digests: list[str]

    def of_stream(self, stream: int) -> list[Chunk]:
        return [chunk for chunk in self.chunks if chunk.stream == stream]

    @property
    def chunk_counts(self) -> list[int]:
        """One a track, as in Finish."""
        counts = [len(self.of_stream(stream)) for stream in range(self.source.stream_count)]
        return [counts[0]] * len(self.outputs) + counts[1:]


@pytest.fixture(scope="session")
def material(tmp_path_factory: pytest.TempPathFactory) -> Material:
    folder = tmp_path_factory.mktemp("material")
    path = encode(folder / "clip.mp4", "libx264", 40, options={"g": "10", "bf": "0"}, sound="aac")
    outputs = [
        Output("soft", (Step("blur", {"radius": 2}),), Encoder("mpeg4", 20, "veryfast")),
        Output("same", (Step("identity", {}),), Encoder("h264", 30, "ultrafast")),
    ]
    source, chunks = split_file(path, chunk_frames=10)
    material = Material(source, list(chunks), outputs, [], [])
    local = run_local(
        materials.Material.single("video", path), outputs, materials.Cutting(10), (folder / "local").joinpath
    )
    for output, one in zip(outputs, local, strict=True):
        material.results.append([process(chunk.payload, source.process, output) for chunk in material.of_stream(0)])
        material.digests.append(one.spliced.digest)
    assert len(material.of_stream(0)) >= 4
    assert len(material.of_stream(1)) >= 1
    return material


@pytest.fixture
def cast() -> Iterator[Cast]:
    made = Cast()
    yield made
    made.loop.shut()
