"""What a person sees while files are sent, on the screen of a terminal."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.screen import LARGE, SMALL, Screen, Size
from tests.session.fakes import FakeCluster
from tests.session.material import FRAMES

ROOT = Path(__file__).resolve().parents[2]
SIZES = pytest.mark.parametrize("size", [SMALL, LARGE], ids="{0[0]}x{0[1]}".format)
CTRL_C = "\x03"

Sending = Callable[..., Screen]


@pytest.fixture
def sending(tmp_path: Path) -> Sending:
    """`moviola send` in a terminal, in a folder of its own."""

    def send(cluster: FakeCluster, *arguments: str | Path, size: Size = SMALL, **environment: str) -> Screen:
        command = [sys.executable, "-m", "moviola", "send", "--host", "127.0.0.1", "--port", str(cluster.port)]
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("MOVIOLA_", "NO_COLOR"))}
        told = {**kept, "PYTHONPATH": str(ROOT), "MOVIOLA_RESULTS": "results", "LANG": "C.UTF-8", **environment}
        return Screen([*command, *map(str, arguments)], size=size, environment=told, folder=tmp_path)

    return send


def clips(clip: Path, folder: Path, *names: str) -> list[Path]:
    """Copies of a clip that differ in a byte behind its end, so that they are several sources."""
    folder.mkdir(exist_ok=True)
    for number, name in enumerate(names):
        shutil.copy(clip, folder / name)
        with (folder / name).open("ab") as file:
            file.write(b"\x00\x00\x00\x09free" + bytes([number]))
    return [folder / name for name in names]


def fits(screen: Screen) -> bool:
    """Whether no line was wrapped or cut by the terminal: each is shorter than the screen is wide."""
    return all(len(line) <= screen.width for line in screen.lines)


FIVE = ("a.mp4", "b.mp4", "c.mp4", "d.mp4", "e.mp4")


@SIZES
def test_one_file_has_a_bar_with_its_numbers(sending: Sending, cluster: FakeCluster, clip: Path, size: Size) -> None:
    cluster.script.never_finish = cluster.script.half_done = True
    with sending(cluster, clip, "-f", "blur", size=size) as screen:
        screen.until(lambda shown: "50%" in shown.text, "half of it done")
        bar = next(line for line in screen.lines if "50%" in line)
        assert bar.startswith("clip.mp4 ━")
        assert bar.count("━") == pytest.approx(bar.count("┄"), abs=1)
        assert f"processed {FRAMES // 2}/{FRAMES}" in bar
        assert screen.lines[-1] == bar
        screen.type(CTRL_C)
        assert screen.end() == 5
        assert "job job-0 goes on without us: " in screen.prose
        assert "moviola jobs cancel job-0 ends it." in screen.prose
        assert "━" not in screen.text


@SIZES
@pytest.mark.parametrize(("frames", "words"), [(0, None), (3, f"{FRAMES}      60.0           3")])
def test_frames_that_were_passed_on_unfiltered_are_said_so(
    sending: Sending, cluster: FakeCluster, clip: Path, size: Size, frames: int, words: str | None
) -> None:
    cluster.script.fallback_frames, cluster.script.final_state = frames, "partial" if frames else "done"
    with sending(cluster, clip, "-f", "blur", "-o", "blurred.mp4", size=size) as screen:
        assert screen.end() == (4 if frames else 0)
        table = "\n".join(screen.lines)
        assert "fallback" not in table
        assert ("unfiltered" in table) == bool(frames)
        assert words is None or words in table
        assert screen.lines[-1] == "blurred.mp4"


@SIZES
def test_a_batch_has_a_line_for_each_file_that_is_done_and_one_for_all(
    sending: Sending, cluster: FakeCluster, clip: Path, tmp_path: Path, size: Size
) -> None:
    cluster.script.finish_at_most, cluster.script.half_done = 3, True
    paths = clips(clip, tmp_path / "in", *FIVE)
    with sending(cluster, *paths, "-f", "blur", "-o", "out", size=size) as screen:
        screen.until(
            lambda shown: shown.text.count("50%") == 2 and shown.lines[-1].startswith("3 "), "three done, two half done"
        )
        *told, fourth, fifth, batch = screen.lines
        done = [line.removeprefix("done  ")[:5] for line in told if " → " in line]
        assert sorted([*done, fourth[:5], fifth[:5]]) == list(FIVE)
        assert batch.startswith("3 of 5  ")
        assert " 80%" in batch
        assert " frames/s" in batch
        assert batch.endswith(" left")
        assert len(done) == 3
        assert sum(f"/blur.mp4  {FRAMES} frames  60.0 frames/s" in line for line in told) == 3
        assert fits(screen)


@SIZES
def test_a_batch_that_is_done_leaves_its_lines_and_a_sum(
    sending: Sending, cluster: FakeCluster, clip: Path, tmp_path: Path, size: Size
) -> None:
    paths = clips(clip, tmp_path / "in", *FIVE)
    with sending(cluster, *paths, tmp_path / "missing.mp4", "-f", "blur", "-o", "out", size=size) as screen:
        assert screen.end() == 4
        assert sum(" → " in line for line in screen.lines) == 5
        assert screen.lines[-1].startswith("6 files in ")
        assert screen.lines[-1].endswith(" s: 5 done, 1 refused.")
        assert "━" not in screen.text
        assert "missing.mp4: there is no such file" in screen.prose


@SIZES
def test_ctrl_c_says_what_goes_on_what_was_never_sent_and_how_to_cancel(
    sending: Sending, cluster: FakeCluster, clip: Path, tmp_path: Path, size: Size
) -> None:
    """Two are taken up at once, and have enough for the cluster to do: then one ends, and no third is taken up."""
    cluster.script.finish_at_most, cluster.script.half_done = 0, True
    cluster.script.tasks_queued = 100
    paths = clips(clip, tmp_path / "in", *FIVE)
    with sending(cluster, *paths, "-f", "blur", "-o", "out", size=size) as screen:
        screen.until(lambda shown: shown.text.count("50%") == 2, "two half done")
        cluster.script.finish_at_most = 1
        screen.until(lambda shown: "50%" in shown.text and shown.lines[-1].startswith("1 of 5 "), "one done")
        screen.type(CTRL_C)
        assert screen.end() == 5
        told = screen.prose
        assert "Interrupted: 1 of 5 files done." in told
        assert "1 job goes on in the cluster: " in told
        assert ".mp4 (job-1)" in told
        assert f"3 files were never sent: {', '.join(FIVE[2:])}." in told
        assert (
            "The same command for these files goes on with them; python -m moviola jobs cancel JOB ends a job." in told
        )


@SIZES
def test_what_waits_says_how_long_it_has_and_will(
    sending: Sending, cluster: FakeCluster, clip: Path, size: Size
) -> None:
    cluster.script.never_finish = True
    cluster.script.pending = ("no-worker", "no worker is connected")
    with sending(cluster, clip, "-f", "blur", size=size) as screen:
        screen.until(
            lambda shown: shown.lines and shown.lines[-1].endswith(" s (no time limit): no worker is connected"),
            "how long it has waited",
        )
        assert screen.lines[-1].startswith("clip.mp4 waiting ")


@SIZES
def test_a_cluster_that_is_away_is_waited_for_so_long(sending: Sending, clip: Path, size: Size) -> None:
    with FakeCluster() as cluster:
        cluster.script.never_finish = cluster.script.half_done = True
        screen = sending(cluster, clip, "-f", "blur", size=size)
        screen.until(lambda shown: "50%" in shown.text, "half of it done")
    with screen:
        screen.until(lambda shown: " more): " in shown.text, "how long it will be waited for")
        assert "clip.mp4 waiting " in screen.prose
        assert " (9:5" in screen.prose
        assert "the connection is lost" in screen.prose


@pytest.mark.parametrize("size", [(40, 24), SMALL], ids="{0[0]}x{0[1]}".format)
def test_names_of_any_kind_spoil_no_screen(
    sending: Sending, cluster: FakeCluster, clip: Path, tmp_path: Path, size: Size
) -> None:
    cluster.script.never_finish = cluster.script.half_done = True
    names = ("new\nline.mp4", "\x1b[2Jwiped\x1b[31m.mp4", "映画のとても長い名前です.mp4", "x" * 120 + ".mp4")
    paths = clips(clip, tmp_path / "in", *names)
    with sending(cluster, *paths, "-f", "blur", "-o", "out", size=size) as screen:
        screen.until(lambda shown: shown.text.count("50%") == 5, "all of them half done")
        bars = screen.lines[-5:]
        assert all("━" in bar for bar in bars)
        assert bars[-1].startswith("0 of 4  ")
        assert fits(screen)


def test_no_colour_where_nobody_wants_one(sending: Sending, cluster: FakeCluster, clip: Path) -> None:
    cluster.script.never_finish = cluster.script.half_done = True
    with sending(cluster, clip, "-f", "blur", NO_COLOR="1") as screen:
        screen.until(lambda shown: "50%" in shown.text, "half of it done")
        assert screen.colours == {"default"}


def test_a_terminal_that_cannot_move_its_cursor_gets_plain_lines(
    sending: Sending, cluster: FakeCluster, clip: Path
) -> None:
    cluster.script.never_finish = True
    cluster.script.pending = ("no-worker", "no worker is connected")
    with sending(cluster, clip, "-f", "blur", TERM="dumb") as screen:
        screen.until(lambda shown: "clip.mp4: waiting " in shown.text, "a plain line")
        assert screen.colours == {"default"}
