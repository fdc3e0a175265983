"""`client.jobs` as a person types it: output and exit status, against a cluster that follows a script."""

from __future__ import annotations

import errno
import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
import xxhash

from client.display.job_list import totals
from client.display.job_report import traceback_of
from client.jobs import WISHES, main
from moviola.base.details import Details, RequestedOutput, RequestedStep, StoryLine
from moviola.base.failures import Failure
from moviola.base.finished_file import FinishedFile
from moviola.base.output_summary import OutputSummary
from moviola.base.progress import Progress
from moviola.base.result_folders import note
from moviola.base.vocabulary import JobState, Verb
from moviola.filters import registry
from moviola.media.material import Encoder, Material, Output
from moviola.session.destination import places_for
from moviola.session.jobs import find, place_of
from moviola.session.order import Order
from moviola.session.target import UsageError
from moviola.wire.addresses import Address
from moviola.wire.messages import Control, Job, Submit, Watch
from tests.client.in_process import Typed, on_a_plain_terminal, run_typed
from tests.session.fakes import FakeCluster, FakeJob

FAILURE = Failure(
    output="blur", chunk=3, frames=[30, 39], frame=7, filter="blur", worker="w1", failure_type="job_failure",
    failure_reason="exception", explanation="it raised", traceback="Traceback:\n  it raised",
)  # fmt: skip
DETAILS = Details(
    [RequestedOutput("blur", [RequestedStep("blur", {"radius": 5})])], "original", "agg", [FAILURE]
)  # fmt: skip
RUNNING = Job(
    "clip-b1", "clip.mp4", "running", priority=4, submitted_unix_s=2000.0, details=DETAILS,
    progress=Progress(outputs=["blur"], frames_sent=50, frames_done=20, tasks_queued=12, tasks_in_flight=2,
                      tasks_stored=6, retries=3, chunks_sent=20),
)  # fmt: skip
FAILED = Job("clip-a1", "clip.mp4", "failed", "task-failed", "a task failed", submitted_unix_s=1000.0)
OTHER = Job("film-c1", "film.mp4", "done", submitted_unix_s=1500.0)


@pytest.fixture
def jobs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], cluster: FakeCluster
) -> Typed:
    """The command in this process, in a folder of its own, in a cluster with three jobs."""
    monkeypatch.chdir(tmp_path)
    on_a_plain_terminal(monkeypatch)
    cluster.script.known = [RUNNING, FAILED, OTHER]

    def run(*arguments: str, port: int = 0) -> tuple[int, str, str]:
        return run_typed(main, capsys, [*arguments, "--host", "127.0.0.1", "--port", str(port or cluster.port)])

    return run


def test_the_list_fits_80_columns_and_has_the_sums(jobs: Typed) -> None:
    status, out, err = jobs()
    assert (status, err) == (0, "")
    lines = [" ".join(line.split()) for line in out.splitlines()]
    assert max(len(line) for line in out.splitlines()) <= 80
    assert any(re.fullmatch(r"clip-b1 \d+ d running 4 20/\? 12\+2 3 blur", line) for line in lines), lines
    assert any(re.fullmatch(r"clip-a1 \d+ d .*failed 0 .*", line) for line in lines), lines
    assert [line.split()[0] for line in lines if line.startswith(("clip-", "film-"))][:3] == [
        "clip-a1", "film-c1", "clip-b1",
    ]  # fmt: skip
    assert "clip-a1: a task failed" in lines
    assert "Jobs: 1 done, 1 failed, 1 running (50% of those that ended are done)" in lines
    assert "Tasks: 12 queued, 2 in work, 3 retried, 6 stored (67% of all tries)" in lines


def test_the_list_as_json(jobs: Typed) -> None:
    status, out, _ = jobs("list", "--json")
    told = json.loads(out)
    assert status == 0
    assert [job["job_id"] for job in told["jobs"]] == ["clip-a1", "film-c1", "clip-b1"]
    assert told["totals"]["tasks_queued"] == 12
    assert told["totals"]["job_success"] == 0.5


def test_no_jobs_have_no_sums() -> None:
    assert (totals([])["job_success"], totals([])["task_success"]) == (None, None)


def test_one_job_with_its_failures(jobs: Typed) -> None:
    status, out, _ = jobs("show", "clip-b")
    assert status == 0
    assert "output     blur: blur:radius=5" in out
    assert "priority   4; on error: original" in out
    where = "in output blur, chunk 3, frames 30-39, filter blur, on worker w1: it raised"
    assert f"a filter failed (exception) {where}" in out
    assert "  Traceback:" in out
    status, out, _ = jobs("show", "latest", "--json")
    assert json.loads(out)["failures"] == [FAILURE.to_wire()]


