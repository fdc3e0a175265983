"""The budget of messages in progress: who waits, who is favoured, and that there is always one that goes on."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moviola.wire import limits
from moviola.wire.budget import Account, Budget
from moviola.wire.limits import KIB

LIMIT = 1024 * KIB


def used_up() -> tuple[Budget, Account, Account, Account]:
    """A budget of which one account holds all, and another is favoured; the third has nothing."""
    budget = Budget(LIMIT)
    holder, favoured, waiting = (budget.account() for _ in range(3))
    assert holder.take(LIMIT, LIMIT)
    assert favoured.take(LIMIT, LIMIT)
    return budget, holder, favoured, waiting


def test_within_the_budget_nobody_waits() -> None:
    budget = Budget(LIMIT)
    one, other = budget.account(), budget.account()
    assert one.take(LIMIT // 2, LIMIT)
    assert other.take(LIMIT // 2, LIMIT)
    assert budget.is_used_up
    assert budget.favoured is None


def test_beyond_it_the_message_closest_to_its_end_goes_on_and_the_others_wait() -> None:
    budget = Budget(LIMIT)
    holder, favoured, far, near = (budget.account() for _ in range(4))
    assert holder.take(LIMIT, LIMIT)
    assert favoured.take(100 * KIB, 500 * KIB)
    assert favoured.is_favoured
    assert not far.take(100 * KIB, 400 * KIB)
    assert not near.take(100 * KIB, 200 * KIB)
    assert favoured.take(400 * KIB, 400 * KIB)  # as much as its message needs
    assert budget.resumed() == []
    favoured.release()
    assert budget.resumed() == [near]
    assert near.is_favoured
    assert near.held_bytes == 100 * KIB
    holder.release()
    assert budget.resumed() == [far]
    assert not far.is_favoured


def test_who_says_little_never_waits() -> None:
    budget = Budget(LIMIT)
    assert budget.account().take(LIMIT, LIMIT)
    assert budget.account().take(LIMIT, LIMIT)
    assert budget.account().take(limits.FREE_SHARE, LIMIT)
    assert not budget.account().take(limits.FREE_SHARE + 1, LIMIT)


def test_who_is_gone_waits_for_nothing() -> None:
    budget, holder, favoured, waiting = used_up()
    assert not waiting.take(LIMIT, LIMIT)
    assert budget.is_contended
    waiting.release()
    assert not budget.is_contended
    favoured.release()
    holder.release()
    assert budget.resumed() == []
    assert budget.used_bytes == 0


def test_a_granted_demand_is_charged_once_when_it_is_made_again() -> None:
    budget, holder, favoured, waiting = used_up()
    assert not waiting.take(100 * KIB, 300 * KIB)
    holder.release()
    favoured.release()
    assert budget.resumed() == [waiting]
    assert waiting.held_bytes == 100 * KIB
    assert waiting.take(100 * KIB, 300 * KIB)
    assert waiting.held_bytes == budget.used_bytes == 100 * KIB
    assert waiting.take(200 * KIB, 200 * KIB)
    assert waiting.held_bytes == budget.used_bytes == 300 * KIB


def test_a_grant_ends_with_its_message() -> None:
    budget, holder, favoured, waiting = used_up()
    assert not waiting.take(100 * KIB, 300 * KIB)
    holder.release()
    favoured.release()
    waiting.release()
    assert waiting.take(100 * KIB, 300 * KIB)
    assert waiting.held_bytes == budget.used_bytes == 100 * KIB


@dataclass
class Receiver:
    """A connection that receives a message of some size, and doubles its memory as it comes."""

    account: Account
    size: int
    memory: int = 0
    waits: bool = False

    def go_on(self) -> None:
        if self.memory >= self.size:
            self.end()
            return
        more = min(self.size - self.memory, max(self.memory, 4 * KIB))
        self.waits = not self.account.take(more, self.size - self.memory)
        if not self.waits:
            self.memory += more
            assert self.account.held_bytes == self.memory

    def end(self) -> None:
        self.account.release()
        self.memory = 0


@pytest.mark.parametrize("largest", [64 * KIB, LIMIT])
@given(data=st.data())
def test_there_is_always_one_that_goes_on_and_memory_is_bounded(data: st.DataObject, largest: int) -> None:
    budget = Budget(LIMIT)
    sizes = st.integers(1, largest)
    receivers = [Receiver(budget.account(), data.draw(sizes)) for _ in range(data.draw(st.integers(1, 40)))]
    for _ in range(data.draw(st.integers(0, 200))):
        able = [one for one in receivers if not one.waits]
        assert able, "all wait: a deadlock"
        one = data.draw(st.sampled_from(able))
        if data.draw(st.integers(0, 20)) == 0:
            one.end()  # it is gone, and another comes
            one.size = data.draw(sizes)
        else:
            one.go_on()
        granted = budget.resumed()
        for waiting in receivers:
            if waiting.account in granted:
                assert waiting.waits
                waiting.waits = False
        assert budget.used_bytes == sum(one.account.held_bytes for one in receivers)
        assert budget.used_bytes <= LIMIT + largest + len(receivers) * limits.FREE_SHARE
