"""Filters that ask for a label: which workers are given them, and what a job says that waits for one."""

from __future__ import annotations

import pytest

from moviola.base.labels import MAX_LABEL, MAX_LABELS
from moviola.wire.messages import Hello, Subscribe, Task, Watch, Worker, WorkerDetails
from tests.middleware.script import Script

ASKS = {"detect": "gpu"}
PLAIN, GPU, OTHER = 11, 12, 13


@pytest.fixture
def script() -> Script:
    made = Script()
    made.aggregator(9)
    made.client(1)
    return made


def worker(script: Script, peer: int, *labels: str, filters: tuple[str, ...] = ("blur", "detect")) -> None:
    script.worker(peer, filters=filters, asks=ASKS, labels=labels)


def test_only_a_worker_with_the_label_is_given_the_filter(script: Script) -> None:
    worker(script, PLAIN)
    worker(script, OTHER, "big", "gpu2")
    worker(script, GPU, "big", "gpu")
    script.submit(chunks=4, filters=("detect",))
    assert [script.tasks(peer) for peer in (PLAIN, OTHER, GPU)] == [[], [], [0, 1]]


def test_who_has_a_label_is_given_filters_that_ask_for_none_as_well(script: Script) -> None:
    worker(script, GPU, "gpu")
    script.submit(chunks=2)
    assert script.tasks(GPU) == [0, 1]


def test_a_job_says_which_label_it_waits_for_and_how_there_comes_to_be_one(script: Script) -> None:
    worker(script, PLAIN)
    script.submit(filters=("detect",))
    assert script.job(1).code == "no-worker"
    assert script.job(1).reason == (
        "filter detect asks for a worker labelled gpu, and the one that is connected is not; start one with --label gpu"
    )
    for peer in (14, 15):
        worker(script, peer, "big")
    script.tick()
    assert script.job(1).reason == (
        "filter detect asks for a worker labelled gpu, and none of the 3 that are connected is; "
        "start one with --label gpu"
    )
    worker(script, GPU, "gpu")
    script.tick()
    assert script.tasks(GPU) == [0, 1]


def test_what_nobody_has_is_said_beside_the_label(script: Script) -> None:
    worker(script, PLAIN)
    script.submit(filters=("sharpen", "detect"), stages=True)
    assert script.job(1).reason == (
        "no worker offers 'sharpen'; 1 worker offers blur; filter detect asks for a worker labelled gpu, and the one "
        "that is connected is not; start one with --label gpu"
    )


def test_one_that_drains_is_named_and_not_waited_for(script: Script) -> None:
    worker(script, PLAIN)
    script.worker(GPU, filters=("detect",), asks=ASKS, labels=("gpu",), draining=True)
    script.submit(filters=("detect",))
    assert script.job(1).reason.endswith("start one with --label gpu; worker w12 does, and is being drained")


def test_a_chain_is_shared_by_one_that_has_the_label_and_others(script: Script) -> None:
    worker(script, PLAIN)
    worker(script, GPU, "gpu", filters=("detect",))
    script.submit(chunks=2, filters=("blur", "detect"), stages=True)
    assert [task.stage for task in script.said(PLAIN, Task)] == [[0, 1], [0, 1]]
    script.hand_on(PLAIN, 0)
    assert [(task.index, task.stage) for task in script.said(GPU, Task)] == [(0, [1, 2])]


def test_labels_that_no_filter_asks_for_put_no_workers_apart(script: Script) -> None:
    worker(script, PLAIN, filters=("blur",))
    worker(script, OTHER, "big", filters=("blur",))
    assert len(script.dispatcher.cluster.fleet.groups) == 1


def test_each_workers_own_filter_counts(script: Script) -> None:
    """Of two versions of a plugin one asks for a label, and the other does not."""
    script.worker(PLAIN, filters=("detect",))
    worker(script, OTHER)
    script.submit(filters=("detect",))
    assert (script.tasks(PLAIN), script.tasks(OTHER)) == ([0, 1], [])


def test_watchers_learn_the_labels_and_of_filters_what_is_given_and_what_is_there(script: Script) -> None:
    script.tell(1, Watch(topics=["workers"]))
    script.tell(1, Subscribe())
    worker(script, PLAIN)
    worker(script, GPU, "gpu")
    script.tick(2)
    facts = {record.name: record.facts for record in reversed(script.said(1, Worker))}
    assert (facts["w11"].labels, facts["w11"].filters) == ([], ["blur"])
    assert (facts["w12"].labels, facts["w12"].filters) == (["gpu"], ["blur", "detect"])
    assert [one["name"] for one in facts["w11"].schemas] == ["blur", "detect"]
    assert [event.text.partition(": ")[2] for event in script.events(1)] == ["blur", "blur, detect"]


@pytest.mark.parametrize("label", [7, ["gpu"], {"gpu": 1}, True])
def test_a_filter_that_asks_for_what_is_no_label_is_given_to_nobody(script: Script, label: object) -> None:
    details = WorkerDetails([{"name": "detect", "label": label}], ["video"], 1, "f", labels=["gpu"])
    script.tell(PLAIN, Hello("worker", "w11", "s11", [3], details=details.to_wire(), token="t"))
    script.submit(filters=("detect",))
    assert script.tasks(PLAIN) == []
    assert "asks for a worker labelled" in script.job(1).reason


def test_a_reason_stays_short_however_long_the_label_that_is_asked_for(script: Script) -> None:
    script.worker(PLAIN, filters=("detect",), asks={"detect": "x" * 10_000})
    script.submit(filters=("detect",))
    assert len(script.job(1).reason) < 200 + 2 * MAX_LABEL


@pytest.mark.parametrize("labels", [("GPU",), ("\x1b[2J",), tuple(f"l{number}" for number in range(MAX_LABELS + 1))])
def test_a_worker_with_impossible_labels_is_sent_away(script: Script, labels: tuple[str, ...]) -> None:
    worker(script, PLAIN, *labels)
    assert script.closed(PLAIN) == ["bad-message"]
    assert not script.dispatcher.cluster.workers
