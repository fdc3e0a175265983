"""Whether a submission can become a job: its shape, its names, and that all messages that follow from it can be sent.

A submission is refused here if a message that follows from it would be too large. Here a person reads why; later, the
message would cost a connection that others' jobs need.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any, Final

from moviola.base.details import Policy
from moviola.base.file_names import check_output_names
from moviola.base.mapped import MAX_INT, Map
from moviola.base.texts import MAX_NAME
from moviola.base.vocabulary import Mode, OnError
from moviola.wire.errors import Unsendable
from moviola.wire.lease_tags import KEY_SIZE
from moviola.wire.limits import ASSET_PREFIX, MAX_ASSET_SIZE, MAX_ASSETS, MAX_DESCRIPTION, MAX_FINGERPRINT, MAX_PRIORITY
from moviola.wire.messages import AssetFacts, Own, Submit, Task, check_sendable, packed_size
from moviola.wire.schema import Lease

MAX_OUTPUTS: Final = 64
"""Outputs of one job: a page of variants, far from what a header holds."""

MAX_STREAMS: Final = 64
"""Streams of one source; films with all their languages have about 40."""

MAX_STEPS: Final = 100
"""Filters of one chain; the longest that anybody has asked for had nine."""

MAX_NESTING: Final = 16
"""Maps and lists within each other. Ours have seven; what is read back from a ledger must not exhaust the stack."""

MAX_VALUES: Final = 100_000
"""Values in the source and the outputs: each is looked at, which takes a tenth of a second for so many."""

MAX_TEMPLATE_SIZE: Final = 1024 * 1024
"""Bytes of a passthrough stream's template: a container with one packet in it. Ours have a few KiB."""

_ASSET: Final = re.compile(re.escape(ASSET_PREFIX) + "[0-9a-f]{64}")

ON_ERROR: Final = tuple(one.value for one in OnError)

JOB_ID_SIZE: Final = 64
"""The longest id that a job is given has 53 characters."""

TEMPLATE_BEGINNINGS: Final[dict[str, Callable[[bytes], bool]]] = {
    "matroska": lambda data: data.startswith(b"\x1aE\xdf\xa3"),
    "mov": lambda data: data[4:8] in (b"ftyp", b"moov", b"wide", b"mdat"),
    "nut": lambda data: data.startswith(b"nut/multimedia container\0"),
    "mpegts": lambda data: data[:1] == b"G" and data[188:189] in (b"G", b""),
    "avi": lambda data: data[:4] == b"RIFF" and data[8:12] == b"AVI ",
}
"""The formats of templates, and how files of each begin: nothing that a codec library would take for a playlist."""


def fault_of(message: Submit) -> str:
    """Return a sentence about why a submission cannot become a job; empty if it can."""
    try:
        _check_plain(message)
        _check_priority(message.priority)
        _check_source(message.source)
        _check_outputs(message.outputs)
        _check_policy(message.policy)
        _check_assets(message.assets)
        _check_sizes(message)
    except ValueError as error:
        return str(error)
    except Unsendable as error:
        return f"this job would need a message that cannot be sent: {error}; send fewer outputs or streams"
    return ""


def _check_plain(message: Submit) -> None:
    """Raise ValueError unless all is plain data of a bounded depth and number."""
    count = 0
    for name in ("source", "outputs"):
        for depth, value in _walk(getattr(message, name), 1):
            count += 1
            if count > MAX_VALUES:
                raise ValueError(f"the source and the outputs have more than {MAX_VALUES} values; send fewer outputs")
            if depth > MAX_NESTING:
                raise ValueError(f"{name} has more than {MAX_NESTING} maps and lists within each other")
            if isinstance(value, dict) and not all(type(key) is str for key in value):
                raise ValueError(f"{name} has a map with keys that are not text")
            if value is not None and not isinstance(value, str | bytes | int | float | list | dict):
                raise ValueError(f"{name} has a value of type {type(value).__name__}, which is not plain data")


def _walk(value: Any, depth: int) -> Iterator[tuple[int, Any]]:
    """Yield every value with its depth, containers before what is in them; nothing below MAX_NESTING."""
    yield depth, value
    if depth > MAX_NESTING:
        return
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _walk(inner, depth + 1)


def _check_priority(priority: int) -> None:
    if priority > MAX_PRIORITY:
        raise ValueError(f"a priority is a whole number from 0 to {MAX_PRIORITY}, and {priority} is not")


def _check_source(source: Map) -> None:
    for field in ("kind", "name"):
        if not isinstance(source.get(field), str):
            raise ValueError("the source must have a kind and a name")
    for field in ("kind", "name", "fingerprint"):
        text = source.get(field, "")
        if not isinstance(text, str) or len(text) > MAX_NAME:
            long = f"of {len(text)} characters" if isinstance(text, str) else f"{text!r:.80}"
            raise ValueError(f"the source's {field} is a text of at most {MAX_NAME} characters, not one {long}")
    streams = source.get("stream_count")
    if type(streams) is not int or not 1 <= streams <= MAX_STREAMS:
        raise ValueError(f"the source must have 1 to {MAX_STREAMS} streams, not {streams!r:.80}")
    for field in ("process", "splice", "facts"):
        if not isinstance(source.get(field, None if field == "process" else {}), dict):
            raise ValueError(f"the source's {field} must be a map")
    _check_templates(source.get("splice", {}).get("passthrough", []))


