from __future__ import annotations

from fractions import Fraction
from struct import pack
from typing import Any

import pytest
from av import Packet
from av.packet import PacketSideData, packet_sidedata_type_from_literal

from moviola.media.video.writing.codec_delay import as_heard, from_run_up

RATE = 48_000
BASE = Fraction(1, RATE)
LENGTH = 960
"""Samples of a packet."""


def packets(durations: list[int], begin: int = 0, skipped_at_end: int = 0) -> list[Packet[Any]]:
    made = []
    for number, duration in enumerate(durations):
        packet: Packet[Any] = Packet(1)
        packet.pts = packet.dts = begin + number * LENGTH
        packet.duration, packet.time_base = duration, BASE
        made.append(packet)
    if skipped_at_end:
        content = pack("<IIBB", 0, skipped_at_end, 0, 0)
        one = PacketSideData(packet_sidedata_type_from_literal("skip_samples"), len(content))  # type: ignore[call-arg]
        one.update(content)
        made[-1].set_sidedata(one)
    return made


@pytest.mark.parametrize("told", [LENGTH, LENGTH - 500], ids=["whole packets", "what is heard"])
def test_the_last_packet_lasts_as_long_as_it_is_heard(told: int) -> None:
    given = packets([LENGTH, LENGTH, told], skipped_at_end=500)
    assert [packet.duration for packet in as_heard(given, BASE, RATE)] == [LENGTH, LENGTH, LENGTH - 500]


@pytest.mark.parametrize(
    ("codec", "begin", "first"),
    [
        ("aac", -48_096, -96 - LENGTH),  # the packet before the one that is heard, for the decoder
        ("pcm_s16le", -48_096, -96),
        ("opus", -48_096, -96 - 4 * LENGTH),  # 80 ms
        ("aac", -1_024, -1_024),
        ("aac", 0, 0),
        ("aac", 500, 500),
    ],
)
def test_what_is_cut_away_is_left_out_but_for_a_run_up(codec: str, begin: int, first: int) -> None:
    heard, delay_s = from_run_up(packets([LENGTH] * 60, begin), BASE, codec)
    assert next(heard).pts == first
    assert delay_s == Fraction(max(0, -first), RATE)
