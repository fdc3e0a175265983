"""A file at an aggregator that is read in parts: what is fetched, and what happens where nobody answers."""

from __future__ import annotations

import io
import socket

import pytest

from moviola.base.finished_file import FinishedFile
from moviola.session import remote_file
from moviola.session.remote_file import BLOCK_SIZE, BLOCKS_KEPT, RemoteFile, RemoteFiles
from moviola.session.target import Target
from moviola.wire.addresses import Address
from moviola.wire.messages import Job

SIZE = 3 * BLOCK_SIZE + 100


def content(start: int, stop: int) -> bytes:
    """A file whose bytes tell where they are."""
    return bytes(place % 251 for place in range(start, stop))


class Fetched:
    """Which parts of a file were fetched."""

    def __init__(self) -> None:
        self.parts: list[tuple[int, int]] = []

    def __call__(self, start: int, stop: int) -> bytes:
        self.parts.append((start, stop))
        return content(start, stop)


def opened(size: int = SIZE) -> tuple[RemoteFile, Fetched]:
    fetched = Fetched()
    return RemoteFile(FinishedFile("film.mp4", size, ""), fetched), fetched


def test_only_blocks_that_are_read_are_fetched_and_each_once() -> None:
    file, fetched = opened()
    file.seek(2 * BLOCK_SIZE + 7)
    assert file.read(5) == content(2 * BLOCK_SIZE + 7, 2 * BLOCK_SIZE + 12)
    file.seek(-100, io.SEEK_END)
    assert file.read() == content(SIZE - 100, SIZE)
    file.seek(2 * BLOCK_SIZE)
    assert file.read(7) == content(2 * BLOCK_SIZE, 2 * BLOCK_SIZE + 7)
    assert fetched.parts == [(2 * BLOCK_SIZE, 3 * BLOCK_SIZE), (3 * BLOCK_SIZE, SIZE)]


def test_all_of_it_comes_in_order_and_then_nothing() -> None:
    file, _ = opened()
    assert file.read() == content(0, SIZE)
    assert (file.read(), file.tell()) == (b"", SIZE)


def test_pieces_end_where_they_are_to_end() -> None:
    file, fetched = opened()
    assert b"".join(file.pieces(BLOCK_SIZE + 3)) == content(0, BLOCK_SIZE + 3)
    assert len(fetched.parts) == 2


def test_few_blocks_are_kept() -> None:
    file, fetched = opened((BLOCKS_KEPT + 1) * BLOCK_SIZE)
    for _ in range(2):
        for number in range(BLOCKS_KEPT + 1):
            file.seek(number * BLOCK_SIZE)
            file.read(1)
    assert len(fetched.parts) == 2 * (BLOCKS_KEPT + 1)


def test_a_place_before_the_beginning_is_refused() -> None:
    file, _ = opened()
    with pytest.raises(ValueError, match="before the beginning"):
        file.seek(-1)


def test_an_aggregator_that_does_not_answer_is_waited_for_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A report reads several files: it would wait for each of them."""
    monkeypatch.setattr(remote_file, "PATIENCE_S", 0.3)
    with socket.socket() as silent:  # takes connections, and never says a word
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        port = silent.getsockname()[1]
        files = RemoteFiles(
            Target(Address("127.0.0.1", port)), Job("j", "j", "done", addresses=[Address("127.0.0.1", port)])
        )
        with pytest.raises(TimeoutError, match=r"^the aggregator has given nothing for"):
            files.open(FinishedFile("a", 5, "")).read()
        monkeypatch.setattr(remote_file, "fetched", lambda *_: pytest.fail("it was called again"))
        with pytest.raises(OSError, match="nothing"):
            files.open(FinishedFile("b", 5, "")).read()


def test_a_job_of_which_no_aggregator_is_known_has_no_files_to_read() -> None:
    with pytest.raises(OSError, match="no address is known for the aggregator"):
        RemoteFiles(Target(Address("127.0.0.1", 1)), Job("j", "j", "done")).open(FinishedFile("a", 5, "")).read()
