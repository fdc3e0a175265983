"""CPU time of the middleware for one refresh of `moviola status`: `python -m bench.watching`.

The real dispatcher and the real ledger are asked again and again, as `moviola status` does each second, while nothing
else happens; what they answer is encoded as for the wire. Measured is CPU time, so it holds on a busy machine as well.
`all` asks for all records, `screen` for those of a screen.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, NamedTuple

from bench.machine import description
from bench.scaling.farm import Farm, rules_for
from client.display.live_status import MAX_ROWS
from middleware.events import Command, Peer, Recall, Recalled, SaveJob, Send
from middleware.ledger import MiddlewareLedger
from middleware.model.users import SUBMITS_PER_S
from moviola.base.vocabulary import Topic
from moviola.wire.messages import VERSIONS, Event, Hello, Message, Watch, encode

LOOKER: Final[Peer] = 5
ADMIN: Final = "root"

STEP_S: Final = 0.1
"""Simulated seconds between two turns of the middleware, in each of which it tells up to 256 records."""

INTERVAL_S: Final = 1.0
REFRESHES: Final = 20


class Row(NamedTuple):
    """The size of a cluster that is measured: open jobs, ended jobs, connected workers."""

    jobs: int
    ended: int
    workers: int


ROWS: Final = (
    Row(1, 0, 2), Row(100, 0, 64), Row(1000, 0, 64), Row(0, 1000, 64), Row(1000, 1000, 64), Row(1000, 0, 2000)
)  # fmt: skip

QUESTIONS: Final = {
    "all": Watch(topics=[Topic.OVERVIEW]),
    "screen": Watch(topics=[Topic.OVERVIEW], limit=MAX_ROWS),
}


class _WatchedFarm(Farm):
    """A farm with a client that looks on and may see everybody's jobs. `told` has the messages to that client since it
    was last cleared. Jobs that ended are kept in a real ledger."""

    def __init__(self, row: Row, ledger: MiddlewareLedger) -> None:
        self.told: list[Message] = []
        self._ledger = ledger
        super().__init__(replace(rules_for(max(row.jobs, row.ended)), admins=(ADMIN,)))
        self._fill(row)
        ledger.commit()
        self.tell(LOOKER, Hello("client", ADMIN, "looker", [*VERSIONS], user=ADMIN))

    def _fill(self, row: Row) -> None:
        self.join_workers(row.workers)
        for number in range(row.ended):
            self.now += 1 / SUBMITS_PER_S
            self.submit(1, user=f"user {number // 100}")
            self.tick()
            while self.lent:
                peer, task = self.lent.popleft()
                self.store(peer, task)
                self.release(peer, task.lease)
            self.tick()
            self.answer_finishes()
        for number in range(row.jobs):
            self.now += 1 / SUBMITS_PER_S
            self.submit(4, user=f"user {number // 100}")
        self.beat()
        self.tick()

    def take(self, commands: list[Command]) -> None:
        """Note the messages to the client that looks on, and let the ledger save and recall jobs."""
        others: list[Command] = []
        for command in commands:
            if isinstance(command, Send) and command.peer == LOOKER:
                self.told.append(command.message)
                continue
            if isinstance(command, Recall):
                request, record = self._ledger.job(command.job) or (None, None)
                self.take(self.dispatcher.handle(Recalled(command, request, record), self.now))
                continue
            if isinstance(command, SaveJob):
                self._ledger.save_job(command.job, command.record, command.request)
            others.append(command)
        super().take(others)

    def refresh(self, question: Watch) -> tuple[float, int]:
        """Ask once; return the CPU time (s) and the bytes until all is told."""
        self.now += INTERVAL_S
        self.beat()
        self.tick()
        self.told.clear()
        began = time.process_time()
        self.tell(LOOKER, question)
        while not any(isinstance(message, Event) for message in self.told[-1:]):
            self.turn(STEP_S)
        size = sum(len(encode(message)) for message in self.told)
        return time.process_time() - began, size


def measure(row: Row, refreshes: int = REFRESHES) -> dict[str, dict[str, Any]]:
    """Return, of each question, the median CPU time (ms), the bytes and the records of an answer."""
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        ledger = MiddlewareLedger(Path(folder) / "ledger")
        farm = _WatchedFarm(row, ledger)
        for name, question in QUESTIONS.items():
            costs = sorted(farm.refresh(question) for _ in range(refreshes))
            seconds, size = costs[len(costs) // 2]
            found[name] = {"ms": seconds * 1e3, "bytes": size, "records": len(farm.told)}
        ledger.close()
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m bench.watching", description=__doc__)
    parser.add_argument("--refreshes", type=int, default=REFRESHES, help=f"of each row ({REFRESHES})")
    given = parser.parse_args(arguments)
    print(f"{description()}; median of {given.refreshes} refreshes")
    print(f"{'jobs':>6} {'ended':>6} {'workers':>8} {'question':>9} {'records':>8} {'kB':>7} {'CPU ms':>7}")
    for row in ROWS:
        for name, cost in measure(row, given.refreshes).items():
            told = f"{name:>9} {cost['records']:8} {cost['bytes'] / 1000:7.0f} {cost['ms']:7.1f}"
            print(f"{row.jobs:6} {row.ended:6} {row.workers:8} {told}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
