"""Peers that send structured garbage over real sockets, and know that it was taken: each batch ends with a question
that the other side always answers.
"""

from __future__ import annotations

import secrets
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from random import Random
from typing import Any, Final

from moviola.wire.errors import ProtocolError
from moviola.wire.messages import MESSAGES, AggregatorDetails, WorkerDetails
from tests.end_to_end.hostile.peer import Closed, Header, RawPeer, frame
from tests.fuzz.vocabulary import Vocabulary

BATCH: Final = 200
"""Frames between two questions."""

BATCHES: Final = 40
"""Batches of one connection at most; then it comes again."""

REPEATED: Final = 0.7
MOST_REPEATED: Final = 2000
"""Frames that were sent before, and how many are remembered: what is old or doubled is garbage as well, and cheap."""

ODDNESS: Final = (*[0.0] * 30, 0.02, 0.2)
"""How odd single fields are: some cost the connection, and what is sent behind them is not taken."""

MUTATED: Final = 0.03
"""Of maps that are said again, those in which something is changed; more would cost too many connections as well."""

ILL_FORMED: Final = 0.0005
"""Frames that break the schema or come out of order: the connection ends with them."""

HEEDED: Final = frozenset({"ControlWorker", "Drain"})
"""Messages that are no garbage: who hears them rightly ends the workers that the test needs."""

BYTES_CHANCE: Final = 0.1
"""Connections that end with a frame whose bytes are wrong."""

ANSWER_S: Final = 120.0
"""How long an answer may take, on a machine with much else to do: longer is a hang."""

Say = dict[tuple[str, str], tuple[str, ...]]

SAYS: Final[Say] = {
    ("middleware", "client"): ("Submit", *["Chunk"] * 4, "End", "Control", "Control", "Watch"),
    ("middleware", "worker"): ("Beat", "Beat", "Released", "Released", "HandOn"),
    ("middleware", "aggregator"): ("Stored", "Stored", "Holdings", "Finished", "Beat"),
    ("aggregator", "worker"): ("Result", "Result", "Beat"),
    ("aggregator", "client"): ("Fetch", "FetchResult"),
    ("worker", "middleware"): ("Task", "Task", "Revoke", "Stored", "Aggregator", "Error"),
    ("client", "middleware"): (*["Job"] * 9, "Event", "Aggregator", "Worker"),
}
"""What a peer of a role usually says to a program."""


def question(target: str, role: str, mark: int) -> tuple[Header, Callable[[Header], bool]]:
    """Return a message that the other side always answers, and what tells its answer."""
    name = f"question {mark}"
    lease = [mark, 2**62]
    if target == "middleware" and role == "client":
        return {"type": "Control", "job": name, "verb": "cancel"}, lambda one: one.get("job") == name
    if target == "middleware" and role == "worker":
        beat = {"lease": lease, "phase": "waiting", "frames": 0, "steps": 0}
        return {"type": "Beat", "leases": [beat]}, lambda one: one.get("lease") == lease
    if target == "middleware":
        asked = {"type": "Holdings", "job": name, "owner_epoch": 1, "tracks": [], "fingerprints": []}
        return asked, lambda one: one.get("job") == name
    if role == "worker":
        result = {"type": "Result", "lease": lease, "job": name, "track": 0, "index": 0, "owner_epoch": 1,
                  "build": "", "tag": b"", "frames_in": 0, "frames_out": 0}  # fmt: skip
        return result, lambda one: one.get("job") == name
    if role == "client":
        fetch = {"type": "Fetch", "job": name, "file": "x", "offset": 0, "length": 1}
        return fetch, lambda one: one.get("job") == name
    return {"type": "Revoke", "lease": lease}, lambda one: one.get("lease") == lease


def _is_well_formed(header: Header) -> bool:
    try:
        MESSAGES[header["type"]].from_wire(header)
    except ProtocolError:
        return False
    return True


