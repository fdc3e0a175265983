"""Draws docs/STATES.md from the transition tables in the code: `python -m tools.states`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import Enum
from pathlib import Path
from typing import Any, Final

PAGE: Final = Path(__file__).parents[1] / "docs" / "STATES.md"


def tables() -> list[tuple[str, str, Mapping[Any, Iterable[Any]]]]:
    """(title, where the table is, the table), in the order of the page."""
    from aggregator import states as aggregator  # noqa: PLC0415 - the page is drawn, the programs are not run
    from middleware.model import states as middleware  # noqa: PLC0415
    from moviola.session import job_session as client  # noqa: PLC0415
    from moviola.wire import connection, endpoint  # noqa: PLC0415
    from worker import states as worker  # noqa: PLC0415

    return [
        ("A job", "middleware/model/states.py", middleware.JOB_TRANSITIONS),
        ("A task", "middleware/model/states.py", middleware.TASK_TRANSITIONS),
        ("A worker, as the middleware sees it", "middleware/model/states.py", middleware.WORKER_TRANSITIONS),
        ("A lease, as its worker sees it", "worker/states.py", worker.PHASE_TRANSITIONS),
        ("A worker's connection", "worker/states.py", worker.LINK_TRANSITIONS),
        ("A job, as its aggregator sees it", "aggregator/states.py", aggregator.JOB_TRANSITIONS),
        ("An aggregator's connection to the middleware", "aggregator/states.py", aggregator.LINK_TRANSITIONS),
        ("A job, as its client sees it", "moviola/session/job_session.py", client.TRANSITIONS),
        ("The handshake of a connection", "moviola/wire/connection.py", connection.TRANSITIONS),
        ("One end of a connection", "moviola/wire/endpoint.py", endpoint.TRANSITIONS),
    ]


def diagram(table: Mapping[Enum, Iterable[Enum]]) -> str:
    """A Mermaid state diagram; a state from which nothing leads on is final."""
    lines = ["stateDiagram-v2"]
    for state, following in table.items():
        names = sorted(after.value for after in following)
        lines += [f"    {_id(state.value)} --> {_id(name)}" for name in names] or [f"    {_id(state.value)} --> [*]"]
    return "\n".join(lines)


def _id(value: str) -> str:
    return value.replace("-", "_")


def page() -> str:
    """The whole text of docs/STATES.md."""
    source = "Drawn from the transition tables in the code by `python -m tools.states`"
    parts = [f"# States\n\n{source}; a test checks that this page is fresh.\n"]
    parts += [f"## {title}\n\n`{where}`\n\n```mermaid\n{diagram(table)}\n```\n" for title, where, table in tables()]
    return "\n".join(parts)


if __name__ == "__main__":
    PAGE.write_text(page())
    print(f"wrote {PAGE}")
