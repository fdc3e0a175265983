"""Complete the names of jobs and workers with those that the cluster knows, if it answers at once."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from typing import Any, Final

from moviola.base.vocabulary import Topic
from moviola.session.cluster_view import ClusterView, look
from moviola.session.jobs import LATEST
from moviola.session.target import UsageError
from moviola.wire.errors import WireError

from .options import Parser, read_target

PATIENCE_S: Final = 1.0
"""How long the cluster may take to answer when the Tab key is pressed, because a person waits for it."""


def job_ids(parser: Parser) -> Callable[..., Mapping[str, str]]:
    """Return an argcomplete completer of ids of jobs.

    Args:
        parser: of the program; it says where the cluster is.
    """

    def complete(parsed_args: argparse.Namespace, **_: Any) -> Mapping[str, str]:
        view = _looked(parser, parsed_args, Topic.JOBS)
        if view is None:
            return {}
        newest = sorted(view.jobs.values(), key=lambda job: -job.submitted_unix_s)
        return {job.job: f"{job.state}, {job.name}" for job in newest} | {LATEST: "the newest"}

    return complete


def worker_names(parser: Parser) -> Callable[..., Mapping[str, str]]:
    """Return an argcomplete completer of names of connected workers.

    Args:
        parser: of the program; it says where the cluster is.
    """

    def complete(parsed_args: argparse.Namespace, **_: Any) -> Mapping[str, str]:
        view = _looked(parser, parsed_args, Topic.WORKERS)
        return {} if view is None else {one.name: f"{one.state}, {one.facts.host}" for one in view.connected_workers()}

    return complete


def _looked(parser: Parser, parsed_args: argparse.Namespace, topic: Topic) -> ClusterView | None:
    """Return what a cluster tells; None where it does not answer at once."""
    try:
        parser.settle(parsed_args)
        return look(read_target(parsed_args), [topic], timeout_s=PATIENCE_S)
    except (UsageError, WireError, TimeoutError, SystemExit):
        return None
