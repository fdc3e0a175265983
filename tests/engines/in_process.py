"""An engine whose one node is this process, by the name that a test gives it in `moviola.engines.ENGINES`."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from moviola.engines.engine import Made, Ticket
from moviola.engines.errors import EngineUnavailable
from moviola.engines.work import work
from moviola.filters.plugin_sources import PluginSources
from moviola.media.computing import Task
from moviola.media.fingerprint import fingerprint
from tests.engines.fake_engine import FakeEngine, Outcome

connected: Final[list[FakeEngine]] = []
"""All that were made, for tests to look at."""

NOBODY: Final = "nobody:1"
"""An address at which nothing answers."""

interrupted_after: Final[list[int]] = []
"""Of the next engine: how many tasks it does before somebody presses Ctrl-C."""


def connect(address: str, plugins: PluginSources) -> FakeEngine:
    """Return an engine that does the tasks, the newest first."""
    if address == NOBODY:
        raise EngineUnavailable(f"Nobody answers at {address}; try another")
    limit = interrupted_after.pop() if interrupted_after else None
    done = 0

    def script(_ticket: Ticket, task: Task, chunk: bytes) -> Outcome:
        nonlocal done
        if done == limit:
            raise KeyboardInterrupt
        done += 1
        outcome, payload = work(task, memoryview(chunk), engine.assets, plugins)
        return replace(outcome, payload=payload) if isinstance(outcome, Made) else outcome

    engine = FakeEngine(script, backwards=True)
    engine.build = fingerprint()
    connected.append(engine)
    return engine
