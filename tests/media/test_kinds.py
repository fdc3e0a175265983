from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from moviola.filters.schema import MATERIALS
from moviola.media import kinds
from moviola.media.kind import Deferred, Kind, Process
from moviola.media.kinds import KINDS, kind_named, kind_of_file, unit_of

ROOT = Path(__file__).parents[2]
STEPS = ("split", "process", "splice", "check", "verify", "excerpt")


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_a_record_names_functions_that_there_are(kind: Kind) -> None:
    steps = [getattr(kind, step) for step in STEPS]
    assert all(callable(step.load()) for step in steps if step is not None)
    assert kind.takes <= MATERIALS.keys()


def test_no_suffix_is_of_two_kinds() -> None:
    suffixes = [suffix for kind in KINDS.values() for suffix in kind.suffixes]
    assert len(suffixes) == len(set(suffixes))
    assert all(suffix == suffix.lower() and suffix.startswith(".") for suffix in suffixes)


def test_a_file_is_of_the_kind_that_its_suffix_says_or_else_a_video() -> None:
    names = ("a.MP4", "a.jpeg", "a.csv", "a.txt", "a")
    assert [kind_of_file(Path(name)).name for name in names] == ["video", "images", "table", "video", "video"]


def test_an_unknown_kind_is_one_sentence_and_is_counted_in_frames() -> None:
    with pytest.raises(ValueError, match="no kind of material 'film', only video, images, table"):
        kind_named("film")
    assert unit_of("film") == "frame"
    assert kinds.excerpt("film") is None


def test_a_function_that_is_not_there_is_an_error_when_it_is_needed() -> None:
    with pytest.raises(AttributeError):
        Deferred[Process]("moviola.media.table.process.no_such_function").load()


@pytest.mark.parametrize(
    "module",
    [
        "moviola.media.kinds",
        "moviola.media.video.codecs",
        "moviola.media.video.containers",
        "client.jobs",
        "client.status",
    ],
)
def test_who_only_names_kinds_and_codecs_loads_no_library(module: str) -> None:
    """A command that asks a cluster something answers at once."""
    libraries = {"av", "cv2", "numpy", "PIL", "pillow_heif", "tifffile"}
    program = f"import sys, {module}; print(*sorted({libraries} & sys.modules.keys()))"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "\n"
