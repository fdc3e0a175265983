"""Which packets one clock timed, and the map of times that comes of it; times are those of a transport stream."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from fractions import Fraction
from itertools import chain, pairwise, zip_longest
from typing import Any

import pytest

from moviola.media.fidelity import Fate
from moviola.media.video.reading import clocks as clocks_module
from moviola.media.video.reading.clocks import WRAP, Clocks, Role, Run, Told
from moviola.media.video.reading.timeline import Timeline, findings_of, source_time, timeline_of

VIDEO, SOUND, TEXT, OTHER_SOUND, OTHER_TEXT = range(5)
SECOND = 90_000
FRAME = 3_600
PACKET = 2_160

Times = Iterable[tuple[int, int]]


def recording(begin: int, frames: int, sound: int = 0, *, extra: int = 0) -> Iterator[tuple[int, int]]:
    """(stream, time) of the packets of a recording in the order of a file; its sound begins so much later, and ends
    with a packet more for each of `extra`."""
    told = [(VIDEO, begin + index * FRAME) for index in range(frames)]
    told += [(SOUND, begin + sound + index * PACKET) for index in range(frames * FRAME // PACKET + extra)]
    return iter(sorted(told, key=lambda each: (each[1], each[0])))


def read(*parts: Times, is_mpeg: bool = True) -> tuple[Timeline, dict[int, list[int]]]:
    """The map of these packets, and where it puts them."""
    clocks, times = clocks_of(*parts, is_mpeg=is_mpeg)
    timeline = timeline_of(clocks)
    moved = {stream: [at for at in timeline.moved(stream, known) if at is not None] for stream, known in times.items()}
    return timeline, moved


def clocks_of(*parts: Times, is_mpeg: bool = True) -> tuple[Clocks, dict[int, list[int]]]:
    """What these packets tell, and the times of each stream's."""
    base = Fraction(1, SECOND)
    video, sound, text = (Told(role, base) for role in (Role.VIDEO, Role.SOUND, Role.SPARSE))
    packets = [each for part in parts for each in part]
    told = {VIDEO: video, SOUND: sound, TEXT: text}
    told |= {stream: {OTHER_SOUND: sound, OTHER_TEXT: text}[stream] for stream, _ in packets if stream > TEXT}
    lengths = {VIDEO: FRAME, SOUND: PACKET, TEXT: 0, OTHER_SOUND: PACKET, OTHER_TEXT: 0}
    clocks = Clocks(told, is_mpeg=is_mpeg)
    times: dict[int, list[int]] = {stream: [] for stream in told}
    for stream, at in packets:
        clocks.add(stream, at, at, lengths[stream])
        times[stream].append(at)
    return clocks, times


def steps(times: list[int]) -> set[int]:
    return {two - one for one, two in pairwise(times)}


def test_a_late_start_is_taken_off() -> None:
    timeline, moved = read(recording(40_001 * SECOND, 60))
    assert moved[VIDEO] == [index * FRAME for index in range(60)]
    assert moved[SOUND][0] == 0
    assert [each.fate for each in findings_of(timeline)] == [Fate.CHANGED]


def test_elsewhere_a_small_start_is_the_authors() -> None:
    assert not read(recording(3_000, 60), is_mpeg=False)[0].is_moved
    assert read(recording(SECOND, 60), is_mpeg=False)[1][VIDEO][0] == 0
    assert read(recording(-3_000, 60), is_mpeg=False)[1][VIDEO][0] == 0


def test_recordings_follow_each_other() -> None:
    for begin in (5 * SECOND, 0, 5_000 * SECOND):
        timeline, moved = read(recording(5 * SECOND, 60), recording(begin, 60))
        assert steps(moved[VIDEO]) == {FRAME}, begin
        assert steps(moved[SOUND]) == {PACKET}, begin
        assert len(timeline.joints) == 1
        stretches = timeline.stretches(VIDEO, moved[VIDEO])
        assert [source_time(stretches, at) for at in moved[VIDEO]] == [
            *(5 * SECOND + index * FRAME for index in range(60)),
            *(begin + index * FRAME for index in range(60)),
        ]


