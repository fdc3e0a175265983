"""A kind of material that none of the programs was written for: one folder (tests/media/audio) and one entry."""

from __future__ import annotations

import json
import wave
from pathlib import Path
from typing import Any

import pytest

from client.file_sender import main
from moviola.media import kinds
from moviola.session.sources import find
from tests.client.in_process import Typed, run_typed
from tests.media.audio import KIND
from tests.media.audio.sound import write

PEAKS = (0, 20_000, 500, 3_000, 0, 999, 1_000, 12_000, 7)
LOUD = [peak for peak in PEAKS if peak >= 1_000]


@pytest.fixture
def typed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Typed:
    """The command in this process, with the entry made."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(kinds.KINDS, KIND.name, KIND)

    def run(*arguments: str) -> tuple[int, str, str]:
        return run_typed(main, capsys, [*arguments, "--local"])

    return run


def peaks_of(path: str) -> list[int]:
    with wave.open(path) as file:
        data = memoryview(file.readframes(file.getnframes())).cast("h")
        step = file.getframerate() // 10
    return [data[start] for start in range(0, len(data), step)]


def one(shown: str) -> dict[str, Any]:
    (line,) = shown.splitlines()
    outcome = json.loads(line)
    (output,) = outcome["outputs"]
    return {**outcome, **output}


def test_it_is_filtered_by_what_its_record_says(typed: Typed) -> None:
    write(Path("beeps.wav"), PEAKS)
    status, out, err = typed("beeps.wav", "--json", "--out", "loud.wav")
    assert (status, err) == (0, "")
    made = one(out)
    assert made["path"].endswith("loud.wav")
    assert peaks_of(made["path"]) == LOUD
    assert (made["frames_in"], made["frames_out"]) == (len(PEAKS), len(LOUD))
    assert (made["state"], made["unit"]) == ("done", "block")
    cut = one(typed("beeps.wav", "--json", "--out", "other.wav", "--chunk-records", "1")[1])
    assert cut["digest"] == made["digest"]
    metrics = json.loads(Path(made["metrics_path"]).read_text())
    assert metrics["chunks"]["count"] == 3
    assert json.loads(Path("loud.metadata.json").read_text())["kind"] == "audio"


def test_it_is_found_in_folders_and_told_apart_from_others(typed: Typed, tmp_path: Path) -> None:
    folder = tmp_path / "mixed"
    folder.mkdir()
    for name in ("b.wav", "a.WAV", "t.csv"):
        (folder / name).touch()
    materials, complaints = find([folder])
    found = [(each.kind, each.name) for each in materials]
    assert found == [("audio", "a.WAV"), ("audio", "b.wav"), ("table", "t.csv")]
    assert not complaints


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--filters", "blur"], "the filter blur is for pictures, and this is a sound"),
        (["--codec", "ffv1"], "--codec is for videos, and there are only sounds; leave it out"),
        (["--out", "beeps.wav"], "beeps.wav is read and would be overwritten"),
    ],
)
def test_what_is_not_for_it_is_one_sentence(typed: Typed, arguments: list[str], words: str) -> None:
    write(Path("beeps.wav"), PEAKS)
    status, out, err = typed("beeps.wav", *arguments)
    assert (status, out) == (2, "")
    assert words in err.lower()


def test_a_damaged_one_is_one_sentence(typed: Typed) -> None:
    Path("noise.wav").write_bytes(b"RIFF????WAVE")
    status, _, err = typed("noise.wav")
    assert status == 2
    assert "noise.wav: this is no WAV file" in err


def test_the_help_names_it(typed: Typed) -> None:
    status, out, _ = typed("--help")
    assert status == 0
    shown = " ".join(out.split())
    assert "videos, images, tables, sounds, or their folders" in shown
    assert "for sounds where:column=peak:min=1000" in shown
