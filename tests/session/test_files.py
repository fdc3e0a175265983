from __future__ import annotations

import errno
import fcntl
import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import xxhash

from moviola.base.files import share
from moviola.base.result_folders import job_folder
from moviola.session.destination import Place
from moviola.session.events import Begin, Begun, ChecksumMismatch, Keep, Kept, NotKept, Write
from moviola.session.files import Files
from tests.closed import close

CONTENT = b"frames of a film"
WANTED = Begin("blur.mp4", len(CONTENT), xxhash.xxh3_128_hexdigest(CONTENT))


def files(results: Path) -> Files:
    return Files("job", Place(results, by_job=True))


def test_a_file_appears_when_it_is_whole(tmp_path: Path) -> None:
    made = files(tmp_path)
    target = tmp_path / "job" / "blur.mp4"
    assert made.begin(WANTED) == Begun(WANTED, 0)
    assert made.write(Write("blur.mp4", CONTENT[:5])) is None
    assert made.write(Write("blur.mp4", CONTENT[5:])) is None
    assert not target.exists()
    assert made.keep(Keep("blur.mp4")) == Kept(Keep("blur.mp4"))
    assert target.read_bytes() == CONTENT
    assert [entry.name for entry in target.parent.iterdir()] == ["blur.mp4"]
    noted = job_folder(tmp_path, "job")
    assert noted is not None
    assert [made.file for made in noted.made] == ["blur.mp4"]
    assert list(noted.strangers()) == []


def test_files_in_a_folder_are_put_on_the_disk_all_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced = []
    monkeypatch.setattr(os, "sync", lambda: synced.append("all"))
    monkeypatch.setattr(os, "fsync", lambda _descriptor: synced.append("one"))
    made = files(tmp_path)
    for name in ("blur/a.jpg", "blur/b/c.jpg", "blur.metrics.json", "edges.metrics.json"):
        wanted = Begin(name, len(CONTENT), WANTED.xxh3)
        assert made.begin(wanted) == Begun(wanted, 0)
        assert made.write(Write(name, CONTENT)) is None
        assert made.keep(Keep(name)) == Kept(Keep(name))
        assert (tmp_path / "job" / name).read_bytes() == CONTENT
    assert synced == ["all", "one"]


def test_a_file_that_is_there_is_kept_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "job").mkdir()
    target = tmp_path / "job" / "blur.mp4"
    target.write_bytes(CONTENT)
    assert files(tmp_path).begin(WANTED) == Kept(WANTED)
    target.write_bytes(CONTENT[::-1])
    again = files(tmp_path)
    assert again.begin(WANTED) == Begun(WANTED, 0)
    again.close()


def test_an_interrupted_file_is_taken_up_again(tmp_path: Path) -> None:
    first = files(tmp_path)
    first.begin(WANTED)
    first.write(Write("blur.mp4", CONTENT[:7]))
    first.close()
    second = files(tmp_path)
    assert second.begin(WANTED) == Begun(WANTED, 7)
    second.write(Write("blur.mp4", CONTENT[7:]))
    assert second.keep(Keep("blur.mp4")) == Kept(Keep("blur.mp4"))


def test_a_leftover_that_is_too_long_is_thrown_away(tmp_path: Path) -> None:
    first = files(tmp_path)
    first.begin(WANTED)
    first.write(Write("blur.mp4", CONTENT * 2))
    first.close()
    second = files(tmp_path)
    assert second.begin(WANTED) == Begun(WANTED, 0)
    second.write(Write("blur.mp4", CONTENT))
    assert second.keep(Keep("blur.mp4")) == Kept(Keep("blur.mp4"))


def test_a_spoiled_file_leaves_nothing(tmp_path: Path) -> None:
    made = files(tmp_path)
    made.begin(WANTED)
    made.write(Write("blur.mp4", CONTENT[::-1]))
    assert made.keep(Keep("blur.mp4")) == ChecksumMismatch(Keep("blur.mp4"))
    assert list((tmp_path / "job").iterdir()) == []


