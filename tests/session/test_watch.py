from __future__ import annotations

import pytest

from moviola.media.wholeness import Wholeness
from moviola.session import watch
from moviola.session.watch import QUIET_S, SETTLE_S, FolderWatch, Identity, Look

WHOLE = Look(Wholeness.WHOLE, is_open=False)
UNKNOWN = Look(Wholeness.UNKNOWN, is_open=False)
CUT_OFF = Look(Wholeness.CUT_OFF, is_open=False)
OPEN = Look(Wholeness.UNKNOWN, is_open=True)

NOW_UNIX_S = 2_000_000_000.0


def file(inode: int = 1, size: int = 10, age_s: float = 0.0) -> Identity:
    return Identity(inode, size, int((NOW_UNIX_S - age_s) * 1e9))


class Folder:
    """A watched folder with a clock that stands still until it is told to go on."""

    def __init__(self, done: set[Identity] | None = None) -> None:
        self.watch, self.now, self.files = FolderWatch(done or set()), 100.0, dict[str, Identity]()

    def due(self, after_s: float = 0.0) -> list[str]:
        self.now += after_s
        return self.watch.seen(self.files, self.now, NOW_UNIX_S + self.now - 100.0)

    def looked(self, name: str, look: Look) -> bool:
        return self.watch.looked(name, look, self.now) is not None


def test_a_new_file_is_looked_at_when_it_has_been_quiet_and_sent_once() -> None:
    folder = Folder()
    folder.files["a.mp4"] = file()
    assert folder.due() == []
    assert folder.due(QUIET_S / 2) == []
    assert folder.due(QUIET_S / 2) == ["a.mp4"]
    assert folder.looked("a.mp4", WHOLE)
    assert folder.due(SETTLE_S) == []
    assert folder.watch.waiting == 0


def test_a_file_that_grows_is_left_alone() -> None:
    folder = Folder()
    for size in range(20):
        folder.files["a.mp4"] = file(size=size, age_s=-size)
        assert folder.due(QUIET_S * 0.9) == []


def test_a_copy_that_stalls_with_its_file_open_is_left_alone_however_long() -> None:
    folder = Folder()
    folder.files["a.ts"] = file()
    folder.due()
    for _ in range(10):
        assert folder.due(SETTLE_S * 2) == ["a.ts"]
        assert not folder.looked("a.ts", OPEN)
    assert folder.due(SETTLE_S * 0.9) == ["a.ts"]
    assert not folder.looked("a.ts", UNKNOWN), "the time since somebody wrote to it counts"
    assert folder.due(SETTLE_S * 0.1) == ["a.ts"]
    assert folder.looked("a.ts", UNKNOWN)


def test_a_file_of_unknown_length_is_left_alone_longer_than_a_copy_stalls() -> None:
    folder = Folder()
    folder.files["a.ts"] = file()
    folder.due()
    assert folder.due(30) == ["a.ts"]
    assert not folder.looked("a.ts", UNKNOWN)
    assert folder.due(SETTLE_S - 30) == ["a.ts"]
    assert folder.looked("a.ts", UNKNOWN)


def test_where_writers_cannot_be_seen_a_whole_container_has_to_settle_as_well() -> None:
    folder = Folder()
    folder.files["a.mp4"] = file()
    folder.due()
    assert folder.due(SETTLE_S * 0.9) == ["a.mp4"]
    assert not folder.looked("a.mp4", Look(Wholeness.WHOLE, is_open=None))
    assert folder.due(SETTLE_S * 0.1) == ["a.mp4"]
    assert folder.looked("a.mp4", Look(Wholeness.WHOLE, is_open=None))


