"""What becomes of what a video's pictures carry beside samples: transparency, order of fields, HDR10, cut borders."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from av.video.format import VideoFormat

from moviola.base.interlacing import Interlacing
from moviola.filters import registry
from moviola.filters.base import schema_of
from moviola.filters.chain import Step
from moviola.media.fidelity import Fate, Finding
from moviola.media.material import Output
from moviola.media.video.codecs import CODECS, FieldMarks, codec_of
from moviola.media.video.filtering.encode import encodable
from moviola.media.video.filtering.source_format import source_format
from moviola.media.video.grid import FPS
from moviola.media.video.headers import VideoProcess, VideoSplice
from moviola.media.video.mastering import LIGHT, MASTERING

CROP: Final = "crop"
"""The filter that cuts them off."""


def picture_findings(source: VideoProcess, output: Output) -> Iterator[Finding]:
    """Yield what becomes of it in this output, which has a video."""
    form = source_format(source).pix_fmt
    if encodable(source_format(source), output.encoder)[0].pix_fmt == form and _has_alpha(form):
        yield Finding("the transparency", Fate.KEPT, f"is kept, in {form}")
    if source.fields:
        yield _of_fields(source, output)
    if source.mastering is not None:
        yield _of_hdr(MASTERING, output, source.mastering.unreadable)
    if source.light is not None:
        yield _of_hdr(LIGHT, output)


def cropping_findings(facts: VideoSplice, output: Output) -> Iterator[Finding]:
    """Yield what becomes of borders that players cut off a source's pictures, in this output."""
    if facts.cropping is None:
        return
    left, top, right, bottom = facts.cropping
    rest = {"x": left, "y": top, "width": facts.width - left - right, "height": facts.height - top - bottom}
    first = next((step for step in output.chain if step.name != FPS), None)
    schema = schema_of(registry.filter_class(CROP))
    if first is not None and first.name == CROP and schema.typed(first.parameters) == rest:
        yield Finding("cropping", Fate.KEPT, f"is done by the filter {CROP}")
        return
    asked = "".join(f":{name}={number}" for name, number in rest.items())
    reason = "is lost: players cut borders off this source, and no output tells them to"
    yield Finding("cropping", Fate.LOST, f"{reason}; -f {CROP}{asked} as the first filter cuts them off")


def _of_fields(source: VideoProcess, output: Output) -> Finding:
    subject, codec = f"the field order ({source.fields} field first)", codec_of(output.encoder)
    if not source.upright_fields:
        return Finding(subject, Fate.LOST, "is lost: the picture is turned, which mixes the two fields of each frame")
    mixing, untold = ([step.name for step in output.chain if _interlacing(step) == word] for word in _HARMFUL)
    if mixing:
        reason = f"is lost: {mixing[0]} mixes the two fields of each frame; deinterlace the source before you send it"
        return Finding(subject, Fate.LOST, reason)
    if untold:
        reason = f"is kept, but {untold[0]} may mix the two fields of each frame: it does not tell what it does to them"
        return Finding(subject, Fate.CHANGED, reason)
    if codec.field_marks is FieldMarks.CONTAINER:
        others = " or ".join(each.name for each in CODECS.values() if each.field_marks is not FieldMarks.CONTAINER)
        reason = f"is told by the container alone: no frame of {codec.name} is marked; --codec {others} marks each"
        return Finding(subject, Fate.CHANGED, reason)
    return Finding(subject, Fate.KEPT, "is kept; filters that look around a pixel work on each field by itself")


def _has_alpha(pix_fmt: str) -> bool:
    return any(each.is_alpha for each in VideoFormat(pix_fmt).components)


def _of_hdr(subject: str, output: Output, unreadable: Sequence[str] = ()) -> Finding:
    codec = codec_of(output.encoder)
    if codec.codes_hdr and unreadable:
        what = ", ".join(unreadable)
        reason = f"is written, but in {codec.name} such values mean unknown ({what}), so programs ignore it"
        return Finding(subject, Fate.LOST, f"{reason}; correct them in the source, if they matter")
    if codec.codes_hdr:
        return Finding(subject, Fate.KEPT, f"is kept, in the {codec.name} stream")
    others = " or ".join(each.name for each in CODECS.values() if each.codes_hdr)
    return Finding(subject, Fate.LOST, f"is lost: no {codec.name} stream holds it; --codec {others} keeps it")


_HARMFUL = (Interlacing.MIXES, Interlacing.UNTOLD)


def _interlacing(step: Step) -> str:
    """Return what a filter does with the lines of interlaced pictures; of filters that only workers have, that is not
    known."""
    if step.name not in registry.names():
        return Interlacing.UNTOLD
    kind = registry.filter_class(step.name)
    return kind.interlacing(schema_of(kind).typed(step.parameters))
