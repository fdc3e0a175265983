"""The metrics: Prometheus can read them, they are named by its conventions, and their number does not grow."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace

import pytest
from prometheus_client.metrics_core import Metric
from prometheus_client.openmetrics import parser as openmetrics
from prometheus_client.parser import text_string_to_metric_families
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from moviola.base.histogram import Histogram
from moviola.session.target import Target
from moviola.web.access import OnlyUser
from moviola.web.app import make_app
from moviola.web.gateway import Gateway
from moviola.web.metrics import Metrics
from moviola.wire.addresses import Address
from moviola.wire.messages import Overview
from tools import metrics as metrics_page

from .asking import ask

OVERVIEW = Overview(
    epoch=3,
    unix_s=5.0,
    jobs={"running": 2, "done": 40},
    workers={"ready": 1, "lost": 4},
    aggregators=1,
    tasks_queued=7,
    tasks_in_flight=2,
    frames_done=1000,
    frames_per_s=12.5,
    failures=3,
    losses=1,
    spool_bytes=123,
    spool_limit_bytes=1 << 30,
    jobs_ended={"done": 5, "failed": 1},
    hand_outs=50,
    retries=4,
    received_bytes=10_000,
    task_seconds=Histogram([0.5, 1.0], [3, 2, 1], 7.5),
    job_seconds=Histogram([60.0], [6, 0], 90.0),
)


def families(seen: Overview | None, metrics: Metrics | None = None) -> dict[str, Metric]:
    text, media_type = (metrics or Metrics()).text(seen, "")
    assert media_type.startswith("text/plain")
    parsed: Iterable[Metric] = text_string_to_metric_families(text.decode())  # type: ignore[no-untyped-call, unused-ignore]
    return {family.name: family for family in parsed}


def values(family: Metric) -> dict[str, float]:
    """By the values of the labels, joined."""
    return {" ".join(sample.labels.values()): sample.value for sample in family.samples}


def test_a_cluster_is_told_in_full() -> None:
    told = families(OVERVIEW)
    assert values(told["moviola_up"]) == {"": 1.0}
    assert values(told["moviola_jobs"]) == {"pending": 0.0, "running": 2.0, "paused": 0.0}
    assert values(told["moviola_jobs_ended"]) == {"done": 5.0, "partial": 0.0, "failed": 1.0, "cancelled": 0.0}
    assert values(told["moviola_workers"]) == {"ready": 1.0, "full": 0.0, "draining": 0.0, "lost": 4.0}
    plain = {name: values(family)[""] for name, family in told.items() if list(values(family)) == [""]}
    assert plain.items() >= {
        "moviola_tasks_queued": 7.0, "moviola_tasks_leased": 2.0, "moviola_tasks_handed_out": 50.0,
        "moviola_task_retries": 4.0, "moviola_task_failures": 3.0, "moviola_task_losses": 1.0,
        "moviola_frames": 1000.0, "moviola_frames_per_second": 12.5, "moviola_received_bytes": 10_000.0,
        "moviola_spool_bytes": 123.0, "moviola_spool_limit_bytes": float(1 << 30), "moviola_aggregators": 1.0,
    }.items()  # fmt: skip


def test_a_histogram_counts_what_is_at_most_each_bound() -> None:
    samples = {(one.name, one.labels.get("le", "")): one.value for one in
               families(OVERVIEW)["moviola_task_duration_seconds"].samples}  # fmt: skip
    name = "moviola_task_duration_seconds"
    assert samples == {
        (f"{name}_bucket", "0.5"): 3.0, (f"{name}_bucket", "1.0"): 5.0, (f"{name}_bucket", "+Inf"): 6.0,
        (f"{name}_count", ""): 6.0, (f"{name}_sum", ""): 7.5,
    }  # fmt: skip


def test_while_the_middleware_is_away_only_the_gateway_is_told_of() -> None:
    told = families(None)
    assert values(told["moviola_up"]) == {"": 0.0}
    assert not [name for name in told if re.match("moviola_(jobs|tasks?|frames|workers|spool)", name)]
    assert "moviola_build_info" in told


def test_names_and_units_are_prometheus_own() -> None:
    metrics = Metrics()
    metrics.answered("GET", "/api/jobs", 200, 0.2)
    for name, family in families(OVERVIEW, metrics).items():
        assert name.startswith("moviola_"), name
        assert family.documentation, name
        assert family.type in ("counter", "gauge", "histogram"), name
        assert not re.search("_(ms|kb|mb|minutes|total)$", name), name
        if family.type == "counter":
            assert all(sample.name == f"{name}_total" for sample in family.samples), name
        if family.type == "histogram":
            assert name.endswith("_seconds")
        if "Bytes" in family.documentation:
            assert name.endswith("_bytes")


def test_no_label_grows_with_the_cluster_and_made_up_requests_share_one() -> None:
    large = replace(OVERVIEW, workers={"ready": 10_000, "a state of a later version": 3}, jobs={"running": 10**6})
    metrics = Metrics()
    before = families(OVERVIEW, metrics)
    for number in range(50):
        metrics.answered(f"MADE-UP-{number}", "", 404, 0.1)
    after = families(large, metrics)
    added = {name for name in after if len(after[name].samples) != len(before[name].samples)}
    assert added == {"moviola_http_requests", "moviola_http_request_duration_seconds"}
    assert values(after["moviola_http_requests"]) == {"other other 404": 50.0}


@pytest.mark.parametrize("accept", ["application/openmetrics-text; version=1.0.0", "application/openmetrics-text"])
def test_the_other_format_is_there_for_whoever_asks_for_it(accept: str) -> None:
    text, media_type = Metrics().text(OVERVIEW, accept)
    assert media_type.startswith("application/openmetrics-text")
    parsed: Iterable[Metric] = openmetrics.text_string_to_metric_families(text.decode())  # type: ignore[no-untyped-call]
    assert {"moviola_jobs", "moviola_task_duration_seconds"} <= {family.name for family in parsed}


def test_the_page_lists_all_of_them() -> None:
    assert metrics_page.page(metrics_page.PAGE.read_text()) == metrics_page.PAGE.read_text(), (
        "run: python -m tools.metrics"
    )


def test_a_request_that_fails_by_a_bug_is_counted() -> None:
    async def fail(request: Request) -> Response:
        raise RuntimeError("a bug")

    gateway = Gateway(Target(Address("127.0.0.1", 1)), OnlyUser("ada"))
    app = make_app(gateway, [[Route("/fails", fail)]])
    assert ask(app, "/fails").status_code == 500
    assert ask(app, "/nothing").status_code == 404
    told = values(families(None, gateway.metrics)["moviola_http_requests"])
    assert told == {"GET /fails 500": 1.0, "GET other 404": 1.0}
