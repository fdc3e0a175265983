"""What a client asked for, as the ledger keeps it. Once a job has ended most of it goes."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from moviola.base.details import Policy, RequestedOutput, RequestedStep
from moviola.base.mapped import Map, Mapped
from moviola.base.records import record
from moviola.base.texts import MAX_NAME
from moviola.wire.limits import KIB
from moviola.wire.messages import AssetFacts, End, Submit, packed_size

FIXED_ROW_BYTES: Final = 4 * KIB
"""The least that a request counts for: its rows and its place in memory."""

MAX_CHAIN_BYTES: Final = 16 * KIB
"""Bytes of an output's chain that the history keeps, so that people see what was asked for: far more than people type.
Of a larger one only the names of the filters are kept."""


@record
class JobRequest(Mapped):
    """What was asked for with a job. While the job goes on its priority may change, and a source that came while it was
    submitted is described once more at its end.

    Attributes:
        key: as in Submit.
        user: the name of the user whose job it is.
        source: as in Submit; once the job has ended without what workers and aggregators need.
        outputs: as in Submit; once the job has ended without what people are not told.
        policy: as in Submit.
        priority: as in Submit, or as it was changed since.
        origin: as in Submit.
        submitted_unix_s (s): when, since 1970.
        lease_key: for the tags of the job's leases; 32 bytes.
        assets: as in Submit.
        whole_key: as in End.
    """

    key: str
    user: str
    source: Map
    outputs: list[Map]
    policy: Policy
    priority: int
    origin: str
    submitted_unix_s: float
    lease_key: bytes
    assets: list[AssetFacts]
    whole_key: str = ""

    @classmethod
    def of(cls, message: Submit, user: str, submitted_unix_s: float, lease_key: bytes) -> JobRequest:
        """Return what a Submit, that has been checked (admission.py), asks for."""
        return cls(
            key=message.key,
            user=user,
            source=message.source,
            outputs=message.outputs,
            policy=message.policy,
            priority=message.priority,
            origin=message.origin,
            submitted_unix_s=submitted_unix_s,
            lease_key=lease_key,
            assets=message.assets,
        )

    def ended(self, message: End) -> JobRequest:
        """Return this request with the source as End describes it, once all of it has come. Raises ValueError if End
        contradicts what workers were told of the source."""
        for name in ("kind", "name", "stream_count", "process"):
            if message.source.get(name) != self.source.get(name):
                raise ValueError(f"the source's {name} is not what it was when the job was submitted")
        return replace(self, source=message.source, whole_key=message.whole_key)

    def as_submit(self) -> Submit:
        """Return the Submit that asks for this."""
        asked = (self.key, self.source, self.outputs, self.policy, self.priority)
        return Submit(*asked, origin=self.origin, assets=self.assets)

    def has_key(self, key: str) -> bool:
        """Return True if a Submit with this key asks for the same of the same source."""
        return key in (self.key, self.whole_key)

    @property
    def name(self) -> str:
        """Return what people call the job: the name of its source."""
        return str(self.source["name"])

    @property
    def kind(self) -> str:
        """Return the kind of material that the source is."""
        return str(self.source["kind"])

    @property
    def is_preview(self) -> bool:
        """Return True if the job is for its client alone, and goes with it."""
        return self.policy.is_preview

    @property
    def stream_count(self) -> int:
        """Return how many streams the source has. The files that filters name are the chunks of one stream more."""
        return int(self.source["stream_count"])

    @property
    def has_source(self) -> bool:
        """Return True if all that workers and aggregators need is there: it is not, once this was `shortened`."""
        return "process" in self.source

    @property
    def is_whole(self) -> bool:
        """Return False if the source still comes: what is known is its beginning, which has no fingerprint."""
        return bool(_print_of(self.source))

    @property
    def output_names(self) -> list[str]:
        """Return what the outputs are called."""
        return [output["name"] for output in self.outputs]

    @property
    def requested(self) -> list[RequestedOutput]:
        """Return the outputs as people are told of them."""
        return [RequestedOutput.from_wire(output) for output in self.outputs]

    def ledger_size(self) -> int:
        """Return how many bytes of a ledger this counts for."""
        return max(FIXED_ROW_BYTES, packed_size(self.to_wire()))

    def shortened(self) -> JobRequest:
        """Return what the history needs: who asked for what. Headers, templates and codec parameters are left out; a
        job that begins again gets them with the next Submit of its key."""
        kept = ("kind", "name", "stream_count")
        source = {**{name: self.source[name] for name in kept}, "fingerprint": _print_of(self.source)}
        return replace(self, source=source, outputs=[_short_output(output) for output in self.requested])

    def is_like(self, message: Submit) -> bool:
        """Return True if a Submit asks for the same, as far as that was kept."""
        source = message.source
        same = all(self.source[name] == source[name] for name in ("kind", "stream_count"))
        same = same and [each.value for each in self.assets] == [each.value for each in message.assets]
        prints = {_print_of(self.source), _print_of(source)} - {""}  # of a source that still comes there is none
        same = same and len(prints) <= 1
        return same and [_names(output) for output in self.outputs] == [_names(output) for output in message.outputs]


def _print_of(source: Map) -> str:
    return str(source.get("fingerprint", ""))[:MAX_NAME]


def _names(output: Map) -> tuple[str, list[str]]:
    return output["name"], [step["name"] for step in output["chain"]]


def _short_output(output: RequestedOutput) -> Map:
    short = output.to_wire()
    if packed_size(short) > MAX_CHAIN_BYTES:
        bare = [RequestedStep(step.name) for step in output.chain]
        short = RequestedOutput(output.name, bare).to_wire()
    return short
