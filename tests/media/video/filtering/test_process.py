from __future__ import annotations

import gc
import pickle
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from av.video.codeccontext import VideoCodecContext

from moviola.base.failures import MAX_FAILURES_OF_CHUNK
from moviola.filters.chain import Step
from moviola.media.bundle import unpack
from moviola.media.errors import BundleError, ProcessingFailed, ResultTooLarge
from moviola.media.fingerprint import fingerprint
from moviola.media.material import Output, Result
from moviola.media.report import Fallback, FrameNotes
from moviola.media.video.cutting.split import split_file
from moviola.media.video.filtering import process as process_module
from moviola.media.video.filtering.decode import ChunkDecoder
from moviola.media.video.filtering.process import BYPASSED, process
from moviola.media.video.filtering.source_format import source_format
from moviola.media.video.headers import VideoProcess
from moviola.media.video.report import ChunkReport
from tests.media.video.clips import ONE_KEYFRAME, encode
from tests.media.video.cutting_room import BLUR, output

FRAMES = 21
Chunk = tuple[bytes, dict[str, Any]]


@pytest.fixture(scope="module")
def chunk(tmp_path_factory: pytest.TempPathFactory) -> Chunk:
    """One chunk of a whole clip, and the source's `process`."""
    path = encode(tmp_path_factory.mktemp("process") / "clip.mp4", "libx264", FRAMES)
    source, chunks = split_file(path, chunk_frames=1000)
    (only,) = chunks
    return only.payload, source.process


def report_of(result: Result) -> ChunkReport:
    return ChunkReport.from_wire(unpack(result.payload)[0]["report"])


def chain(*names: str) -> tuple[Step, ...]:
    return tuple(Step(name, {}) for name in names)


def decoded(result: Result, codec: str) -> list[av.VideoFrame]:
    """The frames of a result, by a plain decoder."""
    table, packets = unpack(result.payload)
    frames = table["report"]["format"]
    decoder: Any = av.CodecContext.create(codec, "r")
    decoder.extradata = table["x"]
    decoder.width, decoder.height, decoder.pix_fmt = frames["width"], frames["height"], frames["pix_fmt"]
    shown = []
    for entry, data in zip(table["p"], packets, strict=True):
        packet = av.Packet(bytes(data))
        packet.pts = entry[1]
        shown += decoder.decode(packet)
    return [*shown, *decoder.decode(None)]


def test_every_frame_becomes_a_packet(chunk: Chunk) -> None:
    result = process(*chunk, output(chain=BLUR))
    table, packets = unpack(result.payload)
    assert (result.frames_in, result.frames_out, result.fallback_frames, result.lost_frames) == (FRAMES, FRAMES, 0, 0)
    assert sorted(entry[1] for entry in table["p"]) == list(range(FRAMES))
    assert len(packets) == FRAMES
    assert table["x"]


def test_the_report_accounts_for_the_chunk(chunk: Chunk) -> None:
    result = process(*chunk, output(chain=BLUR))
    report = report_of(result)
    assert (report.first, report.sent, report.frames_in) == (0, FRAMES, FRAMES)
    assert report.fingerprint == result.fingerprint == fingerprint()
    assert len(report.latency_ms) == FRAMES
    seconds = report.seconds
    assert min(seconds.decode, seconds.filter, seconds.encode) > 0
    assert sum(report.latency_ms) / 1000 <= seconds.decode + seconds.convert + seconds.filter + seconds.encode + 0.1
    base = Fraction(*chunk[1]["time_base"])
    assert [pts * base for pts in report.pts if pts is not None] == [Fraction(index, 25) for index in range(FRAMES)]


def test_the_same_chunk_gives_the_same_packets(chunk: Chunk) -> None:
    one, two = (unpack(process(*chunk, output(chain=BLUR)).payload) for _ in range(2))
    assert one[0]["p"] == two[0]["p"]
    assert one[0]["x"] == two[0]["x"]
    assert [bytes(each) for each in one[1]] == [bytes(each) for each in two[1]]


def test_identity_touches_no_sample_and_leaves_types_to_the_encoder(chunk: Chunk) -> None:
    """The decoder's frames say I, P or B; x264 would take that over."""
    keyframes = [entry[3] for entry in unpack(process(*chunk, output()).payload)[0]["p"]]
    assert keyframes == [1] + [0] * (FRAMES - 1)


def test_progress_is_told_frame_by_frame(chunk: Chunk) -> None:
    told: list[int] = []
    process(*chunk, output(), on_frame=told.append)
    assert told == list(range(1, FRAMES + 1))


def test_preroll_is_a_sign_of_life(tmp_path: Path) -> None:
    clip = encode(tmp_path / "long.mp4", "libx264", 30, options=ONE_KEYFRAME)
    source, chunks = split_file(clip, chunk_frames=10)
    last = [each for each in chunks if each.stream == 0][-1]
    told: list[int] = []
    result = process(last.payload, source.process, output(), on_frame=told.append)
    report = report_of(result)
    assert told.count(0) == report.preroll_packets > 0
    assert report.preroll_size > 0
    assert told[-1] == result.frames_out == last.frame_count
    assert max(report.latency_ms) < report.seconds.decode * 1000 + 1000