def test_what_another_fetches_at_the_moment_is_left_to_it(tmp_path: Path) -> None:
    first, second = files(tmp_path), files(tmp_path)
    assert first.begin(WANTED) == Begun(WANTED, 0)
    first.write(Write("blur.mp4", CONTENT[:5]))
    target = tmp_path / "job" / "blur.mp4"
    reason = f"{target} is being fetched by another command; wait for it, or name another --out"
    assert second.begin(WANTED) == NotKept(WANTED, reason)
    first.write(Write("blur.mp4", CONTENT[5:]))
    assert first.keep(Keep("blur.mp4")) == Kept(Keep("blur.mp4"))
    assert target.read_bytes() == CONTENT
    assert second.begin(WANTED) == Kept(WANTED)


def test_it_is_left_until_it_has_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = files(tmp_path), files(tmp_path)
    first.begin(WANTED)
    first.write(Write("blur.mp4", CONTENT))
    refused = []
    put = Place.put

    def slow(place: Place, partial: Path, target: Path) -> None:
        refused.append(second.begin(WANTED))
        put(place, partial, target)

    monkeypatch.setattr(Place, "put", slow)
    assert first.keep(Keep("blur.mp4")) == Kept(Keep("blur.mp4"))
    assert [type(each) for each in refused] == [NotKept]


def test_what_got_its_name_just_before_it_was_locked_is_not_written_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "job" / "blur.mp4"

    def late(_file: object, _operation: int) -> None:
        (target.parent / ".blur.mp4.job.part").rename(target)

    monkeypatch.setattr(fcntl, "flock", late)
    assert isinstance(files(tmp_path).begin(WANTED), NotKept)
    assert target.read_bytes() == b""


def test_a_file_that_is_begun_again_is_not_anothers(tmp_path: Path) -> None:
    made = files(tmp_path)
    made.begin(WANTED)
    made.write(Write("blur.mp4", CONTENT[:5]))
    assert made.begin(WANTED) == Begun(WANTED, 5)
    made.close()


def test_two_that_cannot_lock_out_each_other_leave_no_mixture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_file: object, _operation: int) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)
    both = files(tmp_path), files(tmp_path)
    for each in both:
        assert each.begin(WANTED) == Begun(WANTED, 0)
    for each in both:
        assert each.write(Write("blur.mp4", CONTENT)) is None
    both[1].close()
    assert both[0].keep(Keep("blur.mp4")) == ChecksumMismatch(Keep("blur.mp4"))
    assert list((tmp_path / "job").iterdir()) == []


def test_a_place_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "job").write_text("a file where a folder should be")
    refused = files(tmp_path).begin(WANTED)
    assert isinstance(refused, NotKept)
    assert str(tmp_path / "job") in refused.reason


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b'{"file": "blur/a.jpg", "size": 1, "xxh3": "x"}\n' * 3, "more than 2 files"),
        (b"[]\n", "not a file"),
        (b'{"size": "1"}\n', "FinishedFile.size: an integer"),
        (b"nothing\n", ""),
    ],
)
def test_a_listing_that_cannot_be_followed_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes, reason: str
) -> None:
    monkeypatch.setattr("moviola.session.files.MAX_LISTED", 2)
    made = files(tmp_path)
    made.begin(Begin("blur.files.jsonl", len(content), xxhash.xxh3_128_hexdigest(content), is_listing=True))
    made.write(Write("blur.files.jsonl", content))
    refused = made.keep(Keep("blur.files.jsonl"))
    assert isinstance(refused, NotKept)
    assert reason in refused.reason


