"""Workers that a person has drained: who may wish it, what they and others get, and what is told of it."""

from __future__ import annotations

import pytest

from middleware.model.rules import Rules
from middleware.model.states import WorkerState
from moviola.wire.messages import Beat, Control, ControlWorker, Drain, Error, Event, Released, Subscribe, Task, Watch
from tests.middleware.script import Script, held_lease

A = 1
"""A client."""


@pytest.fixture
def script() -> Script:
    made = Script()
    made.aggregator()
    made.client(A)
    return made


def state(script: Script, name: str = "w11") -> WorkerState:
    return script.dispatcher.cluster.fleet.by_name[name].state


def granted(script: Script) -> str:
    return script.said(A, Event)[-1].text


def refused(script: Script, worker: str, verb: str, peer: int = A) -> tuple[str, str]:
    """The code and the text with which a wish is refused; the connection lives."""
    script.tell(peer, ControlWorker(worker, verb))
    error = script.said(peer, Error)[-1]
    assert (error.fatal, script.closed(peer)) == (False, [])
    return error.code, error.text


def drains(script: Script, peer: int = 11) -> list[bool]:
    """What a worker was told of draining."""
    return [one.wanted for one in script.said(peer, Drain)]


def test_a_drained_worker_gets_nothing_more_and_another_takes_over_what_it_gives_back(script: Script) -> None:
    script.worker(11)
    script.submit(A, chunks=6)
    computing, waiting = script.said(11, Task)
    script.tell(A, ControlWorker("w11", "drain"))
    assert granted(script) == "worker w11 gets no more tasks: it finishes or gives back its 2 tasks, and leaves"
    assert (drains(script), state(script)) == ([True], WorkerState.DRAINING)
    script.tell(11, Beat(draining=True, drains=1))
    script.tell(11, Released(waiting.lease, "drained"))
    script.tick(1)
    assert len(script.tasks(11)) == 2, "nothing new"
    script.worker(12)
    script.tick()
    assert script.tasks(12)[0] == waiting.index
    script.deliver(11, computing.index)
    script.leave(11)
    script.tick(1)
    assert state(script) is WorkerState.LOST
    progress = script.dispatcher.cluster.fleet.by_name["w11"]
    assert (progress.losses, progress.failures, progress.chunks) == (0, 0, 1)
    assert progress.facts(script.now).drained
    for index in (1, 2, 3, 4, 5):
        script.deliver(12, index)
    script.finish()
    assert (script.job(A).state, script.job(A).progress.retries) == ("done", 0)


def test_a_wish_that_was_granted_is_an_event_and_so_is_what_comes_of_it(script: Script) -> None:
    script.worker(11)
    script.worker(12)
    script.tell(A, Subscribe())
    script.tell(A, ControlWorker("w11", "drain"))
    assert granted(script) == "worker w11 gets no more tasks: it holds no task, and leaves"
    script.tell(A, ControlWorker("w11", "drain"))
    assert granted(script) == "worker w11 drains already: it holds no task, and leaves"
    script.tell(11, Beat(draining=True, drains=2))
    script.leave(11)
    script.tell(12, Beat(draining=True))  # by a signal, on its own machine
    told = [(one.kind, one.worker, one.text) for one in script.events(A)]
    assert told == [
        ("worker-draining", "w11", "worker w11 is drained by someone: it gets no more tasks"),
        ("worker-left", "w11", "worker w11 left: it is drained"),
        ("worker-draining", "w12", "worker w12 finishes what it holds, and leaves"),
    ]


def test_a_worker_goes_on_when_it_says_so_and_not_before(script: Script) -> None:
    script.worker(11)
    script.submit(A, chunks=4)
    script.tell(A, ControlWorker("w11", "drain"))
    script.tell(11, Beat(draining=True, drains=1))
    script.tell(A, ControlWorker("w11", "resume"))
    assert drains(script) == [True, False]
    assert granted(script).startswith("worker w11 is told to go on; ")
    script.deliver(11, 0)
    assert (state(script), len(script.tasks(11))) == (WorkerState.DRAINING, 2), "it may have left"
    script.tell(11, Beat(draining=False, drains=2))
    script.tick()
    assert len(script.tasks(11)) == 3
    script.tell(A, ControlWorker("w11", "drain"))
    assert drains(script) == [True, False, True], "once more"


