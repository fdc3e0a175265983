from __future__ import annotations

from fractions import Fraction

import pytest

from moviola.base import extras
from moviola.filters.assets import travelled, value_of
from moviola.filters.chain import parse_chain
from moviola.media.errors import UnreadableSource
from moviola.media.material import Encoder, Output, Source, header
from moviola.media.video import memory
from moviola.media.video.chain import check
from moviola.media.video.headers import VideoProcess
from moviola.media.video.orientation import Orientation
from tests.filters.networks import made


def source(width: int, height: int) -> Source:
    process = VideoProcess(
        codec="h264",
        extradata=None,
        codec_tag="",
        width=width,
        height=height,
        pix_fmt="yuv420p",
        bits_per_coded_sample=8,
        reorder_depth=0,
        color_range=0,
        color_primaries=2,
        color_trc=2,
        colorspace=2,
        field_order=0,
        time_base=Fraction(1, 25),
        rate=Fraction(25),
        first_pts=0,
        context_frames=0,
        stages=True,
        orientation=Orientation(),
        display_width=width,
        display_height=height,
        sample_aspect=None,
    )
    return Source("video", "clip.mp4", "", facts={}, process=process.to_wire(), splice={}, stream_count=1)


def output(chain: str) -> Output:
    return Output("tried", parse_chain(chain), Encoder())


def test_chains_that_suit_the_picture_pass() -> None:
    check(source(320, 240), [output("crop:x=300:width=20"), output("resize:width=160,crop:y=119"), output("fps,blur")])


@pytest.mark.parametrize("chain", ["crop:x=300:width=21", "resize:width=160,crop:y=120", "rotate,crop:x=240"])
def test_a_part_that_is_not_there_is_refused_before_anything_is_sent(chain: str) -> None:
    with pytest.raises(UnreadableSource, match=r"clip\.mp4: crop: a rectangle .*does not lie in the picture"):
        check(source(320, 240), [output("identity"), output(chain)])


@pytest.mark.parametrize("chain", ["theirs,crop:x=9999", "faces:model=@yunet.onnx,crop:x=9999"])
def test_what_only_workers_know_is_left_to_them(chain: str) -> None:
    check(source(320, 240), [output(chain)])


def test_what_takes_more_memory_than_a_worker_has_is_refused_with_the_numbers() -> None:
    check(source(7680, 4320), [output("blur")])
    with pytest.raises(UnreadableSource, match=r"16000x16000 have 256 million pixels, and the limit is 134 m"):
        check(source(16_000, 16_000), [output("blur")])
    with pytest.raises(UnreadableSource, match=r"12000x8000 .* take up to \d+\.\d GiB of memory, and the limit"):
        check(source(12_000, 8_000), [output("blur")])
    with pytest.raises(UnreadableSource, match=r"of memory, and the limit here is 12\.0 GiB"):
        check(source(11_000, 8_000), [output("rotate:degrees=45")])


def test_what_needs_more_than_is_installed_here_is_left_to_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that travels is here, and cannot be looked at."""
    content = b"a network"
    value = value_of(content)
    given = f'onnx:model="{value}"'
    with travelled({value: content}):
        with pytest.raises(UnreadableSource, match="is not an ONNX file"):
            check(source(320, 240), [output(given)])
        monkeypatch.setattr(extras, "find_spec", lambda name: None)
        check(source(320, 240), [output(f"{given},crop:x=9999")])


def test_what_a_network_makes_larger_counts_as_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    networks = {factor: made.larger(factor) for factor in (2, 4)}
    with travelled({value_of(content): content for content in networks.values()}):
        twice, fourfold = (output(f'onnx:model="{value_of(content)}"') for content in networks.values())
        process = header(VideoProcess, source(320, 240).process)
        monkeypatch.setattr(memory, "_limit", memory.estimate(process, twice, 0, 640 * 480))
        check(source(320, 240), [twice])
        with pytest.raises(UnreadableSource, match=r"take up to .* GiB of memory"):
            check(source(320, 240), [fourfold])
