"""Modules that are imported when something of them is used: a program that only mentions them does without."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any


class LazyModule:
    """Stands for a module, which is imported at the first use of an attribute. An attribute that was looked up there
    once is kept here, so that later uses cost no call.

    Args:
        name: of the module.
        prepare: called with the module when it has been imported.
    """

    def __init__(self, name: str, prepare: Callable[[Any], None] | None = None) -> None:
        self.__name, self.__prepare = name, prepare

    def __getattr__(self, name: str) -> Any:
        module = import_module(self.__name)
        if self.__prepare is not None:
            self.__prepare(module)
        value = getattr(module, name)
        setattr(self, name, value)
        return value
