from __future__ import annotations

import random
from array import array
from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from moviola.filters.chain import Step
from moviola.media.local import run_local
from moviola.media.manifest import SUFFIX
from moviola.media.manifest.reader import RecordedStream
from moviola.media.manifest.records import StreamLine
from moviola.media.material import Cutting, Encoder, Material, Output
from moviola.media.video.cutting import split as split_module
from moviola.media.video.reading import scan as scan_module
from moviola.media.video.reading.scanned import Scan
from moviola.verification import findings, frames
from moviola.verification.findings import Fault, Verdict, Verification
from moviola.verification.frames import compare_frames
from moviola.verification.packets import FoundFile, FoundStream
from moviola.verification.verify import NoManifest, manifest_of, verify
from tests.instructions import instructions
from tests.media.video.clips import encode
from tests.verification.spoiling import Spoil, altered, clone, delayed, remuxed, shown, swapped

FRAMES = 24
FORMS = {"mp4": ".mp4", "matroska": ".mkv", "mov": ".mov"}
MADE = [f"{codec}-{form}" for codec in ("h264", "mpeg4") for form in FORMS]
LINE = StreamLine(0, "video", "h264", Fraction(1, 25), 0)
ANOTHER = {".mp4": ".mkv", ".mkv": ".mov", ".mov": ".mp4"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Results of one clip with sound: of two codecs, in three containers each, with their manifests."""
    folder = tmp_path_factory.mktemp("verify")
    clip = encode(folder / "clip.mkv", "libx264", FRAMES, options={"g": "12"}, sound="aac")
    outputs = [
        Output(name, (Step("identity", {}),), Encoder(codec, preset="veryfast", container=form))
        for name in MADE
        for codec, form in [name.split("-")]
    ]
    run_local(Material.single("video", clip), outputs, Cutting(chunk_frames=8), folder.joinpath)
    return folder


@pytest.fixture(params=MADE)
def output(folder: Path, request: pytest.FixtureRequest) -> Path:
    form = request.param.split("-")[1]
    return folder / f"{request.param}{FORMS[form]}"


def spoiled(output: Path, folder: Path, spoil: Spoil, name: str = "copy") -> Verification:
    copy = remuxed(output, folder / f"{name}{output.suffix}", spoil)
    return verify(copy, manifest=manifest_of(output))


def faults(found: Verification) -> list[Fault]:
    return [problem.fault for problem in found.problems if problem.fault is not Fault.UNDECODABLE]


def test_what_was_made_is_complete(output: Path, folder: Path) -> None:
    found = verify(output, folder / "clip.mkv")
    assert (found.verdict, found.problems) == (Verdict.COMPLETE, [])
    assert found.complete
    assert all(check.passed for check in found.checks)
    assert found.frames_found == found.frames_made == FRAMES
    assert [check.subject for check in found.checks] == ["file", "frames", "stream 1 (audio, aac)", "source"]


def test_what_was_remuxed_is_complete_and_another_file(output: Path, tmp_path: Path) -> None:
    for suffix in (output.suffix, ANOTHER[output.suffix]):
        copy = remuxed(output, tmp_path / f"copy{suffix}")
        found = verify(copy, manifest=manifest_of(output))
        assert (found.verdict, found.problems) == (Verdict.REMUXED, []), suffix
        assert found.complete


def test_one_frame_dropped(output: Path, tmp_path: Path) -> None:
    times = shown(output)
    found = spoiled(output, tmp_path, lambda video, sound: ([*video[:7], *video[8:]], sound))
    (left,) = set(times) - set(shown(tmp_path / f"copy{output.suffix}"))
    assert faults(found) == [Fault.MISSING]
    problem = found.problems[0]
    assert (problem.first, problem.last) == (times.index(left), times.index(left))
    assert problem.start_s == pytest.approx(left, abs=1e-6)
    assert f"Frame {problem.first} ({left:.3f} s) is missing" == problem.text
    assert (found.verdict, found.frames_found) == (Verdict.INCOMPLETE, FRAMES - 1)


def test_of_many_gaps_the_first_are_listed_and_the_others_counted(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(findings, "MAX_PROBLEMS", 3)
    found = spoiled(folder / "mpeg4-mp4.mp4", tmp_path, lambda video, sound: (video[::2], sound))
    missing = [problem for problem in found.problems if problem.fault is Fault.MISSING]
    assert [problem.first for problem in missing] == [1, 3, 5, None]
    gaps = FRAMES // 2 - 1  # the last frame is told of as the end that is cut off
    assert missing[-1].text == f"{gaps - 3} more problems like these are not listed (frames, missing)"
    assert found.frames_found == FRAMES // 2


@pytest.mark.parametrize("is_other", [True, False])
def test_a_long_film_of_which_little_is_left_or_in_place_takes_work_in_proportion(
    monkeypatch: pytest.MonkeyPatch, *, is_other: bool
) -> None:
    members = 0

    class Counted(set[int]):
        def __init__(self, values: Iterable[int] = ()) -> None:
            self.update(values)

        def update(self, *values: Iterable[int]) -> None:
            nonlocal members
            super().update(*values)
            members += sum(map(len, map(list, values)))

    monkeypatch.setattr(frames, "set", Counted, raising=False)

    def work(count: int) -> tuple[int, int]:
        """Compare a film with one that has its first frame, and all else is another, or in another order. Return how
        many instructions that takes, and how many members are put into sets."""
        nonlocal members
        members, order = 0, list(range(1, count))
        random.Random(count).shuffle(order)
        made = _stream(range(count))
        found = _stream([0, *(count + one if is_other else one for one in order)])
        film = SimpleNamespace(streams=[RecordedStream(LINE, made.pts, made.crc)])
        file = FoundFile("mp4", [found])
        return instructions(lambda: compare_frames(film, file)), members  # type: ignore[arg-type]

    assert all(twice <= 3 * once for once, twice in zip(work(200), work(400), strict=True))


def _stream(crc: Iterable[int]) -> FoundStream:
    found = FoundStream(LINE.type, LINE.codec, LINE.time_base, LINE.extradata, crc=array("L", crc))
    found.pts.extend(range(len(found.crc)))
    return found


def test_one_frame_doubled(output: Path, tmp_path: Path) -> None:
    later = 2
    found = spoiled(output, tmp_path, lambda video, sound: ([*video, clone(video[7], later=later)], sound))
    assert faults(found) == [Fault.REPEATED]
    assert "is there twice" in found.problems[0].text
    assert not found.complete


def test_two_frames_swapped(output: Path, tmp_path: Path) -> None:
    found = spoiled(output, tmp_path, lambda video, sound: (swapped(video, 13), sound))
    assert set(faults(found)) == {Fault.REORDERED}
    assert "have changed places" in found.problems[0].text


def test_one_frame_altered(output: Path, tmp_path: Path) -> None:
    times = shown(output)

    def spoil(video: list[Any], sound: list[Any]) -> tuple[list[Any], list[Any]]:
        spoil.at = float(video[7].pts * video[7].time_base)  # type: ignore[attr-defined]
        return [*video[:7], altered(video[7]), *video[8:]], sound

    found = spoiled(output, tmp_path, spoil)
    assert faults(found) == [Fault.ALTERED]
    assert found.problems[0].first == min(range(FRAMES), key=lambda at: abs(times[at] - spoil.at))  # type: ignore[attr-defined]


@pytest.mark.parametrize("seconds", [0.04, -0.04])
def test_sound_shifted(output: Path, tmp_path: Path, seconds: float) -> None:
    def spoil(video: list[Any], sound: list[Any]) -> tuple[list[Any], list[Any]]:
        return video, delayed(sound[2:] if seconds < 0 else sound, seconds)

    found = spoiled(output, tmp_path, spoil)
    texts = [problem.text for problem in found.problems if problem.fault is Fault.RETIMED]
    assert texts == [f"Stream 1 (audio, aac) is 40 ms {'late' if seconds > 0 else 'early'}"]
    assert not found.complete


def test_the_end_cut_off(output: Path, tmp_path: Path) -> None:
    found = spoiled(output, tmp_path, lambda video, sound: (video[:-6], sound[:-2]))
    assert set(faults(found)) <= {Fault.CUT_OFF, Fault.MISSING}
    assert Fault.CUT_OFF in faults(found)
    assert sum((each.last or 0) - (each.first or 0) + 1 for each in found.problems if each.subject == "frames") == 6
    assert any(each.fault is Fault.CUT_OFF and "audio" in each.subject for each in found.problems)


@pytest.mark.parametrize("share", [0.01, 0.3, 0.7, 0.98])
def test_bytes_cut_off(output: Path, tmp_path: Path, share: float) -> None:
    copy = tmp_path / output.name
    whole = output.read_bytes()
    copy.write_bytes(whole[: int(len(whole) * share)])
    found = verify(copy, manifest=manifest_of(output))
    assert not found.complete
    assert Fault.CUT_OFF in faults(found)


def test_a_file_that_tells_no_times(folder: Path, tmp_path: Path) -> None:
    output = folder / "h264-mp4.mp4"
    found = verify(remuxed(output, tmp_path / "copy.h264", silent=True), manifest=manifest_of(output))
    assert [(problem.fault, problem.subject) for problem in found.problems] == [
        (Fault.MISSING, "stream 1 (audio, aac)")
    ]
    assert found.frames_found == FRAMES
    assert any("does not tell when" in note for note in found.notes)


@pytest.mark.parametrize("suffix", [".ts", ".nut"])
def test_another_form_of_the_same_packets(folder: Path, tmp_path: Path, suffix: str) -> None:
    """An MPEG transport stream has start codes in place of lengths, headers in front, and begins later."""
    output = folder / "h264-mov.mov"
    found = verify(remuxed(output, tmp_path / f"copy{suffix}"), manifest=manifest_of(output))
    assert (found.verdict, found.problems) == (Verdict.REMUXED, [])


def test_another_file(folder: Path, output: Path, tmp_path: Path) -> None:
    other = folder / ("mpeg4-mp4.mp4" if "h264" in output.name else "h264-mp4.mp4")
    found = verify(other, manifest=manifest_of(output))
    assert found.verdict is Verdict.OTHER
    assert not found.complete
    assert found.frames_found == 0


def test_another_source(folder: Path, tmp_path: Path) -> None:
    output = folder / "h264-mp4.mp4"
    other = encode(tmp_path / "other.mp4", "libx264", FRAMES - 1)
    found = verify(output, other)
    assert {problem.subject for problem in found.problems} == {"source"}
    assert not found.complete
    copied = remuxed(folder / "clip.mkv", tmp_path / "clip.mkv")
    found = verify(output, copied)
    assert [problem.fault for problem in found.problems] == [Fault.OTHER], "its frames have the same times"


def test_a_source_is_looked_through_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    looked, real = [], scan_module.scan

    def counted(path: Path) -> Scan:
        looked.append(path)
        return real(path)

    for module in (scan_module, split_module):
        monkeypatch.setattr(module, "scan", counted)
    assert verify(folder / "h264-mp4.mp4", folder / "clip.mkv").complete
    assert looked == [folder / "clip.mkv"]


def test_nobody_has_a_manifest(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_bytes(b"")
    with pytest.raises(NoManifest, match=f"a{SUFFIX}"):
        verify(tmp_path / "a.mp4")
