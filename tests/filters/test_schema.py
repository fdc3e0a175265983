from __future__ import annotations

import copy
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moviola.filters.chain import Step, Value, parse_chain
from moviola.filters.schema import FilterSchema, Parameter, ParameterError, SchemaError, check_chain, context_frames

GLOW = FilterSchema(
    "glow",
    "a filter that only a worker has",
    (
        Parameter("radius", "int", 7, "how far", minimum=1, maximum=100, unit="px"),
        Parameter("share", "float", 0.5, "how much", minimum=0.0, maximum=1.0),
        Parameter("mode", "str", "soft", "which", choices=("soft", "hard")),
        Parameter("invert", "bool", False, "whether"),
        Parameter("title", "str", "glow", "one line", charset="ascii"),
        Parameter("note", "str", "", "any text"),
        Parameter("memory", "int", 2, "frames looked back at", minimum=0, maximum=9),
    ),
    context="memory",
)
SCHEMAS = {"glow": GLOW, "plain": FilterSchema("plain", "no parameters")}


def checked(text: str) -> dict[str, Value]:
    return check_chain(parse_chain(text), SCHEMAS)[0].parameters


def test_texts_become_values_and_defaults_are_filled_in() -> None:
    assert checked("glow:radius=9:invert=yes:share=1") == {
        "radius": 9,
        "share": 1.0,
        "mode": "soft",
        "invert": True,
        "title": "glow",
        "note": "",
        "memory": 2,
    }


def test_equal_chains_become_equal_however_they_are_written() -> None:
    given_in_full = checked("glow:memory=2:mode=soft:radius=7")
    assert given_in_full == checked("glow")
    assert list(given_in_full) == list(checked("glow"))


def test_typed_values_are_taken_as_they_are() -> None:
    assert GLOW.check({"radius": 3, "share": 1})["share"] == 1.0
    assert GLOW.check({"invert": True})["invert"] is True


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("glwo", 'there is no filter "glwo"; did you mean "glow"?'),
        ("zzz", 'there is no filter "zzz"; known: glow, plain'),
        ("glow:raduis=3", 'glow has no parameter "raduis"; did you mean "radius"?'),
        ("plain:radius=3", 'plain has no parameter "radius"; it takes none'),
        ("glow:radius=0", "glow: radius is 0; it must be at least 1 px"),
        ("glow:radius=101", "glow: radius is 101; it must be at most 100 px"),
        ("glow:radius=2.5", 'glow: radius takes a whole number, not "2.5"'),
        ("glow:share=nan", 'glow: share takes a number, not "nan"'),
        ("glow:share=1.01", "glow: share is 1.01; it must be at most 1.0"),
        ("glow:mode=softt", 'glow: mode cannot be "softt"; did you mean "soft"?'),
        ("glow:mode=x", 'glow: mode cannot be "x"; known: hard, soft'),
        ("glow:invert=maybe", 'glow: invert takes true or false, not "maybe"'),
        ("glow:title=naïve", "glow: title takes ASCII text; 'ï' (U+00EF, LATIN SMALL LETTER I WITH DIAERESIS) is not"),
        ('glow:title="a\nb"', "glow: title takes ASCII text; '\\n' (U+000A) is not allowed: one line"),
        ("glow:note=bad\udcff", "glow: note takes text; '\\udcff' (U+DCFF) is not allowed: any text"),
        (f"glow:radius={'9' * 5000}", "glow: radius takes a whole number"),
    ],
)
def test_a_wrong_value_is_one_clear_sentence(text: str, sentence: str) -> None:
    with pytest.raises(ParameterError) as caught:
        check_chain(parse_chain(text), SCHEMAS)
    assert str(caught.value).startswith(sentence)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("value", [True, 2.0, None, [1], float("inf"), 10**400])
def test_a_value_of_the_wrong_type_is_refused(value: Any) -> None:
    with pytest.raises(ParameterError):
        GLOW.check({"radius": value})
    if value != 2.0:
        with pytest.raises(ParameterError):
            GLOW.check({"share": value})


