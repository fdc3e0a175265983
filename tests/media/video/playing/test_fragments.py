"""Boxes of fragments, byte by byte."""

from __future__ import annotations

from struct import unpack

from moviola.media.video.playing.fragments import Run, Sample, box, boxes, fragment, length_prefixed


def test_a_fragment_says_where_its_samples_lie() -> None:
    video = Run(1, 2**33, [Sample(b"key", 40, 0, True), Sample(b"other", 40, -40, False)])
    made = fragment(7, [video, Run(2, 5, [Sample(b"tone", 1024, 0, True)])])
    (moof, start, end), (mdat, data_at, data_end) = boxes(made)
    assert (moof, mdat, made[data_at:data_end]) == (b"moof", b"mdat", b"keyothertone")
    inner = {kind: [made[a:b] for k, a, b in boxes(made, start, end) if k == kind] for kind in (b"mfhd", b"traf")}
    assert unpack(">II", inner[b"mfhd"][0]) == (0, 7)
    for track, (data, begin) in zip(inner[b"traf"], ((b"keyother", 2**33), (b"tone", 5)), strict=True):
        parts = {kind: track[a:b] for kind, a, b in boxes(track)}
        assert unpack(">IQ", parts[b"tfdt"]) == (1 << 24, begin)
        count, offset = unpack(">II", parts[b"trun"][4:12])
        rows = [unpack(">IIIi", parts[b"trun"][12 + 16 * at : 28 + 16 * at]) for at in range(count)]
        assert made[offset : offset + sum(row[1] for row in rows)] == data
    assert rows == [(1024, 4, 0x02000000, 0)]


def test_what_is_cut_off_is_no_box() -> None:
    whole = box(b"free", b"abc") + box(b"skip")
    assert [kind for kind, _, _ in boxes(whole)] == [b"free", b"skip"]
    assert [kind for kind, _, _ in boxes(whole[:-1])] == [b"free"]
    assert not list(boxes(b"\0\0\0\1free"))


def test_start_codes_become_lengths() -> None:
    assert length_prefixed(b"\0\0\0\1ab\0\0\1c\0\0\0\1d\0\0\3") == (b"\0\0\0\2ab" + b"\0\0\0\1c" + b"\0\0\0\4d\0\0\3")
    assert length_prefixed(b"") == b""
