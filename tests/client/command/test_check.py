from __future__ import annotations

from pathlib import Path

import pytest

from client.command.check import main

PLUGIN = '''
from dataclasses import dataclass
from typing import ClassVar
from moviola.filters.base import Filter

@dataclass(frozen=True)
class Same(Filter):
    """As it was."""
    name: ClassVar[str] = "{name}"
    summary: ClassVar[str] = "as it was"

    def apply(self, picture, earlier):
        {body}
'''


@pytest.fixture(autouse=True)
def _no_plugins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("moviola.filters.registry._loaded", {})


def test_a_plugin_that_keeps_its_promises(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plugin = tmp_path / "same.py"
    plugin.write_text(PLUGIN.format(name="same", body="return picture"))
    assert main([str(plugin)]) == 0
    assert "same" in capsys.readouterr().out


def test_a_plugin_that_breaks_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plugin = tmp_path / "broken.py"
    plugin.write_text(PLUGIN.format(name="broken", body="raise ValueError('never')"))
    assert main([str(plugin)]) == 1
    assert "✗ broken" in capsys.readouterr().out


def test_a_clip_that_can_be_cut_and_one_that_cannot_be_read(
    clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(clip), "--chunk-frames", "3,auto"]) == 0
    assert "equal" in capsys.readouterr().out
    nothing = tmp_path / "nothing.mp4"
    nothing.write_bytes(b"")
    assert main([str(clip), str(nothing)]) == 2


def test_what_is_no_video_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main([str(tmp_path / "records.csv")])
    assert end.value.code == 2
    assert "records.csv is not a video" in capsys.readouterr().err
