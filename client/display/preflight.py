"""What sources are and what becomes of everything in them, for people: tables on a terminal, lines elsewhere."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from rich import box
from rich.table import Table

from moviola.display.terminal import Terminal, styled
from moviola.media.fidelity import Fate, Finding
from moviola.media.preflight import Preflight
from moviola.session.units import counted

COLOURS: Final = {Fate.LOST: "red", Fate.CHANGED: "yellow", Fate.KEPT: "green"}
"""Colours of fates. Findings are listed in this order, the worst first."""

_ORDER: Final = list(COLOURS)


def print_preflight(console: Terminal, told: Preflight, *, strict: bool = False) -> None:
    """Print what one source is and what becomes of it; `strict`: nothing may be changed or lost."""
    console.say((told.source, "bold"))
    if console.is_terminal:
        console.print(_traits(told))
        if told.findings:
            console.print(_findings(told.findings))
    else:
        for trait in told.traits:
            console.say(f"{trait.name}: {trait.value}")
        for finding in _sorted(told.findings):
            console.say(f"{finding.fate}: {_where(finding)}{finding.sentence}")
    console.tell(_verdict([told], strict))


def print_preflights(console: Terminal, told: Sequence[Preflight], *, strict: bool = False) -> None:
    """Print a line of each of several sources, then what is not kept, the same things joined."""
    for each in told:
        first = ", ".join(trait.value for trait in each.traits[:4])
        console.say((f"{_short(each)}  ", _worst_colour(each)), f"{each.source}  {first}")
    joined: dict[Finding, list[str]] = {}
    for each in told:
        for finding in each.harms:
            joined.setdefault(finding, []).append(each.source)
    if joined and console.is_terminal:
        console.print(_findings(joined, {finding: _of(names, len(told)) for finding, names in joined.items()}))
    elif joined:
        for finding in _sorted(joined):
            console.say(f"{finding.fate}: {_where(finding)}{finding.sentence} ({_of(joined[finding], len(told))})")
    console.tell(_verdict(told, strict))


def _traits(told: Preflight) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_header=False, padding=(0, 1))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for trait in told.traits:
        table.add_row(styled((trait.name, "dim")), styled(trait.value))
    return table


def _findings(findings: Iterable[Finding], sources: dict[Finding, str] | None = None) -> Table:
    """Return a table of what becomes of each thing, the worst first. It has a column for the outputs if a finding is
    true of only one, and a column for the `sources` if these are given."""
    rows = _sorted(findings)
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1))
    table.add_column("", no_wrap=True)
    table.add_column("what", overflow="fold", max_width=32)
    table.add_column("how", overflow="fold")
    outputs = any(each.output for each in rows)
    if outputs:
        table.add_column("output", overflow="fold")
    if sources is not None:
        table.add_column("of", overflow="fold", max_width=24)
    for each in rows:
        cells = [styled((each.fate, COLOURS[each.fate])), styled(each.subject), styled(each.reason)]
        cells += [styled(each.output or "all")] if outputs else []
        cells += [styled(sources[each])] if sources is not None else []
        table.add_row(*cells)
    return table


def _sorted(findings: Iterable[Finding]) -> list[Finding]:
    return sorted(findings, key=lambda each: _ORDER.index(each.fate))


def _where(finding: Finding) -> str:
    return f"{finding.output}: " if finding.output else ""


def _of(names: Sequence[str], count: int) -> str:
    return names[0] if len(names) == 1 else f"{len(names)} of {count} sources"


def _short(told: Preflight) -> str:
    return "kept" if not told.harms else ", ".join(_counts([told]))


def _worst_colour(told: Preflight) -> str:
    return COLOURS[_sorted(told.findings)[0].fate if told.harms else Fate.KEPT]


def _counts(told: Iterable[Preflight]) -> Iterator[str]:
    """Yield how many things are lost, and how many changed."""
    harms = [each for one in told for each in one.harms]
    for fate in _ORDER:
        if number := sum(each.fate is fate for each in harms):
            yield f"{number} {fate}"


def _verdict(told: Sequence[Preflight], strict: bool) -> str:
    counts = ", ".join(_counts(told))
    whole = sum(not each.harms for each in told)
    if not counts:
        return "Nothing was sent; all of it would be kept."
    whose = "" if len(told) == 1 else f" in {counted(len(told) - whole, 'source')} of {len(told)}"
    refused = "; --strict refuses that" if strict else ""
    return f"Nothing was sent. Not kept{whose}: {counts}{refused}."
