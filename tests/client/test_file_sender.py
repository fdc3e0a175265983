"""The command as a person types it: output, exit status, and what was sent."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
import pytest

from client import filters, jobs, status
from client.file_sender import main, read_options
from moviola.base.details import Policy
from moviola.filters import registry
from moviola.filters.schema import FilterSchema
from moviola.session import aggregator_line, known_filters
from moviola.wire.messages import Submit
from tests.session.fakes import FakeCluster
from tests.session.material import FRAMES
from tests.waiting import until

ROOT = Path(__file__).resolve().parents[2]
TIMEOUT_S = 60.0
NOBODY = ["--port", "1"]


@dataclass(frozen=True)
class Done:
    returncode: int
    stdout: str
    stderr: str


Typed = Callable[..., Done]


@pytest.fixture
def sender(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Typed:
    """The command in this process, in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("MOVIOLA_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("MOVIOLA_RESULTS", str(tmp_path / "results"))
    monkeypatch.setenv("COLUMNS", "120")

    def typed(*arguments: str | Path) -> Done:
        try:
            status = main([str(argument) for argument in arguments])
        except SystemExit as left:
            status = int(left.code or 0)
        shown = capsys.readouterr()
        return Done(status, shown.out, shown.err)

    return typed


def start(*arguments: str | Path, folder: Path) -> subprocess.Popen[str]:
    """The command as a process."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "MOVIOLA_RESULTS": str(folder / "results")}
    return subprocess.Popen(
        [sys.executable, *map(str, arguments)],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def to(cluster: FakeCluster) -> list[str]:
    return ["--host", "127.0.0.1", "--port", str(cluster.port)]


# ── wrong usage and bad input, all before anything is sent ───────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--filters", "blurr"], 'there is no filter "blurr"; did you mean "blur"?'),
        (["--filters", "blur:radius=1000"], "blur: radius is 1000; it must be at most 127 px."),
        (
            ["--filters", "watermark:text=Ꭰ"],
            "watermark: text takes text that fonts know; 'Ꭰ' (U+13A0, CHEROKEE LETTER A) is not allowed: one line",
        ),
        (["--filters", "watermark:file=/\udcff.png"], "there is no such file; check the path"),
        (["--filters", "blur:radius"], 'expected "=" after "radius"'),
        (["--filters", "blur:5"], 'blur: "5" is the value of no parameter; did you mean "blur:radius=5"?'),
        (["--filters", "blur=5"], 'an output called blur, made by the chain "5", which is not a chain; did you mean'),
        (["--filters", "blur:raduis=5"], 'blur has no parameter "raduis"; did you mean "radius"?'),
        (["--filters", "crop"], "crop needs x, y, width or height, as in crop:x=NUMBER."),
        (["--filters", "resize:aspect=no"], "resize needs width or height, as in resize:width=NUMBER."),
        (["--filters", "edges:low=200:high=100"], "edges: low is 200 and high is 100; low must be at most high."),
        (["--processing", "edges:low=x"], "edges: low takes"),
        (["--codec", "vp7"], "Argument --codec: invalid choice: 'vp7'"),
        (["--crf", "52"], "Argument --crf: must be a whole number from 0 to 51, not '52'"),
        (["--quality", "0"], "Argument --quality: must be a whole number from 1 to 100, not '0'"),
        (["--chunk-frames", "0"], "Argument --chunk-frames: must be a whole number from 1"),
        (["--port", "70000"], "a port is a number from 1 to 65535"),
        (["--ipv4", "--ipv6"], "not allowed with argument"),
        (["--secret-file", "nowhere"], "The cluster's secret cannot be read"),
    ],
)
def test_wrong_usage_is_one_sentence(sender: Typed, cluster: FakeCluster, arguments: list[str], words: str) -> None:
    done = sender("clip.mp4", *to(cluster), *arguments)
    assert done.returncode == 2
    assert words.lower() in done.stderr.lower()
    assert len(done.stderr.splitlines()) == 1
    assert not done.stdout
    assert cluster.count(Submit) == 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--codec", "ffv1"], "--codec is for videos, and there are only tables; leave it out.\n"),
        (
            ["--chunk-frames", "9"],
            "--chunk-frames is for videos and images, and there are only tables; leave it out.\n",
        ),
        (["--no-video"], "--no-video is for videos and images, and there are only tables; leave it out.\n"),
    ],
)
def test_an_option_for_other_material_is_refused(
    sender: Typed, cluster: FakeCluster, tmp_path: Path, arguments: list[str], words: str
) -> None:
    (tmp_path / "table.csv").write_text("a,b\n1,2\n")
    done = sender("table.csv", *to(cluster), *arguments)
    assert (done.returncode, done.stdout, done.stderr) == (2, "", words)


def test_what_a_configuration_says_for_other_material_is_no_mistake(
    sender: Typed, cluster: FakeCluster, tmp_path: Path
) -> None:
    (tmp_path / "table.csv").write_text("a,b\n1,2\n")
    (tmp_path / "moviola.toml").write_text('[send]\ncodec = "ffv1"\n')
    done = sender("table.csv", "--local", "--filters", "where:column=a:min=1")
    assert done.returncode == 0, done.stderr


def test_a_chain_that_was_not_typed_is_said_with_where_it_stands(
    sender: Typed, cluster: FakeCluster, clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "moviola.toml").write_text("[send]\nfilters = ['blur:5']\n[presets.mine]\nfilters = ['crop']\n")
    for arguments, where in (([], tmp_path / "moviola.toml"), (["-p", "mine"], f"the preset 'mine' of {tmp_path}")):
        done = sender(clip, *arguments, *to(cluster))
        assert done.returncode == 2
        assert done.stderr.startswith(f"The filters of {where}")
    monkeypatch.setenv("MOVIOLA_SEND_FILTERS", "edges")
    (tmp_path / "table.csv").write_text("a,b\n1,2\n")
    assert sender("table.csv", *to(cluster)).stderr.startswith(
        "The filters of MOVIOLA_SEND_FILTERS: the filter edges is"
    )
    assert not sender(clip, "-f", "blur:5", *to(cluster)).stderr.startswith("The filters of")


def test_an_option_is_right_where_some_of_the_material_knows_it(
    sender: Typed, cluster: FakeCluster, clip: Path, tmp_path: Path
) -> None:
    (tmp_path / "table.csv").write_text("a,b\n1,2\n")
    done = sender(clip, "table.csv", "--codec", "ffv1", *to(cluster))
    assert "--codec is for" not in done.stderr


def bad_inputs(folder: Path) -> dict[str, Path]:
    (folder / "empty.mp4").touch()
    (folder / "text.mp4").write_text("not a film\n" * 100)
    (folder / "folder").mkdir()
    with av.open(str(folder / "sound.mp4"), "w") as container:
        stream = container.add_stream("aac", rate=8000, layout="mono")
        for index in range(4):
            frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
            frame.sample_rate, frame.pts = 8000, index * 1024
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return {name: folder / name for name in ("empty.mp4", "text.mp4", "sound.mp4", "missing.mp4", "folder")}


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("empty.mp4", "the file is empty"),
        ("text.mp4", "not a media file"),
        ("sound.mp4", "sound only"),
        ("missing.mp4", "there is no such file"),
        ("folder", "there are no videos, images or tables in this folder"),
    ],
)
@pytest.mark.parametrize("way", ["cluster", "--local"])
def test_bad_input_is_one_sentence(
    sender: Typed, cluster: FakeCluster, tmp_path: Path, name: str, words: str, way: str
) -> None:
    path = bad_inputs(tmp_path)[name]
    done = sender(path, "--json", *(to(cluster) if way == "cluster" else [way]))
    assert done.returncode == 2, done.stderr
    assert words in done.stderr
    assert done.stderr.startswith(str(path))
    assert len(done.stderr.splitlines()) == 1
    told = json.loads(done.stdout)
    assert (told["source"], told["status"], told["state"]) == (str(path), "wrong", "refused")
    assert f"{told['reason']}\n" == done.stderr
    assert cluster.count(Submit) == 0
    assert not (tmp_path / "results").exists()


def test_no_path_and_no_data_folder(sender: Typed) -> None:
    done = sender(*NOBODY)
    assert done.returncode == 2
    assert done.stderr == "data: nothing was named, and there is no such folder; name what is to be sent.\n"


def test_a_closed_port_is_said_with_a_way_out(sender: Typed, clip: Path) -> None:
    done = sender(clip, "--host", "127.0.0.1", *NOBODY)
    assert done.returncode == 3
    assert done.stderr == (
        "No middleware answers at 127.0.0.1:1 (127.0.0.1:1: Connection refused); "
        "start one with ./run.sh, or name another with --host and --port.\n"
    )


@pytest.mark.parametrize("program", [main, jobs.main, status.main, filters.main])
def test_a_wrong_secret_is_answered_with_what_mends_it(
    program: Callable[[list[str]], int], clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wrong = tmp_path / "wrong"
    wrong.write_text("guessed")
    wrong.chmod(0o600)
    arguments = [str(clip)] if program is main else []
    with FakeCluster(secret=b"right") as cluster:
        assert program([*arguments, *to(cluster), "--secret-file", str(wrong)]) != 0
    said = capsys.readouterr().err
    assert "does not know this cluster's secret; copy the secret from the cluster's state folder and name" in said
    assert "--secret-file" in said
    assert "start one" not in said
    assert "No middleware answers" not in said
    assert len(said.splitlines()) == 1


# ── what is sent, and what comes of it ───────────────────────────────────────────────────────────────────────────


def test_json_is_one_object_a_job_and_nothing_else(
    sender: Typed, cluster: FakeCluster, clip: Path, tmp_path: Path
) -> None:
    shutil.copy(clip, tmp_path / "other.mp4")
    done = sender(clip, "other.mp4", "--json", "--filters", "blur", "--filters", "edges", *to(cluster))
    assert done.returncode == 0, done.stderr
    jobs = [json.loads(line) for line in done.stdout.splitlines()]
    assert sorted(job["job_id"] for job in jobs) == ["job-0", "job-1"]
    for job in jobs:
        assert (job["state"], job["reason"], job["seconds"]) == ("done", "", 0.5)
        assert job["frames_per_second"] == FRAMES / 0.5
        assert [output["name"] for output in job["outputs"]] == ["blur", "edges"]
        assert all(Path(output["path"]).stat().st_size for output in job["outputs"])


def test_other_names_for_the_same_things(sender: Typed, cluster: FakeCluster, clip: Path, tmp_path: Path) -> None:
    done = sender("--video", clip, "--processing", "edges", "--codec", "mp4v", "--out", "o.mp4", *to(cluster))
    assert done.returncode == 0, done.stderr
    (output,) = cluster.jobs[0].submit.outputs
    assert (output["chain"][0]["name"], output["codec"]) == ("edges", "mpeg4")
    assert (tmp_path / "o.mp4").exists()
    assert (tmp_path / "o.metrics.json").read_text() == "{}"
    assert not (tmp_path / "results").exists()


def test_the_defaults() -> None:
    options = read_options([])
    assert (options.codec, options.crf, options.preset, options.filters) == ("h264", 20, "veryfast", ())
    assert (options.format, options.quality) == ("", 95)
    assert (options.host, options.port, options.out, options.chunk_frames) == ("localhost", 5000, None, None)


def test_a_configuration_says_where_the_cluster_is_and_no_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "moviola.toml"
    monkeypatch.setenv("MOVIOLA_CONFIG", str(path))
    path.write_text('[client]\nport = 6000\nresults = "films"\n')
    options = read_options([])
    assert (options.port, options.results, options.codec) == (6000, tmp_path / "films", "h264")
    path.write_text('[client]\ncodec = "mpeg4"\n')
    with pytest.raises(SystemExit):
        read_options([])
    assert "[client], has no setting 'codec'" in capsys.readouterr().err


def test_everything_in_data_is_sent_without_a_path(
    sender: Typed, cluster: FakeCluster, clip: Path, tmp_path: Path
) -> None:
    (tmp_path / "data").mkdir()
    shutil.copy(clip, tmp_path / "data" / "a.mp4")
    (tmp_path / "data" / "README.md").write_text("not sent")
    done = sender(*to(cluster))
    assert done.returncode == 0, done.stderr
    assert [job.submit.source["name"] for job in cluster.jobs] == ["a.mp4"]
    assert "a.mp4 → " in done.stdout
    assert cluster.jobs[0].submit.outputs[0]["chain"] == [{"name": "blur", "parameters": {"radius": 7}}]


def test_good_inputs_are_sent_beside_bad_ones(sender: Typed, cluster: FakeCluster, clip: Path, tmp_path: Path) -> None:
    bad = bad_inputs(tmp_path)
    done = sender(bad["missing.mp4"], bad["text.mp4"], clip, *to(cluster))
    assert done.returncode == 4
    assert len(cluster.jobs) == 1
    assert "there is no such file" in done.stderr
    assert "not a media file" in done.stderr


@pytest.mark.parametrize(("state", "status"), [("partial", 4), ("failed", 1), ("cancelled", 5)])
def test_how_a_job_ends_is_the_exit_status(
    sender: Typed, cluster: FakeCluster, clip: Path, state: str, status: int
) -> None:
    cluster.script.final_state, cluster.script.final_reason = state, "frame 7 was passed on unfiltered"
    done = sender(clip, "--json", *to(cluster))
    assert done.returncode == status
    assert json.loads(done.stdout)["state"] == state
    assert "frame 7 was passed on unfiltered" in done.stderr


def test_files_that_cannot_be_fetched_are_not_said_to_be_here(
    sender: Typed, cluster: FakeCluster, clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(aggregator_line, "NEVER_REACHED_S", 0.1)
    cluster.script.is_aggregator_away = True
    done = sender(clip, "--out", "v2.mp4", *to(cluster))
    assert done.returncode == 1
    assert done.stderr.startswith(
        "clip.mp4: the job is done, but the aggregator has not been reached for 0 s (127.0.0.1:1: Connection ref"
    )
    assert done.stderr.endswith("python -m client.jobs fetch job-0 brings them.\n")
    assert done.stdout.startswith(f"clip.mp4 → blur: done, but not fetched, {FRAMES} frames")
    assert not (tmp_path / "v2.mp4").exists()


def test_quiet_says_nothing_when_all_is_well(sender: Typed, cluster: FakeCluster, clip: Path) -> None:
    done = sender(clip, "--quiet", *to(cluster))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_quiet_says_errors(sender: Typed, cluster: FakeCluster, clip: Path) -> None:
    cluster.script.final_state, cluster.script.final_reason = "failed", "the filter raised"
    done = sender(clip, "--quiet", *to(cluster))
    assert (done.returncode, done.stdout, done.stderr) == (1, "", "clip.mp4: failed: the filter raised.\n")


def test_a_filter_that_only_the_workers_have_is_checked_against_their_schema(
    sender: Typed, cluster: FakeCluster, clip: Path
) -> None:
    cluster.script.worker_filters["sepia"] = FilterSchema("sepia", "brown").to_wire()
    assert sender(clip, "--filters", "sepia:depth=3", *to(cluster)).returncode == 2
    assert cluster.count(Submit) == 0
    assert sender(clip, "--filters", "sepia", *to(cluster)).returncode == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_says_how_to_go_on(cluster: FakeCluster, clip: Path, tmp_path: Path, number: signal.Signals) -> None:
    cluster.script.never_finish = True
    with start("-m", "client.file_sender", clip, *to(cluster), "--json", folder=tmp_path) as process:
        until(lambda: process.poll() is not None or (cluster.jobs and cluster.jobs[0].complete), "all is sent")
        assert process.poll() is None
        process.send_signal(number)
        output, errors = process.communicate(timeout=TIMEOUT_S)
    assert process.returncode == 5
    assert "interrupted; job job-0" in errors
    assert "the same command" in errors
    assert json.loads(output)["state"] == "running"


def test_sending_does_not_load_opencv(cluster: FakeCluster, clip: Path, tmp_path: Path) -> None:
    code = (
        "import sys; from client.file_sender import main; "
        f"status = main([{str(clip)!r}, '--filters', 'blur,edges:low=9', '--quiet', '--host', '127.0.0.1', "
        f"'--port', '{cluster.port}']); assert 'cv2' not in sys.modules; sys.exit(status)"
    )
    with start("-c", code, folder=tmp_path) as process:
        _, errors = process.communicate(timeout=TIMEOUT_S)
    assert process.returncode == 0, errors
    assert len(cluster.jobs) == 1


# ── without a cluster ────────────────────────────────────────────────────────────────────────────────────────────


def test_local_makes_the_files_and_the_same_json(sender: Typed, clip: Path) -> None:
    done = sender(clip, "--local", "--json", "--filters", "blur", "--filters", "edges")
    assert done.returncode == 0, done.stderr
    job = json.loads(done.stdout)
    assert (job["state"], job["reason"]) == ("done", "")
    assert job["job_id"].startswith("local-")
    for output in job["outputs"]:
        assert (output["frames_in"], output["frames_out"], output["fallback_frames"]) == (FRAMES, FRAMES, 0)
        assert json.loads(Path(output["metrics_path"]).read_text())["digest"] == output["digest"]
        with av.open(output["path"]) as container:
            assert sum(1 for _ in container.decode(video=0)) == FRAMES


def test_local_says_in_a_sentence_that_a_filters_file_is_not_there(sender: Typed, clip: Path) -> None:
    done = sender(clip, "--local", "--filters", "faces:model=nowhere.onnx")
    assert done.returncode == 2
    assert "model=nowhere.onnx: there is no such file" in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


PLUGIN = """
from dataclasses import dataclass
from moviola.filters.base import Filter

@dataclass(frozen=True)
class Unchanged(Filter):
    name, summary = "unchanged", "nothing of one's own"

    def apply(self, picture, earlier):
        return picture
"""


@pytest.fixture
def plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file with the filter `unchanged`; what a test loads is forgotten."""
    monkeypatch.setattr(registry, "_loaded", {})
    path = tmp_path / "unchanged.py"
    path.write_text(PLUGIN)
    return path


def test_local_takes_filters_of_a_file(sender: Typed, clip: Path, plugin: Path) -> None:
    chain = ["--filters", "unchanged,blur"]
    assert 'there is no filter "unchanged"' in sender(clip, "--local", *chain).stderr
    done = sender(clip, "--local", "--json", "--plugins", plugin, "--plugins", plugin.name, *chain)
    assert done.returncode == 0, done.stderr
    (output,) = json.loads(done.stdout)["outputs"]
    assert (output["frames_out"], output["fallback_frames"]) == (FRAMES, 0)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (None, "/unchanged.py: there is no such file; check the path."),
        ("import nothing_such", "/unchanged.py cannot be loaded: ModuleNotFoundError: No module named 'nothing_such'."),
        ("", "/unchanged.py defines no filter: a frozen dataclass derived from moviola.filters.base.Filter."),
    ],
)
def test_a_file_without_filters_is_refused(
    sender: Typed, clip: Path, plugin: Path, capsys: pytest.CaptureFixture[str], text: str | None, words: str
) -> None:
    plugin.unlink()
    if text is not None:
        plugin.write_text(text)
    said = [sender(clip, "--local", "--plugins", plugin)]
    status = filters.main(["--local", "--plugins", str(plugin)])
    shown = capsys.readouterr()
    said.append(Done(status, shown.out, shown.err))
    for done in said:
        assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
        assert words in done.stderr


