"""Who may join under which name: a name in use belongs to the peer that shows its token, and to nobody else."""

from __future__ import annotations

from typing import Final

from moviola.base.vocabulary import ErrorCode
from moviola.wire.errors import ProtocolError
from moviola.wire.messages import Hello
from moviola.wire.tokens import digest_of, is_same

from .events import ForgetStore, SaveStore
from .model.cluster import Cluster
from .model.fleet import WorkerRecord
from .model.peers import AggregatorRecord, StoreRecord
from .model.states import WorkerState

MAX_STORES: Final = 256
"""Stores of aggregators that are remembered, connected or not: many more than a cluster has, in a few kilobytes."""


def worker_before(cluster: Cluster, hello: Hello) -> WorkerRecord | None:
    """Return the connected worker whose place a new session takes, or None where the name is free.

    Raises:
        ProtocolError: `name-taken`, when the connected one has another token.
    """
    old = cluster.fleet.by_name.get(hello.name)
    if old is None or old.state is WorkerState.LOST:
        return None
    if not is_same(hello.token, old.token):
        raise _taken("worker", hello.name, cluster)
    return old


def aggregators_before(cluster: Cluster, hello: Hello, store: str) -> list[AggregatorRecord]:
    """Return the connected aggregators whose place a new session takes, and remember its store.

    A store belongs to the token it was first seen with. A name belongs to the first of the stores that use it: that
    one takes it back when it returns.

    Raises:
        ProtocolError: `forbidden` when the store is another's, `name-taken` when the name is.
    """
    known = cluster.stores.get(store)
    if not hello.token:
        raise ProtocolError(ErrorCode.BAD_MESSAGE, "an aggregator must send its store's token, and this one sent none")
    if known is not None and known.digest != digest_of(hello.token):
        text = f"store {store} is known with another token; an aggregator with an empty state folder gets a new store"
        raise ProtocolError(ErrorCode.FORBIDDEN, text)
    order = list(cluster.stores)
    before = []
    for old in cluster.aggregators.values():
        if old.store == store:
            before.append(old)
        elif old.name == hello.name:
            if known is None or order.index(old.store) < order.index(store):
                raise _taken("aggregator", hello.name, cluster)
            before.append(old)
    if known is None or known.name != hello.name:
        _remember(cluster, StoreRecord(store, hello.name, digest_of(hello.token)))
    return before


def _remember(cluster: Cluster, record: StoreRecord) -> None:
    """Keep a store's token over restarts. The oldest store that is away and has no unfinished job makes room."""
    if record.store not in cluster.stores and len(cluster.stores) >= MAX_STORES:
        in_use = {one.store for one in cluster.aggregators.values()} | {
            job.owner.store for job in cluster.open.values()
        }
        spare = next((store for store in cluster.stores if store not in in_use), None)
        if spare is None:
            raise ProtocolError(ErrorCode.BUSY, f"{MAX_STORES} stores are in use; no further aggregator can join")
        del cluster.stores[spare]
        cluster.outbox.append(ForgetStore(spare))
    cluster.stores[record.store] = record
    cluster.outbox.append(SaveStore(record.store, record.name, record.digest))


def _taken(role: str, name: str, cluster: Cluster) -> ProtocolError:
    wait = f"wait until that one has left or was silent for {cluster.rules.worker_timeout_s:g} s"
    return ProtocolError(
        ErrorCode.NAME_TAKEN, f"another {role} is connected as {name!r}: choose another --name, or {wait}"
    )
