"""The examples of docs/PYTHON.md, each as the script that a user would make of it; and their types."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.end_to_end import clips
from tests.end_to_end.cluster import ROOT, LocalCluster

PAGE = ROOT / "docs" / "PYTHON.md"
EXAMPLES = re.findall(r"^## ([^\n]+)\n|^```python\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)


def examples() -> Iterator[tuple[str, str]]:
    """Yield the heading above each example, and the example."""
    heading = ""
    for title, code in EXAMPLES:
        heading = title or heading
        if code:
            yield heading, code


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCluster]:
    """The one that is there."""
    with LocalCluster(tmp_path_factory.mktemp("cluster"), workers=2) as running:
        yield running


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with what the examples name."""
    for number, name in enumerate(("a.mp4", "c.mp4")):
        clips.moving(tmp_path / name, frames=32 + number)
    (tmp_path / "pictures").mkdir()
    for name in ("one.png", "two.png"):
        cv2.imwrite(str(tmp_path / "pictures" / name), np.full((96, 128, 3), len(name) * 20, np.uint8))
    return tmp_path


@pytest.mark.parametrize(("heading", "code"), list(examples()), ids=[heading for heading, _ in examples()])
def test_an_example_runs(heading: str, code: str, folder: Path, cluster: LocalCluster) -> None:
    (folder / "example.py").write_text(code)
    secret = str(cluster.folder / "state" / "secret")
    there = {"MOVIOLA_HOST": "127.0.0.1", "MOVIOLA_PORT": str(cluster.port), "MOVIOLA_SECRET_FILE": secret}
    environment = {**os.environ, "PYTHONPATH": str(ROOT), **there}
    done = subprocess.run(
        [sys.executable, "example.py"],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    assert done.returncode == 0, f"{heading}\n{done.stdout}\n{done.stderr}"
    assert done.stdout
    assert "False" not in done.stdout


@pytest.mark.timeout(300)
def test_the_examples_are_typed(tmp_path: Path) -> None:
    """Under mypy's strictest rules, as a user's own files beside an installation; and a wrong type is seen."""
    for number, (_, code) in enumerate(examples()):
        (tmp_path / f"example_{number}.py").write_text(code)
    (tmp_path / "wrong.py").write_text(
        "import moviola\n\n"
        'moviola.process("a.mp4", "blur", crff=20)\n'
        'moviola.process("a.mp4", crf="20").path.read_txt()\n'
        "moviola.Clutser()\n"
        "with moviola.Cluster.local() as cluster:\n"
        '    reveal_type(cluster.submit("a.mp4").wait().output.metrics.seconds.decode)\n'
    )
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(ROOT / ".mypy_cache"), "."],
        cwd=tmp_path,
        env={**os.environ, "MYPYPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    seen = [
        'wrong.py:3: error: Unexpected keyword argument "crff" for "process"; did you mean "crf"?  [call-arg]',
        'wrong.py:4: error: Argument "crf" to "process" has incompatible type "str"; expected "int"  [arg-type]',
        'wrong.py:4: error: "Path" has no attribute "read_txt"; maybe "read_text"?  [attr-defined]',
        'wrong.py:5: error: Module has no attribute "Clutser"  [attr-defined]',
        'wrong.py:7: note: Revealed type is "float"',
        f"Found 4 errors in 1 file (checked {len(list(examples())) + 1} source files)",
    ]
    told = [line for line in done.stdout.splitlines() if "defined in" not in line]
    assert sorted(told) == sorted(seen), done.stdout + done.stderr
