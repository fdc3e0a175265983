"""Why the computation of a chunk failed, as plain data that travels to whoever decides what follows."""

from __future__ import annotations

import traceback
from typing import Final, NamedTuple

from moviola.base.vocabulary import CauseKind
from moviola.filters.assets import AssetError
from moviola.filters.runner import FilterError
from moviola.filters.schema import ParameterError
from moviola.filters.toolbox.opencv import is_out_of_memory
from moviola.media.errors import MediaError, ProcessingFailed, TooLargeToHandOn

MAX_CAUSE_TEXT: Final = 2_000
MAX_CAUSE_TRACEBACK: Final = 8_000
"""Characters of a failure that travel; of a traceback the end, which says most. Whoever collects them keeps many."""


class TaskFailure(NamedTuple):
    """How a task failed.

    Attributes:
        kind: of the cause.
        text: the reason, for people.
        filter: which one raised; None where that is not known.
        frame: the frame's number in the source; None where that is not known.
        traceback: its end; empty where there was no exception.
    """

    kind: CauseKind
    text: str
    filter: str | None = None
    frame: int | None = None
    traceback: str = ""


_IN_WORDS: Final = (MediaError, FilterError, ParameterError, AssetError)
"""Exceptions whose text is a sentence of ours: their names would say nothing more."""


def failure_of(error: BaseException) -> TaskFailure:
    """Return what an exception out of a kind's `process` says."""
    filter_name = frame = None
    trace = "".join(traceback.format_exception(error))
    if isinstance(error, ProcessingFailed):
        filter_name, frame, trace = error.filter_name, error.frames[0], error.traceback
    elif isinstance(error, FilterError):
        filter_name, frame, trace = error.filter_name, error.frame, error.trace
    text = str(error) if isinstance(error, _IN_WORDS) else _named(error)
    return TaskFailure(_kind_of(error), text[:MAX_CAUSE_TEXT], filter_name, frame, trace[-MAX_CAUSE_TRACEBACK:])


def _kind_of(error: BaseException) -> CauseKind:
    if isinstance(error, TooLargeToHandOn):
        return CauseKind.TOO_LARGE
    return CauseKind.MEMORY if is_out_of_memory(error) else CauseKind.EXCEPTION


def _named(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}".removesuffix(": ")
