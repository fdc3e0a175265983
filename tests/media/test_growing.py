"""A file that is read while it is written: readers see it as if it were whole, and are told where it never will be."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from moviola.media import growing
from moviola.media.growing import BrokenOff, ComesLast, GrowingFile
from tests.waiting import PATIENCE_S

CONTENT = bytes(range(256)) * 40


def write(file: GrowingFile, data: bytes) -> None:
    with file.path.open("ab") as target:
        target.write(data)
    file.grow(len(data))


def test_a_reader_gets_all_of_a_file_that_is_written_meanwhile(tmp_path: Path) -> None:
    file = GrowingFile(tmp_path / "a.bin", len(CONTENT))
    write(file, CONTENT[:10])

    def read() -> bytes:
        with file.open() as reader:
            return b"".join(iter(lambda: reader.read(1000), b""))

    with ThreadPoolExecutor(1) as threads:
        whole = threads.submit(read)
        for start in range(10, len(CONTENT), 777):
            write(file, CONTENT[start : start + 777])
        file.end()
        assert whole.result(PATIENCE_S) == CONTENT
    file.wait_until_whole()


def test_a_reader_may_go_back_and_ask_for_the_size_before_all_is_there(tmp_path: Path) -> None:
    file = GrowingFile(tmp_path / "a.bin", len(CONTENT))
    write(file, CONTENT[:100])
    with file.open() as reader:
        assert reader.read(300) == CONTENT[:100], "as much as is there"
        assert reader.seek(-1, os.SEEK_END) == len(CONTENT) - 1
        assert reader.seek(20) == 20
        assert reader.read(5) == CONTENT[20:25]
        assert reader.tell() == 25
        reader.seek(0, os.SEEK_END)
        assert reader.read(1) == b"", "behind its end there is nothing to wait for"


def test_what_comes_much_later_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(growing, "MAX_AHEAD", 50)
    file = GrowingFile(tmp_path / "a.bin", len(CONTENT))
    write(file, CONTENT[:100])
    with file.open() as reader:
        reader.seek(151)
        with pytest.raises(ComesLast):
            reader.read(1)


@pytest.mark.parametrize("is_short", [False, True], ids=["broken off", "shorter than was said"])
def test_a_file_that_never_comes_whole_is_not_waited_for(tmp_path: Path, *, is_short: bool) -> None:
    file = GrowingFile(tmp_path / "a.bin", len(CONTENT))
    write(file, CONTENT[:100])
    if is_short:
        file.end()
    else:
        file.break_off()
    with file.open() as reader, pytest.raises(BrokenOff):
        reader.read(1)
    with pytest.raises(BrokenOff):
        file.wait_until_whole()
