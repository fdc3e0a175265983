"""`moviola.Cluster.local`: a whole cluster on this machine, for as long as a block lasts."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
import weakref
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from moviola.api.cluster import Cluster
from moviola.api.errors import Unreachable, UsageError, translated
from moviola.api.options import PathLike
from moviola.base.labels import fault_of
from moviola.base.processes import MAX_WORKERS, core_count
from moviola.base.vocabulary import Topic
from moviola.launcher.guarded import HOST, GuardedCluster
from moviola.launcher.places import make_state
from moviola.launcher.problem import Problem
from moviola.session.cluster_view import ClusterView, look
from moviola.session.target import Target
from moviola.wire.addresses import Address
from moviola.wire.errors import WireError
from moviola.wire.options import system_user
from moviola.wire.secret import SECRET_NAME, make_secret, read_secret

START_S: Final = 60.0
"""How long the programs may take to find each other: each loads codec libraries, on a machine that may be full."""

LOOK_S: Final = 1.0
"""How long one look waits for the programs to be complete; between two looks it is checked whether one has ended."""

TRIES: Final = 3
"""How often a start is tried: another program may take one of the free ports first."""

PARTING: Final = "the cluster was stopped before the job had ended"


class LocalCluster(Cluster):
    """A cluster of this machine, which ends when its block is left, when this object goes, or with this process.

    Args:
        workers: processes that compute; one a core by default.
        state: the folder of its state, which is kept; by default a temporary one.
        results: as of Cluster.
        plugins: files of filters.
        labels: of the workers.
        user: whose jobs are submitted.
    """

    def __init__(
        self,
        workers: int | None = None,
        *,
        state: PathLike | None = None,
        results: PathLike = "results",
        plugins: Iterable[PathLike] = (),
        labels: Sequence[str] = (),
        user: str | None = None,
    ) -> None:
        count = core_count() if workers is None else workers
        if isinstance(count, bool) or not isinstance(count, int) or not 0 <= count <= MAX_WORKERS:
            raise UsageError(f"workers is a whole number from 0 to {MAX_WORKERS}, not {workers!r}")
        self._count = count
        self._named = tuple(Path(each).resolve() for each in plugins)
        for path in self._named:
            if not os.path.isfile(path):
                raise UsageError(f"{path}: there is no such file; check the path")
        if fault := fault_of(labels):
            raise UsageError(fault)
        self._labels = ["--label", ",".join(labels)] if labels else []
        folder, temporary = _folder(state)
        self._folder = folder
        self._written: Mapping[str, str] = {}
        try:
            secret = read_secret(make_secret(folder / SECRET_NAME))
            self._guarded = self._started(temporary)
        except BaseException:
            for each in temporary:
                shutil.rmtree(each, ignore_errors=True)
            raise
        self._end = weakref.finalize(self, self._guarded.stop)
        target = Target(Address(HOST, self._guarded.port), secret=secret, user=user or system_user())
        self._open(target, Path(results), PARTING)
        try:
            self._wait(lambda view: True)
        except BaseException:
            self.close()
            raise

    @property
    def process_id(self) -> int:
        """Of the process that keeps this cluster's programs."""
        return self._guarded.process_id

    def close(self) -> None:
        """Stop the cluster, with all that it is at, and remove what is temporary. May be called again."""
        super().close()
        self._end()

    # ── its programs ─────────────────────────────────────────────────────────────────────────────────────────────

    def _started(self, temporary: Sequence[Path]) -> GuardedCluster:
        """Start all programs, without waiting until they are there."""
        plugins, self._written = self._plugins()
        secret = self._folder / SECRET_NAME
        return GuardedCluster(
            self._folder, self._count, secret, temporary=temporary, plugins=plugins, arguments=self._labels
        )

    def _plugins(self) -> tuple[list[Path], dict[str, str]]:
        """Return the files of filters, and by name the versions of the filters that this program defines."""
        from moviola.api.decorated import decorated  # noqa: PLC0415 - numpy and codecs
        from moviola.api.written_out import plugin_files  # noqa: PLC0415

        known = decorated()
        files = plugin_files([kind.function for kind in known.values()], self._folder)
        named = [*self._named, *(file for file in files if file not in self._named)]
        return named, {name: kind.written for name, kind in known.items()}

    def _wait(self, condition: Callable[[ClusterView], bool]) -> None:
        """Wait until all programs are there, and a condition holds. Raises Unreachable."""

        def complete(view: ClusterView) -> bool:
            there = len(view.connected_workers()) >= self._count and bool(view.connected_aggregators())
            return view.is_current and there and condition(view)

        deadline = time.monotonic() + START_S
        while True:
            try:
                self._guarded.check()
                look(self._target, (Topic.WORKERS,), until=complete, timeout_s=LOOK_S, retry=True)
                break
            except Problem as problem:
                raise Unreachable(str(problem)) from problem
            except (WireError, TimeoutError) as error:
                if time.monotonic() > deadline:
                    text = f"the cluster is not whole after {START_S:.0f} s ({error}); its logs are in {self._folder}"
                    raise Unreachable(text) from error
        self._guarded.is_up()

    def _before_submit(self, filters: Iterable[str]) -> None:
        """Restart the workers if this program has defined or changed one of these filters since they were started."""
        with translated():
            wanted = set(filters)
            plugins, written = self._plugins()
            changed = {name for name in wanted & written.keys() if self._written.get(name) != written[name]}
            if not changed:
                return
            self._written = written
            before = {one.facts.process_id for one in self._look(Topic.WORKERS).connected_workers()}
            self._guarded.reload(plugins)

            def offered(view: ClusterView) -> bool:
                return all(one.facts.process_id not in before for one in view.connected_workers())

            self._wait(offered)


def _folder(state: PathLike | None) -> tuple[Path, tuple[Path, ...]]:
    """The folder of the state, and those that are removed at the end."""
    if state is None:
        made = Path(tempfile.mkdtemp(prefix="moviola-"))
        return made, (made,)
    folder = Path(state).resolve()
    try:
        make_state(folder)
    except Problem as problem:
        raise UsageError(str(problem)) from problem
    return folder, ()


def local(*arguments: Any, **options: Any) -> LocalCluster:
    """Start a LocalCluster. If another program has taken one of its ports first, try again."""
    for _ in range(TRIES - 1):
        try:
            return LocalCluster(*arguments, **options)
        except Unreachable as error:
            if "is taken" not in str(error):
                raise
    return LocalCluster(*arguments, **options)
