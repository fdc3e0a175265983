"""Records compare, hash and show themselves as dataclasses do."""

from __future__ import annotations

from dataclasses import dataclass, field, fields

from moviola.base.records import record


@record
class Point:
    x: int
    y: int = 0
    seen: list[int] = field(default_factory=list, compare=False, repr=False)


@record
class Other:
    x: int
    y: int = 0


@record
class Nothing:
    pass


@record
class Named:
    name: str

    def __repr__(self) -> str:
        return self.name

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Named) and other.name.lower() == self.name.lower()

    def __hash__(self) -> int:
        return hash(self.name.lower())


@dataclass(slots=True, unsafe_hash=True)
class AsDataclassesAre:
    x: int
    y: int = 0


def test_records_are_equal_by_the_fields_that_are_compared() -> None:
    assert Point(1, 2, [3]) == Point(1, 2, [4])
    assert Point(1, 2) != Point(1, 3)
    everything: list[object] = [Point(1, 2), Other(1, 2), Nothing()]
    assert everything[0] != everything[1]
    assert Nothing() == Nothing()
    assert len({Point(1, 2), Point(1, 2, [5]), Other(1, 2), Nothing(), Nothing()}) == 3


def test_records_show_themselves_as_dataclasses_do() -> None:
    assert repr(Other(1)) == repr(AsDataclassesAre(1)).replace("AsDataclassesAre", "Other") == "Other(x=1, y=0)"
    assert repr(Point(1, 2, [3])) == "Point(x=1, y=2)"
    assert repr(Nothing()) == "Nothing()"


def test_a_record_keeps_functions_of_its_own() -> None:
    assert Named("A") == Named("a")
    assert hash(Named("A")) == hash(Named("a"))
    assert repr(Named("A")) == "A"


def test_records_are_dataclasses_with_slots() -> None:
    assert [each.name for each in fields(Point)] == ["x", "y", "seen"]
    assert not hasattr(Point(1), "__dict__")
    match Point(1, 2):
        case Point(x, y):
            assert (x, y) == (1, 2)


def test_comparing_compiles_the_functions_once() -> None:
    @record
    class Fresh:
        x: int

    stub = Fresh.__eq__
    assert Fresh(1) == Fresh(1)
    compiled = Fresh.__eq__
    assert compiled is not stub
    assert Fresh(1) != Fresh(2)
    assert hash(Fresh(1)) == hash((1,))
    assert Fresh.__eq__ is compiled