def test_context_is_a_number_or_a_parameters_value() -> None:
    steps = check_chain(parse_chain("glow,plain,glow:memory=5"), SCHEMAS)
    assert context_frames(steps, SCHEMAS) == 7


def test_a_schema_crosses_the_wire() -> None:
    assert FilterSchema.from_wire(GLOW.to_wire()) == GLOW


def test_a_parameters_fields_of_older_and_newer_peers() -> None:
    data = GLOW.to_wire()
    for each in data["parameters"]:
        each["mood"] = "sepia"
        if not each["charset"]:
            del each["charset"]
    assert FilterSchema.from_wire(data) == GLOW


WIRE = GLOW.to_wire()
PATHS = [(key,) for key in WIRE] + [("parameters", 0, key) for key in WIRE["parameters"][0]]


@given(st.sampled_from(PATHS), st.none() | st.booleans() | st.integers() | st.text() | st.lists(st.integers()))
def test_a_garbled_schema_is_refused_or_usable(path: tuple[Any, ...], garbage: Any) -> None:
    data = copy.deepcopy(WIRE)
    inner: Any = data
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = garbage
    try:
        schema = FilterSchema.from_wire(data)
    except SchemaError:
        return
    schema.context_frames(schema.check({}))


@pytest.mark.parametrize("data", [{}, {"name": "x"}, [], None, 5, {**WIRE, "parameters": [{}] * 1000}])
def test_what_is_no_schema_is_refused(data: Any) -> None:
    with pytest.raises(SchemaError):
        FilterSchema.from_wire(data)


def test_checking_parameters_loads_neither_numpy_nor_a_codec_nor_opencv() -> None:
    script = (
        "import sys, moviola.filters.schema, moviola.filters.chain; print(*{'numpy', 'av', 'cv2'} & set(sys.modules))"
    )
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == ""


def test_announcing_the_filters_does_not_load_opencv() -> None:
    script = "import sys; from moviola.filters import registry; registry.schemas(); print('cv2' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "False"


def test_a_step_made_by_hand_is_checked_too() -> None:
    assert check_chain([Step("glow", {"radius": 4})], SCHEMAS)[0].parameters["radius"] == 4


def test_the_material_travels_and_is_one_of_three() -> None:
    schema = FilterSchema("rows", "of a table", material="record")
    assert FilterSchema.from_wire(schema.to_wire()) == schema
    assert FilterSchema.from_wire(SCHEMAS["plain"].to_wire()).material == "picture"
    with pytest.raises(SchemaError, match="material must be one of"):
        FilterSchema.from_wire({**schema.to_wire(), "material": "sound"})


@pytest.mark.parametrize(("text", "is_torn"), [("sign:text=Lisbon, May", True), ("glow:radius=3,May", False)])
def test_a_text_whose_quotes_the_shell_took_is_told_from_an_unknown_filter(text: str, is_torn: bool) -> None:
    sign = FilterSchema("sign", "writes", (Parameter("text", "str", "", "what"),))
    with pytest.raises(ParameterError, match='there is no filter "May"') as caught:
        check_chain(parse_chain(text), SCHEMAS | {"sign": sign})
    assert ("""'sign:text="a, b"'""" in str(caught.value)) == is_torn


def test_a_label_travels_and_is_none_for_older_peers() -> None:
    labelled = FilterSchema("detect", "finds", label="gpu")
    assert FilterSchema.from_wire(labelled.to_wire()) == labelled
    older = {name: value for name, value in labelled.to_wire().items() if name != "label"}
    assert FilterSchema.from_wire(older).label == ""


@pytest.mark.parametrize("label", ["GPU", "a b", "x" * 64, 7, ["gpu"], None])
def test_what_is_no_label_is_refused(label: Any) -> None:
    with pytest.raises(SchemaError, match="label must have 1 to 63 characters"):
        FilterSchema.from_wire({**FilterSchema("detect", "finds").to_wire(), "label": label})