@pytest.mark.usefixtures("plugin")
class TestFailures:
    def test_original_lets_the_frame_pass_and_lists_it(self, chunk: Chunk) -> None:
        result = process(*chunk, output("ffv1", chain("picky")))
        report = report_of(result)
        assert (result.frames_out, result.fallback_frames, result.lost_frames) == (FRAMES, 4, 0)
        assert [entry[:2] for entry in report.fallback] == [(5, "picky"), (10, "picky"), (15, "picky"), (20, "picky")]
        assert report.fallback[0][2] == "ValueError: frame 5 is not to my taste"

    def test_drop_leaves_the_frame_out_and_lists_it(self, chunk: Chunk) -> None:
        result = process(*chunk, output("ffv1", chain("picky"), on_error="drop"))
        report = report_of(result)
        assert (result.frames_out, result.fallback_frames, result.lost_frames) == (FRAMES - 4, 0, 4)
        assert [frame for frame, _ in report.lost] == [5, 10, 15, 20]
        base = Fraction(*chunk[1]["time_base"])
        kept = [Fraction(index, 25) for index in range(FRAMES) if index not in (5, 10, 15, 20)]
        assert [pts * base for pts in report.pts if pts is not None] == kept

    def test_fail_says_which_frame_and_why(self, chunk: Chunk) -> None:
        with pytest.raises(ProcessingFailed, match=r"'picky' failed on frame 5: ValueError: frame 5") as raised:
            process(*chunk, output(chain=chain("picky"), on_error="fail"))
        assert raised.value.frames == (5,)
        assert "Traceback" in raised.value.traceback

    def test_a_failure_that_passes_costs_nothing(self, chunk: Chunk) -> None:
        result = process(*chunk, output(chain=chain("moody"), on_error="fail"))
        assert (result.frames_out, result.fallback_frames) == (FRAMES, 0)

    def test_a_wrong_size_is_the_filters_failure(self, chunk: Chunk) -> None:
        result = process(*chunk, output(chain=chain("liar")))
        assert result.fallback_frames == result.frames_out == FRAMES
        assert "10x10" in report_of(result).fallback[0][2]

    def test_a_fallback_frame_is_fitted_to_the_size_of_the_others(self, chunk: Chunk) -> None:
        result = process(*chunk, output("ffv1", chain("half", "picky")))
        report = report_of(result)
        assert report.format is not None
        assert (report.format.width, report.format.height) == (32, 24)
        assert (result.frames_out, result.fallback_frames) == (FRAMES, 4)

    def test_bypass_runs_no_filter(self, chunk: Chunk) -> None:
        result = process(*chunk, output("ffv1", chain("picky"), on_error="fail"), mode="bypass")
        unfiltered = process(*chunk, output("ffv1"))
        assert result.fallback_frames == result.frames_out == FRAMES
        assert report_of(result).fallback[3] == Fallback(3, "", BYPASSED)
        assert [bytes(each) for each in unpack(result.payload)[1]] == [bytes(e) for e in unpack(unfiltered.payload)[1]]

    @pytest.mark.parametrize("codec", ["ffv1", "h264"])
    @pytest.mark.parametrize(
        ("names", "mode"), [(("picky",), "filter"), (("picky", "half"), "filter"), (("blur",), "bypass")]
    )
    def test_black_shows_nothing_of_the_frame(
        self, chunk: Chunk, codec: str, names: tuple[str, ...], mode: str
    ) -> None:
        result = process(*chunk, output(codec, chain(*names), on_error="black"), mode=mode)
        failed = [5, 10, 15, 20] if mode == "filter" else list(range(FRAMES))
        assert [entry[0] for entry in report_of(result).fallback] == failed
        assert (result.frames_out, result.lost_frames) == (FRAMES, 0)
        shown = decoded(result, codec)
        assert [index for index, frame in enumerate(shown) if frame.to_ndarray(format="gray").max() <= 12] == failed
        assert len({(frame.width, frame.height) for frame in shown}) == 1

    def test_filters_behind_see_nothing_of_it_either(self, chunk: Chunk) -> None:
        """What looks back would show it in the frames after it."""
        black = decoded(process(*chunk, output("ffv1", chain("picky", "trail"), on_error="black")), "ffv1")
        original = decoded(process(*chunk, output("ffv1", chain("picky", "trail"))), "ffv1")
        after = [frame.to_ndarray(format="gray").mean() for frame in (black[6], original[6])]
        assert after[0] < after[1] - 20

    def test_dropped_frames_do_not_pass_where_a_chunk_is_bypassed(self, chunk: Chunk) -> None:
        result = process(*chunk, output("ffv1", chain("picky"), on_error="drop"), mode="bypass")
        assert (result.frames_out, result.lost_frames) == (0, FRAMES)

    def test_nothing_of_a_chunk_waits_for_the_garbage_collector(self, chunk: Chunk) -> None:
        """x264 alone would hold some 76 MB at 720p, of each of the last few chunks."""
        gc.collect()
        gc.disable()
        try:
            process(*chunk, output(chain=chain("picky")))
            left = [one for one in gc.get_objects() if isinstance(one, VideoCodecContext | ChunkDecoder)]
        finally:
            gc.enable()
        assert left == []

    def test_equal_runs_agree_in_their_content(self, chunk: Chunk) -> None:
        first, second, other = (process(*chunk, output(chain=chain(name))) for name in ("numbered", "numbered", "half"))
        assert first.content == second.content != other.content
        assert 0 < first.content < 2**63

    def test_a_dropped_chunk_accounts_for_its_frames(self, chunk: Chunk) -> None:
        result = process(*chunk, output("ffv1", chain("picky")), mode="drop")
        assert (result.frames_in, result.frames_out, result.lost_frames) == (FRAMES, 0, FRAMES)
        assert unpack(result.payload)[1] == []
        assert [frame for frame, _ in report_of(result).lost] == list(range(FRAMES))

    def test_an_unknown_mode_is_refused(self, chunk: Chunk) -> None:
        with pytest.raises(ValueError, match="not one of filter, bypass, drop"):
            process(*chunk, output(), mode="guess")

    def test_the_first_failures_keep_their_traceback(self, chunk: Chunk) -> None:
        report = report_of(process(*chunk, output(chain=chain("picky"))))
        assert [frame for frame, *_ in report.failures] == [frame for frame, *_ in report.fallback][
            :MAX_FAILURES_OF_CHUNK
        ]
        assert all(name == "picky" and "Traceback" in trace for _, name, trace in report.failures)

    def test_notes_are_kept_by_frame(self, chunk: Chunk) -> None:
        report = report_of(process(*chunk, output(chain=chain("numbered"))))
        assert report.notes[:2] == [FrameNotes(1, [{"number": 1}]), FrameNotes(3, [{"number": 3}])]
        assert len(report.notes) == FRAMES // 2