def test_of_a_chain_what_was_chosen_is_shown_and_all_as_json(jobs: Typed, cluster: FakeCluster) -> None:
    pixelate = registry.schemas()["pixelate"]
    everything = {each.name: each.default for each in pixelate.parameters} | {"block": 9}
    steps = [RequestedStep("pixelate", everything), RequestedStep("unknown", {"strength": 1})]
    cluster.script.known = [replace(RUNNING, details=Details([RequestedOutput("dots", steps)]))]
    cluster.script.known_filters = [pixelate.to_wire()]
    _, out, _ = jobs("show", "clip-b")
    assert "output     dots: pixelate:block=9,unknown:strength=1\n" in out
    _, out, _ = jobs("show", "clip-b", "--json")
    assert json.loads(out)["outputs"][0]["chain"][0]["parameters"] == everything


@pytest.mark.parametrize(
    ("state", "reason", "told"),
    [
        ("cancelled", "cancelled by root@vm", "cancelled by root@vm"),
        ("paused", "paused by root@vm", "paused by root@vm"),
        ("failed", "a task failed", "failed: a task failed"),
        ("running", "", "running"),
    ],
)
def test_a_state_is_not_said_twice(jobs: Typed, cluster: FakeCluster, state: str, reason: str, told: str) -> None:
    cluster.script.known = [replace(OTHER, state=state, reason=reason)]
    assert f"state      {told}\n" in jobs("show", "film")[1]


def test_why_a_job_is_partly_done_is_shown(jobs: Typed, cluster: FakeCluster) -> None:
    summary = OutputSummary("blur", JobState.PARTIAL, 90, 90, fallback_frames=1, failures=[FAILURE])
    cluster.script.known = [replace(OTHER, state="partial", outputs=[summary], details=DETAILS)]
    _, out, _ = jobs("show", "film")
    assert "state      partial: 1 of 90 frames was not filtered (frames 30-39); filter blur raised" in out
    status, _, err = jobs("wait", "film")
    assert status == 4
    assert err.startswith("film-c1: partial: 1 of 90 frames was not filtered (frames 30-39); filter blur")
    assert "python -m client.jobs logs film-c1 tells more" in err


@pytest.mark.parametrize("verb", WISHES)
def test_a_wish_is_answered_in_a_sentence(jobs: Typed, cluster: FakeCluster, verb: str) -> None:
    given, priority = (["7"], 7) if verb == Verb.PRIORITY else ([], None)
    assert jobs(verb, "film", *given) == (0, f"Job film-c1: {verb} it is.\n", "")
    assert cluster.received[-1] == Control("film-c1", verb, priority)
    status, out, _ = jobs(verb, "film", *given, "--json")
    assert (status, json.loads(out)["job_id"]) == (0, "film-c1")


def test_a_wish_that_is_refused_has_its_own_status(jobs: Typed, cluster: FakeCluster) -> None:
    cluster.script.refuse_wishes = "job film-c1 is done; it cannot be asked to cancel"
    assert jobs("cancel", "film-c1") == (1, "", "Job film-c1 is done; it cannot be asked to cancel.\n")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["show", "clip"], "'clip' may be any of 2 jobs (clip-b1, clip-a1); give more of the id."),
        (["show", "nix"], "There is no job 'nix'; python -m client.jobs list shows what there is."),
        (["priority", "film"], "Which priority? Give a whole number from 0 to 100 behind the job"),
        (["priority", "film", "101"], "must be a whole number from 0 to 100, not '101'"),
        (["pause", "film", "7"], "Pause takes no number; python -m client.jobs priority film N changes a priority"),
        (["cancel"], "Cancel which job? Give its id, the beginning of one, or 'latest'"),
        (["list", "clip"], "List takes no ID"),
        (["wait", "clip", "--out", "x"], "--out is for fetch, not for wait"),
        (["dance", "clip"], "invalid choice: 'dance'"),
    ],
)
def test_wrong_usage_is_one_sentence(jobs: Typed, arguments: list[str], words: str) -> None:
    status, out, err = jobs(*arguments)
    assert (status, out) == (2, "")
    assert words in err


def test_nobody_there(jobs: Typed) -> None:
    status, _, err = jobs("list", port=1)
    assert status == 3
    assert err.startswith("No middleware answers at 127.0.0.1:1")


