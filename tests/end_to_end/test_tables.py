"""Tables through real processes: the results of a short script, in any file order and cut, whoever is killed."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.end_to_end.cluster import LocalCluster, finished
from tests.end_to_end.faults.witness import TELLING, Killer, all_sent, lose_a_task, until_stored
from tests.media.table import oracle
from tests.media.table.tables import MOVIES, dataset, movie, write
from tests.waiting import until

PLUGINS = Path(__file__).parent / "faults" / "record_plugins.py"
LAST = "The Last Movie"

FILTERS = {"post_2000": oracle.post_2000, "argentina_spain": oracle.argentina_spain}


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCluster]:
    with LocalCluster(tmp_path_factory.mktemp("tables"), workers=2) as running:
        yield running


def outputs(sent: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {output["name"]: output for output in sent["outputs"]}


def result(output: dict[str, Any]) -> Any:
    return json.loads(Path(output["path"]).read_bytes())


def named(paths: list[Path]) -> list[str]:
    return [str(path) for path in paths]


def test_both_filters_give_what_a_short_script_gives(cluster: LocalCluster, tmp_path: Path) -> None:
    paths = dataset(tmp_path)
    chains = [argument for chain in FILTERS for argument in ("--filters", chain)]
    sent = cluster.send(*named(paths), *chains)
    assert sent["state"] == "done"
    for name, output in outputs(sent).items():
        assert Path(output["path"]).name == f"{name}_results.json"
        assert result(output) == oracle.expected(paths, FILTERS[name])
        metrics = json.loads(Path(output["metrics_path"]).read_bytes())
        assert metrics["state"] == "done"
        assert metrics["frames"]["lost"] == 0
        assert metrics["troubles"]["malformed_count"] == len(metrics["troubles"]["malformed"]) == 8
        assert {facts["table"]: facts["records_out"] for facts in metrics["output"]["tables"]} == {
            table: len(records) for table, records in result(output).items()
        }


def test_the_cut_and_the_order_of_files_change_no_byte(cluster: LocalCluster, tmp_path: Path) -> None:
    paths = dataset(tmp_path, movies=40)
    arguments = ("--filters", "post_2000")
    expected = outputs(cluster.send(*named(paths), *arguments, "--local"))["post_2000"]
    assert result(expected) == oracle.expected(paths, oracle.post_2000)
    random.Random(5).shuffle(paths)
    one_by_one = cluster.send(*named(paths), *arguments, "--chunk-records", "1")
    assert outputs(one_by_one)["post_2000"]["digest"] == expected["digest"]
    folder = cluster.send(str(tmp_path), *arguments, "--chunk-records", "100")
    assert outputs(folder)["post_2000"]["digest"] == expected["digest"]


def test_the_number_of_records_is_said_at_once_and_malformed_ones_at_the_end(
    cluster: LocalCluster, tmp_path: Path
) -> None:
    path = write(tmp_path / "movies.csv", MOVIES, [*(movie(id=number) for number in range(1, 123)), ["1", "2"]])
    done = cluster.run("client.file_sender", str(path), "--filters", "post_2000")
    assert done.returncode == 0, done.stderr
    total, warning = done.stderr.splitlines()
    assert total == "movies.csv: 123 records"
    assert "1 of 123 records is malformed and left out, at line 124: 2 columns instead of 24" in warning


def test_workers_of_one_filter_each_share_a_job(tmp_path: Path) -> None:
    paths = dataset(tmp_path)
    with LocalCluster(tmp_path, workers=0) as running:
        for name in FILTERS:
            running.environment["FILTER_TYPE"] = name
            running.start("worker", name, ["--port", str(running.port), "--processes", "1", "--name", name])
        running.wait(2)
        sent = outputs(running.send(*named(paths), "--filters", "post_2000", "--filters", "argentina_spain"))
        for name, output in sent.items():
            assert result(output) == oracle.expected(paths, FILTERS[name])
            metrics = json.loads(Path(output["metrics_path"]).read_bytes())
            (worker,) = metrics["workers"]
            assert worker["name"].startswith(name)
            assert worker["frames"] == metrics["source"]["frame_count"]


def test_another_schema_is_refused_by_name_or_goes_along_with_where(cluster: LocalCluster, tmp_path: Path) -> None:
    movies = write(tmp_path / "movies.csv", MOVIES, [movie(id=1, title="two"), movie(id=2)])
    books = write(tmp_path / "books.csv", ["title", "pages"], [["one", "90"], ["two", "120"]])
    done = cluster.run("client.file_sender", str(movies), str(books), "--filters", "post_2000")
    assert done.returncode == 2
    assert "books.csv is not one of them: its columns are title, pages" in done.stderr
    sent = cluster.send(str(movies), str(books), "--filters", "where:column=title:equals=two")
    found = result(outputs(sent)["where"])
    assert [record["id"] for record in found["movies"]] == ["1"]
    assert found["books.csv"] == [{"title": "two", "pages": "120"}]


def test_a_column_that_is_nowhere_is_refused_before_anything_is_sent(cluster: LocalCluster, tmp_path: Path) -> None:
    movies = write(tmp_path / "movies.csv", MOVIES, [movie(id=1)])
    done = cluster.run("client.file_sender", str(movies), "--filters", "where:column=pages:min=1")
    assert done.returncode == 2
    assert 'no column "pages" in movies.csv' in done.stderr


@pytest.mark.suite("long")
def test_each_role_killed_once_in_one_job(tmp_path: Path) -> None:
    paths = dataset(tmp_path, movies=60)
    rows = [movie(id=10**8 + number, title=LAST, release_date="2015-05-05") for number in range(3)]
    last = write(tmp_path / "movies_more.csv", MOVIES, rows)
    expected = oracle.expected(paths, oracle.post_2000)
    expected["movies"] += oracle.read(last)
    gate = tmp_path / "gate"
    chain = f"turnstile:movie={LAST}:path={gate},post_2000"
    arguments = (*named([*paths, last]), "--filters", chain, "--chunk-records", "1")
    workers, told = ("--plugins", str(PLUGINS)), TELLING
    with LocalCluster(tmp_path, workers=2, worker_arguments=workers, middleware_arguments=told) as running:
        killer = Killer(running)
        roles = ["worker", "worker", "middleware", "aggregator", "client"]
        killer.random.shuffle(roles)
        sender = killer.begin(*arguments)
        for role, moment in zip(roles, killer.moments(len(roles), 60), strict=True):
            until_stored(running, moment, sender)
            killer.linger()
            assert sender.poll() is None, sender.communicate()
            if role == "client":
                sender = killer.another(sender, *arguments)
            else:
                killer.kill(role)
        until(lambda: all_sent(running), "all chunks are there, so that no worker has credit left")
        gated = range(66, 69)  # the chunks behind the records of movies_metadata.csv, malformed ones too
        lose_a_task(running, gated)
        gate.touch()
        sent = finished(sender)
        assert sent["state"] == "done", f"seed {killer.seed}: {sent}"
        (output,) = sent["outputs"]
        assert result(output) == expected, f"seed {killer.seed}"
        assert output["fallback_frames"] == output["lost_frames"] == 0
        assert output["retries"] >= 1
