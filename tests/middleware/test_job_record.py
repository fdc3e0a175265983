"""What the ledger has of a job: rows of before are read, and what is no job is said."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from middleware.job_record import JobRecord
from middleware.job_request import MAX_CHAIN_BYTES, JobRequest
from moviola.base.details import Policy
from moviola.base.failures import Failure
from moviola.base.mapped import Malformed
from moviola.base.progress import Progress
from moviola.base.vocabulary import JobState
from moviola.wire.addresses import Address
from moviola.wire.messages import AssetFacts, packed_size

CHAIN = [{"name": "blur", "parameters": {"radius": 5}}]
FIXED: dict[str, Any] = {
    "key": "k", "user": "ann", "policy": {}, "priority": 3, "origin": "here:/clip", "submitted_unix_s": 1.5,
    "source": {"kind": "video", "name": "clip", "stream_count": 2, "fingerprint": "f", "process": {"codec": "h264"}},
    "outputs": [{"name": "out", "chain": CHAIN, "codec": "h264", "crf": 20, "preset": "veryfast"}],
    "assets": [{"value": "sha256:0", "size": 4, "name": "logo.png"}], "lease_key": bytes(32),
}  # fmt: skip
RECORD: dict[str, Any] = {
    "state": "failed", "code": "task-failed", "reason": "why", "session": "s", "owner": "store", "owner_name": "agg",
    "owner_epoch": 2, "builds": ["f"], "chunk_counts": [3, 1], "seconds": 4.0, "files": [], "outputs_summary": [],
    "addresses": [{"host": "there", "port": 5001}], "final": {},
    "failures": [{"output": "out", "chunk": 1, "frames": [10, 19], "frame": None, "filter": "", "worker": "w"}],
}  # fmt: skip


def test_rows_that_were_written_as_maps_are_read() -> None:
    request, record = JobRequest.from_wire(FIXED), JobRecord.from_wire(RECORD)
    assert (request.name, request.kind, request.stream_count, request.policy) == ("clip", "video", 2, Policy())
    assert request.assets == [AssetFacts("sha256:0", 4, "logo.png")]
    assert (record.state, record.addresses, record.final) == (JobState.FAILED, [Address("there", 5001)], Progress())
    assert record.failures == [Failure(output="out", chunk=1, frames=[10, 19], worker="w")]
    assert JobRequest.from_wire(request.to_wire()) == request
    assert JobRecord.from_wire(record.to_wire()) == record


@pytest.mark.parametrize(("name", "value"), [("state", "odd"), ("addresses", [{"host": 1}]), ("owner_epoch", -1)])
def test_what_is_no_record_of_a_job_is_said(name: str, value: Any) -> None:
    with pytest.raises(Malformed, match=f"JobRecord.{name}: "):
        JobRecord.from_wire({**RECORD, name: value})


def test_the_history_has_what_people_are_told_and_what_is_like_it() -> None:
    request = JobRequest.from_wire(FIXED)
    short = request.shortened()
    assert request.has_source
    assert not short.has_source
    assert short.requested == request.requested
    assert sorted(short.source) == ["fingerprint", "kind", "name", "stream_count"]
    large = [{"name": "blur", "parameters": {"text": "x" * MAX_CHAIN_BYTES}}]
    (output,) = replace(request, outputs=[{**FIXED["outputs"][0], "chain": large}]).shortened().requested
    assert (output.chain[0].name, output.chain[0].parameters, output.codec) == ("blur", {}, None)
    assert packed_size(output.to_wire()) < MAX_CHAIN_BYTES
