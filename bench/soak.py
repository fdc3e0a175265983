"""Many small jobs under fire: `python -m bench.soak --minutes 10`.

Every few seconds a process is killed with -9: a worker, a client (which is then typed again), the middleware, the
aggregator. Every job must end with the digest that one process alone makes of it. The memory of middleware and
aggregator after a warm-up, the first minute, is compared with that at the end: the growth factor. In the warm-up and in
as long a time at the end both are spared, so that processes of one age are compared, over ledgers of very different
length. With `--spare` they are spared all the time, and a leak would show.

Exit status: 0 all jobs ended rightly and memory stayed flat; 1 otherwise.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import psutil
from rich.console import Console

from tests.end_to_end import clips
from tests.end_to_end.cluster import LocalCluster, finished

SERVERS: Final = ("middleware", "aggregator")
WARM_S: Final = 60.0
"""The warm-up, and the time at the end; of a short soak, a third of it."""

MOST_GROWTH: Final = 1.05
"""The most memory that is allowed at the end, as a multiple of that after the warm-up. It should not grow, because what
is over lies on disk."""

TOLD_EVERY_S: Final = 60.0
"""How often the memory is told meanwhile."""

CLIENTS: Final = 3
KILL_EVERY_S: Final = (2.0, 5.0)
JOB_LIMIT_S: Final = 180.0
"""How long a job, which has a second of work, may take, however often its processes are killed. After that it counts as
hung."""

UNREACHABLE: Final = 3
"""The exit status of a client that found no middleware, and has sent nothing."""

WEIGHTS: Final = {"worker": 4, "client": 2, "middleware": 1, "aggregator": 1}


@dataclass(frozen=True)
class Recipe:
    """The arguments of a command, and the digest that its result must have."""

    arguments: tuple[str, ...]
    digest: str


@dataclass
class Sending:
    """A client at work."""

    recipe: Recipe
    process: subprocess.Popen[str]
    began: float
    kills: int = 0


@dataclass
class Soak:
    cluster: LocalCluster
    recipes: list[Recipe]
    seconds: float
    spare: bool
    random: random.Random
    console: Console
    jobs: int = 0
    kills: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)
    retries: int = 0

    def run(self) -> dict[str, float]:
        """Run jobs until the time is over and the last ones have ended. Return the growth factor of each server's
        memory."""
        began = time.monotonic()
        kill_at = began
        warm_s = min(WARM_S, self.seconds / 3)
        tell_at = TOLD_EVERY_S
        sendings: list[Sending] = []
        early: dict[str, float] = {}
        pause = threading.Event()
        while (elapsed := time.monotonic() - began) < self.seconds or sendings:
            if elapsed < self.seconds:
                while len(sendings) < CLIENTS:
                    sendings.append(self._begin(self.random.choice(self.recipes)))
                if time.monotonic() >= kill_at:
                    self._kill(sendings, warm_s < elapsed < self.seconds - warm_s)
                    kill_at = time.monotonic() + self.random.uniform(*KILL_EVERY_S)
            if not early and elapsed >= warm_s:
                early = self._memory()
                self.console.print(f"warm after {elapsed:.0f} s, {self.jobs} jobs: {_shown(early)}")
            elif elapsed >= tell_at:
                tell_at += TOLD_EVERY_S
                self.console.print(f"after {elapsed:.0f} s, {self.jobs} jobs: {_shown(self._memory())}")
            sendings = [one for one in sendings if not self._has_ended(one)]
            pause.wait(0.05)
        late = self._memory()
        self.console.print(f"at the end, after {time.monotonic() - began:.0f} s, {self.jobs} jobs: {_shown(late)}")
        return {role: late[role] / early[role] for role in early}

    def _begin(self, recipe: Recipe) -> Sending:
        return Sending(recipe, self.cluster.begin(*recipe.arguments, "--new"), time.monotonic())

    def _kill(self, sendings: list[Sending], with_servers: bool) -> None:
        roles = [role for role in WEIGHTS if role not in SERVERS or (with_servers and not self.spare)]
        (role,) = self.random.choices(roles, [WEIGHTS[one] for one in roles])
        if role == "worker":
            children = self.cluster.worker_children()
            if children:
                self.random.choice(children).kill()
        elif role == "client":
            one = self.random.choice(sendings)
            if one.process.poll() is not None:
                return
            one.process.kill()
            one.process.communicate()
            one.process = self.cluster.begin(*one.recipe.arguments)  # the same again goes on with the same job
            one.kills += 1
        else:
            self.cluster.restart(role)
        self.kills[role] += 1

    def _has_ended(self, one: Sending) -> bool:
        if one.process.poll() is None:
            if time.monotonic() - one.began < JOB_LIMIT_S:
                return False
            one.process.kill()
            self.faults.append(f"{' '.join(one.recipe.arguments)} did not end in {JOB_LIMIT_S:.0f} s")
            return True
        if one.process.returncode == UNREACHABLE:
            one.process.communicate()
            one.process = self.cluster.begin(*one.recipe.arguments)  # it was typed while no middleware was there
            return False
        self.jobs += 1
        try:
            (made,) = finished(one.process)["outputs"]
            self.retries += made["retries"]
            if made["digest"] != one.recipe.digest or made["fallback_frames"]:
                self.faults.append(f"{' '.join(one.recipe.arguments)}: {json.dumps(made)}")
        except (AssertionError, ValueError) as error:
            self.faults.append(f"{' '.join(one.recipe.arguments)}: {error}")
        return True

    def _memory(self) -> dict[str, float]:
        """Return the bytes that each server has in memory, without its children."""
        return {role: psutil.Process(self.cluster.processes[role].pid).memory_info().rss for role in SERVERS}


def _shown(memory: dict[str, float]) -> str:
    return ", ".join(f"{role} {size / 1e6:.1f} MB" for role, size in memory.items())


def recipes_of(cluster: LocalCluster) -> list[Recipe]:
    """Return small jobs of a whole real clip, and of generated clips of other shapes. Their digests are those that one
    process without a cluster makes."""
    film = clips.film()
    made = [
        clips.moving(cluster.folder / "long.mp4", frames=320, gop=16, size=(320, 240), b_frames=2),
        clips.moving(cluster.folder / "odd.mp4", frames=97, gop=30, size=(200, 120)),
    ]
    told: list[tuple[Any, ...]] = [
        (film, "--filters", "blur", "--codec", "mpeg4"),
        (film, "--filters", "edges", "--chunk-frames", "32", "--preset", "ultrafast"),
        *((clip, "--filters", chain, "--chunk-frames", "16") for clip in made for chain in ("blur", "motion", "edges")),
    ]
    found = []
    for one in told:
        arguments = tuple(map(str, one))
        (output,) = cluster.send(*arguments, "--local")["outputs"]
        found.append(Recipe(arguments, str(output["digest"])))
    return found


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.soak", description=__doc__.partition("\n\n")[0])
    parser.add_argument("--minutes", type=float, default=10.0, metavar="M", help="at least 1 (%(default)s)")
    parser.add_argument("--workers", type=int, default=2, metavar="N", help="worker processes (%(default)s)")
    parser.add_argument("--seed", type=int, default=int.from_bytes(os.urandom(4)), help="of the kills (random)")
    parser.add_argument("--spare", action="store_true", help="kill workers and clients only")
    args = parser.parse_args()
    console = Console()
    console.print(f"seed {args.seed}")
    with tempfile.TemporaryDirectory() as name, LocalCluster(Path(name), workers=args.workers) as cluster:
        recipes = recipes_of(cluster)
        seconds = max(args.minutes, 1.0) * 60
        soak = Soak(cluster, recipes, seconds, args.spare, random.Random(args.seed), console)
        growth = soak.run()
        kills = ", ".join(f"{count} × {role}" for role, count in sorted(soak.kills.items()))
        console.print(f"{soak.jobs} jobs, {soak.retries} tasks tried again; killed: {kills}")
        for role, ratio in growth.items():
            console.print(f"{role}: growth factor {ratio:.3f} from warm to the end ({MOST_GROWTH} at most)")
        for fault in soak.faults:
            console.print(fault, markup=False)
    return 1 if soak.faults or max(growth.values()) > MOST_GROWTH else 0


if __name__ == "__main__":
    sys.exit(main())
