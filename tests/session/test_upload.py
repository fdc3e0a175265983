from __future__ import annotations

from moviola.session.upload import WINDOW_SIZE, Upload
from moviola.wire.bitmap import Bitmap
from tests.session.material import make_chunk


def bitmap(*indexes: int) -> bytes:
    made = Bitmap()
    for index in indexes:
        made.add(index)
    return made.to_wire()


def indexes(upload: Upload, room: int = 10_000) -> list[int]:
    return [chunk.index for chunk in upload.take(room)]


def pulled(upload: Upload, *numbers: int, size: int = 100) -> None:
    for number in numbers:
        upload.pulled(make_chunk(number, size))


def test_one_chunk_is_asked_for_at_a_time_and_none_while_one_waits() -> None:
    upload = Upload(1)
    assert upload.wants_chunk()
    assert not upload.wants_chunk()
    pulled(upload, 0)
    assert not upload.wants_chunk()
    assert indexes(upload) == [0]
    assert upload.wants_chunk()


def test_what_is_on_its_way_stays_within_the_room() -> None:
    upload = Upload(1)
    pulled(upload, 0, 1, 2)
    assert indexes(upload, room=250) == [0, 1]
    assert indexes(upload, room=250) == []
    assert upload.acknowledge(1)
    assert indexes(upload, room=250) == [2]
    upload.validate()


def test_a_chunk_larger_than_the_room_goes_alone() -> None:
    upload = Upload(1)
    pulled(upload, 0, 1, size=500)
    assert indexes(upload, room=100) == [0]
    upload.acknowledge(1)
    assert indexes(upload, room=100) == [1]


def test_without_any_room_nothing_goes() -> None:
    upload = Upload(1)
    pulled(upload, 0)
    assert indexes(upload, room=0) == []


def test_the_window_is_bounded_whatever_room_there_is() -> None:
    upload = Upload(1)
    pulled(upload, 0, 1, 2, size=WINDOW_SIZE // 2)
    assert indexes(upload, room=2**40) == [0, 1]
    upload.validate()


def test_what_was_not_accepted_is_sent_again_and_the_rest_is_not() -> None:
    upload = Upload(1)
    pulled(upload, 0, 1, 2, 3)
    assert indexes(upload) == [0, 1, 2, 3]
    upload.acknowledge(2)
    upload.begin_again()
    assert not upload.continue_from([bitmap(0, 1, 2)])  # 2 had arrived, and its acknowledgement was lost
    assert indexes(upload) == [3]


def test_the_source_is_read_again_when_a_chunk_is_neither_there_nor_here() -> None:
    upload = Upload(2)
    pulled(upload, 0, 1)
    upload.pulled(make_chunk(0, stream=1))
    upload.exhausted()
    upload.take(10_000)
    upload.acknowledge(3)
    upload.begin_again()
    assert upload.continue_from([bitmap(1), bitmap(0)])
    assert upload.chunk_counts() is None
    assert upload.wants_chunk()
    pulled(upload, 0, 1)
    upload.pulled(make_chunk(0, stream=1))
    assert indexes(upload) == [0]
    upload.exhausted()
    assert upload.chunk_counts() == [2, 1]


def test_chunks_lost_while_others_are_on_their_way_do_not_make_those_go_twice() -> None:
    upload = Upload(1)
    pulled(upload, 0, 1)
    indexes(upload)
    upload.acknowledge(1)
    assert upload.continue_from([b""])  # 0 is gone; 1 is still on its way over the same connection
    pulled(upload, 0, 1)
    assert indexes(upload) == [0]


def test_a_submission_that_finds_its_chunks_there_sends_only_the_others() -> None:
    upload = Upload(1)
    assert not upload.continue_from([bitmap(0, 2)])
    pulled(upload, 0, 1, 2)
    assert indexes(upload) == [1]


def test_counts_are_known_when_all_has_been_sent() -> None:
    upload = Upload(1)
    pulled(upload, 0)
    upload.exhausted()
    assert upload.chunk_counts() is None
    indexes(upload)
    assert upload.chunk_counts() == [1]
    assert not upload.all_accepted
    upload.acknowledge(1)
    assert upload.all_accepted
