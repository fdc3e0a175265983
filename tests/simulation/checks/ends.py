"""What must hold at the end of a run, and of a worker's results after each of its turns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from middleware.link_costs import MAX_LINK_COSTS
from moviola.session.outcome import Status
from tests.simulation import material
from tests.simulation.checks.messages import MessageChecks
from tests.simulation.checks.streams import forgotten_left

if TYPE_CHECKING:
    from tests.simulation.scenario import Scenario
    from tests.simulation.workers import Worker


UNHEARD_OF: Final = 20
"""Connections over which the reason of their end did not arrive, because they were torn meanwhile."""


def results_are_sent(worker: Worker) -> None:
    """Every result without a verdict has gone over the present connection, also when it went over an older one."""
    if worker.session is None or worker.death is not None:
        return
    for held_task in worker.session.held_tasks.values():
        link = worker.link(held_task.destination)
        if held_task.result is not None and link is not None and worker.session.peers.is_open(held_task.destination):
            assert held_task.task.lease in link.results, f"{worker.name} does not send {held_task} again"


def previews_left(scenario: Scenario) -> list[str]:
    """Return the previews that the middleware still knows."""
    server = scenario.middleware.server
    return [] if server is None else [job.id for job in server.dispatcher.cluster.jobs.values() if job.is_preview]


def at_the_end(scenario: Scenario, messages: MessageChecks) -> None:
    """Every frame exactly once, in order; unfiltered ones only where a filter failed."""
    plan = scenario.plan
    assert not (left := previews_left(scenario)), f"{left} are previews, and nobody looks at them"
    assert not (left := forgotten_left(scenario)), f"{left} of uploads that were broken off"
    server = scenario.middleware.server
    for listener in scenario.listeners:
        listener.check_states()
    if server is not None and not server.dispatcher.cluster.open:  # else of uploads that nobody goes on with
        held = scenario.middleware.spooled_bytes
        assert not held, f"all jobs have ended, and the spool still holds {held} bytes"
    if server is not None:
        allowed = MAX_LINK_COSTS * scenario.middleware.lives + UNHEARD_OF
        for job, count in messages.poisoned.items():
            assert count <= allowed, f"job {job} has cost {count} connections"
    if plan.bad_chunk is None and server is not None:
        workers = server.dispatcher.cluster.fleet.by_name.values()
        may_be = {"liar"} if scenario.world.seen["lie-unreadable"] else set()
        blamed = [one.name for one in workers if one.failures and one.name not in may_be]
        assert not blamed, f"{blamed} are blamed for failures, and no filter failed"
    for number, client in enumerate(scenario.clients):
        outcome = client.outcome
        if outcome.state in ("done", "partial") and scenario.aggregator.was_wiped:
            continue  # its files may have been lost after the job had ended
        may_fall_back = number == 0 and plan.bad_chunk is not None
        wanted = (Status.DONE, Status.PARTIAL) if may_fall_back else (Status.DONE,)
        assert outcome.status in wanted, f"{client.name}: {outcome.state} {outcome.reason}"
        for reader in scenario.readers:
            if reader.client is client and reader.job == outcome.job_id:
                reader.check_all_was_read()
        for track, output in enumerate(client.submission.order.outputs):
            data = material.folder_bytes(client.folder, f"{output.name}.txt")
            bypassed = frozenset({0}) if may_fall_back and track == 0 else frozenset()
            expected = material.expected_file(client.submission, client.chunk_count, output.to_wire(), bypassed)
            assert data == expected, f"{client.name} output {track} is\n{data!r}, should be\n{expected!r}"
