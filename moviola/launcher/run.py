"""`./run.sh`: brings a local cluster up, tells where it is, and with `demo` sends it a clip."""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path

from moviola.base.processes import ROOT, core_count
from moviola.launcher import cluster, demo, options, places, registration, supervision
from moviola.launcher.cluster import Cluster
from moviola.launcher.options import Options
from moviola.launcher.problem import Problem
from moviola.launcher.telling import tell
from moviola.wire import secret
from moviola.wire.options import AGGREGATOR_PORT, MIDDLEWARE_PORT


def main() -> int:
    try:
        asked = options.read()
        options.settle_configuration()
        up = bring_up(asked)
        if asked.demo:
            return demo.run(cluster.connect_host(), up.port, up.results, up.secret_arguments)
    except Problem as problem:
        print(problem, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Interrupted.", file=sys.stderr)
        return 130
    return 0


def bring_up(asked: Options) -> Cluster:
    """Starts the cluster, or finds it running, and waits until all of it is registered. Raises Problem."""
    places.make_state(asked.state)
    with supervision.exclusive(asked.state):
        running = cluster.read_configuration(asked.state) if supervision.is_running(asked.state) else None
        if running is None:
            up = settle(asked, Cluster(asked.state, ROOT / "results", MIDDLEWARE_PORT, AGGREGATOR_PORT, core_count()))
            start(up)
            tell(f"Moviola is up: {up.workers_text}, middleware on port {up.port}.")
        else:
            up = settle(asked, running)
            adjust(running, up)
    report(up)
    return up


def settle(asked: Options, otherwise: Cluster) -> Cluster:
    """What was asked for, and where nothing was said, what is or would be."""
    return Cluster(
        state=asked.state,
        results=asked.results or otherwise.results,
        port=asked.port or otherwise.port,
        aggregator_port=asked.aggregator_port or otherwise.aggregator_port,
        workers=asked.workers or otherwise.workers,
    )


def start(wanted: Cluster) -> None:
    if wanted.port == wanted.aggregator_port:
        raise Problem(f"Middleware and aggregator cannot share port {wanted.port}: give --aggregator-port another.")
    supervision.stop(wanted.state)  # what a crash or a kill -9 of supervisord left behind
    places.check_port("--port", wanted.port)
    places.check_port("--aggregator-port", wanted.aggregator_port)
    places.make_folder("--results", wanted.results)
    places.make_state(wanted.logs)
    make_secret(wanted)
    try:
        supervision.launch(wanted)
        registration.wait(wanted)
    except BaseException:
        supervision.stop(wanted.state)  # whatever went wrong, nothing is left running
        raise


def make_secret(wanted: Cluster) -> None:
    """Makes sure that there is a secret which all programs find. Raises Problem where it is none."""
    if wanted.secret_file is None:
        return
    try:
        if not os.environ.get("MOVIOLA_SECRET_FILE"):
            secret.make_secret(wanted.secret_file)
        secret.read_secret(wanted.secret_file)
    except (OSError, ValueError) as error:
        raise Problem(f"The cluster's secret cannot be used: {error}.") from error


def adjust(running: Cluster, wanted: Cluster) -> None:
    """Another number of workers is what a running cluster can follow."""
    if (wanted.port, wanted.aggregator_port, wanted.results) != (
        running.port,
        running.aggregator_port,
        running.results,
    ):
        raise Problem(
            f"A cluster with its state in {running.state} is running already, on ports {running.port} and "
            f"{running.aggregator_port} with results in {running.results}: stop it first with "
            f"'./stop.sh --state {shlex.quote(str(running.state))}', or give this one another --state."
        )
    revived = supervision.revive(running.state)
    if wanted.workers != running.workers:
        supervision.change(wanted)
    registration.wait(wanted)
    if wanted.workers != running.workers:
        tell(f"Moviola was running already, and now has {wanted.workers_text} instead of {running.workers}.")
    elif revived:
        tell(f"Moviola was running already; started again: {', '.join(revived)}.")
    else:
        tell(f"Moviola is running already: {wanted.workers_text}, middleware on port {wanted.port}.")


def report(up: Cluster) -> None:
    send = [".venv/bin/python", "-m", "client.file_sender", "VIDEO", "--filters", "blur"]
    stop = ["./stop.sh"]
    if up.port != MIDDLEWARE_PORT:
        send += ["--port", str(up.port)]
    if up.results != ROOT / "results":
        send += ["--results", str(up.results)]
    if up.secret_file is not None and up.secret_file != ROOT / "state" / "secret":
        send += ["--secret-file", str(up.secret_file)]
    if up.state != ROOT / "state":
        stop += ["--state", str(up.state)]
    tell(f"  results  {up.results}")
    tell(f"  logs     {up.logs}")
    tell(f"  stop     {shlex.join(stop)}")
    tell(f"  send     {shlex.join(send)}")
    if Path.cwd() != ROOT:
        tell(f"           (both in {ROOT})")


if __name__ == "__main__":
    sys.exit(main())
