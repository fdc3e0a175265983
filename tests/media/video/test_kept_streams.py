"""What lies beside the video is kept, or said before it is sent: sound, subtitles, files within the file, data."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from moviola.filters.chain import Step
from moviola.media.fidelity import Fate
from moviola.media.video.bundle import SideData
from moviola.media.video.cutting.split import split_file
from moviola.media.video.side_data import attach
from moviola.media.video.writing import sound as sound_module
from tests.media.video.clips import AAC_FRAME, AAC_RATE, RATE, aac, broadcast, encode, remux, with_bytes, with_streams
from tests.media.video.cutting_room import in_container, output, sound_of, streams_of, take, told

AMR_FRAME = 160  # samples
MP3_HEADER = bytes.fromhex("fffb50c4")  # 64 kbit/s, 44.1 kHz, mono
MP3_SIZE = 208  # bytes of such a frame


def packet_of(stream: Any, data: bytes, at: int, duration: int, base: Fraction) -> Any:
    packet: Any = av.Packet(len(data))
    packet.update(data)
    packet.pts = packet.dts = at
    packet.duration, packet.time_base, packet.stream, packet.is_keyframe = duration, base, stream, True
    return packet


def amr_frames(count: int) -> list[bytes]:
    encoder: Any = av.CodecContext.create("libopencore_amrnb", "w")
    encoder.sample_rate, encoder.layout, encoder.format, encoder.bit_rate = 8000, "mono", "s16", 12200
    packets: list[Any] = []
    for start in range(0, count * AMR_FRAME, AMR_FRAME):
        wave = (np.sin(np.arange(start, start + AMR_FRAME) / 5) * 8000).astype(np.int16)
        frame = av.AudioFrame.from_ndarray(wave[None, :], "s16", "mono")
        frame.sample_rate, frame.pts = 8000, start
        packets += encoder.encode(frame)
    return [bytes(one) for one in packets[:count]]


def telephone_clip(path: Path, sizes: Sequence[int]) -> Path:
    """Write a 3GP whose packets of AMR have so many frames. FFmpeg's muxer refuses these, so they are written as those
    of another codec, whose name in the file is then changed."""
    frame_data = amr_frames(sum(sizes))

    def add(container: Any) -> list[Any]:
        sound = container.add_stream("libmp3lame", rate=8000, layout="mono")
        packets, at = [], 0
        for size in sizes:
            data = b"".join(frame_data[at : at + size])
            packets.append(packet_of(sound, data, at * AMR_FRAME, size * AMR_FRAME, Fraction(1, 8000)))
            at += size
        return packets

    with_streams(path.with_suffix(".mov"), add)
    data = path.with_suffix(".mov").read_bytes()
    assert data.count(b".mp3") == 1
    path.write_bytes(data.replace(b".mp3", b"samr"))
    return path


def samples_of(path: Path) -> Any:
    with av.open(str(path)) as container:
        return np.concatenate([frame.to_ndarray().reshape(-1) for frame in container.decode(audio=0)])


def bytes_of_sound(path: Path) -> bytes:
    with av.open(str(path)) as container:
        return b"".join(bytes(one) for one in container.demux(container.streams.audio[0]))


def test_sound_of_several_frames_a_packet_is_kept_frame_by_frame(tmp_path: Path) -> None:
    clip = telephone_clip(tmp_path / "clip.3gp", [5] * 10)
    reel = take(clip, tmp_path)
    assert reel.path.suffix == ".mov"
    assert bytes_of_sound(reel.path) == bytes_of_sound(clip)
    assert not reel.spliced.warnings
    assert np.array_equal(samples_of(reel.path), samples_of(clip))
    with av.open(str(reel.path)) as container:
        sound: Any = container.streams.audio[0]
        times = [one.pts * one.time_base for one in container.demux(sound) if one.size]
    assert times == [Fraction(AMR_FRAME * index, 8000) for index in range(50)]


def test_times_that_are_equal_in_the_ticks_of_an_mp4_cost_no_sound(tmp_path: Path) -> None:
    """A clock of 90 kHz tells times apart that are one sample's of 44.1 kHz."""
    base = Fraction(1, 90000)
    times = [9000 * index for index in range(10)]
    times[6] = times[5] + 1

    def add(container: Any) -> list[Any]:
        sound = container.add_stream("libmp3lame", rate=44100, layout="mono")
        coded = [MP3_HEADER + bytes([index]) * (MP3_SIZE - len(MP3_HEADER)) for index in range(len(times))]
        return [packet_of(sound, data, time, 2351, base) for data, time in zip(coded, times, strict=True)]

    clip = with_streams(tmp_path / "clip.ts", add)
    reel = take(clip, tmp_path, in_container("mp4"))
    assert not [each for each in reel.spliced.warnings if "refused" in each]
    assert bytes_of_sound(reel.path) == bytes_of_sound(clip)


