"""A chain in stages makes what it makes in one piece: packets, notes, and the account of every frame."""

from __future__ import annotations

from pathlib import Path

import pytest

from moviola.filters.chain import Step, parse_chain
from moviola.media.errors import BundleError, ProcessingFailed, TooLargeToHandOn
from moviola.media.fingerprint import fingerprint
from moviola.media.material import Chunk, Source
from moviola.media.video.cutting.split import split_file
from moviola.media.video.filtering import frame_source, stages
from moviola.media.video.filtering.frame_source import IntermediateSource
from moviola.media.video.filtering.process import process
from tests.media.video.clips import ONE_KEYFRAME, encode
from tests.media.video.cutting_room import output, process_of
from tests.media.video.staging import assert_same, every_cut, report_of, staged

FRAMES = 30


def chunks_of(path: Path, chunk_frames: int, context_frames: int) -> tuple[Source, list[Chunk]]:
    source, chunks = split_file(path, chunk_frames=chunk_frames, context_frames=context_frames)
    return source, [chunk for chunk in chunks if chunk.stream == 0]


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("stages") / "clip.mp4"
    return encode(path, "libx264", FRAMES, options=ONE_KEYFRAME)


def context_of(chain: tuple[Step, ...]) -> int:
    return sum(each.name == "motion" for each in chain) + sum(
        int(each.parameters.get("length", 2)) for each in chain if each.name == "mean"
    )


CHAINS = (
    "blur,edges",
    "identity,blur",
    "edges,identity,blur",
    "motion,blur",
    "blur,motion",
    "motion,motion",
    "identity,motion,edges",
    "fps:rate=10,blur",
    "fps:rate=40,motion,blur",
    "fps:rate=7,blur,motion",
)


@pytest.mark.parametrize("chain", CHAINS)
@pytest.mark.parametrize("codec", ["ffv1", "h264"])
def test_any_chain_cut_anywhere(clip: Path, chain: str, codec: str) -> None:
    wanted = output(codec, parse_chain(chain))
    context_frames = context_of(wanted.chain)
    for chunk_frames in (1, 7, 1000):
        source, chunks = chunks_of(clip, chunk_frames, context_frames)
        for chunk in chunks[:6]:
            whole = process(chunk.payload, source.process, wanted)
            for cuts in every_cut(len(wanted.chain)):
                assert_same(whole, staged(chunk.payload, source, wanted, cuts))


@pytest.mark.usefixtures("plugin")
class TestFailures:
    """A frame on which a filter fails passes as the source has it, whoever else has drawn on it."""

    @pytest.mark.parametrize(
        "chain", ["half,picky", "picky,half", "blur,picky,half", "picky,motion", "half,picky,motion"]
    )
    @pytest.mark.parametrize("on_error", ["original", "drop", "black"])
    def test_of_single_frames(self, clip: Path, chain: str, on_error: str) -> None:
        wanted = output("ffv1", parse_chain(chain), on_error=on_error)
        source, chunks = chunks_of(clip, 11, context_of(wanted.chain))
        for chunk in chunks:
            whole = process(chunk.payload, source.process, wanted)
            for cuts in every_cut(len(wanted.chain)):
                assert_same(whole, staged(chunk.payload, source, wanted, cuts))

    @pytest.mark.parametrize("chain", ["half,picky", "picky,half"])
    @pytest.mark.parametrize(("mode", "on_error"), [("bypass", "original"), ("bypass", "black"), ("drop", "original")])
    def test_of_whole_chunks(self, clip: Path, chain: str, mode: str, on_error: str) -> None:
        wanted = output("ffv1", parse_chain(chain), on_error=on_error)
        source, (chunk,) = chunks_of(clip, 1000, 0)
        whole = process(chunk.payload, source.process, wanted, mode=mode)
        assert_same(whole, staged(chunk.payload, source, wanted, (1,), mode))

    def test_what_was_filtered_may_be_bypassed_after_all(self, clip: Path) -> None:
        wanted = output("ffv1", parse_chain("half,picky"))
        source, (chunk,) = chunks_of(clip, 1000, 0)
        begun = process(chunk.payload, source.process, wanted, stage=range(1))
        ended = process(begun.payload, source.process, wanted, mode="bypass", stage=range(1, 2))
        assert_same(process(chunk.payload, source.process, wanted, mode="bypass"), ended)

    @pytest.mark.parametrize(("chain", "stage"), [("picky,half", range(1)), ("half,picky", range(1, 2))])
    def test_where_none_may_pass_the_stage_fails(self, clip: Path, chain: str, stage: range) -> None:
        wanted = output("ffv1", parse_chain(chain), on_error="fail")
        source, (chunk,) = chunks_of(clip, 1000, 0)
        payload = chunk.payload
        if stage.start:
            payload = process(payload, source.process, wanted, stage=range(stage.start)).payload
        with pytest.raises(ProcessingFailed, match="'picky' failed on frame 5"):
            process(payload, source.process, wanted, stage=stage)


