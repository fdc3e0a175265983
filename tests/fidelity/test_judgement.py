"""What is lost is called lost unless a sentence says it, and what is kept is called kept."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest
from PIL import Image

from tests.fidelity import ffprobe, picture_judge, video_judge
from tests.fidelity.by_pyav import Timeline, Track, describe, timeline
from tests.fidelity.facts import COVER, Chapter, File, Stream
from tests.fidelity.pair import Pair
from tests.fidelity.said import Answer
from tests.fidelity.verdicts import Fate
from tests.media.video.clips import encode

VIDEO: Final = Stream(
    0,
    "video",
    "h264",
    colour={"color_space": "bt709"},
    pixels="yuv420p",
    size=(64, 48),
    field_order="top first",
    side_data={"Mastering display": "max_luminance=1000"},
)
SOUND: Final = Stream(1, "audio", "aac", tags={"language": "deu"}, dispositions=frozenset({"default"}))
FILE: Final = File(
    "matroska", 1.0, 0.0, {"title": "A clip"}, (Chapter(0.0, 1.0, "One"),), (VIDEO, SOUND, Stream(2, COVER, "mjpeg"))
)
LINE: Final = Timeline(
    [number / 25 for number in range(25)], 0.04, tracks=[Track(1, "audio", [0.0, 0.02], ["a", "b"], "ab")]
)


def pair(output: File = FILE, after: Timeline = LINE, *said: str) -> Pair:
    return Pair(FILE, output, LINE, after, Answer(0, "done", before=said), Path("a"), Path("b"))


def fates(of: Pair) -> dict[str, Fate]:
    return {each.aspect: each.fate for each in video_judge.verdicts(of)}


def with_video(**changes: Any) -> File:
    return replace(FILE, streams=(replace(VIDEO, **changes), *FILE.streams[1:]))


def test_a_file_that_is_the_same_has_lost_nothing() -> None:
    assert set(fates(pair()).values()) <= {Fate.KEPT, Fate.NOTHING}


CASES: Final = {
    "tags": (replace(FILE, tags={}), LINE, "tag title is left out: nothing holds it"),
    "chapters": (replace(FILE, chapters=()), LINE, "chapters are left out"),
    "colour": (with_video(colour={}), LINE, "the colour of the pictures is not told"),
    "side data": (with_video(side_data={}), LINE, "the mastering display is left out"),
    "field order": (with_video(field_order="progressive"), LINE, "field order is lost"),
    "geometry": (with_video(aspect="2:1"), LINE, "the pixel aspect is rounded"),
    "other streams": (replace(FILE, streams=(VIDEO, SOUND)), LINE, "stream 2 (the cover picture) is left out"),
    "frames": (FILE, replace(LINE, times=LINE.times[:20]), "the end is missing: the file is truncated"),
    "times": (FILE, replace(LINE, times=[each * 1.1 for each in LINE.times]), "clock is rebased"),
    "duration": (replace(FILE, duration=2.0), LINE, "the file lasts longer"),
    "sound": (FILE, replace(LINE, tracks=[]), "stream 1 (audio, aac) is left out"),
}


@pytest.mark.parametrize("aspect", CASES)
def test_what_changed_is_lost_silently_unless_a_sentence_says_it(aspect: str) -> None:
    output, after, sentence = CASES[aspect]
    assert fates(pair(output, after))[aspect] is Fate.LOST
    assert fates(pair(output, after, sentence))[aspect] is Fate.SAID
    assert fates(pair(output, after, "something else is the matter"))[aspect] is Fate.LOST


def test_sound_that_moved_against_the_pictures_is_noticed() -> None:
    moved = replace(LINE.tracks[0], times=[0.04, 0.06])
    assert fates(pair(FILE, replace(LINE, tracks=[moved])))["sound"] is Fate.LOST


def test_a_language_and_a_flag_of_a_stream_are_tags() -> None:
    for changed in (replace(SOUND, tags={}), replace(SOUND, dispositions=frozenset({"forced"}))):
        output = replace(FILE, streams=(VIDEO, changed, FILE.streams[2]))
        assert fates(pair(output))["tags"] is Fate.LOST


def test_pictures_are_compared_by_all_that_they_say(tmp_path: Path) -> None:
    source, output = tmp_path / "source.png", tmp_path / "output.png"
    picture = Image.new("RGB", (8, 6), "red")
    exif = Image.Exif()
    exif[0x010E] = "A red picture"
    picture.save(source, dpi=(300, 300), exif=exif)
    picture.save(output)
    silent = Answer(0, "done", outputs=(output,))
    found = {each.aspect: each for each in picture_judge.verdicts(source, silent)}
    assert found["geometry"].fate is Fate.KEPT
    assert found["tags"].fate is Fate.LOST
    assert "EXIF" in found["tags"].text
    assert "dpi" in found["tags"].text
    as_video = replace(silent, outputs=(tmp_path / "output.mp4",))
    assert picture_judge.verdicts(source, as_video)[0].fate is Fate.LOST


def test_both_ways_to_describe_a_file_agree(tmp_path: Path) -> None:
    path = encode(tmp_path / "clip.mp4", "libx264", 12)
    plain = describe(path)
    assert plain.of_type("video")[0].size == (64, 48)
    assert len(timeline(path).times) == 12
    if ffprobe.is_installed():
        told = ffprobe.describe(path)
        assert told.duration == pytest.approx(plain.duration, abs=0.001)
        assert [each.codec for each in told.streams] == [each.codec for each in plain.streams]
