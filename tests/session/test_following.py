"""A cluster that is looked at again and again, while its middleware goes away and comes back."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from moviola.session.following import Following, follow
from moviola.session.target import Target
from moviola.wire.addresses import Address
from moviola.wire.errors import Refused, Unreachable
from moviola.wire.messages import Error, Watch
from tests.session.fakes import FakeCluster
from tests.waiting import until

OFTEN_S = 0.02


def target(cluster: FakeCluster) -> Target:
    return Target(Address("127.0.0.1", cluster.port))


def turn_until(following: Following, condition: Callable[[], object], what: str) -> None:
    until(lambda: bool(condition()), what, turn=lambda: following.turn(time.monotonic() + OFTEN_S))


@pytest.fixture
def following(cluster: FakeCluster) -> Following:
    return Following(target(cluster), ["overview"], OFTEN_S, limit=7)


def test_it_asks_again_and_again(cluster: FakeCluster, following: Following) -> None:
    turn_until(following, lambda: following.view is not None, "a view")
    first = following.view
    turn_until(following, lambda: following.view is not first, "a newer view")
    assert following.view is not None
    assert following.view.overview is not None
    assert len(following.view.workers) == 2
    assert cluster.received[1] == Watch(topics=["overview"], limit=7)
    following.close()


def test_it_asks_nothing_while_it_is_paused(cluster: FakeCluster, following: Following) -> None:
    turn_until(following, lambda: following.view is not None, "a view")
    following.is_paused = True
    asked = cluster.count(Watch)
    for _ in range(10):
        following.turn(time.monotonic() + OFTEN_S)
    assert cluster.count(Watch) <= asked + 1  # one may have been on its way
    seen = following.view
    following.is_paused = False
    turn_until(following, lambda: following.view is not seen, "a newer view")
    following.close()


def test_a_middleware_that_goes_away_is_called_until_it_is_back(cluster: FakeCluster, following: Following) -> None:
    turn_until(following, lambda: following.view is not None, "a view")
    seen = following.view
    cluster.script.is_away = True
    turn_until(following, lambda: following.away, "the loss of the connection")
    assert following.view is not None  # what was known stays
    assert "No middleware answers at 127.0.0.1" in str(following.unreachable())
    cluster.script.is_away = False
    turn_until(following, lambda: not following.away, "a new connection")
    turn_until(following, lambda: following.view is not seen, "a newer view")
    following.close()


def test_a_middleware_that_says_no_ends_it(cluster: FakeCluster, following: Following) -> None:
    cluster.script.refuse_watches = Error("not-yours", "no", fatal=False)
    with pytest.raises(Refused, match="no"):
        turn_until(following, lambda: False, "the refusal")
    following.close()


def test_views_and_absences_are_yielded(cluster: FakeCluster) -> None:
    views = follow(target(cluster), ["workers", "jobs"], OFTEN_S)
    first = next(views)
    assert not isinstance(first, Unreachable)
    assert len(first.workers) == 2
    cluster.script.is_away = True
    until(lambda: isinstance(next(views), Unreachable), "an absence")
    cluster.script.is_away = False
    until(lambda: not isinstance(next(views), Unreachable), "a view again")
    views.close()
