"""What went wrong in a cluster lately, as people are told of it."""

from __future__ import annotations

from typing import Final

from moviola.base.mapped import Mapped
from moviola.base.records import record
from moviola.base.texts import Name, Text

MAX_TROUBLES: Final = 20
"""Troubles of one user that are kept and told: more than a screen has lines for."""

MAX_TROUBLE: Final = 500
"""Characters of what happened: a few lines. The job's details have more."""


@record
class Trouble(Mapped):
    """Something that went wrong, once or several times alike.

    Attributes:
        unix_s (s): when it happened last, since 1970.
        fault: `filter` or `machine`.
        kind: of the cause, see Cause; `lost` where a task came back for nobody's fault, `fallback` where frames came
            out that are not as asked.
        text: what happened, for people.
        count: how often it happened; of `fallback`, to how many frames.
        job: the job's id; empty where it is about none.
        output: the name of the output.
        chunk: the index of the chunk with which it happened last.
        filter: the name of the one that failed; empty where it is not known.
        worker: on which it happened last; empty where it is not known.
    """

    unix_s: float
    fault: Name
    kind: Name
    text: Text
    count: int = 1
    job: Name = ""
    output: Name = ""
    chunk: int = 0
    filter: Name = ""
    worker: Name = ""
