"""Batches of many files through real processes: every worker has something to do while there is something to do."""

from __future__ import annotations

import json
from collections import Counter
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from moviola.session.batch import MAX_JOBS
from moviola.wire.limits import MIB
from tests.end_to_end.clips import moving
from tests.end_to_end.cluster import LocalCluster
from tests.end_to_end.faults.witness import PLUGINS
from tests.waiting import until

CLIPS, WORKERS = 20, 8
FRAMES = 8
"""Of a clip: one chunk."""

TINY_CLIPS = 2000
MOST_DESCRIPTORS = 3 * MAX_JOBS
"""What so many jobs take at most; sources, pipes and the interpreter's own have room in it too."""

GROWTH = 16 * MIB
"""Of memory, from a quarter of the batch to its end: results are remembered, 1 to 2 KiB each."""


def waiting(folder: Path) -> dict[str, Path]:
    """Tasks at the turnstile that have no pass yet, by the process of the worker that has come with each; the one that
    came first is the first."""
    tickets = [path for path in folder.glob("*.waits") if not path.with_suffix(".pass").exists()]
    return {path.name.split("-")[0]: path for path in sorted(tickets, key=lambda path: int(path.stem.split("-")[1]))}


def test_twenty_short_clips_keep_all_eight_workers_at_work(tmp_path: Path) -> None:
    """Every worker is held in the middle of a task. Whenever the one that has come first may go on, as if all tasks
    took the same time, it comes back with another task."""
    source, turnstile = tmp_path / "clips", tmp_path / "turnstile"
    source.mkdir()
    turnstile.mkdir()
    for number in range(CLIPS):
        moving(source / f"clip{number:02}.mp4", frames=FRAMES, size=(96 + 16 * number, 64))
    with LocalCluster(
        tmp_path,
        workers=WORKERS,
        worker_arguments=("--plugins", str(PLUGINS)),
        middleware_arguments=("--stall-timeout", "600"),
    ) as cluster:
        cluster.wait(WORKERS)
        sender = cluster.begin(str(source), "--filters", f"turnstile:folder={turnstile}")
        for ended in range(CLIPS - WORKERS + 1):
            until(lambda: len(waiting(turnstile)) == WORKERS, f"all {WORKERS} workers at work after {ended} clips")
            if ended < CLIPS - WORKERS:
                next(iter(waiting(turnstile).values())).with_suffix(".pass").touch()

        def are_all_through() -> bool:
            for ticket in waiting(turnstile).values():
                ticket.with_suffix(".pass").touch()
            return sender.poll() is not None

        until(are_all_through, "the batch to end")
        out, err = sender.communicate()
    assert sender.returncode == 0, err
    outcomes = [json.loads(line) for line in out.splitlines()]
    assert len(outcomes) == CLIPS
    chunks: Counter[str] = Counter()
    for outcome in outcomes:
        metrics = json.loads(Path(outcome["outputs"][0]["metrics_path"]).read_text())
        chunks.update({worker["name"]: worker["chunks"] for worker in metrics["workers"]})
    assert chunks.total() == CLIPS
    assert len(chunks) == WORKERS


@pytest.mark.suite("long")
@pytest.mark.timeout(900)
def test_two_thousand_tiny_clips_take_no_more_than_a_few(tmp_path: Path) -> None:
    """What the sender holds does not grow with the batch."""
    source = tmp_path / "clips"
    source.mkdir()
    clip = moving(tmp_path / "clip.mp4", frames=4, size=(64, 48)).read_bytes()
    for number in range(TINY_CLIPS):
        (source / f"clip{number:04}.mp4").write_bytes(clip + b"\x00\x00\x00\x0cfree" + number.to_bytes(4, "big"))
    with LocalCluster(tmp_path, workers=2) as cluster:
        cluster.wait(2)
        out = tmp_path / "out.jsonl"
        with out.open("w") as file, (tmp_path / "err.txt").open("w") as err:
            sender = cluster.begin(str(source), "--filters", "blur", stdout=file, stderr=err)
        process = psutil.Process(sender.pid)
        samples: list[tuple[int, int, int]] = []  # results that are there, descriptors, bytes of memory

        def is_over() -> bool:
            if sender.poll() is None:
                with suppress(psutil.Error):
                    ended = out.read_bytes().count(b"\n")
                    samples.append((ended, process.num_fds(), process.memory_info().rss))
            return sender.poll() is not None

        until(is_over, "the batch to end", 800)
        assert sender.returncode == 0, (tmp_path / "err.txt").read_text()
        assert out.read_bytes().count(b"\n") == TINY_CLIPS
    assert max(descriptors for _, descriptors, _ in samples) < MOST_DESCRIPTORS
    early = max(memory for ended, _, memory in samples if ended <= TINY_CLIPS // 4)
    assert max(memory for *_, memory in samples) < early + GROWTH
