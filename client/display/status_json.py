"""A cluster as one JSON object; docs/STATUS.md describes it."""

from __future__ import annotations

from typing import Any

from moviola.session.cluster_view import ClusterView
from moviola.wire.messages import Worker

from .tables import job_json


def as_json(view: ClusterView) -> dict[str, Any]:
    """Return everything that is known, as JSON types."""
    cluster = None if view.overview is None else view.overview.to_wire()
    errors = [] if cluster is None else cluster.pop("troubles")
    return {
        "cluster": cluster,
        "workers": [worker_json(worker) for worker in view.workers.values()],
        "aggregators": [
            {
                "name": one.name,
                "store": one.store,
                "addresses": [address.to_wire() for address in one.addresses],
                "connected": one.connected,
                "results_age_s": one.results_age_s,
                "results_limit": one.results_limit,
            }
            for one in view.aggregators.values()
        ],
        "jobs": [job_json(job) for job in view.jobs.values()],
        "errors": errors,
    }


def worker_json(worker: Worker) -> dict[str, Any]:
    """Return what is told of a worker, but for the schemas of its filters."""
    facts = worker.facts.to_wire()
    del facts["schemas"]
    return {"name": worker.name, "state": worker.state, **facts}
