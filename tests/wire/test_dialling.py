"""Which address comes next: a script of what came of each, without a socket."""

from __future__ import annotations

from moviola.wire.addresses import Address
from moviola.wire.dialling import Candidate, Dialling

NAME = Address("name.example", 5000)

LITERAL = Address("10.0.0.7", 5000)

IPV6, IPV4 = Candidate(10, ("fd00::7", 5000, 0, 0)), Candidate(2, ("10.0.0.7", 5000))


def test_a_name_is_looked_up_only_when_its_turn_has_come() -> None:
    dialling = Dialling([LITERAL, NAME])
    assert dialling.next() == LITERAL
    dialling.resolved([IPV4])
    assert dialling.next() == IPV4
    dialling.failed("Connection refused")
    assert dialling.next() == NAME
    dialling.resolved([IPV6, IPV4])
    assert [dialling.next(), dialling.next(), dialling.next()] == [IPV6, IPV4, None]
    assert dialling.reason == (
        "10.0.0.7:5000: Connection refused; [fd00::7]:5000: no answer in time; 10.0.0.7:5000: no answer in time"
    )


def test_a_name_that_is_unknown_is_passed_over_and_said() -> None:
    dialling = Dialling([NAME, LITERAL])
    assert dialling.next() == NAME
    dialling.failed("Name or service not known")
    assert dialling.next() == LITERAL
    dialling.resolved([])
    assert dialling.next() is None
    assert dialling.reason == "name.example:5000: Name or service not known"


def test_without_an_address_that_is_the_reason() -> None:
    dialling = Dialling([])
    assert dialling.next() is None
    assert dialling.reason == "no address to try"
