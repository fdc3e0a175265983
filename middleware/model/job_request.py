"""What a client asked for, as the ledger keeps it: `fixed`, made of a Submit. Once a job has ended most of it goes."""

from __future__ import annotations

from typing import Any, Final

from moviola.base.texts import MAX_NAME
from moviola.wire.limits import KIB
from moviola.wire.messages import Submit, packed_size

from .users import FIXED_ROW_BYTES

MAX_CHAIN_BYTES: Final = 16 * KIB
"""Of a chain's parameters kept in the history, so that people see what was asked for: far more than people type."""


def fixed_of(message: Submit, user: str, submitted_unix_s: float, lease_key: bytes) -> dict[str, Any]:
    """Return what never changes of a job while it goes on. `lease_key` is for the tags of its leases."""
    return {
        "key": message.key,
        "user": user,
        "source": message.source,
        "outputs": message.outputs,
        "policy": message.policy,
        "priority": message.priority,
        "origin": message.origin,
        "assets": [each.to_wire() for each in message.assets],
        "submitted_unix_s": submitted_unix_s,
        "lease_key": lease_key,
    }


def ledger_size(fixed: dict[str, Any]) -> int:
    """Return how many bytes of a ledger a submission counts for."""
    return max(FIXED_ROW_BYTES, packed_size(fixed))


def has_source(fixed: dict[str, Any]) -> bool:
    """Whether all that workers and aggregators need is there: it is not, once it was `shortened`."""
    return "process" in fixed["source"]


def shortened(fixed: dict[str, Any]) -> dict[str, Any]:
    """Return what the history needs: who asked for what. Headers, templates and codec parameters are left out; a job
    that begins again gets them with the next Submit of its key."""
    source, policy = fixed["source"], fixed["policy"]
    return {
        **fixed,
        "source": {
            "kind": source.get("kind", ""),
            "name": source.get("name", ""),
            "stream_count": source.get("stream_count", 1),
            "fingerprint": _print_of(source),
        },
        "outputs": [_short_output(output) for output in fixed["outputs"]],
        "policy": {"on_error": str(policy.get("on_error", ""))[:MAX_NAME]},
    }


def is_like(fixed: dict[str, Any], message: Submit) -> bool:
    """Whether a Submit is what was asked for before, as far as that was kept."""
    source, outputs = message.source, message.outputs
    before, names = fixed["source"], [_names(output) for output in fixed["outputs"]]
    same = all(before.get(name) == source.get(name) for name in ("kind", "stream_count"))
    same = same and [each["value"] for each in fixed.get("assets", [])] == [each.value for each in message.assets]
    return same and before.get("fingerprint") == _print_of(source) and names == [_names(output) for output in outputs]


def _print_of(source: dict[str, Any]) -> str:
    return str(source.get("fingerprint", ""))[:MAX_NAME]


def _names(output: dict[str, Any]) -> tuple[str, list[str]]:
    return output["name"], [step["name"] for step in output["chain"]]


def _short_output(output: dict[str, Any]) -> dict[str, Any]:
    short = {name: output.get(name) for name in ("name", "chain", "codec", "crf")}
    if packed_size(short) > MAX_CHAIN_BYTES:
        short |= {"chain": [{"name": step["name"], "parameters": {}} for step in output["chain"]]}
        short |= {"codec": None, "crf": None}
    return short
