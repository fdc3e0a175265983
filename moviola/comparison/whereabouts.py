"""Finds where the programs of a cluster run: what those on this machine take is measured; others only report it."""

from __future__ import annotations

import socket
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field

import psutil

from moviola.base.vocabulary import Topic
from moviola.session.cluster_view import ClusterView, look
from moviola.session.target import Target
from moviola.wire.addresses import Address, is_loopback, reachable


@dataclass(frozen=True, slots=True)
class Whereabouts:
    """Where a cluster's programs are.

    Attributes:
        workers: worker processes that are connected.
        process_ids: of its programs that run on this machine; whoever measures them adds their descendants.
        remote: the names of the workers that run elsewhere.
        remarks: sentences about what cannot be measured.
    """

    workers: int
    process_ids: tuple[int, ...] = ()
    remote: frozenset[str] = field(default_factory=frozenset)
    remarks: tuple[str, ...] = ()


def whereabouts(target: Target) -> Whereabouts:
    """Ask a cluster where its programs are. Raise Unreachable, Refused or TimeoutError."""
    view = look(target, (Topic.WORKERS,))
    workers = view.connected_workers()
    here = socket.gethostname()
    local = [each for each in workers if each.facts.host == here and psutil.pid_exists(each.facts.process_id)]
    remote = frozenset(each.name for each in workers) - {each.name for each in local}
    servers = {"middleware": [target.address], "aggregator": list(_aggregators(view, target))}
    found = {name: list(_listening(addresses)) for name, addresses in servers.items()}
    return Whereabouts(
        workers=len(workers),
        process_ids=(*(each.facts.process_id for each in local), *(each for ids in found.values() for each in ids)),
        remote=remote,
        remarks=tuple(_remarks(sorted(remote), [name for name, ids in found.items() if not ids])),
    )


def _aggregators(view: ClusterView, target: Target) -> Iterator[Address]:
    for each in view.connected_aggregators():
        yield from reachable(each.addresses, target.address.host)


def _remarks(remote: list[str], unseen: list[str]) -> Iterator[str]:
    if remote:
        named = ", ".join(remote[:3]) + (", …" if len(remote) > 3 else "")
        yield (
            f"Of the workers on other machines ({named}) the CPU time is what they report of their computing, and the "
            "memory is not counted"
        )
    if unseen:
        yield f"The {' and the '.join(unseen)} of the cluster cannot be seen from here, and are not counted"


def _listening(addresses: Iterable[Address]) -> Iterator[int]:
    """Yield the ids of processes of this machine that listen at some addresses, as far as this user may see them."""
    ports = {each.port for each in addresses if _is_here(each.host)}
    with suppress(psutil.Error, OSError):
        for each in psutil.net_connections("tcp") if ports else ():
            if each.status == psutil.CONN_LISTEN and each.pid and each.laddr and each.laddr.port in ports:
                ports.discard(each.laddr.port)
                yield each.pid


def _is_here(host: str) -> bool:
    if is_loopback(host):
        return True
    own = {each.address.partition("%")[0] for addresses in psutil.net_if_addrs().values() for each in addresses}
    with suppress(OSError):
        return any(str(info[4][0]) in own for info in socket.getaddrinfo(host, None))
    return False