@pytest.mark.parametrize("name", ["mp4", "matroska"])
def test_aac_whose_own_headers_change_is_decoded_and_said(tmp_path: Path, name: str) -> None:
    """As a broadcast has it between programmes. Muxers take these headers off and keep what the first one told, so that
    what comes behind is silent."""
    parts = [*aac("adts", "stereo", 20), *aac("adts", "5.1", 20)]
    clip = broadcast(tmp_path / "clip.ts", "aac", parts)
    finding = told(clip, in_container(name))["stream 1 (audio, aac)"]
    assert finding.fate is Fate.CHANGED
    assert "they change, first at 0.4 s" in finding.reason
    reel = take(clip, tmp_path, in_container(name))
    step, samples = 4 * AAC_FRAME, abs(samples_of(reel.path).astype(float))
    assert min(samples[at : at + step].max() for at in range(0, len(samples) - step, step)) > samples.max() / 5
    assert not [each for each in reel.spliced.account.warnings if "throughout" in each]  # it was said before


@pytest.mark.parametrize(
    ("form", "codec", "sounds", "at"),
    [
        ("latm", "aac_latm", [("stereo", 48000), ("5.1", 48000)], 8),
        ("latm", "aac_latm", [("stereo", 48000), ("stereo", 48000)], None),
        ("adts", "aac", [("stereo", 48000), ("stereo", 24000)], 8),
        ("adts", "aac", [("stereo", 48000), ("stereo", 48000)], None),
    ],
)
def test_when_the_headers_of_a_sound_change(
    tmp_path: Path, form: str, codec: str, sounds: list[tuple[str, int]], at: int | None
) -> None:
    parts = [packet for layout, rate in sounds for packet in aac(form, layout, 7, rate)]
    source, _ = split_file(broadcast(tmp_path / "clip.ts", codec, parts))
    (stream,) = streams_of(source)
    assert stream.changes_at == (None if at is None else at * AAC_FRAME * 90000 // 48000)


def raw_aac(layout: str, count: int) -> tuple[bytes, list[bytes]]:
    """Headers, and packets without any, as files have them."""
    encoder: Any = av.CodecContext.create("aac", "w")
    encoder.sample_rate, encoder.layout, encoder.format = AAC_RATE, layout, "fltp"
    encoder.flags |= av.codec.context.Flags.global_header
    packets: list[bytes] = []
    for index in range(count):
        wave = np.sin(np.arange(AAC_FRAME) * np.pi * 60 / AAC_FRAME).astype(np.float32) / 4
        frame = av.AudioFrame.from_ndarray(np.stack([wave] * encoder.layout.nb_channels), "fltp", layout)
        frame.sample_rate, frame.pts, frame.time_base = AAC_RATE, index * AAC_FRAME, Fraction(1, AAC_RATE)
        packets += map(bytes, encoder.encode(frame))
    return bytes(encoder.extradata), packets


def test_new_headers_of_aac_are_kept_where_a_container_has_them_and_else_decoded_and_said(tmp_path: Path) -> None:
    """As an MP4 has them in which two recordings were joined."""
    (_, before), (headers, behind) = raw_aac("stereo", 20), raw_aac("5.1", 20)

    def add(container: Any) -> list[Any]:
        sound = container.add_stream("aac", rate=AAC_RATE, layout="stereo")
        times = range(0, AAC_FRAME * (len(before) + len(behind)), AAC_FRAME)
        packets = [
            packet_of(sound, data, at, AAC_FRAME, Fraction(1, AAC_RATE))
            for data, at in zip([*before, *behind], times, strict=True)
        ]
        attach(packets[len(before)], [SideData("new_extradata", headers)])
        return packets

    clip = with_streams(tmp_path / "clip.mp4", add)
    assert layouts_of(clip) == {"stereo", "5.1"}
    reel = take(clip, tmp_path)
    assert reel.path.suffix == ".mp4"
    assert bytes_of_sound(reel.path) == bytes_of_sound(clip)
    assert layouts_of(reel.path) == {"stereo", "5.1"}
    finding = told(clip, in_container("matroska"))["stream 1 (audio, aac)"]
    assert finding.fate is Fate.CHANGED
    assert finding.reason.endswith("a name that ends in .mp4 or .mov keeps it")
    other = take(clip, tmp_path / "other", in_container("matroska"))
    assert samples_of(other.path).size >= 2 * AAC_FRAME * (len(before) + len(behind) - 4)


def layouts_of(path: Path) -> set[str]:
    with av.open(str(path)) as container:
        found = set()
        for packet in container.demux(audio=0):
            with suppress(av.FFmpegError):
                found |= {frame.layout.name for frame in packet.decode()}
        return found


@pytest.mark.parametrize("times", [(0,), (0, 400)])
def test_the_last_subtitle_of_unknown_length_is_shown(times: tuple[int, ...], tmp_path: Path) -> None:
    """As bitmaps of a DVD are: how long they are shown stands in them alone."""

    def add(container: Any) -> list[Any]:
        pictures = container.add_mux_stream("dvd_subtitle", time_base=Fraction(1, 1000))
        return [packet_of(pictures, bytes([index]) * 40, at, 0, Fraction(1, 1000)) for index, at in enumerate(times)]

    clip = with_streams(tmp_path / "clip.mkv", add)
    reel = take(clip, tmp_path, in_container("mp4"))
    with av.open(str(reel.path)) as container:
        shown = [bytes(one)[:1] for one in container.demux(subtitles=0) if one.size and not one.is_discard]
    assert shown == [bytes([index]) for index in range(len(times))]


def subtitled(path: Path, codec: str, lines: Sequence[tuple[int, int, bytes]]) -> Path:
    """A clip with lines of text: when, for how long, in ms, and what."""
    base = Fraction(1, 1000)

    def add(container: Any) -> list[Any]:
        text = container.add_mux_stream(codec, time_base=base)
        return [packet_of(text, data, at, duration, base) for at, duration, data in lines]

    return with_streams(path, add)


def lines_of(path: Path) -> list[bytes]:
    with av.open(str(path)) as container:
        return [bytes(one) for one in container.demux(container.streams.subtitles[0]) if one.size]


MARKUP = "its markup is shown as text"
OVERLAP = "a line ends where the next one begins"


@pytest.mark.parametrize(
    ("lines", "what"),
    [
        ([(0, 300, b"<i>Hello</i>"), (500, 100, b"there")], MARKUP),
        ([(0, 300, b"Hello"), (500, 100, b"{\\an8}there")], MARKUP),
        ([(0, 300, b"Hello"), (100, 100, b"SIGN")], OVERLAP),
        ([(0, 900, b"Hello"), (100, 100, b"SIGN"), (500, 100, b"<B>end</B>")], f"{MARKUP} and {OVERLAP}"),
    ],
)
def test_subtitles_that_an_mp4_would_alter_go_into_matroska_and_it_is_said(
    tmp_path: Path, lines: list[tuple[int, int, bytes]], what: str
) -> None:
    clip = subtitled(tmp_path / "clip.mkv", "subrip", lines)
    reel = take(clip, tmp_path)
    assert reel.path.suffix == ".mkv"
    assert lines_of(reel.path) == [text for _, _, text in lines]
    assert not [one for one in told(clip, output()).values() if one.fate is not Fate.KEPT]
    finding = told(clip, in_container("mp4"))["stream 1 (subtitle, srt)"]
    assert finding.fate is Fate.CHANGED
    assert finding.reason == f"is written as mov_text: {what}; a name that ends in .mkv keeps it"


def test_plain_subtitles_are_kept_in_an_mp4(tmp_path: Path) -> None:
    """A line that ends a moment later than the next begins loses nothing that anybody sees."""
    clip = subtitled(tmp_path / "clip.mkv", "subrip", [(0, 301, b"3 < 4 {so} <sigh>"), (300, 100, b"there")])
    assert told(clip, output())["stream 1 (subtitle, srt)"].reason == "is kept, written as mov_text"
    assert take(clip, tmp_path).path.suffix == ".mp4"


STYLE = (22).to_bytes(4) + b"styl" + bytes((0, 1, 0, 0, 0, 5, 0, 1, 2, 18, 255, 255, 255, 255))
UTF_8 = (12).to_bytes(4) + b"encd" + (256).to_bytes(4)


@pytest.mark.parametrize(("boxes", "fate"), [(STYLE, Fate.CHANGED), (UTF_8 + STYLE, Fate.CHANGED), (UTF_8, Fate.KEPT)])
def test_styles_that_matroska_does_not_keep_are_said(tmp_path: Path, boxes: bytes, fate: Fate) -> None:
    clip = subtitled(tmp_path / "clip.mp4", "mov_text", [(0, 300, b"\0\5Hello" + boxes)])
    assert told(clip, output())["stream 1 (subtitle, mov_text)"].fate is Fate.KEPT
    finding = told(clip, in_container("matroska"))["stream 1 (subtitle, mov_text)"]
    assert finding.fate is fate
    if fate is Fate.CHANGED:
        kept = "a name that ends in .mp4 or .mov keeps it"
        assert finding.reason == f"is written as subrip: its styles are left out; {kept}"


def test_what_a_muxer_refuses_later_does_not_cost_the_work(tmp_path: Path) -> None:
    """The first packets have a frame each, as the container wants it; one behind has three."""
    clip = telephone_clip(tmp_path / "clip.3gp", [1] * 30 + [3] + [1] * 10)
    reel = take(clip, tmp_path)
    assert bytes_of_sound(reel.path) == bytes_of_sound(clip)
    (warning,) = reel.spliced.warnings
    assert "stream 1 (audio, amrnb) was refused" in warning
    assert warning.endswith("its packets hold one frame each instead")
    assert reel.spliced.account.frames_out == 25


@pytest.mark.parametrize("codec", ["pcm_s16le", "pcm_s24le", "pcm_s24be", "pcm_s32le"])
def test_pcm_goes_where_every_player_knows_it(tmp_path: Path, codec: str) -> None:
    clip = encode(tmp_path / "clip.mov", "libx264", 10, sound=codec)
    reel = take(clip, tmp_path)
    assert reel.path.suffix == ".mov"
    assert bytes_of_sound(reel.path) == bytes_of_sound(clip)
    assert b"ipcm" not in reel.path.read_bytes()


@pytest.mark.parametrize("codec", ["pcm_s16le", "pcm_s24le", "pcm_s24be"])
def test_pcm_in_an_mp4_that_was_asked_for_is_kept_as_alac_and_said(tmp_path: Path, codec: str) -> None:
    clip = encode(tmp_path / "clip.mov", "libx264", 30, sound=codec)
    reel = take(clip, tmp_path, in_container("mp4"))
    assert b"ipcm" not in reel.path.read_bytes()
    assert np.array_equal(samples_of(reel.path)[: samples_of(clip).size], samples_of(clip))
    finding = told(clip, in_container("mp4"))[f"stream 1 (audio, {codec})"]
    assert finding.fate is Fate.CHANGED
    assert finding.reason.startswith("is stored decoded, as ALAC")
    assert ".mov or .mkv keeps it" in finding.reason


def test_a_gap_in_decoded_sound_stays_a_gap(tmp_path: Path) -> None:
    base = Fraction(1, 8000)

    def add(container: Any) -> list[Any]:
        sound = container.add_stream("pcm_s16le", rate=8000, layout="mono")
        data = (np.ones(800) * 5000).astype("<i2").tobytes()
        return [packet_of(sound, data, at, 800, base) for at in (0, 800, 4800, 5600)]

    clip = with_streams(tmp_path / "clip.mkv", add)
    samples = samples_of(take(clip, tmp_path, in_container("mp4")).path)
    assert not samples[1600:4800].any()
    assert (samples[:1600] == 5000).all()
    assert (samples[4800:6400] == 5000).all()


HOURS = 3600 * 8000


def with_gaps(path: Path, times: Sequence[int]) -> Path:
    """A clip with packets of a tenth of a second of sound at these times, in 1/8000 s."""

    def add(container: Any) -> list[Any]:
        sound = container.add_stream("pcm_s16le", rate=8000, layout="mono")
        return [packet_of(sound, bytes(1600), at, 800, Fraction(1, 8000)) for at in times]

    return with_streams(path, add)


def test_gaps_of_more_than_a_day_in_decoded_sound_are_not_filled(tmp_path: Path) -> None:
    """A damaged time may ask for any number of packets."""
    clip = with_gaps(tmp_path / "clip.mkv", [*range(0, 80_000, 800), 25 * HOURS])
    reel = take(clip, tmp_path, in_container("mp4"))
    assert [each for each in reel.spliced.account.warnings if "gaps" in each] == [
        "stream 1 (audio, pcm_s16le) has gaps of more than 24 hours, which would be filled with silence (in .mkv they "
        "stay): it is left out"
    ]
    with av.open(str(reel.path)) as container:
        assert [stream.type for stream in container.streams] == ["video"]
    kept = take(clip, tmp_path / "kept", in_container("matroska"))
    assert [time for time, _ in sound_of(kept.path)] == [time for time, _ in sound_of(clip)]


def test_gaps_of_decoded_sound_are_added_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sound_module, "MAX_SILENCE_S", 60)
    steady = list(range(0, 80_000, 800))
    for gaps, left in ((1, 0), (2, 1)):
        late = [80_000 + number * 40 * 8000 for number in range(1, gaps + 1)]
        clip = with_gaps(tmp_path / f"{gaps}.mkv", [*steady, *late])
        warnings = take(clip, tmp_path / str(gaps), in_container("mp4")).spliced.account.warnings
        assert sum("silence" in each for each in warnings) == left


