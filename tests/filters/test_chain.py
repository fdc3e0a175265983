from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moviola.filters.chain import MAX_STEPS, MAX_TEXT, ChainError, Step, format_chain, parse_chain

NAMES = st.from_regex(r"[A-Za-z][A-Za-z0-9_-]{0,8}", fullmatch=True)


@pytest.mark.parametrize(
    ("text", "steps"),
    [
        ("blur", [Step("blur")]),
        ("blur:radius=5", [Step("blur", {"radius": "5"})]),
        ("blur,edges:low=50:high=150", [Step("blur"), Step("edges", {"low": "50", "high": "150"})]),
        (" blur : radius = 5 , edges ", [Step("blur", {"radius": "5"}), Step("edges")]),
        ('title:text="a, b: c",blur', [Step("title", {"text": "a, b: c"}), Step("blur")]),
        (r'title:text="say \"hi\" \\ bye"', [Step("title", {"text": r'say "hi" \ bye'})]),
        ('title:text=""', [Step("title", {"text": ""})]),
        ("crop:at=-3.5e2", [Step("crop", {"at": "-3.5e2"})]),
        ("lut:file=a=b c.cube", [Step("lut", {"file": "a=b c.cube"})]),
    ],
)
def test_a_chain_is_read_whole(text: str, steps: list[Step]) -> None:
    assert parse_chain(text) == tuple(steps)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "expected a filter name, found the end"),
        ("blur,", "expected a filter name, found the end"),
        (",blur", 'at character 0: expected a filter name, found ",blur"'),
        ("blur:", "expected a parameter name"),
        ("blur:radius", 'expected "=" after "radius"'),
        ("blur:radius=", 'expected a value for "radius"'),
        ("blur:radius=,edges", 'expected a value for "radius"'),
        ('blur:radius="5', 'quoted value of "radius" does not end'),
        (r'blur:radius="5\n"', "stray backslash"),
        ('blur:radius="5"6', 'expected "," or ":"'),
        ("blur edges", 'expected "," or ":", found "edges"'),
        ("blur:radius=5:radius=6", 'given "radius" twice'),
        (",".join(["blur"] * (MAX_STEPS + 1)), f"more than {MAX_STEPS} filters"),
        ("x" * (MAX_TEXT + 1), f"the limit is {MAX_TEXT}"),
    ],
)
def test_a_bad_chain_is_one_clear_sentence(text: str, complaint: str) -> None:
    with pytest.raises(ChainError) as caught:
        parse_chain(text)
    assert complaint in str(caught.value)
    assert "\n" not in str(caught.value)


@given(st.lists(st.builds(Step, NAMES, st.dictionaries(NAMES, st.text(max_size=20))), min_size=1, max_size=5))
def test_the_canonical_text_reads_back_equal(steps: list[Step]) -> None:
    text = format_chain(steps)
    assert parse_chain(text) == tuple(steps)
    assert format_chain(parse_chain(text)) == text


@given(st.text(alphabet='ab:=,"\\ 5', max_size=40) | st.text(max_size=40))
def test_garbage_gives_a_chain_or_a_chain_error(text: str) -> None:
    try:
        steps = parse_chain(text)
    except ChainError:
        return
    assert parse_chain(format_chain(steps)) == steps


def test_typed_values_are_written_so_that_they_read_back() -> None:
    step = Step("f", {"on": True, "off": False, "count": 3, "share": 0.1, "text": "a:b"})
    assert format_chain([step]) == 'f:on=true:off=false:count=3:share=0.1:text="a:b"'


def test_a_step_crosses_the_wire() -> None:
    step = Step("blur", {"radius": 5, "soft": True, "share": 0.5, "mode": "x"})
    assert Step.from_wire(step.to_wire()) == step


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"name": 5},
        {"name": "no name"},
        {"name": "blur", "parameters": [1]},
        {"name": "blur", "parameters": {5: 1}},
        {"name": "blur", "parameters": {"radius": [1]}},
    ],
)
def test_a_bad_step_from_the_wire_is_refused(data: dict[str, object]) -> None:
    with pytest.raises(ChainError):
        Step.from_wire(data)
