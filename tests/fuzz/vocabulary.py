"""Messages that are well-formed and mean ill: fields filled with what was heard before, with what is odd, and mixtures.

A vocabulary learns from every message of the other side: jobs, leases, epochs, stores, names, whole maps. So what it
says is about things that exist, in states in which nobody would say it. The same seed says the same again.
"""

from __future__ import annotations

import copy
import types
import typing
from array import array
from dataclasses import fields
from enum import StrEnum
from functools import cache
from random import Random
from typing import Any, Final

from moviola.base.mapped import Check, check_for
from moviola.base.texts import MAX_NAME
from moviola.wire.addresses import Address
from moviola.wire.errors import ProtocolError
from moviola.wire.messages import MESSAGES, Error, HeldLease, Message, Task
from moviola.wire.schema import SIMPLE, Lease

MOST_OF_A_NAME: Final = 16
"""Values remembered of a field; the oldest are forgotten at random."""

MUTATED: Final = 0.15
"""Of maps and lists that are said again, those in which something is changed."""

DEEP: Final = 40
"""Nesting of the deepest map that is made."""

INTEGERS: Final = (0, 0, 1, 1, 2, 3, 5, 7, 8, 63, 64, 255, 4096, 9_999_999, 10_000_000, 2**31, 2**53, 2**63 - 1)
TEXTS: Final = (
    "", "x", "a", "b", "out", "blur", "video", "images", "table", "done", "failed", "partial", "kept", "duplicate",
    "unwanted", "refused", "no-room", "stored", "drained", "revoked", "computing", "delivering", "waiting", "filter",
    "bypass", "drop", "cancel", "pause", "resume", "retry", "forget", "detach", "jobs", "workers", "events", "filters",
    "..", "../../etc/passwd", "/", "a/b", "nul\0byte", "line\nbreak", "\u202eright", "\U0001f3ac" * 50, "x" * 200,
    "x" * 5000, "blur.mp4", "failed/", "too-large", "crash", "memory", "exception", "stall",
)  # fmt: skip
FLOATS: Final = (0.0, -1.0, 0.5, 1e9, 1e300, -1e300, 5e-324)

SOURCE: Final = {
    "kind": "video", "name": "clip.mp4", "stream_count": 1, "fingerprint": "f", "process": {"codec": "h264"},
}  # fmt: skip
OUTPUT: Final = {"name": "out", "chain": [{"name": "blur", "parameters": {}}]}
TEMPLATES: Final[dict[str, list[Any]]] = {
    "source": [
        SOURCE,
        {**SOURCE, "stream_count": 3},
        {**SOURCE, "process": {"stages": True}},
        {**SOURCE, "kind": "table"},
    ],
    "output": [OUTPUT],
    "outputs": [
        [OUTPUT],
        [{"name": "a", "chain": [{"name": "blur"}, {"name": "edges"}]}],
        [OUTPUT, {"name": "b", "chain": [{"name": "edges"}]}],
        [{"name": "out", "state": "done", "digest": "d", "fallback_frames": 1}],
    ],
    "policy": [{"on_error": one} for one in ("original", "fail", "drop", "black")],
    "cause": [{"kind": one, "text": "why"} for one in ("exception", "crash", "memory", "stall", "too-large")],
    "statistics": [{"retries": [0], "seconds": 1.0, "latencies_ms": [b"\0\0\0\0"], "losses": [0], "failures": []}],
    "files": [[{"file": "out.mp4", "size": 10, "xxh3": "0" * 32}], []],
    "addresses": [[{"host": "", "port": 5001}], [{"host": "127.0.0.1", "port": 9}], []],
    "limits": [{"beat_interval_s": 2.0, "credit": 2}, {"beat_interval_s": 1e-9, "credit": 10**9}],
    "chunk_counts": [[0], [1], [2], [3], [2, 2, 2]],
    "tracks": [[b""], [b"\x01"], [b"\xff"], [b"", b"", b""], [b"\x03", b"", b""]],
    "have": [None, [b""], [b"\x03"], [b"", b""]],
    "stage": [[], [0, 1], [1, 2], [0, 2], [1, 1], [2, 1], [0], [0, 9]],
    "versions": [[1], [2, 3], [3]],
    "topics": [["jobs"], ["workers"], ["filters"], ["jobs", "workers"], []],
    "kinds": [[], ["job-done", "progress"], ["task-retried"]], "journal": ["", "1", "2"],
    "since_unix_s": [None, 0.0, 150.0],
    "frames": [0, 10], "frame_count": [10, 1, 0], "index": [0, 1, 2, 3], "track": [0, 0, 1, 2], "stream": [0, 0, 1],
    "phase": ["waiting", "computing", "delivering"], "mode": ["filter", "bypass", "drop"],
    "outcome": ["stored", "duplicate", "unwanted", "refused", "failed", "drained", "revoked"],
    "verdict": ["kept", "duplicate", "unwanted", "refused", "no-room"], "state": ["done", "partial", "failed"],
    "verb": ["cancel", "pause", "resume", "priority", "retry", "forget", "detach", "drain"], "priority": [0, 1, 100],
    "on_error": ["original", "fail", "drop", "black"],
    "worker": ["a", "b", "c"], "fingerprint": ["f", "f", "g", ""], "fingerprints": [[], ["f"], ["g", ""], ["f", ""]],
    "offset": [0, 1, 100], "length": [1, 100, 8 * 1024 * 1024],
}  # fmt: skip


