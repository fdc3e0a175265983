"""What is remembered of jobs that have ended: packed, because there are many of them and hardly anyone asks."""

from __future__ import annotations

import zlib
from typing import Any, Generic, Protocol, TypeVar

import msgpack


class Ending(Protocol):
    """What may have ended."""

    has_settled: bool


T = TypeVar("T")


class Told(Generic[T]):
    """An attribute of plain data that is kept packed once its owner has settled: a fifth of its size. What is read then
    is a copy: a change must be assigned."""

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = "_" + name

    def __get__(self, owner: Ending, _type: type | None = None) -> T:
        value: Any = vars(owner)[self._name]
        unpacked: T = msgpack.unpackb(zlib.decompress(value)) if isinstance(value, bytes) else value
        return unpacked

    def __set__(self, owner: Ending, value: T) -> None:
        vars(owner)[self._name] = zlib.compress(msgpack.packb(value), 1) if owner.has_settled else value
