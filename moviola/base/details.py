"""All that is told of one job to whoever looks at it: what was asked for, what failed, what happened to a task."""

from __future__ import annotations

from dataclasses import field

from moviola.base.failures import Failure
from moviola.base.mapped import Map, Mapped
from moviola.base.records import record
from moviola.base.texts import Name, Text
from moviola.base.timeline import JobTimeline
from moviola.base.vocabulary import OnError


@record
class Policy(Mapped):
    """What a submission asks for beside its outputs.

    Attributes:
        on_error: of a frame on which a filter fails twice: `original`, `fail`, `drop` or `black`.
        is_preview: the job is for its client alone: no list and no event tells others of it, and it is cancelled, or
            forgotten with its files, when its client's connection ends.
    """

    on_error: Name = OnError.ORIGINAL
    is_preview: bool = False


@record
class RequestedStep(Mapped):
    """One filter of a chain.

    Attributes:
        name: the filter's.
        parameters: by name; which there are is the filter's choice.
    """

    name: Name
    parameters: Map = field(default_factory=dict)


@record
class RequestedOutput(Mapped):
    """An output as it was asked for.

    Attributes:
        name: the output's.
        chain: its filters, in order.
        codec: the encoder's name; nil where it is not kept.
        crf: the encoder's quality, lower is better; nil where it is not kept.
    """

    name: Name
    chain: list[RequestedStep] = field(default_factory=list)
    codec: Name | None = None
    crf: int | None = None


@record
class StoryLine(Mapped):
    """Something that happened to a task.

    Attributes:
        unix_s (s): when, since 1970; 0 for how it is now.
        output: the name of the task's output, or which unfiltered stream it is of.
        text: what happened.
        chunk: the index of the task's chunk.
    """

    unix_s: float
    output: Name
    text: Text
    chunk: int = 0


@record
class Details(Mapped):
    """What was asked for, and what failed.

    Attributes:
        outputs: as they were asked for.
        on_error: as in the policy of the submission.
        aggregator: the name of the one that has the results.
        failures: the first ones.
        story: of the tasks of the chunk that was asked for; nil where none was.
        timeline: who did which task and when, where that was asked for; nil elsewhere.
    """

    outputs: list[RequestedOutput] = field(default_factory=list)
    on_error: Name = ""
    aggregator: Name = ""
    failures: list[Failure] = field(default_factory=list)
    story: list[StoryLine] | None = None
    timeline: JobTimeline | None = None
