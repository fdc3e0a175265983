"""Looks at all that Moviola needs, and says what is wrong and what to do: versions, settings, disk, memory, ports, the
secret, and whether the cluster answers. Nothing needs to run.

Exit status: 0 nothing is wrong, though there may be warnings; 1 something is wrong; 2 wrong usage; 5 interrupted.
"""

from __future__ import annotations

import argparse
import os
import sys
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Final

from moviola.base.config_files import FOLDER_VARIABLE, USER_VARIABLE, ConfigError, config_files
from moviola.base.installation import version
from moviola.base.invocation import typed
from moviola.base.layers import settle
from moviola.base.process_entry import run_as_process
from moviola.base.settings import CONFIG_DEST, add_config, add_flags, settings_in
from moviola.display.terminal import Terminal
from moviola.launcher.settings import UpSettings
from moviola.session.cluster_settings import ClientSettings

from ..config import unread_variables, what_holds
from ..options import Parser
from ..settings import DoctorSettings
from . import cluster, machine, software
from .finding import Finding, Mark

SIGNS: Final = {Mark.GOOD: ("✓", "+", "green"), Mark.WARNING: ("!", "!", "yellow"), Mark.WRONG: ("✗", "x", "red")}
"""By mark: a sign, one of ASCII, and its colour."""

NAME_WIDTH: Final = 12
WIDTH: Final = 80
"""Columns where the output is no terminal; a terminal has its own, up to 100."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Print what was found, and return the exit status."""
    parser = _parser()
    options = parser.parse_args(arguments)
    stdout = Terminal()
    findings = [Finding("Moviola", Mark.GOOD, version()), *software.software()]
    problem, notes = _configuration(options)
    findings += notes
    nothing = {USER_VARIABLE: os.devnull, FOLDER_VARIABLE: os.devnull}
    environ: Mapping[str, str] = os.environ if problem is None else nothing
    if problem is not None:
        setattr(options, CONFIG_DEST, None)  # the rest is looked at as if no configuration were there
    findings += examine(*_settings(parser, options, environ))
    is_wrong = any(each.mark is Mark.WRONG for each in findings)
    if options.json:
        stdout.json({"good": not is_wrong, "findings": [asdict(each) for each in findings]})
    else:
        for finding in findings:
            print_finding(stdout, finding)
        stdout.say(_summary(findings))
    return int(is_wrong)


def examine(client: ClientSettings, up: UpSettings) -> Iterator[Finding]:
    """Yield what there is to say of this machine and of the cluster."""
    yield from machine.folder("state", up.state, "--state")
    yield from machine.folder("results", up.results, "--results")
    yield from machine.kept_results(up.results)
    yield from machine.memory(up.workers)
    yield from machine.open_files()
    yield from cluster.secret(client)
    finding, view = cluster.answers(client)
    yield from cluster.ports(up, client, is_answering=view is not None)
    yield finding


def print_finding(console: Terminal, finding: Finding) -> None:
    """Print a finding: a sign, its name and its text, wrapped; below them what to do."""
    sign, plain, colour = SIGNS[finding.mark]
    is_utf = (console.encoding or "").lower().startswith("utf")
    width = min(console.width, 100) if console.is_terminal else WIDTH
    indent = " " * (NAME_WIDTH + 3)
    lines = textwrap.wrap(finding.text, width - len(indent), break_long_words=False, break_on_hyphens=False) or [""]
    console.say((sign if is_utf else plain, colour), f" {finding.name:<{NAME_WIDTH}} {lines[0]}")
    for line in lines[1:]:
        console.say(f"{indent}{line}")
    if finding.way_out:
        arrow = "→ " if is_utf else "> "
        rest = textwrap.wrap(finding.way_out, width - len(indent) - 2, break_long_words=False, break_on_hyphens=False)
        for number, line in enumerate(rest):
            console.say(indent, ((arrow if number == 0 else "  ") + line, "bold"))


def _parser() -> Parser:
    summary, _, statuses = (__doc__ or "").partition("\n\n")
    parser = Parser(prog=typed("doctor"), description=summary, epilog=statuses)
    add_flags(parser, ClientSettings)
    add_flags(parser, DoctorSettings)
    add_config(parser)
    return parser


def _configuration(options: argparse.Namespace) -> tuple[ConfigError | None, list[Finding]]:
    """Return the error of variables and configuration files, None if there is none, and the findings about them."""
    try:
        files = config_files(getattr(options, CONFIG_DEST), os.environ)
        what_holds(files, os.environ)
    except ConfigError as error:
        way_out = f"correct it, and check it with {typed('config')}; the other checks ran without any configuration"
        return error, [Finding("settings", Mark.WRONG, str(error), way_out)]
    unread = [Finding("settings", Mark.WARNING, sentence, "unset it") for sentence in unread_variables(os.environ)]
    read = " and ".join(str(file.path) for file in files) or "no configuration file"
    return None, [Finding("settings", Mark.GOOD, read), *unread]


def _settings(
    parser: argparse.ArgumentParser, options: argparse.Namespace, environ: Mapping[str, str]
) -> tuple[ClientSettings, UpSettings]:
    settle(parser, options, [ClientSettings, DoctorSettings], environ)
    up = argparse.Namespace(**{CONFIG_DEST: getattr(options, CONFIG_DEST)})
    settle(parser, up, [UpSettings], environ)
    return settings_in(ClientSettings, options), settings_in(UpSettings, up)


def _summary(findings: Sequence[Finding]) -> str:
    counts = {mark: sum(each.mark is mark for each in findings) for mark in Mark}
    if not counts[Mark.WRONG] and not counts[Mark.WARNING]:
        return "Nothing is wrong."
    words = [("thing is wrong", "things are wrong"), ("warning", "warnings")]
    told = [] if counts[Mark.WRONG] else ["Nothing is wrong"]
    told += [
        f"{count} {one if count == 1 else many}"
        for count, (one, many) in zip((counts[Mark.WRONG], counts[Mark.WARNING]), words, strict=True)
        if count
    ]
    return f"{', '.join(told)}."


if __name__ == "__main__":
    sys.exit(run_as_process(main))
