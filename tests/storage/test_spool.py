"""Segments on a real disk: what is kept, what is recycled, and what a start finds."""

from __future__ import annotations

import errno
import os
import resource
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
import xxhash
from hypothesis import given, settings
from hypothesis import strategies as st

from moviola.storage import segments
from moviola.storage import spool as spool_module
from moviola.storage.errors import SpoolFull
from moviola.storage.spool import Location, Slice, Spool

SEGMENT = 1000


def opened(folder: Path, limit_bytes: int = 100 * SEGMENT) -> Spool:
    return Spool(folder, segment_bytes=SEGMENT, limit_bytes=limit_bytes)


def sent(part: Slice) -> bytes:
    """What sendfile would send now."""
    return os.pread(part.descriptor(), part.size, part.offset)


def files(folder: Path) -> dict[str, int]:
    return {path.name: path.stat().st_size for path in folder.iterdir()}


def descriptors(folder: Path) -> int:
    """How many descriptors this process has of files in a folder; others come and go with what other tests left."""
    count = 0
    for descriptor in os.listdir("/dev/fd"):
        with suppress(FileNotFoundError):  # that of the listing itself
            count += Path(os.readlink(f"/dev/fd/{descriptor}")).is_relative_to(folder)
    return count


def test_payloads_come_back_as_they_went_in(tmp_path: Path) -> None:
    spool = opened(tmp_path)
    payloads = [os.urandom(size) for size in (1, 400, 999, 0, 1000, 5000, 600)]
    locations = [spool.append("job", payload) for payload in payloads]
    assert [spool.read(location) for location in locations] == payloads
    for location, payload in zip(locations, payloads, strict=True):
        offset, size = location.offset, location.size
        assert sent(spool.slice(location)) == payload
        assert spool.path(location.segment).read_bytes()[offset : offset + size] == payload
    assert spool.used_bytes == sum(len(payload) for payload in payloads)


def test_a_segment_belongs_to_one_key(tmp_path: Path) -> None:
    spool = opened(tmp_path)
    one, two, again = (spool.append(key, bytes(10)) for key in ("one", "two", "one"))
    assert one.segment == again.segment != two.segment


def test_a_freed_segment_is_overwritten_not_truncated(tmp_path: Path) -> None:
    spool = opened(tmp_path)
    spool.append("one", bytes(900))
    spool.free("one")
    assert spool.used_bytes == 0
    location = spool.append("two", b"new")
    assert spool.read(location) == b"new"
    assert files(tmp_path) == {"1.segment": 900}


def test_a_segment_whose_payloads_are_all_freed_is_recycled(tmp_path: Path) -> None:
    spool = opened(tmp_path)
    first, second = spool.append("job", bytes(500)), spool.append("job", bytes(500))
    spool.free_location(first)
    assert spool.used_bytes == 1000
    spool.free_location(second)
    assert spool.used_bytes == 0
    with pytest.raises(KeyError):
        spool.free_location(second)
    assert spool.append("other", b"x").segment == first.segment


def test_what_is_freed_while_it_leaves_is_not_overwritten_before_it_has_left(tmp_path: Path) -> None:
    spool = opened(tmp_path)
    whole, single = spool.append("whole", b"w" * 900), spool.append("single", b"s" * 900)
    slices = [spool.slice(whole), spool.slice(whole), spool.slice(single)]
    spool.free("whole")
    spool.free_location(single)
    assert spool.used_bytes == 1800  # it does take that room
    again = spool.append("whole", b"x" * 900)  # the job is tried again
    spool.append("other", b"y" * 900)
    assert [sent(part)[:1] for part in slices] == [b"w", b"w", b"s"]
    for part in slices:
        part.release()
    assert spool.used_bytes == 1800
    assert {spool.append(key, b"z" * 900).segment for key in ("a", "b")} == {whole.segment, single.segment}
    assert spool.read(again) == b"x" * 900
    spool.free("whole")
    assert spool.used_bytes == 2700


