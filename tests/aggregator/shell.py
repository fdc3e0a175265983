"""The aggregator's real brain, shell, ledger and spool in this process; its loop and its children are played."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import msgpack

from aggregator.events import Spliced
from aggregator.ledger import AggregatorLedger
from aggregator.server import Server
from aggregator.settings import Settings
from aggregator.splice_messages import SplicedReply, SpliceRequest, to_map
from aggregator.splice_processes import Ending
from aggregator.uplink import MAX_RETRY_S
from moviola.base.finished_file import FinishedFile
from moviola.base.job_statistics import JobStatistics
from moviola.base.output_summary import OutputSummary
from moviola.base.vocabulary import JobState
from moviola.storage.spool import Spool
from moviola.wire.events import Lost, NetworkEvent, Received
from moviola.wire.framing import checksum
from moviola.wire.lease_tags import tag_of
from moviola.wire.messages import Error, Fetch, Finish, Hello, Message, Own, Result, Welcome
from moviola.wire.schema import Lease
from tests.aggregator.script import KEY

UPLINK: Final = 1
"""What the loop calls the connection that the aggregator dials."""

WORKER: Final = 2
CLIENT: Final = 3

SPOOL_BYTES: Final = 1 << 30

WARNINGS: Final = [f"frame {index}: a sentence for people about what became of it" for index in range(100)]


class PlayedLoop:
    """What the shell uses of moviola.wire.loop.Loop; what comes is what `arrived` was given."""

    def __init__(self) -> None:
        self.arrived: list[NetworkEvent] = []
        self.sent: list[tuple[int, Message]] = []

    def turn(self, deadline: float | None = None) -> list[NetworkEvent]:
        events, self.arrived = self.arrived, []
        return events

    def holds(self, event: NetworkEvent) -> bool:
        return False

    def send(self, connection: int, message: Message, payload: bytes = b"", *_: Any) -> None:
        self.sent.append((connection, message))

    def dial(self, *_: Any) -> int:
        return UPLINK

    def close(self, connection: int, code: str = "", text: str = "", job: str = "") -> None:
        self.sent.append((connection, Error(code, text, job=job)))

    def flush(self) -> None:
        pass

    def shut(self) -> None:
        pass


class PlayedSpliceProcesses:
    """Whatever is begun has ended by the next turn. What is told of it is as much as a real splice tells."""

    def __init__(self) -> None:
        self._ended: list[Ending] = []

    def begin(self, job: str, request: SpliceRequest, now: float) -> list[Ending]:
        outputs = [
            OutputSummary(one["name"], JobState.DONE, digest=32 * "0", warnings=list(WARNINGS))
            for one in request.outputs
        ]
        files = [FinishedFile(f"{one['name']}.mp4", 1 << 20, 32 * "0") for one in request.outputs]
        reply = msgpack.unpackb(msgpack.packb(to_map(SplicedReply(outputs, files))))  # as from another process
        told = SplicedReply.from_wire(reply)
        self._ended.append(Spliced(job, told.outputs, told.files))
        return []

    def cancel(self, job: str, now: float) -> None:
        self._ended = [one for one in self._ended if one.job != job]

    def tick(self, now: float) -> list[Ending]:
        ended, self._ended = self._ended, []
        return ended

    def next_deadline(self) -> float | None:
        return None

    def stop(self) -> list[str]:
        return []


class Shell:
    """An aggregator that a middleware has welcomed, with one worker and one client. Its clock stands still."""

    def __init__(self, folder: Path) -> None:
        self.loop, self.now = PlayedLoop(), 100.0
        self.ledger = AggregatorLedger(folder / "ledger.sqlite")
        self.spool = Spool(folder / "spool", limit_bytes=SPOOL_BYTES)
        settings = Settings(name="splicer", host="middleware", state=folder, results=folder / "results")
        self.server = Server(
            settings, self.loop, self.ledger, self.spool, PlayedSpliceProcesses(), 5001,  # type: ignore[arg-type]
            clock=lambda: self.now, unix_clock=lambda: self.now,
        )  # fmt: skip
        self.turn()
        self.say(Welcome(version=3, epoch=1))
        self.join(WORKER, "worker", "worker")
        self.join(CLIENT, "client", "client")
        self.turn()

    def say(self, message: Message, payload: bytes = b"", peer: int = UPLINK) -> None:
        """A peer has sent this; the next turn takes it."""
        self.loop.arrived.append(Received(peer, message, payload, checksum(payload)))

    def turn(self) -> list[tuple[int, Message]]:
        """One turn of the shell; what it has sent."""
        self.server.turn()
        sent, self.loop.sent = self.loop.sent, []
        return sent

    def join(self, peer: int, role: str, name: str) -> None:
        """A worker or client connects."""
        self.say(Hello(role, name, f"session of {name}", [3], token=f"token of {name}"), peer=peer)

    def rejoin(self) -> None:
        """Another middleware comes in the place of the first one, and has asked for no job yet."""
        self.loop.arrived.append(Lost(UPLINK, "gone"))
        self.turn()
        self.now += MAX_RETRY_S
        self.turn()
        self.say(Welcome(version=3, epoch=2))
        self.turn()

    def close(self) -> None:
        self.spool.close()
        self.ledger.close()

    # ── what peers say ───────────────────────────────────────────────────────────────────────────────────────────

    def own(self, job: str, outputs: int = 1) -> None:
        """The middleware gives it a job without sound."""
        source: dict[str, Any] = {"kind": "video", "stream_count": 1, "process": {}}
        self.say(Own(job, f"{job}.mp4", 1, source, [{"name": f"output-{n}"} for n in range(outputs)], KEY))

    def result(self, job: str, index: int, track: int = 0, payload: bytes = b"a result") -> None:
        """The worker brings a result."""
        message = Result(Lease(1, index), job, track, index, 1, "build", 8, 8)
        self.say(replace(message, tag=tag_of(message, KEY, "token of worker")), payload, WORKER)

    def finish(self, job: str, chunks: int, outputs: int = 1) -> None:
        """The middleware says that all is stored."""
        self.say(Finish(job, 1, [chunks] * outputs, JobStatistics(retries=[0] * outputs)))

    def fetch(self, job: str, file: str = "output-0.mp4") -> None:
        """The client asks for a finished file."""
        self.say(Fetch(job, file, 0, 1), peer=CLIENT)

    def whole_job(self, job: str, chunks: int = 4, outputs: int = 1) -> None:
        """A job from Own to its files."""
        self.own(job, outputs)
        self.turn()
        for track in range(outputs):
            for index in range(chunks):
                self.result(job, index, track)
        self.turn()
        self.finish(job, chunks, outputs)
        self.turn()
        self.turn()
