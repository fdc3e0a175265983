"""Records go into maps and come back; whatever else comes is refused in one sentence that names the field."""

from __future__ import annotations

from array import array
from dataclasses import field
from enum import StrEnum
from fractions import Fraction
from typing import Annotated, Any, NamedTuple

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from moviola.base.job_statistics import JobStatistics
from moviola.base.mapped import AS_TEXT, Float32s, Length, Malformed, Map, Mapped, Ticks
from moviola.base.output_summary import OutputSummary
from moviola.base.progress import Progress
from moviola.base.records import record
from moviola.base.vocabulary import JobState
from moviola.base.worker_facts import HeldTask, WorkerFacts
from tests.garbage import VALUES, spoiled


class Mood(StrEnum):
    GOOD = "good"
    BAD = "bad"


class Point(NamedTuple):
    x: int
    y: Ticks
    scale: Fraction | None = None


@record
class Inner(Mapped):
    name: Annotated[str, Length(5)]


@record
class Outer(Mapped):
    count: int
    at: Ticks | None
    mood: Mood
    rate: Fraction
    told: Annotated[Fraction, AS_TEXT] | None
    points: list[Point]
    columns: tuple[str, ...]
    pair: tuple[int, str]
    inner: Inner
    tags: dict[str, str]
    open: Map
    times: Float32s
    share: float = 0.5
    is_whole: bool = False
    data: bytes = b""
    more: list[Inner] = field(default_factory=list)

    def contradiction(self) -> str:
        return "count: as many as there are points" if self.count != len(self.points) else ""


WHOLE = Outer(
    count=2,
    at=-5,
    mood=Mood.GOOD,
    rate=Fraction(30000, 1001),
    told=Fraction(1, 3),
    points=[Point(1, -2), Point(3, 4, Fraction(1, 25))],
    columns=("a", "b"),
    pair=(1, "one"),
    inner=Inner("x"),
    tags={"title": "Reel"},
    open={"any": [1, None, {"b": b"c"}]},
    times=array("f", [1.5, 2.5]),
    more=[Inner("y")],
)


def test_a_record_travels() -> None:
    packed = msgpack.packb(WHOLE.to_wire(), strict_types=False)
    assert Outer.from_wire(msgpack.unpackb(packed)) == WHOLE
    assert list(WHOLE.to_wire()) == list(Outer.__dataclass_fields__)
    assert WHOLE.to_wire()["points"] == [[1, -2, None], [3, 4, [1, 25]]]
    assert WHOLE.to_wire()["times"] == b"\0\0\xc0\x3f\0\0\x20\x40"


def test_unknown_fields_are_left_out_and_missing_ones_take_their_default() -> None:
    told = WHOLE.to_wire() | {"newer": 1}
    del told["share"]
    assert Outer.from_wire(told) == WHOLE


@pytest.mark.parametrize(
    ("name", "value", "why"),
    [
        ("count", -1, r"Outer.count: an integer from 0 to 2\^63-1, not -1"),
        ("count", True, "Outer.count: an integer"),
        ("count", 3, "Outer.count: as many as there are points"),
        ("at", 2**63, "Outer.at: an integer of 64 bits, not 9223372036854775808"),
        ("mood", "odd", "Outer.mood: one of good, bad, not 'odd'"),
        ("rate", [1, 0], r"Outer.rate: a fraction \[numerator, denominator\] of integers above 0, not \[1, 0\]"),
        ("told", "1e999999999", "Outer.told: a fraction above 0, such as \"30000/1001\", not '1e999999999'"),
        ("told", "1/0", "Outer.told: a fraction above 0"),
        ("points", [[1, 2]], r"Outer.points: a list of 3 values, not \[1, 2\]"),
        ("columns", "ab", "Outer.columns: a list, not 'ab'"),
        ("pair", [1, 2], "Outer.pair: a text, not 2"),
        ("inner", {"name": "longer"}, "Outer.inner: Inner.name: a text of at most 5 characters, not 6"),
        ("inner", {}, "Outer.inner: Inner lacks name"),
        ("inner", 5, "Outer.inner: Inner must be a map, not int"),
        ("tags", {"a": 1}, "Outer.tags: a text, not 1"),
        ("open", {1: 2}, "Outer.open: a map with text keys"),
        ("times", b"123", "Outer.times: bytes of float32 numbers"),
        ("share", float("nan"), "Outer.share: a finite number, not nan"),
        ("is_whole", 1, "Outer.is_whole: true or false, not 1"),
        ("data", "text", "Outer.data: bytes, not 'text'"),
    ],
)
def test_what_is_wrong_is_said_with_the_fields_name(name: str, value: Any, why: str) -> None:
    with pytest.raises(Malformed, match=why):
        Outer.from_wire(WHOLE.to_wire() | {name: value})


RECORDS = (
    WHOLE,
    OutputSummary("blur", JobState.DONE, warnings=["w"]),
    JobStatistics(1.0, [1], [0], [array("f", [1.5])]),
    Progress("video", ["blur"], frames_total=5),
    WorkerFacts(["blur"], frames_per_s=2.5, tasks=[HeldTask("j", 0, 1, "computing", 3)], schemas=[{"name": "blur"}]),
)


@pytest.mark.parametrize("whole", RECORDS, ids=lambda one: type(one).__name__)
@given(data=st.data())
def test_garbage_is_read_or_refused(whole: Mapped, data: st.DataObject) -> None:
    told = data.draw(VALUES | spoiled(whole.to_wire()))
    refusal = ""
    try:
        msgpack.packb(type(whole).from_wire(told).to_wire())
    except Malformed as error:
        refusal = str(error)
    assert "\n" not in refusal
    assert len(refusal) < 500
