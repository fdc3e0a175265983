"""What a turn of the aggregator costs does not grow with jobs that are idle or over, nor with what is stored of one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest

from aggregator.history import EndedJob
from aggregator.jobs import CollectedJob, CollectedTrack
from tests.aggregator.shell import Shell
from tests.instructions import instructions
from tests.touching import touched

IDLE: Final = 200


def lived(folder: Path, idle: int, over: int, stored: int) -> Shell:
    """A shell with as many workers as jobs that nothing happens to, jobs that are over, and one job of which results
    are stored. The middleware is another one, and has asked for none of them."""
    folder.mkdir(exist_ok=True)
    shell = Shell(folder)
    for number in range(over):
        shell.whole_job(f"over-{number}", chunks=1)
    for number in range(idle):
        shell.join(100 + number, "worker", f"idle-{number}")
        shell.own(f"idle-{number}")
        shell.result(f"idle-{number}", 0)
    shell.own("j")
    for index in range(stored):
        shell.result("j", index)
    shell.turn()
    shell.rejoin()
    return shell


EVENTS: Final[dict[str, Callable[[Shell], None]]] = {
    "nothing": lambda shell: None,
    "a result": lambda shell: shell.result("j", 50_000),
    "the same result again": lambda shell: shell.result("j", 0),
    "another job": lambda shell: shell.own("another"),
    "another worker": lambda shell: shell.join(99, "worker", "another"),
    "a question about a job that is over": lambda shell: shell.finish("over-0", 1),
}


@pytest.mark.parametrize("event", EVENTS.values(), ids=EVENTS)
def test_a_turn_touches_no_job_that_it_is_not_about(event: Callable[[Shell], None], tmp_path: Path) -> None:
    shell = lived(tmp_path, IDLE, over=20, stored=1)
    idle = {id(job) for name, job in shell.server.assembler._memory.jobs.items() if name.startswith("idle")}
    idle |= {
        id(track)
        for name, job in shell.server.assembler._memory.jobs.items()
        if name.startswith("idle")
        for track in job.tracks
    }
    event(shell)
    with touched(CollectedJob, CollectedTrack, EndedJob) as seen:
        shell.turn()
    assert not [one for one in seen if id(one) in idle or isinstance(one, EndedJob)]
    shell.close()


@pytest.mark.parametrize("event", EVENTS.values(), ids=EVENTS)
def test_a_turn_takes_as_many_steps_with_many_jobs_as_with_one(event: Callable[[Shell], None], tmp_path: Path) -> None:
    steps = []
    for name, idle, over, stored in (("first", 1, 1, 1), ("few", 1, 1, 1), ("many", IDLE, 50, 500)):
        shell = lived(tmp_path / name, idle, over, stored)
        event(shell)
        steps.append(instructions(shell.turn))
        shell.close()
    _, few, many = steps  # the first shell also makes what a process makes once
    assert few == many


def test_the_end_of_a_job_touches_no_other_job(tmp_path: Path) -> None:
    shell = lived(tmp_path, IDLE, over=20, stored=3)
    others = {id(job) for name, job in shell.server.assembler._memory.jobs.items() if name != "j"}
    shell.finish("j", 3)
    with touched(CollectedJob, EndedJob) as seen:
        shell.turn()
        shell.turn()
    assert "j" in shell.server.assembler._memory.history
    assert not [one for one in seen if id(one) in others or isinstance(one, EndedJob)]
    shell.close()
