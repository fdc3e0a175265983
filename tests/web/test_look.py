"""One look for all who ask within a moment."""

from __future__ import annotations

import asyncio

import pytest

from moviola.web import look
from moviola.web.look import SharedLook


class Asked:
    """Answers 1, 2, 3, …, each when it is let go."""

    def __init__(self) -> None:
        self.count = 0
        self.gate = asyncio.Event()

    async def __call__(self) -> int:
        self.count += 1
        answer = self.count
        await self.gate.wait()
        return answer


def test_whoever_asks_meanwhile_gets_the_same_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(look, "MAX_AGE_S", 1e9)

    async def story() -> tuple[list[int], int]:
        asked = Asked()
        shared = SharedLook(asked)
        asking = [asyncio.create_task(shared.answer()) for _ in range(100)]
        asked.gate.set()
        answers = await asyncio.gather(*asking)
        return [*answers, await shared.answer()], asked.count

    answers, count = asyncio.run(story())
    assert (set(answers), count) == ({1}, 1)


def test_an_answer_that_is_too_old_is_asked_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(look, "MAX_AGE_S", 0.0)

    async def story() -> list[int]:
        asked = Asked()
        asked.gate.set()
        shared = SharedLook(asked)
        return [await shared.answer(), await shared.answer()]

    assert asyncio.run(story()) == [1, 2]


def test_whoever_goes_away_does_not_take_the_answer_from_the_others() -> None:
    async def story() -> int:
        asked = Asked()
        shared = SharedLook(asked)
        first, second = asyncio.create_task(shared.answer()), asyncio.create_task(shared.answer())
        while not asked.count:
            await asyncio.sleep(0)
        first.cancel()
        asked.gate.set()
        return await second

    assert asyncio.run(story()) == 1


def test_a_refusal_is_told_to_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(look, "MAX_AGE_S", 1e9)

    async def refuse() -> int:
        raise TimeoutError("away")

    async def story() -> None:
        shared = SharedLook(refuse)
        for _ in range(2):
            with pytest.raises(TimeoutError, match="away"):
                await shared.answer()

    asyncio.run(story())