def test_what_a_worker_said_before_it_heard_the_wish_does_not_count(script: Script) -> None:
    script.worker(11)
    script.submit(A, chunks=4)
    script.tell(A, ControlWorker("w11", "drain"))
    script.tell(11, Beat(draining=False))
    assert state(script) is WorkerState.DRAINING
    script.tell(A, ControlWorker("w11", "resume"))
    script.tell(11, Beat(draining=True, drains=1))
    assert state(script) is WorkerState.DRAINING
    script.tell(11, Beat(draining=False, drains=2))
    assert state(script) is WorkerState.FULL


def test_an_answer_to_an_earlier_wish_is_none_to_the_last(script: Script) -> None:
    script.worker(11)
    script.submit(A, chunks=4)
    for verb in ("drain", "resume", "drain"):
        script.tell(A, ControlWorker("w11", verb))
    script.deliver(11, 0)
    for heard, draining in enumerate((False, True, False, True)):
        script.tell(11, Beat(draining=draining, drains=heard))
        script.tick()
        assert (state(script), len(script.tasks(11))) == (WorkerState.DRAINING, 2), (
            f"it has credit for another, {heard}"
        )


def test_a_new_connection_is_counted_anew(script: Script) -> None:
    script.worker(11, session="s")
    script.submit(A, chunks=4)
    script.tell(A, ControlWorker("w11", "drain"))
    script.leave(11)
    script.worker(21, "w11", session="s")
    script.tell(21, Beat(draining=False))
    assert (drains(script, 21), state(script)) == ([True], WorkerState.DRAINING), "it was told once more"
    script.tell(A, ControlWorker("w11", "resume"))
    script.tell(21, Beat(draining=True, drains=1))
    assert state(script) is WorkerState.DRAINING
    script.tell(21, Beat(draining=False, drains=2))
    assert state(script) is WorkerState.READY


@pytest.mark.parametrize("heard", [False, True])
def test_a_wish_outlives_the_connection_over_which_it_was_told(script: Script, heard: bool) -> None:
    script.worker(11, session="s")
    script.submit(A, chunks=4)
    computing, _ = script.said(11, Task)
    script.tell(A, ControlWorker("w11", "drain"))
    if heard:
        script.tell(11, Beat(draining=True, drains=1))
    script.leave(11)
    assert not script.dispatcher.cluster.fleet.by_name["w11"].facts(script.now).drained, "it held something"
    script.worker(21, "w11", session="s", held=(held_lease(computing),), draining=heard)
    script.tick(1)
    assert (state(script), script.tasks(21)) == (WorkerState.DRAINING, [])
    assert drains(script, 21) == ([] if heard else [True])
    held = script.dispatcher.cluster.fleet.by_name["w11"].held
    assert list(held) == [computing.lease], "it goes on with what it has"


def test_a_process_that_did_not_live_to_hear_the_wish_is_followed_by_one_that_does(script: Script) -> None:
    script.worker(11)
    script.tell(A, ControlWorker("w11", "drain"))
    script.leave(11)
    script.worker(21, "w11")
    assert drains(script, 21) == [True]


def test_who_left_as_was_wished_is_welcome_again(script: Script) -> None:
    script.worker(11)
    script.tell(A, ControlWorker("w11", "drain"))
    script.tell(11, Beat(draining=True, drains=1))
    script.leave(11)
    script.worker(21, "w11")
    assert (drains(script, 21), state(script)) == ([], WorkerState.READY)


def test_another_worker_of_the_name_knows_nothing_of_the_wish(script: Script) -> None:
    script.worker(11)
    script.tell(A, ControlWorker("w11", "drain"))
    script.leave(11)
    script.worker(21, "w11", token="of another parent")
    assert (drains(script, 21), state(script)) == ([], WorkerState.READY)


