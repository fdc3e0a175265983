"""An error that nobody foresaw ends one source alone, and leaves a report without anything of the source's content."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import pytest

import moviola
from client.file_sender import main
from moviola.base.installation import version
from moviola.display.progress import display_for
from moviola.display.terminal import Terminal
from moviola.filters.registry import schemas
from moviola.media.errors import UnforeseenFault, UnreadableSource
from moviola.media.material import Material
from moviola.media.video.cutting import split as splitting
from moviola.media.video.reading.scan import scan
from moviola.session import faults
from moviola.session.job_settings import JobSettings
from moviola.session.order import OutputRequest
from moviola.session.sources import Reader
from moviola.session.target import Target
from moviola.session.watch import Identity
from moviola.session.watch_record import WatchRecord
from moviola.session.watching import FolderDelivery, Folders
from moviola.wire.addresses import Address
from moviola.wire.messages import Submit
from tests.session.fakes import FakeCluster
from tests.session.material import make_order, write_clip

BAD = "holiday in secret places.mp4"


class OutOfTheBlue(Exception):
    """What no code of ours raises."""


@pytest.fixture(autouse=True)
def reports(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where reports lie during a test."""
    folder = tmp_path_factory.mktemp("state") / "reports"
    monkeypatch.setattr(faults, "reports_folder", lambda: folder)
    return folder


@pytest.fixture
def strange(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with three clips, of which the one in the middle is like nothing that was foreseen."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("MOVIOLA_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("COLUMNS", "120")
    folder = tmp_path / "clips"
    folder.mkdir()
    for number, name in enumerate(("a.mp4", BAD, "z.mp4")):
        write_clip(folder / name, seed=number)
    plain = scan

    def raising(path: Path) -> Any:
        if path.name == BAD:
            raise OutOfTheBlue(f"{path}: side data 4711")
        return plain(path)

    monkeypatch.setattr(splitting, "scan", raising)
    return folder


@pytest.mark.parametrize("way", ["cluster", "--local"])
def test_a_batch_goes_on_behind_a_source_that_raises(
    strange: Path, cluster: FakeCluster, capsys: pytest.CaptureFixture[str], reports: Path, way: str
) -> None:
    to = ["--local"] if way == "--local" else ["--host", "127.0.0.1", "--port", str(cluster.port)]
    status = main([str(strange), *to])
    said = capsys.readouterr()
    assert status == 1
    assert cluster.count(Submit) == (0 if way == "--local" else 2)
    assert "2 done, 1 failed" in said.err
    (report,) = reports.iterdir()
    words = " ".join(said.err.split())
    assert "it met an error that Moviola does not foresee (OutOfTheBlue: " in words
    assert str(report) in said.err.replace("\n", "")
    assert "Traceback" not in said.err


def test_a_report_tells_where_it_happened_and_how_the_file_is_built_and_nothing_of_its_content(
    strange: Path, reports: Path
) -> None:
    path = strange / BAD
    with av.open(str(path), "w") as file:
        file.metadata["title"] = "my dear diary"
        stream = file.add_stream("mpeg4", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for _ in range(3):
            file.mux(stream.encode(av.VideoFrame(64, 48, "yuv420p")))
        file.mux(stream.encode(None))
    with pytest.raises(UnforeseenFault) as caught:
        Reader(Material.single("video", path), make_order())
    text = Path(caught.value.report).read_text(encoding="utf-8")
    assert "OutOfTheBlue: (the file): side data 4711" in text
    assert "in split_file" in text
    assert "mpeg4" in text
    assert "title" in text
    assert version() in text
    assert av.__version__ in text
    for secret in ("my dear diary", "holiday", "secret places", str(strange)):
        assert secret not in text


def test_a_source_that_raises_while_it_is_sent_is_one_that_cannot_be_taken(
    clip: Path, monkeypatch: pytest.MonkeyPatch, reports: Path
) -> None:
    def chunks(_splitter: object) -> Iterator[Any]:
        raise ValueError("unknown packet side data type")
        yield

    reader = Reader(Material.single("video", clip), make_order())
    monkeypatch.setattr(splitting.Splitter, "chunks", chunks)
    reader.rewind()
    with pytest.raises(UnforeseenFault, match="ValueError: unknown packet side data type"):
        reader.next_chunk()
    assert len(list(reports.iterdir())) == 1


def test_the_newest_reports_stay(strange: Path, reports: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(faults, "KEPT_REPORTS", 2)
    told = []
    for _ in range(4):
        with pytest.raises(UnforeseenFault) as caught:
            Reader(Material.single("video", strange / BAD), make_order())
        told.append(Path(caught.value.report))
    assert sorted(reports.iterdir()) == told[-2:]


def test_without_a_place_for_a_report_the_sentence_stands_alone(
    strange: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "taken").write_text("")
    monkeypatch.setattr(faults, "reports_folder", lambda: tmp_path / "taken")
    monkeypatch.setattr(tempfile, "gettempdir", lambda: str(tmp_path / "taken"))
    with pytest.raises(UnreadableSource, match="please tell us of it"):
        Reader(Material.single("video", strange / BAD), make_order())


def test_in_python_it_is_a_source_that_cannot_be_taken(strange: Path, tmp_path: Path) -> None:
    with pytest.raises(moviola.JobFailed, match="OutOfTheBlue"):
        moviola.process(strange / BAD, "blur", out=tmp_path / "out")
    with pytest.raises(moviola.UnreadableSource, match="OutOfTheBlue"):
        moviola.process(strange / BAD, "blur", out=tmp_path / "out", verify_cuts=True)


def test_a_watched_folder_goes_on(strange: Path, tmp_path: Path) -> None:
    results = tmp_path / "results"
    results.mkdir()
    with WatchRecord(results) as record:
        wanted, target = OutputRequest([], schemas()), Target(Address("localhost", 1))
        folders, display = Folders(strange, results), display_for(Terminal(stderr=True), quiet=True)
        delivery = FolderDelivery(folders, wanted, JobSettings(), target, record, display, settle_s=0)
        kinds = {}
        for name in ("a.mp4", BAD, "z.mp4"):
            facts = (strange / name).stat()
            arrival = record.begin(Identity(facts.st_ino, facts.st_size, facts.st_mtime_ns), name)
            kinds[name] = type(delivery._request(arrival)).__name__
    assert kinds == {"a.mp4": "UploadRequest", BAD: "Outcome", "z.mp4": "UploadRequest"}
