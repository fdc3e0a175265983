"""The contract of filters as checks, which any filter can be put through; `check.py` is the command.

A check gets a filter's class, and raises Broken with one sentence where the promise is not kept. Pictures are tried
with the filter's defaults and with other settings of its parameters (moviola/filters/checking/settings.py).
"""

from __future__ import annotations

import math
import pickle
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Any

from moviola.base.interlacing import Interlacing
from moviola.filters import registry
from moviola.filters.base import FAILURES, Filter, UnsuitableSize
from moviola.filters.chain import ChainError, Value, parse_chain
from moviola.filters.checking.samples import CONVERTED, FORMATS, SIZES, STRIPS, clip, memory, noise
from moviola.filters.checking.settings import Subject, extremes, other, parameters_of, settings, written
from moviola.filters.interlacing import by_fields
from moviola.filters.notes import check_note
from moviola.filters.picture import Picture
from moviola.filters.runner import ChainRunner
from moviola.filters.schema import FilterSchema, Parameter, ParameterError, SchemaError
from moviola.filters.toolbox.boxes import BESIDE

_FEW_FORMATS = ("yuv420p", "gray", "yuv420p10le", "nv12", "rgb24")
_CHUNKS = (1, 3, 7)  # frames
_CLIP = 12  # frames, and as many more as the filter looks back
_FEW_FRAMES = 3  # looked back; up to so many every chunk is made, and the filter is tried behind itself too
_FEW_CHUNKS = 3  # of each length, for filters that look back farther: each chunk is made with all of its context
_LARGEST = 1 << 22  # pixels of an output that is made to be looked at; a bound may ask for far larger ones


class Broken(Exception):
    """Raised if a filter breaks the contract; the text says what it did, on which input, with which parameters."""


@dataclass(frozen=True, slots=True)
class Check:
    """One promise of the contract and the test of it.

    Attributes:
        name: one word.
        promise: what a filter promises, for people.
        test: raises Broken if the promise is broken.
        pictures: whether the test needs pictures, so that it does not apply to filters of records.
        bare: whether the test compares OpenCV and numpy with and without newer instructions, so that it says nothing of
            filters with a runtime of their own.
    """

    name: str
    promise: str
    test: Callable[[Subject], None]
    pictures: bool = True
    bare: bool = False

    def concerns(self, kind: type[Filter]) -> bool:
        """Return whether this check applies to filters of this class."""
        return (not self.pictures or kind.material != "record") and not (self.bare and kind.name in registry.EXTRAS)

    def failure(self, kind: type[Filter], given: Mapping[str, Value] | None = None) -> str | None:
        """Return what is wrong with a filter, as a sentence; None if it keeps the promise.

        Args:
            kind: the filter's class.
            given: values that parameters have in all settings that are tried.
        """
        try:
            self.test(Subject(kind, given or {}))
        except Broken as broken:
            return str(broken)
        except FAILURES as error:
            return f"raised {_told(error, kind)}"
        return None


# -- what a filter says of itself ----------------------------------------------------------------------------------


def _check_schema(subject: Subject) -> None:
    kind = subject.kind
    if "__dataclass_params__" not in vars(kind) or not vars(kind)["__dataclass_params__"].frozen:
        raise Broken(f"{kind.__name__} is not a frozen dataclass: put @dataclass(frozen=True) above it")
    try:
        schema = subject.schema
        same = FilterSchema.from_wire(schema.to_wire()) == schema
    except (TypeError, SchemaError, ParameterError) as error:
        raise Broken(str(error)) from error
    if not same:
        raise Broken("its schema changes on the way to another machine and back")
    try:
        steps = parse_chain(":".join([schema.name, *(f"{each.name}=1" for each in schema.parameters)]))
    except ChainError as error:
        raise Broken(f"its names cannot be written in a chain: {error}") from error
    if steps[0].name != schema.name:
        raise Broken(f'its name cannot be written in a chain: "{schema.name}" reads as "{steps[0].name}"')
    silent = [each.name for each in schema.parameters if not each.help.strip()]
    if not schema.summary.strip() or silent:
        raise Broken(f"nothing tells people what {silent[0] if silent else 'it'} does")


def _check_bounds(subject: Subject) -> None:
    schema = subject.schema
    for parameter in schema.parameters:
        for value in extremes(parameter):
            try:
                schema.typed({parameter.name: value})
            except ParameterError as error:
                raise Broken(f"{parameter.name}={value} is within its bounds and refused: {error}") from error
        for value in _outside(parameter):
            _refused(subject, parameter.name, value)
    try:
        schema.typed({"no-such-parameter": 1})
    except ParameterError:
        return
    raise Broken("a parameter that it does not have is taken")


