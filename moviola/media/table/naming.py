"""What the names of results of tables say of their formats. Importing this module loads no NumPy."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from moviola.media.kind import Naming, UnsuitedName
from moviola.media.material import Encoder

JSON: Final = "json"
"""The usual format: a list for each table."""

CSV: Final = "csv"
"""The format of results that are one table."""


def result_suffix(encoder: Encoder) -> str:
    """Return what stands behind the output's name in that of its result."""
    return f"_results.{encoder.container or JSON}"


def suffix_of(data: bytes) -> str:
    """Return the suffix of a table's file that begins so: of text whose first line has several columns."""
    head, newline, _ = data.partition(b"\n")
    return ".csv" if newline and b"," in head and b"\0" not in data else ""


def _fitted(encoder: Encoder, suffix: str) -> Encoder:
    if not suffix:
        return encoder
    if suffix.lower() in (f".{JSON}", f".{CSV}"):
        return replace(encoder, container=suffix.lower()[1:])
    raise UnsuitedName(f"what is kept of tables is JSON or CSV, and {suffix} is neither; name it .json or .csv")


NAMING: Final = Naming(
    endings=lambda encoder: (result_suffix(encoder),),
    fitted=_fitted,
    is_text=lambda _encoder: True,
)
