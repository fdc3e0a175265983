"""What belongs together in a job: who keeps its results, how its upload goes, what it came to."""

from __future__ import annotations

from dataclasses import dataclass, field

from moviola.base.finished_file import FinishedFile
from moviola.base.output_summary import OutputSummary
from moviola.wire.addresses import Address


@dataclass(slots=True, eq=False)
class Owner:
    """The aggregator that keeps a job's results.

    Attributes:
        store: its store's id; empty while there is none.
        name: the aggregator's, for people.
        epoch: the owner epoch, raised whenever the job begins again or goes to another store.
        holdings_known: it has said what it has stored; before, nothing is handed out.
        finish_sent: it was told that all is stored.
    """

    store: str = ""
    name: str = ""
    epoch: int = 0
    holdings_known: bool = False
    finish_sent: bool = False


@dataclass(slots=True, eq=False)
class Upload:
    """How the sending of a job's source goes.

    Attributes:
        accepted (chunks): over the present attachment of a client.
        told_window_bytes (bytes): the send window that its client was told last.
        moved_at (s): when it went on, or a task of the job was stored; None where that is not known.
        waits_long: it is waited for long, because some of it was here before, or a person had the job retried.
        edited_as: the job in which the source, edited since, was submitted anew.
    """

    accepted: int = 0
    told_window_bytes: int = 0
    moved_at: float | None = None
    waits_long: bool = False
    edited_as: str = ""


@dataclass(slots=True, eq=False)
class JobResult:
    """What a job came to, once it is over. `seconds` are from its submission to its end; 0 before."""

    seconds: float = 0.0
    outputs: list[OutputSummary] = field(default_factory=list)
    files: list[FinishedFile] = field(default_factory=list)
    addresses: list[Address] = field(default_factory=list)


@dataclass(slots=True, eq=False)
class Shortage:
    """Until when (s) nothing more is computed for a job, because there is no room for what comes of it, and why."""

    until: float = 0.0
    reason: str = ""
