"""Splicing processes that behave badly: small programs in place of the real one."""

from __future__ import annotations

import errno
import os
import selectors
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

import aggregator.splice_processes as module
from aggregator.events import ChunksDamaged, SpliceCrashed, Spliced, SpliceFailed
from aggregator.splice_messages import SpliceRequest
from aggregator.splice_processes import Ending, SpliceProcesses
from moviola.base.finished_file import FinishedFile
from moviola.base.job_statistics import JobStatistics
from tests.waiting import until

HEAD = """
import os, signal, socket, sys, time
from aggregator.channel import Channel
channel = Channel(socket.socket(fileno=int(sys.argv[1])))
channel.send({"kind": "ready"})
def requests():
    try:
        while True:
            yield from channel.received(wait=True)
    except EOFError:
        pass
for request in requests():
"""
DIES = HEAD + "    os.kill(os.getpid(), signal.SIGSEGV)"
HANGS = HEAD + "    signal.pause()"
WORKS = (
    HEAD
    + """
    channel.send({"kind": "step"})
    channel.send({"kind": "spliced", "outputs": [{"name": str(os.getpid()), "state": "done"}],
                  "files": [{"file": request["job"], "size": 1, "xxh3": ""}]})
"""
)
FAILS = HEAD + '    channel.send({"kind": "failed", "text": request["job"]})'
DAMAGED = HEAD + '    channel.send({"kind": "damaged", "chunks": [[1, 2]], "text": "x", "makers": ["w"]})'
BABBLES = [
    HEAD + "    channel.send({'kind': 'spliced', 'outputs': [{'name': 'a'}], 'files': []})",
    HEAD + "    channel.send({'kind': 'damaged', 'chunks': [[1]], 'text': 'x', 'makers': []})",
    HEAD + "    channel.send({'kind': 'failed'})",
    HEAD + "    channel.send({'kind': 'done'})",
    HEAD + "    channel.send([1])",
]
CANNOT_START = "import sys; sys.exit(3)"


class Pool:
    """SpliceProcesses with a selector of their own."""

    def __init__(self, program: str) -> None:
        self.selector = selectors.DefaultSelector()
        self.pool = SpliceProcesses(self._watch, self._unwatch, (sys.executable, "-c", program))
        self.endings: list[Ending] = []
        self.now = time.monotonic()  # as told last

    @property
    def process_ids(self) -> list[int]:
        return [child.process.pid for child in self.pool._children.values()]

    def _watch(self, fd: int) -> None:
        self.selector.register(fd, selectors.EVENT_READ)

    def _unwatch(self, fd: int) -> None:
        self.selector.unregister(fd)

    def until(self, condition: Callable[[], object]) -> None:
        until(condition, lambda: self.endings, turn=self._turn)

    def _turn(self) -> None:
        ready = self.selector.select(0.02)
        self.now = time.monotonic()
        for key, _ in ready:
            assert isinstance(key.fileobj, int)
            self.endings += self.pool.readable(key.fileobj, self.now)
        self.endings += self.pool.tick(self.now)

    def ending(self) -> Ending:
        self.until(lambda: self.endings)
        return self.endings.pop(0)

    def begin(self, job: str) -> None:
        self.endings += self.pool.begin(job, SpliceRequest(job, "", {}, [], [], JobStatistics(), []), time.monotonic())


@contextmanager
def pool(program: str) -> Iterator[Pool]:
    made = Pool(program)
    made.pool.start(time.monotonic())
    try:
        yield made
    finally:
        processes = made.process_ids
        made.pool.stop()
        assert not any(is_alive(process) for process in processes)


def is_alive(process_id: int) -> bool:
    try:
        os.kill(process_id, 0)
    except ProcessLookupError:
        return False
    return True


def test_one_warm_process_serves_one_job_after_the_other() -> None:
    with pool(WORKS) as made:
        seen = []
        for job in ("a", "b", "c"):
            made.begin(job)
            ending = made.ending()
            assert isinstance(ending, Spliced)
            assert (ending.job, ending.files) == (job, [FinishedFile(job, 1, "")])
            seen.append(int(ending.outputs[0].name))
        assert seen == [seen[0]] * 3 == made.process_ids * 3


