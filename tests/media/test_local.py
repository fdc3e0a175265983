from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from moviola.filters.chain import Step
from moviola.filters.picture import Picture
from moviola.filters.toolbox import yunet
from moviola.filters.toolbox.finds import Find
from moviola.media.errors import ProcessingFailed, UnreadableSource
from moviola.media.local import LocalOutput, LocalProgress, run_local
from moviola.media.material import Cutting, Encoder, Material, Output
from moviola.media.video.writing.digest import digest
from tests.media.images.pictures import corners, encoded
from tests.media.video.clips import encode
from tests.media.video.cutting_room import frames_of, sound_of, take

BLUR = Output("blur", (Step("blur", {"radius": 2}),), Encoder("h264", preset="ultrafast"))
PLAIN = Output("plain", (Step("identity", {}),), Encoder("ffv1"))


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return encode(tmp_path_factory.mktemp("local") / "clip.mp4", "libx264", 30, options={"g": "10"}, sound="aac")


def run(
    clip: Path, outputs: list[Output], folder: Path, on_progress: Callable[[LocalProgress], None] | None = None
) -> list[LocalOutput]:
    """Chunks of 10 frames into a folder."""
    material = Material.single("video", clip)
    return run_local(material, outputs, Cutting(chunk_frames=10), folder.joinpath, on_progress=on_progress)


def test_makes_every_output_with_its_metrics(clip: Path, tmp_path: Path) -> None:
    blur, plain = run(clip, [BLUR, PLAIN], tmp_path / "out")
    assert (blur.path, plain.path) == (tmp_path / "out" / "blur.mp4", tmp_path / "out" / "plain.mkv")
    assert {each.name for each in (tmp_path / "out").iterdir()} == {
        "blur.mp4",
        "blur.manifest.jsonl.gz",
        "blur.metrics.json",
        "metadata.json",
        "plain.mkv",
        "plain.manifest.jsonl.gz",
        "plain.metrics.json",
    }
    assert frames_of(plain.path) == frames_of(clip)
    assert sound_of(blur.path) == sound_of(clip)
    written = json.loads(blur.metrics_path.read_text())
    assert written["digest"] == blur.summary.digest == digest(blur.path)
    assert blur.summary.frames_in == blur.summary.frames_out == 30


def test_twice_is_the_same(clip: Path, tmp_path: Path) -> None:
    one, two = (run(clip, [BLUR], tmp_path / name)[0] for name in "12")
    assert one.spliced.digest == two.spliced.digest
    assert one.path.read_bytes() == two.path.read_bytes()


def test_equals_the_three_steps_done_by_hand(clip: Path, tmp_path: Path) -> None:
    whole = run(clip, [BLUR], tmp_path)[0]
    assert take(clip, tmp_path, BLUR, chunk_frames=10, order=[2, 0, 1]).spliced.digest == whole.spliced.digest


def test_tells_how_far_it_is(clip: Path, tmp_path: Path) -> None:
    told: list[LocalProgress] = []
    run(clip, [BLUR, PLAIN], tmp_path, told.append)
    assert [each.frames_done for each in told] == [10, 20, 30, 40, 50, 60]
    assert {each.frame_count for each in told} == {60}


def test_nothing_unfinished_is_left(clip: Path, tmp_path: Path, plugin: None) -> None:
    failing = Output("bad", (Step("picky", {"every": 25}),), Encoder("h264", preset="ultrafast"), on_error="fail")
    with pytest.raises(ProcessingFailed, match="frame 25"):
        run(clip, [failing], tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_of_images_is_there_even_if_none_came(tmp_path: Path) -> None:
    picture = tmp_path / "a.png"
    picture.write_bytes(encoded(corners())[:60])
    (made,) = run_local(Material.single("images", picture), [PLAIN], Cutting(), (tmp_path / "out").joinpath)
    assert made.spliced.account.lost_frames == 1
    assert list(made.path.iterdir()) == []


def test_results_wait_on_the_disk_that_they_are_for(
    clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "nowhere"))  # often a part of memory
    run(clip, [BLUR, PLAIN], tmp_path / "out")


def test_notes_become_a_file_beside_it(clip: Path, tmp_path: Path, plugin: None) -> None:
    numbered = Output("numbered", (Step("numbered", {}),), Encoder("h264", preset="ultrafast"))
    (made,) = run(clip, [numbered], tmp_path)
    assert made.path == tmp_path / "numbered.mp4"
    assert len((tmp_path / "numbered.annotations.jsonl").read_text().splitlines()) == 15


def test_what_cannot_be_read_is_said(tmp_path: Path) -> None:
    with pytest.raises(UnreadableSource, match="no such file"):
        run(tmp_path / "missing.mp4", [BLUR], tmp_path)


@pytest.mark.parametrize("chunk_frames", [1, 3, 7, 1000])
def test_what_was_missed_is_counted_alike_however_it_is_cut(
    tmp_path: Path, chunk_frames: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A detector that is blind in some frames, at ends of chunks of three and of seven as well."""
    blind = {5, 6, 7, 12, 13, 14}

    def find_faces(_name: str, _model: str, picture: Picture, *_: object) -> list[Find]:
        return [] if picture.index in blind else [Find((20 + picture.index, 10, 16, 16), 0.9)]

    monkeypatch.setattr(yunet, "find_faces", find_faces)
    film = encode(tmp_path / "film.mp4", "libx264", 20, options={"g": "1"})
    chain = (Step("pixelate", {"faces": True, "hold": 4}),)
    output = Output("covered", chain, Encoder("ffv1"))
    cutting = Cutting(chunk_frames=chunk_frames)
    (made,) = run_local(Material.single("video", film), [output], cutting, (tmp_path / "out").joinpath)
    count = {"frames": 20, "with_finds": 14, "finds": 14, "missed": 6}
    assert json.loads(made.metrics_path.read_text())["output"]["found"] == {"pixelate": count}
    assert made.summary.found == [
        "pixelate found something in 14 of 20 pictures; in 6 it missed something that it had found before and found "
        "again after, and went by its motion"
    ]
    assert made.spliced.digest == _digest_of_one_chunk(film, output, tmp_path)


def _digest_of_one_chunk(film: Path, output: Output, folder: Path) -> str:
    (made,) = run_local(Material.single("video", film), [output], Cutting(), (folder / "whole").joinpath)
    return made.spliced.digest
