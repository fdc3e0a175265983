"""Waits until a started cluster is whole, and finds out at once when it cannot become so."""

from __future__ import annotations

import subprocess
import time

from moviola.base.installation import ROOT
from moviola.base.processes import program
from moviola.launcher import gateway, supervision
from moviola.launcher.cluster import Cluster
from moviola.launcher.problem import Problem

# Python and the codec libraries load in about a second a process; this is for slow disks and full machines.
REGISTRATION_TIMEOUT_S = 60


def wait(up: Cluster) -> None:
    """Wait until the middleware knows the aggregator and every worker, and the gateway answers, if there is one.

    Raises:
        Problem: a program does not stay up, with its own last words; or they are not all there in time.
    """
    _wait_for_workers(up)
    if up.gateway is not None:
        gateway.wait(up.gateway, lambda: check_programs(up))


def _wait_for_workers(up: Cluster) -> None:
    deadline = time.monotonic() + REGISTRATION_TIMEOUT_S
    command = [*program("client.status"), "--host", up.host, "--port", str(up.port)]
    command += up.secret_arguments
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
        f"Aggregator and {up.workers_text} did not register within {REGISTRATION_TIMEOUT_S} s; "
        f"the logs in {up.logs} say how far they came."
    )


def answer(asking: subprocess.Popen[bytes], up: Cluster, deadline: float) -> int | None:
    """Wait for `client.status` and return its exit status; None at the deadline. Raises Problem if a program of the
    cluster does not stay up meanwhile."""
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