def test_two_jobs_at_a_time_have_a_process_each() -> None:
    with pool(WORKS) as made:
        made.begin("a")
        made.begin("b")
        assert len(made.process_ids) == 2
        assert {made.ending().job, made.ending().job} == {"a", "b"}


@pytest.mark.parametrize(
    ("program", "ending"), [(FAILS, SpliceFailed("a", "a")), (DAMAGED, ChunksDamaged("a", ((1, 2),), "x", ("w",)))]
)
def test_what_went_wrong_is_told_and_the_process_lives_on(program: str, ending: Ending) -> None:
    with pool(program) as made:
        before = made.process_ids
        made.begin("a")
        assert made.ending() == ending
        assert made.process_ids == before


@pytest.mark.parametrize("program", BABBLES)
def test_a_process_that_says_what_it_never_says_is_replaced(program: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "RESPAWN_S", 0.01)
    with pool(program) as made:
        before = made.process_ids
        made.begin("a")
        assert made.ending() == SpliceCrashed("a", "the splicing process sent a message that cannot be read")
        made.until(lambda: made.process_ids)
        assert made.process_ids != before


def test_a_crash_fails_its_job_and_the_process_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "RESPAWN_S", 0.01)
    with pool(DIES) as made:
        before = made.process_ids
        made.begin("a")
        assert made.ending() == SpliceCrashed("a", "the splicing process ended by signal SIGSEGV")
        made.until(lambda: made.process_ids)
        assert made.process_ids != before


def test_a_signal_without_a_name_is_told_as_any_other() -> None:
    with pool(HEAD + "    os.kill(os.getpid(), signal.SIGRTMIN + 6)") as made:
        made.begin("a")
        assert made.ending() == SpliceCrashed("a", f"the splicing process ended by signal {signal.SIGRTMIN + 6}")


def test_a_process_that_cannot_start_is_not_started_in_a_loop() -> None:
    with pool(CANNOT_START) as made:
        made.until(lambda: not made.process_ids)
        deadline = made.pool.next_deadline()
        assert deadline is not None
        assert deadline == made.now + module.RESPAWN_S
        made.begin("a")
        assert made.ending() == SpliceCrashed("a", "the splicing process ended by exit status 3")


@pytest.mark.parametrize("name", ["socket.socketpair", "processes.start"])
def test_a_splice_waits_where_no_process_can_be_started(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    def refused(*_arguments: object, **_options: object) -> None:
        raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))

    with monkeypatch.context() as patched:
        patched.setattr(f"aggregator.splice_processes.{name}", refused)
        made = Pool(WORKS)
        descriptors = os.listdir("/dev/fd")
        now = time.monotonic()
        made.pool.start(now)
        for job in ("a", "b", "c"):
            made.begin(job)
        made.pool.cancel("b", now)
        assert (made.process_ids, made.endings) == ([], [])
        assert os.listdir("/dev/fd") == descriptors
    deadline = made.pool.next_deadline()
    assert deadline is not None
    assert deadline >= now + module.RESPAWN_S
    made.until(lambda: len(made.endings) == 2)
    assert {ending.job for ending in made.endings if isinstance(ending, Spliced)} == {"a", "c"}
    made.pool.stop()


def test_a_process_that_hangs_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "HANG_S", 1.0)
    with pool(HANGS) as made:
        [before] = made.process_ids
        made.begin("a")
        ending = made.ending()
        assert isinstance(ending, SpliceCrashed)
        assert "no sign of life" in ending.text
        assert not is_alive(before)


def test_a_cancelled_splice_is_heard_of_no_more() -> None:
    with pool(HANGS) as made:
        [before] = made.process_ids
        made.begin("a")
        made.pool.cancel("a", time.monotonic())
        assert not is_alive(before)
        made.until(lambda: made.process_ids)
        assert made.endings == []


def test_the_real_process_ends_when_the_aggregator_is_gone() -> None:
    made = SpliceProcesses(lambda _fd: None, lambda _fd: None)
    made.start(time.monotonic())
    [child] = made._children.values()
    child.channel.close()
    assert child.process.wait(30) == 0
