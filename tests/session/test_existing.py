"""What is there already where files shall go: with real files, and jobs that `--local` does."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from moviola.filters.registry import schemas
from moviola.media.material import NO_VIDEO, Encoder, Material
from moviola.session import local
from moviola.session.existing import Destination, settle
from moviola.session.order import OutputRequest
from moviola.session.outcome import Outcome, Status
from moviola.session.sources import find
from moviola.session.target import UsageError
from moviola.session.views import Display, JobView
from tests.session.material import write_clip

CSV = "id,release_date\n1,1999-01-01\n2,2005-01-01\n"


class _Nowhere(Display):
    interval_s = 1.0

    def show(self, views: Sequence[JobView], now: float) -> None: ...

    def say(self, text: str) -> None: ...

    def remark(self, text: str) -> None: ...

    def close(self) -> None: ...


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return write_clip(tmp_path / "clip.mp4")


def settled_all(
    sources: Sequence[Path], out: Path | str, *chains: str, encoder: Encoder | None = None, overwrite: bool = False
) -> dict[Material, Destination]:
    """Where the results of each source go."""
    materials, complaints = find(sources)
    assert not complaints
    wishes = OutputRequest(chains or ["blur"], schemas(), encoder)
    orders = {material: wishes.order(material) for material in materials}
    return settle(orders, str(out), Path("nowhere"), overwrite=overwrite)


def settled(
    source: Path, out: Path | str, *chains: str, encoder: Encoder | None = None, overwrite: bool = False
) -> Destination:
    ((_, destination),) = settled_all([source], out, *chains, encoder=encoder, overwrite=overwrite).items()
    return destination


def run(material: Material, destination: Destination) -> Outcome:
    return local.run(material, destination.order, destination.place, _Nowhere())


def made(source: Path, out: Path | str, *chains: str) -> Outcome:
    """The outcome of a whole job."""
    ((material, destination),) = settled_all([source], out, *chains).items()
    assert destination.finished is None
    return run(material, destination)


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@contextmanager
def untouched(folder: Path) -> Iterator[None]:
    """Nothing in the folder is changed by the block, and nothing comes."""
    before = contents(folder)
    yield
    assert contents(folder) == before


@pytest.mark.parametrize(
    "name",
    ["mine.mp4", "mine.metrics.json", "mine.metadata.json", "mine.annotations.jsonl", "mine.manifest.jsonl.gz"],
    ids=lambda name: name,
)
def test_a_file_that_is_there_is_refused_also_one_of_those_beside(tmp_path: Path, clip: Path, name: str) -> None:
    (tmp_path / name).write_text("precious")
    with untouched(tmp_path), pytest.raises(UsageError, match=f"{name} is there already; --overwrite"):
        settled(clip, tmp_path / "mine.mp4")
    assert settled(clip, tmp_path / "mine.mp4", overwrite=True).place.overwrite


def test_so_it_is_of_each_file_in_a_folder(tmp_path: Path, clip: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "edges.mp4").write_text("precious")
    (out / "metadata.json").write_text("precious")
    with untouched(tmp_path), pytest.raises(UsageError, match=r"edges.mp4 and 1 file more are there already"):
        settled(clip, out, "blur", "edges")
    (out / "edges.mp4").unlink()
    (out / "metadata.json").unlink()
    (out / "blur.mkv").write_text("it will be MP4, so this is not in the way")
    (out / "notes.txt").write_text("nor is this")
    assert settled(clip, out, "blur", "edges").finished is None


def test_several_sources_are_all_looked_at_first(tmp_path: Path, clip: Path) -> None:
    other = write_clip(tmp_path / "other.mp4", seed=1)
    out = tmp_path / "out"
    (out / "other").mkdir(parents=True)
    (out / "other" / "blur.mp4").write_text("precious")
    with pytest.raises(UsageError, match=r"other/blur.mp4 is there already"):
        settled_all([clip, other], out)


def test_the_result_of_the_same_job_is_known_again(tmp_path: Path, clip: Path) -> None:
    first = made(clip, tmp_path / "mine.mp4", "blur:radius=3")
    with untouched(tmp_path):
        again = settled(clip, tmp_path / "mine.mp4", "blur:radius=3").finished
    assert again is not None
    assert (again.status, again.state, again.outputs) == (Status.DONE, "done", first.outputs)
    assert "mine.mp4 is there already, made of this source in this way" in again.reason


def test_so_is_that_in_a_folder_under_another_name_of_the_source(tmp_path: Path, clip: Path) -> None:
    (tmp_path / "out").mkdir()
    made(clip, tmp_path / "out", "blur", "edges")
    assert settled(clip.rename(tmp_path / "same.mp4"), tmp_path / "out", "blur", "edges").finished is not None


@pytest.mark.parametrize("source", ["photos", "movies.csv"])
def test_so_are_pictures_and_tables(tmp_path: Path, source: str) -> None:
    (tmp_path / "movies.csv").write_text(CSV)
    (tmp_path / "photos" / "deep").mkdir(parents=True)
    for name in ("a.png", "deep/b.png"):
        Image.fromarray(np.full((8, 8, 3), 90, np.uint8)).save(tmp_path / "photos" / name)
    chain, out = ("blur", "better") if source == "photos" else ("post_2000", "kept.json")
    assert made(tmp_path / source, tmp_path / out, chain).status is Status.DONE
    assert settled(tmp_path / source, tmp_path / out, chain).finished is not None
    assert settled(tmp_path / source, tmp_path / out, chain, overwrite=True).finished is None
    changed = tmp_path / ("better/deep/b.png" if source == "photos" else "kept.json")
    changed.write_bytes(changed.read_bytes() + b" ")
    with untouched(tmp_path), pytest.raises(UsageError, match="already; --overwrite"):
        settled(tmp_path / source, tmp_path / out, chain)


def test_a_picture_alone_gets_a_files_name_which_says_its_format(tmp_path: Path) -> None:
    picture = tmp_path / "a.png"
    Image.fromarray(np.full((8, 8, 3), 90, np.uint8)).save(picture)
    outcome = made(picture, tmp_path / "mine.jpg")
    assert outcome.outputs[0].path == str(tmp_path / "mine.jpg")
    with Image.open(tmp_path / "mine.jpg") as image:
        assert image.format == "JPEG"
    assert sorted(contents(tmp_path)) == [
        "a.png",
        "mine.jpg",
        "mine.manifest.jsonl.gz",
        "mine.metadata.json",
        "mine.metrics.json",
    ]
    with untouched(tmp_path):
        assert settled(picture, tmp_path / "mine.jpg").finished is not None
        for name, chain in (("mine.jpg", "edges"), ("a.png", "blur")):
            with pytest.raises(UsageError, match=r"already; --overwrite|would be overwritten"):
                settled(picture, tmp_path / name, chain)
    assert made(picture, f"{tmp_path}/folder/").outputs[0].path == f"{tmp_path}/folder"
    assert (tmp_path / "folder" / "a.png").is_file()


@pytest.mark.parametrize(
    ("name", "encoder", "words"),
    [
        ("mine.mp4", Encoder(), "there is no picture format called .mp4; name it .jpg, "),
        ("mine.png", Encoder(format="webp"), "the name says .png, and --format says webp"),
        ("pages.jpg", Encoder(), "pages.gif holds 2 pictures, and each becomes a file; name a folder"),
    ],
)
def test_a_name_that_a_picture_cannot_have_is_refused(tmp_path: Path, name: str, encoder: Encoder, words: str) -> None:
    picture = tmp_path / name.replace("mine", "a").replace(".png", ".gif").replace(".jpg", ".gif").replace(
        ".mp4", ".gif"
    )
    pages = [Image.new("RGB", (8, 8), colour) for colour in ("red", "blue")[: 1 + name.startswith("pages")]]
    pages[0].save(picture, save_all=True, append_images=pages[1:])
    with untouched(tmp_path), pytest.raises(UsageError, match=words):
        settled(picture, tmp_path / name, encoder=encoder)


def test_several_outputs_get_no_files_name(tmp_path: Path, clip: Path) -> None:
    with (
        untouched(tmp_path),
        pytest.raises(UsageError, match=r"o.mp4 is a name for one file, and there"),
    ):
        settled(clip, tmp_path / "o.mp4", "blur", "edges")


def test_notes_alone_are_known_again(tmp_path: Path, clip: Path) -> None:
    made(clip, tmp_path / "notes.jsonl", "metadata")
    assert settled(clip, tmp_path / "notes.jsonl", "metadata").finished is not None


def test_another_job_is_not(tmp_path: Path, clip: Path) -> None:
    made(clip, tmp_path / "mine.mp4")
    other = write_clip(tmp_path / "other.mp4", seed=1)
    for source, chain, encoder in (
        (other, "blur", None),
        (clip, "edges", None),
        (clip, "blur:radius=9", None),
        (clip, "blur", Encoder(crf=30)),
        (clip, "blur", Encoder("hevc")),
    ):
        with untouched(tmp_path), pytest.raises(UsageError, match=r"mine.mp4 and 3 files more are there already"):
            settled(source, tmp_path / "mine.mp4", chain, encoder=encoder)


def test_nor_is_what_was_changed_since(tmp_path: Path, clip: Path) -> None:
    made(clip, tmp_path / "mine.mp4")
    mine, told = tmp_path / "mine.mp4", tmp_path / "mine.metrics.json"
    as_made = told.read_text()
    for text in (json.dumps(json.loads(as_made) | {"digest": "0" * 64}), "[" * 100_000, "{}"):
        told.write_text(text)
        with pytest.raises(UsageError, match=r"mine.mp4 and 3 files more are there already"):
            settled(clip, mine)
    told.write_text(as_made)
    assert settled(clip, mine).finished is not None
    mine.write_bytes(mine.read_bytes() + b"\0")
    with pytest.raises(UsageError, match=r"mine.mp4 and 3 files more are there already"):
        settled(clip, mine)


def test_what_the_same_job_left_of_a_whole_may_be_replaced_and_nothing_else(tmp_path: Path, clip: Path) -> None:
    out = tmp_path / "out"
    made(clip, out, "blur", "edges")
    (out / "edges.mp4").unlink()
    assert made(clip, out, "blur", "edges").status is Status.DONE
    (out / "blur.mp4").unlink()
    (out / "edges.mp4").write_text("precious")
    with pytest.raises(UsageError, match=r"edges.mp4 and 2 files more are there already"):
        settled(clip, out, "blur", "edges")


def test_sources_are_never_written_to(tmp_path: Path, clip: Path) -> None:
    os.link(clip, tmp_path / "hard.mp4")
    (tmp_path / "soft.mp4").symlink_to("clip.mp4")
    (tmp_path / "round").symlink_to(".")
    for name in ("clip.mp4", "hard.mp4", "soft.mp4", "round/clip.mp4"):
        with untouched(tmp_path), pytest.raises(UsageError, match=r"is read,? and would be overwritten"):
            settled(clip, tmp_path / name, overwrite=True)


def test_nor_is_a_file_that_a_filter_names(tmp_path: Path, clip: Path) -> None:
    logo = tmp_path / "logo.png"
    Image.new("RGBA", (4, 4)).save(logo)
    (tmp_path / "mine.mp4").symlink_to("logo.png")
    with untouched(tmp_path), pytest.raises(UsageError, match=r"logo.png, which is read, and would be overwritten"):
        settled(clip, tmp_path / "mine.mp4", f"watermark:file={logo}", overwrite=True)


def test_two_outputs_never_go_to_one_file(tmp_path: Path, clip: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "blur.mp4").symlink_to("edges.mp4")
    with pytest.raises(UsageError, match="two outputs go there"):
        settled(clip, out, "blur", "edges", overwrite=True)


def test_a_link_stays_and_what_it_leads_to_is_written(tmp_path: Path, clip: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    link = tmp_path / "mine.mp4"
    link.symlink_to("elsewhere/real.mp4")
    assert made(clip, link).status is Status.DONE
    assert link.is_symlink()
    assert {path.name for path in (tmp_path / "elsewhere").iterdir()} == {"real.mp4"}
    assert settled(clip, link).finished is not None
    (tmp_path / "elsewhere" / "real.mp4").write_text("precious")
    with pytest.raises(UsageError, match=r"mine.mp4 and 3 files more are there already"):
        settled(clip, link)


def test_a_link_that_leads_nowhere_is_refused(tmp_path: Path, clip: Path) -> None:
    link = tmp_path / "mine.mp4"
    link.symlink_to("gone/real.mp4")
    with pytest.raises(UsageError, match=r"gone/real.mp4, whose folder does not exist"):
        settled(clip, link)
    link.unlink()
    link.symlink_to("mine.mp4")
    with pytest.raises(UsageError, match="give another name"):
        settled(clip, link, overwrite=True)


def test_what_is_no_file_is_refused(tmp_path: Path, clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    os.mkfifo("fifo")
    Path("blur.mp4").mkdir()
    Path("to").symlink_to("fifo")
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind("bound")
        for out, noun in (
            ("/dev/null", "a device"),
            ("fifo", "a pipe"),
            ("to", "a pipe"),
            ("bound", "a socket"),
            ("./", "a folder"),
        ):
            with pytest.raises(UsageError, match=f"is {noun}, not an ordinary file; give a file's name, or - for"):
                settled(clip, out, overwrite=True)
    for out in ("/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"):
        with pytest.raises(UsageError, match="--out - writes to standard output"):
            settled(clip, out, overwrite=True)


def test_a_folder_of_pictures_with_something_in_it_is_refused(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "better").mkdir()
    Image.new("RGB", (8, 8)).save(tmp_path / "photos" / "a.png")
    assert settled(tmp_path / "photos", tmp_path / "better").finished is None
    (tmp_path / "better" / "a.png").write_text("precious")
    with untouched(tmp_path), pytest.raises(UsageError, match="better is there already"):
        settled(tmp_path / "photos", tmp_path / "better")


def test_what_appears_while_the_job_runs_is_left_as_it_is(tmp_path: Path, clip: Path) -> None:
    ((material, destination),) = settled_all([clip], tmp_path / "mine.mp4").items()
    (tmp_path / "mine.mp4").write_text("precious")
    outcome = run(material, destination)
    assert (outcome.status, (tmp_path / "mine.mp4").read_text()) == (Status.FAILED, "precious")
    folder = tmp_path / outcome.job_id
    assert outcome.reason.endswith(f"mine.mp4 is there, and is left as it is; what was made instead is in {folder}")
    assert {path.name for path in folder.iterdir()} == {
        "blur.mp4",
        "blur.manifest.jsonl.gz",
        "blur.metrics.json",
        "metadata.json",
    }


def test_a_source_that_appears_under_the_results_name_stays_even_with_overwrite(tmp_path: Path, clip: Path) -> None:
    ((material, destination),) = settled_all([clip], tmp_path / "mine.mp4", overwrite=True).items()
    os.link(clip, tmp_path / "mine.mp4")
    outcome = run(material, destination)
    assert outcome.status is Status.FAILED
    assert "is a source of this command" in outcome.reason
    assert os.path.samefile(clip, tmp_path / "mine.mp4")


def test_without_video_the_name_of_a_video_is_refused(tmp_path: Path, clip: Path) -> None:
    with pytest.raises(UsageError, match=r"not as \.mp4; name the file \.jsonl"):
        settled(clip, tmp_path / "notes.mp4", "faces", encoder=Encoder(NO_VIDEO))


def test_the_name_of_a_table_may_be_that_of_csv(tmp_path: Path) -> None:
    table = tmp_path / "movies.csv"
    table.write_text(CSV)
    assert made(table, tmp_path / "kept.csv", "post_2000").status is Status.DONE
    assert (tmp_path / "kept.csv").read_text() == "id,release_date\n2,2005-01-01\n"
    assert settled(table, tmp_path / "kept.csv", "post_2000").finished is not None
    with pytest.raises(UsageError, match=r"kept.metrics.json and 2 files more are there already"):
        settled(table, tmp_path / "kept.json", "post_2000")
    with pytest.raises(UsageError, match=r"and .mp4 is neither; name it .json or .csv"):
        settled(table, tmp_path / "kept.mp4", "post_2000")
