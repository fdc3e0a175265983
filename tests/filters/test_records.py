"""The filters over records, and the contract they keep."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

import pytest

from moviola.filters import registry
from moviola.filters.base import schema_of
from moviola.filters.builtin.argentina_spain import MAX_TEXT, countries
from moviola.filters.chain import parse_chain
from moviola.filters.records import Record, RecordError, RecordFilter, RecordRunner
from moviola.filters.schema import FilterSchema, ParameterError


def made(chain: str) -> RecordFilter:
    (found,) = registry.make_chain(parse_chain(chain))
    assert isinstance(found, RecordFilter)
    return found


@pytest.mark.parametrize(
    ("date", "kept"),
    [
        ("2001-01-01", True),
        ("2000-12-31", False),
        ("1999-12-31", False),
        ("", False),
        (" 2017-07-04 ", True),
        ("2017", True),
        ("26/10/2001", True),
        ("10/30/1995", False),
        ("30.10.2010", True),
        ("12/31/05", False),
        ("soon", False),
        ("20010101", False),
        ("2001 and later", False),
    ],
)
def test_post_2000_begins_with_2001(date: str, kept: bool) -> None:
    assert made("post_2000").keeps({"release_date": date}) is kept


AR = "{'iso_3166_1': 'AR', 'name': 'Argentina'}"
ES = "{'iso_3166_1': 'ES', 'name': 'Spain'}"
US = "{'iso_3166_1': 'US', 'name': 'United States of America'}"


@pytest.mark.parametrize(
    ("text", "both", "either"),
    [
        (f"[{AR}, {ES}]", True, True),
        (f"[{US}, {ES}, {AR}]", True, True),
        (f"[{AR}]", False, True),
        (f"[{US}]", False, False),
        ("[]", False, False),
        ("", False, False),
        ("[{'name': 'Argentina'}, {'name': 'Spain'}]", True, True),
        ("[{'iso_3166_1': 'ar'}, {'iso_3166_1': 'es'}]", True, True),
        ('[{"iso_3166_1": "AR", "name": null}, {"iso_3166_1": "ES", "name": true}]', True, True),
        ("[{'name': 'New Spain', 'iso_3166_1': 'XX'}]", False, False),
        (f"[{AR}, {ES}", False, False),
        ("Argentina, Spain", False, False),
        (f"{AR}", False, False),
        ("[['AR'], 'ES', 5]", False, False),
        ("__import__('os').abort() or 'AR ES'", False, False),
        ("AR ES" + "[" * 5000, False, False),
        ("-" * 60_000 + "1 AR ES", False, False),
        (" " * MAX_TEXT + f"[{AR}, {ES}]", False, False),
    ],
)
def test_argentina_spain_reads_lists_of_countries(text: str, both: bool, either: bool) -> None:
    record = {"production_countries": text}
    assert made("argentina_spain").keeps(record) is both
    assert made("argentina_spain:mode=any").keeps(record) is either


def test_countries_are_codes_and_names() -> None:
    assert countries(f"[{AR}, {US}]") == {"AR", "argentina", "US", "united states of america"}


@pytest.mark.parametrize(
    ("conditions", "value", "kept"),
    [
        ("min=90", "90.0", True),
        ("min=90", "100", True),  # as text it would come before
        ("min=90", "89.99", False),
        ("min=90", "", False),
        ("max=90", "", False),
        ("max=90", "-1e3", True),
        ("min=90:max=100", "95", True),
        ("min=90:max=100", "101", False),
        ("min=2001-01-01", "2001-06-06", True),
        ("min=2001-01-01", "1999-12-31", False),
        ("equals=1", "1.0", True),
        ("equals=1", "one", False),
        ("equals=Released", "Released", True),
        ("equals=Released", "released", False),
        ("contains=Toy", "Toy Story", True),
        ("contains=toy", "Toy Story", False),
        ("min=9007199254740993", "9007199254740992", False),  # no float tells these apart
        ("equals=nan", "nan", True),
        ("min=1", "1e999", True),  # as text: no number is that large
        ('contains=", "', "a, b", True),
    ],
)
def test_where_compares_numbers_as_numbers_and_the_rest_as_text(conditions: str, value: str, kept: bool) -> None:
    assert made(f"where:column=it:{conditions}").keeps({"it": value}) is kept


@pytest.mark.parametrize(
    ("chain", "sentence"),
    [("where:min=1", "where needs a column"), ("where:column=runtime", "needs a min, max, equals or contains")],
)
def test_where_without_a_condition_is_refused(chain: str, sentence: str) -> None:
    with pytest.raises(ParameterError, match=sentence):
        made(chain).works_on("movies", ["runtime"])


def test_a_filter_works_on_its_tables_where_they_have_its_columns() -> None:
    assert made("post_2000").works_on("movies", ["id", "release_date"])
    assert not made("post_2000").works_on("movies", ["id"])
    assert not made("post_2000").works_on("", ["id", "release_date"])
    assert made("where:column=pages:min=1").works_on("", ["title", "pages"])
    assert not made("where:column=pages:min=1").works_on("movies", ["title"])


@pytest.mark.parametrize("name", ["post_2000", "argentina_spain", "where"])
def test_schemas_say_that_they_are_for_records(name: str) -> None:
    schema = registry.schemas()[name]
    assert schema.material == "record"
    assert FilterSchema.from_wire(schema.to_wire()) == schema


@dataclass(frozen=True)
class Moody(RecordFilter):
    name: ClassVar[str] = "moody"
    summary: ClassVar[str] = "raises as often as told"
    failures: ClassVar[list[int]] = [0]
    error: ClassVar[BaseException] = ValueError("not in the mood")
    asked: list[str] = field(default_factory=list, init=False, repr=False)

    def __post_init__(self) -> None:
        """No parameters."""

    def keeps(self, record: Record) -> bool:
        self.asked.append(record["it"])
        if len(self.asked) <= self.failures[0]:
            raise self.error
        return record["it"] != "no"


def test_a_chain_asks_until_one_says_no() -> None:
    first, second = Moody(), Moody()
    runner = RecordRunner([first, second])
    assert runner.keeps({"it": "yes"})
    assert not runner.keeps({"it": "no"})
    assert (first.asked, second.asked) == (["yes", "no"], ["yes"])
    assert not RecordRunner([])


def test_a_filter_that_ends_the_program_fails_on_its_record_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Moody, "error", SystemExit(3))
    monkeypatch.setattr(Moody, "failures", [2])
    with pytest.raises(RecordError, match="moody failed: SystemExit: 3"):
        RecordRunner([Moody()]).keeps({"it": "yes"})


def test_a_filter_that_raises_is_asked_once_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Moody, "failures", [1])
    assert RecordRunner([Moody()]).keeps({"it": "yes"})
    monkeypatch.setattr(Moody, "failures", [2])
    with pytest.raises(RecordError, match="moody failed: ValueError: not in the mood") as caught:
        RecordRunner([Moody()]).keeps({"it": "yes"})
    assert caught.value.filter_name == "moody"
    assert "in keeps" in caught.value.trace


def test_a_filter_that_does_not_say_what_it_keeps() -> None:
    @dataclass(frozen=True)
    class Idle(RecordFilter):
        name: ClassVar[str] = "idle"
        summary: ClassVar[str] = "for the test"

    assert schema_of(Idle).material == "record"
    with pytest.raises(NotImplementedError, match="Idle"):
        Idle().keeps({})