@pytest.mark.parametrize(("state", "status"), [("done", 0), ("failed", 1), ("partial", 4), ("cancelled", 5)])
def test_waiting_ends_with_the_jobs_status(jobs: Typed, cluster: FakeCluster, state: str, status: int) -> None:
    cluster.script.known = [Job("clip-x", "clip.mp4", state, reason="so it is")]
    left, out, err = jobs("wait", "latest", "--json")
    assert (left, err) == (status, f"clip-x: {state}: so it is.\n")
    assert json.loads(out)["state"] == state


@pytest.mark.parametrize("out", [None, "here.mp4", "folder/"])
def test_fetching_brings_the_files(jobs: Typed, cluster: FakeCluster, tmp_path: Path, out: str | None) -> None:
    submit = Submit("k", {}, [{"name": "blur"}])
    cluster.jobs.append(FakeJob("clip-f", submit, chunks={(0, 0): b"abc"}, is_final=True))
    names = ("blur.mp4", "blur.metrics.json")
    content = cluster.jobs[-1].files()
    cluster.script.known = [
        Job(
            "clip-f", "clip.mp4", "done", submitted_unix_s=9000.0, progress=Progress(outputs=["blur"]),
            outputs=[OutputSummary("blur", JobState.DONE, 3, 3, file="blur.mp4", metrics_file=names[1])],
            files=[FinishedFile(one, len(content[one]), xxhash.xxh3_128_hexdigest(content[one]))
                   for one in names],
            addresses=[Address("127.0.0.1", cluster.aggregator_port)],
        )
    ]  # fmt: skip
    status, shown, err = jobs("fetch", "clip-f", *(["--out", out] if out else []))
    assert (status, err) == (0, "")
    path = {None: "results/clip-f/blur.mp4", "here.mp4": "here.mp4", "folder/": "folder/blur.mp4"}[out]
    assert (tmp_path / path).read_bytes() == b"abc"
    assert path in shown


