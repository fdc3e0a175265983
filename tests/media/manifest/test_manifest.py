from __future__ import annotations

import gzip
import json
from fractions import Fraction
from pathlib import Path
from typing import Any
from zlib import crc32

import av
import pytest
import xxhash
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from moviola.filters.chain import Step
from moviola.media import manifest as manifests
from moviola.media.account import Account
from moviola.media.kinds import splice
from moviola.media.local import LocalOutput, run_local
from moviola.media.manifest import writer
from moviola.media.manifest.reader import BadManifest, read_manifest
from moviola.media.manifest.records import Maker
from moviola.media.material import Cutting, Encoder, Material, Output
from moviola.media.report import Report
from moviola.media.spliced import Spliced
from moviola.media.video.cutting.split import split_file
from moviola.media.video.filtering.process import process
from moviola.verification.verify import verify
from tests.garbage import VALUES, spoiled
from tests.media.shelf import Shelf
from tests.media.video.clips import encode

FAST = Encoder("h264", preset="veryfast")
TIMES = [0, 1, 2, 3, 5, 8, 13, 14, 15, 16, 17, 20]
"""Of a clip whose frames are not evenly shown, in 1/25 s."""


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("manifest") / "clip.mkv"
    return encode(path, "libx264", len(TIMES), options={"g": "4", "bf": "0"}, times=TIMES, sound="aac")


@pytest.fixture(scope="module")
def whole(clip: Path) -> bytes:
    """A manifest, unpacked."""
    run(clip, clip.parent, output("whole"))
    return gzip.decompress((clip.parent / f"whole{manifests.SUFFIX}").read_bytes())


def output(name: str, *chain: Step, encoder: Encoder = FAST, manifest: bool = True) -> Output:
    return Output(name, chain or (Step("identity", {}),), encoder, manifest=manifest)


def run(clip: Path, folder: Path, *outputs: Output) -> list[LocalOutput]:
    return run_local(Material.single("video", clip), outputs, Cutting(chunk_frames=4), folder.joinpath)


def packets(path: Path) -> list[tuple[Fraction, int]]:
    """Time and CRC of each packet of a video, in the order in which they are shown."""
    with av.open(str(path)) as container:
        stream: Any = container.streams.video[0]
        return sorted((one.pts * stream.time_base, crc32(one)) for one in container.demux(stream) if one.size)


def test_each_frame_is_told_of(clip: Path, tmp_path: Path) -> None:
    (made,) = run(clip, tmp_path, output("blur", Step("blur", {"radius": 2})))
    manifest = read_manifest(tmp_path / f"blur{manifests.SUFFIX}")
    frames = list(manifest.frames())
    assert [(frame.time, frame.crc) for frame in frames] == packets(made.path)
    assert [frame.source_time for frame in frames] == [time for time, _ in packets(clip)]
    assert [frame.source_frame for frame in frames] == list(range(len(TIMES)))
    assert [frame.number for frame in frames] == list(range(len(TIMES)))
    assert [frame.chunk for frame in frames] == [0] * 4 + [1] * 4 + [2] * 4
    assert {(frame.worker, frame.attempt, frame.fallback) for frame in frames} == {("", 1, False)}


def test_the_files_are_told_of(clip: Path, tmp_path: Path) -> None:
    (made,) = run(clip, tmp_path, output("same"))
    manifest = read_manifest(tmp_path / f"same{manifests.SUFFIX}")
    assert manifest.header.source_xxh3 == xxhash.xxh3_128_hexdigest(clip.read_bytes())
    assert manifest.end.xxh3 == xxhash.xxh3_128_hexdigest(made.path.read_bytes())
    assert (manifest.end.file, manifest.end.size) == (made.path.name, made.path.stat().st_size)
    assert manifest.end.digest == made.spliced.digest
    sound = manifest.streams[1]
    with av.open(str(made.path)) as container:
        data = [(one.pts, bytes(one)) for one in container.demux(audio=0) if one.size]
    assert list(sound.pts) == [pts for pts, _ in data]
    assert sound.total[1:] == (len(data), sum(len(one) for _, one in data), crc32(b"".join(one for _, one in data)))
    assert sum(sound.counts) == len(data)


def test_another_frame_rate_keeps_the_sources_times(clip: Path, tmp_path: Path) -> None:
    (made,) = run(clip, tmp_path, output("paced", Step("fps", {"rate": 50})))
    manifest = read_manifest(tmp_path / f"paced{manifests.SUFFIX}")
    source = [time for time, _ in packets(clip)]
    frames = list(manifest.frames())
    assert [frame.time for frame in frames] == [time for time, _ in packets(made.path)]
    assert all(frame.source_time == source[frame.source_frame] for frame in frames)
    assert all(frame.source_time is not None and frame.source_time <= frame.time for frame in frames)


def test_a_source_that_begins_late_keeps_its_own_times(tmp_path: Path) -> None:
    hour = 3600 * 25
    late = encode(tmp_path / "late.ts", "mpeg2video", 8, times=range(hour, hour + 8))
    (made,) = run(late, tmp_path, output("late"))
    frames = list(read_manifest(tmp_path / f"late{manifests.SUFFIX}").frames())
    assert [frame.source_time for frame in frames] == [time for time, _ in packets(late)]
    assert frames[0].source_time is not None
    assert frames[0].source_time >= 3600
    assert verify(made.path, late).complete
    assert [frame.time for frame in frames] == [time for time, _ in packets(made.path)]
    assert frames[0].time == 0


