"""`moviola up`, `moviola demo` and `./run.sh`: bring up a local cluster, tell where it is, send a clip for `demo`."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from moviola.base.installation import ROOT, results_folder, state_folder
from moviola.base.invocation import needs_folder, typed
from moviola.base.paths import current_folder
from moviola.base.process_entry import run_as_process
from moviola.base.processes import core_count
from moviola.base.standard_streams import tell
from moviola.launcher import cluster, gateway, options, places, plugins, registration, supervision
from moviola.launcher import demo as sending
from moviola.launcher.cluster import Cluster
from moviola.launcher.gateway import Gateway
from moviola.launcher.options import Options
from moviola.launcher.problem import Problem
from moviola.wire import secret
from moviola.wire.options import AGGREGATOR_PORT, MIDDLEWARE_PORT, WEB_PORT


def main(arguments: Sequence[str] | None = None, *, subcommand: str = "up") -> int:
    """Bring a cluster up, with `demo` send it a clip, and return the exit status."""
    try:
        asked = options.read(arguments, subcommand=subcommand)
        up = bring_up(asked)
        if asked.demo:
            return sending.run(up.host, up.port, up.results, up.secret_arguments)
    except Problem as problem:
        print(problem, file=sys.stderr)
        return 1
    except OSError as error:
        print(f"Cannot bring the cluster up: {error}.", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Interrupted.", file=sys.stderr)
        return 130
    return 0


def demo(arguments: Sequence[str] | None = None) -> int:
    """`moviola demo`: `up`, and a clip that is sent."""
    return main(arguments, subcommand="demo")


def bring_up(asked: Options) -> Cluster:
    """Starts the cluster, or finds it running, and waits until all of it is registered. Raises Problem."""
    places.make_state(asked.state)
    with supervision.exclusive(asked.state):
        running = cluster.read_configuration(asked.state) if supervision.is_running(asked.state) else None
        if running is None:
            up = settle(asked, defaults(asked.state))
            start(up)
            tell(f"Moviola is up: {up.workers_text}, middleware on port {up.port}.")
        else:
            up = settle(asked, running)
            adjust(running, up)
    report(up)
    return up


def defaults(state: Path) -> Cluster:
    """Return the cluster that is started where nothing is said."""
    return Cluster(
        state=state,
        results=results_folder(),
        port=MIDDLEWARE_PORT,
        aggregator_port=AGGREGATOR_PORT,
        workers=core_count(),
        secret_file=state / secret.SECRET_NAME,
    )


def settle(asked: Options, otherwise: Cluster) -> Cluster:
    """Return the settings that were asked for; those that were not are taken from `otherwise`: the running cluster, or
    the defaults."""
    return Cluster(
        state=asked.state,
        results=asked.results or otherwise.results,
        port=asked.port or otherwise.port,
        aggregator_port=asked.aggregator_port or otherwise.aggregator_port,
        workers=asked.workers or otherwise.workers,
        secret_file=asked.secret_file if asked.secret_file or asked.no_secret else otherwise.secret_file,
        bind=asked.bind or otherwise.bind,
        plugins=otherwise.plugins if asked.plugins is None else asked.plugins,
        gateway=settle_gateway(asked, otherwise.gateway),
    )


def settle_gateway(asked: Options, otherwise: Gateway | None) -> Gateway | None:
    """Return where the gateway is to listen; None if there is to be none."""
    if asked.web is False or (asked.web is None and otherwise is None):
        return None
    known = otherwise or Gateway(WEB_PORT)
    return Gateway(asked.web_port or known.port, asked.web_bind or known.bind)


def start(wanted: Cluster) -> None:
    if wanted.port == wanted.aggregator_port:
        raise Problem(f"Middleware and aggregator cannot share port {wanted.port}: give --aggregator-port another.")
    if wanted.gateway is not None:
        gateway.check_libraries()
    supervision.stop(wanted.state)  # what a crash or a kill -9 of supervisord left behind
    places.check_port("--port", wanted.port)
    places.check_port("--aggregator-port", wanted.aggregator_port)
    check_gateway_port(wanted)
    places.make_folder("--results", wanted.results)
    plugins.check(wanted.plugins)
    places.make_state(wanted.logs)
    check_secret(wanted, makes=True)
    try:
        supervision.launch(wanted)
        registration.wait(wanted)
    except BaseException:
        supervision.stop(wanted.state)  # whatever went wrong, nothing is left running
        raise


def check_gateway_port(wanted: Cluster) -> None:
    """Raise Problem where the gateway could not have its port."""
    if wanted.gateway is None:
        return
    if wanted.gateway.port in (wanted.port, wanted.aggregator_port):
        raise Problem(f"Port {wanted.gateway.port} is for another program of the cluster: give --web-port another.")
    places.check_port("--web-port", wanted.gateway.port)


def check_secret(wanted: Cluster, *, makes: bool) -> None:
    """Raise Problem if the cluster's secret cannot be used.

    Args:
        makes: make it if it is missing, unless the user has named another file.
    """
    if wanted.secret_file is None:
        return
    try:
        if makes and wanted.secret_file == wanted.state / secret.SECRET_NAME:
            secret.make_secret(wanted.secret_file)
        secret.read_secret(wanted.secret_file)
    except (OSError, ValueError) as error:
        raise Problem(f"The cluster's secret cannot be used: {error}.") from error


def adjust(running: Cluster, wanted: Cluster) -> None:
    """Change a running cluster to what is wanted, and wait until it is complete. The number of workers, the files of
    filters and the gateway can be changed. Raises Problem for anything else."""
    if replace(wanted, workers=running.workers, plugins=running.plugins, gateway=running.gateway) != running:
        secret_text = "no secret" if running.secret_file is None else f"its secret in {running.secret_file}"
        raise Problem(
            f"A cluster with its state in {running.state} is running already, on ports {running.port} and "
            f"{running.aggregator_port} of {running.bind} with results in {running.results} and {secret_text}: stop it "
            f"first with '{typed('down')} --state {shlex.quote(str(running.state))}', or give this one another --state."
        )
    check_secret(running, makes=False)
    if wanted.plugins != running.plugins:
        plugins.check(wanted.plugins)
    if wanted.gateway is not None and wanted.gateway != running.gateway:
        gateway.check_libraries()
        if running.gateway is None or wanted.gateway.port != running.gateway.port:
            check_gateway_port(wanted)
    revived = supervision.revive(running.state)
    if wanted != running:
        supervision.change(wanted)
    try:
        registration.wait(wanted)
    except Problem:
        if wanted.gateway != running.gateway:  # one that cannot start would be in the way of every later 'up'
            supervision.change(replace(wanted, gateway=running.gateway))
        raise
    if wanted.plugins != running.plugins:
        files = ", ".join(map(str, wanted.plugins)) or "no file"
        tell(f"Moviola was running already; {wanted.workers_text} started anew, with the filters of {files}.")
    elif wanted.workers != running.workers:
        tell(f"Moviola was running already, and now has {wanted.workers_text} instead of {running.workers}.")
    elif wanted.gateway != running.gateway:
        now = "has no gateway any more" if wanted.gateway is None else "now has a gateway"
        tell(f"Moviola was running already, and {now}.")
    elif revived:
        tell(f"Moviola was running already; started again: {', '.join(revived)}.")
    else:
        tell(f"Moviola is running already: {wanted.workers_text}, middleware on port {wanted.port}.")


def report(up: Cluster) -> None:
    send, stop = ["VIDEO", "--filters", "blur"], []
    if up.host != cluster.OWN_HOST:
        send += ["--host", up.host]
    if up.port != MIDDLEWARE_PORT:
        send += ["--port", str(up.port)]
    if up.results != results_folder():
        send += ["--results", str(up.results)]
    if up.secret_file != state_folder() / secret.SECRET_NAME:
        send += up.secret_arguments
    if up.state != state_folder():
        stop += ["--state", str(up.state)]
    if up.gateway is not None:
        tell(f"  web      {up.gateway.url}/api/")
    tell(f"  results  {up.results}")
    tell(f"  logs     {up.logs}")
    tell(f"  stop     {' '.join([typed('down'), shlex.join(stop)]).strip()}")
    tell(f"  send     {typed('send')} {shlex.join(send)}")
    if needs_folder() and current_folder() != ROOT:
        tell(f"           (both in {ROOT})")


if __name__ == "__main__":
    sys.exit(run_as_process(main))
