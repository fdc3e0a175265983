"""What only some commands and filters need of other packages: whether it is installed, and how to install it."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from typing import Final

from moviola.base.installation import ROOT, install_command, is_checkout, requirements


@dataclass(frozen=True, slots=True)
class Extra:
    """Packages that an installation may have or not.

    Attributes:
        name: as pip calls it: `.[NAME]` in a checkout's folder.
        what: who needs them, for people.
        libraries: the modules that are imported of them.
    """

    name: str
    what: str
    libraries: tuple[str, ...]

    def missing(self) -> str:
        """Return which libraries are missing and what to type for them, as a sentence without its full stop; empty if
        none is."""
        missing = [name for name in self.libraries if find_spec(name) is None]
        if not missing:
            return ""
        packages = ["-r", str(ROOT / f"requirements-{self.name}.txt")] if is_checkout() else requirements(self.name)
        verb = "is" if len(missing) == 1 else "are"
        return f"{', '.join(missing)} {verb} not installed; install what {self.what} with: {install_command(*packages)}"


def version_of(library: str) -> str:
    """Return the version of the package that brings a module of some name, whatever that package is called, as
    `onnxruntime-gpu` brings `onnxruntime`. Empty if none is installed, or if it says nothing of its version."""
    from importlib import metadata  # noqa: PLC0415 - it takes longer than all that most programs need of this module

    if find_spec(library) is None:
        return ""
    try:
        return metadata.version(library)
    except metadata.PackageNotFoundError:  # looking into all packages takes some tenths of a second
        packages = metadata.packages_distributions().get(library)
        return metadata.version(packages[0]) if packages else ""


WEB: Final = Extra(
    "web",
    "the gateway needs",
    ("starlette", "uvicorn", "sse_starlette", "python_multipart", "prometheus_client", "httpx"),
)

NETWORKS: Final = Extra("networks", "filters with networks need", ("onnxruntime",))

RAY: Final = Extra("ray", "jobs on a Ray cluster need, in the version that the cluster has,", ("ray",))