def _outside(parameter: Parameter) -> Sequence[Any]:
    """Return values that the parameter must refuse."""
    step = 1 if parameter.type == "int" else 1e-6
    beyond: list[Any] = []
    if parameter.minimum is not None and parameter.maximum is not None:
        beyond = [parameter.minimum - step, parameter.maximum + step]
    if parameter.type == "rate":
        beyond = ["0", "1000000"]
    strange: Sequence[Any] = {
        "int": (1.5, True, "many", None),
        "float": (True, "much", math.nan, math.inf, None),
        "bool": ("perhaps", 2, None),
        "rate": ("often", "1/0", True, None),
        "asset": ("/etc/hostname", "logo.png", "@../logo.png", "@", "sha256:0", 1, None),
    }.get(parameter.type, (1, None))
    return [*beyond, *strange, *(["no such choice"] if parameter.choices else [])]


def _refused(subject: Subject, name: str, value: Any) -> None:
    shown = f'"{value}"' if isinstance(value, str) else repr(value)
    try:
        subject(**{name: value})
    except ParameterError as error:
        if name not in str(error):
            raise Broken(f"{name}={shown} is refused without saying which parameter is meant: {error}") from error
        return
    except FAILURES as error:
        raise Broken(f"{name}={shown} raises {type(error).__name__} instead of ParameterError") from error
    raise Broken(f"{name}={shown} is taken; does a __post_init__ of its own leave out super().__post_init__()?")


def _check_text(subject: Subject) -> None:
    for made in settings(subject):
        (step,) = parse_chain(written(made))
        if subject(**subject.schema.typed(step.parameters)) != made:
            raise Broken(f"{written(made)} gives another filter when it is read back")
        if pickle.loads(pickle.dumps(made)) != made:
            raise Broken(f"{written(made)} is another filter after pickling")


# -- what it makes of pictures -------------------------------------------------------------------------------------


def _check_size(subject: Subject) -> None:
    for made in settings(subject):
        first, second = clip(2)
        size = _size(made, second, must=made == subject())
        if size is not None and size[0] * size[1] <= _LARGEST:
            _applied(made, second, (first,))


def _check_shapes(subject: Subject) -> None:
    shapes = [(made, each, size) for made in _two(subject) for size in SIZES for each in _FEW_FORMATS]
    shapes += [(made, _FEW_FORMATS[0], size) for made in settings(subject) for size in STRIPS]
    for made, pixel_format, size in shapes:
        picture = Picture(noise(pixel_format, *size))
        if _size(made, picture) is not None:
            _applied(made, picture, (picture,))


