from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from moviola.filters.registry import schemas
from moviola.media.material import NO_VIDEO, Encoder, Material
from moviola.session.destination import Place, named, places_for
from moviola.session.order import OutputRequest
from moviola.session.target import UsageError
from tests.closed import close
from tests.session.material import make_order

ONE, TWO = make_order("blur"), make_order("blur", "edges")
CLIP, OTHER = (Material.single("video", path) for path in ("a/clip.mp4", "b/clip.mp4"))
PHOTOS = Material("images", "photos", (("a.jpg", Path("photos/a.jpg")), ("deep/b.jpg", Path("photos/deep/b.jpg"))))


def test_without_out_files_go_to_the_jobs_folder(tmp_path: Path) -> None:
    place = places_for({CLIP: ONE}, None, tmp_path)[CLIP]
    assert place.path_of("job-1", "blur.mp4") == tmp_path / "job-1" / "blur.mp4"


def test_one_output_becomes_the_file_that_was_named(tmp_path: Path) -> None:
    place = places_for({CLIP: ONE}, str(tmp_path / "new" / "mine.mp4"), tmp_path)[CLIP]
    assert place.path_of("j", "blur.mp4") == tmp_path / "new" / "mine.mp4"
    assert place.path_of("j", "blur.metrics.json") == tmp_path / "new" / "mine.metrics.json"
    assert place.path_of("j", "blur.annotations.jsonl") == tmp_path / "new" / "mine.annotations.jsonl"
    assert place.path_of("j", "blur.manifest.jsonl.gz") == tmp_path / "new" / "mine.manifest.jsonl.gz"


def test_what_is_of_the_whole_job_is_called_after_it_too(tmp_path: Path) -> None:
    for output in ("blur", "metadata"):
        place = places_for({CLIP: make_order(output)}, str(tmp_path / "mine.mp4"), tmp_path)[CLIP]
        assert place.path_of("j", "metadata.json") == tmp_path / "mine.metadata.json"


def test_notes_alone_get_the_name_that_was_asked_for(tmp_path: Path) -> None:
    output = replace(ONE.outputs[0], encoder=Encoder(NO_VIDEO))
    place = places_for({CLIP: replace(ONE, outputs=(output,))}, str(tmp_path / "notes.txt"), tmp_path)[CLIP]
    assert place.path_of("j", "blur.annotations.jsonl") == tmp_path / "notes.txt"
    assert place.path_of("j", "blur.metrics.json") == tmp_path / "notes.metrics.json"


def test_a_name_without_suffix_is_a_file_too(tmp_path: Path) -> None:
    place = places_for({CLIP: ONE}, str(tmp_path / "mine"), tmp_path)[CLIP]
    assert place.path_of("j", "blur.mp4") == tmp_path / "mine"
    assert place.path_of("j", "blur.metrics.json") == tmp_path / "mine.metrics.json"


def test_a_folder_for_one_output_keeps_the_outputs_name(tmp_path: Path) -> None:
    for out in (str(tmp_path), f"{tmp_path}/new/"):
        place = places_for({CLIP: ONE}, out, tmp_path)[CLIP]
        assert place.path_of("j", "blur.mp4") == Path(out) / "blur.mp4"


def test_several_outputs_go_to_a_folder(tmp_path: Path) -> None:
    place = places_for({CLIP: TWO}, str(tmp_path / "new"), tmp_path)[CLIP]
    assert place.path_of("j", "edges.mp4") == tmp_path / "new" / "edges.mp4"
    assert (tmp_path / "new").is_dir()


def test_several_sources_get_a_folder_each_even_if_called_alike(tmp_path: Path) -> None:
    places = places_for({CLIP: ONE, OTHER: ONE}, str(tmp_path), tmp_path)
    assert places[CLIP].path_of("j", "blur.mp4") == tmp_path / "clip" / "blur.mp4"
    assert places[OTHER].path_of("j", "blur.mp4") == tmp_path / "clip-2" / "blur.mp4"


