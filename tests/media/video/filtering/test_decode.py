from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import av
import pytest

from moviola.media.bundle import pack, unpack
from moviola.media.errors import BundleError
from moviola.media.material import Chunk, Source
from moviola.media.video.check import checksum, decode_whole
from moviola.media.video.cutting.split import split_file
from moviola.media.video.filtering import decode
from moviola.media.video.filtering.decode import ChunkDecoder, repaired
from moviola.media.video.headers import VideoProcess
from tests.media.video.clips import scratched
from tests.media.video.conftest import Clip
from tests.media.video.cutting_room import process_of


def cut_up(path: Path, **settings: Any) -> tuple[Source, list[Chunk]]:
    source, chunks = split_file(path, **settings)
    return source, [one for one in chunks if one.stream == 0]


def decoded(source: Source, chunks: list[Chunk]) -> Iterator[tuple[ChunkDecoder, list[decode.DecodedFrame]]]:
    for chunk in chunks:
        decoder = ChunkDecoder(chunk.payload, process_of(source))
        yield decoder, list(decoder)


@pytest.mark.parametrize(
    "name", ["h264_open_gop", "mpeg2", "mpeg4_packed", "vp9_alternate_references", "h264_duplicate_times", "h264_avi"]
)
def test_frames_are_numbered_through_the_whole_source(clip: Clip, name: str) -> None:
    source, chunks = cut_up(clip(name), chunk_frames=7)
    indices = [frame.index for _, frames in decoded(source, chunks) for frame in frames]
    assert indices == list(range(source.facts["frame_count"]))


def test_a_chunk_has_as_many_frames_as_it_says(clip: Clip) -> None:
    source, chunks = cut_up(clip("h264_edit_list"), chunk_frames=3)
    for chunk, (decoder, frames) in zip(chunks, decoded(source, chunks), strict=True):
        assert len(frames) == chunk.frame_count == decoder.report.frame_count


def test_frames_that_an_edit_list_hides_are_not_emitted(clip: Clip) -> None:
    source, chunks = cut_up(clip("h264_edit_list"))
    times = [time for decoder, _ in decoded(source, chunks) for time in decoder.report.times]
    assert len(times) == 25
    assert times[0] == 0


@pytest.mark.parametrize("context_frames", [1, 2, 5])
@pytest.mark.parametrize(
    "name", ["h264_open_gop", "h264_one_keyframe", "mpeg2", "h264_avi", "h264_duplicate_times", "hevc_open_gop", "ffv1"]
)
def test_the_frames_before_a_chunk_come_as_context(clip: Clip, name: str, context_frames: int) -> None:
    whole = decode_whole(clip(name)).frames
    source, chunks = cut_up(clip(name), chunk_frames=7, context_frames=context_frames)
    for chunk in chunks:
        frames = list(ChunkDecoder(chunk.payload, process_of(source), context_frames))
        context = [one for one in frames if not one.own]
        first = frames[len(context)].index
        assert frames[: len(context)] == context
        assert [one.index for one in context] == list(range(max(0, first - context_frames), first))
        assert [checksum(one.frame) for one in frames] == [
            one.crc for one in whole[first - len(context) : first + chunk.frame_count]
        ]


def test_a_worker_takes_less_context_than_a_chunk_has(clip: Clip) -> None:
    source, chunks = cut_up(clip("h264_open_gop"), chunk_frames=7, context_frames=5)
    assert [one.own for one in ChunkDecoder(chunks[1].payload, process_of(source), 1)][:3] == [False, True, True]
    assert all(one.own for one in ChunkDecoder(chunks[1].payload, process_of(source)))


def test_context_is_not_repaired_into_the_times(clip: Clip) -> None:
    source, chunks = cut_up(clip("h264_open_gop"), chunk_frames=7, context_frames=3)
    decoder = ChunkDecoder(chunks[1].payload, process_of(source), 3)
    assert len([one for one in decoder if one.own]) == len(decoder.report.times)


