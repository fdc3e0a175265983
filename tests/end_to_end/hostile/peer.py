"""A peer of any role that speaks the protocol by hand, so that it can say what our own programs never would.

It knows frames and the handshake, and nothing else: headers are plain maps, sizes and checksums may be wrong.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import secrets
import socket
import struct
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any

import msgpack
import xxhash

from tests.end_to_end.cluster import LocalCluster, secret_at

PREFIX = struct.Struct("!4sIQQ")
MAGIC = b"MVLA"
VERSIONS = [3]
TIMEOUT_S = 30.0

Header = dict[str, Any]


class Closed(Exception):
    """The other side has closed the connection; the text is what it said last, if it said an Error."""


def frame(header: Header | bytes, payload: bytes = b"", *, size: int | None = None, xxh3: int | None = None) -> bytes:
    """The bytes of a frame; `size` and `xxh3` announce another payload than the one that follows."""
    packed = header if isinstance(header, bytes) else msgpack.packb(header)
    assert packed is not None
    told = len(payload) if size is None else size
    checksum = (xxhash.xxh3_64_intdigest(payload) if payload else 0) if xxh3 is None else xxh3
    return PREFIX.pack(MAGIC, len(packed), told, checksum) + packed + payload


class RawPeer:
    """One connection to a middleware or an aggregator; `with` closes it.

    Args:
        port: on this machine.
        role: what Hello says; None: not even Greeting is awaited, the connection is silent.
        name, session: as Hello says them; of its own making by default.
        user: whose jobs it submits and may touch; not the user of the honest clients by default.
        secret: for the proof; by default that of the cluster at this port, b"" for none.
        hello: further fields of Hello, which replace those above.
    """

    def __init__(
        self,
        port: int,
        role: str | None = "client",
        *,
        name: str = "",
        session: str = "",
        secret: bytes | None = None,
        host: str = "127.0.0.1",
        user: str = "mallory",
        hello: Header | None = None,
    ) -> None:
        self.sock = socket.create_connection((host, port), TIMEOUT_S)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._pending = b""
        self.welcome: Header = {}
        if role is not None:
            known = secret_at(port) if secret is None else secret
            told = {"user": user, **(hello or {})}
            self._shake_hands(role, name or f"hostile-{secrets.token_hex(4)}", session, known, told)

    @classmethod
    def accepted(cls, sock: socket.socket) -> RawPeer:
        """One that speaks over a connection which another program has made to us; the handshake is the caller's."""
        made = cls.__new__(cls)
        made.sock, made._pending, made.welcome = sock, b"", {}
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return made

    def _shake_hands(self, role: str, name: str, session: str, secret: bytes, hello: Header) -> None:
        nonce = self.expect("Greeting")["nonce"]
        told = {"role": role, "name": name, "session": session or secrets.token_hex(8), "versions": VERSIONS, **hello}
        if secret and "proof" not in told:
            parts = (nonce, *(str(told[key]).encode() for key in ("role", "name", "session")))
            material = b"".join(len(part).to_bytes(4, "big") + part for part in parts)
            told["proof"] = hmac.new(secret, material, hashlib.sha256).digest()
        self.say("Hello", **told)
        self.welcome = self.expect("Welcome")

    def __enter__(self) -> RawPeer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self.sock.close()

    # ── speaking ─────────────────────────────────────────────────────────────────────────────────────────────────

    def say(self, message_type: str, payload: bytes = b"", **fields: Any) -> None:
        """Sends a well-formed frame. Raises Closed when the other side has gone."""
        self.send(frame({"type": message_type, **fields}, payload))

    def submit(self, **fields: Any) -> str:
        """Submits a job, and returns its id from the answer: the record that says what is here of it. Records of other
        jobs may come before. Raises Closed, TimeoutError."""
        self.say("Submit", **fields)
        while True:
            record = self.expect("Job")
            if record.get("have") is not None:
                return str(record["job"])

    def send(self, data: bytes) -> None:
        """Sends bytes as they are. Raises Closed."""
        try:
            self.sock.sendall(data)
        except (ConnectionError, TimeoutError) as error:
            raise Closed(str(error)) from None

    # ── listening ────────────────────────────────────────────────────────────────────────────────────────────────

    def hear(self, timeout_s: float = TIMEOUT_S) -> tuple[Header, bytes]:
        """The next message and its payload. Raises Closed, and TimeoutError when nothing comes."""
        deadline = time.monotonic() + timeout_s
        magic, header_size, payload_size, _ = PREFIX.unpack(self._take(PREFIX.size, deadline))
        assert magic == MAGIC
        header = msgpack.unpackb(self._take(header_size, deadline))
        payload = self._take(payload_size, deadline)
        if header["type"] == "Error" and header.get("fatal", True):
            raise Closed(f"{header['code']}: {header['text']}")
        return header, payload

    def expect(self, message_type: str, timeout_s: float = TIMEOUT_S, **fields: Any) -> Header:
        """The next message of this type with these fields; others are passed over. Raises Closed, TimeoutError."""
        return self.expect_with_payload(message_type, timeout_s, **fields)[0]

    def expect_with_payload(
        self, message_type: str, timeout_s: float = TIMEOUT_S, **fields: Any
    ) -> tuple[Header, bytes]:
        deadline = time.monotonic() + timeout_s
        while True:
            header, payload = self.hear(max(deadline - time.monotonic(), 0.001))
            if header["type"] == message_type and all(header.get(name) == fields[name] for name in fields):
                return header, payload

    def closed(self, timeout_s: float = TIMEOUT_S) -> str:
        """Waits until the other side closes this connection; what it said last. Raises TimeoutError."""
        deadline = time.monotonic() + timeout_s
        try:
            while True:
                self.hear(max(deadline - time.monotonic(), 0.001))
        except Closed as end:
            return str(end)

    def _take(self, size: int, deadline: float) -> bytes:
        while len(self._pending) < size:
            self.sock.settimeout(max(deadline - time.monotonic(), 0.001))
            try:
                data = self.sock.recv(256 * 1024)
            except ConnectionError as error:
                raise Closed(str(error)) from None
            if not data:
                raise Closed("")
            self._pending += data
        taken, self._pending = self._pending[:size], self._pending[size:]
        return taken


