"""Who goes where places are short."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from moviola.wire import limits
from moviola.wire.places import Handshakes, Idlers


def test_the_oldest_handshake_of_an_address_goes_when_it_has_too_many() -> None:
    handshakes = Handshakes(8)
    handshakes.begin(1, "other", 0.0)
    for number in range(2, 7):
        assert handshakes.surplus("one") is None
        handshakes.begin(number, "one", float(number))
    assert handshakes.surplus("one") == 2
    assert handshakes.surplus("other") is None
    handshakes.end(2)
    assert handshakes.surplus("one") is None
    assert handshakes.grace_ends_at(3) == 3.0 + limits.HANDSHAKE_GRACE_S


def test_the_oldest_of_all_goes_when_there_are_too_many() -> None:
    handshakes = Handshakes(4)
    for number in range(5):
        handshakes.begin(number, f"host {number}", float(number))
    assert handshakes.surplus("host 4") == 0
    assert handshakes.oldest() == 0


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 3), st.booleans())), st.integers(1, 12))
def test_there_are_never_more_than_may_be(steps: list[tuple[int, int, bool]], most: int) -> None:
    handshakes, model = Handshakes(most), dict[int, str]()
    for number, host, begins in steps:
        handshakes.end(number)
        model.pop(number, None)
        if not begins:
            continue
        handshakes.begin(number, f"{host}", 0.0)
        model[number] = f"{host}"
        while (surplus := handshakes.surplus(f"{host}")) is not None:
            handshakes.end(surplus)
            del model[surplus]
        assert len(handshakes) == len(model) <= most
        assert list(model.values()).count(f"{host}") <= max(most // 2, 1)
        assert handshakes.oldest() == next(iter(model), None)


def test_who_wants_nothing_goes_before_who_looks_on_and_who_has_a_job_stays() -> None:
    idlers = Idlers()
    assert idlers.spared() is None
    idlers.heard(1, 0.0, has_job=False, looks_on=True)
    idlers.heard(2, 1.0, has_job=False, looks_on=False)
    idlers.heard(3, 2.0, has_job=False, looks_on=False)
    idlers.heard(4, 0.0, has_job=True, looks_on=True)
    assert idlers.spared() == 2
    idlers.heard(2, 3.0, has_job=False, looks_on=False)
    assert idlers.spared() == 3
    assert idlers.next_deadline() == 2.0 + limits.IDLE_CLIENT_S
    assert idlers.expired(2.0 + limits.IDLE_CLIENT_S) == [3]
    idlers.heard(3, 4.0, has_job=True, looks_on=False)
    idlers.forget(2)
    assert idlers.next_deadline() is None
    assert idlers.spared() == 1
    idlers.forget(1)
    assert idlers.spared() is None
