"""Who sends which message to whom, over some seeds: `python -m tests.simulation.directions` prints it as JSON."""

from __future__ import annotations

import json
from typing import Final

from moviola.wire.messages import ROLES, Message
from tests.simulation.network import End, Network
from tests.simulation.scenario import play

SEEDS: Final = range(12)

PROGRAMS: Final = (*ROLES, "middleware")
"""What the names of loops begin with that keep to the protocol; others, such as an impostor's, need not."""


def observed() -> set[tuple[str, str, str]]:
    """Return (sender's role, message's name, receiver's role) of all that was sent."""
    found: set[tuple[str, str, str]] = set()
    transmit = Network.transmit

    def watched(self: Network, sender: End, message: Message, payload: bytes, xxh3: int) -> None:
        ends = (sender.loop.name, sender.link.other(sender).loop.name)
        roles = [role for name in ends for role in PROGRAMS if name.startswith(role)]
        if len(roles) == len(ends):
            found.add((roles[0], type(message).__name__, roles[1]))
        transmit(self, sender, message, payload, xxh3)

    Network.transmit = watched  # type: ignore[method-assign]
    for seed in SEEDS:
        play(seed)
    return found


if __name__ == "__main__":
    print(json.dumps(sorted(observed())))