def test_a_gap_at_the_beginning_is_not_filled_to_try_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is said before anything is sent where it is too long."""
    silence = sound_module._silence
    made: list[int] = []

    def counted(like: av.AudioFrame, samples: int) -> av.AudioFrame:
        made.append(samples)
        return silence(like, samples)

    monkeypatch.setattr(sound_module, "_silence", counted)
    clip = with_gaps(tmp_path / "a.mkv", [0, 800, 20 * HOURS])
    assert told(clip, in_container("mp4"))["stream 1 (audio, pcm_s16le)"].fate is Fate.CHANGED
    assert 0 < len(made) < 10_000
    clip = with_gaps(tmp_path / "b.mkv", [0, 800, 25 * HOURS])
    assert told(clip, in_container("mp4"))["stream 1 (audio, pcm_s16le)"].fate is Fate.LOST


PICTURE = b"\xff\xd8\xff\xdb" + bytes(60)  # begins like a JPEG


def with_files(path: Path) -> Path:
    def add(container: Any) -> list[Any]:
        container.add_attachment("Sans Bold.ttf", "application/x-truetype-font", b"glyphs" * 100)
        container.add_attachment("cover.jpg", "image/jpeg", PICTURE)
        return []

    return with_streams(path, add, video=10)


def files_in(path: Path) -> dict[str, bytes]:
    """The files within a Matroska file, and its cover pictures."""
    found = {}
    with av.open(str(path)) as container:
        for stream in container.streams:
            if stream.type == "attachment":
                found[stream.metadata["filename"]] = stream.data  # type: ignore[attr-defined]
            elif stream.disposition & av.stream.Disposition.attached_pic:
                (packet,) = [one for one in container.demux(stream) if one.size]
                found["the cover"] = bytes(packet)
    return found


def test_files_within_a_file_are_kept_where_a_container_holds_them(tmp_path: Path) -> None:
    reel = take(with_files(tmp_path / "clip.mkv"), tmp_path)
    assert reel.path.suffix == ".mkv"  # an MP4 would lose the font
    assert files_in(reel.path) == {"Sans Bold.ttf": b"glyphs" * 100, "the cover": PICTURE}
    assert not reel.spliced.warnings


@pytest.mark.parametrize("name", ["mp4", "mov"])
def test_a_cover_picture_goes_into_an_mp4_and_a_font_is_said(tmp_path: Path, name: str) -> None:
    clip = with_files(tmp_path / "clip.mkv")
    reel = take(clip, tmp_path, in_container(name))
    assert files_in(reel.path) == {"the cover": PICTURE}
    found = told(clip, in_container(name))
    assert found["stream 2 (cover, mjpeg)"].fate is Fate.KEPT
    assert found["stream 1 (attachment, Sans Bold.ttf)"].fate is Fate.LOST
    assert found["stream 1 (attachment, Sans Bold.ttf)"].reason.endswith("a name that ends in .mkv keeps it")
    back = take(reel.path, tmp_path / "back", in_container("matroska"))
    assert files_in(back.path) == {"the cover": PICTURE}


def test_a_timecode_track_is_kept_and_said_so(tmp_path: Path) -> None:
    def add(container: Any) -> list[Any]:
        container.streams.video[0].metadata["timecode"] = "10:20:30:05"
        return []

    clip = with_streams(tmp_path / "clip.mov", add)
    findings = told(clip, output())
    assert findings["the timecode 10:20:30:05"].fate is Fate.KEPT
    assert not [one for one in findings if "data" in one], "it is told once"
    for name in ("mp4", "mov", "matroska"):
        with av.open(str(take(clip, tmp_path / name, in_container(name)).path)) as container:
            video = container.streams.video[0]
            assert {key.lower(): text for key, text in video.metadata.items()}["timecode"] == "10:20:30:05"
            assert ("data" in [one.type for one in container.streams]) == (name != "matroska")


def packets_beside(path: Path) -> list[tuple[int, bytes]]:
    with av.open(str(path)) as container:
        return [(packet.pts or 0, bytes(packet)) for packet in container.demux(container.streams[1]) if packet.size]


def test_a_track_of_captions_is_kept_where_a_container_holds_it(tmp_path: Path) -> None:
    def add(container: Any) -> list[Any]:
        captions = container.add_mux_stream("eia_608", time_base=1 / RATE)
        pairs = b"\xfc\x94\x2c\xfc\x94\x20"  # two commands of CEA-608
        return [packet_of(captions, pairs, at, 1, 1 / RATE) for at in range(0, 25, 5)]

    clip = with_streams(tmp_path / "clip.mov", add)
    reel = take(clip, tmp_path)
    assert reel.path.suffix == ".mov"
    assert [data for _, data in packets_beside(reel.path)] == [data for _, data in packets_beside(clip)]
    (lost,) = [one for one in told(clip, in_container("mp4")).values() if one.fate is Fate.LOST]
    assert lost.reason == "is left out: an MP4 file cannot hold it; a name that ends in .mov keeps it"


def test_data_of_a_camera_is_kept_where_a_container_holds_it(tmp_path: Path) -> None:
    def add(container: Any) -> list[Any]:
        data = container.add_mux_stream("bin_data", time_base=Fraction(1, 1000))
        return [packet_of(data, bytes([at]) * 40, at * 200, 200, Fraction(1, 1000)) for at in range(5)]

    clip = with_streams(tmp_path / "clip.mp4", add)
    reel = take(clip, tmp_path)
    assert reel.path.suffix == ".mp4"
    assert packets_beside(reel.path) == packets_beside(clip)
    (lost,) = [one for one in told(clip, in_container("matroska")).values() if one.fate is Fate.LOST]
    assert lost.subject == "stream 1 (data, bin_data)"


def test_data_last_no_longer_than_the_file_says(tmp_path: Path) -> None:
    """As a camera writes telemetry: each packet tells a second, though the recording ends within the last."""

    def add(container: Any) -> list[Any]:
        data = container.add_mux_stream("bin_data", time_base=Fraction(1, 1000))
        return [packet_of(data, bytes([at]) * 40, at * 600, 600, Fraction(1, 1000)) for at in range(2)]

    clip = with_streams(tmp_path / "clip.mp4", add)
    assert declared_s(clip) == pytest.approx(1.2)
    content = bytearray(clip.read_bytes())
    at = content.index(b"mvhd") + 4
    scale = int.from_bytes(content[at + 12 : at + 16])
    content[at + 16 : at + 20] = scale.to_bytes(4)  # a second, as the video lasts
    clip.write_bytes(content)
    assert declared_s(take(clip, tmp_path).path) == pytest.approx(1.0, abs=0.002)


def declared_s(path: Path) -> float:
    content = path.read_bytes()
    at = content.index(b"mvhd") + 4
    return int.from_bytes(content[at + 16 : at + 20]) / int.from_bytes(content[at + 12 : at + 16])


def test_a_timecode_that_drops_frames_is_kept_at_its_rate(tmp_path: Path) -> None:
    def add(container: Any) -> list[Any]:
        container.streams.video[0].metadata["timecode"] = "01:00:00;02"
        return []

    clip = with_streams(tmp_path / "clip.mov", add, rate=Fraction(30000, 1001))
    assert all(one.fate is Fate.KEPT for one in told(clip, output()).values())
    with av.open(str(take(clip, tmp_path).path)) as container:
        assert container.streams.video[0].metadata["timecode"] == "01:00:00;02"


@pytest.mark.parametrize(("code", "becomes"), [("01:00:00;02", None), ("01:00:00:28", "01:00:01:03")])
def test_a_timecode_that_another_rate_does_not_hold_is_said(code: str, becomes: str | None, tmp_path: Path) -> None:
    def add(container: Any) -> list[Any]:
        container.streams.video[0].metadata["timecode"] = code
        return []

    clip = with_streams(tmp_path / "clip.mov", add, rate=Fraction(30000, 1001))
    wanted = output(chain=(Step("fps", {"rate": "25"}),))
    said = told(clip, wanted)[f"the timecode {code}"]
    what = "is left out: an MP4 file of 25 frames a second cannot hold it"
    what = f"becomes {becomes!r} in an MP4 file of 25 frames a second" if becomes else what
    assert said.reason == f"{what}; a name that ends in .mkv keeps it"
    with av.open(str(take(clip, tmp_path, wanted).path)) as container:
        assert container.streams.video[0].metadata.get("timecode") == becomes
    assert told(clip, output(chain=(Step("fps", {"rate": "30000/1001"}),)))[f"the timecode {code}"].fate is Fate.KEPT


def flags_clip(path: Path) -> Path:
    """Two languages of sound, two of subtitles: some with titles, one forced, one of each shown unasked."""
    flag = av.stream.Disposition

    def add(container: Any) -> list[Any]:
        packets = []
        for language, title, disposition in (("eng", "Commentary", 0), ("deu", "", flag.default)):
            sound = container.add_stream("aac", rate=8000, layout="mono")
            sound.metadata.update({"language": language} | ({"title": title} if title else {}))
            sound.disposition = disposition
            frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), "fltp", "mono")
            frame.sample_rate, frame.pts = 8000, 0
            packets += [*sound.encode(frame), *sound.encode(None)]
        for language, title, disposition in (("fra", "Signs", flag.forced), ("eng", "All", 0)):
            text = container.add_mux_stream("subrip", time_base=Fraction(1, 1000))
            text.metadata.update({"language": language, "title": title})
            text.disposition = disposition
            packets.append(packet_of(text, b"words", 100, 300, Fraction(1, 1000)))
        return packets

    return with_streams(path, add)


def facts_of(path: Path) -> list[tuple[str, str, str, bool, bool]]:
    flag = av.stream.Disposition
    with av.open(str(path)) as container:
        return [
            (
                one.type,
                one.metadata.get("language", ""),
                one.metadata.get("title") or one.metadata.get("name", ""),
                bool(one.disposition & flag.default),
                bool(one.disposition & flag.forced),
            )
            for one in container.streams
            if one.type in ("audio", "subtitle")
        ]


def test_titles_languages_and_flags_of_tracks_are_kept_or_said(tmp_path: Path) -> None:
    clip = flags_clip(tmp_path / "clip.mkv")
    before = facts_of(clip)
    assert before[0] == ("audio", "eng", "Commentary", False, False)
    assert before[2] == ("subtitle", "fra", "Signs", False, True)
    for name in ("mp4", "matroska"):
        assert facts_of(take(clip, tmp_path / name, in_container(name)).path) == before
        assert all(one.fate is Fate.KEPT for one in told(clip, in_container(name)).values())
    lost = {subject: one for subject, one in told(clip, in_container("mov")).items() if one.fate is not Fate.KEPT}
    assert list(lost) == ["flag forced of stream 3 (subtitle, srt)"]
    after = facts_of(take(clip, tmp_path / "mov", in_container("mov")).path)
    assert after == [(*facts[:4], False) for facts in before]


def test_captions_within_the_video_are_said(tmp_path: Path) -> None:
    body = b"\xb5\0\x31GA94\3\xc1\xff\xfc\x94\x2c\xff"
    sei = b"\0\0\0\1\6\4" + bytes([len(body)]) + body + b"\x80"

    def captioned(index: int, packet: Any) -> Any:
        return with_bytes(packet, sei + bytes(packet)) if index == 4 else packet

    clip = remux(encode(tmp_path / "plain.ts", "libx264", 10), tmp_path / "clip.ts", captioned)
    assert told(clip, output())["closed captions"].fate is Fate.LOST
    assert "closed captions" not in told(tmp_path / "plain.ts", output())


def with_box(data: bytes, path: Sequence[bytes], added: bytes) -> bytes:
    """Put a box at the end of the first one at a path of types, from `moov` on, which lies at the file's end."""
    places, at = [], data.rindex(b"moov")
    for kind in path:
        at = data.index(kind, at)
        places.append(at - 4)
    last = places[-1] + int.from_bytes(data[places[-1] : places[-1] + 4], "big")
    changed = bytearray(data[:last] + added + data[last:])
    for place in places:
        changed[place : place + 4] = (int.from_bytes(changed[place : place + 4], "big") + len(added)).to_bytes(4, "big")
    return bytes(changed)


def test_dolby_vision_that_only_the_container_tells_is_said(tmp_path: Path) -> None:
    plain, clip = encode(tmp_path / "plain.mp4", "libx264", 3), tmp_path / "clip.mp4"
    box = (32).to_bytes(4, "big") + b"dvvC" + b"\1\0\x12\x15\x20" + bytes(19)
    path = (b"moov", b"trak", b"mdia", b"minf", b"stbl", b"stsd", b"avc1")
    clip.write_bytes(with_box(plain.read_bytes(), path, box))
    assert told(clip, output())["Dolby Vision"].fate is Fate.LOST
    assert "Dolby Vision" not in told(plain, output())
