"""What holds for every built-in filter, on every kind of picture."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from filters import registry
from filters.base import Filter
from filters.chain import Step, Value
from filters.picture import Picture
from filters.runner import ChainRunner
from filters.schema import Parameter, ParameterError
from tests.filters.frames import CONVERTED, FORMATS, SIZES, memory, noise, picture_of, texture

NAMES = registry.names()
BOUNDS = [
    (schema.name, parameter)
    for schema in registry.schemas().values()
    for parameter in schema.parameters
    if parameter.type in ("int", "float")
]


def moving(count: int) -> list[Picture]:
    """A bright square that crosses a scene."""
    pictures = []
    for index in range(count):
        scene = texture()
        scene[40:70, 10 + 8 * index : 40 + 8 * index] = 250
        pictures.append(picture_of(scene, index=index))
    return pictures


def made(name: str, **parameters: Value) -> Filter:
    return registry.make(Step(name, dict(parameters)))


def shown(picture: Picture) -> tuple[list[bytes], list[object]]:
    return [plane.tobytes() for plane in picture.planes], [dict(note) for note in picture.notes]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("pixel_format", [*FORMATS, *CONVERTED])
@pytest.mark.parametrize(("width", "height"), [(63, 47), (2, 2)])
def test_any_format_keeps_its_shape_and_its_input(name: str, pixel_format: str, width: int, height: int) -> None:
    frames = [noise(pixel_format, width, height, seed) for seed in (0, 1)]
    before = [memory(frame) for frame in frames]
    picture, earlier = Picture(frames[1]), Picture(frames[0])
    output = made(name).apply(picture, (earlier,))
    assert (output.width, output.height) == made(name).output_size(width, height)
    assert output.format == picture.format
    assert [plane.dtype for plane in output.planes] == [plane.dtype for plane in picture.planes]
    assert [memory(frame) for frame in frames] == before


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("pixel_format", ["yuv420p", "gray", "yuv420p10le", "nv12", "rgb24"])
@pytest.mark.parametrize(("width", "height"), SIZES)
def test_any_size_is_taken(name: str, pixel_format: str, width: int, height: int) -> None:
    picture = Picture(noise(pixel_format, width, height))
    output = made(name).apply(picture, (picture,))
    assert [plane.shape for plane in output.planes] == [plane.shape for plane in picture.planes]


@pytest.mark.parametrize("name", NAMES)
def test_the_same_pictures_give_the_same(name: str) -> None:
    once, again = ChainRunner([made(name)]), ChainRunner([made(name)])
    for first, second in zip(moving(6), moving(6), strict=True):
        assert shown(once.run(first)) == shown(again.run(second))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("start", [1, 3, 5])
def test_a_cut_anywhere_does_not_show(name: str, start: int) -> None:
    chain = [made(name), made("blur", radius=1), made(name)]
    whole, part = ChainRunner(chain), ChainRunner(chain)
    expected = [shown(whole.run(picture)) for picture in moving(8)]
    pictures = moving(8)
    for picture in pictures[max(0, start - part.context_frames) : start]:
        part.prepare(picture)
    assert [shown(part.run(picture)) for picture in pictures[start:]] == expected[start:]


@pytest.mark.parametrize("name", NAMES)
def test_time_colour_and_number_of_the_frame_stay(name: str) -> None:
    first, second = moving(2)
    second.frame.pts, second.frame.time_base, second.frame.colorspace = 3003, Fraction(1, 30000), 1
    output = made(name).apply(Picture(second.frame, index=9), (first,))
    assert (output.frame.pts, output.frame.time_base, output.index) == (3003, Fraction(1, 30000), 9)
    assert (output.frame.colorspace, output.frame.color_range) == (1, second.frame.color_range)


@pytest.mark.parametrize("name", NAMES)
def test_notes_are_added_to_those_of_others(name: str) -> None:
    before = {"filter": "other"}
    first, second = moving(2)
    output = made(name).apply(second.with_notes(before), (first,))
    assert output.notes[0] == before
    for note in output.notes[1:]:
        assert note["filter"] == name
        for x, y, width, height in note["boxes"]:
            assert 0 <= x < x + width <= 160
            assert 0 <= y < y + height <= 120


@pytest.mark.parametrize(("name", "parameter"), BOUNDS, ids=lambda each: getattr(each, "name", each))
def test_every_bound_is_enforced(name: str, parameter: Parameter) -> None:
    assert parameter.minimum is not None
    assert parameter.maximum is not None
    step = 1 if parameter.type == "int" else 1e-6
    for inside in (parameter.minimum, parameter.maximum):
        output = made(name, **{parameter.name: inside}).apply(*_pair())
        assert np.isfinite(output.planes[0]).all()
    for outside in (parameter.minimum - step, parameter.maximum + step):
        with pytest.raises(ParameterError, match=parameter.name):
            made(name, **{parameter.name: outside})


def _pair() -> tuple[Picture, tuple[Picture]]:
    first, second = moving(2)
    return second, (first,)


def test_every_choice_works() -> None:
    for schema in registry.schemas().values():
        for parameter in schema.parameters:
            for choice in parameter.choices:
                made(schema.name, **{parameter.name: choice}).apply(*_pair())
