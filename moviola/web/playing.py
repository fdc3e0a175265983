"""`/api/jobs/ID/outputs/NAME/play.mp4`: an output as it is watched, its finished front while the job still runs."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator
from dataclasses import replace
from fractions import Fraction
from http import HTTPStatus
from typing import Final
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from moviola.base.mapped import Mapped
from moviola.base.records import record
from moviola.base.vocabulary import JobState
from moviola.media.errors import MediaError
from moviola.media.material import NO_VIDEO
from moviola.media.video import KIND
from moviola.media.video.codecs import CODECS
from moviola.media.video.playing.playing import playable
from moviola.session.job_session import FINAL_STATES
from moviola.session.target import Target
from moviola.web.front import Beginning
from moviola.web.jobs import job_of
from moviola.web.pieces import Pieces, first_of
from moviola.web.play import HAVE_FILES, Play
from moviola.web.problems import Problem
from moviola.web.records import link
from moviola.wire.messages import Job

MEDIA_TYPE: Final = "video/mp4"

FIRST_FRAGMENT_S: Final = 60.0
"""How long the first frames are waited for, before whoever asked is told to come again: proxies wait as long."""

FACTS_S: Final = 5.0
"""The same of whoever only wants to know what can be played."""

_SECONDS: Final = re.compile(r"\d{1,9}(\.\d{1,9})?")


@record
class PlayTold(Mapped):
    """How an output can be watched.

    Attributes:
        output: its name.
        state: of the job.
        is_ready: there are frames to be played.
        can_stream: `href` plays it, also while the job runs.
        reason: why it cannot be played, or not everywhere, and the way out; empty where it can.
        href: where the stream is.
        file: where the finished file is; null before.
        mime: the stream's media type with its codecs, for `MediaSource.isTypeSupported`; null before the first frames.
        width (pixels): of the picture; null before the first frames.
        height (pixels): as `width`.
        frame_rate (frames/s): on average; null before the first frames.
        duration_s (s): of all of it; null where that is not known yet.
        has_sound: the stream has sound, too.
    """

    output: str
    state: JobState
    is_ready: bool
    can_stream: bool
    reason: str
    href: str
    file: str | None = None
    mime: str | None = None
    width: int | None = None
    height: int | None = None
    frame_rate: float | None = None
    duration_s: float | None = None
    has_sound: bool = False


async def play_output(request: Request) -> Response:
    """Return an output as a fragmented MP4 that grows while the job runs: one fragment for each chunk, in order. It
    ends when all of the output has been sent; where the job ends without files the connection is cut."""
    play, codec = await _play_of(request)
    begin_s = _seconds_in(request)
    if refusal := _refusal(play.job, codec):
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, refusal, "not-playable")
    _refuse_without_files(play.job)
    headers = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
    if request.method == "HEAD":
        return Response(headers=headers, media_type=MEDIA_TYPE)
    pieces = play.stream(begin_s)
    what = f"what is played of job {play.job.job}"
    return Pieces(what, await _first(pieces, play.job), pieces, HTTPStatus.OK, headers, MEDIA_TYPE)


async def show_play(request: Request) -> Response:
    """Return how an output can be watched."""
    play, codec = await _play_of(request)
    name = play.job.progress.outputs[play.track]
    refusal = _refusal(play.job, codec)
    found: Beginning | None = None
    if not refusal and (play.job.state not in FINAL_STATES or play.job.state in HAVE_FILES):
        try:
            async with asyncio.timeout(FACTS_S):
                found = await play.beginning()
        except TimeoutError:
            pass  # no frames yet
        except MediaError as error:
            refusal = str(error)
    told = PlayTold(
        output=name,
        state=JobState(play.job.state),
        is_ready=found is not None,
        can_stream=not refusal,
        reason=refusal or (CODECS[codec].in_browsers if codec in CODECS else ""),
        href=play_link(play.job.job, name),
        file=next((link(play.job.job, one.file) for one in play.job.outputs if one.name == name and one.file), None),
    )
    if found is not None:
        told = replace(
            told,
            mime=found.mime,
            width=found.width,
            height=found.height,
            frame_rate=round(found.rate, 6),
            duration_s=found.duration_s,
            has_sound=found.has_sound,
        )
    return JSONResponse(told.to_wire(), headers={"Cache-Control": "no-store"})


def play_link(job: str, output: str, kind: str = "mp4") -> str:
    """Return the path at which an output is watched."""
    return f"{link(job)}/outputs/{quote(output, safe='')}/play.{kind}"


async def _play_of(request: Request) -> tuple[Play, str]:
    """Return what a request wants to watch, and the codec of it, empty where that is not known. Raises Problem."""
    gateway, asking, job = await job_of(request)
    job = await gateway.caller.job_details(asking, job.job)
    name = request.path_params["output"]
    if name not in job.progress.outputs:
        there = ", ".join(job.progress.outputs)
        detail = f"Job {job.job} has no output '{name:.80}', only {there:.400}"
        raise Problem(HTTPStatus.NOT_FOUND, detail, "unknown-output")
    sound = request.query_params.get("sound", "on")
    if sound not in ("on", "off"):
        raise Problem(HTTPStatus.BAD_REQUEST, f"sound is on or off, and '{sound:.40}' is neither", "bad-parameter")
    codec = next((output.codec for output in job.details.outputs if output.name == name), None)
    target = Target(gateway.target.address, gateway.target.family, gateway.target.secret, asking)
    return Play(gateway, target, job, job.progress.outputs.index(name), sound == "on"), codec or ""


def _seconds_in(request: Request) -> Fraction:
    """Return the time from which to play. Raises Problem."""
    text = request.query_params.get("from", "0")
    if _SECONDS.fullmatch(text) is None:
        detail = f"from is a time in seconds, such as 12.5, not '{text:.40}'"
        raise Problem(HTTPStatus.BAD_REQUEST, detail, "bad-parameter")
    return Fraction(text)


def _refusal(job: Job, codec: str) -> str:
    """Return why an output can never be played as a stream, in a sentence; empty where it can."""
    if job.progress.kind != KIND.name:
        return f"Job {job.job} is of the kind {job.progress.kind}, and only a video can be played"
    if codec == NO_VIDEO:
        return "This output has no video: what its filters noted is in its file of annotations"
    try:
        if codec:  # else what is played tells it
            playable(codec)
    except MediaError as error:
        return str(error)
    return ""


def _refuse_without_files(job: Job) -> None:
    if job.state in FINAL_STATES and job.state not in HAVE_FILES:
        detail = f"Job {job.job} is {job.state}, and has nothing to play: {job.reason}"
        raise Problem(HTTPStatus.CONFLICT, detail, "wrong-state")


async def _first(pieces: AsyncGenerator[bytes, None], job: Job) -> bytes:
    """Return the first piece: what is wrong is said before the answer begins. Raises Problem."""
    late = f"No chunk of job {job.job} that could be played has been finished for {FIRST_FRAGMENT_S:.0f} s"
    try:
        return await first_of(pieces, FIRST_FRAGMENT_S, late, "nothing-to-play")
    except MediaError as error:
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, str(error), "not-playable") from error


ROUTES: Final = (
    Route("/api/jobs/{id}/outputs/{output}/play.mp4", play_output, methods=["GET"]),
    Route("/api/jobs/{id}/outputs/{output}/play.json", show_play, methods=["GET"]),
)