class Vocabulary:
    """What can be said, and how; `learn` adds to it. Of maps and lists that are said again, `mutated` are changed."""

    def __init__(self, random: Random, mutated: float = MUTATED) -> None:
        self.random = random
        self._mutated = mutated
        self._known: dict[str, list[Any]] = {name: list(values) for name, values in TEMPLATES.items()}

    def learn(self, message: Message) -> None:
        """Remember what the other side said, by the names of its fields."""
        data = message.to_wire()
        if isinstance(message, Error):
            return  # it repeats what was odd
        self._remember(data)
        if isinstance(message, Task):
            held = {one.name: data[one.name] for one in fields(HeldLease) if one.name in data}
            self._remember({"held": [{**held, "phase": self.random.choice(TEMPLATES["phase"])}]})

    def remember(self, name: str, value: Any) -> None:
        """Say this now and then in fields of this name."""
        known = self._known.setdefault(name, [])
        if len(known) >= MOST_OF_A_NAME:
            known[self.random.randrange(len(known))] = value
        else:
            known.append(value)

    def _remember(self, data: dict[str, Any], depth: int = 0) -> None:
        for name, value in data.items():
            self.remember(name, value)
            for one in value if isinstance(value, list) else [value]:
                if isinstance(one, dict) and depth < 3:
                    self._remember(one, depth + 1)

    # ── messages ─────────────────────────────────────────────────────────────────────────────────────────────────

    def message(self, kinds: tuple[str, ...], oddness: float = 0.15, strangers: float = 0.005) -> dict[str, Any]:
        """A header of one of these types, about `strangers` of any other. About `oddness` of its fields are odd."""
        kind = self.random.choice(kinds if self.random.random() >= strangers else tuple(MESSAGES))
        return {"type": kind, **self.record(MESSAGES[kind], oddness)}

    def record(self, cls: type[Any], oddness: float = 0.15) -> dict[str, Any]:
        hints = typing.get_type_hints(cls, include_extras=True)
        return {one.name: self.value(one.name, hints[one.name], oddness) for one in fields(cls)}

    def value(self, name: str, hint: Any, oddness: float) -> Any:
        """A value for a field: heard before, or made up; its type is right, what is within a map may not be."""
        roll, known = self.random.random(), self._known.get(name, [])
        if known and roll > oddness:
            chosen = self.random.choice(known)
            if isinstance(chosen, dict | list) and self.random.random() < self._mutated:
                chosen = self.mutated(copy.deepcopy(chosen))
            if _fits(hint, chosen):
                return chosen
        return self._made_up(hint)

    def _made_up(self, hint: Any) -> Any:
        random = self.random
        origin, arguments = typing.get_origin(hint), typing.get_args(hint)
        if origin is typing.Annotated:
            return random.choice(TEXTS)[: arguments[1].characters]
        if origin is list:
            return [self._made_up(arguments[0]) for _ in range(random.choice((0, 1, 1, 2, 3)))]
        if origin is dict:
            return {random.choice(TEXTS): self.anything() for _ in range(random.choice((0, 1, 3)))}
        if origin in (typing.Union, types.UnionType):
            return None if random.random() < 0.3 else self._made_up(arguments[0])
        if hint is Lease:
            return [random.choice(INTEGERS), random.choice(INTEGERS)]
        if hint is Address:
            return {"host": random.choice(TEXTS)[:MAX_NAME], "port": random.choice((1, 9, 5001, 65535))}
        if hint is array:
            return random.randbytes(4 * random.choice((0, 1, 8)))
        if isinstance(hint, type) and issubclass(hint, StrEnum):
            return random.choice(list(hint)).value
        if isinstance(hint, type) and hasattr(hint, "from_wire"):
            return self.record(hint)
        made: dict[Any, Any] = {
            int: random.choice(INTEGERS), float: random.choice(FLOATS), bool: random.random() < 0.5,
            bytes: random.randbytes(random.choice((0, 1, 8, 100))), str: random.choice(TEXTS),
        }  # fmt: skip
        return made[hint]

    # ── maps ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def anything(self, depth: int = 0) -> Any:
        """Plain data of any type."""
        random = self.random
        if depth < 3 and random.random() < 0.2:
            return [self.anything(depth + 1) for _ in range(random.choice((0, 1, 2, 5)))]
        if depth < 3 and random.random() < 0.2:
            return {random.choice(TEXTS): self.anything(depth + 1) for _ in range(random.choice((0, 1, 2, 5)))}
        if random.random() < 0.01:
            return _nested(DEEP)
        return random.choice(
            (None, True, False, random.choice(INTEGERS), -1, random.choice(FLOATS), random.choice(TEXTS), b"\xff\0")
        )

    def mutated(self, value: Any) -> Any:
        """The same map or list with something in it changed, left out or doubled."""
        random = self.random
        if isinstance(value, dict) and value and random.random() < 0.9:
            key = random.choice(list(value))
            roll = random.random()
            if roll < 0.2:
                del value[key]
            elif roll < 0.6 and isinstance(value[key], dict | list) and value[key]:
                value[key] = self.mutated(value[key])
            else:
                value[key] = self.anything()
            return value
        if isinstance(value, list) and value and random.random() < 0.9:
            at = random.randrange(len(value))
            roll = random.random()
            if roll < 0.2:
                del value[at]
            elif roll < 0.4:
                value.append(copy.deepcopy(value[at]))
            elif roll < 0.8 and isinstance(value[at], dict | list) and value[at]:
                value[at] = self.mutated(value[at])
            else:
                value[at] = self.anything()
        return value


@cache
def _check(hint: Any) -> Check:
    return check_for(hint, SIMPLE)


def _fits(hint: Any, value: Any) -> bool:
    """Whether a field may have this value, as far as its type says."""
    try:
        _check(hint)(value)
    except (TypeError, ValueError, ProtocolError):
        return False
    return True


def _nested(depth: int) -> Any:
    made: Any = {}
    for _ in range(depth):
        made = {"x": [made]}
    return made
