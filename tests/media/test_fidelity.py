"""What is said of the things of a source: each sentence once, nothing that is kept, and never without a bound."""

from __future__ import annotations

import pytest

from moviola.base.mapped import Malformed
from moviola.media.fidelity import Fate, Finding, bounded, sentences


def finding(number: int, fate: Fate) -> Finding:
    return Finding(f"stream {number}", fate, "is so")


def test_people_are_told_of_what_is_not_kept_each_sentence_once() -> None:
    found = [finding(1, Fate.LOST), finding(2, Fate.KEPT), finding(3, Fate.CHANGED), finding(1, Fate.LOST)]
    assert list(sentences(found)) == ["stream 1 is so", "stream 3 is so"]


def test_of_too_many_the_worst_are_told_and_the_others_counted() -> None:
    found = [*(finding(number, Fate.KEPT) for number in range(9)), finding(9, Fate.LOST), finding(10, Fate.CHANGED)]
    assert bounded(found, 11) == found
    told = bounded(found, 3)
    assert [each.fate for each in told] == [Fate.LOST, Fate.CHANGED, Fate.KEPT]
    assert told[-1].subject == "9 more things"


def test_a_finding_of_another_fate_is_refused() -> None:
    assert Finding.from_wire(finding(1, Fate.LOST).to_wire()) == finding(1, Fate.LOST)
    with pytest.raises(Malformed, match="one of kept, changed, lost"):
        Finding.from_wire({"subject": "it", "fate": "stolen", "reason": "is so"})
