"""The beginning of a file that still comes is cut as all of it is: chunk by chunk the same bytes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import av
import pytest

from moviola.media import growing as growing_files
from moviola.media.growing import ComesLast, GrowingFile
from moviola.media.kinds import front, split
from moviola.media.material import Chunk, Cutting, Material, Source
from moviola.media.video.headers import VideoSplice
from tests.media.video import beeps, clips
from tests.waiting import PATIENCE_S

T = TypeVar("T")


def index_first(source: Path, target: Path) -> Path:
    """The same clip as an MP4 file that begins with its index."""
    with av.open(str(source)) as clip, av.open(str(target), "w", options={"movflags": "faststart"}) as output:
        streams = {stream.index: output.add_stream_from_template(stream) for stream in clip.streams}
        for packet in clip.demux():
            if packet.dts is not None:
                packet.stream = streams[packet.stream.index]
                output.mux(packet)
    return target


class Coming:
    """A clip of which a part has come."""

    def __init__(self, clip: Path, folder: Path, share: float) -> None:
        self._data = clip.read_bytes()
        self.path = folder / clip.name
        self.file = GrowingFile(self.path, len(self._data))
        self._here = 0
        self.come(share)

    def come(self, share: float) -> None:
        """More of it comes, up to a share of the whole."""
        until = round(len(self._data) * share)
        with self.path.open("ab") as target:
            target.write(self._data[self._here : until])
        self.file.grow(until - self._here)
        self._here = until

    def within_patience(self, ask: Callable[[], T]) -> T:
        """What a function returns that waits for the file; TimeoutError where it waits in vain."""
        with ThreadPoolExecutor(1) as threads:
            try:
                return threads.submit(ask).result(PATIENCE_S)
            except TimeoutError:
                self.file.break_off()
                raise

    def front(self, cutting: Cutting) -> tuple[Source, Iterator[Chunk]]:
        """Its first chunks."""
        found = self.within_patience(lambda: front(Material.single("video", self.path), self.file, cutting))
        assert found is not None
        return found


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where what comes is written."""
    made = tmp_path / "coming"
    made.mkdir()
    return made


SOURCES: dict[str, tuple[str, str, dict[str, Any]]] = {
    "an MP4 with its index first": ("clip.mp4", "libx264", {"sound": "aac"}),
    "B-frames that need the group before": ("clip.mp4", "libx264", {"options": clips.OPEN_GOP}),
    "Matroska": ("clip.mkv", "libx264", {"sound": "aac"}),
    "WebM": ("clip.webm", "libvpx", {}),
    "MPEG-2": ("clip.mkv", "mpeg2video", {"options": {"bf": "2", "g": "12"}}),
}


@pytest.mark.parametrize("what", SOURCES)
def test_chunks_of_half_a_file_are_those_of_the_whole(what: str, tmp_path: Path, folder: Path) -> None:
    name, codec, more = SOURCES[what]
    clip = clips.encode(tmp_path / name, codec, 400, **more)
    if clip.suffix == ".mp4":
        clip = index_first(clip, tmp_path / "first.mp4")
    cutting = Cutting(chunk_frames=20, context_frames=2)
    coming = Coming(clip, folder, 0.6)
    source, chunks = coming.front(cutting)
    first = coming.within_patience(lambda: next(chunks))
    coming.come(1.0)
    rest = coming.within_patience(lambda: list(chunks))

    whole_source, whole = split(Material.single("video", clip), cutting)
    expected = [chunk for chunk in whole if chunk.stream == 0]
    assert [first, *rest] == expected[: 1 + len(rest)]
    assert len(rest) > len(expected) / 2
    for part in ("kind", "name", "process", "stream_count"):
        assert getattr(source, part) == getattr(whole_source, part), part
    assert source.fingerprint == ""


def test_recordings_that_were_joined_are_cut_as_the_whole(tmp_path: Path, folder: Path) -> None:
    parts = [beeps.write(tmp_path / f"{at}.mkv", at, count=100, sound="mp2") for at in (7, 3)]
    clip = beeps.joined(tmp_path / "clip.mkv", parts)
    cutting = Cutting(chunk_frames=10)
    coming = Coming(clip, folder, 0.5)
    source, chunks = coming.front(cutting)
    first = coming.within_patience(lambda: next(chunks))
    coming.come(0.95)
    rest = [coming.within_patience(lambda: next(chunks)) for _ in range(11)]
    coming.come(1.0)
    whole_source, whole = split(Material.single("video", clip), cutting)
    assert [first, *rest] == [chunk for chunk in whole if chunk.stream == 0][:12]
    assert source.process == whole_source.process
    assert len(VideoSplice.from_wire(whole_source.splice).timeline) == len(parts)


def test_whole_groups_are_chunks_before_the_last_is_there(tmp_path: Path, folder: Path) -> None:
    groups = {"x264-params": "scenecut=0:keyint=64:min-keyint=64:bframes=2"}
    clip = index_first(clips.encode(tmp_path / "clip.mp4", "libx264", 900, options=groups), tmp_path / "first.mp4")
    coming = Coming(clip, folder, 0.85)
    _, chunks = coming.front(Cutting())
    first = coming.within_patience(lambda: next(chunks))
    coming.come(1.0)
    _, whole = split(Material.single("video", clip), Cutting())
    expected = list(whole)
    assert first == expected[0]
    rest = coming.within_patience(lambda: list(chunks))
    assert rest == expected[1 : 1 + len(rest)]
    assert len(rest) > len(expected) / 2


def test_nothing_is_settled_of_few_groups_whose_number_decides(tmp_path: Path, folder: Path) -> None:
    clip = index_first(clips.encode(tmp_path / "clip.mp4", "libx264", 300), tmp_path / "first.mp4")
    coming = Coming(clip, folder, 1.0)
    material = Material.single("video", coming.path)
    assert coming.within_patience(lambda: front(material, coming.file, Cutting())) is None


def test_an_index_that_comes_last_is_not_waited_for(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(growing_files, "MAX_AHEAD", 0)
    clip = clips.encode(tmp_path / "clip.mp4", "libx264", 60, size=(320, 240), options={"crf": "2"})
    coming = Coming(clip, folder, 0.5)
    with pytest.raises(ComesLast):
        coming.front(Cutting(chunk_frames=10))