def _check_fields(subject: Subject) -> None:
    for made in _two(subject):
        if made.interlacing(parameters_of(made)) != Interlacing.EACH_FIELD:
            continue
        first, second = clip(2)
        field = second.blank(second.width, second.height // 2).seal()
        if _size(made, field) != (field.width, field.height):
            raise Broken(f"it says that it works on each field by itself, and changes the size with {written(made)}")
        noted = by_fields(made.apply, second, (first,)).notes
        if any("boxes" in note for note in noted):
            raise Broken(
                "it says that it works on each field by itself, but boxes of a field have no place in the frame: "
                f"{noted}"
            )


def _check_formats(subject: Subject) -> None:
    for made, picture, earlier in _of_all_formats(subject):
        output = _applied(made, picture, (earlier,))
        where = f"of {_on(made, picture)}"
        if output.format != picture.format:
            raise Broken(f"the pixel format becomes {output.format.name} {where}; take blank() or copy() for outputs")
        for ours, theirs in zip(output.planes, picture.planes, strict=True):
            if ours.dtype != theirs.dtype or ours.ndim != theirs.ndim:
                raise Broken(f"planes of {ours.dtype} come out {where}")
    first, second = clip(2)
    output = _applied(subject(), second, (first,))
    for name in ("pts", "time_base", "colorspace", "color_range", "color_primaries", "color_trc"):
        if (had := getattr(second.frame, name)) != (has := getattr(output.frame, name)):
            raise Broken(f"the frame's {name} was {had} and comes out as {has}")
    if output.index != second.index:
        raise Broken(f"the frame's index was {second.index} and comes out as {output.index}")


def _check_input(subject: Subject) -> None:
    for made, picture, earlier in _of_all_formats(subject):
        before = [memory(each.frame) for each in (picture, earlier)]
        _applied(made, picture, (earlier,))
        if [memory(each.frame) for each in (picture, earlier)] != before:
            raise Broken(f"its input is not the same afterwards: it wrote into {_on(made, picture)}")


def _check_repeat(subject: Subject) -> None:
    for made in _two(subject):
        pictures = clip(3)
        if _size(made, pictures[0]) is None:
            continue
        once = _shown(_applied(made, pictures[1], pictures[:1]))
        _applied(made, pictures[2], pictures[1:2])
        if _shown(_applied(made, *_copies(pictures[1], pictures[:1]))) != once:
            raise Broken(f"the same picture twice gives two different results with {written(made)}")
        fresh = subject(**parameters_of(made))
        if _shown(_applied(fresh, *_copies(pictures[1], pictures[:1]))) != once:
            raise Broken(f"a new filter and a used one give different results with {written(made)}")


def _check_cuts(subject: Subject) -> None:
    for made in _two(subject):
        pictures = clip(_CLIP + made.context_frames)
        size = _size(made, pictures[0])
        if size is None:
            continue
        same = size == (pictures[0].width, pictures[0].height)
        few = made.context_frames <= _FEW_FRAMES
        chain = (made, made) if same and few else (made,)
        whole = _in_chunks(chain, pictures, len(pictures), few)
        for length in _CHUNKS:
            for index, got in _in_chunks(chain, pictures, length, few).items():
                if got != whole[index]:
                    raise Broken(
                        f"frame {index} differs when the video is cut into chunks of {length}, with {written(made)}: "
                        f"does it need more than {made.context_frames} earlier frames, or remember what it saw?"
                    )


def _in_chunks(chain: Sequence[Filter], pictures: Sequence[Picture], length: int, every: bool) -> dict[int, object]:
    """Return what the chain makes of each picture, by index: chunk by chunk, each with new filters, the last chunk
    first.

    Unless `every` is true, only some chunks are made, spread over the video.
    """
    starts = range(0, len(pictures), length)
    step = 1 if every else ceil(len(starts) / _FEW_CHUNKS)
    shown: dict[int, object] = {}
    for start in starts[::-step]:
        runner = ChainRunner(pickle.loads(pickle.dumps(chain)))
        for picture in pictures[max(0, start - runner.context_frames) : start]:
            runner.prepare(_again(picture))
        for index in range(start, min(start + length, len(pictures))):
            shown[index] = _shown(runner.run(_again(pictures[index])))
    return shown


def _check_notes(subject: Subject) -> None:
    for made in _two(subject):
        first, second = clip(2)
        size = _size(made, second)
        if size is None:
            continue
        boxes = [[0, 0, second.width, second.height], [3, 5, 40, 30]]
        noted = second.with_notes({"filter": "earlier", "boxes": boxes, "scores": [0.5, 0.25]})
        output = _applied(made, noted, (first,))
        notes = [dict(note) for note in output.notes]
        if not notes or notes[0].get("filter") != "earlier":
            raise Broken(f"the notes of filters before it are lost with {written(made)}")
        for note in notes[1:]:
            if note.get("filter") != made.name:
                raise Broken(f'a note has no "filter": "{made.name}": {note}')
        for note in notes:
            check_note(note, f"a note of {made.name}")
            _inside(note, *size)


def _inside(note: Mapping[str, Any], width: int, height: int) -> None:
    boxes = note.get("boxes", [])
    for box in boxes:
        if len(box) != 4 or not all(type(each) is int for each in box):
            raise Broken(f"a box is not [x, y, width, height] in whole pixels: {box}")
        x, y, across, down = box
        if not (0 <= x < x + across <= width and 0 <= y < y + down <= height):
            whose = f'of the filter "{note["filter"]}"'
            raise Broken(
                f"the box {list(box)} {whose} does not lie in the output of {width}x{height}; "
                "a filter that moves the picture moves the boxes (moviola.filters.toolbox.boxes.moved)"
            )
    for name in BESIDE:
        if len(note.get(name, boxes)) != len(boxes):
            raise Broken(f"a note has {len(boxes)} boxes and {len(note[name])} {name}")


def _check_processors(subject: Subject) -> None:
    from moviola.filters.checking import portable  # noqa: PLC0415 - which needs this module

    if portable.differs(subject.kind):
        raise Broken(
            "without the newer instructions of this processor it gives other results: take functions of whole numbers, "
            "or whose products are exact"
        )


# -- helpers -------------------------------------------------------------------------------------------------------


def _two(subject: Subject) -> list[Filter]:
    """Return the filter with its defaults, and with the setting that is most different, if it takes that."""
    return [each for each in (subject(), other(subject)) if each is not None]


def _of_all_formats(subject: Subject) -> Iterator[tuple[Filter, Picture, Picture]]:
    for made in _two(subject):
        for pixel_format in (*FORMATS, *CONVERTED):
            earlier, picture = (Picture(noise(pixel_format, 63, 47, seed)) for seed in (0, 1))
            if _size(made, picture) is not None:
                yield made, picture, earlier


def _again(picture: Picture) -> Picture:
    """The same picture as if just decoded: nothing derived from it is kept."""
    return Picture(picture.frame, index=picture.index, notes=picture.notes)


def _copies(picture: Picture, earlier: Sequence[Picture]) -> tuple[Picture, list[Picture]]:
    return _again(picture), [_again(each) for each in earlier]


def _size(made: Filter, picture: Picture, must: bool = False) -> tuple[int, int] | None:
    """Return what `output_size` says; None if it refuses this size. Raise Broken if it refuses a size that it `must`
    take, gives no reason, or returns what is no size."""
    try:
        size = made.output_size(picture.width, picture.height)
    except UnsuitableSize as error:
        if must or not str(error):
            raise Broken(f"it refuses {_on(made, picture)}: {error}") from error
        return None
    except FAILURES as error:
        raise Broken(
            f"output_size raised {_told(error, type(made))}, for {_on(made, picture)}; "
            "to refuse a size, raise moviola.filters.base.UnsuitableSize"
        ) from error
    if len(size) != 2 or not all(type(each) is int and each > 0 for each in size):
        raise Broken(f"output_size gives {size!r} instead of two whole numbers above 0, for {_on(made, picture)}")
    return size


def _applied(made: Filter, picture: Picture, earlier: Sequence[Picture]) -> Picture:
    """Return what a filter makes of a picture. Raise Broken if that is no Picture of the size that `output_size`
    tells."""
    try:
        output = made.apply(picture, tuple(earlier)[-made.context_frames :] if made.context_frames else ())
    except FAILURES as error:
        raise Broken(f"apply raised {_told(error, type(made))}, on {_on(made, picture)}") from error
    if not isinstance(output, Picture):
        raise Broken(f"apply returns {type(output).__name__} instead of a Picture, on {_on(made, picture)}")
    told = made.output_size(picture.width, picture.height)
    if (output.width, output.height) != told:
        raise Broken(
            f"apply makes {output.width}x{output.height} and output_size says {told[0]}x{told[1]}, "
            f"of {_on(made, picture)}"
        )
    return output.seal()


def _shown(picture: Picture) -> tuple[list[bytes], list[object]]:
    return [plane.tobytes() for plane in picture.planes], [dict(note) for note in picture.notes]


def _on(made: Filter, picture: Picture) -> str:
    return f"a {picture.width}x{picture.height} {picture.frame.format.name} picture with {written(made)}"


def _told(error: BaseException, kind: type[Filter]) -> str:
    """Return an error in words, with the last line of the filter's own file in its traceback."""
    place = ""
    for frame in traceback.extract_tb(error.__traceback__):
        if frame.filename == getattr(sys.modules.get(kind.__module__), "__file__", None):
            place = f" (line {frame.lineno})"
    return f"{type(error).__name__}: {error}{place}"


CHECKS = (
    Check("schema", "it says what it is and takes, in words that a chain can hold", _check_schema, pictures=False),
    Check("bounds", "values outside of bounds, choices and types are refused", _check_bounds, pictures=False),
    Check("text", "it is the same filter after the way through chain text, and pickled", _check_text, pictures=False),
    Check("size", "output_size tells the size, with every bound and choice", _check_size),
    Check("shapes", "odd sizes, 1x1, single lines and long strips work, or are refused by output_size", _check_shapes),
    Check("fields", "it works on each field of interlaced videos by itself where it says so", _check_fields),
    Check("formats", "format, depth, time and colour stay: gray, 10 bits, RGB, alpha, …", _check_formats),
    Check("input", "nothing is written into the input", _check_input),
    Check("repeat", "the same pictures give the same result, from a used filter and a new one", _check_repeat),
    Check("cuts", "chunks of 1, 3, 7 and all frames give the same", _check_cuts),
    Check("notes", "notes are plain data, and boxes lie in the output", _check_notes),
    Check("processors", "older processors give the same result", _check_processors, bare=True),
)
