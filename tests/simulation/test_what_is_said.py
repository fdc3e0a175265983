"""What is said in simulated clusters, and whether docs/PROTOCOL.md and the shells keep to their word."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

import pytest

from aggregator.server import Server as AggregatorServer
from middleware.server import Server as MiddlewareServer
from moviola.session.run import Run
from moviola.wire.messages import ROLES, Message
from tests.simulation.network import End, Network
from tests.simulation.scenario import play
from tools.protocol import PAGE, section

SEEDS: Final = range(12)

PROGRAMS: Final = (*ROLES, "middleware")
"""What the names of loops begin with that keep to the protocol; others, such as an impostor's, need not."""


@dataclass
class Said:
    """What was seen over some seeds.

    Attributes:
        sent: (sender's role, message's name, receiver's role).
        answered: names of commands that shells answered.
        wrong: answers that did not carry the very command.
    """

    sent: set[tuple[str, str, str]] = field(default_factory=set)
    answered: set[str] = field(default_factory=set)
    wrong: list[tuple[Any, Any]] = field(default_factory=list)

    def watch(self, transmit: Callable[..., Any]) -> Callable[..., Any]:
        """Return the network's `transmit`, with a look at who sends what to whom."""

        def watched(network: Network, sender: End, message: Message, payload: bytes, xxh3: int) -> None:
            ends = (sender.loop.name, sender.link.other(sender).loop.name)
            roles = [role for name in ends for role in PROGRAMS if name.startswith(role)]
            if len(roles) == len(ends):
                self.sent.add((roles[0], type(message).__name__, roles[1]))
            transmit(network, sender, message, payload, xxh3)

        return watched

    def check(self, carry_out: Callable[..., Any]) -> Callable[..., Any]:
        """Return a shell's method that carries out one command, with a look at what it answers."""

        def checked(shell: Any, command: Any, *more: Any) -> Any:
            answers = carry_out(shell, command, *more)
            for answer in answers if isinstance(answers, list) else [answers]:
                if hasattr(answer, "command"):
                    self.answered.add(type(command).__name__)
                    if answer.command is not command:
                        self.wrong.append((command, answer))
            return answers

        return checked


@pytest.fixture(scope="module")
def said() -> Said:
    """Play the seeds once for all tests of this file."""
    found = Said()
    with pytest.MonkeyPatch.context() as patches:
        patches.setattr(Network, "transmit", found.watch(Network.transmit))
        for shell, carries_out in ((MiddlewareServer, "_do"), (AggregatorServer, "_carry_out"), (Run, "_execute")):
            patches.setattr(shell, carries_out, found.check(getattr(shell, carries_out)))
        for seed in SEEDS:
            play(seed)
    return found


def test_the_page_names_the_sender_and_the_receiver_of_each_message(said: Said) -> None:
    assert len(said.sent) > 30
    page = PAGE.read_text()
    for sender, name, receiver in said.sent:
        if name not in ("Hello", "Welcome"):  # of whoever dials, and of whoever accepts
            told = section(page, name).partition("**Sent**")[2].partition("**Answer**")[0]
            assert re.search(rf"\bby [^.]*\b{sender}\b", told), f"{sender} sends {name}: {told}"
            words = {receiver, "store"} if receiver == "aggregator" else {receiver}
            assert re.search(rf"\bto [^.]*\b({'|'.join(words)})\b", told), f"{name} is sent to {receiver}: {told}"


def test_the_shells_answer_with_the_very_command(said: Said) -> None:
    assert said.wrong == []
    assert said.answered >= {"SpoolStage", "Recall", "Keep", "Begin", "Check"}
