"""A hostile crowd in one process: silent connections, slow ones, and one user that asks for all it may.

`python -m bench.crowd --port 5000 --silent 4000 --slow 1000 --user` prints `ready` when all are there, keeps them there
(whoever is sent away comes again), and goes when its input ends; then it prints how often each sort was sent away.
It knows frames and nothing else of ours, so that it starts fast and takes little of the cores.
"""

from __future__ import annotations

import argparse
import heapq
import json
import resource
import secrets
import selectors
import socket
import struct
import sys
import threading
import time
from collections import deque
from contextlib import suppress
from typing import Any, Final

import msgpack

PREFIX: Final = struct.Struct("!4sIQQ")
VERSIONS: Final = [3]
SLOW_S: Final = 10.0
"""Seconds between two bytes of a slow connection."""

OPENED_PER_S: Final = 1000
"""Connections that are opened a second until all are there."""

OPENED_AGAIN_PER_S: Final = 50
"""Connections that are opened a second after that, for those that were sent away: the crowd is large, not fast."""

ASKED_PER_S: Final = 20
"""Rounds of questions of the user a second."""

MOST_JOBS: Final = 100
"""The most empty jobs that the user submits; it is usually refused before."""


def frame(kind: str, *, payload_size: int = 0, **fields: Any) -> bytes:
    header: bytes = msgpack.packb({"type": kind, **fields})
    return PREFIX.pack(b"MVLA", len(header), payload_size, 0) + header


def hello(name: str, user: str) -> bytes:
    return frame("Hello", role="client", name=name, session=secrets.token_hex(8), versions=VERSIONS, user=user)


class Member:
    """One connection: silent, or slow in the middle of a chunk."""

    def __init__(self, sock: socket.socket, *, is_slow: bool) -> None:
        self.sock, self.is_slow = sock, is_slow
        self._has_greeted = False

    def heard(self) -> bool:
        """Take what came; a slow connection says Hello then, and begins its chunk. Return False when it is closed."""
        try:
            data = self.sock.recv(65536)
            if data and self.is_slow and not self._has_greeted:
                self._has_greeted = True
                begun = frame("Chunk", payload_size=1 << 20, job="none", stream=0, index=0, frame_count=1)
                number = self.sock.fileno()
                self.sock.send(hello(f"slow-{number}", f"crowd-{number // 100}") + begun + bytes(1000))
        except OSError:
            return False
        return bool(data)

    def say_a_byte(self) -> None:
        with suppress(OSError):
            self.sock.send(b"\0")


class Crowd:
    """Keeps so many silent and slow connections open."""

    def __init__(self, port: int, silent: int, slow: int) -> None:
        self._port = port
        self._missing = deque([True] * slow + [False] * silent)  # which are slow
        self._selector = selectors.DefaultSelector()
        self._due: list[tuple[float, int, Member]] = []
        self._number = 0
        self._next_at = 0.0
        self._is_ready = False
        self._wanted, self._opened = silent + slow, 0
        self.sent_away = {"silent": 0, "slow": 0}
        self.stopping = False

    def run(self) -> None:
        while not self.stopping:
            self._open()
            if self._opened >= self._wanted and not self._is_ready:
                self._is_ready = True
                print("ready", flush=True)
            for key, _ in self._selector.select(0.05):
                if not key.data.heard():
                    self._gone(key.data)
            now = time.monotonic()
            while self._due and self._due[0][0] <= now:
                _, _, member = heapq.heappop(self._due)
                if member.sock.fileno() >= 0:
                    member.say_a_byte()
                    self._speak_later(member)

    def _open(self) -> None:
        now = time.monotonic()
        self._next_at = max(self._next_at, now - 0.1)
        while self._missing and self._next_at <= now:
            self._next_at += 1 / (OPENED_AGAIN_PER_S if self._is_ready else OPENED_PER_S)
            self._opened += 1
            sock = socket.socket()
            sock.setblocking(False)
            with suppress(BlockingIOError):
                sock.connect(("127.0.0.1", self._port))
            member = Member(sock, is_slow=self._missing.popleft())
            self._selector.register(sock, selectors.EVENT_READ, member)
            if member.is_slow:
                self._speak_later(member)

    def _gone(self, member: Member) -> None:
        self._selector.unregister(member.sock)
        member.sock.close()
        self.sent_away["slow" if member.is_slow else "silent"] += 1
        self._missing.append(member.is_slow)

    def _speak_later(self, member: Member) -> None:
        self._number += 1
        heapq.heappush(self._due, (time.monotonic() + SLOW_S, self._number, member))


def ask_for_all(port: int) -> None:
    """Play a user that submits up to MOST_JOBS empty jobs, asks for all records again and again, and reads all
    answers. Does not return."""
    chain = [{"name": "unheard-of"}]
    source = {"kind": "video", "name": "none.mp4", "stream_count": 1, "process": {}}
    policy = {"on_error": "original"}
    everything = frame("Watch", topics=["jobs", "workers"])
    made, pause = 0, threading.Event()
    while True:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port)) as sock:
            threading.Thread(target=_read_all, args=(sock,), daemon=True).start()
            sock.sendall(hello("user", "crowd"))
            while True:
                if made < MOST_JOBS:
                    made += 1
                    key, outputs = f"empty {made}", [{"name": "out", "chain": chain}]
                    sock.sendall(frame("Submit", key=key, source=source, outputs=outputs, policy=policy, user="crowd"))
                sock.sendall(10 * everything)
                pause.wait(1 / ASKED_PER_S)
        pause.wait(1 / ASKED_PER_S)


def _read_all(sock: socket.socket) -> None:
    with suppress(OSError):
        while sock.recv(1 << 20):
            pass


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--silent", type=int, default=4000)
    parser.add_argument("--slow", type=int, default=1000)
    parser.add_argument("--user", action="store_true")
    args = parser.parse_args()
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    crowd = Crowd(args.port, args.silent, args.slow)
    if args.user:
        threading.Thread(target=ask_for_all, args=(args.port,), daemon=True).start()

    def stop() -> None:
        sys.stdin.read()
        crowd.stopping = True

    threading.Thread(target=stop, daemon=True).start()
    crowd.run()
    print(json.dumps(crowd.sent_away), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
