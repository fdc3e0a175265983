"""The command that measures how costs grow: what it prints, and what it refuses. No test looks at a time."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from bench import scale
from bench.scaling import audit, collecting, farm, lives, memory, sending, tables
from bench.scaling.audit import Audit, AuditFailed, FarmShape, Host
from bench.scaling.lives import SHAPES, Shape
from moviola.wire.messages import Released, Task
from moviola.wire.schema import Lease

SMALL = FarmShape(jobs=6, layers=4, frames=5, hosts=24, tags=8)


def printed(capsys: pytest.CaptureFixture[str], *arguments: str) -> list[dict[str, Any]]:
    """The objects that `--json` prints."""
    assert scale.main([*arguments, "--json"]) == 0
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_json_is_one_object_a_row_with_the_fields_of_the_table(capsys: pytest.CaptureFixture[str]) -> None:
    rows = printed(capsys, "--quick", "--rows", "1x2x40,3x4x10", "--ticks", "16,1")
    *table, opencue = rows
    assert [(row["jobs"], row["workers"], row["chunks"], row["lives_per_tick"]) for row in table] == [
        (1, 2, 40, 16), (1, 2, 40, 1), (3, 4, 10, 16), (3, 4, 10, 1),
    ]  # fmt: skip
    for row in rows:
        assert {"part", "jobs", "workers", "chunks", "lives_per_tick", "us_per_task", "runs", "cores"} <= row.keys()
        assert row["us_per_task"] > 0
    assert (opencue["tasks"], opencue["rendered_once"], opencue["lost"]) == (120, 120, 0)


def test_the_figures_from_before_are_of_the_tables_rows() -> None:
    rows = tables.read_rows(Path(scale.__file__).parent / "scaling" / "before.jsonl")
    assert tables.by_shape(rows).keys() == {(shape, per_tick) for shape in SHAPES for per_tick in (16, 2, 1)}


def test_the_table_has_the_rows_that_are_asked_for_by_default() -> None:
    args = scale.parse([])
    assert [(one.jobs, one.workers, one.chunks) for one in args.rows] == [
        (1, 2, 10_000), (1, 64, 10_000), (100, 64, 100), (1_000, 64, 64), (100, 2_000, 100), (1_000, 2_000, 64),
        (1, 2, 200_000),
    ]  # fmt: skip
    assert tuple(args.ticks) == (16, 2, 1)
    assert args.runs == 5
    assert args.rows == list(SHAPES)
    few, many = tables.GROWTH
    assert few == Shape(1, 2, 10_000)
    assert many == Shape(1_000, 2_000, 64)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--runs", "0"], "must be a whole number from 1 on"),
        (["--ticks", "16,none"], "must be a whole number from 1 on"),
        (["--lives", "-3"], "must be a whole number from 1 on"),
        (["--rows", "10x20"], "a row is JOBSxWORKERSxCHUNKS"),
        (["--rows", "1x0x5"], "at least one job, one worker and one chunk"),
        (["everything"], "there is no part 'everything'"),
        (["memory", "--rows", "1x2x3"], "are about the part scheduler"),
        (["--before", "/nonexistent/rows.jsonl"], "No such file"),
    ],
)
def test_arguments_without_sense_are_refused_in_a_sentence(
    arguments: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        scale.main(arguments)
    assert stopped.value.code == 2
    assert sentence in capsys.readouterr().err


def test_rows_that_are_none_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "rows.jsonl").write_text('{"jobs": 1}\n')
    with pytest.raises(SystemExit):
        scale.parse(["--before", str(tmp_path / "rows.jsonl")])
    assert "a line is no row of this table" in capsys.readouterr().err


def test_earlier_rows_are_told_beside_the_new_ones(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = {"jobs": 1, "workers": 2, "chunks": 40, "lives_per_tick": 16, "us_per_task": 1234.5}
    (tmp_path / "rows.jsonl").write_text(json.dumps(before) + "\n")
    scale.main(["scheduler", "--quick", "--rows", "1x2x40", "--ticks", "16", "--before", str(tmp_path / "rows.jsonl")])
    assert "1 234.5" in capsys.readouterr().out


def test_a_plot_is_drawn(tmp_path: Path) -> None:
    target = tmp_path / "scale.png"
    scale.main(["scheduler", "--quick", "--rows", "1x2x40,3x4x10", "--ticks", "16", "--plot", str(target)])
    assert target.read_bytes().startswith(b"\x89PNG")


def test_a_life_is_counted_for_every_row() -> None:
    row = lives.measure(jobs=3, workers=4, chunks=20, lives_per_tick=2)
    assert (row["tasks"], row["lives"]) == (60, 30)
    assert lives.measure(jobs=3, workers=4, chunks=20, lives_per_tick=2, lives=7)["lives"] == 7


def test_workers_that_wait_long_for_their_turn_are_not_lost() -> None:
    """With one life in a turn, a large fleet's tasks take longer in simulated time than a worker may be silent."""
    row = lives.measure(jobs=1, workers=3, chunks=8_000, lives_per_tick=1, lives=3_000)
    assert row["lives"] == 3_000
    assert row["us_per_beat"] > 0


