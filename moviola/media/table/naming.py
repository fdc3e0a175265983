"""What the names of results of tables say of their formats. Importing this module loads no NumPy."""

from __future__ import annotations

from typing import Final

from moviola.media.kind import Naming, UnsuitedName
from moviola.media.material import Encoder

RESULT_SUFFIX: Final = "_results.json"


def suffix_of(data: bytes) -> str:
    """Return the suffix of a table's file that begins so: of text whose first line has several columns."""
    head, newline, _ = data.partition(b"\n")
    return ".csv" if newline and b"," in head and b"\0" not in data else ""


def _fitted(encoder: Encoder, suffix: str) -> Encoder:
    if suffix.lower() in ("", ".json"):
        return encoder
    raise UnsuitedName(f"what is kept of tables is JSON, and {suffix} says something else; name it .json")


NAMING: Final = Naming(
    endings=lambda _encoder: (RESULT_SUFFIX,),
    fitted=_fitted,
    is_text=lambda _encoder: True,
)