class Garbage:
    """Batches of frames of one role for one program. The same seed and the same answers make the same again."""

    def __init__(self, target: str, role: str, seed: int) -> None:
        self.random = Random(f"{target} {role} {seed}")
        self.words = Vocabulary(self.random, mutated=MUTATED)
        self._kinds = SAYS[target, role]
        self._taken: list[bytes] = []  # frames that cost no connection
        self._new: list[bytes] = []  # of the batch that is on its way
        self.taken = 0  # frames that the other side is known to have handled
        self._mark = 0
        self.target, self.role = target, role

    def batch(self) -> tuple[bytes, Callable[[Header], bool]]:
        """Return some frames with a question behind, and what tells its answer."""
        self._new.clear()
        frames = [self._frame() for _ in range(BATCH - 1)]
        self._mark += 1
        asked, is_answer = question(self.target, self.role, self._mark)
        return b"".join([*frames, frame(asked)]), is_answer

    def _frame(self) -> bytes:
        """A new frame, or one that was sent before, in another state of the other side."""
        if self._taken and self.random.random() < REPEATED:
            return self.random.choice(self._taken)
        self._new.append(self._made())
        return self._new[-1]

    def was_taken(self, count: int) -> None:
        """The other side has handled so many frames more, and what was new of them may be said again."""
        self.taken += count
        room = MOST_REPEATED - len(self._taken)
        self._taken += self._new[:room]
        for one in self._new[room:]:
            self._taken[self.random.randrange(MOST_REPEATED)] = one
        self._new.clear()

    def _made(self) -> bytes:
        header = self.words.message(self._kinds, self.random.choice(ODDNESS), 0.0)
        while not _is_well_formed(header) and self.random.random() > ILL_FORMED:
            header = self.words.message(self._kinds, 0.0, 0.0)
        if self.random.random() < ILL_FORMED:
            header = self.words.message(tuple(one for one in MESSAGES if one not in HEEDED), 0.3)
        if header["type"] == "Error" and self.random.random() > ILL_FORMED:
            header["fatal"] = False  # whoever dials ends the connection after a fatal one
        has_payload = header["type"] in ("Chunk", "Task", "HandOn", "Pass", "FailedChunk", "Result", "File")
        payload = self.random.randbytes(self.random.choice((0, 1, 30, 300))) if has_payload else b""
        return frame(header, payload)

    def wrong_bytes(self) -> bytes:
        """Return a frame with some of its bytes changed, left out, or announced otherwise."""
        data = bytearray(self._frame())
        match self.random.randrange(5):
            case 0:
                del data[self.random.randrange(len(data)) :]
            case 1:
                data[self.random.randrange(len(data))] ^= 1 << self.random.randrange(8)
            case 2:
                data[4:8] = self.random.randbytes(4)
            case 3:
                data[8:16] = self.random.choice((2**63, 2**28, 2**28 + 1, 1)).to_bytes(8, "big")
            case 4:
                data = bytearray(self.random.randbytes(self.random.choice((1, 24, 1000))))
        return bytes(data)

    def heard(self, header: Header) -> None:
        """Learn from what the other side said."""
        with suppress(ProtocolError, KeyError):
            self.words.learn(MESSAGES[header["type"]].from_wire(header))


def exchange(garbage: Garbage, peer: RawPeer) -> None:
    """Send batches over one open connection until it is closed or has had enough. Raises Closed, TimeoutError."""
    for _ in range(garbage.random.randrange(1, BATCHES)):
        data, is_answer = garbage.batch()
        sender = threading.Thread(target=_send, args=(peer, data))
        sender.start()  # else both sides might wait for the other to read
        try:
            while True:
                header, _ = peer.hear(ANSWER_S)
                if is_answer(header):
                    break
                garbage.heard(header)
        finally:
            sender.join()
        garbage.was_taken(BATCH)
    if garbage.random.random() < BYTES_CHANCE:
        peer.send(garbage.wrong_bytes())
        garbage.taken += 1


def _send(peer: RawPeer, data: bytes) -> None:
    with suppress(Closed, OSError):
        peer.send(data)


def flood(garbage: Garbage, port: int, enough: Callable[[], bool]) -> None:
    """Connect and send garbage, again and again, until `enough`. Raises TimeoutError when an answer does not come."""
    while not enough():
        hello = _hello(garbage)
        with suppress(Closed, ConnectionError), RawPeer(port, garbage.role, hello=hello) as peer:
            exchange(garbage, peer)
            continue
        garbage.taken += 1  # the frame that ended the connection


def _hello(garbage: Garbage) -> Header:
    """Fields of a Hello. No worker offers a filter that honest jobs need."""
    words, random = garbage.words, garbage.random
    hello: dict[str, Any] = {"name": f"hostile {random.randrange(4)}", "token": secrets.token_hex(8)}
    if garbage.role == "worker" and garbage.target == "middleware":
        details = words.record(WorkerDetails, 0.1)
        details |= {"filters": [{"name": "hostile"}], "kinds": ["video"], "death": None}
        hello["details"] = details
    elif garbage.role == "aggregator":
        details = words.record(AggregatorDetails, 0.05)
        hello["details"] = details | {"store": secrets.token_hex(4), "addresses": [{"host": "", "port": 1}]}
    return hello


class HostileMiddleware:
    """Listens, welcomes whoever comes, and sends garbage; `with` ends it."""

    def __init__(self, role: str, seed: int) -> None:
        self.garbage = Garbage(role, "middleware", seed)
        self._role = role
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self.problems: list[str] = []
        self.connections = 0
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> HostileMiddleware:
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._ending.set()
        self._listener.close()
        self._thread.join(ANSWER_S)

    def _serve(self) -> None:
        while not self._ending.is_set():
            self._listener.settimeout(1.0)
            try:
                sock, _ = self._listener.accept()
            except TimeoutError:
                continue
            except OSError:
                return
            try:
                self._meet(sock)
            except (Closed, ConnectionError):
                self.garbage.taken += 1
            except TimeoutError:
                self.problems.append("an answer did not come")
            finally:
                sock.close()

    def _meet(self, sock: socket.socket) -> None:
        peer = RawPeer.accepted(sock)
        peer.say("Greeting", versions=[3], nonce=b"n" * 16, role="middleware")
        peer.expect("Hello")
        limits = self.garbage.random.choice(({}, {"beat_interval_s": 60.0, "credit": 4}, {"credit": "x"}))
        peer.say("Welcome", version=3, epoch=1, limits=limits)
        self.connections += 1
        if self._role == "worker":
            while not self._ending.is_set():
                exchange(self.garbage, peer)
        else:
            self._answer_a_client(peer)

    def _answer_a_client(self, peer: RawPeer) -> None:
        """A client asks, and is told much; it may end whenever it likes."""
        peer.hear(ANSWER_S)
        for _ in range(20):
            frames = [self.garbage._frame() for _ in range(BATCH)]
            peer.send(b"".join(frames))
            self.garbage.taken += len(frames)