def test_what_cannot_be_is_said_before_anything_is_sent(tmp_path: Path) -> None:
    file = tmp_path / "there.mp4"
    file.touch()
    with pytest.raises(UsageError, match="several outputs; name a folder"):
        places_for({CLIP: TWO}, str(file), tmp_path)
    with pytest.raises(UsageError, match="cannot be made"):
        places_for({CLIP: ONE}, str(file / "x.mp4"), tmp_path)


def test_a_folder_that_may_not_be_entered_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "closed").mkdir()
    close(tmp_path / "closed", monkeypatch)
    for orders in ({CLIP: ONE}, {CLIP: TWO}, {PHOTOS: ONE}):
        out = str(tmp_path / "closed" / "mine.mkv" / "there")
        assert named(orders, out)
        with pytest.raises(UsageError, match=r"the folder .* cannot be made: Permission denied"):
            places_for(orders, out, tmp_path)
    with pytest.raises(UsageError, match=r"nothing may be written to the folder .*/closed; name another"):
        places_for({CLIP: ONE}, str(tmp_path / "closed" / "mine.mp4"), tmp_path)


def test_a_name_that_no_file_system_takes_is_said(tmp_path: Path) -> None:
    out = str(tmp_path / f"{'x' * 252}.mp4")
    assert named({CLIP: ONE}, out)
    with pytest.raises(UsageError, match="the name has 256 bytes; 170 are the most"):
        places_for({CLIP: ONE}, out, tmp_path)
    with pytest.raises(UsageError, match="cannot be made: File name too long"):
        places_for({CLIP: ONE}, f"{out}/mine.mp4", tmp_path)


def test_a_files_name_for_several_sources_is_refused(tmp_path: Path) -> None:
    orders, out = {CLIP: ONE, OTHER: ONE}, str(tmp_path / "one.mp4")
    with pytest.raises(UsageError, match=r"one\.mp4 is a name for one file, and there are several sources"):
        places_for(orders, out, tmp_path)
    places = places_for(orders, f"{out}/", tmp_path)
    assert places[CLIP].path_of("j", "blur.mp4") == tmp_path / "one.mp4" / "clip" / "blur.mp4"


def test_a_name_that_belies_what_was_made_is_refused() -> None:
    place = Place(Path("out"), name="mine.mp4", output="blur")
    assert place.misnomer("blur.mp4") == ""
    assert place.misnomer("blur.mkv") == "out/mine.mp4 ends in .mp4, but the result is .mkv; name it .mkv"
    assert place.misnomer("blur.metrics.json") == ""
    assert replace(place, name="mine.M4V").misnomer("blur.mp4") == ""
    assert replace(place, name="mine").misnomer("blur.mkv") == ""
    assert Place(Path("out")).misnomer("blur.mkv") == ""


@pytest.mark.parametrize(
    ("name", "codec", "container"),
    [("o.mkv", "h264", "matroska"), ("o.MOV", "hevc", "mov"), ("o.m4v", "mpeg4", "mp4"), ("o", "h264", "")],
)
def test_the_name_decides_the_container(tmp_path: Path, name: str, codec: str, container: str) -> None:
    order = replace(ONE, outputs=(replace(ONE.outputs[0], encoder=Encoder(codec)),))
    assert named({CLIP: order}, str(tmp_path / name))[CLIP].outputs[0].encoder.container == container


def test_a_folders_name_decides_nothing(tmp_path: Path) -> None:
    (tmp_path / "there.mkv").mkdir()
    for orders, out in (
        ({CLIP: ONE}, f"{tmp_path}/o.mkv/"),
        ({CLIP: ONE}, str(tmp_path / "there.mkv")),
        ({CLIP: TWO}, str(tmp_path / "o.mkv")),
        ({CLIP: ONE, OTHER: ONE}, str(tmp_path / "o.mkv")),
        ({CLIP: ONE}, None),
    ):
        assert named(orders, out) == orders


