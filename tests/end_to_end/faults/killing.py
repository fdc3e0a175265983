"""A job during which roles are killed one after the other, and what must have come of it all the same."""

from __future__ import annotations

from pathlib import Path

from tests.end_to_end.cluster import LocalCluster, finished, local, output
from tests.end_to_end.faults.witness import (
    PLUGINS,
    TELLING,
    Killer,
    handed_out_again,
    until_stored,
)

GOP = 16
CHAIN = "blur:radius=9,edges"


def killing(folder: Path, source: Path, chunks: int, roles: list[str]) -> Killer:
    """Sends a job of so many chunks and kills these roles one after the other while it runs; checks what came of it."""
    plugins = ("--plugins", str(PLUGINS))
    with LocalCluster(folder, workers=2, middleware_arguments=TELLING, worker_arguments=plugins) as cluster:
        return _killing(cluster, (str(source), "--chunk-frames", str(GOP), "--filters"), chunks, roles)


def _killing(cluster: LocalCluster, arguments: tuple[str, ...], chunks: int, roles: list[str]) -> Killer:
    """A gate on the last frame keeps the job from ending before all are killed."""
    gate = cluster.folder / "gate"
    gated = (*arguments, f"{CHAIN},gate:frame={chunks * GOP - 1}:path={gate}")
    killer = Killer(cluster)
    killer.random.shuffle(roles)
    sender = killer.begin(*gated)
    for role, moment in zip(roles, killer.moments(len(roles), chunks), strict=True):
        until_stored(cluster, moment, sender)
        killer.linger()
        assert sender.poll() is None, f"the job ended before the {role} could be killed (seed {killer.seed})"
        if role == "client":
            sender = killer.another(sender, *gated)
        else:
            killer.kill(role)
    gate.touch()
    sent = output(finished(sender))
    assert sent["digest"] == output(local(cluster, *arguments, CHAIN))["digest"], f"seed {killer.seed}"
    assert sent["frames_out"] == sent["frames_in"] == chunks * GOP
    assert sent["fallback_frames"] == sent["lost_frames"] == 0
    again, hand_outs = handed_out_again(cluster.log("middleware"))
    assert hand_outs >= chunks
    assert again == 0, f"{again} of {hand_outs} hand-outs were of tasks known to be stored (seed {killer.seed})"
    print(f"killed {dict(killer.killed)}: {hand_outs} hand-outs for {chunks} chunks, {again} of stored ones")
    return killer
