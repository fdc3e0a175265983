"""Who is accepted where places are short: a script of those who come, without a socket."""

from __future__ import annotations

from moviola.wire import limits
from moviola.wire.admission import Admission

GRACE = limits.HANDSHAKE_GRACE_S


def test_while_there_are_places_everybody_is_accepted() -> None:
    admission = Admission(4, 4)
    assert admission.has_place(3, 0.0)
    assert admission.displaced(3) is None
    assert admission.paused_until is None


def test_where_all_places_are_taken_the_oldest_unfinished_handshake_goes_when_it_had_its_time() -> None:
    admission = Admission(4, 4)
    admission.handshakes.begin(1, "host", 0.0)
    assert not admission.has_place(4, 0.1)
    assert admission.paused_until == GRACE
    admission.resume(GRACE - 0.01)
    assert not admission.has_place(4, GRACE - 0.01)
    admission.resume(GRACE)
    assert admission.has_place(4, GRACE)
    assert admission.displaced(4) == 1


def test_where_all_have_said_who_they_are_accepting_rests() -> None:
    admission = Admission(4, 4)
    assert not admission.has_place(4, 10.0)
    assert admission.paused_until == 10.0 + limits.ACCEPT_PAUSE_S
    admission.resume(11.0)
    assert admission.has_place(3, 11.0)


def test_one_address_with_too_many_loses_its_oldest_when_that_had_its_time() -> None:
    admission = Admission(100, 4)
    for connection in (1, 2, 3):
        admission.handshakes.begin(connection, "crowd", 0.0)
    assert admission.surplus("other", 0.1) is None
    assert admission.surplus("crowd", 0.1) is None  # it has only just begun: those behind it wait
    assert admission.paused_until == GRACE
    assert admission.surplus("crowd", GRACE) == 1
