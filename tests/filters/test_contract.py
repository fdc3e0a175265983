"""Every built-in filter keeps the contract, and every check of it can fail."""

from __future__ import annotations

from pathlib import Path

import pytest

from moviola.filters import registry
from moviola.filters.checking.contract import CHECKS, Check
from moviola.filters.registry import filter_class

BY_NAME = {check.name: check for check in CHECKS}

HEAD = """
from __future__ import annotations
import dataclasses, itertools, time
from dataclasses import dataclass
from typing import ClassVar
import av, cv2, numpy as np
from moviola.filters.base import Filter, parameter
from moviola.filters.picture import Picture

seen = itertools.count()
last = [None]

@dataclass(frozen=True)
class Tried(Filter):
    name: ClassVar[str] = "tried"
    summary: ClassVar[str] = "for the test"
"""

# By check: what is wrong with a plugin, its body, and words of the sentence that says so.
WRONG = [
    ("schema", 'name: ClassVar[str] = "tried it"', "cannot be written in a chain"),
    ("schema", 'strength: int = parameter(1, minimum=0, maximum=9, help=" ")', "nothing tells people what strength"),
    (
        "bounds",
        """
        size: int = parameter(3, minimum=1, maximum=9, help="px")
        def __post_init__(self): pass
        """,
        "size=0 is taken",
    ),
    (
        "bounds",
        """
        size: int = parameter(3, minimum=1, maximum=9, help="px")
        def __post_init__(self):
            if not isinstance(self.size, int): raise TypeError("no")
            super().__post_init__()
        """,
        "size=1.5 raises TypeError instead of ParameterError",
    ),
    (
        "text",
        """
        size: int = parameter(3, minimum=1, maximum=9, help="px")
        def __reduce__(self): return (type(self), (4,))
        """,
        "another filter after pickling",
    ),
    ("size", "def apply(self, picture, earlier): return picture.blank(10, 10)", "apply makes 10x10"),
    (
        "fields",
        """
        interlaced = "each field"
        def apply(self, picture, earlier): return picture.with_notes({"filter": "tried", "boxes": []})
        """,
        "boxes of a field have no place in the frame",
    ),
    ("size", "def output_size(self, width, height): return width / 2, height", "instead of two whole numbers"),
    (
        "size",
        """
        size: int = parameter(3, minimum=0, maximum=9, help="px")
        def apply(self, picture, earlier): 1 / self.size; return picture
        """,
        "ZeroDivisionError: division by zero (line 18), on a 160x120 yuv420p picture with tried:size=0",
    ),
    (
        "shapes",
        """
        def apply(self, picture, earlier):
            if picture.width == 1: raise ValueError("too small")
            return picture
        """,
        "apply raised ValueError: too small",
    ),
    (
        "shapes",
        """
        def output_size(self, width, height):
            if width == 1: raise ValueError("too small")
            return width, height
        def apply(self, picture, earlier): return picture
        """,
        "moviola.filters.base.UnsuitableSize",
    ),
    (
        "formats",
        'def apply(self, picture, earlier): return Picture(picture.frame.reformat(format="rgb24"))',
        "the pixel format becomes rgb24",
    ),
    (
        "formats",
        """
        def apply(self, picture, earlier):
            return Picture(av.VideoFrame(picture.width, picture.height, picture.format.name))
        """,
        "the frame's pts was 1001 and comes out as None",
    ),
    (
        "formats",
        'def apply(self, picture, earlier): return picture.copy() if picture.format.name != "gray16le" else 1 / 0',
        "63x47 gray16le picture",
    ),
    (
        "input",
        """
        def apply(self, picture, earlier):
            memoryview(picture.frame.planes[0])[0] ^= 1
            return picture.copy()
        """,
        "its input is not the same afterwards",
    ),
    ("input", "def apply(self, picture, earlier): picture.planes[0][0] = 0; return picture", "read-only"),
    (
        "repeat",
        "def apply(self, picture, earlier): return picture.with_notes({'filter': 'tried', 'n': next(seen)})",
        "the same picture twice gives two different results",
    ),
    (
        "repeat",
        """
        def __post_init__(self): object.__setattr__(self, "number", next(seen))
        def apply(self, picture, earlier): return picture.with_notes({'filter': 'tried', 'n': self.number})
        """,
        "a new filter and a used one give different results",
    ),
    (
        "cuts",
        """
        def apply(self, picture, earlier):
            before, last[0] = last[0], int(picture.planes[0][100, 10])
            return picture.with_notes({'filter': 'tried', 'before': before})
        """,
        "differs when the video is cut into chunks of 1",
    ),
    (
        "cuts",
        """
        context: ClassVar[int] = 1
        def apply(self, picture, earlier):
            return picture.with_notes({'filter': 'tried', 'before': earlier[0].index})
        """,
        "tried failed on frame 0: IndexError",
    ),
    (
        "notes",
        "def apply(self, picture, earlier): return picture.with_notes({'filter': 'tried', 'score': np.float32(1)})",
        "holds float32",
    ),
    (
        "notes",
        "def apply(self, picture, earlier): return picture.with_notes({'filter': 'tried', 'score': float('nan')})",
        "JSON cannot write",
    ),
    (
        "notes",
        "def apply(self, picture, earlier): return picture.with_notes({'filter': 'tried', 'boxes': [[0, 0, 161, 1]]})",
        "does not lie in the output of 160x120",
    ),
    (
        "notes",
        """
        def output_size(self, width, height): return width // 2 + 1, height
        def apply(self, picture, earlier): return picture.blank(picture.width // 2 + 1, picture.height)
        """,
        'of the filter "earlier" does not lie in the output of 81x120',
    ),
    (
        "notes",
        """
        def apply(self, picture, earlier):
            output = picture.copy()
            output.notes = ()
            return output
        """,
        "the notes of filters before it are lost",
    ),
    ("notes", "def apply(self, picture, earlier): return picture.with_notes({'score': 1})", 'no "filter": "tried"'),
    (
        "processors",
        """
        def apply(self, picture, earlier):
            output = picture.blank()
            for source, target in zip(picture.planes, output.planes):
                cv2.addWeighted(source, 1.7, cv2.flip(source, 1), -0.7, 0, dst=target)
            return output
        """,
        "without the newer instructions",
    ),
]


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.name)
@pytest.mark.parametrize("name", registry.BUILT_IN)
def test_built_in_filters_keep_the_contract(name: str, check: Check) -> None:
    kind = filter_class(name)
    assert not (check.concerns(kind) and check.failure(kind))


@pytest.mark.parametrize(("name", "body", "words"), WRONG, ids=[f"{each[0]}: {each[2]}" for each in WRONG])
def test_a_plugin_that_breaks_a_promise_is_told(
    name: str, body: str, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registry, "_loaded", {})
    path = tmp_path / "tried.py"
    lines = body.strip("\n").splitlines()
    indent = len(lines[0]) - len(lines[0].lstrip())
    path.write_text(HEAD + "".join(f"    {line[indent:]}\n" for line in lines))
    (loaded,) = registry.load_plugin(path)
    failure = BY_NAME[name].failure(filter_class(loaded))
    assert failure is not None
    assert words in failure


def test_every_check_is_seen_to_fail() -> None:
    assert {each[0] for each in WRONG} == set(BY_NAME)