def test_a_stage_needs_only_its_own_filters(clip: Path) -> None:
    """The other filters may be plugins that this worker has never heard of."""
    wanted = output("ffv1", (Step("blur", {}), Step("unheard_of", {})))
    source, (chunk,) = chunks_of(clip, 1000, 0)
    assert process(chunk.payload, source.process, wanted, stage=range(1)).frames_in == FRAMES


def test_frames_that_nobody_drew_are_not_carried(clip: Path) -> None:
    wanted = output("ffv1", parse_chain("identity,blur"))
    source, (chunk,) = chunks_of(clip, 1000, 0)
    begun = process(chunk.payload, source.process, wanted, stage=range(1))
    assert len(begun.payload) < len(chunk.payload) + 100 * FRAMES


def test_progress_is_told_frame_by_frame(clip: Path) -> None:
    wanted = output("ffv1", parse_chain("blur,edges"))
    source, (chunk,) = chunks_of(clip, 1000, 0)
    told: list[int] = []
    process(chunk.payload, source.process, wanted, stage=range(1), on_frame=told.append)
    assert told == list(range(1, FRAMES + 1))


def test_more_than_can_be_sent_at_once_is_said_with_a_way_out(clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stages, "MAX_SIZE", 30_000)
    wanted = output("ffv1", parse_chain("blur,edges"))
    source, (chunk,) = chunks_of(clip, 1000, 0)
    with pytest.raises(
        TooLargeToHandOn, match=r"offers all the filters, or send the file again with --chunk-frames \d+"
    ):
        process(chunk.payload, source.process, wanted, stage=range(1))


@pytest.mark.parametrize("mode", ["filter", "bypass", "drop"])
def test_the_build_of_each_step_is_told(clip: Path, monkeypatch: pytest.MonkeyPatch, mode: str) -> None:
    wanted = output("ffv1", parse_chain("blur,edges,identity"))
    source, (chunk,) = chunks_of(clip, 1000, 0)
    told = []
    for cut in (1, 2):
        with monkeypatch.context() as patched:
            begun = process(chunk.payload, source.process, wanted, mode=mode, stage=range(cut))
            assert begun.fingerprint == fingerprint()
            patched.setattr(frame_source, "fingerprint", lambda: "another")
            ended = process(begun.payload, source.process, wanted, mode=mode, stage=range(cut, 3))
        assert ended.fingerprint == report_of(ended).fingerprint
        told.append(ended.fingerprint)
    assert told == [f"{fingerprint()}*1 + another*2", f"{fingerprint()}*2 + another*1"]


@pytest.mark.parametrize("payload", [b"", b"\0\0\0\2\x81\xa1"])
def test_what_is_no_intermediate_is_refused(clip: Path, payload: bytes) -> None:
    source, (chunk,) = chunks_of(clip, 1000, 0)
    for each in (payload, chunk.payload):
        with pytest.raises(BundleError):
            IntermediateSource(each, process_of(source))
