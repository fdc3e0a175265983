"""Answers that come in pieces: their beginning is awaited before anything is sent."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

from moviola.web.problems import away


async def first_of(pieces: AsyncGenerator[bytes, None], timeout_s: float, detail: str, code: str) -> bytes:
    """Return the first piece, so that what is wrong is said before the answer begins.

    Args:
        pieces: of the answer; closed if none comes in time.
        timeout_s: how long the first one is awaited, in seconds.
        detail: said if it does not come.
        code: of that problem.

    Raises:
        moviola.web.problems.Problem: none has come in time.
    """
    try:
        async with asyncio.timeout(timeout_s):
            return await anext(pieces)
    except TimeoutError:
        await pieces.aclose()
        raise away(detail, code) from None
