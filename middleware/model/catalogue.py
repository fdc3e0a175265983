"""The filters that workers have ever announced, so that a chain can be checked while none of them is connected."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from typing import Final

import msgpack

from moviola.base.mapped import Map
from moviola.base.texts import MAX_NAME
from moviola.wire.limits import MIB

from ..events import Command, ForgetFilter, SaveFilter

MAX_FILTERS: Final = 1000
"""Filters remembered: twenty times what this project brings along."""

MAX_BYTES: Final = 1 * MIB
"""Bytes of all schemas together: they are told in one message, which must stay far below MAX_HEADER. The schemas of
100 filters are about 40 KiB."""


class Catalogue:
    """Schemas by filter name, as msgpack: they are kept and told, and read by clients only.

    The filter whose last announcement is the longest ago is forgotten first. What connected workers offer is told by
    their own records, so nothing that could be used now is lost by that.
    """

    def __init__(self) -> None:
        self._schemas: OrderedDict[str, bytes] = OrderedDict()
        self._size = 0

    @property
    def names(self) -> frozenset[str]:
        """Return the names of all filters known."""
        return frozenset(self._schemas)

    @property
    def schemas(self) -> list[bytes]:
        """Return the schemas of all filters known, the longest unheard of first."""
        return list(self._schemas.values())

    def restore(self, filters: Iterable[tuple[str, bytes]]) -> None:
        """Take up what the ledger kept: names and schemas, oldest first."""
        for name, schema in filters:
            self._put(name, schema)

    def announce(self, filters: Iterable[Map]) -> list[Command]:
        """Remember the schemas that a worker announces; return what has to be written down.

        Of two schemas of one name the newest counts. One without a name is passed over.
        """
        commands: list[Command] = []
        for data in filters:
            name, schema = data.get("name"), bytes(msgpack.packb(data))
            if not isinstance(name, str) or not 0 < len(name) <= MAX_NAME or len(schema) > MAX_BYTES:
                continue
            if self._schemas.get(name) != schema:
                commands.append(SaveFilter(name, schema))
            self._put(name, schema)
        while self._size > MAX_BYTES or len(self._schemas) > MAX_FILTERS:
            name, schema = self._schemas.popitem(last=False)
            self._size -= len(schema)
            commands.append(ForgetFilter(name))
        return commands

    def _put(self, name: str, schema: bytes) -> None:
        self._size += len(schema) - len(self._schemas.pop(name, b""))
        self._schemas[name] = schema

    def validate(self) -> None:
        """Raise AssertionError where the counted size is not the real one, or a bound is passed."""
        assert self._size == sum(map(len, self._schemas.values())), self._size
        assert self._size <= MAX_BYTES, self._size
        assert len(self._schemas) <= MAX_FILTERS, len(self._schemas)
