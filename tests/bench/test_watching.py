"""The measurement of what a look at a cluster costs."""

from __future__ import annotations

from bench.watching import Row, measure


def test_it_measures_both_questions_of_a_small_cluster() -> None:
    found = measure(Row(jobs=3, ended=2, workers=4), refreshes=3)
    assert found.keys() == {"all", "screen"}
    for cost in found.values():
        assert cost["records"] == 1 + 1 + 4 + 3 + 2 + 1  # overview, store, workers, jobs, the word that these are all
        assert cost["ms"] > 0
        assert cost["bytes"] > 1000
