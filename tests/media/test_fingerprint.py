from __future__ import annotations

import subprocess
import sys

from moviola.media.fingerprint import cpu_class, fingerprint


def test_names_the_libraries_and_the_processor() -> None:
    words = fingerprint().split()
    assert words[0] == cpu_class()
    assert [word.rstrip("0123456789.?") for word in words[1:]] == ["av", "ff", "cv", "np", "pil", "heif", "tif"]


def test_is_the_same_in_another_process() -> None:
    program = "from moviola.media.fingerprint import fingerprint; print(fingerprint())"
    output = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert output.strip() == fingerprint()
