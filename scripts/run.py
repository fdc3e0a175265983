"""`./run.sh`: brings a local cluster up, tells where it is, and with `demo` sends it a clip."""

from __future__ import annotations

import argparse
import errno
import os
import shlex
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from scripts import cluster, demo, supervision
from scripts.cluster import ROOT, Cluster
from scripts.supervision import Problem

PORT = 5000
AGGREGATOR_PORT = 5001
WORKERS_MAX = 256  # far beyond the cores of one machine; a typing error should not start a thousand processes

# Python and the codec libraries load in about a second a process; this is for slow disks and full machines.
REGISTRATION_TIMEOUT_S = 60


@dataclass(frozen=True, slots=True)
class Options:
    """What the person asked for; None where nothing was said."""

    state: Path
    results: Path | None
    port: int | None
    aggregator_port: int | None
    workers: int | None
    demo: bool


def main() -> int:
    try:
        options = read_options()
        up = bring_up(options)
        if options.demo:
            return demo.run(cluster.connect_host(), up.port, up.results)
    except Problem as problem:
        print(problem, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Interrupted.", file=sys.stderr)
        return 130
    return 0


def read_options() -> Options:
    """Flags first, then MOVIOLA_PORT, MOVIOLA_AGGREGATOR_PORT, MOVIOLA_STATE, MOVIOLA_RESULTS. Raises Problem."""
    parser = argparse.ArgumentParser(
        prog="./run.sh", usage="%(prog)s [options] [demo]   (see ./run.sh --help)", add_help=False
    )
    parser.add_argument("what", nargs="?", choices=["demo"])
    parser.add_argument("--workers")
    parser.add_argument("--port", default=os.environ.get("MOVIOLA_PORT"))
    parser.add_argument("--aggregator-port", default=os.environ.get("MOVIOLA_AGGREGATOR_PORT"))
    parser.add_argument("--state", default=os.environ.get("MOVIOLA_STATE"))
    parser.add_argument("--results", default=os.environ.get("MOVIOLA_RESULTS"))
    given = parser.parse_args()
    folder("The folder of this repository", ROOT)
    return Options(
        state=folder("--state", given.state or ROOT / "state"),
        results=folder("--results", given.results) if given.results else None,
        port=number("--port", given.port, 65535),
        aggregator_port=number("--aggregator-port", given.aggregator_port, 65535),
        workers=number("--workers", given.workers, WORKERS_MAX),
        demo=given.what == "demo",
    )


def number(flag: str, text: str | None, maximum: int) -> int | None:
    if not text:
        return None
    if not (text.isascii() and text.isdecimal()) or not 1 <= int(text) <= maximum:
        raise Problem(f"{flag} is a number from 1 to {maximum}, and '{text}' is not.")
    return int(text)


def folder(flag: str, text: str | Path) -> Path:
    path = Path(text).expanduser().resolve()
    for unsupported in cluster.UNSUPPORTED_IN_PATHS:
        if unsupported in str(path):
            raise Problem(f"{flag} cannot be {str(path)!r}: supervisord knows no folders with {unsupported!r}.")
    return path


def bring_up(options: Options) -> Cluster:
    """Starts the cluster, or finds it running, and waits until all of it is registered. Raises Problem."""
    make_folder("--state", options.state)
    with supervision.exclusive(options.state):
        running = cluster.read_configuration(options.state) if supervision.is_running(options.state) else None
        if running is None:
            up = settle(options, Cluster(options.state, ROOT / "results", PORT, AGGREGATOR_PORT, core_count()))
            start(up)
            print(f"Moviola is up: {workers(up)}, middleware on port {up.port}.")
        else:
            up = settle(options, running)
            adjust(running, up)
    report(up)
    return up


def settle(options: Options, otherwise: Cluster) -> Cluster:
    """What was asked for, and where nothing was said, what is or would be."""
    return Cluster(
        state=options.state,
        results=options.results or otherwise.results,
        port=options.port or otherwise.port,
        aggregator_port=options.aggregator_port or otherwise.aggregator_port,
        workers=options.workers or otherwise.workers,
    )


def start(wanted: Cluster) -> None:
    if wanted.port == wanted.aggregator_port:
        raise Problem(f"Middleware and aggregator cannot share port {wanted.port}: give --aggregator-port another.")
    supervision.stop(wanted.state)  # what a crash or a kill -9 of supervisord left behind
    check_port("--port", wanted.port)
    check_port("--aggregator-port", wanted.aggregator_port)
    make_folder("--results", wanted.results)
    make_folder("--state", wanted.logs)
    try:
        supervision.launch(wanted)
        wait_until_registered(wanted)
    except BaseException:
        supervision.stop(wanted.state)  # whatever went wrong, nothing is left running
        raise


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
    wait_until_registered(wanted)
    if wanted.workers != running.workers:
        print(f"Moviola was running already, and now has {workers(wanted)} instead of {running.workers}.")
    elif revived:
        print(f"Moviola was running already; started again: {', '.join(revived)}.")
    else:
        print(f"Moviola is running already: {workers(wanted)}, middleware on port {wanted.port}.")


def make_folder(flag: str, path: Path) -> None:
    """Raises Problem where the folder cannot be made or written to."""
    try:
        path.mkdir(parents=True, exist_ok=True)
        probe = path / f".moviola-probe-{os.getpid()}"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise Problem(f"Cannot write to {path} ({error.strerror}): choose another folder with {flag}.") from error


def check_port(flag: str, port: int) -> None:
    """Raises Problem where somebody listens on the port of this machine's loopback, or it may not be used."""
    for family, host in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
        try:
            with socket.socket(family) as probe:
                # A bind alone misses on macOS a listener on all addresses, such as AirPlay's on port 5000.
                if probe.connect_ex((host, port)) == 0:
                    raise Problem(taken(flag, port))
            with socket.socket(family) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind((host, port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise Problem(taken(flag, port)) from error
            if error.errno == errno.EACCES:
                raise Problem(f"Port {port} needs administrator rights: choose one from 1024 with {flag}.") from error
            # A machine without IPv6 has nothing to take there.


def taken(flag: str, port: int) -> str:
    hint = " (on macOS, AirPlay Receiver holds port 5000)" if sys.platform == "darwin" and port == PORT else ""
    return f"Port {port} is taken by another program{hint}: stop that one, or choose another port with {flag}."


def wait_until_registered(up: Cluster) -> None:
    """Waits until the middleware knows the aggregator and every worker. Raises Problem, with the failing
    program's own last words where one does not stay up."""
    deadline = time.monotonic() + REGISTRATION_TIMEOUT_S
    command = [sys.executable, "-m", "client.status", "--host", cluster.connect_host(), "--port", str(up.port)]
    command += ["--wait", "--workers", str(up.workers), "--aggregators", "1"]
    while (left_s := deadline - time.monotonic()) > 0:
        check_programs(up)
        asking = subprocess.Popen(
            [*command, "--timeout", str(int(left_s) + 1)],
            cwd=ROOT,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            if answer(asking, up, deadline) == 0:
                return
        finally:
            asking.kill()
            asking.wait()
    raise Problem(
        f"Aggregator and {workers(up)} did not register within {REGISTRATION_TIMEOUT_S} s; "
        f"the logs in {up.logs} say how far they came."
    )


def answer(asking: subprocess.Popen[bytes], up: Cluster, deadline: float) -> int | None:
    """The exit status of `client.status`, or None at the deadline; meanwhile the programs are watched."""
    while time.monotonic() < deadline:
        try:
            return asking.wait(timeout=0.2)
        except subprocess.TimeoutExpired:
            pass
        check_programs(up)
    return None


def check_programs(up: Cluster) -> None:
    """Raises Problem where a program ended right after its start, with the last thing it said."""
    for name in supervision.failing(up.state):
        raise Problem(f"The {name} does not stay up: {supervision.last_words(up, name)}")


def report(up: Cluster) -> None:
    send = [".venv/bin/python", "-m", "client.file_sender", "VIDEO", "--filters", "blur"]
    stop = ["./stop.sh"]
    if up.port != PORT:
        send += ["--port", str(up.port)]
    if up.state != ROOT / "state":
        stop += ["--state", str(up.state)]
    print(f"  results  {up.results}")
    print(f"  logs     {up.logs}")
    print(f"  stop     {shlex.join(stop)}")
    print(f"  send     {shlex.join(send)}")
    if Path.cwd() != ROOT:
        print(f"           (both in {ROOT})")
    sys.stdout.flush()


def workers(of: Cluster) -> str:
    return "1 worker" if of.workers == 1 else f"{of.workers} workers"


def core_count() -> int:
    """The cores this process may use, which in a container or under taskset are not all there are."""
    if hasattr(os, "sched_getaffinity"):
        return min(len(os.sched_getaffinity(0)), WORKERS_MAX)
    return min(os.cpu_count() or 1, WORKERS_MAX)


if __name__ == "__main__":
    sys.exit(main())
