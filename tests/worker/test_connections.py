"""A worker's session by scripts: connections come and go, and leases outlive them."""

from __future__ import annotations

from itertools import pairwise

import pytest

from moviola.wire.addresses import Address
from moviola.wire.messages import (
    Aggregator,
    Beat,
    Cause,
    Death,
    Revoke,
    WorkerDetails,
)
from moviola.wire.schema import Lease
from moviola.wire.tokens import for_store
from tests.worker.cluster import task
from tests.worker.script import RESULT, WELCOME, A, B, Script, aggregator, dial_store, held, released
from worker.events import (
    MIDDLEWARE,
    Abandon,
    Compute,
    Computed,
    Dial,
    Failed,
    HangUp,
    Lost,
    Opened,
    Send,
    Tick,
)
from worker.link import MAX_RECONNECT_S, RECONNECT_FIRST_S, SAY_AGAIN_S
from worker.peers import MAX_STORES


def test_leases_outlive_the_connection_and_are_listed_in_the_next_hello() -> None:
    script = Script(death=Death(text="…")).connect()
    script.told(task(A))
    script.told(task(B))
    script.connect_store()
    script.after(Computed(A, RESULT))
    assert script.after(Lost(MIDDLEWARE, "gone")) == []
    assert script.stored(A) == []  # nobody to tell
    (dial,) = script.wait(RECONNECT_FIRST_S)
    assert held(dial) == [(A, "delivering"), (B, "computing")]
    assert isinstance(dial, Dial)
    assert dial.hello.details["death"] is None  # told once is enough
    assert script.after(Failed(B, Cause(text="no"))) == []
    assert script.after(Opened(MIDDLEWARE, WELCOME)) == [
        released(A, "stored"),
        released(B, "failed", Cause(text="no")),
    ]
    assert script.beats == [Beat([])]


def test_a_death_is_told_again_until_somebody_has_heard_it() -> None:
    death = Death(Lease(1, 1), text="…")
    script = Script(death=death)
    script.after(Tick())
    script.after(Lost(MIDDLEWARE, "refused"))
    (again,) = script.wait(RECONNECT_FIRST_S)
    assert isinstance(again, Dial)
    assert WorkerDetails.from_wire(again.hello.details).death == death


def test_delays_between_tries_double_up_to_a_bound_and_a_line_is_said_now_and_then() -> None:
    script = Script()
    script.after(Tick())
    delays: list[float] = []
    said_at: list[float] = []
    for _ in range(20):
        script.after(Lost(MIDDLEWARE, "refused"))
        said_at += [script.now for _ in script.logged]
        deadline = script.session.next_deadline()
        assert deadline is not None
        delays.append(deadline - script.now)
        assert isinstance(script.wait(delays[-1])[0], Dial)
    assert delays[:4] == pytest.approx([RECONNECT_FIRST_S * n for n in (1, 2, 4, 8)])
    assert max(delays) == pytest.approx(MAX_RECONNECT_S)
    assert len(said_at) >= 2
    assert all(later - earlier >= SAY_AGAIN_S for earlier, later in pairwise(said_at))


def test_results_without_a_verdict_are_sent_again_when_the_store_is_back() -> None:
    script = Script().connect()
    script.told(task(A))
    script.told(task(B))
    script.connect_store()
    (_, first) = script.after(Computed(A, RESULT))
    script.after(Lost("store", "gone"))
    assert script.after(Computed(B, RESULT)) == []
    assert script.wait(RECONNECT_FIRST_S) == [dial_store(9000)]
    again = script.after(Opened("store", WELCOME))
    assert again[0] == first
    assert [send.message.to_wire()["lease"] for send in again if isinstance(send, Send)] == [A, B]


