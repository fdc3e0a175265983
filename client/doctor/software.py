"""Checks of what is installed: Python, packages, and the libraries that came with them."""

from __future__ import annotations

import platform
import re
import sys
import tomllib
from collections.abc import Iterator
from importlib import metadata
from typing import Final

from moviola.base import installation
from moviola.base.extras import NETWORKS, version_of
from moviola.base.installation import ROOT, install_command, is_checkout
from moviola.media.video.codecs import CODECS

from .finding import Finding, Mark

LEAST_PYTHON: Final = (3, 11)

_REQUIREMENT: Final = re.compile(r"([A-Za-z0-9._-]+)\s*\(?([<>=!~0-9., ]*)\)?")
_BOUND: Final = re.compile(r"(>=|==|<)\s*([0-9.]+)")


def software() -> Iterator[Finding]:
    """Yield what there is to say of Python, its packages and FFmpeg's libraries."""
    text = f"{platform.python_version()}, {sys.executable}"
    is_new_enough = sys.version_info[:2] >= LEAST_PYTHON
    yield Finding(
        "Python",
        Mark.GOOD if is_new_enough else Mark.WRONG,
        text,
        "" if is_new_enough else f"install Python {'.'.join(map(str, LEAST_PYTHON))} or newer",
    )
    yield from packages(requirements())
    yield from ffmpeg()
    yield networks()


def networks() -> Finding:
    """Return whether filters with networks can run here; nothing is wrong where they cannot."""
    if NETWORKS.missing():
        text = f"{' and '.join(NETWORKS.libraries)} is not installed (the extra {NETWORKS.name})"
        return Finding("networks", Mark.GOOD, f"{text}: workers here offer no filters that need it")
    found = f"onnxruntime {version_of('onnxruntime')}".rstrip()
    return Finding("networks", Mark.GOOD, f"{found} runs the networks of filters")


def requirements() -> list[str]:
    """Return the packages that this installation needs, as `NAME>=…,<…`, without those of extras."""
    if is_checkout():
        with open(ROOT / "pyproject.toml", "rb") as file:
            return [str(each) for each in tomllib.load(file)["project"]["dependencies"]]
    return installation.requirements()


def packages(needed: list[str]) -> Iterator[Finding]:
    """Yield a finding for each package that is missing or of a wrong version, or one for all if none is."""
    good = True
    for text in needed:
        name, bounds = _split(text)
        try:
            version = metadata.version(name)
        except metadata.PackageNotFoundError:
            version = ""
        if version and fits(version, bounds):
            continue
        good = False
        found = f"{name} {version} is installed, and {bounds} is needed" if version else f"{name} is not installed"
        yield Finding("packages", Mark.WRONG, found, install_command(f"{name}{bounds}"))
    if good:
        yield Finding("packages", Mark.GOOD, f"all {len(needed)} are installed, in versions that fit")


def fits(version: str, bounds: str) -> bool:
    """Return whether a version lies within bounds such as ">=4.10,<5"."""
    number = _numbers(version)
    within = {
        ">=": lambda bound: number >= bound,
        "==": lambda bound: number == bound,
        "<": lambda bound: number < bound,
    }
    return all(within[sign](_numbers(bound)) for sign, bound in _BOUND.findall(bounds))


def ffmpeg() -> Iterator[Finding]:
    """Yield which FFmpeg decodes and encodes, and each codec of ours that it cannot encode."""
    try:
        import av  # noqa: PLC0415 - it may not load
        from av.codec import codecs_available  # noqa: PLC0415
    except (ImportError, OSError) as error:
        again = install_command("--force-reinstall", "av")
        yield Finding("FFmpeg", Mark.WRONG, f"PyAV cannot be loaded: {error}", again)
        return
    missing = [codec for codec in CODECS.values() if codec.encoder not in codecs_available]
    library = ".".join(map(str, av.library_versions["libavcodec"]))
    if not missing:
        names = ", ".join(CODECS)
        yield Finding("FFmpeg", Mark.GOOD, f"libavcodec {library} of PyAV {av.__version__}, encodes {names}")
    for codec in missing:
        yield Finding(
            "FFmpeg",
            Mark.WARNING,
            f"libavcodec {library} has no encoder {codec.encoder}: workers here fail at --codec {codec.name}",
            f"take PyAV's own libraries: {install_command('--force-reinstall', '--only-binary=av', 'av')}",
        )


def _split(requirement: str) -> tuple[str, str]:
    found = _REQUIREMENT.match(requirement)
    assert found is not None, requirement
    return found[1], found[2].strip()


def _numbers(version: str) -> tuple[int, ...]:
    """The numbers of a release, without what marks it as a candidate or a build."""
    release = re.match(r"[0-9.]+", version)
    numbers = [int(each) for each in (release[0] if release else "").split(".") if each]
    while numbers and not numbers[-1]:
        numbers.pop()  # 5 and 5.0.0 are the same
    return tuple(numbers)
