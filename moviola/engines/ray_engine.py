"""Ray as an engine: a chunk is an object in its object store, a task is a Ray task of one processor.

Ray places tasks, and tries those again whose process or node is lost. Filters of files go to its nodes as their source;
Moviola itself, and the libraries that it needs, have to be installed there.
"""

from __future__ import annotations

import os
import platform
import signal
import socket
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pickle import PickleBuffer
from typing import Any, Final, Self

from moviola.base.extras import RAY
from moviola.base.heap import give_back_large_blocks
from moviola.base.installation import version
from moviola.base.vocabulary import CauseKind
from moviola.engines.engine import Capacity, Ended, Held, Lost, Made, Ticket
from moviola.engines.errors import EngineFailed, EngineUnavailable
from moviola.engines.mapped_memory import MappedMemory
from moviola.filters.plugin_sources import PluginSources
from moviola.media.computing import Task
from moviola.media.failing import TaskFailure

MAX_RETRIES: Final = 3
"""How often Ray by itself tries a task again whose process or node was lost, before it reports that; Ray's default."""

KNOCK_S: Final = 10.0
"""How long a head may take to accept a connection."""

PROBE_S: Final = 60.0
"""How long the nodes may take to say what they are: each starts a process, which loads codec libraries."""

STORE: Final = "plasma"
"""A part of the path of the file from which Ray's object store is mapped."""

MAX_NAMED: Final = 3
"""Nodes that a sentence names."""


def connect(address: str, plugins: PluginSources) -> RayEngine:
    """Return the engine at an address, HOST:PORT, of Ray's head; with none, what RAY_ADDRESS says or this machine's.

    Raises:
        EngineUnavailable: there is no Ray, no cluster, or its nodes do not go together.
    """
    if missing := RAY.missing():
        raise EngineUnavailable(missing)
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing is told to anybody by a program of ours
    import ray  # noqa: PLC0415 - only where somebody asks for it

    is_own = not ray.is_initialized()
    if is_own:
        _join(ray, address)
    try:
        return RayEngine(ray, address, plugins, is_own=is_own)
    except BaseException:
        if is_own:
            ray.shutdown()
        raise


def _join(ray: Any, address: str) -> None:
    address = address or os.environ.get("RAY_ADDRESS", "")
    where = f"at {address}" if address else "on this machine"
    try:
        _knock(address)
        _keep_quiet(ray)
        with _own_signals():
            ray.init(address or "auto", log_to_driver=False, logging_level="ERROR", configure_logging=True)
    except (OSError, ValueError) as error:  # also when it cannot be connected to
        raise EngineUnavailable(
            f"No Ray cluster answers {where} ({_first_line(error)}); start one with: ray start --head; or name the "
            "address of one that this machine has joined"
        ) from error
    except RuntimeError as error:
        if "ersion mismatch" not in str(error):
            raise EngineUnavailable(f"The Ray cluster {where} cannot be used: {_first_line(error)}") from error
        told = " ".join(str(error).split())
        raise EngineUnavailable(
            f"The Ray cluster {where} has other versions than this program: {told}; install the same here and there"
        ) from error


def _keep_quiet(ray: Any) -> None:
    """Keep Ray from printing messages about nodes that end. It prints them to standard output, where our results go,
    and has no setting for that."""
    internals = getattr(getattr(ray, "_private", None), "worker", None)
    if internals is not None:
        internals._worker_logs_enabled = False


def _knock(address: str) -> None:
    """Raise OSError where nothing listens at HOST:PORT: Ray would try for minutes, and say nothing."""
    host, _, port = address.rpartition(":")
    if host and port.isdecimal() and "://" not in address:
        socket.create_connection((host.strip("[]"), int(port)), KNOCK_S).close()