def test_a_store_that_moved_is_dialled_there_at_once() -> None:
    script = Script().connect()
    script.told(task(A))
    script.connect_store()
    script.after(Computed(A, RESULT))
    assert script.told(aggregator(9000)) == []  # no news
    assert script.told(aggregator(9001)) == [HangUp("store"), dial_store(9001)]
    (send,) = script.after(Opened("store", WELCOME))
    assert isinstance(send, Send)
    for _ in range(8):
        script.after(Lost("store", "gone"))
        script.wait(MAX_RECONNECT_S)
    script.after(Lost("store", "gone"))
    assert script.told(aggregator(9001)) == [dial_store(9001)]  # it is said to be there: no more waiting


def test_a_result_for_a_store_nobody_knows_waits_for_its_address() -> None:
    script = Script().connect()
    assert script.told(task(A, owner="other")) == [Compute(task(A, owner="other"), b"")]
    assert script.after(Computed(A, RESULT)) == []
    (dial,) = script.told(aggregator(9002, store="other"))
    assert isinstance(dial, Dial)
    assert dial.peer == "other"


def test_a_store_without_tasks_is_left_alone() -> None:
    script = Script().connect()
    assert script.wait(10.0) == []
    script.told(task(A))
    script.connect_store()
    script.after(Computed(A, RESULT))
    script.stored(A)
    assert script.after(Lost("store", "gone")) == []
    assert script.wait(10.0) == []


def test_a_store_on_the_middlewares_own_loopback_is_dialled_on_its_machine() -> None:
    script = Script().connect()
    script.told(task(A))
    script.told(Aggregator("near", "agg", [Address("127.0.0.1", 9001), Address("there", 9001)]))
    assert script.session.peers.links["near"].addresses == (Address("middle", 9001), Address("there", 9001))


def test_addresses_of_stores_are_bounded() -> None:
    script = Script().connect()
    script.told(task(A))
    for number in range(3 * MAX_STORES):
        script.told(aggregator(9000, store=f"s{number}"))
    assert len(script.session.peers.links) == 1 + MAX_STORES
    assert "store" in script.session.peers.links
    script.told(Aggregator("nowhere", "agg", []))
    assert "nowhere" not in script.session.peers.links


@pytest.mark.parametrize("code", ["superseded", "name-taken"])
def test_a_worker_whose_name_another_has_says_so_once_and_tries_again(code: str) -> None:
    script = Script().connect()
    assert script.after(Lost(MIDDLEWARE, "another worker has the name", code)) == []
    assert script.logged == ["lost the middleware at middle:5000: another worker has the name"]
    [dial] = script.wait(1.0)
    assert isinstance(dial, Dial)
    assert dial.hello.token == "token"
    assert script.after(Lost(MIDDLEWARE, "another worker has the name", code)) == []
    assert script.logged == []
    script.wait(1.0)
    script.after(Lost(MIDDLEWARE, "connection refused"))
    assert script.logged == ["waiting for the middleware at middle:5000: connection refused"]


def test_a_store_is_shown_another_token_than_the_middleware() -> None:
    script = Script().connect()
    [dial] = [one for one in script.told(task(A)) if isinstance(one, Dial)]
    assert dial.hello.token == for_store("token", "store") != "token"
    assert "token" not in repr(dial.hello)


def test_what_is_revoked_makes_room_for_as_much_at_once() -> None:
    """Also what is being computed: its thread may take a while to stop."""
    script = Script().connect()
    leases = [Lease(1, 10 + n) for n in range(6)]
    for lease in leases[:4]:
        script.told(task(lease))
    assert isinstance(script.told(Revoke(leases[0]))[0], Abandon)
    script.told(Revoke(leases[1]))
    assert [script.told(task(lease)) for lease in leases[4:]] == [[], []]


def test_tasks_beyond_any_credit_go_back_unopened() -> None:
    script = Script().connect()
    leases = [Lease(1, 10 + n) for n in range(5)]
    answers = [script.told(task(lease)) for lease in leases]
    assert answers[4] == [released(leases[4], "drained")]
    assert answers[1:4] == [[], [], []]
