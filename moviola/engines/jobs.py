"""Jobs on an engine: which engines there are, and one job from its source to the results of all its chunks."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from moviola.base.failures import Failure
from moviola.engines import ENGINES
from moviola.engines.engine import Engine
from moviola.engines.errors import EngineUnavailable
from moviola.engines.run import Counts, Run
from moviola.engines.store import Identity, StoredResults
from moviola.filters.plugin_sources import PluginSources
from moviola.media.computing import Computed, Task

FOLDER: Final = "engines"
"""Within the state folder, where results wait."""


class Engines:
    """An engine that is connected to; `with` leaves it.

    Args:
        where: NAME, or NAME://ADDRESS.
        plugins: files of filters.
        state: the state folder.

    Raises:
        EngineUnavailable: it cannot be used.
        moviola.filters.registry.PluginError: a file of filters cannot be read.
    """

    def __init__(self, where: str, plugins: Sequence[Path], state: Path) -> None:
        name, _, address = where.partition("://")
        if name not in ENGINES:
            raise EngineUnavailable(f"There is no engine {name!r}, only {', '.join(ENGINES)}")
        self._sources = PluginSources.read(plugins)
        self._label, self._root = name, state / FOLDER
        self.engine: Engine = import_module(ENGINES[name]).connect(address, self._sources)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.engine.__exit__(*exception)

    def job(
        self,
        outputs: Sequence[str],
        assets: Mapping[str, bytes],
        say: Callable[[str], None],
        *,
        fresh: bool,
    ) -> EngineJob:
        """Return a job to be done.

        Args:
            outputs: their names.
            assets: the files that filters name, by the value that stands for each.
            say: takes a sentence for whoever waits.
            fresh: do not go on with what an earlier command has left of the same job.
        """
        return EngineJob(self.engine, self._root, self._label, self._sources, outputs, assets, say, fresh=fresh)


class EngineJob:
    """One job, as `moviola.media.local.run_local` takes it: computes its chunks, and keeps their results. The end of
    its `with` block gives up the tasks that are on their way. Results that have come stay on disk, unless the job is
    `finished`.

    Args:
        engine, root, label, plugins: as of Engines.
        outputs, assets, say, fresh: as of `Engines.job`.
    """

    def __init__(
        self,
        engine: Engine,
        root: Path,
        label: str,
        plugins: PluginSources,
        outputs: Sequence[str],
        assets: Mapping[str, bytes],
        say: Callable[[str], None],
        *,
        fresh: bool,
    ) -> None:
        self.id = f"{label}-{secrets.token_hex(4)}"
        self._engine, self._root, self._plugins, self._outputs = engine, root, plugins, outputs
        self._say, self._fresh = say, fresh
        self._counts = [Counts() for _ in outputs]
        self._stored: StoredResults | None = None
        self._run = Run(engine, self._counts, assets=assets, note=self._note, say=say)
        self._is_finished = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._run.cancel()
        if self._stored is not None:
            self._stored.__exit__(kind, error, trace)
            if self._is_finished:
                self._stored.remove()

    def begin(self, key: str) -> StoredResults:
        """Open the results that are stored here under a job's key, and return them. Raise as StoredResults does."""
        whole_key = f"{key}-{self._plugins.digest}" if self._plugins.files else key
        identity = Identity(whole_key, self._engine.build)
        self._stored = StoredResults(self._root, identity, self.id, self._outputs, self._counts, fresh=self._fresh)
        if self._stored.forgotten:
            self._say(self._stored.forgotten)
        if self._stored.found:
            count = self._stored.found
            results = "1 result is" if count == 1 else f"{count} results are"
            self._say(f"{results} stored already, and not computed again; --new begins anew")
        return self._stored

    def results(self, tasks: Iterable[Task]) -> Iterator[Computed]:
        """As in moviola.media.computing.Computing."""
        return self._run.results(tasks)

    def while_waiting(self, show: Callable[[], None]) -> None:
        """Have this called after each wait for results, also while none come; what it raises ends the job."""
        self._run.waiting = show

    def finished(self) -> None:
        """Note that the job's files are there, so that its results are removed at the end of the `with` block."""
        self._is_finished = True

    @property
    def kept(self) -> int:
        """How many results are stored."""
        return 0 if self._stored is None else len(self._stored)

    @property
    def in_work(self) -> int:
        """How many tasks are on their way."""
        return self._run.in_work

    @property
    def retries(self) -> int:
        """How many tasks were started again."""
        return sum(each.retries for each in self._counts)

    def _note(self, failure: Failure) -> None:
        if self._stored is not None:
            self._stored.note(failure)
