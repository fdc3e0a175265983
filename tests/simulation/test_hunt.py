"""The hunt for planted defects: who is played with next, and what counts as caught."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.simulation import hunt
from tests.simulation.hunt import Hunt, Played, Stretch, Verdict, play_stretch
from tests.simulation.outcomes import Failure, Outcome, failure_of, spread
from tests.simulation.scenario import Failed

WRONG = Failure("messages._sent", "AssertionError: too early", "AssertionError: too early")


def verdicts_of(played: Callable[[Stretch], Played], names: list[str], count: int, monkeypatch: Any) -> list[Verdict]:
    """Hunt in this process, with a stand-in for the play."""

    def here(take: Callable[[], Any], _work: object, _processes: int) -> Iterator[tuple[Any, Any]]:
        while (job := take()) is not None:
            yield job, played(job)

    monkeypatch.setattr(hunt, "spread", here)
    return list(Hunt(names, 100, count).verdicts(1))


def test_defects_come_equally_far(monkeypatch: pytest.MonkeyPatch) -> None:
    begun: dict[str, int] = {"one": 0, "two": 0, "three": 0}

    def played(stretch: Stretch) -> Played:
        assert begun[stretch.name] == min(begun.values())
        assert stretch.seeds[0] == 100 + begun[stretch.name]
        begun[stretch.name] += len(stretch.seeds)
        return Played(len(stretch.seeds), 1.0)

    verdicts = verdicts_of(played, list(begun), 50, monkeypatch)
    assert begun == {"one": 50, "two": 50, "three": 50}
    assert [(one.seeds, one.failure, one.misfit) for one in verdicts] == [(50, None, "")] * 3


def test_a_defect_that_was_caught_is_not_played_with_any_more(monkeypatch: pytest.MonkeyPatch) -> None:
    def played(stretch: Stretch) -> Played:
        is_caught = stretch.name == "easy" and 102 in stretch.seeds
        return Played(len(stretch.seeds), 1.0, 102 if is_caught else None, WRONG if is_caught else None)

    first, second = verdicts_of(played, ["hard", "easy"], 64, monkeypatch)
    assert (first.name, first.seeds, first.caught_by, first.failure) == ("easy", 3, 102, WRONG)
    assert (second.name, second.seeds, second.failure) == ("hard", 64, None)


def play_with(outcomes: dict[tuple[int, bool], Failure | None], monkeypatch: pytest.MonkeyPatch) -> Played:
    """Play three seeds; `outcomes` say how one fails with a defect planted, and without it."""
    is_planted: list[bool] = []

    def outcome(seed: int) -> Outcome:
        return Outcome(seed, outcomes.get((seed, bool(is_planted))), Counter(), 1.0)

    @contextmanager
    def planted(_name: str) -> Iterator[None]:
        is_planted.append(True)
        yield
        is_planted.clear()

    monkeypatch.setattr(hunt, "outcome", outcome)
    monkeypatch.setattr(hunt, "planted", planted)
    return play_stretch(Stretch("a rule", range(1, 4)))


def test_a_seed_that_fails_without_the_defect_has_not_caught_it(monkeypatch: pytest.MonkeyPatch) -> None:
    played = play_with({(2, True): WRONG, (2, False): WRONG}, monkeypatch)
    assert (played.count, played.failure, played.blamed) == (3, None, (2,))


def test_a_seed_that_passes_without_the_defect_has_caught_it(monkeypatch: pytest.MonkeyPatch) -> None:
    played = play_with({(2, True): WRONG}, monkeypatch)
    assert (played.count, played.caught_by, played.failure, played.misfit) == (2, 2, WRONG, "")


@pytest.mark.parametrize(
    "failure",
    [
        Failure("scheduler.hand_out", "", "TypeError: _a_rule.<locals>.lend() takes 2 positional arguments"),
        Failure("mutants.lend", "", "AttributeError: 'Track' object has no attribute 'flights'"),
    ],
)
def test_a_patch_that_does_not_fit_has_not_been_caught(failure: Failure, monkeypatch: pytest.MonkeyPatch) -> None:
    assert play_with({(1, True): failure}, monkeypatch).misfit == failure.cause


def test_an_error_of_the_programs_is_a_catch(monkeypatch: pytest.MonkeyPatch) -> None:
    failure = Failure("spool.slice", "KeyError: 3", "KeyError: 3")
    assert play_with({(1, True): failure}, monkeypatch).failure == failure


def test_the_oracle_is_the_function_at_the_root_of_a_failure() -> None:
    def oracle() -> None:
        raise AssertionError("two of them")

    try:
        try:
            oracle()
        except AssertionError as error:
            raise Failed("AssertionError: two of them") from error
    except Failed as error:
        failure = failure_of(error)
    assert failure == Failure("test_hunt.oracle", "AssertionError: two of them", "AssertionError: two of them")


def _square(number: int) -> int:
    return number * number


def test_jobs_may_come_of_results() -> None:
    waiting = [2]
    found = []
    for job, result in spread(lambda: waiting.pop() if waiting else None, _square, 2):
        found.append((job, result))
        if result < 100:
            waiting.append(result)
    assert found == [(2, 4), (4, 16), (16, 256)]