class RayEngine:
    """A Ray cluster (moviola.engines.engine.Engine).

    Args:
        ray: the module, connected.
        address: as it was asked for.
        plugins: files of filters.
        is_own: this object made the connection, and ends it.

    Raises:
        EngineUnavailable: the nodes do not go together.
    """

    def __init__(self, ray: Any, address: str, plugins: PluginSources, *, is_own: bool) -> None:
        self._ray, self._plugins, self._is_own = ray, plugins, is_own
        self.name = f"Ray at {address or ray.get_runtime_context().gcs_address}"
        self._names: dict[str, str] = {}
        self._memory = MappedMemory(STORE)
        give_back_large_blocks()  # chunks, of which one after the other goes through this process
        self._tickets: dict[Any, tuple[Ticket, Any]] = {}  # of a result's payload → … and of what is said of it
        self.build = self._common_build()
        self._plugins_held = ray.put(plugins)
        self._compute = ray.remote(num_cpus=1, num_returns=2, max_retries=MAX_RETRIES)(compute)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.cancel()
        if self._is_own:
            self._ray.shutdown()

    @property
    def capacity(self) -> Capacity:
        """As in Engine."""
        with self._failing():
            resources = self._ray.cluster_resources()
        return Capacity(int(resources.get("CPU", 0)), int(resources.get("object_store_memory", 0)))

    def hold(self, payload: bytes | memoryview) -> Held:
        """As in Engine."""
        with self._failing(f"a chunk of {len(payload)} bytes"):
            held = self._ray.put(PickleBuffer(payload))
        self._memory.touched(len(payload))
        return held

    def start(self, ticket: Ticket, chunk: Held, task: Task, assets: Mapping[str, Held]) -> None:
        """As in Engine."""
        with self._failing():
            named = {value: assets[value] for value in _named(task) if value in assets}
            said, payload = self._compute.remote(chunk, task, list(named), self._plugins_held, *named.values())
        self._tickets[payload] = ticket, said

    def ended(self, timeout_s: float) -> Iterator[Ended]:
        """As in Engine. Each result is fetched when it is asked for, so that one at a time is in this process."""
        with self._failing():
            ready, others = self._ray.wait(list(self._tickets), num_returns=1, timeout=timeout_s)
            if ready and others:
                ready += self._ray.wait(others, num_returns=len(others), timeout=0)[0]
        for payload in ready:
            ended = self._taken(payload)
            yield ended
            if isinstance(ended.outcome, Made):
                self._memory.touched(len(ended.outcome.payload))

    def cancel(self) -> None:
        """As in Engine."""
        given_up, self._tickets = list(self._tickets), {}
        for payload in given_up:
            self._ray.cancel(payload)

    # ── what came of tasks ───────────────────────────────────────────────────────────────────────────────────────

    def _taken(self, payload: Any) -> Ended:
        """Return what came of the task that made this object."""
        ticket, said = self._tickets.pop(payload)
        errors = self._ray.exceptions
        try:
            node, outcome = self._ray.get(said)
            if isinstance(outcome, Made):
                outcome = Made(memoryview(self._ray.get(payload)), outcome.xxh3, outcome.fingerprint)
            return Ended(ticket, self._node_name(node), outcome)
        except errors.WorkerCrashedError:
            text = f"the process that computed it ended, {MAX_RETRIES + 1} times: by its own fault, or it was killed"
            return Ended(ticket, "", Lost(text, is_deadly=True))
        except errors.OutOfMemoryError as error:
            return Ended(ticket, "", TaskFailure(CauseKind.MEMORY, f"its machine has no memory left: {_said(error)}"))
        except errors.RayTaskError as error:  # before or behind `work`, which catches its own
            return Ended(ticket, "", TaskFailure(CauseKind.EXCEPTION, _said(error), traceback=str(error)))
        except errors.RayError as error:  # of a node or an object
            return Ended(ticket, "", Lost(_said(error)))

    @contextmanager
    def _failing(self, what: str = "") -> Iterator[None]:
        """Turn the exceptions that Ray raises in the block into EngineFailed."""
        errors = self._ray.exceptions
        try:
            yield
        except (errors.ObjectStoreFullError, errors.OutOfDiskError) as error:
            size = self._ray.cluster_resources().get("object_store_memory", 0) / 1e6
            raise EngineFailed(
                f"Ray has no room for {what or 'an object'} in its object stores, which have {size:.0f} MB, nor on the "
                f"disk where it spills them ({_said(error)}); start its nodes with a larger --object-store-memory, "
                "or cut finer with --chunk-frames"
            ) from error
        except (errors.RayError, ConnectionError) as error:
            raise EngineFailed(f"{self.name} is lost: {_said(error)}") from error

    # ── its nodes ────────────────────────────────────────────────────────────────────────────────────────────────

    def _common_build(self) -> str:
        """Return the fingerprint that all nodes have. Raise EngineUnavailable where there is none."""
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy as At  # noqa: PLC0415 - as Ray itself

        nodes = [node for node in self._ray.nodes() if node["Alive"] and node["Resources"].get("CPU")]
        if not nodes:
            raise EngineUnavailable(f"{self.name} has no node with processors for tasks; start one with: ray start")
        remote = self._ray.remote(num_cpus=0, max_retries=1)(_probe())
        asked = {
            self._node_name(node["NodeID"]): remote.options(
                scheduling_strategy=At(node_id=node["NodeID"], soft=False)
            ).remote()
            for node in nodes
        }
        try:
            said = dict(zip(asked, self._ray.get(list(asked.values()), timeout=PROBE_S), strict=True))
        except self._ray.exceptions.RayError as error:
            raise EngineUnavailable(f"The nodes of {self.name} do not say what they are: {_said(error)}") from error
        return _agreed(said)

    def _node_name(self, node: str) -> str:
        """Return what people call a node, by its id: its host's name, and what tells two on one host apart."""
        if node not in self._names:
            known = {each["NodeID"]: each["NodeManagerHostname"] for each in self._ray.nodes()}
            self._names[node] = f"{known.get(node, 'node')}/{node[:6]}"
        return self._names[node]


