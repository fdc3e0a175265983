"""The ways to compute a job without a cluster: all give the same files."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from moviola.filters.chain import Step
from moviola.media.computing import IN_SEQUENCE, Computed, Computing, Processes, Setup, Task, Threads
from moviola.media.errors import MediaError
from moviola.media.local import run_local
from moviola.media.material import Cutting, Encoder, Material, Output
from tests.media.images.pictures import corners, encoded
from tests.media.video.clips import encode

CHAIN = (Step("denoise", {}), Step("background", {"samples": 3}))
"""Looks back at earlier frames, also at those of the chunk before."""

LIMIT = 4


@pytest.fixture(scope="module")
def processes() -> Iterator[Processes]:
    with Processes(2, Setup()) as made:
        yield made


def digests(material: Material, output: Output, folder: Path, computing: Computing) -> str:
    (made,) = run_local(material, [output], Cutting(chunk_frames=4), folder.joinpath, computing=computing)
    return made.spliced.digest


def test_all_ways_make_the_same_of_a_clip_and_of_pictures(processes: Processes, tmp_path: Path) -> None:
    clip = Material.single("video", encode(tmp_path / "clip.mp4", "libx264", 24, options={"g": "4"}))
    for number in range(9):
        (tmp_path / f"{number}.png").write_bytes(encoded(corners(40 + number, 32)))
    pictures = Material("images", "pictures", tuple((f"{each}.png", tmp_path / f"{each}.png") for each in range(9)))
    for name, material, output in (
        ("clip", clip, Output("out", CHAIN, Encoder(preset="ultrafast"))),
        ("pictures", pictures, Output("out", (Step("blur", {"radius": 2}),), Encoder())),
    ):
        with Threads(3) as threads:
            ways: dict[str, Computing] = {"sequence": IN_SEQUENCE, "threads": threads, "processes": processes}
            made = {way: digests(material, output, tmp_path / name / way, computing) for way, computing in ways.items()}
        assert len(set(made.values())) == 1, made


class _Gated(Task):
    """A task that tells its number once a gate is open."""

    def __init__(self, number: int, gate: threading.Event) -> None:
        object.__setattr__(self, "payload", bytes([number]))
        object.__setattr__(self, "source", gate)

    __slots__ = ()

    def compute(self) -> Computed:
        gate = self.source
        assert isinstance(gate, threading.Event)
        assert gate.wait(60)
        return Computed(0, self.payload[0], 1, self.payload, "")


def test_results_come_in_the_order_of_the_tasks_and_few_are_read_ahead() -> None:
    """The first task is the last one that ends."""
    taken: list[int] = []
    gates = [threading.Event() for _ in range(10)]
    for gate in gates[1:]:
        gate.set()

    def tasks() -> Iterator[Task]:
        for number, gate in enumerate(gates):
            taken.append(number)
            if number == LIMIT - 1:
                gates[0].set()  # by now as many are begun as may be
            yield _Gated(number, gate)

    with Threads(2) as computing:
        results = computing.results(tasks())
        assert next(results).index == 0
        assert taken == [0, 1, 2, 3]
        assert [each.index for each in results] == [1, 2, 3, 4, 5, 6, 7, 8, 9]


def test_what_goes_wrong_in_a_process_is_told(processes: Processes, tmp_path: Path) -> None:
    task = Task("images", {}, b"no chunk", Output("out", (Step("blur", {}),), Encoder()))
    with pytest.raises(MediaError) as here:
        task.compute()
    with pytest.raises(MediaError) as there:
        list(processes.results([task]))
    assert str(there.value) == str(here.value)
    unknown = Task("images", {}, b"", Output("out", (Step("blurr", {}),), Encoder()))
    with pytest.raises(MediaError, match='no filter "blurr"'):
        list(processes.results([unknown]))


def test_a_process_that_is_killed_ends_the_job_with_a_sentence() -> None:
    with ExitStack() as stack:
        made = stack.enter_context(Processes(1, Setup()))
        os.kill(made.process_ids[0], signal.SIGKILL)
        task = Task("images", {}, b"", Output("out", (Step("blur", {}),), Encoder()))
        with pytest.raises(MediaError, match="a process that computed a chunk ended with signal SIGKILL"):
            list(made.results([task]))


def test_processes_have_the_filters_of_files(tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text("no filter")
    with pytest.raises(MediaError, match="broken"):
        Processes(2, Setup((tmp_path / "broken.py",)))
