"""What becomes of a video in one output: of the streams beside it, and of what its codec and container cannot say."""

from __future__ import annotations

from collections.abc import Iterator

from moviola.media.fidelity import Fate, Finding
from moviola.media.material import NO_VIDEO, Output, Source, header
from moviola.media.video.codecs import codec_of
from moviola.media.video.container_choice import Way, container_of, kinder, way_into
from moviola.media.video.containers import Container
from moviola.media.video.headers import PassthroughStream, VideoSplice


def findings(source: Source, output: Output) -> Iterator[Finding]:
    """Yield what becomes of a video in this output; of an output without video nothing is said, for it is notes."""
    if output.encoder.codec == NO_VIDEO:
        return
    facts = header(VideoSplice, source.splice)
    chosen = container_of(facts.passthrough, output.encoder)
    for stream in facts.passthrough:
        yield _of_stream(stream, chosen, output)
    if not facts.pts_complete:
        yield Finding("times of frames", Fate.CHANGED, "are made of its rate: the source has no complete timestamps")
    yield from _of_aspect(facts, chosen, output)


def _of_stream(stream: PassthroughStream, chosen: Container, output: Output) -> Finding:
    subject, way = f"stream {stream.stream} ({stream.type}, {stream.codec})", way_into(chosen, stream)
    if way is Way.UNTOUCHED:
        return Finding(subject, Fate.KEPT, "is kept: its packets are not touched")
    if way is Way.CONVERTED:
        return Finding(subject, Fate.KEPT, f"is kept, written as {chosen.subtitles[stream.codec][0]}")
    better = " or ".join(each.extension for each in kinder(chosen, stream, output.encoder))
    instead = f"; a name that ends in {better} keeps it" if better else ""
    if way is Way.DECODED:
        return Finding(subject, Fate.CHANGED, f"is stored decoded, as PCM: {chosen.noun} file cannot hold it{instead}")
    return Finding(subject, Fate.LOST, f"is left out: {chosen.noun} file cannot hold it{instead}")


def _of_aspect(facts: VideoSplice, chosen: Container, output: Output) -> Iterator[Finding]:
    aspect, codec = facts.sample_aspect, codec_of(output.encoder)
    if aspect is not None and aspect != 1 and not (codec.keeps_aspect or chosen.keeps_aspect):
        reason = f"is lost: {codec.name} in {chosen.noun} file does not tell it"
        yield Finding(f"pixel aspect {aspect.numerator}:{aspect.denominator}", Fate.LOST, reason)