def drained(peer: RawPeer) -> list[Header]:
    """What a peer has been told up to now, without waiting for more than a moment's silence."""
    heard = []
    with contextlib.suppress(TimeoutError, Closed):
        while True:
            heard.append(peer.hear(0.2)[0])
    return heard


# ── what is said often ───────────────────────────────────────────────────────────────────────────────────────────────


def submission(**changes: Any) -> Header:
    """Fields of a Submit that the middleware takes, of a made-up kind that no worker offers."""
    return {
        "key": secrets.token_hex(8),
        "source": {"kind": "video", "name": "clip.mp4", "stream_count": 1, "process": {}},
        "outputs": [{"name": "out", "chain": [{"name": "blur"}]}],
        "policy": {"on_error": "original"},
        **changes,
    }


def worker_details(*, filters: tuple[str, ...] = ("blur",), **changes: Any) -> Header:
    """`details` of a worker's Hello."""
    return {
        "filters": [{"name": name, "help": "", "parameters": []} for name in filters],
        "kinds": ["video"],
        "slots": 1,
        "fingerprint": "hostile",
        **changes,
    }


_REFERENCES: dict[tuple[bytes, str], list[str]] = {}
"""What one process makes of a clip by a chain: digests. Many tests send the same."""


class Honest:
    """An honest job beside whatever a test does: it must end with the digest of `--local`, in time.

    Args:
        cluster: running already.
        clip: what it sends.
        chain: its filters.
    """

    def __init__(self, cluster: LocalCluster, clip: Path, chain: str = "blur") -> None:
        self._cluster, self._clip, self._chain = cluster, clip, chain
        known = clip.read_bytes(), chain
        if known not in _REFERENCES:
            target = str(cluster.folder / "local.mp4")
            local = cluster.send(str(clip), "--filters", chain, "--local", "-y", "--out", target)
            _REFERENCES[known] = [one["digest"] for one in local["outputs"]]
        self._digests = _REFERENCES[known]

    def check(self, *arguments: str) -> dict[str, Any]:
        """Sends the job anew and compares digests; returns its `--json` object."""
        sent = self._cluster.send(str(self._clip), "--filters", self._chain, "--new", *arguments)
        assert [one["digest"] for one in sent["outputs"]] == self._digests
        return sent


def resident_bytes(process_id: int) -> int:
    """Memory that a process holds now."""
    for line in Path(f"/proc/{process_id}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    raise AssertionError("a process without VmRSS has ended")


def answers_within(ask: Callable[[], object], limit_s: float) -> float:
    """How long an answer took; AssertionError when longer than `limit_s`."""
    begun = time.monotonic()
    ask()
    seconds = time.monotonic() - begun
    assert seconds <= limit_s, f"the answer took {seconds:.1f} s, {limit_s} are allowed"
    return seconds