def test_nothing_lies_on_top_of_another_and_all_stay_in_step() -> None:
    timeline, moved = read(recording(0, 60, -900, extra=2), recording(7, 60, -900))
    assert steps(moved[SOUND]) == {PACKET}
    assert timeline.joints[0].gap_s == Fraction(2 * PACKET, SECOND)
    assert moved[VIDEO][60] - moved[SOUND][100 + 2] == moved[VIDEO][0] - moved[SOUND][0]


def test_streams_that_change_clocks_at_other_places_of_the_file() -> None:
    one, two = list(recording(0, 60)), list(recording(9 * SECOND, 60))
    last = max(index for index, (stream, _) in enumerate(one) if stream == SOUND)
    late = one.pop(last)
    timeline, moved = read(one, two[:1], [late], two[1:])
    assert len(timeline.joints) == 0, "nine seconds are a pause"
    timeline, moved = read(one, [(stream, at + SECOND * 100) for stream, at in two[:1]], [late],
                           [(stream, at + SECOND * 100) for stream, at in two[1:]])  # fmt: skip
    assert len(timeline.joints) == 1
    assert steps(moved[VIDEO]) == {FRAME}
    assert steps(moved[SOUND]) == {PACKET}


def test_the_clock_wraps() -> None:
    begin = WRAP - 30 * FRAME
    timeline, moved = read([(stream, at % WRAP) for stream, at in recording(begin, 60)])
    assert steps(moved[VIDEO]) == {FRAME}
    assert steps(moved[SOUND]) == {PACKET}
    assert timeline.wraps == 1
    assert not timeline.joints
    told = [each.reason for each in findings_of(timeline)]
    assert any("2**33" in each for each in told)


def test_pauses_stay() -> None:
    for pause in (3 * SECOND, 9 * SECOND):
        _, moved = read(recording(0, 60), recording(60 * FRAME + pause, 60))
        assert moved[VIDEO][60] - moved[VIDEO][59] == FRAME + pause
    slides = [(VIDEO, 0), (VIDEO, 60 * SECOND)]
    beside = [(SOUND, at) for at in range(0, 61 * SECOND, PACKET)]
    _, moved = read(sorted(slides + beside, key=lambda each: each[1]))
    assert moved[VIDEO] == [0, 60 * SECOND], "the sound went on: it is a slide that was shown for a minute"
    _, moved = read(recording(0, 10), recording(5_000 * SECOND, 10), is_mpeg=False)
    assert moved[VIDEO][10] == 5_000 * SECOND, "a file with a time line of its own says so"


def test_times_that_are_wrong_for_a_moment_shift_nothing() -> None:
    told = list(recording(0, 100))
    for wrong in (-3 * SECOND, -30 * SECOND):
        broken = [(stream, max(0, at + wrong) if index == 80 else at) for index, (stream, at) in enumerate(told)]
        timeline, moved = read(broken)
        assert not timeline.joints
        assert moved[VIDEO][-1] == 99 * FRAME


def test_one_stream_alone_is_no_other_clock() -> None:
    told = list(recording(0, 200))
    broken = [(stream, at - SECOND if stream == VIDEO and at > 4 * SECOND else at) for stream, at in told]
    timeline, moved = read(broken)
    assert not timeline.joints
    assert steps(moved[SOUND]) == {PACKET}


