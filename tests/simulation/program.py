"""A program of a simulated cluster: it starts, takes turns, dies at a point, and starts again."""

from __future__ import annotations

import errno
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from moviola.storage.spool import Location, Spool
from moviola.wire.addresses import Address
from tests.simulation.network import Network, SimLoop
from tests.simulation.world import World

MIDDLEWARE: Final = Address("middleware", 5000)
SPOOL_BYTES: Final = 1 << 20
TIGHT_SPOOL_BYTES: Final = (120, 300)
"""What some runs' middleware may hold: about 10 chunks, or 25."""
SEGMENT_BYTES: Final = 256
"""Segments that hold a handful of the simulation's tiny payloads, so that recycling happens all the time."""


BUG: Final = "in a simulation nothing that a brain raises may pass"
"""What a brain says of itself after it raised. Else its program might close the peer, and go on as if nothing was."""


class Killed(BaseException):
    """A program dies here, whatever it was doing."""


class Program:
    """A process that can be started, killed at any point of a turn, stopped (as by SIGSTOP) and continued."""

    def __init__(self, name: str, world: World, network: Network) -> None:
        self.name, self.world, self.network = name, world, network
        self.loop: SimLoop | None = None
        self.lives = 0
        self.is_stopped = False
        self.resumed_at = 0.0
        self.death: str | None = None  # where in its next turn it will die
        self._turn_at: float | None = None

    @property
    def is_alive(self) -> bool:
        return self.loop is not None

    def start(self) -> None:
        self.lives += 1
        life = self.lives
        self.death = self._turn_at = None
        self.loop = SimLoop(self.name, self.network, lambda: self._arrived(life))
        self.world.tell(f"{self.name} starts (life {life})")
        self._begin()
        self._wake(0.0)

    def kill(self) -> None:
        """kill -9: what was not committed is gone, what was not sent never was."""
        if self.loop is None:
            return
        self.world.tell(f"{self.name} is killed")
        loop, self.loop = self.loop, None
        self._turn_at = None
        loop.shut()
        self._end()

    def stop(self, seconds: float) -> None:
        """SIGSTOP, and SIGCONT after a while."""
        if self.is_alive and not self.is_stopped:
            self.world.tell(f"{self.name} is stopped for {seconds:.1f} s")
            self.is_stopped = True
            self.world.later(seconds, self.resume)

    def resume(self) -> None:
        if self.is_stopped:
            self.is_stopped, self.resumed_at = False, self.world.now
            self.world.tell(f"{self.name} goes on")
            self._wake(0.0)

    def _arrived(self, life: int) -> None:
        if life == self.lives:
            self._wake(0.0)

    def _wake(self, delay_s: float) -> None:
        """Lets a turn come after a delay, unless one comes before it anyway."""
        at = self.world.now + max(delay_s, 0.0)
        if self._turn_at is not None and self._turn_at <= at:
            return
        self._turn_at = at
        life = self.lives
        self.world.later(delay_s, lambda: self._due(at, life))

    def _due(self, at: float, life: int) -> None:
        if self.loop is None or life != self.lives or self._turn_at != at:
            return
        self._turn_at = None
        if self.is_stopped:
            return
        try:
            self._turn()
        except Killed:
            self.kill()
            return
        if self.loop is None:
            return
        if self.death == "in-flush":
            self.kill()
            return
        deadline = self._deadline()
        if deadline is not None:
            self._wake(max(deadline - self.world.now, 0.001))

    def check(self, point: str) -> None:
        """Dies if this is where it was to die."""
        if self.death == point:
            raise Killed

    # what each program is

    def _begin(self) -> None:
        raise NotImplementedError

    def _end(self) -> None:
        pass

    def _turn(self) -> None:
        raise NotImplementedError

    def _deadline(self) -> float | None:
        raise NotImplementedError


class Disk:
    """Wraps a real ledger and spool so that a program can die around a commit and a write can fail."""

    def __init__(self, program: Program) -> None:
        self._program = program
        self.full_chance = 0.0

    def wrap(self, ledger: Any, spool: Spool) -> None:
        commit, append = ledger.commit, spool.append

        def committed() -> None:
            self._program.check("before-commit")
            commit()
            self._program.check("after-commit")

        def appended(key: str, payload: Any, **limits: int) -> Location:
            if self.full_chance and self._program.world.random.random() < self.full_chance:
                raise OSError(errno.ENOSPC, "No space left on device")
            return append(key, payload, **limits)

        ledger.commit = committed
        spool.append = appended  # type: ignore[method-assign, assignment]

    def damage(self, folder: Path, among: Sequence[int] = ()) -> None:
        """Some bytes of a file in the spool are not what they were, or all of it is gone; of one of these segments, if
        there are any."""
        world = self._program.world
        files = [path for path in sorted((folder / "spool").glob("*.segment")) if path.stat().st_size]
        files = [path for path in files if int(path.stem) in among] or files
        if not files:
            return
        path = world.random.choice(files)
        if world.random.random() < 0.3:
            path.unlink()
            return world.see("unlinked", f"{self._program.name}'s {path.name} is removed")
        data = bytearray(path.read_bytes())
        start = world.random.randrange(len(data))
        stop = min(len(data), start + world.random.choice((1, 20, SEGMENT_BYTES)))
        data[start:stop] = bytes(byte ^ 0x55 for byte in data[start:stop])
        with path.open("r+b") as file:
            file.write(data)
        world.see("damaged", f"bytes {start} to {stop} of {self._program.name}'s {path.name} are damaged")
        return None