@contextmanager
def small_disk() -> Iterator[None]:
    """No file may grow beyond 1000 bytes, as on a disk that has no more; Python ignores the signal that comes along.

    Only around the write: the limit holds for whatever this process writes, the test runner's own output included.
    """
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_disk_without_room_is_said(tmp_path: Path) -> None:
    made = files(tmp_path)
    made.begin(Begin("blur.mp4", 2**20, "x"))
    with small_disk():
        refused = made.write(Write("blur.mp4", bytes(2**20)))
    assert isinstance(refused, NotKept)
    assert refused.reason == f"{tmp_path}/job/blur.mp4: File too large"


@pytest.fixture
def elsewhere(tmp_path: Path) -> Files:
    """A job whose aggregator's results are on this machine, and whose files go elsewhere."""
    stored = tmp_path / "results" / "job" / "blur.mp4"
    stored.parent.mkdir(parents=True)
    stored.write_bytes(CONTENT)
    return Files("job", Place(tmp_path, name="mine.mp4", output="blur", store=tmp_path / "results"))


def test_what_lies_in_the_results_on_this_disk_is_not_copied(tmp_path: Path, elsewhere: Files) -> None:
    assert elsewhere.begin(WANTED) == Kept(WANTED)
    assert (tmp_path / "mine.mp4").read_bytes() == CONTENT
    stored = tmp_path / "results" / "job" / "blur.mp4"
    assert os.path.samefile(stored, tmp_path / "mine.mp4") or _can_clone(tmp_path)
    assert not list(tmp_path.glob(".*"))


def _can_clone(folder: Path) -> bool:
    (folder / "one").touch()
    return share(folder / "one", folder / "two") and not os.path.samefile(folder / "one", folder / "two")


def test_it_is_fetched_where_it_is_another_one_or_cannot_be_shared(
    tmp_path: Path, elsewhere: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("moviola.session.files.share", lambda _source, _target: False)
    assert elsewhere.begin(WANTED) == Begun(WANTED, 0)
    elsewhere.close()
    monkeypatch.undo()
    (tmp_path / "results" / "job" / "blur.mp4").write_bytes(CONTENT[::-1])
    assert elsewhere.begin(WANTED) == Begun(WANTED, 0)
    elsewhere.close()


def test_it_is_fetched_where_the_results_may_not_be_entered(
    tmp_path: Path, elsewhere: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    close(tmp_path / "results", monkeypatch)
    assert elsewhere.begin(WANTED) == Begun(WANTED, 0)
    elsewhere.close()


def test_it_is_not_shared_while_another_fetches_it(tmp_path: Path, elsewhere: Files) -> None:
    fetching = Files("job", Place(tmp_path, name="mine.mp4", output="blur"))
    fetching.begin(WANTED)
    fetching.write(Write("blur.mp4", CONTENT))
    assert isinstance(elsewhere.begin(WANTED), NotKept)
    assert fetching.keep(Keep("blur.mp4")) == Kept(Keep("blur.mp4"))
    assert elsewhere.begin(WANTED) == Kept(WANTED)


def test_what_is_there_and_is_not_the_jobs_stays(tmp_path: Path, elsewhere: Files) -> None:
    (tmp_path / "mine.mp4").write_bytes(b"precious")
    reason = f"{tmp_path / 'mine.mp4'} is there, and is left as it is"
    assert elsewhere.begin(WANTED) == NotKept(WANTED, reason)
    assert (tmp_path / "mine.mp4").read_bytes() == b"precious"


def test_what_came_while_a_file_was_fetched_stays(tmp_path: Path) -> None:
    made = Files("job", Place(tmp_path, name="mine.mp4", output="blur"))
    assert made.begin(WANTED) == Begun(WANTED, 0)
    made.write(Write("blur.mp4", CONTENT))
    (tmp_path / "mine.mp4").write_bytes(b"precious")
    assert made.keep(Keep("blur.mp4")) == NotKept(
        Keep("blur.mp4"), f"{tmp_path / 'mine.mp4'} is there, and is left as it is"
    )
    assert [path.name for path in tmp_path.iterdir()] == ["mine.mp4"]
    assert (tmp_path / "mine.mp4").read_bytes() == b"precious"
