"""The finished front of an output, made of results that a test hands out."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from anyio import CapacityLimiter

from moviola.media.material import Encoder, Output
from moviola.session.reading import Description, Ended, Ending
from moviola.web.front import Front
from tests.media.video.clips import encode
from tests.media.video.cutting_room import BLUR, Reel, frames_of, take

GOPS = {"x264-params": "scenecut=0:b-adapt=0:bframes=3:keyint=8:min-keyint=8:open-gop=0"}
WANTED = Output("reel", BLUR, Encoder("h264", preset="veryfast"))
CHUNK = 8
CHUNKS = 6


class Store:
    """An aggregator that has all results of an output."""

    def __init__(self, reel: Reel) -> None:
        self.description = Description(reel.source.to_wire(), WANTED.to_wire())
        self.payloads = [each.payload for each in reel.results]
        self.opened: list[int] = []
        self.given: list[int] = []

    def open(self, track: int, first: int) -> Any:
        """What `moviola.web.results.Results` is, of the one track."""
        assert track == 0
        self.opened.append(first)
        rest: Iterator[int] = iter(range(first, len(self.payloads)))
        results = SimpleNamespace(ended=None, description=self.description, close=lambda: None)

        async def following() -> bytes | None:
            index = next(rest, None)
            if index is None:
                results.ended = Ended(Ending.COMPLETE)
                return None
            self.given.append(index)
            return self.payloads[index]

        results.next = following
        return results


@pytest.fixture(scope="module")
def reel(tmp_path_factory: pytest.TempPathFactory) -> Reel:
    folder = tmp_path_factory.mktemp("front")
    clip = encode(folder / "clip.mp4", "libx264", CHUNKS * CHUNK, options=GOPS)
    return take(clip, folder, WANTED, chunk_frames=CHUNK)


def played(store: Store, begin_s: str, folder: Path) -> tuple[list[Any], float | None]:
    """The frames from a time on, and what is told of how long all is."""

    async def play() -> tuple[bytes, float | None]:
        front = Front(store.open, 0, 1, True, CapacityLimiter(1))
        found = await front.begin()
        assert found is not None
        data = [found.data, *[piece async for piece in front.fragments(Fraction(begin_s))]]
        assert front.is_complete
        return b"".join(data), found.duration_s

    data, duration_s = asyncio.run(play())
    (folder / "played.mp4").write_bytes(data)
    return frames_of(folder / "played.mp4"), duration_s


@pytest.mark.parametrize(("begin_s", "chunk"), [("0", 0), ("0.31", 0), ("0.32", 1), ("1.3", 4), ("1.9", 5), ("99", 5)])
def test_it_begins_with_the_chunk_that_has_a_time_and_reads_none_in_vain(
    reel: Reel, tmp_path: Path, begin_s: str, chunk: int
) -> None:
    store = Store(reel)
    frames, duration_s = played(store, begin_s, tmp_path)
    assert frames == frames_of(reel.path)[chunk * CHUNK :]
    assert store.given == [0, *range(max(1, chunk), CHUNKS)]
    assert duration_s == pytest.approx(CHUNKS * CHUNK / 25)


def test_a_source_of_which_only_the_beginning_is_known_is_looked_through(reel: Reel, tmp_path: Path) -> None:
    """How long its chunks are, and how long all is, may not be as it was said then."""
    store = Store(reel)
    source = replace(reel.source, fingerprint="", facts={**reel.source.facts, "chunk_frames": 1})
    store.description = Description(source.to_wire(), WANTED.to_wire())
    frames, duration_s = played(store, "1.3", tmp_path)
    assert frames == frames_of(reel.path)[4 * CHUNK :]
    assert (store.opened, duration_s) == ([0], None)
