"""Why a job waits says what a worker lacks that would do it otherwise."""

from __future__ import annotations

from middleware.pending_reasons import MAX_LACK
from moviola.wire.messages import Watch
from tests.middleware.script import Script

A = 1


def reason(script: Script) -> str:
    job = script.submit(A, chunks=2, filters=("detect",))
    script.tell(A, Watch(job))
    script.tick(2)
    assert (script.job(A).state, script.job(A).code) == ("pending", "no-worker")
    return script.job(A).reason


def test_what_a_worker_lacks_is_told(script: Script) -> None:
    script.worker(11, filters=("blur",))
    script.worker(12, filters=("blur",), lacks={"detect": "a runtime is not installed", "onnx": "nor this"})
    assert reason(script) == (
        "no worker offers 'detect'; 2 workers offer blur; worker w12 knows 'detect', but cannot offer it: a runtime is "
        "not installed"
    )


def test_what_a_worker_lacks_beside_is_not_told(script: Script) -> None:
    script.worker(11, filters=("blur",), lacks={"onnx": "a runtime is not installed"})
    assert reason(script) == "no worker offers 'detect'; 1 worker offers blur"


def test_a_worker_that_tells_much_is_cut_short(script: Script) -> None:
    script.worker(11, filters=("blur",), lacks={"detect": "x" * 60_000})
    assert len(reason(script)) < MAX_LACK + 200
