from __future__ import annotations

from dataclasses import replace

import pytest

from client.order import MAX_OUTPUT_NAME, hello, output_names, read_order, submission_key, unique
from filters.chain import ChainError, parse_chain
from filters.registry import schemas
from filters.schema import ParameterError
from media.material import Encoder
from tests.client.material import make_order, make_source

KNOWN = schemas()


def test_an_order_has_an_output_for_each_chain_with_all_parameters() -> None:
    order = read_order(["blur", "blur:radius=3,edges"], KNOWN, Encoder("ffv1"), 16)
    assert [output.name for output in order.outputs] == ["blur", "blur-edges"]
    assert order.outputs[0].chain[0].parameters == {"radius": 7}
    assert order.outputs[1].chain[0].parameters == {"radius": 3}
    assert order.outputs[1].encoder == Encoder("ffv1")
    assert order.chunk_frames == 16


def test_the_most_demanding_output_sets_the_context() -> None:
    assert read_order(["blur"], KNOWN, Encoder()).context_frames == 0
    assert read_order(["blur", "motion"], KNOWN, Encoder()).context_frames == 1


@pytest.mark.parametrize(
    ("chain", "words"),
    [
        ("blurr", 'there is no filter "blurr"; did you mean "blur"'),
        ("blur:radius=0", "radius is 0, but the least is 1 px"),
        ("blur:radius=many", 'radius takes a whole number, not "many"'),
        ("blur:size=3", 'blur has no parameter "size"'),
        ("blur:", "expected a parameter name"),
        ("", "expected a filter name"),
    ],
)
def test_a_wrong_chain_is_one_sentence(chain: str, words: str) -> None:
    with pytest.raises((ChainError, ParameterError)) as caught:
        read_order([chain], KNOWN, Encoder())
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_outputs_are_called_after_their_filters_and_never_alike() -> None:
    chains = [parse_chain(text) for text in ("blur", "blur:radius=3", "blur,edges", "BLUR")]
    assert output_names(chains) == ["blur", "blur-2", "blur-edges", "BLUR-3"]
    assert len(output_names([parse_chain(",".join(["identity"] * 30))])[0]) == MAX_OUTPUT_NAME


def test_a_number_behind_does_not_meet_a_name_that_has_it() -> None:
    assert unique(["a", "a-2", "a", "a"]) == ["a", "a-2", "a-3", "a-4"]


def test_the_key_depends_on_bytes_and_wishes_alone() -> None:
    source, order = make_source(), make_order("blur")
    key = submission_key(source, order)
    assert submission_key(replace(source, name="other.mp4"), order) == key
    assert submission_key(replace(source, fingerprint="0" * 32), order) != key
    assert submission_key(source, replace(order, chunk_frames=7)) != key
    assert submission_key(source, make_order("edges")) != key
    assert submission_key(source, make_order("blur", "edges")) != key


def test_equal_chains_written_differently_have_one_key() -> None:
    short, long = (read_order([text], KNOWN, Encoder()) for text in ("blur", 'blur:radius="7"'))
    assert submission_key(make_source(), short) == submission_key(make_source(), long)


def test_every_submission_has_a_session_of_its_own() -> None:
    first, second = hello(), hello()
    assert first.name == second.name
    assert "@" in first.name
    assert first.session != second.session
