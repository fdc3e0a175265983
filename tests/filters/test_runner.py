from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
import pytest

from moviola.filters.base import Filter, parameter
from moviola.filters.builtin.blur import Blur
from moviola.filters.builtin.identity import Identity
from moviola.filters.picture import Picture
from moviola.filters.runner import ChainRunner, FilterError
from tests.filters.frames import picture_of


@dataclass(frozen=True)
class Mean(Filter):
    """The mean of a picture and those before it: every frame of context shows in the result."""

    name: ClassVar[str] = "mean"
    summary: ClassVar[str] = "for the test"
    context: ClassVar[int | str] = "length"
    length: int = parameter(2, minimum=0, maximum=9, help="frames looked back at")

    def apply(self, picture: Picture, earlier: Sequence[Picture]) -> Picture:
        stack = np.stack([each.planes[0] for each in (*earlier, picture)]).astype(np.uint32)
        return picture.with_gray((stack.sum(axis=0) // len(stack)).astype(np.uint8))


@dataclass(frozen=True)
class Faulty(Filter):
    """Fails on pictures of some brightness, a number of times."""

    name: ClassVar[str] = "faulty"
    summary: ClassVar[str] = "for the test"
    failures: ClassVar[dict[int, int]] = {}
    calls: ClassVar[list[int]] = []
    error: ClassVar[BaseException] = ZeroDivisionError("as told")
    unused: int = parameter(0, minimum=0, maximum=0, help="none")

    def apply(self, picture: Picture, earlier: Sequence[Picture]) -> Picture:
        self.calls.append(picture.index)
        if self.failures.get(picture.index, 0) > 0:
            self.failures[picture.index] -= 1
            raise self.error
        return picture


@pytest.fixture(autouse=True)
def _fresh_faults() -> None:
    Faulty.failures.clear()
    Faulty.calls.clear()


def video(count: int = 12) -> list[Picture]:
    random = np.random.default_rng(5)
    return [
        picture_of(random.integers(0, 256, (10, 12), dtype=np.uint8), "yuvj420p", index=index) for index in range(count)
    ]


def shown(picture: Picture) -> bytes:
    return b"".join(plane.tobytes() for plane in picture.planes)


def run_all(filters: Sequence[Filter], pictures: Sequence[Picture]) -> list[bytes]:
    runner = ChainRunner(filters)
    return [shown(runner.run(picture)) for picture in pictures]


CHAINS: list[list[Filter]] = [
    [Mean()],
    [Mean(length=3), Mean(length=2)],
    [Mean(), Blur(radius=1), Mean(length=1), Blur(radius=2)],
]


@pytest.mark.parametrize("filters", CHAINS)
@pytest.mark.parametrize("start", range(12))
def test_a_run_that_starts_anywhere_gives_the_same(filters: list[Filter], start: int) -> None:
    pictures = video()
    whole = run_all(filters, pictures)
    runner = ChainRunner(filters)
    for picture in pictures[max(0, start - runner.context_frames) : start]:
        runner.prepare(picture)
    assert [shown(runner.run(picture)) for picture in pictures[start:]] == whole[start:]


@pytest.mark.parametrize("filters", CHAINS)
def test_one_frame_of_context_less_would_show(filters: list[Filter]) -> None:
    pictures = video()
    runner = ChainRunner(filters)
    for picture in pictures[6 - runner.context_frames + 1 : 6]:
        runner.prepare(picture)
    assert shown(runner.run(pictures[6])) != run_all(filters, pictures)[6]


def test_context_of_a_chain_is_the_sum() -> None:
    assert ChainRunner(CHAINS[1]).context_frames == 5
    assert ChainRunner([Identity(), Blur()]).context_frames == 0


def test_identity_hands_the_decoders_frame_on() -> None:
    (picture,) = video(1)
    assert ChainRunner([Identity()]).run(picture).frame is picture.frame


def test_a_filter_gets_a_second_try() -> None:
    Faulty.failures[1] = 1
    assert run_all([Faulty()], video(3)) == run_all([Identity()], video(3))
    assert Faulty.calls == [0, 1, 1, 2]


def test_a_failure_names_filter_and_frame_and_shows_where() -> None:
    Faulty.failures[4] = 2
    runner = ChainRunner([Blur(), Faulty()])
    pictures = video(6)
    for picture in pictures[:4]:
        runner.run(picture)
    with pytest.raises(FilterError, match="faulty failed on frame 4: ZeroDivisionError: as told") as caught:
        runner.run(pictures[4])
    assert (caught.value.filter_name, caught.value.frame) == ("faulty", 4)
    assert "in apply" in caught.value.trace
    runner.run(pictures[5])


def test_a_filter_that_ends_the_program_fails_on_its_frame_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Faulty, "error", SystemExit(3))
    Faulty.failures.update({1: 1, 2: 2})
    runner, pictures = ChainRunner([Faulty(), Mean()]), video(4)
    runner.prepare(pictures[0])
    runner.run(pictures[1])
    with pytest.raises(FilterError, match="faulty failed on frame 2: SystemExit: 3"):
        runner.run(pictures[2])
    runner.run(pictures[3])


@pytest.mark.parametrize("start", range(3, 9))
def test_after_a_failure_later_frames_do_not_depend_on_where_the_run_began(start: int) -> None:
    filters: list[Filter] = [Mean(length=1), Faulty(), Mean(length=2)]
    pictures = video()

    def outcomes(runner: ChainRunner, some: Sequence[Picture]) -> list[bytes | None]:
        Faulty.failures[5] = 2
        found: list[bytes | None] = []
        for picture in some:
            try:
                found.append(shown(runner.run(picture)))
            except FilterError:
                found.append(None)
        return found

    whole = outcomes(ChainRunner(filters), pictures)
    assert [index for index, each in enumerate(whole) if each is None] == [5]
    runner = ChainRunner(filters)
    Faulty.failures[5] = 2
    for picture in pictures[start - 3 : start]:
        runner.prepare(picture)
    assert outcomes(runner, pictures[start:]) == whole[start:]


def test_context_frames_are_not_run_through_what_has_no_use_for_them() -> None:
    runner = ChainRunner([Faulty(), Mean(), Faulty()])
    runner.prepare(video(1)[0])
    assert Faulty.calls == [0]


@dataclass(frozen=True)
class Careless(Filter):
    """Writes into its input."""

    name: ClassVar[str] = "careless"
    summary: ClassVar[str] = "for the test"
    unused: int = field(default=0, metadata={"help": "none"})

    def apply(self, picture: Picture, earlier: Sequence[Picture]) -> Picture:
        picture.planes[0][0, 0] = 0
        return picture


def test_writing_into_an_input_fails_also_behind_another_filter() -> None:
    for filters in ([Careless()], [Blur(), Careless()]):
        with pytest.raises(FilterError, match="careless failed on frame 0: ValueError"):
            ChainRunner(filters).run(video(1)[0])
