"""Checks of the cluster: its ports on this machine, its secret, and whether it answers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from moviola.base.invocation import typed
from moviola.base.vocabulary import ErrorCode, Topic
from moviola.launcher import places, supervision
from moviola.launcher.cluster import read_configuration
from moviola.launcher.problem import Problem
from moviola.launcher.settings import UpSettings
from moviola.session.cluster_settings import ClientSettings
from moviola.session.cluster_view import ClusterView, look
from moviola.session.target import UsageError
from moviola.wire.addresses import is_loopback
from moviola.wire.errors import Refused, Unreachable, WireError
from moviola.wire.secret import OTHERS, SECRET_NAME, read_secret, state_folders

from .finding import Finding, Mark

TIMEOUT_S = 5.0
"""How long a middleware that takes a connection may take to say what there is."""


def secret(settings: ClientSettings) -> Iterator[Finding]:
    """Yield where the cluster's secret is, and whether it is its user's alone."""
    if settings.no_secret:
        yield Finding("secret", Mark.GOOD, "none is to be used (--no-secret)")
        return
    folders = [settings.state_folder] if settings.state_folder else state_folders()
    paths = [settings.secret_file] if settings.secret_file else [each / SECRET_NAME for each in folders]
    for path in paths:
        try:
            read_secret(path)
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError as error:
            way_out = "make it readable for you alone; of another user's, name a copy with --secret-file"
            yield Finding("secret", Mark.WRONG, f"{path} cannot be read: {error.strerror}", way_out)
        except ValueError as error:
            way_out = f"make it readable for you alone: chmod 600 {path}"
            if not path.stat().st_mode & OTHERS:  # so it is empty, as a copy is left that failed
                way_out = f"copy it anew from its cluster; if that is here, remove it: {typed('up')} makes another"
            yield Finding("secret", Mark.WRONG, str(error), way_out)
        else:
            yield Finding("secret", Mark.GOOD, f"{path}, which only you can read")
        return
    mark = Mark.WRONG if settings.secret_file else Mark.WARNING
    way_out = (
        f"{typed('up')} makes one; of a cluster elsewhere copy the file 'secret' in its state folder, and name the "
        "copy with --secret-file"
    )
    yield Finding("secret", mark, f"there is no {' and no '.join(str(each) for each in paths)}", way_out)


def answers(settings: ClientSettings) -> tuple[Finding, ClusterView | None]:
    """Return whether the cluster answers, and what it is made of if it does."""
    try:
        target = settings.target
        view = look(target, [Topic.WORKERS], timeout_s=TIMEOUT_S)
    except UsageError as error:
        return Finding("cluster", Mark.WRONG, str(error), "see the secret above"), None
    except Unreachable:
        mark = Mark.WARNING if is_loopback(settings.host) else Mark.WRONG
        text = f"no middleware answers at {settings.host}:{settings.port}"
        return Finding("cluster", mark, text, f"start one: {typed('up')}; or name another: --host and --port"), None
    except Refused as error:
        same = "install the same version of Moviola on both sides" if error.code == ErrorCode.VERSION else ""
        return Finding("cluster", Mark.WRONG, f"{target.address} refuses us: {error}", same), None
    except (TimeoutError, WireError) as error:
        text = f"{settings.host}:{settings.port} takes connections, and does not answer as a middleware: {error}"
        return Finding("cluster", Mark.WRONG, text, "see what listens at that port, or choose another"), None
    workers, aggregators = len(view.connected_workers()), len(view.connected_aggregators())
    text = f"{target.address} answers: {_counted(workers, 'worker')}, {_counted(aggregators, 'aggregator')}"
    missing = next((name for name, count in (("aggregator", aggregators), ("worker", workers)) if not count), "")
    if missing:
        return Finding("cluster", Mark.WARNING, text, f"jobs wait: start one with {typed(missing)}"), view
    return Finding("cluster", Mark.GOOD, text), view


def ports(up: UpSettings, client: ClientSettings, *, is_answering: bool) -> Iterator[Finding]:
    """Yield whether `moviola up` could have its ports.

    Args:
        is_answering: whether a middleware answers where clients look for it.
    """
    running = _running(up.state)
    if isinstance(running, str):
        yield Finding("ports", Mark.WRONG, running)
        return
    if running is not None:
        text = f"{running[0]} and {running[1]} belong to the cluster of {up.state}, which runs"
        yield Finding("ports", Mark.GOOD, text)
        return
    for port, flag in ((up.port, "--port"), (up.aggregator_port, "--aggregator-port")):
        if is_answering and port == client.port and is_loopback(client.host):
            yield Finding("ports", Mark.GOOD, f"{port} is taken by the middleware that answers")
            continue
        try:
            places.check_port(flag, port)
        except Problem as problem:
            taken, _, way_out = str(problem).partition(": ")
            yield Finding("ports", Mark.WRONG, taken, way_out.rstrip("."))
        else:
            yield Finding("ports", Mark.GOOD, f"{port} is free")


def _running(state: Path) -> tuple[int, int] | str | None:
    """Return the ports of the cluster that runs in a state folder: middleware's, aggregator's. None: none runs. A
    sentence: its record is damaged, or there can be no such folder."""
    try:
        path = places.absolute("--state", state)
        found = read_configuration(path) if supervision.is_running(path) else None
    except Problem as problem:
        return str(problem)
    return None if found is None else (found.port, found.aggregator_port)


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
