from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from moviola.filters import registry
from moviola.filters.chain import Step, parse_chain
from moviola.filters.registry import PluginError
from moviola.filters.schema import ParameterError
from tests.closed import close

PLUGIN = """
from __future__ import annotations
from dataclasses import dataclass
from typing import ClassVar
from moviola.filters.base import Filter, parameter

@dataclass(frozen=True)
class Negative(Filter):
    name: ClassVar[str] = "negative"
    summary: ClassVar[str] = "dark becomes bright"
    strength: int = parameter(255, minimum=1, maximum=255, help="of what")

    def apply(self, picture, earlier):
        return picture.with_gray(self.strength - picture.gray)
"""


@pytest.fixture(autouse=True)
def _forget_plugins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "_loaded", {})


def test_the_built_in_filters_are_there() -> None:
    assert registry.names() == tuple(sorted(registry.BUILT_IN))
    assert {"blur", "edges", "faces", "fps", "identity", "motion"} <= set(registry.names())
    assert set(registry.schemas()) == set(registry.names())


def test_every_schema_says_what_the_filter_and_each_parameter_do() -> None:
    for name, schema in registry.schemas().items():
        assert schema.name == name
        assert schema.summary
        assert all(parameter.help for parameter in schema.parameters)


def test_a_step_becomes_a_filter_with_typed_parameters() -> None:
    (blur, edges) = registry.make_chain(parse_chain("blur:radius=5,edges"))
    assert vars(blur) == {"radius": 5}
    assert vars(edges) == {"low": 50, "high": 150}


def test_an_unknown_name_is_refused_with_a_suggestion() -> None:
    with pytest.raises(ParameterError, match='did you mean "blur"'):
        registry.make(Step("blurr"))


def test_a_plugin_file_adds_its_filters(tmp_path: Path) -> None:
    path = tmp_path / "negative.py"
    path.write_text(PLUGIN)
    assert registry.load_plugin(path) == ("negative",)
    assert registry.make(Step("negative", {"strength": "200"})).name == "negative"
    assert registry.schemas()["negative"].parameters[0].maximum == 255


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("this is no python", "cannot be loaded: SyntaxError"),
        ("1 / 0", "cannot be loaded: ZeroDivisionError"),
        ("x = 1", "defines no filter"),
        (PLUGIN.replace('"negative"', '"blur"'), 'there is a filter "blur" already'),
        (PLUGIN.replace('    summary: ClassVar[str] = "dark becomes bright"\n', ""), "has no summary"),
        (PLUGIN.replace("parameter(255,", "parameter(0,"), "must be at least 1"),
        (PLUGIN.replace("minimum=1, maximum=255, ", ""), "a minimum and a maximum"),
        (PLUGIN.replace('strength: int = parameter(255, minimum=1, maximum=255, help="of what")', "strength: int = 3"),
         "strength is not a parameter"),
        (PLUGIN.replace("strength: int", "strength: list"), "strength is not a parameter"),
        ("import sys\nsys.exit(0)", "cannot be loaded: SystemExit: 0: it ends the program that loads it"),
        (f"{PLUGIN}\n    def __post_init__(self):\n        open('/no/weights.onnx')\n",
         "Negative cannot be made: FileNotFoundError: .*weights.onnx"),
        (f"{PLUGIN}\n    def __post_init__(self):\n        raise SystemExit\n", "Negative cannot be made: SystemExit"),
        (f"{PLUGIN}\n    kept: ClassVar[Nowhere]\n", "Negative cannot be made: NameError: name 'Nowhere'"),
    ],
)  # fmt: skip
def test_a_bad_plugin_is_refused_and_adds_nothing(tmp_path: Path, text: str, complaint: str) -> None:
    path = tmp_path / "bad.py"
    path.write_text(text)
    before = registry.names()
    with pytest.raises(PluginError, match=complaint):
        registry.load_plugin(path)
    assert registry.names() == before


def test_a_base_class_that_filters_of_a_plugin_share_is_none(tmp_path: Path) -> None:
    path = tmp_path / "family.py"
    path.write_text(PLUGIN.replace("class Negative(Filter)", "class _Base(Filter): pass\n\nclass Negative(_Base)"))
    assert registry.load_plugin(path) == ("negative",)


def test_a_missing_plugin_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PluginError, match=r"nowhere\.py: there is no such file; check the path"):
        registry.load_plugin(tmp_path / "nowhere.py")


def test_a_plugin_file_in_a_folder_that_may_not_be_entered_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    close(tmp_path, monkeypatch)
    with pytest.raises(PluginError, match=r"mine\.py cannot be read: Permission denied"):
        registry.load_plugin(tmp_path / "mine.py")


def test_a_file_that_was_changed_at_once_is_loaded_as_it_is_now(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where the times and the size of the file do not tell."""
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    path = tmp_path / "mine.py"
    for name in ("negative", "positive"):
        path.write_text(PLUGIN.replace('"negative"', f'"{name}"'))
        os.utime(path, (1, 1))
        monkeypatch.setattr(registry, "_loaded", {})
        assert registry.load_plugin(path) == (name,)


def test_what_was_read_is_loaded_whatever_the_file_holds_now(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text(DECORATED)
    source = registry.plugin_source(path)
    path.write_text("nothing of use(")
    assert registry.load_plugin(path, source) == ("dimmed",)


DECORATED = """
import moviola

@moviola.filter
def dimmed(picture):
    \"\"\"half as bright\"\"\"
    return picture.with_gray(picture.gray // 2)
"""