def test_a_start_gives_back_what_was_still_leaving_when_the_process_was_killed(tmp_path: Path) -> None:
    spool = opened(tmp_path)
    leaving, kept = spool.append("cancelled", bytes(900)), spool.append("job", b"kept")
    spool.slice(leaving)
    spool.free("cancelled")
    again = opened(tmp_path)
    assert again.recover({"job": [kept]}) == {}
    assert again.used_bytes == 4
    assert again.append("other", b"x" * 900).segment == leaving.segment
    assert again.read(kept) == b"kept"


def test_what_waits_to_leave_needs_no_descriptor(tmp_path: Path) -> None:
    """Connections take as many as there are."""
    spool = opened(tmp_path)
    locations = [spool.append(f"job {number}", b"%d" % number) for number in range(5)]
    slices = [spool.slice(location) for location in locations]
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    assert descriptors(tmp_path) == 5
    spool.close()
    assert descriptors(tmp_path) == 0
    sent(slices[0])
    taken = [os.dup(0)]
    resource.setrlimit(resource.RLIMIT_NOFILE, (taken[0] + 1, hard))
    try:
        with pytest.raises(OSError, match="Too many open files"):
            taken.append(os.dup(0))
        assert [sent(part) for part in slices] == [b"%d" % number for number in range(5)]
        spool.append("new", b"x")
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        for fd in taken:
            os.close(fd)


def test_freeing_an_unknown_key_does_nothing(tmp_path: Path) -> None:
    opened(tmp_path).free("nobody")


def test_the_pool_is_bounded_and_a_large_segment_is_cut_to_size(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spool_module, "POOL_SEGMENTS", 2)
    spool = opened(tmp_path)
    for size in (5 * SEGMENT, 900, 900, 900):
        spool.append("job", bytes(size))
    spool.free("job")
    assert files(tmp_path) == {"1.segment": 1000, "2.segment": 900}


def test_open_descriptors_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(segments, "OPEN_SEGMENTS", 3)
    spool = opened(tmp_path)
    locations = [spool.append(f"job {number}", b"%d" % number) for number in range(10)]
    assert [spool.read(location) for location in locations] == [b"%d" % number for number in range(10)]
    assert 1 <= descriptors(tmp_path) <= 3
    spool.close()
    assert descriptors(tmp_path) == 0


def test_the_limit_refuses_what_begins_beyond_it(tmp_path: Path) -> None:
    spool = opened(tmp_path, limit_bytes=1500)
    spool.append("job", bytes(1000))
    assert spool.room_bytes == 500
    spool.append("job", bytes(800))  # begins within
    assert spool.room_bytes == 0
    with pytest.raises(SpoolFull):
        spool.append("job", b"x")
    spool.append("other", bytes(300), limit_bytes=2000)  # who has a limit of its own
    with pytest.raises(SpoolFull, match="its limit is 2000"):
        spool.append("other", b"x", limit_bytes=2000)
    spool.free("other")
    spool.free("job")
    assert spool.room_bytes == 1500
    spool.append("job", b"x")


def test_small_owners_of_recycled_segments_do_not_hold_the_limit_idle(tmp_path: Path) -> None:
    spool = opened(tmp_path, limit_bytes=10 * SEGMENT)
    for round_number in range(5):
        for _ in range(10):
            spool.append("large", bytes(SEGMENT))
        spool.free("large")
        for number in range(3):
            spool.append(f"small {round_number} {number}", b"x")
    assert sum(files(tmp_path).values()) <= 15 * SEGMENT