def test_a_file_that_is_there_and_cannot_be_read_is_named(
    jobs: Typed, cluster: FakeCluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unreadable(path: Path) -> str:
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    (tmp_path / "here.mp4").write_bytes(b"abc")
    monkeypatch.setattr("moviola.session.files.xxh3_of", unreadable)
    done = OutputSummary("blur", JobState.DONE, 3, 3, file="blur.mp4")
    file = FinishedFile("blur.mp4", 3, xxhash.xxh3_128_hexdigest(b"abc"))
    cluster.script.known = [replace(OTHER, progress=Progress(outputs=["blur"]), outputs=[done], files=[file])]
    said = "here.mp4 is there and cannot be read: Permission denied; give another --out.\n"
    assert jobs("fetch", "film", "--out", "here.mp4") == (2, "", said)


@pytest.mark.parametrize("flags", [[], ["--json"]])
def test_files_of_a_forgotten_job_that_cannot_be_removed_are_told_after_the_answer(
    jobs: Typed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, flags: list[str]
) -> None:
    def forbidden(path: Path, *, missing_ok: bool = False) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    film = tmp_path / "results" / "film-c1" / "blur.mp4"
    film.parent.mkdir(parents=True)
    film.touch()
    note(tmp_path / "results", "film-c1", "blur.mp4", film)
    monkeypatch.setattr(Path, "unlink", forbidden)
    status, out, err = jobs("forget", "film", "--files", *flags)
    assert status == 1
    answer = "job film-c1: forget-files it is"
    assert json.loads(out)["answer"] == answer if flags else out == f"{answer.capitalize()}.\n"
    assert err == (
        "Those in results could not be removed: results/film-c1/blur.mp4: Permission denied; "
        "once they can be, 'python -m client.jobs prune' removes them with those of other old jobs.\n"
    )


def test_the_whole_id_wins_over_the_beginning_of_another() -> None:
    jobs = {name: Job(name, "clip.mp4", "done") for name in ("clip-1", "clip-12")}
    assert find(jobs, "clip-1").job == "clip-1"
    with pytest.raises(UsageError):
        find({}, "latest")


IMAGES = Job(
    "long_name_of-d12345a", "photos", "done", submitted_unix_s=3000.0,
    progress=Progress("images", ["pixelate-watermark", "faces"]),
    outputs=[OutputSummary("faces", JobState.DONE, 1, 1, digest="ab")],
    details=Details([RequestedOutput("faces")], failures=[replace(FAILURE, frames=[0, 0])]),
    files=[FinishedFile("faces.files.jsonl", 90, "", "faces"), FinishedFile("faces.metrics.json", 2100, "")],
)  # fmt: skip


def test_images_are_called_so_and_their_folder_is_named(jobs: Typed, cluster: FakeCluster) -> None:
    cluster.script.known = [IMAGES]
    status, out, _ = jobs("show", "latest")
    lines = [" ".join(line.split()) for line in out.splitlines()]
    assert "images 1/1 sent, 1/1 done" in lines
    assert "folder faces/" in lines
    assert "file faces.metrics.json, 2.10 kB" in lines
    assert "frame" not in out
    assert "chunk 3, image 0, filter blur" in out
    assert any(line.startswith("output faces: , 1 image, digest") for line in lines)
    status, out, _ = jobs("wait", "latest")
    assert (status, "1 image, " in out) == (0, True)


def test_fetched_images_lie_where_sending_would_have_put_them(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    one = replace(IMAGES, progress=Progress("images", ["faces"]))
    photos = Material("images", "photos", (("a.jpg", Path("photos/a.jpg")),))
    order = Order((Output("faces", (), Encoder()),))
    for out in ("there", "new"):
        sent = places_for({photos: order}, str(tmp_path / out), tmp_path)[photos]
        fetched = place_of(one, str(tmp_path / out), tmp_path)
        assert fetched.path_of("j", "faces/a.jpg") == sent.path_of("j", "faces/a.jpg") == tmp_path / out / "a.jpg"


def test_an_id_stays_in_one_piece_at_80_columns(jobs: Typed, cluster: FakeCluster) -> None:
    cluster.script.known = [replace(RUNNING, priority=0), IMAGES]
    _, out, _ = jobs()
    assert f" {IMAGES.job} " in out
    assert max(map(len, out.splitlines())) <= 80


def test_a_sentence_for_whoever_chose_the_filter_needs_no_traceback() -> None:
    text = "Traceback:\n  File …\nmoviola.filters.{}: crop: it does not lie in the picture\n"
    assert traceback_of(Failure(traceback=text.format("base.UnsuitableSize"))) == ""
    assert traceback_of(Failure(traceback=text.format("schema.ParameterError"))) == ""
    assert traceback_of(Failure(traceback=text.format("blur.Odd"))) == text.format("blur.Odd").rstrip()
    assert traceback_of(Failure()) == ""


def test_the_list_of_some_states_and_of_the_newest(jobs: Typed) -> None:
    _, out, _ = jobs("--state", "failed", "--state", "done")
    assert [line.split()[0] for line in out.splitlines() if "clip" in line or "film" in line] == [
        "clip-a1", "film-c1", "clip-a1:",
    ]  # fmt: skip
    assert "Jobs: 1 done, 1 failed" in out
    _, out, _ = jobs("--limit", "1")
    assert "clip-b1" in out
    assert "clip-a1" not in out
    assert "2 older jobs not shown; --limit 3 shows all." in out
    told = json.loads(jobs("--state", "failed", "--json")[1])
    assert [job["job_id"] for job in told["jobs"]] == ["clip-a1"]


@pytest.mark.parametrize(
    ("flags", "verb"), [(["--state", "done"], "show"), (["--limit", "3"], "logs"), (["-w"], "wait")]
)
def test_what_is_for_the_list_is_for_nothing_else(jobs: Typed, flags: list[str], verb: str) -> None:
    status, _, err = jobs(verb, "film", *flags)
    assert status == 2
    assert "is for list, not for" in err


def test_the_log_of_a_job_is_a_line_for_each_thing(jobs: Typed, cluster: FakeCluster) -> None:
    story = [StoryLine(2001.25, "blur", "lent to w1", 3), StoryLine(2002.5, "stream 1", "stored", 12)]
    done = replace(RUNNING, state="failed", reason="it raised", seconds=4.0, details=replace(DETAILS, story=story))
    cluster.script.known = [done]
    status, out, err = jobs("logs", "latest")
    assert (status, err) == (0, "")
    lines = [re.sub(r"^[-\d]+ [:\d]+", "", line) for line in out.splitlines()]
    assert lines[0].startswith(".000  submitted by ")
    assert lines[1:3] == [".250  blur 3       lent to w1", ".500  stream 1 12  stored"]
    assert "a filter failed (exception) in output blur, chunk 3" in lines[3]
    assert lines[4] == ".000  failed: it raised"
    assert cluster.received[-1] == Watch("clip-b1", log=True)
    assert json.loads(jobs("logs", "latest", "--json")[1])["story"][0]["chunk"] == 3


def test_a_log_of_which_nothing_is_left_says_so(jobs: Typed, cluster: FakeCluster) -> None:
    cluster.script.known = [OTHER]
    assert "Nothing more is known" in jobs("logs", "film")[1]
