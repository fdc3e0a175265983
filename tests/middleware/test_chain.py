from __future__ import annotations

import pytest

from middleware.model.chain import Chain

CHAIN = Chain("video", ("resize", "blur", "watermark"), can_stage=True)


@pytest.mark.parametrize("stage", [range(3), range(1), range(1, 3)])
def test_a_stage_on_its_way_and_back(stage: range) -> None:
    assert CHAIN.from_wire(CHAIN.to_wire(stage)) == stage


@pytest.mark.parametrize("told", [[-1, 1], [2, 1], [1, 1], [0, 4], [1]])
def test_what_is_no_stage_of_the_chain(told: list[int]) -> None:
    assert CHAIN.from_wire(told) is None


def test_a_chain_that_is_not_shared_has_no_stages() -> None:
    assert Chain("images", CHAIN.steps, can_stage=False).from_wire([0, 1]) is None