def test_more_jobs_than_the_usual_places_are_taken() -> None:
    assert len(lives.filled(Shape(1_010, 2, 1)).states) == 1_010
    assert len(lives.filled(Shape(1_010, 2, 1), clients=1_010).states) == 1_010


def test_a_job_that_is_larger_than_a_clients_window_is_taken_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    """The dispatcher learns of its room at the end of a turn, and closes a client that sends more than there is."""
    monkeypatch.setattr(farm, "CHUNK_BYTES", 1 << 20)
    assert lives.measure(jobs=1, workers=2, chunks=160, lives_per_tick=16)["lives"] == 80


def test_a_client_that_is_closed_ends_the_measurement() -> None:
    """What a closed client had still to send would be missing without a word."""
    made = lives.filled(Shape(1, 2, 10))
    with pytest.raises(RuntimeError, match="closed peer 10"):
        made.tell(farm.FIRST_CLIENT, Released(Lease(1, 1), "stored"))


# ── the farm that OpenCue publishes ──────────────────────────────────────────────────────────────────────────────────


def test_the_farm_is_the_one_that_is_published() -> None:
    shape = FarmShape()
    assert (shape.all_frames, shape.hosts, shape.tags) == (6_000, 1_200, 8)


def test_each_frame_is_rendered_once_and_none_is_lost() -> None:
    row = Audit(SMALL).run()
    assert (row["tasks"], row["rendered_once"], row["lost"], row["lent_again"]) == (120, 120, 0, 0)


@pytest.mark.parametrize("seed", range(3))
def test_each_frame_is_rendered_once_also_when_hosts_die(seed: int) -> None:
    """Half of the dead fall silent; a frame counts as rendered when its host has finished it."""
    run = Audit(SMALL, seed=seed, deaths=8)
    row = run.run()
    assert (row["rendered_once"], row["lost"], row["hosts_died"]) == (120, 0, 8)
    assert row["lent_again"] == sum(run.ledger.lost_with_host.values()) > 0


def test_a_frame_that_is_rendered_twice_fails_the_audit() -> None:
    run = Audit(SMALL)
    run.ledger.rendered["clip-1", 0, 0] += 1
    with pytest.raises(AuditFailed, match="not rendered once"):
        run.run()


def test_a_frame_that_is_lost_fails_the_audit(monkeypatch: pytest.MonkeyPatch) -> None:
    """A host that says it rendered, where its frame never came to be rendered, leaves its job unfinished."""
    monkeypatch.setattr(audit, "GIVEN_UP_S", 120.0)
    run = Audit(SMALL)
    render = run._render_next

    def skip(host: Host) -> None:
        if host.held and host.held[0].index == 3 and host.held[0].job == "clip-1":
            return  # hangs for ever, and goes on giving signs of life
        render(host)

    monkeypatch.setattr(run, "_render_next", skip)
    with pytest.raises(AuditFailed, match="frames of 120 are lost"):
        run.run()


def test_a_frame_on_a_host_without_its_tag_fails_the_audit(monkeypatch: pytest.MonkeyPatch) -> None:
    run = Audit(SMALL)
    beat = run._beat

    def swap() -> None:
        for host in run._hosts.values():
            host.tag = "other"
        beat()

    monkeypatch.setattr(run, "_beat", swap)
    with pytest.raises(AuditFailed, match="has only other"):
        run.run()


def test_not_all_hosts_can_die() -> None:
    with pytest.raises(ValueError, match="some be left to render"):
        Audit(SMALL, deaths=24)


# ── the other programs, and memory ───────────────────────────────────────────────────────────────────────────────────


def test_the_aggregators_brain_keeps_what_it_is_given() -> None:
    row = collecting.measure(jobs=3, workers=4, chunks=20)
    assert (row["lives"], row["tasks"]) == (30, 60)


def test_the_clients_brain_sends_what_it_is_given() -> None:
    assert sending.measure(jobs=3, chunks=20)["lives"] == 60


def test_memory_is_told_for_each_thing() -> None:
    told = [
        memory.queued_task(count=200),
        memory.idle_worker(count=50),
        memory.ended_job(count=10),
        collecting.ended_job(count=10),
    ]
    assert [(row["program"], row["thing"]) for row in told] == [
        ("middleware", "queued task"), ("middleware", "idle worker"), ("middleware", "ended job"),
        ("aggregator", "ended job"),
    ]  # fmt: skip


def test_tasks_that_are_in_flight_are_known_by_their_task() -> None:
    made = lives.filled(Shape(2, 3, 10))
    assert all(isinstance(task, Task) for _, task in made.lent)
    assert len(made.lent) == 3 * made.rules.credit
