"""`@moviola.filter`: functions as filters of this process."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import moviola
from moviola.api.decorated import decorated
from moviola.filters import registry
from moviola.filters.chain import Step
from moviola.filters.checking.check import main as check_main
from tests.api import decorated_filters
from tests.session.material import FRAMES


@pytest.fixture(autouse=True)
def _known() -> Iterator[None]:
    """Filters that a test defines are gone after it."""
    before = dict(registry._loaded)
    yield
    registry._loaded.clear()
    registry._loaded.update(before)


def test_parameters_come_of_the_signature() -> None:
    schema = registry.schemas()["dimmed"]
    assert schema.summary == "Takes light away."
    strength, channel, noting, code = schema.parameters
    assert (strength.type, strength.minimum, strength.maximum, strength.default) == ("float", 0, 1, 0.5)
    assert strength.help == "how much of it"
    assert (channel.type, channel.choices, channel.default) == ("str", ("all", "blue"), "all")
    assert (noting.type, noting.default) == ("bool", True)
    assert (code.name, len(str(code.default))) == ("code", 12)
    with pytest.raises(moviola.UsageError, match=r"dimmed: strength is 2\.0; it must be at most 1"):
        moviola.process("none.mp4", "dimmed:strength=2")


def test_it_is_a_filter_like_any_other(clip: Path, tmp_path: Path) -> None:
    result = moviola.process(clip, "dimmed:strength=1,flip", out=tmp_path / "o.mp4")
    frames = list(result.output.frames())
    assert len(frames) == FRAMES
    assert max(int(frame.bgr.max()) for frame in frames) < 10
    assert {note["mean"] for frame in frames for note in frame.notes} == {0.0}
    quiet = moviola.process(clip, "dimmed:noting=false", out=tmp_path / "q.mp4")
    assert list(quiet.output.annotations()) == []


def test_another_size_is_announced(clip: Path, tmp_path: Path) -> None:
    result = moviola.process(clip, "halved", out=tmp_path / "o.mp4")
    assert {frame.bgr.shape for frame in result.output.frames()} == {(24, 32, 3)}

    @moviola.filter
    def smaller(picture: decorated_filters.Picture) -> decorated_filters.Picture:
        return picture[::2, ::2]

    told = moviola.process(clip, "smaller", out=tmp_path / "s.mp4")
    assert told.output.fallback_frames == FRAMES
    assert "made 32x24 where 64x48 was announced" in told.failures[0].explanation


def test_earlier_pictures_are_given_where_they_are_asked_for(clip: Path, tmp_path: Path) -> None:
    assert registry.schemas()["changed"].context == 1
    whole = moviola.process(clip, "changed", out=tmp_path / "w.mkv", codec="ffv1", chunk_frames=30)
    cut = moviola.process(clip, "changed", out=tmp_path / "c.mkv", codec="ffv1", chunk_frames=10)
    assert [frame.bgr.tobytes() for frame in whole.output.frames()] == [
        frame.bgr.tobytes() for frame in cut.output.frames()
    ]


def test_the_function_stays_a_function() -> None:
    picture = np.full((2, 2, 3), 100, np.uint8)
    made, note = decorated_filters.dimmed(picture, strength=0.5)
    assert int(made[0, 0, 0]) == 50
    assert note == {"mean": 50.0}


def test_defined_again_it_takes_the_place_and_has_another_version() -> None:
    def define(value: int) -> None:
        def constant(picture: decorated_filters.Picture) -> decorated_filters.Picture:
            return np.full_like(picture, value)

        moviola.filter(constant)

    define(1)
    first = decorated()["constant"].written

    @moviola.filter
    def constant(picture: decorated_filters.Picture) -> None:
        return None

    assert decorated()["constant"].written != first
    assert registry.filter_class("constant") is constant.filter_class  # type: ignore[attr-defined]


def test_a_result_of_another_version_is_not_made() -> None:
    made = registry.make(Step("dimmed", {"code": "0" * 12}))
    with pytest.raises(RuntimeError, match="this worker has another version of the function of dimmed"):
        made.apply(None, ())  # type: ignore[arg-type]


def blur(picture: Any) -> Any:
    return picture


def no_default(picture: Any, radius: int) -> Any:
    return picture


def a_list(picture: Any, radius: list[int] = []) -> Any:  # noqa: B006 - it is refused
    return picture


def of_code(picture: Any, code: str = "") -> Any:
    return picture


def unreadable(picture: Any, radius: Nothing = 3) -> Any:  # type: ignore[name-defined]  # noqa: F821
    return picture


@pytest.mark.parametrize(
    ("function", "sentence"),
    [
        (blur, 'there is a filter "blur" already'),
        (no_default, "the parameter radius needs a default"),
        (a_list, r"the parameter radius is an int, a float, a str or a bool, not list\[int\]"),
        (of_code, 'the parameter code cannot be called "code"'),
        (unreadable, "the parameter radius has an annotation that cannot be read"),
    ],
)
def test_what_cannot_be_a_filter_is_said(function: Any, sentence: str) -> None:
    with pytest.raises(moviola.UsageError, match=sentence):
        moviola.filter(function)


def test_it_may_ask_for_a_worker_with_a_label(clip: Path, tmp_path: Path) -> None:
    """In this process it asks for none."""

    @moviola.filter(label="gpu")
    def detected(picture: Any) -> Any:
        return picture

    assert registry.schemas()["detected"].label == "gpu"
    assert moviola.process(clip, "detected", out=tmp_path / "o.mp4").output.fallback_frames == 0
    with pytest.raises(moviola.UsageError, match="label must have 1 to 63 characters"):
        moviola.filter(label="GPU")(detected)


def test_its_file_is_a_plugin(monkeypatch: pytest.MonkeyPatch) -> None:
    """For workers elsewhere; and it keeps what is promised of a filter."""
    monkeypatch.setattr(registry, "_loaded", {})
    path = Path(decorated_filters.__file__)
    assert registry.load_plugin(path) == ("changed", "dimmed", "halved")
    monkeypatch.setattr(registry, "_loaded", {})
    assert check_main([str(path)]) == 0
