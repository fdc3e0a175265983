"""docs/PYTHON.md and docstrings name what there is: calls and what they take, exceptions, options."""

from __future__ import annotations

import re
from collections.abc import Callable
from inspect import signature
from pathlib import Path

import pytest

import moviola
from moviola.api.options import JobOptions
from moviola.media.images.formats import OUTPUT_FORMATS

PAGE = (Path(__file__).parents[2] / "docs" / "PYTHON.md").read_text()

INTERNAL = {"target", "ended", "start", "is_settled"}
"""What our own modules ask of these objects."""


def parameters(function: Callable[..., object]) -> list[str]:
    """What a call can be given, in order."""
    return [name for name in signature(function).parameters if name != "self"]


def told_parameters(text: str) -> list[str]:
    """The same, as the page has it: `source, filters=None, *, out=None, **options`."""
    return [name for name in re.findall(r"[*]*(\w+)(?:=[^,]*)?(?:, |$)", text) if name]


@pytest.mark.parametrize("name", ["process", "preflight", "compare", "verify", "read_manifest"])
def test_the_page_has_what_a_function_takes(name: str) -> None:
    (told,) = re.findall(rf"`{name}\((.*)\)` →", PAGE)
    assert told_parameters(told) == parameters(getattr(moviola, name))


@pytest.mark.parametrize("of", [moviola.Cluster, moviola.Job])
def test_the_page_has_what_can_be_asked_of_an_object(of: type) -> None:
    table = PAGE.partition(f"| of `{of.__name__}` |")[2].partition("\n\n")[0]
    cells = [row.split(" | ")[0] for row in table.splitlines() if row.startswith("| `")]
    named = {name: told for cell in cells for name, told in re.findall(r"`(?:Cluster\.)?(\w+)(?:\(([^`]*)\))?`", cell)}
    public = {name for cls in of.__mro__[:-1] for name in vars(cls) if not name.startswith("_")}
    assert set(named) - {of.__name__} == public - INTERNAL
    for name, told in named.items():
        found = of if name == of.__name__ else getattr(of, name)
        if told and told != "…":
            assert told_parameters(told) == parameters(found), name


def test_the_page_has_every_exception_and_every_option() -> None:
    errors = [one for one in (getattr(moviola, name) for name in moviola.__all__) if _is_exception(one)]
    assert len(errors) > 8
    told = PAGE.partition("## When something is wrong")[2].partition("## Filters of your own")[0]
    assert [one.__name__ for one in errors if f"`{one.__name__}`" not in told] == []
    table = PAGE.partition("| option | default | |")[2]
    named = [name for row in re.findall(r"^\| (`.*?) \|", table, re.MULTILINE) for name in re.findall(r"`(\w+)`", row)]
    assert sorted(named) == sorted(JobOptions.__annotations__)


def _is_exception(value: object) -> bool:
    return isinstance(value, type) and issubclass(value, Exception)


def test_the_formats_of_images_are_all_named() -> None:
    (told,) = re.findall(r"format: of images: (.*);", JobOptions.__doc__ or "")
    assert sorted(re.findall(r'"(\w+)"', told)) == sorted(OUTPUT_FORMATS)