def test_a_full_disk_keeps_nothing_of_the_payload(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spool = opened(tmp_path)
    kept = spool.append("job", b"kept")
    real = os.pwrite
    room = 100

    def pwrite(fd: int, data: memoryview, offset: int) -> int:
        nonlocal room
        if not room:
            raise OSError(errno.ENOSPC, "No space left on device")
        written = real(fd, data[:room], offset)
        room -= written
        return written

    monkeypatch.setattr(os, "pwrite", pwrite)
    for key in ("job", "other"):
        with pytest.raises(OSError, match="No space") as caught:
            spool.append(key, bytes(500))
        assert caught.value.errno == errno.ENOSPC
    assert spool.used_bytes == 4
    monkeypatch.setattr(os, "pwrite", real)
    after = spool.append("job", b"after")
    assert (spool.read(kept), spool.read(after)) == (b"kept", b"after")
    assert after == Location(kept.segment, 4, 5)


def test_recovery_cuts_back_to_what_the_ledger_knows(tmp_path: Path) -> None:
    spool = opened(tmp_path)
    known = [spool.append("job", b"first"), spool.append("job", b"second")]
    spool.append("job", b"its commit never came")
    spool.append("orphan", b"the job was forgotten")
    spool.close()
    (tmp_path / "notes.txt").write_text("not a segment")

    again = opened(tmp_path)
    assert again.recover({"job": known}) == {}
    assert [again.read(location) for location in known] == [b"first", b"second"]
    assert again.used_bytes == len(b"firstsecond")
    third = again.append("job", b"third")
    assert third == Location(known[0].segment, len(b"firstsecond"), len(b"third"))
    assert again.append("new", b"takes the orphan's segment").segment == 2
    assert [again.read(location) for location in [*known, third]] == [b"first", b"second", b"third"]


def test_recovery_names_what_is_gone_or_cut_short(tmp_path: Path) -> None:
    spool = opened(tmp_path)
    whole, torn = spool.append("job", bytes(600)), spool.append("job", bytes(300))
    gone = spool.append("job", bytes(900))
    spool.close()
    os.truncate(tmp_path / "1.segment", 700)
    (tmp_path / "2.segment").unlink()
    again = opened(tmp_path)
    assert again.recover({"job": [whole, torn, gone]}) == {"job": [torn, gone]}
    assert again.read(whole) == bytes(600)
    with pytest.raises(OSError, match="shorter"):
        again.read(torn)


def test_a_segment_cannot_be_of_two_keys_so_the_second_has_lost_its_payload(tmp_path: Path) -> None:
    spool = opened(tmp_path)
    location = spool.append("job", bytes(600))
    assert spool.recover({"job": [location], "other": [location]}) == {"other": [location]}


# ── files that are not what they were ────────────────────────────────────────────────────────────────────────────────


def _unlinked(path: Path) -> None:
    path.unlink()


def _truncated(path: Path) -> None:
    os.truncate(path, 100)


def _replaced(path: Path) -> None:
    data = path.read_bytes()
    path.rename(path.with_suffix(".old"))
    path.write_bytes(data)


def _made_unreadable(path: Path) -> None:
    path.chmod(0)


def _folder_removed(path: Path) -> None:
    shutil.rmtree(path.parent)


CHANGES = (_unlinked, _truncated, _replaced, _made_unreadable, _folder_removed)


@pytest.mark.parametrize("change", CHANGES)
def test_nothing_is_written_into_a_file_that_is_not_there_any_more(
    tmp_path: Path, change: Callable[[Path], None]
) -> None:
    folder = tmp_path / "spool"
    spool = opened(folder)
    lost = [spool.append("job", bytes(300)), spool.append("job", bytes(300))]
    assert spool.take_lost() == frozenset()
    change(spool.path(lost[0].segment))
    assert spool.room_bytes > 0
    after = spool.append("job", b"y" * 300)
    assert after.segment != lost[0].segment
    assert spool.path(after.segment).read_bytes()[: after.size] == b"y" * 300
    assert spool.take_lost() == {lost[0].segment}
    assert spool.take_lost() == frozenset()
    for location in lost:
        spool.free_location(location)
    assert spool.used_bytes == 300
    spool.sync()


def test_one_lost_file_makes_all_others_looked_at(tmp_path: Path) -> None:
    spool = opened(tmp_path)
    locations = [spool.append(key, bytes(900)) for key in ("a", "b", "c")]
    spool.path(locations[0].segment).unlink()
    spool.path(locations[2].segment).unlink()
    spool.append("a", bytes(10))
    assert spool.take_lost() == {locations[0].segment, locations[2].segment}


def test_a_recycled_file_that_is_gone_is_not_written_to(tmp_path: Path) -> None:
    spool = opened(tmp_path)
    spool.append("job", bytes(900))
    spool.free("job")
    spool.path(1).unlink()
    location = spool.append("other", b"x" * 10)
    assert spool.path(location.segment).read_bytes()[:10] == b"x" * 10
    assert spool.take_lost() == frozenset()


def test_a_slice_of_a_file_that_is_gone_says_so_and_makes_none(tmp_path: Path) -> None:
    spool = opened(tmp_path)
    part = spool.slice(spool.append("job", bytes(10)))
    spool.close()
    spool.path(1).unlink()
    with pytest.raises(FileNotFoundError):
        part.descriptor()
    assert not spool.path(1).exists()


def test_a_checksum_is_of_what_is_on_disk(tmp_path: Path) -> None:
    spool = opened(tmp_path)
    spool.append("job", b"before")
    location, empty = spool.append("job", bytes(range(200))), spool.append("job", b"")
    assert spool.checksum(location) == xxhash.xxh3_64_intdigest(bytes(range(200)))
    assert spool.checksum(empty) == 0
    os.truncate(spool.path(1), 100)
    with pytest.raises(OSError, match="shorter"):
        spool.checksum(location)


def test_all_that_is_spooled_is_its_users_own(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        folder = tmp_path / "spool"
        folder.mkdir(mode=0o755)
        location = opened(folder).append("job", b"x")
    finally:
        os.umask(before)
    assert folder.stat().st_mode & 0o777 == 0o700
    assert (folder / f"{location.segment}.segment").stat().st_mode & 0o777 == 0o600


def test_sync_reaches_the_disk_only_when_asked_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[int] = []
    monkeypatch.setattr(os, "fsync", synced.append)
    spool = opened(tmp_path / "plain")
    spool.append("job", b"x")
    spool.sync()
    assert not synced
    spool = Spool(tmp_path / "safe", segment_bytes=SEGMENT, limit_bytes=SEGMENT, fsync=True)
    spool.append("job", b"x")
    spool.sync()
    assert len(synced) == 2  # segment and folder
    spool.sync()
    assert len(synced) == 2


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["append", "append", "append", "free", "free one", "send", "left", "restart"]),
            st.sampled_from("abc"),
            st.integers(0, 2500),
        ),
        max_size=40,
    )
)
def test_any_history_keeps_what_was_kept(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, str, int]]
) -> None:
    folder = tmp_path_factory.mktemp("spool")
    spool = opened(folder, limit_bytes=20 * SEGMENT)
    held: dict[str, dict[Location, bytes]] = {}
    leaving: list[tuple[Slice, bytes]] = []
    for number, (step, key, size) in enumerate(steps):
        if step == "append":
            payload = b"%d" % number * (size // 2)
            try:
                held.setdefault(key, {})[spool.append(key, payload)] = payload
            except SpoolFull:
                assert spool.used_bytes >= spool.limit_bytes
        elif step == "free":
            spool.free(key)
            held.pop(key, None)
        elif step == "free one" and held.get(key):
            spool.free_location(location := next(iter(held[key])))
            del held[key][location]
        elif step == "send" and held.get(key):
            leaving += [(spool.slice(location), payload) for location, payload in held[key].items()]
        elif step == "left" and leaving:
            leaving.pop(size % len(leaving))[0].release()
        elif step == "restart":
            leaving.clear()
            spool.close()
            spool = opened(folder, limit_bytes=20 * SEGMENT)
            assert spool.recover(held) == {}
        for payloads in held.values():
            assert all(spool.read(location) == payload for location, payload in payloads.items())
        assert all(sent(part) == payload for part, payload in leaving)
        assert spool.used_bytes >= sum(len(p) for payloads in held.values() for p in payloads.values())
        assert sum(files(folder).values()) == spool._files.total_bytes
    spool.close()
