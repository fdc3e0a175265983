"""What a person is told before anything is sent, and what is refused because it would not be kept whole."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from rich.cells import cell_len

import moviola
from client.display.preflight import print_preflight, print_preflights
from client.file_sender import main
from moviola.display.terminal import Terminal
from moviola.media.fidelity import Fate, Finding, Trait
from moviola.media.preflight import Preflight
from moviola.wire.messages import Submit
from tests.client.in_process import run_typed
from tests.media.video.clips import encode
from tests.session.fakes import FakeCluster

SENTENCE = "stream 1 (audio, pcm_u8) is stored decoded, as ALAC: an MP4 file cannot hold it; a name that ends in"


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Its sound cannot be kept as it is in an MP4."""
    return encode(tmp_path_factory.mktemp("films") / "film.avi", "mpeg4", 10, sound="pcm_u8")


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("MOVIOLA_")]:
        monkeypatch.delenv(name)


def typed(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> tuple[int, str, str]:
    return run_typed(main, capsys, [str(argument) for argument in arguments])


def test_a_dry_run_tells_all_and_sends_nothing(
    film: Path, cluster: FakeCluster, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    to = ["--host", "127.0.0.1", "--port", str(cluster.port), "--out", str(tmp_path / "o.mp4")]
    status, out, _ = typed(capsys, film, *to, "--dry-run")
    assert status == 0
    lines = out.splitlines()
    assert "frame rate: 25 a second, constant" in lines
    assert any(line.startswith("stream 1: audio, pcm_u8, ") for line in lines)
    assert f"changed: {SENTENCE} .mov or .mkv keeps it" in lines
    assert "kept: frames are kept, all 10" in lines
    assert lines[-1] == "Nothing was sent. Not kept: 1 changed."
    assert cluster.count(Submit) == 0
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("way", ["cluster", "--local", "--dry-run"])
def test_strict_refuses_what_is_not_kept_and_names_it(
    film: Path, cluster: FakeCluster, tmp_path: Path, capsys: pytest.CaptureFixture[str], way: str
) -> None:
    flags = ["--host", "127.0.0.1", "--port", str(cluster.port)] if way == "cluster" else [way]
    status, out, err = typed(capsys, film, *flags, "--strict", "--out", tmp_path / "o.mp4")
    assert status == 2
    assert SENTENCE in " ".join((out + err).split())
    assert "--strict" in out + err
    assert cluster.count(Submit) == 0
    assert not list(tmp_path.iterdir())


def test_strict_does_what_is_kept_whole(film: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, _, err = typed(capsys, film, "--local", "--strict", "--out", tmp_path / "o.mov")
    assert (status, err) == (0, "")
    assert (tmp_path / "o.mov").exists()


def test_what_is_not_kept_is_said_once_and_before(
    film: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, _, err = typed(capsys, film, "--local", "--out", tmp_path / "o.mp4")
    assert status == 0
    assert " ".join(err.split()).count("is stored decoded") == 1


def test_of_a_batch_each_thing_is_told_once_with_how_many_it_is_true_of(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "films"
    folder.mkdir()
    for number, name in enumerate(("a.mp4", "b.mp4", "c.mp4")):
        encode(folder / name, "libx264", 5, pixel_format="yuv444p" if number else "yuv420p")
    sentence = "mpeg4 cannot hold yuv444p: converted to yuv420p (less chroma resolution)"
    status, out, _ = typed(capsys, folder, "--dry-run", "--codec", "mpeg4")
    lines = out.splitlines()
    assert status == 0
    assert [line.split("  ")[:2] for line in lines[:3]] == [
        ["kept", "a.mp4"],
        *(["1 changed", f"{one}.mp4"] for one in "bc"),
    ]
    assert next(line for line in lines if sentence in line).endswith("(2 of 3 sources)")
    assert lines[-1] == "Nothing was sent. Not kept in 2 sources of 3: 2 changed."
    status, out, _ = typed(capsys, folder, "--dry-run", "--json", "--codec", "mpeg4")
    objects = [json.loads(line) for line in out.splitlines()]
    assert [Path(one["source"]).name for one in objects] == ["a.mp4", "b.mp4", "c.mp4"]
    assert {one["state"] for one in objects} == {"looked at"}
    assert all(one["preflight"]["traits"] for one in objects)
    status, _, err = typed(capsys, folder, "--local", "--codec", "mpeg4", "--out", tmp_path / "out")
    told = [line for line in err.splitlines() if sentence in line]
    assert told[0].startswith("b.mp4: ")
    assert told[1].endswith("(the same for 2 sources)")
    assert len(told) == 2


def test_json_has_what_was_known_before(film: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = typed(capsys, film, "--local", "--json", "--out", tmp_path / "o.mp4")
    assert status == 0
    told = json.loads(out)["preflight"]
    (changed,) = [each for each in told["findings"] if each["fate"] == "changed"]
    assert changed["subject"] == "stream 1 (audio, pcm_u8)"
    assert {"name": "pixels", "value": "8 bits, 4:2:0 (yuv420p)"} in told["traits"]


def test_in_python(film: Path, tmp_path: Path) -> None:
    told = moviola.preflight(film, "blur")
    assert [each.fate for each in told.harms] == []
    with pytest.raises(moviola.UnreadableSource, match="is stored decoded"):
        moviola.process(film, "blur", out=tmp_path / "o.mp4", strict=True)
    assert not list(tmp_path.iterdir())


TOLD = Preflight(
    "a very long name of a film that somebody gave it.mkv",
    "video",
    [Trait("container", "Matroska / WebM, 10.000 s"), Trait("tags", ", ".join(f"tag{number}" for number in range(40)))],
    [
        Finding("frames", Fate.KEPT, "are kept, all 250"),
        Finding("stream 3 (attachment)", Fate.LOST, "is left out: an MP4 file cannot hold it; " + "long " * 30, "blur"),
        Finding("pixels of yuv444p12le", Fate.CHANGED, "are converted to yuv420p: mpeg4 cannot hold them"),
    ],
)


@pytest.mark.parametrize("width", [80, 120])
@pytest.mark.parametrize("count", [1, 3])
def test_tables_fit_a_terminal(width: int, count: int, capsys: pytest.CaptureFixture[str]) -> None:
    console = Terminal(width=width, force_terminal=True, color_system=None)
    if count == 1:
        print_preflight(console, TOLD)
    else:
        print_preflights(console, [TOLD] * count)
    lines = capsys.readouterr().out.splitlines()
    table = [line for line in lines if not line.startswith(TOLD.source) and "  a very long name" not in line]
    assert max(map(cell_len, table)) <= width
    fates = [word for line in lines for word in line.split()[:1] if word in ("lost", "changed", "kept")]
    assert fates == (["lost", "changed", "kept"] if count == 1 else ["lost", "changed"])


def test_no_colour_where_none_is_wanted(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    print_preflight(Terminal(force_terminal=True), TOLD)
    assert "\x1b[3" not in capsys.readouterr().out
