"""What a worker's pixels and packets depend on beside the source and the settings, as one short string.

Two workers of equal fingerprints promise equal results byte for byte: x264 and some OpenCV functions take other
paths on other instruction sets, other library versions encode otherwise, and other networks see other things. All that
there is of this kind is in this file: the libraries in _PACKAGES, runtimes of networks among them, and the networks
themselves in `moviola.base.packaged_models.MODELS`; what only one process has, it adds.
"""

from __future__ import annotations

import platform
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from moviola.base.extras import version_of
from moviola.base.packaged_models import MODELS

# From the newest on; the first that the processor has names its class. x264 and OpenCV dispatch on these.
_CLASSES = ("avx512bw", "avx2", "avx", "sse4_2", "ssse3", "sse2", "sve2", "sve", "asimd", "neon")
_PACKAGES = (
    ("av", "av"),
    ("cv", "opencv-python-headless"),
    ("np", "numpy"),
    ("pil", "pillow"),
    ("heif", "pillow-heif"),
    ("tif", "tifffile"),
    ("hb", "uharfbuzz"),
    ("noto", "manimgx-fonts"),
    ("cjk", "manimgx-fonts-cjk"),
)

_NONE = "?"  # the version of a package that is not installed, or does not say it

_RUNTIME = "onnxruntime"
# What ONNX Runtime dispatches on beside the classes above: products of 8-bit and of half-precision numbers.
_RUNTIME_FLAGS = (
    "avx512_vnni", "avx_vnni", "avx512_bf16", "avx512_fp16", "amx_int8", "amx_bf16",
    "asimddp", "asimdhp", "i8mm", "bf16", "sme", "sme2",
)  # fmt: skip

_added: list[str] = []


def add_to_fingerprint(word: str) -> None:
    """Say what else this process's results depend on, such as files that it serves to filters."""
    if word:
        _added.append(word)
        fingerprint.cache_clear()


@cache
def fingerprint() -> str:
    """Return what this process's results depend on, for example ``x86_64-avx2 av18.1.0 ff62.28.102 cv4.14.0.90 …
    yunet-8f2383e4dd3c``; the same in every process of a machine."""
    import av  # noqa: PLC0415 - commands that only read what others made load no codec

    codec_library = ".".join(str(part) for part in av.library_versions["libavcodec"])
    names = [f"{short}{_version(package)}" for short, package in _PACKAGES]
    models = [model.word for model in MODELS]
    return " ".join([cpu_class(), names[0], f"ff{codec_library}", *names[1:], *_runtime(), *models, *_added])


def _runtime() -> list[str]:
    """Return one word for the runtime of networks, if it is installed: its version, what it runs networks on, and
    those of the processor's instructions that it alone dispatches on."""
    version = _runtime_version()
    if not version:
        return []
    flags = _cpu_flags()
    return ["+".join([f"ort{version}", "cpu", *(each for each in _RUNTIME_FLAGS if each in flags)])]


def versions() -> dict[str, str]:
    """Return the versions of this process's interpreter and libraries, for people."""
    import av  # noqa: PLC0415 - as above

    libraries = {name: ".".join(str(part) for part in numbers) for name, numbers in av.library_versions.items()}
    packages = {package: _version(package) for _, package in _PACKAGES}
    if runtime := _runtime_version():
        packages[_RUNTIME] = runtime
    return {"python": platform.python_version(), **packages, "ffmpeg": av.ffmpeg_version_info, **libraries}


@cache
def cpu_class() -> str:
    """Return the machine's architecture and the widest vector instructions that codecs use on it."""
    machine = platform.machine().lower() or "unknown"
    flags = _cpu_flags()
    widest = next((each for each in _CLASSES if each in flags), "")
    return f"{machine}-{widest}" if widest else machine


def _cpu_flags() -> frozenset[str]:
    """Return the processor's flags; empty where the system has no /proc/cpuinfo (macOS): there the architecture alone
    must do."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="ascii", errors="replace")
    except OSError:
        return frozenset()
    for line in text.splitlines():
        key, _, value = line.partition(":")
        if key.strip().lower() in ("flags", "features"):
            return frozenset(value.split())
    return frozenset()


def _runtime_version() -> str:
    """Return the version of the runtime of networks; empty if it is not installed."""
    return version_of(_RUNTIME) or (_NONE if find_spec(_RUNTIME) else "")


def _version(package: str) -> str:
    from importlib import metadata  # noqa: PLC0415 - it takes longer than all that most programs need of this module

    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return _NONE
