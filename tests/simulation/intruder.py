"""A client that submits what no honest one would: at every limit, beyond it, and what an aggregator cannot take."""

from __future__ import annotations

import secrets
from typing import Any, Final

from moviola.wire.events import Lost, Received
from moviola.wire.messages import VERSIONS, Chunk, Control, Error, Hello, Job, Submit, Welcome
from tests.simulation.network import POISON, Network
from tests.simulation.program import MIDDLEWARE, Program
from tests.simulation.world import World

INTERVAL_S: Final = 2.0
"""Between two submissions."""

FAR: Final = 500
"""The index of a chunk before which there are none."""


class Intruder(Program):
    """Submits until the time of faults is over; its jobs are never sent whole, and it takes no interest in them."""

    def __init__(self, name: str, world: World, network: Network) -> None:
        super().__init__(name, world, network)
        self._link: int | None = None
        self._is_open = False
        self._next_at = 0.0
        self._last: Submit | None = None

    def _begin(self) -> None:
        self._link, self._is_open, self._last = None, False, None
        self._next_at = self.world.now

    def _submission(self) -> Submit:
        random = self.world.random
        is_flawed = random.random() < 0.5
        length = random.choice((256, 70_000) if is_flawed else (1, 200, 255))
        streams = random.choice((1, 64, 65) if is_flawed else (1, 2, 64))
        source: dict[str, Any] = {
            "kind": "video", "name": "i" * length, "fingerprint": "f", "process": {}, "splice": {},
            "facts": {POISON: True} if random.random() < 0.4 else {}, "stream_count": streams,
        }  # fmt: skip
        source["facts"]["text"] = "x" * random.choice((0, 3 << 20) if is_flawed else (0, 1000))
        name = "o" * random.choice((121, 250) if is_flawed else (1, 118))
        count = random.choice((1, 65) if is_flawed else (1, 2, 64))
        outputs = [{"name": f"{name}{number}", "chain": [{"name": "blur"}]} for number in range(count)]
        return Submit(secrets.token_hex(8), source, outputs, priority=0)

    def _turn(self) -> None:
        assert self.loop is not None
        for event in self.loop.turn():
            if isinstance(event, Lost):
                self._link, self._is_open = None, False
            elif isinstance(event, Received):
                self._heard(event.message)
        if self.world.now >= self._next_at:
            self._next_at = self.world.now + INTERVAL_S
            self._go_on()
        self.loop.flush()

    def _go_on(self) -> None:
        assert self.loop is not None
        if self._link is None:
            hello = Hello("client", self.name, secrets.token_hex(8), list(VERSIONS))
            self._link = self.loop.dial([MIDDLEWARE], hello)
        elif self._is_open:
            self._last = self._submission()
            self.loop.send(self._link, self._last)

    def _heard(self, message: Any) -> None:
        assert self.loop is not None
        assert self._link is not None
        if isinstance(message, Welcome):
            self._is_open = True
        elif isinstance(message, Error):
            self.world.see("refused", f"intruder is refused: {message.code} {message.text}")
        elif isinstance(message, Job) and message.have is not None and self._last is not None:
            self.world.see("intruded", f"intruder's job {message.job} is taken")
            streams, self._last = self._last.source["stream_count"], None
            if streams > 1 and message.send_window_bytes:
                self.loop.send(self._link, Chunk(message.job, 1, FAR, 1), b"x")
            self.loop.send(self._link, Control(message.job, "detach"))

    def _deadline(self) -> float | None:
        return self._next_at