@pytest.mark.parametrize(
    ("name", "encoder", "sentence"),
    [
        (
            "o.webm",
            Encoder(),
            "a WebM holds VP8, VP9 or AV1 video only, and none of these is written here",
        ),
        ("o.avi", Encoder(), "an AVI cannot tell when each frame is shown; name it"),
        ("o.csv", Encoder(), "there is no video container called .csv; name it .mp4, .mov or .mkv"),
        ("o.mp4", Encoder("ffv1"), "an MP4 file holds no ffv1 here; name it .mkv, or choose --codec h264"),
        ("o.mp4", Encoder(NO_VIDEO), "the notes of filters are written as lines of JSON, not as .mp4; name"),
        ("o.json", Encoder(NO_VIDEO), "name the file .jsonl"),
    ],
)
def test_a_name_that_no_video_can_have_is_refused(tmp_path: Path, name: str, encoder: Encoder, sentence: str) -> None:
    order = replace(ONE, outputs=(replace(ONE.outputs[0], encoder=encoder),))
    with pytest.raises(UsageError, match=re.escape(sentence)):
        named({CLIP: order}, str(tmp_path / name))


def test_pictures_lie_in_the_folder_that_was_named(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    for out in ("new", "there", "new/"):
        place = places_for({PHOTOS: ONE}, str(tmp_path / out), tmp_path)[PHOTOS]
        assert place.path_of("j", "blur/deep/b.jpg") == tmp_path / Path(out) / "deep" / "b.jpg"
        assert place.path_of("j", "blur.metrics.json") == tmp_path / f"{Path(out)}.metrics.json"
    place = places_for({PHOTOS: TWO}, str(tmp_path / "there"), tmp_path)[PHOTOS]
    assert place.path_of("j", "edges/a.jpg") == tmp_path / "there" / "edges" / "a.jpg"


def test_what_is_called_like_a_picture_is_no_folder(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="name a folder"):
        named({PHOTOS: ONE}, str(tmp_path / "mine.jpg"))


def test_notes_on_pictures_get_the_name(tmp_path: Path) -> None:
    order = OutputRequest(["faces"], schemas(), Encoder(NO_VIDEO)).order(PHOTOS)
    place = places_for({PHOTOS: order}, str(tmp_path / "mine.jsonl"), tmp_path)[PHOTOS]
    assert place.path_of("j", "faces.annotations.jsonl") == tmp_path / "mine.jsonl"


def test_the_folder_of_the_pictures_is_never_written_to() -> None:
    with pytest.raises(UsageError, match="holds the sources"):
        places_for({PHOTOS: ONE}, "photos", Path("results"))


def test_files_of_the_whole_job_are_called_after_the_output(tmp_path: Path) -> None:
    place = places_for({CLIP: ONE}, str(tmp_path / "mine.mp4"), tmp_path)[CLIP]
    assert place.path_of("j", "metadata.json") == tmp_path / "mine.metadata.json"


def test_a_result_that_is_json_gets_the_name(tmp_path: Path) -> None:
    table = Material.single("table", "movies.csv")
    place = places_for({table: make_order("post_2000")}, str(tmp_path / "mine.json"), tmp_path)[table]
    assert place.path_of("j", "post_2000_results.json") == tmp_path / "mine.json"
    assert place.path_of("j", "post_2000.metrics.json") == tmp_path / "mine.metrics.json"


@pytest.mark.parametrize("name", ["m" * 251 + ".mp4", "ä" * 120, "m" * 171])
def test_a_name_that_leaves_no_room_for_the_files_beside_it_is_refused_first(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match="give a shorter one"):
        places_for({CLIP: ONE}, str(tmp_path / name), tmp_path)
    place = places_for({CLIP: ONE}, str(tmp_path / ("m" * 170)), tmp_path)[CLIP]
    for file in ("blur.mp4", "blur.annotations.jsonl", "metadata.json"):
        target = place.path_of("j" * 53, file)
        (tmp_path / f".{target.name}.{'j' * 53}.part").touch()
