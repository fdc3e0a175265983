"""How chunks and results are packed: a table and the bytes that it lists.

    u32 big-endian: size of the table in bytes | table (msgpack map) | the parts' bytes, one after another

The table's key "p" lists the parts in the order of their bytes; each entry's first element is the part's size in
bytes, the others, and the other keys, belong to the kind of material: see the `bundle` module of each.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

import msgpack

from moviola.base.mapped import Malformed, Map, Mapped
from moviola.media.errors import BundleError

T = TypeVar("T", bound=Mapped)

# A video's entry takes about 30 bytes; this leaves room for a million packets, far above what a chunk may hold,
# and keeps a garbled length from asking for gigabytes.
MAX_TABLE_SIZE = 64 * 1024 * 1024
_HEAD = struct.Struct(">I")


def pack(table: Mapping[str, Any], parts: Sequence[bytes | bytearray | memoryview]) -> bytes:
    """Join a table and the bytes of its parts; `table["p"][i][0]` must be the size of `parts[i]`.

    Raise ValueError when they do not agree, or the table is larger than MAX_TABLE_SIZE.
    """
    sizes = [len(part) for part in parts]
    if [entry[0] for entry in table["p"]] != sizes:
        raise ValueError("the sizes in the table are not those of the parts")
    packed = msgpack.packb(dict(table), use_bin_type=True)
    if len(packed) > MAX_TABLE_SIZE:
        raise ValueError(f"a bundle's table of {len(packed)} bytes is larger than {MAX_TABLE_SIZE}")
    return b"".join((_HEAD.pack(len(packed)), packed, *parts))


def unpack(payload: bytes | bytearray | memoryview) -> tuple[Map, list[memoryview]]:
    """Take a bundle apart without copying: the table, and one view into `payload` for each part.

    Raise BundleError when the payload is cut short, too long, or its table is not one.
    """
    table, body = _table(payload)
    views: list[memoryview] = []
    start = 0
    for entry in table["p"]:
        stop = start + _size(entry)
        views.append(body[start:stop])
        start = stop
    if start != len(body):
        raise BundleError(f"the table promises {start} bytes of parts, the bundle holds {len(body)}")
    return table, views


def read(kind: type[T], payload: bytes | bytearray | memoryview) -> tuple[T, list[memoryview]]:
    """Return a bundle's table as a record of this kind, and the views of `unpack`.

    Raise BundleError as `unpack` does, and when the table is none of this kind.
    """
    table, views = unpack(payload)
    return _record(kind, table), views


def read_table(kind: type[T], payload: bytes | bytearray | memoryview) -> T:
    """Return the table alone; raise BundleError as `read` does, but for the sizes of the parts."""
    return _record(kind, unpack_table(payload))


def _record(kind: type[T], table: Map) -> T:
    try:
        return kind.from_wire(table)
    except Malformed as error:
        raise BundleError(f"this bundle is of another kind, or broken: {error}") from None


def unpack_table(payload: bytes | bytearray | memoryview) -> Map:
    """Return the table as a map; raise BundleError as `unpack` does, but for the sizes of the parts."""
    return _table(payload)[0]


def _table(payload: bytes | bytearray | memoryview) -> tuple[Map, memoryview]:
    whole = memoryview(payload).cast("B")
    if len(whole) < _HEAD.size:
        raise BundleError(f"a bundle of {len(whole)} bytes is too short to hold its table's size")
    (size,) = _HEAD.unpack_from(whole)
    stop = _HEAD.size + size
    if size > MAX_TABLE_SIZE or stop > len(whole):
        raise BundleError(f"a table of {size} bytes does not fit a bundle of {len(whole)}")
    try:
        table = msgpack.unpackb(whole[_HEAD.size : stop], raw=False)
    except (ValueError, msgpack.UnpackException) as error:
        raise BundleError(f"a bundle's table is not msgpack: {error}") from error
    if not isinstance(table, dict) or not isinstance(table.get("p"), list):
        raise BundleError("a bundle's table has no list of parts")
    return table, whole[stop:]


def _size(entry: object) -> int:
    if isinstance(entry, list) and entry and isinstance(entry[0], int) and entry[0] >= 0:
        return entry[0]
    raise BundleError(f"a part's entry does not begin with its size: {entry!r}")
