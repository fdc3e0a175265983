"""The files of filters that this process has: all that its tasks name, and others as long as there is room for them."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Set
from typing import Final

from moviola.filters.assets import TRAVELS
from moviola.wire.framing import Buffer
from moviola.wire.limits import MAX_ASSET_SIZE, MIB

CACHE_SIZE: Final = 64 * MIB
"""Bytes kept of files that no present task names: the next task of the same job is likely to need them again."""


class AssetCache:
    """Files by value (see moviola/filters/assets.py), the ones used last kept longest."""

    def __init__(self) -> None:
        self._files: OrderedDict[str, bytes] = OrderedDict()

    def missing(self, values: Iterable[str]) -> list[str]:
        """Return those that are not here."""
        return [value for value in values if value not in self._files]

    def of(self, values: Iterable[str]) -> Mapping[str, bytes]:
        """Return the files of a task, all of which are here."""
        return {value: self._files[value] for value in values}

    def add(self, value: str, content: Buffer) -> bool:
        """Take a file. Return False where it is not the one that the value stands for."""
        if len(content) > MAX_ASSET_SIZE or TRAVELS + hashlib.sha256(content).hexdigest() != value:
            return False
        self._files[value] = bytes(content)
        return True

    def trim(self, needed: Set[str]) -> None:
        """Forget the oldest files that are not needed, down to CACHE_SIZE bytes of them."""
        for value in needed:
            if value in self._files:
                self._files.move_to_end(value)
        spare = [value for value in self._files if value not in needed]
        size = sum(len(self._files[value]) for value in spare)
        for value in spare:
            if size <= CACHE_SIZE:
                return
            size -= len(self._files.pop(value))
