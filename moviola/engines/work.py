"""What a node does: one task, with the filters of files and the files that filters name. Knows no engine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

import xxhash

from moviola.engines.engine import Made
from moviola.filters import registry
from moviola.filters.assets import travelled
from moviola.filters.plugin_sources import PluginSources
from moviola.filters.toolbox.opencv import cv2
from moviola.media.computing import Task
from moviola.media.failing import TaskFailure, failure_of

NONE: Final = PluginSources()

_prepared: list[PluginSources] = []  # what this process has loaded last


def prepare(plugins: PluginSources) -> None:
    """Load the filters of these files into this process, and drop those of other files.

    Raises:
        moviola.filters.registry.PluginError: a file cannot be loaded here.
    """
    if _prepared == [plugins]:
        return
    cv2.setNumThreads(1)  # the engine runs as many tasks as there are processors
    registry.forget_plugins()
    plugins.load()
    _prepared[:] = [plugins]


def work(
    task: Task, chunk: memoryview, assets: Mapping[str, bytes], plugins: PluginSources = NONE
) -> tuple[Made | TaskFailure, bytes | memoryview]:
    """Compute a task. Return what came of it without the result's payload, and that payload.

    Args:
        task: without its payload.
        chunk: the payload.
        assets: the files that filters of its chain name.
        plugins: as of `prepare`.
    """
    try:
        prepare(plugins)
        with travelled(assets):
            made = replace(task, payload=chunk).compute()
    except Exception as error:
        return failure_of(error), b""
    return Made(b"", xxhash.xxh3_64_intdigest(made.payload), made.fingerprint), made.payload
