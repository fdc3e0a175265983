"""Answers that come in pieces: their beginning is awaited before anything is sent."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Mapping

from anyio import CancelScope, create_task_group
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from moviola.media.errors import MediaError
from moviola.web.problems import Problem, away
from moviola.wire.errors import WireError

log = logging.getLogger("web")


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


class _CutOff(Exception):
    """The answer has begun, and cannot be sent to its end."""


class Pieces(StreamingResponse):
    """An answer whose first piece is here; its source is closed however it ends.

    Whoever reads it and goes away is noticed at once, also while nothing comes. Where it cannot go on the connection is
    closed without the end of the answer: so nobody takes its beginning for all.

    Args:
        what: it is, for the log.
        first: piece.
        rest: the others; closed at the end.
        status: of the answer.
        headers: of the answer.
        media_type: of the answer.
    """

    def __init__(
        self,
        what: str,
        first: bytes,
        rest: AsyncGenerator[bytes, None],
        status: int,
        headers: Mapping[str, str],
        media_type: str,
    ) -> None:
        self._what, self._rest = what, rest
        super().__init__(self._pieces(first), status, headers, media_type)

    async def _pieces(self, first: bytes) -> AsyncGenerator[bytes, None]:
        yield first
        try:
            async for piece in self._rest:
                yield piece
        except (Problem, MediaError, WireError, TimeoutError) as error:
            log.info("%s ends before its time: %s", self._what, error)
            raise _CutOff from error

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            async with create_task_group() as group:
                group.start_soon(self._watch, receive, group.cancel_scope)
                await self.stream_response(send)
                group.cancel_scope.cancel()
        except* _CutOff:
            pass
        finally:
            await self._rest.aclose()

    async def _watch(self, receive: Receive, scope: CancelScope) -> None:
        await self.listen_for_disconnect(receive)
        scope.cancel()