def test_what_passed_unfiltered_and_what_is_lost(clip: Path, tmp_path: Path, plugin: None) -> None:
    picky = Step("picky", {"every": 5})
    kept, dropped = output("kept", picky), Output("dropped", (picky,), FAST, "drop")
    run(clip, tmp_path, kept, dropped)
    manifest = read_manifest(tmp_path / f"kept{manifests.SUFFIX}")
    assert [frame.source_frame for frame in manifest.frames() if frame.fallback] == [5, 10]
    assert manifest.end.fallback_frames == 2
    manifest = read_manifest(tmp_path / f"dropped{manifests.SUFFIX}")
    assert [(lost.first, lost.frame_count) for lost in manifest.lost] == [(5, 1), (10, 1)]
    assert [frame.source_frame for frame in manifest.frames()] == [0, 1, 2, 3, 4, 6, 7, 8, 9, 11]


def test_who_made_each_chunk_and_at_which_try(clip: Path, tmp_path: Path) -> None:
    source, chunks = split_file(clip, chunk_frames=4)
    wanted, results, others = output("made"), list[bytes](), list[bytes]()
    for chunk in chunks:
        if chunk.stream:
            others.append(chunk.payload)
        else:
            results.append(process(chunk.payload, source.process, wanted).payload)
    makers = [Maker("w1", 1), Maker("w2", 3), Maker("w1", 1)]
    shelf = Shelf(tmp_path / "out")
    splice(shelf, source, wanted, results, {1: others}, makers.__getitem__, "clip-1")
    manifest = read_manifest(shelf.folder / f"made{manifests.SUFFIX}")
    assert manifest.header.job == "clip-1"
    assert [(frame.worker, frame.attempt) for frame in manifest.frames()][::4] == [("w1", 1), ("w2", 3), ("w1", 1)]


def test_what_a_splice_told_that_begins_again_is_gone(clip: Path, tmp_path: Path) -> None:
    """A muxer may refuse a stream in the middle of a file."""
    source, _ = split_file(clip)
    path = tmp_path / "a"
    with writer.opened(path, writer.in_this_process) as manifest:
        manifest.begin(source, output("a"))
        for _ in range(2):
            manifest.restart()
            manifest.chunk(0, Report(0, 2, frames_in=2, frames_out=2))
            manifest.frames([0, 1], Fraction(1, 25), [0, 1], {1}, {0})
        manifest.end(Spliced(Account(), "d", "a.mp4"), clip)
    told = read_manifest(path)
    assert (len(told.chunks), list(told.source_frames)) == (1, [0, 1])
    assert (list(told.fallback), list(told.damaged)) == ([0, 1], [1, 0])


def test_equal_outputs_have_equal_manifests(clip: Path, tmp_path: Path) -> None:
    one, two = tmp_path / "1", tmp_path / "2"
    for folder in (one, two):
        run(clip, folder, output("same"))
    name = f"same{manifests.SUFFIX}"
    assert (one / name).read_bytes() == (two / name).read_bytes()


def test_none_is_written_where_none_is_wanted(clip: Path, tmp_path: Path) -> None:
    without, with_one = run(clip, tmp_path, output("a", manifest=False), output("b"))
    assert [path.name for path in tmp_path.glob(f"*{manifests.SUFFIX}")] == [f"b{manifests.SUFFIX}"]
    assert without.spliced.digest == with_one.spliced.digest


# ── what is read ─────────────────────────────────────────────────────────────────────────────────────────────────────


def kept(folder: Path, content: bytes) -> Path:
    path = folder / f"a{manifests.SUFFIX}"
    path.write_bytes(gzip.compress(content, 1))
    return path


def test_a_manifest_that_is_cut_off_is_refused_wherever_that_is(whole: bytes, tmp_path: Path) -> None:
    packed = kept(tmp_path, whole).read_bytes()
    for size in [*range(0, len(packed), 97), len(packed) - 1]:
        (tmp_path / "b").write_bytes(packed[:size])
        with pytest.raises(BadManifest, match=r"b is (cut off|not a manifest)"):
            read_manifest(tmp_path / "b")
    lines = whole.splitlines(keepends=True)
    with pytest.raises(BadManifest, match="is cut off"):
        read_manifest(kept(tmp_path, b"".join(lines[:-1])))
    with pytest.raises(BadManifest, match="more after its last line"):
        read_manifest(kept(tmp_path, whole + lines[-1]))


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"nonsense\n", "is not a manifest, or is damaged"),
        (b"[]\n", "is not an object with one key"),
        (b'{"of": {}}\n', "a line of the unknown kind 'of'"),
        (b'{"end": {}}\n', "EndLine lacks"),
        (b"\xff\n", "not a manifest"),
        (b"[" * 100_000 + b"\n", "not a manifest"),
        (b'{"manifest": ' + b" " * manifests.MAX_LINE_SIZE + b"{}}\n", "a line of more than"),
        (b" " * 50_000_000, "a line of more than"),
    ],
)
def test_what_is_none_is_refused(tmp_path: Path, content: bytes, why: str) -> None:
    with pytest.raises(BadManifest, match=why):
        read_manifest(kept(tmp_path, content))


def test_more_than_any_manifest_has_is_refused(whole: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("moviola.media.manifest.reader.MAX_UNITS", 30)
    with pytest.raises(BadManifest, match="more than 30 frames"):
        read_manifest(kept(tmp_path, whole))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
@given(data=st.data())
def test_garbage_is_read_or_refused(whole: bytes, tmp_path: Path, data: st.DataObject) -> None:
    lines = whole.splitlines()
    at = data.draw(st.integers(0, len(lines) - 1))
    line = data.draw(spoiled(json.loads(lines[at])) | VALUES)
    lines[at] = json.dumps(line, default=repr).encode()
    refusal = ""
    try:
        list(read_manifest(kept(tmp_path, b"\n".join(lines) + b"\n")).frames())
    except BadManifest as error:
        refusal = str(error)
    assert "\n" not in refusal
