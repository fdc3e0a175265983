"""`GET /metrics`: the cluster and this gateway as Prometheus reads them.

All of the cluster comes from one overview that is asked for once a moment, however many ask. No label names a job, a
user or a worker, so that the number of series stays what it is however large a cluster grows. Counters of the cluster
are those of the middleware's life: they begin at 0 when it starts again, as Prometheus expects of counters.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from enum import StrEnum
from typing import Final

from prometheus_client import CollectorRegistry, Counter, ProcessCollector, disable_created_metrics
from prometheus_client import Histogram as HistogramMetric
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from moviola.base.histogram import Histogram
from moviola.base.installation import version
from moviola.base.vocabulary import JobState, WorkerState
from moviola.session.job_session import FINAL_STATES
from moviola.wire.messages import Overview

NAMESPACE: Final = "moviola"

disable_created_metrics()  # type: ignore[no-untyped-call]  # a series more for each series, which nobody reads

HEAD_BOUNDS_S: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 60.0)
"""Most answers begin within some milliseconds; that of an upload when all of it is in the cluster."""

METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE"})

OTHER: Final = "other"
"""The label of what is none of ours: a path that nothing has, or a method that somebody made up."""


class WebhookOutcome(StrEnum):
    """What became of an event for a webhook."""

    TAKEN = "taken"
    REFUSED = "refused"  # a try of it; others follow, or it is given up
    GIVEN_UP = "given-up"


class Metrics(Collector):
    """What a gateway tells Prometheus: of itself as it goes, of the cluster as it was seen last."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._seen: Overview | None = None
        about = "Requests that were answered, by the path of their route."
        labels = ["method", "route", "status"]
        self._requests = Counter("moviola_http_requests", about, labels, registry=self._registry)
        about = "Time from a request to the head of its answer."
        self._heads = HistogramMetric(
            "moviola_http_request_duration_seconds", about, labels[:2], registry=self._registry, buckets=HEAD_BOUNDS_S
        )
        about = "Tries to deliver events to webhooks, by outcome, and events that were given up."
        self._webhooks = Counter("moviola_webhooks", about, ["outcome"], registry=self._registry)
        for outcome in WebhookOutcome:
            self._webhooks.labels(outcome)
        ProcessCollector(NAMESPACE, registry=self._registry)
        self._registry.register(self)

    def answered(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count a request, the head of whose answer has been sent."""
        labels = (method if method in METHODS else OTHER, route or OTHER)
        self._requests.labels(*labels, str(status)).inc()
        self._heads.labels(*labels).observe(seconds)

    def delivered(self, outcome: WebhookOutcome) -> None:
        """Count what became of an event for a webhook."""
        self._webhooks.labels(outcome).inc()

    def text(self, seen: Overview | None, accept: str) -> tuple[bytes, str]:
        """Return all metrics as text, and its media type.

        Args:
            seen: the cluster; None while the middleware does not answer.
            accept: the header of that name, which decides between the two formats that Prometheus knows.
        """
        self._seen = seen
        encode, media_type = choose_encoder(accept)
        return encode(self._registry), media_type

    def families(self) -> Iterable[Metric]:
        """Return all metrics as they were told last."""
        return self._registry.collect()

    def collect(self) -> Iterable[Metric]:
        """Yield what is not counted here: the registry asks for it."""
        yield InfoMetricFamily("moviola_build", "The gateway's version.", {"version": version()})
        about = "Whether the middleware answers: 1 if it does, and what is told of the cluster is there."
        yield GaugeMetricFamily("moviola_up", about, float(self._seen is not None))
        if self._seen is not None:
            yield from families(self._seen)


def described() -> list[Metric]:
    """Return each metric once, with samples of all its labels, for who describes them."""
    metrics = Metrics()
    metrics.answered("GET", "/metrics", 200, 0.0)
    metrics.text(Overview(epoch=0, unix_s=0.0), "")
    told = [one for one in metrics.families() if not one.name.startswith(f"{NAMESPACE}_process_")]  # not everywhere
    return sorted(told, key=lambda family: family.name)


def families(seen: Overview) -> Iterator[Metric]:
    """Yield what is told of a cluster."""
    yield from _jobs(seen)
    yield from _tasks(seen)
    yield CounterMetricFamily("moviola_frames", "Frames, images and records that workers have done.", seen.frames_done)
    about = "What all workers do now, over some seconds."
    yield GaugeMetricFamily("moviola_frames_per_second", about, seen.frames_per_s)
    about = "Bytes of chunks that clients have sent to the middleware."
    yield CounterMetricFamily("moviola_received_bytes", about, seen.received_bytes)
    yield GaugeMetricFamily("moviola_spool_bytes", "Bytes that the middleware's spool holds.", seen.spool_bytes)
    about = "Bytes that the middleware's spool can hold."
    yield GaugeMetricFamily("moviola_spool_limit_bytes", about, seen.spool_limit_bytes)
    workers = GaugeMetricFamily("moviola_workers", "Workers that the middleware knows, by state.", labels=["state"])
    for state in WorkerState:
        workers.add_metric([state], seen.workers.get(state, 0))
    yield workers
    about = "Aggregators that are connected to the middleware."
    yield GaugeMetricFamily("moviola_aggregators", about, seen.aggregators)


def _jobs(seen: Overview) -> Iterator[Metric]:
    jobs = GaugeMetricFamily("moviola_jobs", "Jobs that are not over, by state.", labels=["state"])
    ended = CounterMetricFamily("moviola_jobs_ended", "Jobs that have ended, by state.", labels=["state"])
    for state in JobState:
        if state in FINAL_STATES:
            ended.add_metric([state], seen.jobs_ended.get(state, 0))
        else:
            jobs.add_metric([state], seen.jobs.get(state, 0))
    yield jobs
    yield ended
    yield _histogram("moviola_job_duration_seconds", "Time from a job's submission to its end.", seen.job_seconds)


def _tasks(seen: Overview) -> Iterator[Metric]:
    yield GaugeMetricFamily("moviola_tasks_queued", "Tasks that wait for a worker.", seen.tasks_queued)
    yield GaugeMetricFamily("moviola_tasks_leased", "Tasks that workers hold.", seen.tasks_in_flight)
    about = "Tasks, and parts of them, that workers were lent."
    yield CounterMetricFamily("moviola_tasks_handed_out", about, seen.hand_outs)
    about = "Tasks that were handed out again after a failure or a loss."
    yield CounterMetricFamily("moviola_task_retries", about, seen.retries)
    yield CounterMetricFamily("moviola_task_failures", "Tasks that failed.", seen.failures)
    about = "Tasks that were lost with their worker or on their way."
    yield CounterMetricFamily("moviola_task_losses", about, seen.losses)
    about = "Time from a task's first hand-out until its result was stored."
    yield _histogram("moviola_task_duration_seconds", about, seen.task_seconds)


def _histogram(name: str, about: str, told: Histogram) -> Metric:
    buckets, below = [], 0
    for bound, count in zip([*map(str, told.bounds), "+Inf"], told.counts, strict=True):
        below += count
        buckets.append((bound, float(below)))
    return HistogramMetricFamily(name, about, buckets=buckets, sum_value=told.sum)
