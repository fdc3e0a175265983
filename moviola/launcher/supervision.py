"""Starts, changes, watches and stops the supervisord of one local cluster, over its unix socket."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from fcntl import LOCK_EX, flock
from http.client import HTTPException
from pathlib import Path
from typing import Any, Final
from xmlrpc.client import Error as RpcError
from xmlrpc.client import ServerProxy

import psutil
from supervisor.xmlrpc import SupervisorTransport

from moviola.base.installation import ROOT
from moviola.base.invocation import typed
from moviola.base.processes import DRAIN_LIMIT_S, program
from moviola.launcher import cluster
from moviola.launcher.cluster import Cluster
from moviola.launcher.problem import Problem

# Four programs stop one after the other, each within STOP_SECONDS; what is left then is killed.
SHUTDOWN_TIMEOUT_S = 4 * cluster.STOP_SECONDS + 10

CALL_WORKERS_BACK = "USR1"
"""The signal by which a worker program starts the workers again that the cluster has drained. A program that has only
just begun has no handler for it: it ends, and supervisord starts it again. That is rare, because the `up` that started
it has waited until its workers were there."""

TELL_AFTER_S = 1.0
"""How long workers may take to end before the user is told what is waited for, and the time between two counts of the
tasks that are left."""

COUNT_TIMEOUT_S = 5.0
"""How long the middleware may take to say how many tasks workers have. After that no number is told."""

NO_ANSWER: Final = (OSError, HTTPException, RpcError)
"""The exceptions that calls of supervisord raise: nobody listens, the connection ends, or a supervisord that is being
stopped refuses the call."""


@contextmanager
def exclusive(state: Path) -> Iterator[None]:
    """Let only one run.sh or stop.sh at a time into the block, for one state folder. The folder itself is locked, so no
    lock file is left behind."""
    folder = os.open(state, os.O_RDONLY)
    try:
        flock(folder, LOCK_EX)
        yield
    finally:
        os.close(folder)


def is_running(state: Path) -> bool:
    try:
        _rpc(state).getState()
    except (OSError, HTTPException):
        return False
    except RpcError:
        return True  # one that is stopping its programs answers nothing else
    return True


def launch(wanted: Cluster) -> None:
    """Starts supervisord, and with it all programs, in the background. Raises Problem."""
    cluster.write_configuration(wanted)
    command = [sys.executable, "-m", "supervisor.supervisord", "-c", str(cluster.configuration_path(wanted.state))]
    environment = {**os.environ, "MOVIOLA_BIND": wanted.bind, cluster.MARK_VARIABLE: cluster.mark(wanted.state)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        said = (done.stderr or done.stdout).strip().splitlines()
        raise Problem(f"supervisord could not start: {said[0] if said else 'it gave no reason'}")


def change(wanted: Cluster) -> None:
    """Makes a running supervisord follow new settings: programs whose command line is another are restarted, new ones
    are started, and those that are not wanted any more are ended. Raises Problem."""
    cluster.write_configuration(wanted)
    with _orders(wanted.state) as rpc:
        [[added, changed, removed]] = rpc.reloadConfig()
        for name in [*changed, *removed]:
            rpc.stopProcessGroup(name)
            rpc.removeProcessGroup(name)
        for name in [*changed, *added]:
            rpc.addProcessGroup(name)


def revive(state: Path) -> list[str]:
    """Starts programs that were given up or stopped by hand, and returns their names. Workers that the cluster has
    drained are called back. Raises Problem."""
    with _orders(state) as rpc:
        if rpc.getProcessInfo("worker")["statename"] in ("RUNNING", "STARTING"):
            rpc.signalProcess("worker", CALL_WORKERS_BACK)
        down = [info["name"] for info in rpc.getAllProcessInfo() if info["statename"] in ("FATAL", "STOPPED", "EXITED")]
        for name in down:
            rpc.startProcess(name, False)  # False: without waiting until it has been up for START_SECONDS
    return down


@contextmanager
def _orders(state: Path) -> Iterator[Any]:
    """Yield the running supervisord, to call its methods. What it does not do is raised as a Problem."""
    try:
        yield _rpc(state)
    except NO_ANSWER as error:
        stop = f"{typed('down')} --state {shlex.quote(str(state))}"
        raise Problem(
            f"The cluster of {state} takes no orders, as one that is being stopped ({error}): try again in a moment, "
            f"or stop it with '{stop}'."
        ) from error


def failing(state: Path) -> list[str]:
    """The names of programs that exited right after their start. Raises Problem when supervisord is gone."""
    try:
        infos = _rpc(state).getAllProcessInfo()
    except NO_ANSWER as error:
        raise Problem(f"The cluster was stopped while it was starting ({error}).") from error
    return [info["name"] for info in infos if info["statename"] in ("BACKOFF", "FATAL")]


def stop(state: Path, say: Callable[[str], None] = lambda _sentence: None) -> bool:
    """Stops everything of this state folder and clears what only a running cluster needs; False: nothing ran.

    What is waited for is told to `say`. A sentence that it cannot say is left out.

    supervisord asks gateway, worker, aggregator and middleware in this order, each gets STOP_SECONDS. Whatever carries
    this cluster's mark afterwards, or was left behind by a supervisord that died, is terminated, and killed as the
    last resort.
    """
    found = _marked(state)
    try:
        rpc = _rpc(state)
        _drain_workers(rpc, _going_on(say), lambda: tasks_held(state, {process.pid for process in found}))
        rpc.shutdown()
    except NO_ANSWER:
        pass  # no supervisord, or one that is stopping already
    else:
        psutil.wait_procs(found, timeout=SHUTDOWN_TIMEOUT_S)
    for send in (psutil.Process.terminate, psutil.Process.kill, psutil.Process.kill):
        left = _marked(state)  # anew each time: a worker's parent may have begun another child meanwhile
        for process in left:
            _signal(process, send)
        psutil.wait_procs(left, timeout=cluster.STOP_SECONDS)
    for path in (cluster.socket_path(state), cluster.pid_path(state), cluster.configuration_path(state)):
        path.unlink(missing_ok=True)
    return bool(found)


def _going_on(say: Callable[[str], None]) -> Callable[[str], None]:
    """Return `say` as one that never fails: what has begun to stop is not to be left half stopped for a sentence, such
    as one with a character that a terminal does not know."""

    def try_to_say(sentence: str) -> None:
        with suppress(OSError, ValueError):
            say(sentence)

    return try_to_say


def _drain_workers(rpc: Any, say: Callable[[str], None], count: Callable[[], int | None]) -> None:
    """Ask the workers to end, and wait until they have finished what they have, or handed it back.

    Args:
        say: called with a sentence that says what is waited for, and again whenever fewer tasks are left.
        count: returns how many tasks the workers have; None where that is not known.
    """
    info = rpc.getProcessInfo("worker")
    if info["statename"] not in ("RUNNING", "STARTING"):
        return
    started = time.monotonic()
    rpc.stopProcess("worker", False)
    try:
        workers = psutil.Process(info["pid"])
        try:
            workers.wait(TELL_AFTER_S)
        except psutil.TimeoutExpired:
            _tell_until_gone(workers, say, count, started + cluster.STOP_SECONDS)
    except psutil.Error:
        pass  # gone, or killed by supervisord in a moment
    if time.monotonic() - started >= DRAIN_LIMIT_S:
        say(f"What was not finished is handed back: it goes on after the next '{typed('up')}'.")


def _tell_until_gone(
    workers: psutil.Process, say: Callable[[str], None], count: Callable[[], int | None], deadline: float
) -> None:
    """Say what is waited for until the workers have ended. Raises psutil.TimeoutExpired at the deadline."""
    left = count()
    what = {None: "the workers to finish the tasks they have", 0: "the workers to end"}.get(
        left, f"{_tasks(left or 0)} to be finished"
    )
    say(f"Waiting for {what}, for {DRAIN_LIMIT_S:.0f} s at the longest …")
    while True:
        try:
            workers.wait(TELL_AFTER_S)
        except psutil.TimeoutExpired:
            if time.monotonic() > deadline:
                raise
        else:
            return
        now = count()
        if now and left and now < left:
            say(f"{_tasks(now)} left …")
            left = now


def _tasks(count: int) -> str:
    return f"{count} task{'' if count == 1 else 's'}"


def tasks_held(state: Path, processes: Collection[int]) -> int | None:
    """Return how many tasks these worker processes have; None where the middleware does not say."""
    try:
        up = cluster.read_configuration(state)
        if up is None:
            return None
        asked = [*program("client.status"), "--host", up.host, "--port", str(up.port)]
        asked += [*up.secret_arguments, "--json"]
        done = subprocess.run(asked, cwd=ROOT, capture_output=True, timeout=COUNT_TIMEOUT_S, check=True)
        workers = json.loads(done.stdout)["workers"]
        return int(sum(each["in_flight"] for each in workers if each["process_id"] in processes))
    except (OSError, subprocess.SubprocessError, Problem, ValueError, LookupError, TypeError):
        return None


def last_words(wanted: Cluster, name: str) -> str:
    """The last line a program logged, which by the rule of all four programs says why it ended."""
    log = wanted.logs / f"{name}.log"
    lines = log.read_text(errors="replace").strip().splitlines() if log.exists() else []
    return lines[-1].strip() if lines else "it said nothing"


def _rpc(state: Path) -> Any:
    url = f"unix://{cluster.socket_path(state)}"
    return ServerProxy("http://localhost", transport=SupervisorTransport(serverurl=url)).supervisor


def _marked(state: Path) -> list[psutil.Process]:
    """This user's processes that were started as part of this cluster, supervisord among them."""
    mark = cluster.mark(state)
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get(cluster.MARK_VARIABLE) == mark:
                found.append(process)
        except (psutil.Error, OSError):
            continue  # another user's process, or one that has just ended
    return found


def _signal(process: psutil.Process, send: Any) -> None:
    try:
        send(process)
    except psutil.NoSuchProcess:
        pass