def programmes(*streams: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Packets of several programmes, as they lie beside each other in a file: one of each in turn."""
    return [packet for packets in zip_longest(*streams) for packet in packets if packet is not None]


def other(begin: int, count: int = 100) -> list[tuple[int, int]]:
    """The sound and the subtitles of another programme."""
    return [(OTHER_TEXT if index % 10 == 5 else OTHER_SOUND, begin + index * PACKET) for index in range(count)]


@pytest.mark.parametrize("begin", [100 * SECOND, 20_000 * SECOND])
@pytest.mark.parametrize("is_first", [True, False])
def test_another_programme_moves_nothing(begin: int, is_first: bool) -> None:
    ours = [*recording(3_600 * SECOND, 60)]
    ours.insert(50, (TEXT, 3_601 * SECOND))
    file = programmes(other(begin), ours) if is_first else programmes(ours, other(begin))
    clocks, times = clocks_of(file)
    assert clocks.foreign == [OTHER_SOUND, OTHER_TEXT]
    timeline, alone = timeline_of(clocks), read(ours)[0]
    assert timeline == alone, "as if it were alone in the file"
    assert timeline.start_s == 3_600
    assert timeline.moved(VIDEO, times[VIDEO]) == [index * FRAME for index in range(60)]


def test_another_programme_by_the_same_clock_is_kept() -> None:
    clocks, _ = clocks_of(programmes(recording(3_600 * SECOND, 60), other(3_602 * SECOND)))
    assert not clocks.foreign


def test_another_programme_beside_joined_recordings() -> None:
    ours = [*recording(3_600 * SECOND, 60), *recording(50 * SECOND, 60)]
    clocks, _ = clocks_of(programmes(other(20_000 * SECOND, 200), ours))
    assert clocks.foreign == [OTHER_SOUND, OTHER_TEXT]
    assert timeline_of(clocks) == read(ours)[0]


@pytest.mark.parametrize("first", [SOUND, VIDEO])
def test_streams_that_lie_far_from_each_other_in_a_file_are_one_programme(first: int) -> None:
    told = sorted(recording(3_600 * SECOND, 1_000), key=lambda each: each[0] != first)
    clocks, _ = clocks_of(told)
    assert not clocks.foreign
    assert timeline_of(clocks).start_s == 3_600


def test_a_first_time_that_is_wrong_is_no_other_programme() -> None:
    told = [*recording(3_600 * SECOND, 60)]
    told[1] = SOUND, 9_000 * SECOND
    clocks, times = clocks_of(told)
    assert not clocks.foreign
    assert timeline_of(clocks).moved(SOUND, times[SOUND])[2] == 2 * PACKET


def test_a_stream_that_begins_with_the_second_recording() -> None:
    one, two = recording(3_600 * SECOND, 60), recording(50 * SECOND, 60)
    begin = [(OTHER_SOUND, 50 * SECOND), (OTHER_TEXT, 50 * SECOND)]
    clocks, times = clocks_of(one, begin, two, [(each, at + SECOND) for each, at in begin])
    assert not clocks.foreign
    timeline = timeline_of(clocks)
    for stream in (OTHER_SOUND, OTHER_TEXT):
        assert timeline.moved(stream, times[stream]) == [60 * FRAME, 60 * FRAME + SECOND]


def test_subtitles_follow() -> None:
    one, two = list(recording(0, 60)), list(recording(0, 60))
    _, moved = read(one[:60], [(TEXT, SECOND)], one[60:], two[:60], [(TEXT, SECOND)], two[60:])
    assert moved[TEXT] == [SECOND, SECOND + 60 * FRAME]


def test_many_joints_are_counted() -> None:
    timeline, moved = read(*(recording(0, 10) for _ in range(30)))
    assert steps(moved[VIDEO]) == {FRAME}
    told = list(findings_of(timeline))
    assert len(told) == 11
    assert "19 times more" in told[-1].reason


def every_second_off(frames: int) -> Iterator[tuple[int, int]]:
    """A recording whose every second picture is timed half a second too early."""
    for index, (stream, at) in enumerate(recording(SECOND, frames)):
        yield stream, at - SECOND // 2 if stream == VIDEO and index % 2 else at


class Touched(Run):
    """Counts how often an attribute of any run is read."""

    reads = 0

    def __getattribute__(self, name: str) -> Any:
        Touched.reads += 1
        return super().__getattribute__(name)


@pytest.mark.parametrize(
    "recorded",
    [every_second_off, lambda frames: chain.from_iterable(recording(0, 5) for _ in range(frames // 5))],
    ids=["times that jump and return", "joined recordings"],
)
def test_the_work_grows_in_step_with_the_packets(
    monkeypatch: pytest.MonkeyPatch, recorded: Callable[[int], Times]
) -> None:
    monkeypatch.setattr(clocks_module, "Run", Touched)
    reads = []
    for frames in (250, 2_000):
        Touched.reads = 0
        read(recorded(frames))
        reads.append(Touched.reads)
    few, many = reads
    assert many < 8 * few * 2, "halving a search for eight times as many packets takes three steps more"
