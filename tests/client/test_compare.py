"""What `moviola compare` says without a cluster: what cannot be compared, and one mode that is."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import moviola
from client import compare
from tests.closed import close
from tests.session.material import write_clip


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_clip(tmp_path_factory.mktemp("clips") / "clip.mp4")


@pytest.fixture(scope="module")
def broken(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("clips") / "broken.mp4"
    path.write_bytes(b"no video at all")
    return path


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["CLIP", "BROKEN"], "a comparison takes one source, but there are 2 videos; name one, or a folder"),
        (["none.mp4"], "none.mp4: there is no such file or folder"),
        (["CLIP", "--filters", "blurr"], 'did you mean "blur"?'),
        (["CLIP", "--quality", "3"], "--quality is for images, and there are only videos; leave it out"),
        (["CLIP", "--plugins", "none.py"], "none.py: there is no such file"),
        (["CLIP", "--plot", "BROKEN"], "broken.mp4 is there, and is left as it is; give another name"),
        (["CLIP", "--plot", "nowhere/a.svg"], "there is no folder nowhere"),
    ],
)
def test_what_cannot_be_compared_is_said_before_anything_is_done(
    clip: Path, broken: Path, arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    paths = {"CLIP": str(clip), "BROKEN": str(broken)}
    assert compare.main([paths.get(each, each) for each in arguments] + ["--mode", "sequential"]) == 2
    assert words in capsys.readouterr().err.replace("\n", " ")


def test_a_plot_that_cannot_be_written_is_said_before_anything_is_done(
    clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    close(tmp_path, monkeypatch)
    for name, words in (("a.svg", "nothing may be written to the folder"), ("below/a.svg", "there is no folder")):
        assert compare.main([str(clip), "--mode", "sequential", "--plot", str(tmp_path / name)]) == 2
        assert words in capsys.readouterr().err.replace("\n", " ")


@pytest.mark.parametrize(
    ("arguments", "words"), [(["--mode", "thread"], "threads"), (["--iterations", "0"], "from 1 to 10000")]
)
def test_what_a_flag_does_not_take_is_said(
    clip: Path, arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        compare.main([str(clip), *arguments])
    assert (ended.value.code, words in capsys.readouterr().err) == (2, True)


def test_a_cluster_that_is_named_has_to_be_there(clip: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert compare.main([str(clip), "--port", "1", "--no-secret"]) == 3
    assert "No middleware answers at localhost:1" in capsys.readouterr().err


def test_a_mode_that_fails_is_told_to_programs_and_to_people(broken: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert compare.main([str(broken), "--mode", "sequential", "--json"]) == 1
    told = capsys.readouterr()
    assert json.loads(told.out)["state"] == "failed"
    assert "broken.mp4: this is not a media file" in told.err


def test_python_raises_what_the_command_says(clip: Path, broken: Path) -> None:
    with pytest.raises(moviola.UsageError, match="there is no mode 'fast'"):
        moviola.compare(clip, modes=["fast"])
    with pytest.raises(moviola.UsageError, match="new has no effect on a comparison"):
        moviola.compare(clip, new=True)
    with pytest.raises(moviola.UsageError, match="quality is for images, and there are only videos"):
        moviola.compare(clip, quality=3)
    with pytest.raises(moviola.ComparisonFailed, match="this is not a media file") as failed:
        moviola.compare(broken, modes=["sequential"])
    assert failed.value.comparison.state == "failed"