def test_one_that_has_long_drained_by_itself_is_told_to_stay_away_as_well(script: Script) -> None:
    script.worker(11)
    script.tell(11, Beat(draining=True))
    script.tell(A, ControlWorker("w11", "drain"))
    assert granted(script) == "worker w11 drains already: it holds no task, and leaves"
    assert drains(script) == [True]


def test_what_cannot_be_is_refused_in_a_sentence(script: Script) -> None:
    script.worker(11)
    assert refused(script, "w12", "drain") == ("unknown-worker", "there is no worker w12")
    why = "worker w11 is ready; only one that drains can be resumed"
    assert refused(script, "w11", "resume") == ("wrong-state", why)
    code, text = refused(script, "w11", "remove")
    assert (code, text) == ("wrong-state", "worker w11 is ready; it has no action called 'remove'")
    script.leave(11)
    why = "worker w11 is not connected; only one that is connected can be drained"
    assert refused(script, "w11", "drain") == ("wrong-state", why)
    code, text = refused(script, "w11", "resume")
    assert (code, text.partition(";")[0]) == ("wrong-state", "worker w11 is not connected")
    assert "brings a drained worker back" in text


def test_where_there_are_admins_they_alone_may(script: Script) -> None:
    script = Script(rules=Rules(admins=("boss",)))
    script.aggregator()
    script.client(A, user="ann")
    script.client(2, user="boss")
    script.worker(11)
    for worker in ("w11", "nobody"):
        why = f"worker {worker} is for all users; only the cluster's admins may drain it"
        assert refused(script, worker, "drain") == ("not-yours", why)
    assert drains(script) == []
    script.tell(2, ControlWorker("w11", "drain"))
    assert drains(script) == [True]


def test_a_job_that_only_a_draining_worker_could_do_says_so(script: Script) -> None:
    script.worker(11, filters=("blur", "edges"))
    script.worker(12, filters=("edges",))
    job = script.submit(A, chunks=3)
    script.tell(A, ControlWorker("w11", "drain"))
    for task in script.said(11, Task):
        script.tell(11, Released(task.lease, "drained"))
    script.tell(A, Watch(job))
    script.tick(2)
    assert (script.job(A).state, script.job(A).code) == ("pending", "no-worker")
    assert script.job(A).reason == (
        "no worker offers 'blur'; 1 worker offers edges; worker w11 does, and is being drained"
    )
    script.leave(12)
    script.tick(1)
    assert script.job(A).reason == "all workers that are connected are being drained"
    script.leave(11)
    script.tick(1)
    assert script.job(A).reason == "no worker is connected"


def test_a_task_that_failed_is_not_kept_for_one_that_drains(script: Script) -> None:
    """Another worker must try it, as long as there is one: one that takes no more is none."""
    script.worker(11)
    script.submit(A, chunks=1)
    (first,) = script.said(11, Task)
    script.worker(12)
    script.tell(A, ControlWorker("w12", "drain"))
    script.tell(11, Released(first.lease, "failed"))
    script.tick()
    assert (script.tasks(11), script.tasks(12)) == ([0, 0], [])


def test_the_tail_of_a_job_does_not_wait_for_one_that_drains(script: Script) -> None:
    """The last tasks go to workers with nothing to compute, where there are more of these than tasks."""
    script.worker(12)
    script.submit(A, chunks=1, key="other")
    script.tell(A, ControlWorker("w12", "drain"))
    script.worker(11)
    script.submit(A, chunks=2)
    assert script.tasks(11) == [0, 1]


def test_a_paused_job_takes_its_tasks_from_a_draining_worker_too(script: Script) -> None:
    script.worker(11)
    job = script.submit(A, chunks=2)
    script.tell(A, ControlWorker("w11", "drain"))
    script.tell(A, Control(job, "pause"))
    for task in script.said(11, Task):
        script.tell(11, Released(task.lease, "revoked"))
    script.leave(11)
    script.tell(A, Control(job, "resume"))
    script.worker(12)
    script.tick()
    assert script.tasks(12) == [0, 1]
