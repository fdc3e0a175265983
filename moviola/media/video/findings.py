"""What becomes of a video in one output: of the streams beside it, and of what its codec and container cannot say."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from fractions import Fraction

from moviola.media.fidelity import Fate, Finding
from moviola.media.material import NO_VIDEO, Output, Source, header
from moviola.media.video.codecs import codec_of
from moviola.media.video.containers import HARM, Container, Way
from moviola.media.video.format_findings import format_findings
from moviola.media.video.grid import FPS, grid_of
from moviola.media.video.headers import PassthroughStream, VideoProcess, VideoSplice
from moviola.media.video.picture_findings import cropping_findings, picture_findings
from moviola.media.video.tags import TIMECODE, named
from moviola.media.video.writing.container_choice import container_of, others
from moviola.media.video.writing.rehearsal import Change, Rehearsal, rehearsal
from moviola.media.video.writing.ticks import resolution


def findings(source: Source, output: Output) -> Iterator[Finding]:
    """Yield what becomes of a video in this output; of an output without video nothing is said, for it is notes."""
    if output.encoder.codec == NO_VIDEO:
        return
    facts = header(VideoSplice, source.splice)
    chosen = container_of(facts, output.encoder)
    grid = grid_of(output, facts)
    shown = facts if grid is None else replace(facts, rate=grid.rate)
    tried = rehearsal(chosen, shown)
    rest = {}
    if not tried.keeps_all:
        rest = {each.extension: rehearsal(each, shown) for each in others(chosen, output.encoder)}
    yield from _of_frames(facts, chosen, output)
    for stream in facts.passthrough:
        yield _of_stream(stream, chosen, tried, rest)
    yield from _of_timecode(shown, chosen, tried, rest)
    for change in tried.changes:
        if not change.is_of_timecode:
            yield _of_change(change, chosen, rest)
    if not facts.pts_complete:
        where = "" if facts.first_pts is None or grid_of(output, facts) is not None else " where it does not tell them"
        reason = f"are made of its rate{where}: the source has no complete timestamps"
        yield Finding("times of frames", Fate.CHANGED, reason)
    yield from _of_aspect(facts, chosen, output)
    process = header(VideoProcess, source.process)
    yield from format_findings(process, output)
    yield from picture_findings(process, output)
    yield from cropping_findings(facts, output)


def _of_frames(facts: VideoSplice, chosen: Container, output: Output) -> Iterator[Finding]:
    grid = grid_of(output, facts)
    if grid is not None:
        yield Finding("frames", Fate.KEPT, f"are shown {grid.rate} a second, as the filter {FPS} asks")
        step_s = grid.time_base
    else:
        yield Finding("frames", Fate.KEPT, f"are kept, all {facts.frame_count}")
        step_s = _step_s(facts)
    rounded_to = resolution(chosen, facts, output)
    if rounded_to is not None and step_s % rounded_to:
        finer = [each for each in others(chosen, output.encoder) if resolution(each, facts, output) is None]
        instead = f"; a name that ends in {' or '.join(each.extension for each in finer)} keeps them" if finer else ""
        file = f"{chosen.noun} file" if chosen.resolution else f"{chosen.noun} file with so long a pause"
        reason = f"are rounded to {float(rounded_to * 1000):g} ms: {file} tells no finer ones{instead}"
        yield Finding("times of frames", Fate.CHANGED, reason)


def _step_s(facts: VideoSplice) -> Fraction:
    """Return a time, in seconds, of which the times of all frames are multiples."""
    if facts.pts_complete:
        return facts.time_step * facts.time_base
    return 1 / facts.rate if facts.first_pts is None else facts.time_base


def _of_stream(stream: PassthroughStream, chosen: Container, tried: Rehearsal, rest: dict[str, Rehearsal]) -> Finding:
    way = tried.ways[stream.stream]
    if way is Way.UNTOUCHED:
        return Finding(stream.label, Fate.KEPT, "is kept: its packets are not touched")
    if way is Way.REPACKED:
        return Finding(stream.label, Fate.KEPT, "is kept, with one frame a packet, as the container wants it")
    if way is Way.CONVERTED:
        return Finding(stream.label, Fate.KEPT, f"is kept, written as {chosen.converted_subtitles[stream.codec][0]}")
    instead = _instead(rest, lambda other: HARM[other.ways[stream.stream]] < HARM[way])
    if way is Way.LEFT_OUT:
        return Finding(stream.label, Fate.LOST, f"is left out: {chosen.noun} file cannot hold it{instead}")
    what = _simplified(stream, chosen) if way is Way.SIMPLIFIED else _decoded(stream, chosen)
    return Finding(stream.label, Fate.CHANGED, f"is {what}{instead}")


def _simplified(stream: PassthroughStream, chosen: Container) -> str:
    notation, _ = chosen.converted_subtitles[stream.codec]
    markup = "its markup is shown as text" if notation == "mov_text" else "its styles are left out"
    told = [(stream.has_markup, markup), (stream.overlaps, "a line ends where the next one begins")]
    return f"written as {notation}: {' and '.join(what for is_so, what in told if is_so)}"


def _decoded(stream: PassthroughStream, chosen: Container) -> str:
    codec = "ALAC" if "alac" in chosen.decoded[""] else "PCM"
    if stream.changes_at is not None:
        when = f"first at {float(stream.changes_at * stream.time_base):.1f} s"
        return (
            f"stored decoded, as {codec}, with the channels and the rate that it begins with: they change, {when}, "
            f"which {chosen.noun} file cannot tell of such sound"
        )
    why = "cannot hold it"
    if chosen.avoids(stream.codec):
        why = "has such sound only in a form that older players take for noise"
    return f"stored decoded, as {codec}: {chosen.noun} file {why}"


def _of_timecode(
    facts: VideoSplice, chosen: Container, tried: Rehearsal, rest: dict[str, Rehearsal]
) -> Iterator[Finding]:
    """Yield what becomes of the timecode; one that drops frames goes with some rates only."""
    code = named(facts.stream.metadata, TIMECODE)
    if not code:
        return
    change = next((each for each in tried.changes if each.is_of_timecode), None)
    if change is None:
        yield Finding(f"the timecode {code}", Fate.KEPT, "is kept")
        return
    instead = _instead(rest, lambda other: not any(each.is_of_timecode for each in other.changes))
    file = f"{chosen.noun} file of {float(facts.rate):.5g} frames a second"
    if change.found is None:
        yield Finding(f"the timecode {code}", Fate.LOST, f"is left out: {file} cannot hold it{instead}")
    else:
        yield Finding(f"the timecode {code}", Fate.CHANGED, f"becomes {change.found!r:.200} in {file}{instead}")


def _of_change(change: Change, chosen: Container, rest: dict[str, Rehearsal]) -> Finding:
    instead = _instead(rest, lambda other: change.subject not in {each.subject for each in other.changes})
    if change.found is None:
        return Finding(change.subject, Fate.LOST, f"is left out: {chosen.noun} file cannot hold it{instead}")
    return Finding(change.subject, Fate.CHANGED, f"becomes {change.found!r:.200} in {chosen.noun} file{instead}")


def _instead(rest: dict[str, Rehearsal], is_better: Callable[[Rehearsal], bool]) -> str:
    """Return the end of a sentence about a name with which something would be kept; empty where there is none."""
    better = [extension for extension, tried in rest.items() if is_better(tried)]
    return f"; a name that ends in {' or '.join(better)} keeps it" if better else ""


def _of_aspect(facts: VideoSplice, chosen: Container, output: Output) -> Iterator[Finding]:
    aspect, codec = facts.sample_aspect, codec_of(output.encoder)
    if aspect is not None and aspect != 1 and not (codec.keeps_aspect or chosen.keeps_aspect):
        reason = f"is lost: {codec.name} in {chosen.noun} file does not tell it"
        yield Finding(f"pixel aspect {aspect.numerator}:{aspect.denominator}", Fate.LOST, reason)