def test_a_quarter_turn_is_baked(chunk: Chunk) -> None:
    payload, turned = chunk[0], {**chunk[1]}
    turned |= {"orientation": [True, False, True], "display_width": 48, "display_height": 64}
    result = process(payload, turned, output("ffv1"))
    report = report_of(result)
    assert report.format is not None
    assert (report.format.width, report.format.height) == (48, 64)
    assert report.seconds.convert > 0


def test_the_format_of_a_turned_source_is_what_turning_gives() -> None:
    fields = {
        "codec": "h264",
        "extradata": None,
        "codec_tag": "",
        "width": 64,
        "height": 48,
        "bits_per_coded_sample": 8,
        "reorder_depth": 0,
        "time_base": [1, 25],
        "first_pts": 0,
        "context_frames": 0,
        "stages": True,
        "pix_fmt": "yuv422p",
        "orientation": [True, False, False],
        "display_width": 48,
        "display_height": 64,
        "rate": [25, 1],
        "sample_aspect": [4, 3],
        "color_range": 1,
        "color_primaries": 1,
        "color_trc": 1,
        "colorspace": 1,
        "field_order": 0,
    }
    wanted = source_format(VideoProcess.from_wire(fields))
    assert (wanted.pix_fmt, wanted.pixel_aspect) == ("yuv440p", Fraction(4, 3))


def test_what_is_no_chunk_is_refused(chunk: Chunk) -> None:
    with pytest.raises(BundleError):
        process(b"\0\0\0\2\x81\xa1", chunk[1], output())


def test_filters_see_the_decoders_own_samples(chunk: Chunk) -> None:
    """`identity` with a lossless codec gives back what a plain decoder of the chunk gives."""
    result = process(*chunk, output("ffv1"))
    table, packets = unpack(result.payload)
    assert np.array_equal(_decoded_ffv1(table["x"], packets), _decoded(chunk))


def _decoded(chunk: Chunk) -> Any:
    return np.stack([each.frame.to_ndarray() for each in ChunkDecoder(chunk[0], VideoProcess.from_wire(chunk[1]))])


def _decoded_ffv1(extradata: bytes, packets: list[memoryview]) -> Any:
    decoder: Any = av.CodecContext.create("ffv1", "r")
    decoder.extradata = extradata
    decoder.width, decoder.height = 64, 48
    frames = []
    for data in packets:
        packet: Any = av.Packet(len(data))
        packet.update(data)
        frames += decoder.decode(packet)
    return np.stack([frame.to_ndarray() for frame in (*frames, *decoder.decode(None))])


def test_outputs_of_one_chunk_do_not_disturb_each_other(chunk: Chunk) -> None:
    first: Output = output("ffv1")
    before = process(*chunk, first).payload
    process(*chunk, output("ffv1", BLUR))
    again = process(*chunk, first).payload
    assert [bytes(each) for each in unpack(before)[1]] == [bytes(each) for each in unpack(again)[1]]


def test_a_result_that_cannot_be_sent_is_not_gathered(chunk: Chunk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process_module, "MAX_RESULT_SIZE", 20_000)
    with pytest.raises(ResultTooLarge, match="fewer --chunk-frames") as raised:
        process(*chunk, output("ffv1"))
    assert str(pickle.loads(pickle.dumps(raised.value))) == str(raised.value)
