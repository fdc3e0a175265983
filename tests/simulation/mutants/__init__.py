"""Planted defects: each takes one real rule away, and the simulation must notice.

A mutant is a small patch of production code, named after the rule that it breaks; the modules here are cut by what
they plant it in. `python -m tests.simulation --mutants` plays seeds with each until one fails.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Final
from unittest.mock import patch

from tests.simulation.mutants import clients, disk, events, scheduling, stores, workers
from tests.simulation.mutants.patches import Patch, Patches

MUTANTS: Final[dict[str, Callable[[], Patch | Patches]]] = {
    name.removeprefix("_").replace("_", " "): made
    for module in (disk, workers, scheduling, stores, clients, events)
    for name, made in vars(module).items()
    if name.startswith("_")
    and callable(made)
    and getattr(made, "__annotations__", {}).get("return") in ("Patch", "Patches")
}


@contextmanager
def planted(name: str) -> Iterator[None]:
    """The defect of this name is in the programs."""
    made = MUTANTS[name]()
    with ExitStack() as planting:
        for target, attribute, replacement in made if isinstance(made, list) else [made]:
            planting.enter_context(patch.object(target, attribute, replacement))
        yield