def test_what_only_serves_as_reference_is_skipped_where_nothing_needs_it(clip: Clip) -> None:
    source, chunks = cut_up(clip("h264_one_keyframe"), chunk_frames=16)
    decoder = ChunkDecoder(chunks[-1].payload, process_of(source))
    list(decoder)
    assert decoder.report.preroll_packets > 20
    assert 0 < decoder.report.preroll_frames < decoder.report.preroll_packets
    assert decoder.report.preroll_bytes > 0


def test_preroll_gives_signs_of_life(clip: Clip) -> None:
    source, chunks = cut_up(clip("h264_one_keyframe"), chunk_frames=16)
    signs: list[int] = []
    decoder = ChunkDecoder(chunks[-1].payload, process_of(source), 0, signs.append)
    next(iter(decoder))
    assert signs == list(range(1, decoder.report.preroll_packets + 1))


@pytest.mark.parametrize("name", ["h264_open_gop", "mpeg4_b_frames"])
def test_every_frame_keeps_its_time(clip: Clip, name: str) -> None:
    source, chunks = cut_up(clip(name), chunk_frames=7)
    times = []
    for decoder, frames in decoded(source, chunks):
        assert [one.pts for one in frames] == decoder.report.times
        assert decoder.report.times_repaired == 0
        times += decoder.report.times
    assert times == [one.pts for one in decode_whole(clip(name)).frames]


def _with_packets(chunk: Chunk, edit: Callable[[list[Any]], None]) -> bytes:
    table, views = unpack(chunk.payload)
    edit(table["p"])
    return pack(table, views)


def test_times_that_lie_are_sorted_and_counted(clip: Clip) -> None:
    source, chunks = cut_up(clip("h264_open_gop"), chunk_frames=40)

    def coded_order(entries: list[Any]) -> None:
        for index, entry in enumerate(entries):
            entry[1] = index

    decoder = ChunkDecoder(_with_packets(chunks[0], coded_order), process_of(source))
    raw = [one.pts or 0 for one in decoder]
    assert raw != sorted(raw)
    assert decoder.report.times == sorted(raw)
    assert decoder.report.times_repaired == sum(one != two for one, two in zip(raw, sorted(raw), strict=True))


def test_frames_belong_to_packets_and_not_to_times(clip: Clip) -> None:
    """Where times are all the same, only the packet tells which frames are the chunk's own."""
    source, chunks = cut_up(clip("h264_open_gop"), chunk_frames=7)

    def same(entries: list[Any]) -> None:
        for entry in entries:
            entry[1] = 5

    for chunk in chunks:
        frames = list(ChunkDecoder(_with_packets(chunk, same), process_of(source)))
        assert len(frames) == chunk.frame_count


def test_decoders_at_work_at_once_do_not_mix_up_their_packets(clip: Clip) -> None:
    source, chunks = cut_up(clip("h264_open_gop"), chunk_frames=1000)
    one, two = (iter(ChunkDecoder(chunks[0].payload, process_of(source))) for _ in range(2))
    indices = [next(two).index]
    for _ in range(3):
        next(one)  # the frames it frees must not take away what the other's are known by
    for frame in two:
        next(one, None)
        indices.append(frame.index)
    assert indices == list(range(40))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("width", 66),
        ("height", 50),
        ("pix_fmt", "yuv444p"),
        ("bits_per_coded_sample", 32),
        ("reorder_depth", 3),
        ("color_range", 2),
        ("color_primaries", 1),
        ("color_trc", 13),
        ("colorspace", 1),
        ("extradata", b"\1\2\3"),
        ("codec_tag", "ABCD"),
    ],
)
def test_a_fresh_decoder_is_told_all_that_the_container_knows(clip: Clip, field: str, value: object) -> None:
    source, _ = cut_up(clip("mpeg4_b_frames"))
    assert getattr(decode.open_decoder(VideoProcess.from_wire(source.process | {field: value})), field) == value
    assert getattr(decode.open_decoder(process_of(source)), field) != value


