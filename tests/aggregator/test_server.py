"""The aggregator as a whole: real sockets, spool, ledger and splicing process; the test plays all others."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from array import array
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import xxhash

from aggregator.server import advertised
from aggregator.settings import Settings
from aggregator.splice_queue import MAX_DAMAGES
from moviola.base.job_statistics import JobStatistics
from moviola.media.bundle import pack, unpack
from moviola.media.manifest.reader import read_manifest
from moviola.media.video.writing.digest import digest
from moviola.storage.errors import LedgerInUse
from moviola.storage.spool import Spool
from moviola.wire.addresses import Address
from moviola.wire.bitmap import Bitmap
from moviola.wire.lease_tags import tag_of
from moviola.wire.limits import MIB
from moviola.wire.messages import (
    AggregatorDetails,
    Beat,
    Drop,
    Error,
    Fetch,
    FetchedResult,
    FetchResult,
    File,
    Finish,
    Finished,
    Holdings,
    Own,
    Pass,
    Result,
    Stored,
)
from tests.aggregator.conftest import Material
from tests.aggregator.peers import DEADLINE_S, Cast, lease, running, settings
from tests.aggregator.script import KEY


def own(cast: Cast, material: Material, job: str = "clip-1", epoch: int = 1) -> list[list[int]]:
    """What the aggregator holds of each track."""
    outputs = [output.to_wire() for output in material.outputs]
    cast.say(Own(job, "clip.mp4", epoch, material.source.to_wire(), outputs, KEY))
    return [list(Bitmap(bits)) for bits in cast.expect(Holdings).tracks]


def deliver(cast: Cast, material: Material, worker: int, track: int, index: int, job: str = "clip-1") -> str:
    """The verdict on one result."""
    result = material.results[track][index]
    message = Result(
        lease(index), job, track, index, 1, result.fingerprint, result.frames_in, result.frames_out,
        result.fallback_frames, result.lost_frames, result.damaged_frames,
    )  # fmt: skip
    return show(cast, message, result.payload, worker)


def show(cast: Cast, result: Result, payload: bytes, worker: int) -> str:
    """The verdict on a result, shown with the tag that belongs to it."""
    cast.say(replace(result, tag=tag_of(result, KEY, "")), payload, worker)
    return cast.expect(Stored, worker).verdict


def pass_on(cast: Cast, material: Material, job: str = "clip-1") -> None:
    for chunk in material.of_stream(1):
        track = len(material.outputs)
        cast.say(Pass(job, track, chunk.index, 1), chunk.payload)
        assert cast.expect(Stored, track=track, index=chunk.index).verdict in ("kept", "duplicate")


def deliver_all(cast: Cast, material: Material, worker: int, job: str = "clip-1") -> None:
    for track in range(len(material.outputs)):
        for index in reversed(range(len(material.results[track]))):
            assert deliver(cast, material, worker, track, index, job) == "kept"
    pass_on(cast, material, job)


def finish(cast: Cast, material: Material, job: str = "clip-1") -> Finished:
    latencies = [array("f", [1.0] * count) for count in material.chunk_counts]
    statistics = JobStatistics(seconds=2.5, retries=[3, 0, 0], latencies_ms=latencies)
    cast.say(Finish(job, 1, material.chunk_counts, statistics))
    return cast.expect(Finished)


def fetched(cast: Cast, client: int, job: str, file: str, part: int) -> bytes:
    data = b""
    while True:
        cast.say(Fetch(job, file, len(data), part), to=client)
        message, payload = cast.expect_with_payload(File, client)
        data += payload
        if len(data) == message.size:
            return data


def read(cast: Cast, client: int, track: int, index: int, *, describe: bool = False) -> tuple[FetchedResult, bytes]:
    cast.say(FetchResult("clip-1", track, index, describe), to=client)
    return cast.expect_with_payload(FetchedResult, client)


def test_results_are_read_while_the_job_goes_on_and_after_a_restart(
    tmp_path: Path, cast: Cast, material: Material
) -> None:
    def has_source(answer: FetchedResult) -> bool:
        return (answer.source, answer.output) == (material.source.to_wire(), material.outputs[1].to_wire())

    told = settings(tmp_path, cast)
    with running(told) as server:
        cast.joined()
        own(cast, material)
        worker, client = (cast.dial(server.port, role, "somebody") for role in ("worker", "client"))
        deliver(cast, material, worker, 1, 0)
        answer, payload = read(cast, client, 1, 0, describe=True)
        assert (answer.state, payload, answer.chunk_count) == ("stored", material.results[1][0].payload, None)
        assert has_source(answer)
        cast.say(FetchResult("clip-1", 1, 1), to=client)
        deliver(cast, material, worker, 1, 1)
        answer, payload = cast.expect_with_payload(FetchedResult, client)
        assert (answer.index, payload, answer.source) == (1, material.results[1][1].payload, {})
        pass_on(cast, material)
        answer, payload = read(cast, client, 2, 0, describe=True)
        assert (payload, answer.output) == (material.of_stream(1)[0].payload, {})
    cast.until(lambda: not cast.middleware)
    with running(told) as server:
        cast.joined()
        own(cast, material)
        client = cast.dial(server.port, "client", "somebody")
        answer, payload = read(cast, client, 1, 1, describe=True)
        assert payload == material.results[1][1].payload
        assert has_source(answer)


def test_a_result_that_is_damaged_on_disk_is_done_again_for_who_reads_it(
    tmp_path: Path, cast: Cast, material: Material
) -> None:
    with running(settings(tmp_path, cast)) as server:
        cast.joined()
        own(cast, material)
        worker, client = (cast.dial(server.port, role, "somebody") for role in ("worker", "client"))
        payload = material.results[1][0].payload
        assert deliver(cast, material, worker, 1, 0) == "kept"
        cast.say(FetchResult("clip-1", 1, 0, damaged=True), to=client)  # on its way, it was
        assert cast.expect_with_payload(FetchedResult, client)[1] == payload
        [segment] = (tmp_path / "state" / "aggregator" / "spool").glob("*.segment")
        content = bytearray(segment.read_bytes())
        content[content.index(payload) + 100] ^= 1
        segment.write_bytes(content)
        cast.say(FetchResult("clip-1", 1, 0, damaged=True), to=client)
        assert [list(Bitmap(bits)) for bits in cast.expect(Holdings).tracks] == [[], [], []]
        assert deliver(cast, material, worker, 1, 0) == "kept"
        assert cast.expect_with_payload(FetchedResult, client)[1] == payload


def test_who_does_not_read_what_it_asked_for_is_given_no_more(tmp_path: Path, cast: Cast, material: Material) -> None:
    """So that it holds no more of the spool than one result and what the sockets take."""
    with running(settings(tmp_path, cast)) as server:
        cast.joined()
        own(cast, material)
        worker, client = (cast.dial(server.port, role, "somebody") for role in ("worker", "client"))
        large = material.results[0][0].payload + bytes(24 * MIB)
        message = Result(lease(0), "clip-1", 0, 0, 1, "build", 10, 10)
        assert show(cast, message, large, worker) == "kept"
        for _ in range(4):
            cast.loop.send(client, FetchResult("clip-1", 0, 0))
        cast.loop.flush()
        refused = cast.expect(Error, client)
        assert (refused.code, refused.fatal) == ("busy", False)
        assert cast.expect_with_payload(FetchedResult, client)[1] == large


def test_a_job_from_own_to_fetched_files(tmp_path: Path, cast: Cast, material: Material) -> None:
    with running(settings(tmp_path, cast)) as server:
        cast.joined()
        assert own(cast, material) == [[], [], []]
        worker, other = (cast.dial(server.port, "worker", name) for name in ("w1", "w2"))
        assert deliver(cast, material, worker, 0, 1) == "kept"
        told = cast.expect(Stored)
        assert (told.worker, told.frames_out, told.index) == ("w1", material.results[0][1].frames_out, 1)
        assert deliver(cast, material, other, 0, 1) == "duplicate"
        for track in range(2):
            for index in range(len(material.results[track])):
                deliver(cast, material, (worker, other)[index % 2], track, index)
        pass_on(cast, material)

        done = finish(cast, material)
        assert (done.state, done.text) == ("done", "")
        assert [output.digest for output in done.outputs] == material.digests
        assert finish(cast, material) == done, "it may be repeated"

        folder = tmp_path / "results" / "clip-1"
        beside = [
            f"{output}.{kind}" for output in ("same", "soft") for kind in ("manifest.jsonl.gz", "metrics.json", "mp4")
        ]
        names = ["metadata.json", *beside]
        assert sorted(os.listdir(folder)) == sorted(file.file for file in done.files) == names
        assert [one.worker for one in read_manifest(folder / "soft.manifest.jsonl.gz").chunks][:2] == ["w1", "w1"]
        assert os.readlink(tmp_path / "results" / "latest") == "clip-1"
        assert digest(folder / "soft.mp4") == material.digests[0]
        client = cast.dial(server.port, "client", "c")
        for file in done.files:
            content = fetched(cast, client, "clip-1", file.file, 3000)
            assert content == (folder / file.file).read_bytes()
            assert xxhash.xxh3_128_hexdigest(content) == file.xxh3
            assert len(content) == file.size

        metrics = json.loads((folder / "soft.metrics.json").read_text())
        zero = ("fallback", "lost", "damaged", "repeated", "left_out")
        assert metrics["frames"] == {"in": 40, "out": 40} | dict.fromkeys(zero, 0)
        assert (metrics["retries"], metrics["duplicates"]) == (3, 2)
        assert metrics["chunk_latency_ms"] == {"p50": 1.0, "p95": 1.0, "p99": 1.0}
        assert {one["name"]: one["chunks"] for one in metrics["workers"]} == {"w1": 3, "w2": 1}
        assert sum(one["frames"] for one in metrics["workers"]) == 40
        assert metrics["wall_seconds"] >= 2.5
        cast.say(Drop("clip-1", 1))
        cast.expect(Beat)
        assert Spool(tmp_path / "state" / "aggregator" / "spool", limit_bytes=MIB).used_bytes == 0


def test_hello_names_the_store_which_survives_restarts_but_not_a_wipe(tmp_path: Path, cast: Cast) -> None:
    stores = []
    for state in ("state", "state", "wiped"):
        with running(settings(tmp_path, cast, state=tmp_path / state)) as server:
            cast.joined()
            assert cast.hello is not None
            details = AggregatorDetails.from_wire(cast.hello.details)
            assert details.addresses == [Address("", server.port)]
            stores.append(details.store)
        cast.until(lambda: not cast.middleware)
    assert stores[0] == stores[1] != stores[2]


def test_addresses_that_others_are_told(tmp_path: Path, cast: Cast) -> None:
    def hosts(**changes: str) -> list[str]:
        return [one.host for one in advertised(settings(tmp_path, cast, **changes), 5001)]

    assert hosts() == [""]
    assert hosts(bind="192.0.2.7") == ["192.0.2.7"]
    assert hosts(bind="*")[0] == ""
    assert len(hosts(bind="*")) == 2
    assert hosts(bind="0.0.0.0") == hosts(bind="*")
    assert hosts(bind="127.0.0.1") == [""]
    assert hosts(bind="*", advertise="splicer.example") == ["splicer.example"]


def test_after_a_restart_nothing_is_asked_for_twice(tmp_path: Path, cast: Cast, material: Material) -> None:
    with running(settings(tmp_path, cast)) as server:
        cast.joined()
        own(cast, material)
        worker = cast.dial(server.port, "worker", "w1")
        deliver(cast, material, worker, 0, 2)
        deliver(cast, material, worker, 1, 0)
    cast.until(lambda: not cast.middleware)
    with running(settings(tmp_path, cast)) as server:
        cast.joined()
        assert own(cast, material) == [[2], [0], []]
        worker = cast.dial(server.port, "worker", "w1")
        assert deliver(cast, material, worker, 0, 2) == "duplicate"
        for track, index in [(0, 0), (0, 1), (0, 3), (1, 1), (1, 2), (1, 3)]:
            assert deliver(cast, material, worker, track, index) == "kept"
        pass_on(cast, material)
        assert [output.digest for output in finish(cast, material).outputs] == material.digests


class Programs:
    """The real program, for what a thread cannot suffer; killed at the end of its test."""

    def __init__(self, told: Settings, cast: Cast) -> None:
        self._cast = cast
        self._command = [sys.executable, "-m", "aggregator", "--no-secret", "--port", "0", "--name", told.name]
        self._command += ["--host", told.middleware.host, "--middleware-port", str(told.middleware.port)]
        self._command += ["--state", str(told.state), "--results", str(told.results)]
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> subprocess.Popen[bytes]:
        self.process = subprocess.Popen(self._command, stderr=subprocess.DEVNULL)
        self._cast.joined()
        return self.process

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait()
        self._cast.until(lambda: not self._cast.middleware)


@pytest.fixture
def programs(tmp_path: Path, cast: Cast) -> Iterator[Programs]:
    made = Programs(settings(tmp_path, cast), cast)
    yield made
    if made.process is not None:
        made.process.kill()
        made.process.wait()


def port_of(cast: Cast) -> int:
    assert cast.hello is not None
    return int(AggregatorDetails.from_wire(cast.hello.details).addresses[0].port)


def test_kill_9_after_stored_loses_nothing(programs: Programs, tmp_path: Path, cast: Cast, material: Material) -> None:
    for round_number in range(3):
        programs.start()
        assert own(cast, material) == [list(range(round_number)), [], []]
        worker = cast.dial(port_of(cast), "worker", "w1")
        assert deliver(cast, material, worker, 0, round_number) == "kept"
        programs.kill()
    programs.start()
    assert own(cast, material) == [[0, 1, 2], [], []]
    worker = cast.dial(port_of(cast), "worker", "w1")
    for track, index in [(0, 3), (1, 0), (1, 1), (1, 2), (1, 3)]:
        deliver(cast, material, worker, track, index)
    pass_on(cast, material)
    cast.say(Finish("clip-1", 1, material.chunk_counts))
    cast.turn()
    programs.kill()  # wherever the splice is
    process = programs.start()
    assert [len(held) for held in own(cast, material)] == material.chunk_counts
    assert [output.digest for output in finish(cast, material).outputs] == material.digests
    assert not list((tmp_path / "results" / "clip-1").glob(".*"))
    process.send_signal(signal.SIGTERM)
    assert process.wait(DEADLINE_S) == 0


def test_a_second_aggregator_on_the_same_state_is_told_why_it_cannot_start(tmp_path: Path, cast: Cast) -> None:
    with running(settings(tmp_path, cast)):
        with pytest.raises(LedgerInUse, match="in use by another process"):
            running(settings(tmp_path, cast)).__enter__()
        told = ["--state", str(tmp_path / "state"), "--port", "0", "--results", str(tmp_path / "results")]
        done = subprocess.run(
            [sys.executable, "-m", "aggregator", *told], capture_output=True, text=True, timeout=DEADLINE_S, check=False
        )
        assert done.returncode == 1
        assert done.stderr.splitlines()[-1].startswith(f"aggregator: {tmp_path / 'state' / 'aggregator'} is in use")


def test_without_room_a_result_is_not_kept_and_other_jobs_live_on(
    tmp_path: Path, cast: Cast, material: Material, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.pwrite
    full = True

    def pwrite(fd: int, data: memoryview, offset: int) -> int:
        if full:
            raise OSError(28, "No space left on device")
        return real(fd, data, offset)

    monkeypatch.setattr(os, "pwrite", pwrite)
    with running(settings(tmp_path, cast)) as server:
        cast.joined()
        own(cast, material)
        worker = cast.dial(server.port, "worker", "w1")
        assert deliver(cast, material, worker, 0, 0) == "unwanted"
        told = cast.expect(Stored)
        assert (told.verdict, told.index) == ("no-room", 0)
        assert "No space left" in told.text
        full = False
        deliver_all(cast, material, worker)
        assert finish(cast, material).state == "done"


def test_a_stored_result_that_was_damaged_on_disk_is_asked_for_again(
    tmp_path: Path, cast: Cast, material: Material
) -> None:
    with running(settings(tmp_path, cast)) as server:
        cast.joined()
        own(cast, material)
        worker = cast.dial(server.port, "worker", "w1")
        deliver_all(cast, material, worker)
        [segment] = (tmp_path / "state" / "aggregator" / "spool").glob("*.segment")
        content = bytearray(segment.read_bytes())
        place = content.index(material.results[0][2].payload)
        content[place + 100] ^= 1
        with segment.open("r+b") as file:
            file.write(content)
        cast.say(Finish("clip-1", 1, material.chunk_counts))
        assert list(Bitmap(cast.expect(Holdings).tracks[0])) == [0, 1, 3]
        assert deliver(cast, material, worker, 0, 2) == "kept"
        assert [output.digest for output in finish(cast, material).outputs] == material.digests


def _other_table(payload: bytes, **changes: Any) -> bytes:
    table, parts = unpack(payload)
    return pack({**table, **changes}, parts)


def _other_report(payload: bytes, **changes: Any) -> bytes:
    return _other_table(payload, report={**unpack(payload)[0]["report"], **changes})


UNREADABLE: dict[str, Callable[[bytes], bytes]] = {
    "no bundle": lambda payload: b"no bundle at all",
    "cut short": lambda payload: payload[:-1],
    "no report": lambda payload: _other_table(payload, report={}),
    "times that are texts": lambda payload: _other_report(payload, pts=["x"] * 10),
    "counts that are texts": lambda payload: _other_report(payload, frames_in="x"),
    "a format that nobody knows": lambda payload: _other_report(payload, format={"width": -1}),
}
CONTRADICTING: dict[str, Callable[[bytes], bytes]] = {
    "times that no file has": lambda payload: _other_report(payload, pts=[2**62] * 10),
    "frames of another chunk": lambda payload: _other_report(payload, first=0),
    "frames of a later chunk": lambda payload: _other_report(payload, first=1000),
}


def _with_bad(cast: Cast, material: Material, port: int, broken: Callable[[bytes], bytes], *chunks: int) -> int:
    """Store everything, these chunks of the first output as the worker `bad` made them; return the other worker."""
    own(cast, material)
    good, bad = (cast.dial(port, "worker", name) for name in ("good", "bad"))
    for track in range(2):
        for index, result in enumerate(material.results[track]):
            message = Result(lease(index), "clip-1", track, index, 1, result.fingerprint, 10, 10)
            is_bad = track == 0 and index in chunks
            payload = broken(result.payload) if is_bad else result.payload
            assert show(cast, message, payload, bad if is_bad else good) == "kept"
    pass_on(cast, material)
    cast.say(Finish("clip-1", 1, material.chunk_counts))
    return good


@pytest.mark.parametrize("broken", UNREADABLE.values(), ids=UNREADABLE)
def test_results_that_make_no_file_are_asked_for_again_and_said_to_be_their_makers(
    broken: Callable[[bytes], bytes], tmp_path: Path, cast: Cast, material: Material
) -> None:
    """All of them at once, and those alone; what others made stays."""
    with running(settings(tmp_path, cast)) as server:
        cast.joined()
        good = _with_bad(cast, material, server.port, broken, 1, 3)
        for index in (1, 3):
            told = cast.expect(Stored, track=0, index=index, verdict="unreadable")
            assert told.worker == "bad"
            assert "makes no file" in told.text
        assert list(Bitmap(cast.expect(Holdings).tracks[0])) == [0, 2]
        for index in (1, 3):
            assert deliver(cast, material, good, 0, index) == "kept"
        assert [output.digest for output in finish(cast, material).outputs] == material.digests


@pytest.mark.parametrize("broken", CONTRADICTING.values(), ids=CONTRADICTING)
def test_a_result_that_contradicts_others_is_asked_for_again(
    broken: Callable[[bytes], bytes], tmp_path: Path, cast: Cast, material: Material
) -> None:
    with running(settings(tmp_path, cast)) as server:
        cast.joined()
        good = _with_bad(cast, material, server.port, broken, 1)
        cast.expect(Stored, verdict="unreadable")
        held = Bitmap(cast.expect(Holdings).tracks[0])
        missing = [index for index in range(4) if index not in held]
        assert 1 in missing
        assert len(missing) <= 2, "and one more where it may be either"
        for index in missing:
            assert deliver(cast, material, good, 0, index) == "kept"
        assert [output.digest for output in finish(cast, material).outputs] == material.digests


def test_results_that_never_make_a_file_fail_the_job_in_the_end_and_leave_nothing(
    tmp_path: Path, cast: Cast, material: Material
) -> None:
    with running(settings(tmp_path, cast)) as server:
        cast.joined()
        own(cast, material)
        worker = cast.dial(server.port, "worker", "w1")
        for index in range(4):
            assert deliver(cast, material, worker, 1, index) == "kept"
        pass_on(cast, material)
        for time in range(1, MAX_DAMAGES + 1):
            for index in range(4):
                message = Result(lease(index), "clip-1", 0, index, 1, "x", 10, 10)
                assert show(cast, message, b"no bundle at all", worker) == "kept"
            cast.say(Finish("clip-1", 1, material.chunk_counts))
            for index in range(4 if time < MAX_DAMAGES else 0):
                cast.expect(Stored, track=0, index=index, verdict="unreadable")
        done = cast.expect(Finished)
        assert done.state == "failed"
        assert "bundle" in done.text
        assert os.listdir(tmp_path / "results") == []


def test_a_splicing_process_that_always_dies_fails_the_job_and_nothing_else(
    tmp_path: Path, cast: Cast, material: Material
) -> None:
    dying = (sys.executable, "-c", "import os, signal; os.kill(os.getpid(), signal.SIGSEGV)")
    with running(settings(tmp_path, cast), splicing_program=dying) as server:
        cast.joined()
        own(cast, material)
        worker = cast.dial(server.port, "worker", "w1")
        deliver_all(cast, material, worker)
        done = finish(cast, material)
        assert done.state == "failed"
        assert "SIGSEGV" in done.text
        assert own(cast, material, "clip-2") == [[], [], []]
        assert deliver(cast, material, worker, 0, 0, "clip-2") == "kept"
    cast.until(lambda: not cast.middleware)
    with running(settings(tmp_path, cast)):
        cast.joined()
        assert [len(held) for held in own(cast, material)] == material.chunk_counts
        assert [output.digest for output in finish(cast, material).outputs] == material.digests


def test_a_lost_middleware_is_found_again_and_asks_for_its_jobs(tmp_path: Path, cast: Cast, material: Material) -> None:
    with running(settings(tmp_path, cast)) as server:
        cast.joined()
        own(cast, material)
        worker = cast.dial(server.port, "worker", "w1")
        cast.loop.close(cast.middleware)
        gone, cast.middleware = cast.middleware, 0
        assert deliver(cast, material, worker, 0, 0) == "kept"
        cast.joined()
        assert cast.middleware != gone
        assert own(cast, material) == [[0], [], []]


def test_files_that_were_changed_are_not_served(tmp_path: Path, cast: Cast, material: Material) -> None:
    with running(settings(tmp_path, cast)) as server:
        cast.joined()
        own(cast, material)
        deliver_all(cast, material, cast.dial(server.port, "worker", "w1"))
        finish(cast, material)
        (tmp_path / "results" / "clip-1" / "soft.mp4").write_bytes(b"another")
        (tmp_path / "results" / "clip-1" / "same.mp4").unlink()
        client = cast.dial(server.port, "client", "c")
        for file in ("soft.mp4", "same.mp4"):
            cast.say(Fetch("clip-1", file, 0, MIB), to=client)
            error = cast.expect(Error, client)
            assert (error.code, error.fatal) == ("not-found", False)
        assert fetched(cast, client, "clip-1", "soft.metrics.json", MIB)


def test_an_unreachable_middleware_is_no_reason_to_stop(tmp_path: Path, cast: Cast) -> None:
    with running(settings(tmp_path, cast, host="127.0.0.1", middleware_port=1)) as server:
        cast.dial(server.port, "worker", "w1")


def test_results_that_cannot_be_written_fail_the_job_until_they_can(
    tmp_path: Path, cast: Cast, material: Material
) -> None:
    with running(settings(tmp_path, cast)) as server:
        cast.joined()
        own(cast, material)
        deliver_all(cast, material, cast.dial(server.port, "worker", "w1"))
        obstacle = tmp_path / "results" / "clip-1"
        obstacle.write_text("a file where the job's folder should be")
        failed = finish(cast, material)
        assert failed.state == "failed"
        assert failed.text.startswith(f"the files could not be written under {tmp_path / 'results'}: ")
        obstacle.unlink()
        assert [len(held) for held in own(cast, material)] == material.chunk_counts
        assert finish(cast, material).state == "done"
