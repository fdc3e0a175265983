"""How labels of workers are written, and how many there may be."""

from __future__ import annotations

import pytest

from moviola.base.labels import MAX_LABEL, MAX_LABELS, fault_of, is_label


@pytest.mark.parametrize("text", ["gpu", "4k", "a100-80gb", "cuda_12.4", "x" * MAX_LABEL])
def test_what_a_label_may_be(text: str) -> None:
    assert is_label(text)


@pytest.mark.parametrize("text", ["", "GPU", "-gpu", "a b", "a,b", "größe", "gpu\n", "\x1b[2J", "x" * (MAX_LABEL + 1)])
def test_what_it_may_not_be(text: str) -> None:
    assert not is_label(text)
    assert fault_of(["gpu", text]).startswith(f"a label has 1 to {MAX_LABEL} characters of a-z")


def test_the_sentence_names_what_is_none_and_stays_short() -> None:
    assert fault_of(["GPU"]).endswith("; 'GPU' is not a label")
    assert len(fault_of(["x" * 10_000])) < 300


def test_there_are_so_many_at_most() -> None:
    labels = [f"l{number}" for number in range(MAX_LABELS + 1)]
    assert not fault_of(labels[:-1])
    assert fault_of(labels) == "a worker has 16 labels at most, not 17"
