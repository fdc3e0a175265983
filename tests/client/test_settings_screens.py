"""What `moviola config`, `moviola doctor` and a refused chain look like in a terminal."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from tests.ports import free_port
from tests.screen import LARGE, SMALL, Screen, Size

ROOT = Path(__file__).parents[2]
SIZES = pytest.mark.parametrize("size", [SMALL, LARGE], ids=["80x24", "160x45"])


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """Where nothing is said but where the cluster would be, and nothing runs."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MOVIOLA_")}
    state = tmp_path / "state"
    state.mkdir()
    (state / "secret").write_text("reel")
    (state / "secret").chmod(0o644)
    ports = {"MOVIOLA_PORT": str(free_port()), "MOVIOLA_AGGREGATOR_PORT": str(free_port())}
    return {**kept, **ports, "PYTHONPATH": str(ROOT), "MOVIOLA_STATE": "state", "LANG": "C.UTF-8", "PYTHONUTF8": "1"}


@SIZES
def test_the_doctor_says_what_is_wrong_and_below_it_what_to_do(
    size: Size, environment: dict[str, str], tmp_path: Path
) -> None:
    command = [sys.executable, "-m", "client.doctor"]
    with Screen(command, size=size, environment=environment, folder=tmp_path) as screen:
        assert screen.end() == 1
        lines = screen.everything.splitlines()
        colours = screen.colours
    assert lines[0].startswith("✓ Moviola      ")
    assert all(line[:2] in ("✓ ", "! ", "✗ ") or line.startswith(" " * 15) for line in lines[:-1])
    (secret,) = [number for number, line in enumerate(lines) if line.startswith("✗ secret       ")]
    below = lines[secret + 1 : secret + 4]
    assert any(line.startswith(" " * 15 + "→ make it readable for you alone: chmod 600 state/secret") for line in below)
    assert lines[-1].startswith("2 things are wrong")
    assert {"red", "green"} <= colours


@SIZES
def test_each_setting_has_one_line_with_who_says_it(size: Size, environment: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "moviola.toml").write_text('[send]\ncodec = "ffv1"\n')
    command = [sys.executable, "-m", "client.config", "send"]
    with Screen(command, size=size, environment=environment, folder=tmp_path) as screen:
        assert screen.end() == 0
        lines = screen.lines
        colours = screen.colours
    assert lines[0] == "[send]"
    assert 'codec = "ffv1"                              # ./moviola.toml' in lines
    assert "crf = 20                                    # default" in lines
    assert "cyan" in colours


@SIZES
def test_a_value_without_a_name_gets_the_step_that_was_meant(
    size: Size, environment: dict[str, str], tmp_path: Path
) -> None:
    command = [sys.executable, "-m", "client.file_sender", "clip.mp4", "--local", "-f", "blur:5"]
    with Screen(command, size=size, environment={**environment, "MOVIOLA_NO_SECRET": "1"}, folder=tmp_path) as screen:
        assert screen.end() == 2
        assert screen.prose == 'blur: "5" is the value of no parameter; did you mean "blur:radius=5"?'
