"""What a script's filters need, as a file that workers load."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import moviola
from moviola.api.written_out import plugin_files
from tests.api import decorated_filters

SCRIPT = """
import os as system
from fractions import Fraction
import numpy as np

LEVEL, NAMES = 3, {"a": (1, 2.5, None)}
TABLE = np.zeros(4)

class Box:
    size = LEVEL

def helper(x):
    return again(x - 1) if x else Box.size

def again(x):
    return helper(x)

def plain(picture, level: "Fraction" = Fraction(1, 2)):
    return helper(2) + NAMES["a"][0], system.sep, level

def needing(picture):
    return inner(picture)

def inner(picture):
    return TABLE

frame = picture = np.zeros(4)

def local(picture, *, how: "np.ndarray | None" = None):
    frame = {"frame": picture}
    total = picture.frame if how else [frame for frame in frame.values()]
    return total, "TABLE"

def dotted(picture):
    return package.part.inner.VALUE, package.VALUE

def renaming(picture):
    return other(0), Crate.size

other, Crate = helper, Box

def made_in(level):
    def kept(picture):
        return picture, LEVEL

    def taking(picture):
        return picture * level + len(kept(picture))

    return kept, taking

def untouched():
    raise SystemExit("this must not be run, nor written")
"""

LAZY = """
from __future__ import annotations
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from numpy.typing import NDArray

def lazy(picture: NDArray) -> NDArray:
    return picture
"""


@pytest.fixture
def script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    return main_module(tmp_path, monkeypatch, SCRIPT)


def main_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> ModuleType:
    """A script as the main module has it: its functions are of `__main__`."""
    path = tmp_path / "script.py"
    path.write_text(text)
    spec = importlib.util.spec_from_file_location("__main__", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "__main__", module)
    spec.loader.exec_module(module)
    return module


def run(path: Path) -> dict[str, Any]:
    names: dict[str, Any] = {"__name__": "written"}
    exec(compile(path.read_text(), path, "exec", dont_inherit=True), names)
    return names


def test_a_function_is_written_out_with_all_that_it_needs_and_nothing_else(script: ModuleType, tmp_path: Path) -> None:
    (path,) = plugin_files([script.plain], tmp_path)
    names = run(path)
    assert names["plain"](None) == script.plain(None)
    assert names["Box"].size == 3
    assert not {"TABLE", "untouched", "inner"} & names.keys()


def test_what_cannot_be_written_out_is_said(script: ModuleType, tmp_path: Path) -> None:
    with pytest.raises(moviola.UsageError, match="because TABLE is a ndarray of the script; make it where it is used"):
        plugin_files([script.needing], tmp_path)


def test_a_second_name_of_a_function_or_a_class_is_written_out_too(script: ModuleType, tmp_path: Path) -> None:
    (path,) = plugin_files([script.renaming], tmp_path)
    assert run(path)["renaming"](None) == script.renaming(None) == (3, 3)


def test_names_that_are_no_globals_where_they_stand_are_not_needed(script: ModuleType, tmp_path: Path) -> None:
    (path,) = plugin_files([script.local], tmp_path)
    names = run(path)
    assert names["local"](1) == script.local(1) == ([1], "TABLE")
    assert "np" in names
    assert not {"frame", "picture", "TABLE"} & names.keys()


def test_annotations_that_only_type_checkers_read_are_not_evaluated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = main_module(tmp_path, monkeypatch, LAZY)
    (path,) = plugin_files([script.lazy], tmp_path)
    assert run(path)["lazy"](1) == 1


def test_a_module_of_a_package_is_imported_where_it_is_read(
    script: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inner = tmp_path / "package" / "part" / "inner.py"
    inner.parent.mkdir(parents=True)
    inner.write_text("VALUE = 1")
    (tmp_path / "package" / "__init__.py").write_text("VALUE = 2")
    monkeypatch.syspath_prepend(str(tmp_path))
    importlib.import_module("package.part.inner")
    script.package = sys.modules["package"]  # type: ignore[attr-defined]
    (path,) = plugin_files([script.dotted], tmp_path)
    for name in ("package", "package.part", "package.part.inner"):
        monkeypatch.delitem(sys.modules, name)
    assert run(path)["dotted"](None) == (1, 2)


def test_what_takes_names_from_the_function_in_which_it_is_made_is_refused(script: ModuleType, tmp_path: Path) -> None:
    kept, taking = script.made_in(3)
    (path,) = plugin_files([kept], tmp_path)
    assert run(path)["kept"](1) == (1, 3)
    with pytest.raises(moviola.UsageError, match=r"the filter taking cannot .* because it takes kept, level from the"):
        plugin_files([taking], tmp_path)
    script.again = taking  # type: ignore[attr-defined]
    with pytest.raises(moviola.UsageError, match=r"which needs again, cannot .* because it takes kept, level from the"):
        plugin_files([script.plain], tmp_path)


def test_a_function_that_was_typed_has_no_source(
    script: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    exec("def typed(picture):\n    return picture\n", vars(script))
    with pytest.raises(moviola.UsageError, match="the filter typed was typed at a prompt"):
        plugin_files([script.typed], tmp_path)


def test_a_module_is_loaded_as_it_is(tmp_path: Path) -> None:
    files = plugin_files([decorated_filters.dimmed, decorated_filters.halved], tmp_path)
    assert files == [Path(decorated_filters.__file__)]