def test_filters_of_a_file_are_not_for_a_cluster(sender: Typed, cluster: FakeCluster, clip: Path, plugin: Path) -> None:
    done = sender(clip, *to(cluster), "--plugins", plugin, "--filters", "unchanged")
    assert (done.returncode, done.stdout, cluster.count(Submit)) == (2, "", 0)
    assert "code never travels to workers; start them with it: " in done.stderr
    assert done.stderr.endswith(f" --plugins {plugin}.\n")


def test_a_files_filters_are_listed(
    sender: Typed, cluster: FakeCluster, plugin: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "unchanged  nothing of one's own" in sender("--list-filters", "--local", "--plugins", plugin).stdout
    registry._loaded.clear()
    assert filters.main(["--local", "--plugins", str(plugin)]) == 0
    assert "unchanged  nothing of one's own" in capsys.readouterr().out
    assert filters.main([*to(cluster), "--plugins", str(plugin)]) == 2
    assert "code never travels" in capsys.readouterr().err


def test_local_to_a_file_of_a_name(sender: Typed, clip: Path, tmp_path: Path) -> None:
    done = sender(clip, "--local", "--codec", "ffv1", "--out", "mine.mkv")
    assert done.returncode == 0, done.stderr
    beside = {"mine.manifest.jsonl.gz", "mine.metrics.json", "mine.metadata.json"}
    assert {path.name for path in tmp_path.iterdir()} == {"mine.mkv", *beside}


def test_local_without_a_manifest(sender: Typed, clip: Path, tmp_path: Path) -> None:
    done = sender(clip, "--local", "--codec", "ffv1", "--out", "mine.mkv", "--no-manifest")
    assert done.returncode == 0, done.stderr
    assert {path.name for path in tmp_path.iterdir()} == {"mine.mkv", "mine.metrics.json", "mine.metadata.json"}


def test_a_name_that_the_codec_does_not_suit_is_refused(sender: Typed, clip: Path, tmp_path: Path) -> None:
    done = sender(clip, "--local", "--codec", "ffv1", "--out", "mine.mp4")
    assert (done.returncode, done.stdout) == (2, "")
    assert "--out mine.mp4: an MP4 file holds no ffv1 here; name it .mkv, or choose --codec h264" in done.stderr
    assert not list(tmp_path.iterdir())


def test_verified_cuts_are_sent(sender: Typed, cluster: FakeCluster, clip: Path) -> None:
    done = sender(clip, "--verify-cuts", *to(cluster))
    assert done.returncode == 0, done.stderr
    assert len(cluster.jobs) == 1


# ── which filters there are ──────────────────────────────────────────────────────────────────────────────────────


def test_local_needs_no_secret(sender: Typed, clip: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("seen by all")
    (tmp_path / "secret").chmod(0o644)
    for local in ([clip, "--filters", "identity"], ["--list-filters"]):
        assert sender(*local, "--local", "--secret-file", "secret").returncode == 0
        assert sender(*local, "--secret-file", "secret").returncode == 2


def test_the_filters_of_this_install(sender: Typed) -> None:
    done = sender("--list-filters", "--local")
    assert done.returncode == 0
    for words in ("blur", "radius", "1..127 px", "edges", "identity"):
        assert words in done.stdout
    assert "workers" not in done.stdout


def test_the_filters_of_the_cluster_with_how_many_workers_offer_each(sender: Typed, cluster: FakeCluster) -> None:
    cluster.script.worker_filters["sepia"] = FilterSchema("sepia", "makes everything brown").to_wire()
    done = sender("--list-filters", *to(cluster))
    assert done.returncode == 0, done.stderr
    assert "workers" in done.stdout
    assert "makes everything brown" in done.stdout
    lines = sender("--list-filters", "--json", *to(cluster)).stdout.splitlines()
    offered = {each["name"]: each for each in map(json.loads, lines)}
    assert offered["sepia"]["workers"] == 2
    assert offered["blur"]["parameters"][0]["name"] == "radius"


def test_without_workers_the_filters_that_are_built_in_are_listed_and_it_is_said(
    sender: Typed, cluster: FakeCluster
) -> None:
    cluster.script.workers = 0
    done = sender("--list-filters", *to(cluster))
    assert done.returncode == 0
    assert done.stderr == (
        f"No worker is connected to 127.0.0.1:{cluster.port}, so nobody says what filters this cluster has; "
        "these are the ones that are built in. python -m worker starts one.\n"
    )
    assert done.stdout == sender("--list-filters", "--local").stdout


def test_a_worker_that_comes_back_is_waited_for_where_a_filter_is_not_known_here(
    sender: Typed, cluster: FakeCluster, clip: Path
) -> None:
    cluster.script.worker_filters["sepia"] = FilterSchema("sepia", "brown").to_wire()
    cluster.script.late_workers = True
    done = sender(clip, "--filters", "sepia", *to(cluster))
    assert done.returncode == 0, done.stderr
    assert "waiting 30 s for one" in done.stderr


def test_a_filter_that_the_cluster_remembers_is_sent_while_no_worker_is_there(
    sender: Typed, cluster: FakeCluster, clip: Path
) -> None:
    cluster.script.workers = 0
    cluster.script.known_filters = [{"name": "torn"}, FilterSchema("sepia", "brown").to_wire()]
    done = sender(clip, "--filters", "sepia", *to(cluster))
    assert (done.returncode, done.stderr) == (0, "")
    assert cluster.count(Submit) == 1


def test_a_filter_that_no_worker_ever_had_is_refused(sender: Typed, cluster: FakeCluster, clip: Path) -> None:
    cluster.script.workers = 0
    cluster.script.known_filters = [FilterSchema("sepia", "brown").to_wire()]
    done = sender(clip, "--filters", "sepai", *to(cluster))
    assert (done.returncode, done.stderr) == (2, 'there is no filter "sepai"; did you mean "sepia"?\n')
    assert cluster.count(Submit) == 0


def test_where_no_worker_has_ever_been_nobody_says_that_there_is_no_such_filter(
    sender: Typed, cluster: FakeCluster, clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(known_filters, "WORKERS_AWAITED_S", 3.0)  # in which it has to be asked once more
    cluster.script.workers = 0
    done = sender(clip, "--filters", "blurr", *to(cluster))
    assert done.returncode == 3
    waiting, end = done.stderr.splitlines()
    assert waiting.startswith('no worker is there yet to say whether there is a filter "blurr": waiting')
    assert (
        'Nobody can be asked whether there is a filter "blurr" (or did you mean "blur"?): no worker has joined' in end
    )
    assert cluster.count(Submit) == 0


def test_without_a_middleware_nobody_says_that_there_is_no_such_filter(sender: Typed, clip: Path) -> None:
    done = sender(clip, "--filters", "blurr", "--host", "127.0.0.1", *NOBODY)
    assert done.returncode == 3
    assert 'Nobody can be asked whether there is a filter "blurr" (or did you mean "blur"?): No middl' in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_no_cluster_to_ask_for_filters(sender: Typed) -> None:
    done = sender("--list-filters", *NOBODY)
    assert done.returncode == 3
    assert "No middleware answers" in done.stderr


# ── leaving, coming back, and what is asked for beside the filters ───────────────────────────────────────────────


def test_whoever_detaches_gets_the_jobs_id_and_no_files(
    sender: Typed, cluster: FakeCluster, clip: Path, tmp_path: Path
) -> None:
    cluster.script.never_finish = True
    done = sender(clip, *to(cluster), "--detach")
    assert (done.returncode, done.stdout, done.stderr) == (0, "job-0\n", "")
    done = sender(clip, *to(cluster), "--detach", "--json", "--new")
    told = json.loads(done.stdout)
    assert (told["job_id"], told["state"], told["outputs"]) == ("job-0", "running", [])
    assert not (tmp_path / "results").exists()


def test_what_is_asked_for_beside_the_filters_arrives(sender: Typed, cluster: FakeCluster, clip: Path) -> None:
    done = sender(clip, *to(cluster), "--priority", "7", "--on-error", "drop", "--new")
    assert done.returncode == 0
    submit = next(message for message in cluster.received if isinstance(message, Submit))
    assert (submit.priority, submit.new, submit.policy) == (7, True, Policy("drop"))
    assert submit.outputs[0]["on_error"] == "drop"
    assert submit.origin.endswith(f":{clip.resolve()}")


@pytest.mark.parametrize("way", ["cluster", "--local"])
def test_no_text_in_a_path_is_no_obstacle(
    sender: Typed, cluster: FakeCluster, clip: Path, tmp_path: Path, way: str
) -> None:
    folder = tmp_path / "pics\udcff"
    folder.mkdir()
    shutil.copy(clip, folder / "v\udcff.mp4")
    (folder / "t\udcff.csv").write_text("id,title\n1,A\n")
    chains = ["--filters", "identity", "--filters", "where:column=id:min=0"]
    done = sender(folder, *(to(cluster) if way == "cluster" else [way]), *chains)
    assert done.returncode == 0, done.stderr
    if way == "cluster":
        origins = [message.origin for message in cluster.received if isinstance(message, Submit)]
        assert {origin.rpartition("/")[2] for origin in origins} == {"v?.mp4", "t?.csv"}
    else:
        assert "v?.mp4 →" in done.stdout


def test_whoever_comes_back_is_told_what_is_there(sender: Typed, cluster: FakeCluster, clip: Path) -> None:
    cluster.script.never_finish = True
    sender(clip, *to(cluster), "--detach")
    done = sender(clip, *to(cluster), "--detach")
    assert done.stdout == "job-0\n"
    assert "clip.mp4: continues job job-0, " in done.stderr
    assert sender(clip, *to(cluster), "--detach", "--quiet").stderr == ""


@pytest.mark.parametrize("flags", [["--detach"], ["--new"], ["--priority", "1"]])
def test_what_needs_a_cluster_is_refused_without_one(sender: Typed, clip: Path, flags: list[str]) -> None:
    done = sender(clip, "--local", *flags)
    assert done.returncode == 2
    assert "are for a cluster" in done.stderr


def test_ctrl_c_while_a_command_is_being_loaded_ends_it_without_a_traceback(tmp_path: Path) -> None:
    loading = "import sys; sys.argv = ['-m']; import client, os, signal; os.kill(os.getpid(), signal.SIGINT)"
    process = start("-c", loading, folder=tmp_path)
    out, err = process.communicate(timeout=TIMEOUT_S)
    assert (process.returncode, out, err) == (-signal.SIGINT, "", "")


# ── programs that read along ─────────────────────────────────────────────────────────────────────────────────────


def test_every_source_has_one_object_whatever_became_of_it(
    sender: Typed, cluster: FakeCluster, clip: Path, tmp_path: Path
) -> None:
    bad = bad_inputs(tmp_path)
    done = sender(bad["missing.mp4"], clip, bad["text.mp4"], "--json", *to(cluster))
    told = [json.loads(line) for line in done.stdout.splitlines()]
    assert [(one["source"], one["status"], one["state"]) for one in told] == [
        (str(bad["missing.mp4"]), "wrong", "refused"),
        (str(bad["text.mp4"]), "wrong", "refused"),
        (str(clip), "done", "done"),
    ]
    assert "there is no such file" in told[0]["reason"]


def test_what_was_never_sent_has_an_object_too(sender: Typed, clip: Path, tmp_path: Path) -> None:
    several = [tmp_path / f"{number}.mp4" for number in range(5)]
    for path in several:
        shutil.copy(clip, path)
    done = sender(*several, "--json", "--host", "127.0.0.1", *NOBODY)
    assert done.returncode == 3
    told = [json.loads(line) for line in done.stdout.splitlines()]
    assert {one["source"] for one in told} == set(map(str, several))
    assert {one["status"] for one in told} == {"unreachable"}
    assert {one["state"] for one in told} == {"failed", "not-sent"}
    assert "0 of 5 files done.\n5 files were never sent: " in done.stderr


def test_progress_comes_as_events(sender: Typed, cluster: FakeCluster, clip: Path, tmp_path: Path) -> None:
    bad = bad_inputs(tmp_path)
    done = sender(clip, bad["missing.mp4"], "--progress", "json", "--json", *to(cluster))
    events = [json.loads(line) for line in done.stderr.splitlines()]
    assert events[0] == {"event": "begin", "sources": 2, "bytes": clip.stat().st_size}
    ends = [event for event in events if event["event"] == "end"]
    assert [{"event": "end", **json.loads(line)} for line in done.stdout.splitlines()] == ends
    assert {event["event"] for event in events} >= {"begin", "message", "end"}
    document = (ROOT / "docs" / "PROGRESS.md").read_text()
    assert all(f"`{name}`" in document for event in events for name in event)
