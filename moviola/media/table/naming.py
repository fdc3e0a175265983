"""What the names of results of tables say of their formats. Importing this module loads no NumPy."""

from __future__ import annotations

from typing import Final

from moviola.media.kind import Naming, UnsuitedName
from moviola.media.material import Encoder

RESULT_SUFFIX: Final = "_results.json"


def _fitted(encoder: Encoder, suffix: str) -> Encoder:
    if suffix.lower() in ("", ".json"):
        return encoder
    raise UnsuitedName(f"what is kept of tables is JSON, and {suffix} says something else; name it .json")


NAMING: Final = Naming(
    endings=lambda _encoder: (RESULT_SUFFIX,),
    fitted=_fitted,
    is_text=lambda _encoder: True,
)