# ── in a process of a node ──────────────────────────────────────────────────────────────────────────────────────────


def compute(chunk: Any, task: Task, names: Sequence[str], plugins: PluginSources, *contents: Any) -> tuple[Any, Any]:
    """Do a task: return the node's id and what came of it, and the payload of the result."""
    import ray  # noqa: PLC0415 - is loaded

    from moviola.engines.work import work  # noqa: PLC0415 - codecs, which the driver of jobs does without

    assets = {name: bytes(content) for name, content in zip(names, contents, strict=True)}
    outcome, payload = work(task, memoryview(chunk), assets, plugins)
    return (ray.get_runtime_context().get_node_id(), outcome), PickleBuffer(payload)


def _probe() -> Callable[[], tuple[str, str, str]]:
    """Return a function that returns a node's versions of Python and of Moviola, and its fingerprint. Ray sends the
    function itself to the node, so that it runs, and says so, where Moviola is not installed."""

    def probe() -> tuple[str, str, str]:
        import platform  # noqa: PLC0415 - this is another process

        try:
            from moviola.base.installation import version  # noqa: PLC0415
            from moviola.media.fingerprint import fingerprint  # noqa: PLC0415

            return platform.python_version(), version(), fingerprint()
        except Exception as error:
            return platform.python_version(), "", f"{type(error).__name__}: {error}"

    return probe


# ── what is said ────────────────────────────────────────────────────────────────────────────────────────────────────


def _agreed(said: Mapping[str, tuple[str, str, str]]) -> str:
    """Return the build of all nodes, by what each says of itself. Raise EngineUnavailable where they differ."""
    without = {name: told for name, (_, found, told) in said.items() if not found}
    if without:
        why = next(iter(without.values()))
        raise EngineUnavailable(
            f"Moviola cannot be used on {_list(without)} ({why}); install version {version()} on each node, with the "
            "Python that runs Ray there"
        )
    others = {name: found for name, (_, found, _) in said.items() if found != version()}
    if others:
        found = next(iter(others.values()))
        raise EngineUnavailable(f"{_list(others)} has Moviola {found}, and here is {version()}; install the same")
    pythons = {name: python for name, (python, _, _) in said.items() if python != platform.python_version()}
    if pythons:
        found = next(iter(pythons.values()))
        raise EngineUnavailable(
            f"{_list(pythons)} runs Python {found}, and here is {platform.python_version()}; install the same"
        )
    builds = {build: name for name, (_, _, build) in said.items()}
    if len(builds) > 1:
        told = "; ".join(f"{name}: {build}" for build, name in list(builds.items())[:MAX_NAMED])
        raise EngineUnavailable(
            f"The nodes would not compute the same, for their libraries or processors differ ({told}); install the "
            "same libraries on each, and use a cluster of one kind of processor"
        )
    return next(iter(builds))


def _list(names: Mapping[str, object]) -> str:
    named = ", ".join(list(names)[:MAX_NAMED])
    return f"{named} and {len(names) - MAX_NAMED} more nodes" if len(names) > MAX_NAMED else named


def _named(task: Task) -> list[str]:
    """The values of a task's chain that may stand for files."""
    return [value for step in task.output.chain for value in step.parameters.values() if isinstance(value, str)]


def _said(error: BaseException) -> str:
    return _first_line(error) or type(error).__name__


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [""])[0].rstrip(".")


@contextmanager
def _own_signals() -> Iterator[None]:
    """Put the handler of SIGTERM back after the block: Ray sets one, and commands have their own."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
