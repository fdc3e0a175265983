"""The recent errors of a cluster, one a line, each marked as a filter's or a machine's."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Final

from moviola.base.trouble import Trouble
from moviola.base.vocabulary import Fault
from moviola.display.terminal import styled
from moviola.session.job_ids import short_id

from .columns import Column, Row

COLUMNS: Final = (
    Column("error", rank=3, width=8),
    Column("of", rank=0, width=7),
    Column("where", rank=1, width=8, stretches_to=24),
    Column("what", rank=0, width=30, stretches_to=200),
    Column("times", rank=2, is_number=True),
    Column("job", rank=4),
)

ID_WIDTH: Final = 28

_COLOURS: Final = {Fault.FILTER: "yellow", Fault.MACHINE: "red"}


def error_row(trouble: Trouble) -> Row:
    """Return the row of something that went wrong. It has only the first line of the text, because a traceback would
    push other rows out."""
    is_filter = trouble.fault == Fault.FILTER
    colour = _COLOURS[Fault.FILTER if is_filter else Fault.MACHINE]
    text = " ".join(trouble.text.split())
    cells = (
        clock(trouble.unix_s),
        styled((trouble.fault, colour)),
        (trouble.filter or trouble.output) if is_filter else trouble.worker,
        text if is_filter or trouble.kind == "lost" else f"{trouble.kind}: {text}",
        f"×{trouble.count}" if trouble.count > 1 else "",
        short_id(trouble.job, ID_WIDTH) if trouble.job else "",
    )
    return Row(cells)


def clock(unix_s: float) -> str:
    """Return the time of day here."""
    return time.strftime("%H:%M:%S", time.localtime(unix_s))


def told_in_words(troubles: Sequence[Trouble]) -> str:
    """Return how many were filters' and how many machines'."""
    of = [sum(one.count for one in troubles if (one.fault == Fault.FILTER) is is_filter) for is_filter in (True, False)]
    return f"{of[0]} of filters, {of[1]} of machines"