def test_a_file_that_is_cut_off_is_never_sent() -> None:
    folder = Folder()
    folder.files["a.mp4"] = file()
    folder.due()
    assert folder.due(QUIET_S) == ["a.mp4"]
    assert not folder.looked("a.mp4", CUT_OFF)
    assert (folder.watch.left, folder.watch.waiting) == ({}, 1)
    assert folder.due(SETTLE_S) == ["a.mp4"]
    assert not folder.looked("a.mp4", CUT_OFF)
    assert (folder.watch.left, folder.watch.waiting) == ({"a.mp4": watch.CUT_OFF}, 0)
    assert folder.due(10 * SETTLE_S) == []
    folder.files["a.mp4"] = file(size=20)  # the copy goes on
    assert folder.due() == []
    assert (folder.watch.left, folder.watch.waiting) == ({}, 1)
    assert folder.due(QUIET_S) == ["a.mp4"]
    assert folder.looked("a.mp4", WHOLE)


@pytest.mark.parametrize("how", ["renamed", "hard link"])
def test_a_file_of_yesterday_that_is_moved_in_is_whole_at_once(how: str) -> None:
    folder = Folder()
    folder.files["a.ts"] = file(age_s=86_400)
    assert folder.due() == ["a.ts"]
    assert folder.looked("a.ts", UNKNOWN), how


def test_a_clock_that_is_behind_the_files_delays_nothing_beyond_its_bound() -> None:
    folder = Folder()
    folder.files["a.ts"] = file(age_s=-86_400)
    folder.due()
    assert folder.due(SETTLE_S) == ["a.ts"]
    assert folder.looked("a.ts", UNKNOWN)


def test_another_name_for_a_file_that_was_sent_is_not_sent() -> None:
    folder = Folder()
    folder.files["a.mp4"] = file(age_s=60)
    assert folder.due() == ["a.mp4"]
    assert folder.looked("a.mp4", WHOLE)
    folder.files["b.mp4"] = folder.files.pop("a.mp4")
    assert folder.due(SETTLE_S) == []


def test_two_names_of_one_file_are_one() -> None:
    folder = Folder()
    folder.files = {"a.mp4": file(age_s=60), "b.mp4": file(age_s=60)}
    assert folder.due() == ["a.mp4"]


def test_what_an_earlier_watch_sent_is_not_sent_again() -> None:
    folder = Folder({file(age_s=60)})
    folder.files = {"a.mp4": file(age_s=60), "b.mp4": file(inode=2, age_s=60)}
    assert folder.due() == ["b.mp4"]


def test_a_file_with_other_content_under_an_old_name_is_another_one() -> None:
    folder = Folder()
    folder.files["a.mp4"] = file(age_s=60)
    folder.due()
    assert folder.looked("a.mp4", WHOLE)
    folder.files["a.mp4"] = file(inode=2, age_s=50)
    assert folder.due() == ["a.mp4"]


def test_what_is_taken_away_is_forgotten() -> None:
    folder = Folder()
    folder.files["a.mp4"] = file()
    folder.due()
    folder.files.clear()
    assert folder.due() == []
    assert folder.watch.waiting == 0


def test_a_file_that_cannot_be_read_is_left_and_looked_at_until_it_can_be() -> None:
    folder = Folder()
    folder.files["a.mp4"] = file()
    folder.due()
    assert folder.due(QUIET_S) == ["a.mp4"]
    folder.watch.unreadable("a.mp4", "cannot be read", folder.now)
    assert (folder.watch.left, folder.watch.waiting) == ({}, 1), "whoever copies it may set its mode at the end"
    assert folder.due(SETTLE_S) == ["a.mp4"]
    folder.watch.unreadable("a.mp4", "cannot be read", folder.now)
    assert (folder.watch.left, folder.watch.waiting) == ({"a.mp4": "cannot be read"}, 0)
    assert folder.due(1) == ["a.mp4"]
    assert not folder.looked("a.mp4", OPEN)
    assert (folder.watch.left, folder.watch.waiting) == ({}, 1)
    assert folder.due(QUIET_S) == ["a.mp4"]
    assert folder.looked("a.mp4", WHOLE)