def _check_templates(passthrough: Any) -> None:
    """Raise ValueError unless each stream that is not filtered has a template that begins like a file of its format,
    because a codec library opens the templates. A file within the source's file needs none."""
    if not isinstance(passthrough, list) or len(passthrough) >= MAX_STREAMS:
        raise ValueError(f"the streams that are not filtered must be a list of less than {MAX_STREAMS}")
    for number, facts in enumerate(passthrough, start=1):
        template = facts.get("template") if isinstance(facts, dict) else None
        if template == b"" and not facts.get("template_format"):
            continue  # a file within the file, which needs none
        if not isinstance(template, bytes) or len(template) > MAX_TEMPLATE_SIZE:
            raise ValueError(f"stream {number} must have a template of at most {MAX_TEMPLATE_SIZE} bytes")
        begins_like = TEMPLATE_BEGINNINGS.get(str(facts.get("template_format")))
        if begins_like is None or not begins_like(template):
            formats = ", ".join(TEMPLATE_BEGINNINGS)
            told = facts.get("template_format")
            raise ValueError(f"the template of stream {number} is not a {told!r:.40} file; known formats are {formats}")


def _check_assets(assets: list[AssetFacts]) -> None:
    if len(assets) > MAX_ASSETS:
        raise ValueError(f"{MAX_ASSETS} files travel with a job at most, not {len(assets)}; let the workers serve some")
    for each in assets:
        if not _ASSET.fullmatch(each.value):
            raise ValueError(f"a file is told by {ASSET_PREFIX} and its hash, not by {each.value!r:.80}")
        if each.size > MAX_ASSET_SIZE:
            raise ValueError(f"the file {each.name!r:.80} has {each.size} bytes; at most {MAX_ASSET_SIZE} travel")
    if len({each.value for each in assets}) != len(assets):
        raise ValueError("a file is named twice")


def _check_outputs(outputs: list[Map]) -> None:
    if not 1 <= len(outputs) <= MAX_OUTPUTS:
        raise ValueError(f"a job has 1 to {MAX_OUTPUTS} outputs, not {len(outputs)}")
    names = [output.get("name") if isinstance(output, dict) else None for output in outputs]
    check_output_names([name if isinstance(name, str) else "" for name in names])
    for output in outputs:
        _check_chain(output["name"], output.get("chain"))
        _check_encoder(output["name"], output.get("codec"), output.get("crf"))


def _check_chain(output: str, chain: Any) -> None:
    if not isinstance(chain, list) or not chain:
        raise ValueError(f"output {output} has no filters")
    if len(chain) > MAX_STEPS:
        raise ValueError(f"output {output} has {len(chain)} filters; a chain has at most {MAX_STEPS}")
    for step in chain:
        name = step.get("name") if isinstance(step, dict) else None
        if not isinstance(name, str) or not 0 < len(name) <= MAX_NAME:
            raise ValueError(f"output {output} has a filter without a name of at most {MAX_NAME} characters")
        parameters = step.get("parameters", {})
        if not isinstance(parameters, dict) or any(isinstance(one, bytes) for _, one in _walk(parameters, 1)):
            raise ValueError(f"output {output}: the parameters of {name} must be a map of texts and numbers")


def _check_encoder(output: str, codec: Any, crf: Any) -> None:
    """Raise ValueError for a codec or crf that cannot be told to people. The worker says whether they make sense."""
    if codec is not None and (not isinstance(codec, str) or len(codec) > MAX_NAME):
        raise ValueError(f"output {output}: codec is a text of at most {MAX_NAME} characters, not {codec!r:.80}")
    if crf is not None and (type(crf) is not int or not 0 <= crf <= MAX_INT):
        raise ValueError(f"output {output}: crf is an integer from 0 to 2^63-1, not {crf!r:.80}")


def _check_policy(policy: Policy) -> None:
    if policy.on_error not in ON_ERROR:
        raise ValueError(f"on_error must be one of {', '.join(ON_ERROR)}, not {policy.on_error!r:.80}")


def _check_sizes(message: Submit) -> None:
    """Raise ValueError for a description that is too large, Unsendable for a message that would follow from it."""
    size = packed_size([message.source, message.outputs, message.policy.to_wire()])
    if size > MAX_DESCRIPTION:
        raise ValueError(
            f"the description of the source and the outputs has {size} bytes, and {MAX_DESCRIPTION} are the most; "
            "send fewer outputs, or a source with fewer streams"
        )
    for derived in derived_from(message):
        check_sendable(derived)


def derived_from(message: Submit) -> Iterator[Own | Task]:
    """Yield the largest messages that carry parts of a submission on: to the aggregator, and to workers."""
    source, job = message.source, "j" * JOB_ID_SIZE
    yield Own(job, source["name"], MAX_INT, source, message.outputs, bytes(KEY_SIZE), "u" * MAX_NAME)
    process = {"kind": source["kind"], **source["process"]}
    output = max(message.outputs, key=packed_size)
    lease, stage = Lease(MAX_INT, MAX_INT), [MAX_STEPS, MAX_STEPS]
    values = [each.value for each in message.assets]
    lent = (stage, "b" * MAX_FINGERPRINT, bytes(KEY_SIZE))  # with its build and its tag
    yield Task(lease, job, MAX_INT, MAX_INT, process, output, "o" * MAX_NAME, MAX_INT, Mode.BYPASS, *lent, values)
