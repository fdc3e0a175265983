"""The story of a task: what happened to it, for whoever asks, and within bounds."""

from __future__ import annotations

from middleware.model.stories import MAX_LINES, MAX_LINES_OF_TASK, MAX_TASKS, Stories
from moviola.wire.messages import Cause, Job, Released, Task, Watch
from tests.middleware.script import Script, held_lease


def story(script: Script, job: str, task: int, peer: int = 1) -> list[str]:
    script.tell(peer, Watch(job, chunk=task))
    script.tick(1)
    told = [record.details.story for record in script.said(peer, Job) if record.details.story is not None]
    return [f"{line.output}: {line.text}" for line in told[-1]]


def test_a_task_that_was_lost_failed_and_done_tells_so(script: Script) -> None:
    script.worker(11)
    job = script.submit(chunks=2)
    script.leave(11)
    script.worker(12)
    script.tick()
    (task,) = [one for one in script.said(12, Task) if one.index == 1]
    script.tell(12, Released(task.lease, "failed", Cause(text="no such thing")))
    script.worker(13)
    script.tick()
    script.deliver(13, 1)
    assert story(script, job, 1) == [
        "out: lent to w11 as 1.2",
        "out: lost: worker w11: gone",
        "out: lent to w12 as 1.4",
        "out: failed on w12: exception: no such thing",
        "out: lent to w13 as 1.5",
        "out: stored",
        "out: now it is stored",
    ]
    assert story(script, job, 0)[-1] == "out: now it is assigned"
    assert script.said(1, Job)[0].details.story is None


def test_a_lease_that_goes_on_says_so(script: Script) -> None:
    script.worker(11, "w")
    job = script.submit(chunks=1)
    task = script.said(11, Task)[0]
    again = script.restarted(epoch=2)
    again.aggregator(9)
    again.client(1)
    again.hold(job)
    again.worker(12, "w", held=(held_lease(task),))
    again.tick()
    assert "out: goes on at w as 1.1" in story(again, job, 0)


def test_an_ended_job_has_the_newest_lines(script: Script) -> None:
    script.worker(11)
    job = script.submit(chunks=1)
    script.deliver(11)
    script.finish()
    assert story(script, job, 0) == ["out: lent to w11 as 1.1", "out: stored"]


def test_stories_are_bounded_and_those_of_trouble_outlive_the_others() -> None:
    stories = Stories()
    for number in range(10):
        stories.tell(float(number), "a", 0, 1, f"line {number}")
    stories.keep("a", 0, 1)
    for number in range(MAX_LINES + 10):
        stories.tell(100.0, "b", 0, number, "stored")
    assert [line.text for line in stories.of("a", 1)] == [f"line {number}" for number in range(10)]
    assert stories.of("b", 0) == []
    for number in range(10 * MAX_LINES_OF_TASK):
        stories.tell(200.0, "a", 0, 1, str(number))
    assert len(stories.of("a", 1)) == MAX_LINES_OF_TASK
    for number in range(10 * MAX_TASKS):
        stories.keep("a", 0, number)
    assert len(stories._kept["a"]) == MAX_TASKS
    stories.forget("a")
    assert len(stories.of("a", 1)) <= MAX_LINES


def test_a_log_has_the_lines_of_all_tasks_with_their_chunks(script: Script) -> None:
    script.worker(11)
    job = script.submit(chunks=2)
    script.deliver(11, 0)
    script.tell(1, Watch(job, log=True))
    script.tick(1)
    (told,) = [record.details.story for record in script.said(1, Job) if record.details.story is not None]
    assert [(line.chunk, line.text) for line in told] == [
        (0, "lent to w11 as 1.1"),
        (1, "lent to w11 as 1.2"),
        (0, "stored"),
    ]
