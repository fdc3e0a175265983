"""Jobs on an engine that others run, such as a Ray cluster: `split | process | splice`, with `process` on its nodes.

An engine is what has the functions of `moviola.engines.engine.Engine`. Nothing here is imported before somebody asks
for an engine, and each engine's own library by its own module alone.
"""

from __future__ import annotations

from typing import Final

ENGINES: Final = {"ray": "moviola.engines.ray_engine"}
"""By name, the module whose `connect(address, plugins)` returns an engine."""
