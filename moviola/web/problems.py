"""Every refusal as a problem document (RFC 9457): here alone it is decided which status an error becomes.

A document's `detail` is the sentence that the command line prints; its `code` tells programs what it is about.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any, Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from moviola.base.vocabulary import ErrorCode
from moviola.filters.chain import ChainError
from moviola.filters.schema import ParameterError
from moviola.media.errors import UnforeseenFault, UnreadableSource
from moviola.media.preflight import NotKept
from moviola.session.known_filters import NobodyToAsk
from moviola.session.target import UsageError, as_sentence
from moviola.wire.errors import Refused, Unreachable, WireError

MEDIA_TYPE: Final = "application/problem+json"

RETRY_AFTER_S: Final = 5
"""What is told to whoever asked while the cluster was away or busy: a middleware that restarts is back by then."""

STATUSES: Final[Mapping[str, HTTPStatus]] = {
    ErrorCode.BAD_JOB: HTTPStatus.UNPROCESSABLE_ENTITY,
    ErrorCode.UNKNOWN_JOB: HTTPStatus.NOT_FOUND,
    ErrorCode.UNKNOWN_WORKER: HTTPStatus.NOT_FOUND,
    ErrorCode.WRONG_STATE: HTTPStatus.CONFLICT,
    ErrorCode.NOT_FOUND: HTTPStatus.NOT_FOUND,
    ErrorCode.NOT_YOURS: HTTPStatus.FORBIDDEN,
    ErrorCode.TOO_LARGE: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    ErrorCode.BUSY: HTTPStatus.SERVICE_UNAVAILABLE,
    ErrorCode.FULL: HTTPStatus.SERVICE_UNAVAILABLE,
}
"""By the code with which a program of the cluster refuses."""


class Problem(Exception):
    """A request that is refused.

    Args:
        status: of the answer.
        detail: one sentence: what, why, and what to do.
        code: what it is about, for programs; by default the status's own words, such as `not-found`.
        headers: of the answer.
    """

    def __init__(self, status: int, detail: str, code: str = "", headers: Mapping[str, str] | None = None) -> None:
        super().__init__(detail)
        self.status, self.detail = HTTPStatus(status), as_sentence(detail)
        self.code = code or self.status.phrase.lower().replace(" ", "-")
        self.headers = dict(headers or {})

    def document(self) -> dict[str, Any]:
        """Return the problem document."""
        return {
            "type": "about:blank",
            "title": self.status.phrase,
            "status": int(self.status),
            "detail": self.detail,
            "code": self.code,
        }

    def response(self) -> Response:
        """Return the answer that tells it."""
        return JSONResponse(self.document(), self.status, self.headers, MEDIA_TYPE)


def away(detail: str, code: str = "") -> Problem:
    """Return the problem of a cluster that cannot be asked now."""
    headers = {"Retry-After": str(RETRY_AFTER_S)}
    return Problem(HTTPStatus.SERVICE_UNAVAILABLE, detail, code or "cluster-away", headers)


def problem_of(error: Exception) -> Problem:
    """Return the problem that an exception of the layers below is to whoever asked."""
    match error:
        case Problem():
            return error
        case Refused():
            status = STATUSES.get(error.code, HTTPStatus.BAD_GATEWAY)
            return away(error.text, error.code) if status == 503 else Problem(status, error.text, error.code)
        case Unreachable() | NobodyToAsk():
            return away(str(error))
        case TimeoutError():
            return Problem(HTTPStatus.GATEWAY_TIMEOUT, str(error) or "The cluster has not answered in time")
        case WireError():
            return Problem(HTTPStatus.BAD_GATEWAY, str(error))
        case ChainError() | ParameterError():
            return Problem(HTTPStatus.UNPROCESSABLE_ENTITY, str(error), "bad-filters")
        case UnforeseenFault():
            return Problem(HTTPStatus.INTERNAL_SERVER_ERROR, str(error), "unforeseen")
        case NotKept():
            return Problem(HTTPStatus.UNPROCESSABLE_ENTITY, str(error), "not-kept")
        case UnreadableSource():
            return Problem(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, str(error), "unreadable-source")
        case UsageError():
            return Problem(HTTPStatus.BAD_REQUEST, str(error))
        case HTTPException():
            return Problem(error.status_code, _of_framework(error), headers=error.headers)
    return Problem(HTTPStatus.INTERNAL_SERVER_ERROR, "The gateway failed at this request; its log says at what")


def _of_framework(error: HTTPException) -> str:
    if error.status_code == HTTPStatus.NOT_FOUND:
        return "There is nothing at this path; /api/openapi.json lists what there is"
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        return "This path does not take that method; the header Allow lists those that it takes"
    return str(error.detail)


async def respond(request: Request, error: Exception) -> Response:
    """Answer a request that an exception ended."""
    return problem_of(error).response()


HANDLERS: Final[Mapping[Any, Callable[[Request, Exception], Any]]] = dict.fromkeys(
    (
        Problem,
        WireError,
        NobodyToAsk,
        TimeoutError,
        ChainError,
        ParameterError,
        UnreadableSource,
        UsageError,
        HTTPException,
        Exception,
    ),
    respond,
)
"""For Starlette's `exception_handlers`."""
