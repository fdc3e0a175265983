from __future__ import annotations

import gzip
import json
from collections.abc import Sequence
from pathlib import Path

import pytest

import moviola
from client.verify import main
from moviola.filters.chain import Step
from moviola.media.local import run_local
from moviola.media.manifest import SUFFIX
from moviola.media.material import Cutting, Encoder, Material, Output
from tests.client.in_process import Typed, on_a_plain_terminal, run_typed
from tests.closed import close
from tests.media.images.pictures import corners, encoded
from tests.media.video.clips import encode
from tests.verification.spoiling import remuxed


@pytest.fixture(scope="module")
def job(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a clip, and two results of it with their manifests."""
    folder = tmp_path_factory.mktemp("job")
    clip = encode(folder / "clip.mp4", "mpeg4", 12, sound="aac")
    outputs = [Output(name, (Step("identity", {}),), Encoder("mpeg4")) for name in ("one", "two")]
    run_local(Material.single("video", clip), outputs, Cutting(chunk_frames=4), folder.joinpath)
    return folder


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Typed:
    on_a_plain_terminal(monkeypatch)

    def run(*arguments: str | Path) -> tuple[int, str, str]:
        texts: Sequence[str] = [str(each) for each in arguments]
        return run_typed(main, capsys, texts)

    return run


def test_complete_results_of_a_jobs_folder(job: Path, typed: Typed) -> None:
    status, out, err = typed(job)
    assert (status, err) == (0, "")
    assert "one.mp4 is complete.\n  file: the one that was made\n  frames: 12 of 12 as they were made" in out
    assert "two.mp4 is complete." in out


def test_with_the_source(job: Path, typed: Typed) -> None:
    status, out, _ = typed(job / "one.mp4", "--source", job / "clip.mp4")
    assert status == 0
    assert "source: the one it was made of, of 12 frames" in out
    status, out, _ = typed(job / "one.mp4", "--source", job / "two.mp4")
    assert status == 1
    assert "two.mp4 is not the source: its xxh3 is" in out


def test_what_is_wrong_is_said_and_is_the_exit_status(job: Path, tmp_path: Path, typed: Typed) -> None:
    copy = remuxed(job / "one.mp4", tmp_path / "copy.mp4", lambda video, sound: ([*video[:5], *video[7:]], sound))
    manifest = job / f"one{SUFFIX}"
    status, out, _ = typed(copy, "--manifest", manifest)
    assert status == 1
    assert out.startswith("copy.mp4 is not complete.\nFrames 5 and 6 (0.200–0.240 s) are missing.\n")
    status, out, _ = typed(copy, "--manifest", manifest, "--json", "--no-decode")
    told = json.loads(out)
    assert (status, told["complete"], told["verdict"], told["frames_found"]) == (1, False, "incomplete", 10)
    assert told["problems"] == [
        {
            "fault": "missing",
            "subject": "frames",
            "text": "Frames 5 and 6 (0.200–0.240 s) are missing",
            "first": 5,
            "last": 6,
            "start_s": 0.2,
            "end_s": 0.24,
        }
    ]
    assert typed(copy, "--manifest", manifest, "--quiet") == (1, "", "")


def test_what_cannot_be_verified_is_wrong_usage(job: Path, tmp_path: Path, typed: Typed) -> None:
    status, out, err = typed(job / "clip.mp4")
    assert (status, out) == (2, "")
    assert "clip.mp4 has no manifest beside it" in err
    assert typed(tmp_path / "nowhere.mp4", "--manifest", job / f"one{SUFFIX}")[0] == 2
    (tmp_path / "a.mp4").write_bytes(b"")
    (tmp_path / f"a{SUFFIX}").write_bytes(gzip.compress(b"nonsense\n"))
    status, _, err = typed(tmp_path / "a.mp4")
    assert status == 2
    assert "is not a manifest" in err
    status, _, err = typed(job / "one.mp4", job / "two.mp4", "--manifest", job / f"one{SUFFIX}")
    assert (status, "verify them one by one" in err) == (2, True)
    assert typed(tmp_path / "empty" / "..")[0] == 2


def test_what_this_user_may_not_see_is_one_sentence(
    tmp_path: Path, typed: Typed, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ("x" * 250)).mkdir()
    status, _, err = typed(tmp_path / ("x" * 250))
    assert (status, "has no manifest beside it" in err) == (2, True)
    close(tmp_path, monkeypatch)
    status, _, err = typed(tmp_path / "a.mp4")
    assert status == 2
    assert err.endswith("a.mp4: Permission denied.\n")


def test_python(job: Path, tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    found = moviola.verify(job / "one.mp4", source=job / "clip.mp4", progress=lambda *each: told.append(each))
    assert found.complete
    assert told[-1] == (12, 12)
    frames = list(moviola.read_manifest(job / f"one{SUFFIX}").frames())
    assert [frame.source_frame for frame in frames] == list(range(12))
    with pytest.raises(moviola.UsageError, match="has no manifest beside it"):
        moviola.verify(job / "clip.mp4")


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """An output of pictures, a folder with its manifest beside it, in a job's folder."""
    files = [(name, tmp_path / name) for name in ("a.png", "b.png")]
    for _, path in files:
        path.write_bytes(encoded(corners(16, 8)))
    folder = tmp_path / "job"
    output = Output("out", (Step("identity", {}),), Encoder())
    run_local(Material("images", "photos", tuple(files)), [output], Cutting(), folder.joinpath)
    return folder / "out"


@pytest.mark.parametrize("where", [".", "../out", "./../out/.", "sub/.."])
def test_an_output_of_pictures_that_one_stands_in(
    pictures: Path, typed: Typed, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    monkeypatch.chdir(pictures)
    (pictures / "sub").mkdir()
    status, out, err = typed(where)
    assert (status, err) == (0, "")
    assert out.startswith("out is complete.")
    assert moviola.verify(where).complete


@pytest.mark.parametrize("where", [".", "out/.."])
def test_the_folder_of_a_job_that_one_stands_in(
    pictures: Path, typed: Typed, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    monkeypatch.chdir(pictures.parent)
    assert typed(where)[1].startswith("out is complete.")


def test_a_link_to_an_output_goes_by_its_own_name(pictures: Path, typed: Typed) -> None:
    link = pictures.parent / "link"
    link.symlink_to(pictures)
    status, _, err = typed(link)
    assert (status, err.split(" has ")[0]) == (2, str(link))
    (pictures.parent / f"link{SUFFIX}").write_bytes((pictures.parent / f"out{SUFFIX}").read_bytes())
    assert typed(link)[1].startswith("link is complete.")


@pytest.mark.parametrize("where", ["/", "."])
def test_a_folder_with_nothing_of_ours_is_one_sentence(
    tmp_path: Path, typed: Typed, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    monkeypatch.chdir(tmp_path)
    status, out, err = typed(where)
    assert (status, out) == (2, "")
    assert f"{where if where == '/' else tmp_path} has no manifest beside it" in err
