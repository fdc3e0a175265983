"""`client.workers` as a person types it: output and exit status, against a cluster that follows a script."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from client.workers import main
from moviola.wire.messages import ControlWorker, Error, Watch
from tests.client.in_process import Typed, on_a_plain_terminal, run_typed
from tests.session.fakes import FakeCluster


@pytest.fixture
def workers(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], cluster: FakeCluster) -> Typed:
    """The command in this process, for a cluster with two workers."""
    on_a_plain_terminal(monkeypatch)

    def run(*arguments: str, port: int = 0) -> tuple[int, str, str]:
        return run_typed(main, capsys, [*arguments, "--host", "127.0.0.1", "--port", str(port or cluster.port)])

    return run


def test_the_list_has_a_line_for_each_worker_and_fits_80_columns(workers: Typed) -> None:
    status, out, err = workers()
    assert (status, err) == (0, "")
    lines = out.splitlines()
    assert max(map(len, lines)) <= 80
    assert lines[0].split()[:3] == ["worker", "state", "chunk"]
    assert [line.split()[:2] for line in lines[1:]] == [["worker-0", "ready"], ["worker-1", "ready"]]


def test_the_list_as_json_has_what_status_has(workers: Typed) -> None:
    status, out, _ = workers("list", "--json")
    told = json.loads(out)["workers"]
    assert (status, [one["name"] for one in told]) == (0, ["worker-0", "worker-1"])
    assert (told[0]["state"], "schemas" in told[0], told[0]["in_flight"]) == ("ready", False, 0)


def test_a_cluster_without_workers_says_so(workers: Typed, cluster: FakeCluster) -> None:
    cluster.script.workers = 0
    assert workers() == (0, "No worker is connected.\n", "")


@pytest.mark.parametrize("verb", ["drain", "resume"])
def test_each_worker_that_is_named_gets_the_wish_and_a_sentence(
    workers: Typed, cluster: FakeCluster, verb: str
) -> None:
    said = "".join(f"Worker worker-{number}: {verb} it is.\n" for number in (1, 0))
    assert workers(verb, "worker-1", "worker-0", "worker-1") == (0, said, "")
    wishes = [one for one in cluster.received if isinstance(one, ControlWorker)]
    assert wishes == [ControlWorker("worker-1", verb), ControlWorker("worker-0", verb)]
    assert workers(verb, "worker-0", "-q") == (0, "", "")


def test_one_that_is_refused_keeps_no_other_from_it(workers: Typed, cluster: FakeCluster) -> None:
    cluster.script.refused_workers = ("worker-0",)
    said = "Worker worker-1: drain it is.\n"
    assert workers("drain", "worker-0", "worker-1") == (1, said, "Worker worker-0 is not connected.\n")
    status, out, _ = workers("drain", "worker-0", "worker-1", "--json")
    assert (status, json.loads(out)) == (
        1,
        {
            "verb": "drain",
            "workers": [
                {"name": "worker-0", "answer": None, "error": "worker worker-0 is not connected"},
                {"name": "worker-1", "answer": "worker worker-1: drain it is", "error": None},
            ],
        },
    )


def test_no_wish_is_sent_where_a_name_is_wrong(workers: Typed, cluster: FakeCluster) -> None:
    why = "There is no worker 'worker-3'; did you mean worker-1?\n"
    assert workers("drain", "worker-0", "worker-3") == (2, "", why)
    why = "There is no worker 'x'; 'python -m client.workers' shows what there is.\n"
    assert workers("drain", "x") == (2, "", why)
    assert cluster.count(ControlWorker) == 0


def test_it_waits_until_they_have_left(workers: Typed, cluster: FakeCluster) -> None:
    assert workers("drain", "worker-1", "--wait") == (0, "Worker worker-1: drain it is.\n", "")
    assert cluster.count(Watch) == 2


def test_it_says_who_has_not_left_in_time(
    workers: Typed, cluster: FakeCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster, "_wish_of_worker", _granted_and_forgotten(cluster))
    status, out, err = workers("drain", "worker-0", "worker-1", "--wait", "--timeout", "1")
    assert (status, len(out.splitlines())) == (1, 2)
    assert err == "Worker-0, worker-1 did not leave in 1 s; 'python -m client.workers' shows what is in work.\n"


def _granted_and_forgotten(cluster: FakeCluster) -> Callable[..., None]:
    real = cluster._wish_of_worker

    def granted(*arguments: object) -> None:
        real(*arguments)  # type: ignore[arg-type]
        cluster.script.lost_workers = ()

    return granted


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["drain"], "Drain which worker? Give its name; 'python -m client.workers' lists them"),
        (["list", "w"], "List takes no NAME, and shows all workers; 'python -m client.workers drain w' drains one"),
        (["drian", "w"], "did you mean drain?"),
        (["resume", "w", "--wait"], "--wait is for drain, not for resume"),
        (["drain", "w", "--watch"], "--watch is for list, not for drain"),
        (["drain", "w", "--timeout", "3"], "--timeout says how long --wait waits; give that, too"),
    ],
)
def test_wrong_usage_says_what_to_type(workers: Typed, arguments: list[str], sentence: str) -> None:
    status, out, err = workers(*arguments)
    assert (status, out) == (2, "")
    assert sentence in err


def test_a_middleware_that_is_not_there_or_says_no(workers: Typed, cluster: FakeCluster) -> None:
    assert workers(port=1)[0] == 3
    cluster.script.refuse_watches = Error("busy", "come back later", fatal=False)
    assert workers() == (1, "", "Come back later.\n")