def test_missing_times_stay_missing(clip: Clip) -> None:
    source, chunks = cut_up(clip("h264_without_timestamps"))
    times = [time for decoder, _ in decoded(source, chunks) for time in decoder.report.times]
    assert len(times) == 40
    assert None in times
    assert source.splice["pts_complete"] is False


def test_repaired() -> None:
    assert repaired([1, 2, 2, 5]) == ([1, 2, 2, 5], 0)
    assert repaired([3, 1, None, 2]) == ([1, 2, None, 3], 3)
    assert repaired([]) == ([], 0)


def test_an_empty_packet_does_not_end_the_chunk(clip: Clip) -> None:
    source, chunks = cut_up(clip("mpeg4_b_frames"))
    table, views = unpack(chunks[0].payload)
    packets = [bytes(view) for view in views]
    table["p"].insert(5, [0, None, None, 0, 0, None])
    packets.insert(5, b"")
    table["own"] = [[0, 5], [6, len(packets)]]
    decoder = ChunkDecoder(pack(table, packets), process_of(source))
    assert len(list(decoder)) == 40
    assert decoder.report.error_count == 0


def test_packets_that_cannot_be_decoded_are_counted_and_located(clip: Clip, tmp_path: Path) -> None:
    path = scratched(clip("h264_open_gop"), tmp_path / "damaged.mkv", 12, 25, keep=0)
    source, chunks = cut_up(path, chunk_frames=1000)
    decoder = ChunkDecoder(chunks[0].payload, process_of(source))
    assert len(list(decoder)) == 38
    assert decoder.report.error_count == 2
    assert [packet for packet, _ in decoder.report.errors] == [12, 25]
    assert decoder.report.silent_packets == [12, 25]


def test_errors_are_located_from_the_first_own_packet(clip: Clip, tmp_path: Path) -> None:
    path = scratched(clip("h264_one_keyframe"), tmp_path / "damaged.mkv", 8, 30, keep=0)
    source, chunks = cut_up(path, chunk_frames=20)
    decoder = ChunkDecoder(chunks[1].payload, process_of(source))
    list(decoder)
    preroll = decoder.report.preroll_packets
    assert [packet for packet, _ in decoder.report.errors] == [8 - preroll, 30 - preroll]
    assert decoder.report.silent_packets == [30 - preroll]


def test_damaged_frames_come_out_marked(clip: Clip, tmp_path: Path) -> None:
    path = scratched(clip("mpeg4_b_frames"), tmp_path / "damaged.avi", 12)
    source, chunks = cut_up(path)
    damaged = [index for decoder, _ in decoded(source, chunks) for index in decoder.report.damaged]
    assert damaged
    assert damaged == sorted({*damaged})


def test_a_wholly_damaged_chunk_describes_a_few_errors(clip: Clip) -> None:
    source, chunks = cut_up(clip("h264_one_keyframe"))
    table, views = unpack(chunks[0].payload)
    decoder = ChunkDecoder(pack(table, [b"\xaa" * len(view) for view in views]), process_of(source))
    assert list(decoder) == []
    assert decoder.report.error_count == 40
    assert len(decoder.report.errors) == decode.MAX_ERRORS_DESCRIBED
    assert len(decoder.report.silent_packets) == 40


def test_colour_tags_survive_bare_packets(tmp_path: Path, clip: Clip) -> None:
    source, chunks = cut_up(clip("mjpeg"))
    frame = next(iter(ChunkDecoder(chunks[0].payload, process_of(source)))).frame
    with av.open(str(clip("mjpeg"))) as container:
        given = next(container.decode(video=0))
    assert (frame.format.name, frame.color_range, frame.colorspace) == (
        given.format.name,
        given.color_range,
        given.colorspace,
    )


@pytest.mark.parametrize("payload", [b"", b"garbage", pack({"p": []}, []), pack({"p": [[1]]}, [b"x"])])
def test_what_is_no_chunk_is_refused(clip: Clip, payload: bytes) -> None:
    source, _ = cut_up(clip("mjpeg"))
    with pytest.raises(BundleError):
        ChunkDecoder(payload, process_of(source))
