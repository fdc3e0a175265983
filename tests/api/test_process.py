"""`moviola.process`: a job in this process, with what `--local` gives."""

from __future__ import annotations

import json
import sys
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pytest

import moviola
from client.file_sender import main
from moviola.api.frames import Seen, frames_of_result
from moviola.filters import registry
from tests.media.images.pictures import encoded, tiff
from tests.session.material import FRAMES, write_clip


def test_it_gives_what_the_command_gives(clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    result = moviola.process(clip, "blur:radius=5", out=tmp_path / "b.mp4", codec="mpeg4", chunk_frames=10)
    typed = ["--local", "--filters", "blur:radius=5", "--codec", "mpeg4", "--chunk-frames", "10", "--json"]
    assert main([str(clip), *typed, "--out", str(tmp_path / "c.mp4")]) == 0
    (output,) = json.loads(capsys.readouterr().out)["outputs"]
    assert result.output.digest == output["digest"]
    assert result.path == tmp_path / "b.mp4"
    assert result.path.read_bytes() == (tmp_path / "c.mp4").read_bytes()
    assert (result.state, result.unit, result.reason) == ("done", "frame", "")


def test_outputs_have_the_names_that_they_are_given(clip: Path, tmp_path: Path) -> None:
    result = moviola.process(clip, {"small": "resize:width=32", "notes": "metadata"}, out=tmp_path)
    assert list(result.outputs) == ["small", "notes"]
    assert result["small"].path == tmp_path / "small.mp4"
    assert result["notes"].path == result["notes"].annotations_path == tmp_path / "notes.annotations.jsonl"
    assert len(list(result["notes"].annotations())) == FRAMES
    with pytest.raises(moviola.UsageError, match='no output "large"; there are small, notes'):
        _ = result["large"]
    with pytest.raises(moviola.UsageError, match="has 2 outputs; name one"):
        _ = result.path


def test_several_chains_without_names(clip: Path, tmp_path: Path) -> None:
    result = moviola.process(str(clip), ["grayscale", "e=edges,blur"], results=tmp_path)
    assert list(result.outputs) == ["grayscale", "e"]
    assert result["e"].path == tmp_path / result.job_id / "e.mp4"


def test_metrics_come_as_a_record(clip: Path, tmp_path: Path) -> None:
    metrics = moviola.process(clip, "grayscale", out=tmp_path / "g.mp4", chunk_frames=10).output.metrics
    assert (metrics.frames.read, metrics.frames.out, metrics.frames.lost) == (FRAMES, FRAMES, 0)
    assert metrics.chunk_count == 3
    assert metrics.workers == ()
    assert metrics.data["output"]["codec"] == "h264"
    assert metrics.frame_latency_ms.p50 is not None


def test_frames_are_decoded_in_order_with_time_and_notes(clip: Path, tmp_path: Path) -> None:
    result = moviola.process(clip, "metadata,resize:width=32", out=tmp_path / "m.mp4")
    frames = list(result.output.frames())
    assert [frame.index for frame in frames] == list(range(FRAMES))
    assert [frame.time_s for frame in frames] == pytest.approx([index / 25 for index in range(FRAMES)])
    assert {frame.bgr.shape for frame in frames} == {(24, 32, 3)}
    for frame in frames:
        (note,) = frame.notes
        assert (note["filter"], note["frame"]) == ("metadata", frame.index)
        assert note["time_s"] == pytest.approx(frame.time_s)


def test_images_come_back_with_their_names(tmp_path: Path) -> None:
    folder = tmp_path / "pictures"
    folder.mkdir()
    for value, name in ((40, "b.png"), (80, "a.png")):
        cv2.imwrite(str(folder / name), np.full((20, 30, 3), value, np.uint8))
    result = moviola.process(folder, "brightness:amount=0", out=tmp_path / "out")
    assert result.unit == "image"
    assert [(frame.name, int(frame.bgr[0, 0, 0])) for frame in result.output.frames()] == [("a.png", 80), ("b.png", 40)]


@pytest.mark.parametrize("without_manifest", [False, True])
def test_pictures_that_are_not_of_the_result_do_not_come(tmp_path: Path, without_manifest: bool) -> None:
    folder, out = tmp_path / "pictures", tmp_path / "out"
    folder.mkdir()
    for name in ("a.png", "b.png", "c.png"):
        cv2.imwrite(str(folder / name), np.full((20, 30, 3), 40, np.uint8))
    moviola.process(folder, "blur", out=out)
    (folder / "b.png").unlink()
    result = moviola.process(folder, "flip", out=out, overwrite=True, no_manifest=without_manifest)
    (out / "0.png").write_bytes(b"a broken picture of somebody's own")
    frames = list(result.output.frames())
    assert [(frame.index, frame.name) for frame in frames] == [(0, "a.png"), (1, "c.png")]
    assert len(frames) == result.output.frames_out


def test_of_an_output_whose_pictures_are_listed_nowhere_all_come_that_its_folder_has(tmp_path: Path) -> None:
    folder = tmp_path / "pictures"
    folder.mkdir()
    cv2.imwrite(str(folder / "a.png"), np.full((20, 30, 3), 40, np.uint8))
    output = moviola.process(folder, "blur", out=tmp_path / "out").output
    output.metrics_path.unlink()
    assert output.manifest_path is not None
    output.manifest_path.write_bytes(b"no manifest")
    assert [frame.name for frame in output.frames()] == ["a.png"]


@pytest.mark.parametrize("ending", [".jpg", ".webp", ".avif", ".tif"])
def test_a_picture_that_is_a_file_of_its_own_comes_as_one_of_a_folder_does(tmp_path: Path, ending: str) -> None:
    source = tmp_path / f"a{ending}"
    noise = np.random.default_rng(0).integers(0, 255, (24, 32, 3), np.uint8)
    pages = [noise, noise[::-1]] if ending == ".tif" else [noise]
    source.write_bytes(tiff(pages) if ending == ".tif" else encoded(noise, ending))
    in_folder = list(moviola.process(source, "blur,metadata", results=tmp_path / "results").output.frames())
    output = moviola.process(source, "blur,metadata", out=tmp_path / f"b{ending}").output
    assert output.path.is_file()
    alone = list(output.frames())
    assert [frame.name for frame in alone] == [source.name] * len(pages)
    assert [frame.notes[0]["filter"] for frame in alone] == ["metadata"] * len(pages)
    assert alone == in_folder
    assert all(one.bgr.tobytes() == other.bgr.tobytes() for one, other in zip(alone, in_folder, strict=True))
    assert list(frames_of_result(output, Seen(count=1))) == alone[1:]


@pytest.mark.parametrize("without_manifest", [False, True])
def test_notes_come_with_pictures_that_have_other_names_than_their_sources(
    tmp_path: Path, without_manifest: bool
) -> None:
    folder = tmp_path / "pictures"
    folder.mkdir()
    (folder / "a.png").write_bytes(encoded(np.full((20, 30, 3), 40, np.uint8)))
    (folder / "b.tif").write_bytes(tiff([np.full((20, 30, 3), 80, np.uint8), np.full((20, 30, 3), 120, np.uint8)]))
    output = moviola.process(
        folder, "flip,metadata", out=tmp_path / "out", format="jpg", no_manifest=without_manifest
    ).output
    told = [(frame.name, note["image"], note["brightness"]) for frame in output.frames() for note in frame.notes]
    assert [(name, image) for name, image, _ in told] == [
        ("a.jpg", "a.png"), ("b-p0001.jpg", "b.tif"), ("b-p0002.jpg", "b.tif")
    ]  # fmt: skip
    assert [brightness for *_, brightness in told] == pytest.approx([40 / 255, 80 / 255, 120 / 255], abs=1e-3)


def test_tables_have_no_frames(tmp_path: Path) -> None:
    table = tmp_path / "movies_metadata.csv"
    table.write_text("id,title,release_date,production_countries\n1,One,2001-01-01,[]\n2,Two,1999-01-01,[]\n")
    result = moviola.process(table, "post_2000", out=tmp_path / "out.json")
    assert result.output.frames_out == 1
    with pytest.raises(moviola.UsageError, match="has no pictures"):
        result.output.frames()


def test_notes_have_no_frames_whatever_their_file_is_called(clip: Path, tmp_path: Path) -> None:
    output = moviola.process(clip, "metadata", out=tmp_path / "notes").output
    with pytest.raises(moviola.UsageError, match="has no pictures"):
        output.frames()


@pytest.mark.parametrize(
    ("filters", "options", "sentence"),
    [
        ("blurr", {}, 'there is no filter "blurr"; did you mean "blur"?'),
        ("blur:radius=0", {}, "blur: radius is 0; it must be at least 1 px"),
        ({"a b": "blur"}, {}, '"a b" cannot name an output'),
        ({"a:b": "blur"}, {}, '"a:b" cannot name an output'),
        ([], {}, "no filter chain is given"),
        (["blur", 5], {}, "a filter chain is a text, such as 'blur:radius=5,edges', not 5"),
        ("blur", {"crff": 3}, 'there is no option "crff"; did you mean "crf"?'),
        ("blur", {"crf": 99}, "crf: must be a whole number from 0 to 51, not '99'"),
        ("blur", {"quality": 3}, "quality is for images, and there are only videos; leave it out"),
        ("post_2000", {}, "the filter post_2000 is for the records of tables, and this is a video"),
        (["blur", "post_2000"], {}, "the filter post_2000 is for the records of tables, and this is a video"),
        ("blur", {"priority": 3}, r"priority is for a cluster; leave it out of process\(\)"),
    ],
)
def test_what_cannot_be_is_said_before_anything_is_done(
    clip: Path, tmp_path: Path, filters: Any, options: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(moviola.UsageError, match=sentence):
        moviola.process(clip, filters, results=tmp_path / "results", **options)
    assert not (tmp_path / "results").exists()


def test_a_source_that_cannot_be_taken(tmp_path: Path) -> None:
    with pytest.raises(moviola.UnreadableSource, match="there is no such file or folder; check the path") as caught:
        moviola.process(tmp_path / "none.mp4", "blur")
    assert caught.value.path == str(tmp_path / "none.mp4")
    (tmp_path / "text.mp4").write_text("no video")
    with pytest.raises(moviola.UnreadableSource, match=r"text\.mp4"):
        moviola.process(tmp_path / "text.mp4", "blur", out=tmp_path / "o.mp4")


def test_what_is_there_is_not_written_over(clip: Path, tmp_path: Path) -> None:
    (tmp_path / "o.mp4").write_text("precious")
    with pytest.raises(moviola.UsageError, match=r"o\.mp4 is there already"):
        moviola.process(clip, "blur", out=tmp_path / "o.mp4")
    assert (tmp_path / "o.mp4").read_text() == "precious"
    first = moviola.process(clip, "blur", out=tmp_path / "o.mp4", overwrite=True)
    again = moviola.process(clip, "blur", out=tmp_path / "o.mp4")
    assert again.output.digest == first.output.digest
    assert again.output.metrics.frames.out == FRAMES


def test_several_videos_are_several_jobs(clip: Path, tmp_path: Path) -> None:
    other = write_clip(tmp_path / "other.mp4", seed=1)
    with pytest.raises(moviola.UsageError, match=r"clip.mp4, other.mp4 are 2 videos, and one job takes one"):
        moviola.process([clip, other], "blur")


BROKEN = """
from dataclasses import dataclass
from moviola.filters.base import Filter

@dataclass(frozen=True)
class Broken(Filter):
    name, summary = "broken", "raises"

    def apply(self, picture, earlier):
        raise RuntimeError("no picture suits it")
"""


def test_a_job_that_fails_says_what_failed(clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "_loaded", {})
    plugin = tmp_path / "broken.py"
    plugin.write_text(BROKEN)
    registry.load_plugin(plugin)
    with pytest.raises(moviola.JobFailed, match=r"clip.mp4: failed: filter 'broken' failed .*no picture") as caught:
        moviola.process(clip, "broken", out=tmp_path / "o.mp4", on_error="fail")
    assert caught.value.result.state == "failed"
    plugin.unlink()
    assert list(tmp_path.iterdir()) == []


def test_frames_that_a_filter_failed_on_are_counted(
    clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registry, "_loaded", {})
    plugin = tmp_path / "broken.py"
    plugin.write_text(BROKEN)
    registry.load_plugin(plugin)
    result = moviola.process(clip, "broken", out=tmp_path / "o.mp4")
    assert (result.state, result.output.fallback_frames) == ("partial", FRAMES)
    assert result.reason.startswith(f"{FRAMES} of {FRAMES} frames were not filtered (frames 0, 1, 2, …); ")
    assert "; filter broken raised RuntimeError: no picture suits it; " in result.reason
    assert "During handling" not in result.failures[0].traceback
    assert result.failures[0].filter == "broken"
    assert "no picture suits it" in result.failures[0].traceback


def test_progress_is_told_to_a_function(clip: Path, tmp_path: Path) -> None:
    told: list[moviola.Progress] = []
    moviola.process(clip, ["blur", "edges"], out=tmp_path, chunk_frames=10, progress=told.append)
    assert [each.frames_done for each in told] == [10, 20, 30, 40, 50, 60]
    assert told[-1].share == 1.0
    assert {(each.name, each.frames_wanted, each.note) for each in told} == {("clip.mp4", 60, "")}


def test_what_a_function_raises_ends_the_job_and_leaves_nothing(clip: Path, tmp_path: Path) -> None:
    def stop(_progress: moviola.Progress) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        moviola.process(clip, "blur", out=tmp_path / "o.mp4", progress=stop)
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_shown_where_nobody_looks(clip: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    moviola.process(clip, "blur", out=tmp_path / "o.mp4")
    assert capfd.readouterr() == ("", "")


def test_threads_take_turns(clip: Path, tmp_path: Path) -> None:
    digests = [""] * 4

    def one(number: int) -> None:
        digests[number] = moviola.process(clip, "blur", out=tmp_path / f"{number}.mp4").output.digest

    threads = [threading.Thread(target=one, args=(number,)) for number in range(len(digests))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(digests)) == 1
    assert digests[0]


class Handle:
    def __init__(self, shown: list[str]) -> None:
        self.shown = shown

    def update(self, data: dict[str, str], *, raw: bool) -> None:
        assert raw
        self.shown.append(data["text/plain"])


def test_a_notebook_has_a_bar_below_the_cell(clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With what ipykernel gives: a shell whose configuration names it, and `display` that returns a handle."""
    shown: list[str] = []

    def show(data: dict[str, str], *, raw: bool, display_id: bool) -> Handle:
        assert raw
        assert display_id
        shown.append(data["text/plain"])
        return Handle(shown)

    shell = SimpleNamespace(config={"IPKernelApp": {}})
    ipython = SimpleNamespace(get_ipython=lambda: shell, display=SimpleNamespace(display=show))
    monkeypatch.setitem(sys.modules, "IPython", ipython)
    moviola.process(clip, "blur", out=tmp_path / "o.mp4", chunk_frames=10)
    assert shown[0].startswith("clip.mp4 ━")
    assert shown[-1] == ""
