"""A gateway as a process of its own, beside a cluster of real processes."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Final

import httpx

from moviola.session.job_session import FINAL_STATES
from tests.end_to_end.cluster import LocalCluster
from tests.ports import free_port
from tests.waiting import PATIENCE_S, until

OVER: Final = frozenset(FINAL_STATES)


class Served:
    """A gateway of a cluster; `with` starts it and ends it.

    Args:
        cluster: is running.
        name: tells several of one cluster apart.
        arguments: further flags.
    """

    def __init__(self, cluster: LocalCluster, name: str = "web", *arguments: str) -> None:
        self.cluster, self.name = cluster, name
        self.port = free_port()
        self.url = f"http://localhost:{self.port}"
        self._arguments = ["--port", str(self.port), *arguments]
        self.client = httpx.Client(base_url=self.url, timeout=PATIENCE_S)

    def __enter__(self) -> Served:
        process = self.cluster.start("moviola.web", self.name, self._arguments)

        def is_there() -> bool:
            assert process.poll() is None, self.cluster.log(self.name)
            try:
                return self.client.get("/api/health").status_code < 600
            except httpx.TransportError:
                return False

        until(is_there, lambda: f"a gateway at {self.url}: {self.cluster.log(self.name)}")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.client.close()
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(PATIENCE_S)

    @property
    def process(self) -> subprocess.Popen[bytes]:
        """The gateway's process."""
        return self.cluster.processes[self.name]

    def get(self, path: str) -> Any:
        """The JSON of a path that is there."""
        answer = self.client.get(path)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def put(self, path: Path, name: str = "", **fields: Any) -> dict[str, Any]:
        """Upload a file as it is; the job that it has become."""
        answer = self.client.put(f"/api/jobs/{name or path.name}", params=fields, content=path.read_bytes())
        assert answer.status_code == 201, answer.text
        (job,) = answer.json()["jobs"]
        assert isinstance(job, dict)
        return job

    def events(self, path: str, after: str = "") -> Iterator[dict[str, Any]]:
        """Yield the events of a stream, each with its `event` and its `id`, to its end."""
        headers = {"Last-Event-ID": after} if after else {}
        with self.client.stream("GET", path, headers=headers) as answer:
            assert answer.status_code == 200, answer.status_code
            told: dict[str, str] = {}
            for line in answer.iter_lines():
                if line and not line.startswith(":"):
                    name, _, value = line.partition(": ")
                    told[name] = value
                elif told:
                    yield {"event": told.get("event", ""), "id": told.get("id", ""), **_data(told)}
                    told = {}

    def ended(self, job: dict[str, Any]) -> dict[str, Any]:
        """The record of a job once it is over."""

        def over() -> dict[str, Any] | None:
            found = self.get(job["links"]["self"])
            return found if found["is_over"] else None

        return until(over, f"the end of {job['id']}")


def _data(told: dict[str, str]) -> dict[str, Any]:
    """The object of an event, but what its own lines say."""
    found = json.loads(told["data"])
    return {name: value for name, value in found.items() if name not in ("event", "id")}
