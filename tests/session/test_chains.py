"""Chains as people type them, and what is said of those that cannot be read."""

from __future__ import annotations

import pytest

from moviola.filters.chain import ChainError, Step
from moviola.session.chains import filters_of, read_chain, split_name


@pytest.mark.parametrize(
    ("text", "name", "chain"),
    [
        ("small=blur:radius=3", "small", "blur:radius=3"),
        (" small = blur", "small", " blur"),
        ("A-1_b=blur,edges:low=2", "A-1_b", "blur,edges:low=2"),
        ("blur:radius=3", "", "blur:radius=3"),
        ("blur,edges:low=2", "", "blur,edges:low=2"),
        ('watermark:text="a=b"', "", 'watermark:text="a=b"'),
        ("blur", "", "blur"),
        ("a=b=c", "a", "b=c"),
    ],
)
def test_a_word_and_an_equals_sign_before_any_colon_name_an_output(text: str, name: str, chain: str) -> None:
    assert split_name(text) == (name, chain)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("blur:5", 'blur: "5" is the value of no parameter; did you mean "blur:radius=5"?'),
        ("edges,blur:5", 'blur: "5" is the value of no parameter; did you mean "blur:radius=5"?'),
        ("blur:5,edges", 'blur: "5" is the value of no parameter; did you mean "blur:radius=5"?'),
        ("soft=blur:5", 'blur: "5" is the value of no parameter; did you mean "blur:radius=5"?'),
        ("resize:640", 'resize: "640" is the value of no parameter; did you mean "resize:width=640"?'),
        (
            "resize:640x480",
            'resize: "640x480" is the value of no parameter; resize takes width, height, aspect, each as NAME=VALUE',
        ),
        ("flip:both", 'flip: "both" is the value of no parameter; did you mean "flip:direction=both"?'),
        ("grayscale:1", 'grayscale: "1" is the value of no parameter; grayscale takes none'),
        ("blur:radius", 'filter chain, at character 11: expected "=" after "radius", found the end'),
        ("mine:5", 'filter chain, at character 5: expected a parameter name, found "5"'),
        (
            "blur=5",
            '"blur=5" asks for an output called blur, made by the chain "5", which is not a chain; '
            'did you mean "blur:radius=5"?',
        ),
        (
            "blur=radius=5",
            '"blur=radius=5" asks for an output called blur, made by the chain "radius=5", which is not a chain; '
            'did you mean "blur:radius=5"?',
        ),
        (
            "flip=both",
            '"flip=both" asks for an output called flip, made by the chain "both", which is not a chain; '
            'did you mean "flip:direction=both"?',
        ),
        (
            "radius=5",
            '"radius=5" asks for an output called radius, made by the chain "5", which is not a chain; '
            'filter chain, at character 0: expected a filter name, found "5"',
        ),
    ],
)
def test_what_cannot_be_read_is_said_with_what_was_meant(text: str, sentence: str) -> None:
    with pytest.raises(ChainError) as caught:
        read_chain(text)
    assert str(caught.value) == sentence


def test_an_output_may_have_the_name_of_a_filter() -> None:
    assert read_chain("blur=edges") == ("blur", (Step("edges"),))
    assert read_chain("flip=mine") == ("flip", (Step("mine"),))
    assert filters_of(["blur=edges,mine", "blur"]) == {"edges", "mine", "blur"}
