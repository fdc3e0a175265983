"""Who may have which name: it belongs to whom shows its token, and to nobody else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from middleware.events import Close, SaveStore
from middleware.names import MAX_STORES
from moviola.wire.messages import (
    Aggregator,
    Beat,
    Control,
    Death,
    Event,
    Events,
    Hello,
    Job,
    Own,
    Snapshot,
    Subscribe,
    Task,
    Watch,
    Welcome,
    Worker,
)
from moviola.wire.tokens import digest_of
from tests.middleware.script import Script


@pytest.mark.parametrize("token", ["", "another token"])
def test_nobody_takes_a_connected_workers_name_without_its_token(script: Script, token: str) -> None:
    script.worker(11, "w")
    script.submit(chunks=2)
    script.worker(12, "w", token=token or " ")
    assert script.closed(12) == ["name-taken"]
    assert script.closed(11) == []
    assert script.said(12, Welcome) == []
    script.leave(12)
    assert {peer: one.name for peer, one in script.dispatcher.cluster.workers.items()} == {11: "w"}
    refusal = next(one for one in script.commands if isinstance(one, Close))
    assert "--name" in refusal.text
    assert "10 s" in refusal.text


def test_two_without_a_token_are_two(script: Script) -> None:
    details = {"filters": [], "kinds": [], "slots": 1, "fingerprint": "f"}
    script.tell(11, Hello("worker", "w", "s", [3], details=details))
    script.tell(12, Hello("worker", "w", "s", [3], details=details))
    assert (script.closed(11), script.closed(12)) == ([], ["name-taken"])


def test_a_name_is_free_once_its_worker_left_or_was_silent(script: Script) -> None:
    script.worker(11, "w")
    script.leave(11)
    script.worker(12, "w", token="second")
    script.tick(11)
    assert script.closed(12) == ["silent"]
    script.worker(13, "w", token="third")
    assert script.closed(13) == []


def test_only_the_parent_of_a_child_tells_its_death_and_only_of_its_own_lease(script: Script) -> None:
    script.worker(11, "w")
    script.worker(12, "other", filters=())
    script.submit(chunks=1)
    death = Death(script.said(11, Task)[0].lease, kind="crash", text="SIGSEGV")
    script.leave(11)
    script.worker(13, "w", token="another parent", death=death, filters=())
    script.leave(12)
    script.worker(14, "other", death=death, filters=())
    cluster = script.dispatcher.cluster
    assert not any(worker.failures for worker in cluster.fleet.by_name.values())


@pytest.mark.parametrize(
    ("store", "name", "token", "code"),
    [
        ("store", "agg", "guessed", "forbidden"),
        ("store", "another", "guessed", "forbidden"),
        ("another", "agg", "its own", "name-taken"),
        ("store", "agg", " ", "forbidden"),
    ],
)
def test_a_connected_aggregator_is_displaced_by_nobody_else(
    script: Script, store: str, name: str, token: str, code: str
) -> None:
    script.worker(11)
    job = script.submit(chunks=1)
    script.aggregator(8, store=store, name=name, token=token)
    assert script.closed(8) == [code]
    assert script.closed(9) == []
    script.deliver(11)
    script.finish()
    assert script.job(1).state == "done"
    assert job == script.job(1).job


def test_a_store_is_known_by_its_token_over_restarts(script: Script) -> None:
    script.submit(chunks=1)
    new = script.restarted(epoch=2)
    new.aggregator(8, token="guessed")
    assert new.closed(8) == ["forbidden"]
    new.aggregator(9)
    assert new.said(9, Own)


def test_the_first_store_of_a_name_takes_it_back_and_loses_no_job_meanwhile(script: Script) -> None:
    job = script.submit(chunks=1)
    script.leave(9)
    script.aggregator(8, store="newer", name="agg")
    script.tick(5)
    assert script.said(8, Own) == []
    script.aggregator(7)
    assert script.closed(8) == ["superseded"]
    assert [own.job for own in script.said(7, Own)] == [job]
    script.aggregator(6, store="newer", name="agg")
    assert script.closed(6) == ["name-taken"]


def test_stores_remembered_are_bounded_and_those_in_use_are_kept(script: Script) -> None:
    script.submit(chunks=1)
    script.leave(9)
    for number in range(2 * MAX_STORES):
        script.aggregator(8, store=f"s{number}", name=f"n{number}")
        script.leave(8)
    assert len(script.dispatcher.cluster.stores) == len(script.stores) == MAX_STORES
    assert script.stores.keys() == script.dispatcher.cluster.stores.keys()
    script.aggregator(7, token="guessed")
    assert script.closed(7) == ["forbidden"]


def test_an_aggregator_without_a_token_is_refused(script: Script) -> None:
    details = {"store": "new", "addresses": []}
    script.tell(8, Hello("aggregator", "new", "s", [3], details=details))
    assert script.closed(8) == ["bad-message"]


JOINS = st.tuples(
    st.sampled_from(["worker", "aggregator"]),
    st.sampled_from(["a", "b"]),
    st.sampled_from(["store a", "store b"]),
    st.sampled_from(["token 1", "token 2", "token 3"]),
    st.booleans(),
)


@given(joins=st.lists(JOINS, max_size=30))
def test_whatever_joins_a_connection_ends_only_for_its_own_token(joins: list[tuple[str, str, str, str, bool]]) -> None:
    script = Script()
    tokens: dict[int, str] = {}
    for peer, (role, name, store, token, leaves) in enumerate(joins, 1):
        tokens[peer] = token
        if role == "worker":
            script.worker(peer, name, token=token)
        else:
            script.aggregator(peer, store=store, name=name, token=token)
        for one in [one for one in script.commands if isinstance(one, Close) and one.peer != peer]:
            taken_back = role == "aggregator" and script.dispatcher.cluster.aggregators[peer].name == name
            assert tokens[one.peer] == token or taken_back
        script.commands.clear()
        if leaves:
            script.leave(peer)


def test_tokens_are_told_to_nobody(script: Script) -> None:
    script.tell(1, Watch(topics=["workers", "jobs"]))
    script.tell(1, Subscribe(snapshot=True))
    script.worker(11, "w", token="a-secret-token")
    script.aggregator(8, store="more", name="more", token="a-secret-token")
    job = script.submit(chunks=1)
    script.tell(11, Beat())
    script.tick(3)
    script.tell(1, Control(job, "cancel"))
    script.tick(3)
    for kind in (Worker, Aggregator, Job, Event, Events, Snapshot):
        assert script.said(1, kind), kind
    told = [one for one in script.commands if not isinstance(one, SaveStore)]
    assert "a-secret-token" not in repr(script.commands)
    assert digest_of("a-secret-token").hex() not in repr(told)
    assert "a-secret-token" not in repr(Hello("worker", "w", "s", [3], token="a-secret-token"))
