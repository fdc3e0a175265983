"""Finds filters by name: those that are built in, and those of files that a worker was told to load."""

from __future__ import annotations

import importlib
import importlib.util
import linecache
import sys
from collections.abc import Iterable
from functools import cache
from importlib.machinery import SourceFileLoader
from inspect import isfunction
from pathlib import Path
from types import CodeType, ModuleType
from typing import Final

from moviola.base.extras import NETWORKS, Extra
from moviola.filters.base import FAILURES, Filter, schema_of
from moviola.filters.chain import Step
from moviola.filters.schema import FilterSchema, ParameterError, SchemaError, check_chain

BUILT_IN = (  # each is the module of that name in `builtin`
    "argentina_spain",
    "background",
    "blur",
    "brightness",
    "contrast",
    "crop",
    "denoise",
    "detect",
    "edges",
    "enhance",
    "faces",
    "flip",
    "fps",
    "grayscale",
    "identity",
    "metadata",
    "motion",
    "onnx",
    "people",
    "pixelate",
    "post_2000",
    "resize",
    "rotate",
    "sharpen",
    "watermark",
    "where",
)

EXTRAS: Final[dict[str, Extra]] = {"detect": NETWORKS, "onnx": NETWORKS}
"""The extra packages that a built-in filter needs, by its name. They stand here so that no filter is imported to know
that."""

_loaded: dict[str, type[Filter]] = {}


class PluginError(Exception):
    """Raised for a file that cannot be loaded as a plugin; the text says what is wrong with it."""


def names() -> tuple[str, ...]:
    """Return the names of all known filters, sorted."""
    return tuple(sorted((*BUILT_IN, *_loaded)))


def lacking() -> dict[str, str]:
    """Return the built-in filters that cannot run here, and for each what it lacks, a sentence without its full
    stop."""
    return {name: missing for name, extra in EXTRAS.items() if (missing := extra.missing())}


def runnable() -> tuple[str, ...]:
    """Return the names of all known filters that can run here, sorted."""
    missing = lacking()
    return tuple(name for name in names() if name not in missing)


def schemas() -> dict[str, FilterSchema]:
    """Return the schemas of all known filters, by name, as plain data."""
    return {name: schema_of(filter_class(name)) for name in names()}


def filter_class(name: str) -> type[Filter]:
    """Return the class of a filter.

    Raises:
        ParameterError: there is no filter of this name; the text suggests another.
    """
    if name in _loaded:
        return _loaded[name]
    if name not in BUILT_IN:
        check_chain([Step(name)], schemas())
        raise ParameterError(f'there is no filter "{name}"')
    return _built_in(name)


def make(step: Step) -> Filter:
    """Return the filter of a step.

    Raises:
        ParameterError: an unknown filter or parameter, or a bad value.
    """
    kind = filter_class(step.name)
    return kind(**schema_of(kind).check(step.parameters))


def make_chain(steps: Iterable[Step]) -> tuple[Filter, ...]:
    """Return the filters of a chain, as `ChainRunner` takes them.

    Raises:
        ParameterError: an unknown filter or parameter, or a bad value.
    """
    return tuple(make(step) for step in steps)


def plugin_source(path: Path) -> bytes:
    """Return what a file of filters holds. Raises PluginError where there is none that can be read."""
    try:
        if not path.is_file():
            raise PluginError(f"{path}: there is no such file; check the path")
        return path.read_bytes()
    except OSError as error:
        raise PluginError(f"{path} cannot be read: {error.strerror}") from error


def load_plugin(path: Path, source: bytes | None = None) -> tuple[str, ...]:
    """Load the filters of a Python file, and return their names, sorted.

    Args:
        source: the file's content, if it was read already; None reads it.

    Raises:
        PluginError: it cannot be loaded, or has no usable filter; then no filter of it is known.
    """
    module = _execute(path, plugin_source(path) if source is None else source)
    found: dict[str, type[Filter]] = {}
    for kind in _filters_in(module):
        try:
            schema_of(kind)
            kind()
        except (TypeError, SchemaError, ParameterError) as error:
            raise PluginError(f"{path}: {error}") from error
        except FAILURES as error:
            raise PluginError(f"{path}: {kind.__name__} cannot be made: {_told(error)}") from error
        if kind.name in found or (kind.name in names() and filter_class(kind.name) is not kind):
            raise PluginError(f'{path}: there is a filter "{kind.name}" already; give {kind.__name__} another name')
        found[kind.name] = kind
    if not found:
        raise PluginError(f"{path} defines no filter: a frozen dataclass derived from moviola.filters.base.Filter")
    _loaded.update(found)
    return tuple(sorted(found))


def forget_plugins() -> None:
    """Forget all filters that are not built in, so that other versions of them can be loaded."""
    _loaded.clear()


def add(kind: type[Filter]) -> None:
    """Make a filter known that a program has defined; it replaces one that the program defined under that name before.

    Raises:
        PluginError: another filter has the name.
    """
    schema_of(kind)
    if kind.name in BUILT_IN or (kind.name in _loaded and not hasattr(_loaded[kind.name], "function")):
        raise PluginError(f'there is a filter "{kind.name}" already; give this one another name')
    _loaded[kind.name] = kind


@cache
def _built_in(name: str) -> type[Filter]:
    (kind,) = _filters_in(importlib.import_module(f"moviola.filters.builtin.{name}"))
    return kind


def _filters_in(module: ModuleType) -> list[type[Filter]]:
    """Return the filters that a module defines itself, as classes or by decorated functions (moviola.api.decorated),
    without those that it imports and those whose names begin with an underscore, which are bases of others."""
    return [
        value
        for value in (
            getattr(each, "filter_class", each) if isfunction(each) else each for each in vars(module).values()
        )
        if isinstance(value, type) and issubclass(value, Filter) and value.__module__ == module.__name__
        if not value.__name__.startswith("_")
    ]


class _PluginLoader(SourceFileLoader):
    """Runs source that was read already, without Python's cache of compiled files, which would not see a second change
    of equal size within a second."""

    def __init__(self, name: str, path: Path, source: bytes) -> None:
        super().__init__(name, str(path))
        self._source = source

    def get_code(self, fullname: str) -> CodeType:
        return compile(self._source, self.path, "exec", dont_inherit=True)


def _execute(path: Path, source: bytes) -> ModuleType:
    if path.suffix != ".py":
        raise PluginError(f"{path} is not a Python file")
    name = f"moviola_plugin_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path, loader=_PluginLoader(name, path, source))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look their module up to resolve types
    try:
        lines = importlib.util.decode_source(source).splitlines(keepends=True)
        linecache.cache[str(path)] = (len(source), None, lines, str(path))  # what `inspect` and tracebacks show
        spec.loader.exec_module(module)
    except FAILURES as error:
        del sys.modules[name]
        raise PluginError(f"{path} cannot be loaded: {_told(error)}") from error
    return module


def _told(error: BaseException) -> str:
    told = f"{type(error).__name__}: {error}"
    if isinstance(error, SystemExit):
        return f'{told}: it ends the program that loads it; do that below `if __name__ == "__main__":` only'
    return told
