"""The subcommands of `moviola`. To add one, add an entry here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from moviola.base.invocation import PROGRAMS


@dataclass(frozen=True, slots=True)
class Subcommand:
    """One subcommand.

    Attributes:
        name: what is typed.
        summary: one line for `moviola --help`.
        module: where its function is, such as `client.jobs`: a name as in a checkout. It is imported when the
            subcommand is called, so that no subcommand waits for the libraries of another.
        function: takes the arguments after the subcommand's name, and returns the exit status.
    """

    name: str
    summary: str
    module: str
    function: str = "main"


GROUPS: Final = {
    "Files": (
        Subcommand("send", "filter videos, images or tables, and bring the results", PROGRAMS["send"]),
        Subcommand("compare", "do a job by threads, processes and a cluster, side by side", PROGRAMS["compare"]),
        Subcommand("watch", "send what arrives in a folder, once it is whole", PROGRAMS["watch"]),
        Subcommand("verify", "tell whether a result is complete, by the manifest beside it", "client.verify"),
        Subcommand("filters", "list the filters and what they take", "client.filters"),
        Subcommand("check", "try a filter of your own, or where a video would be cut", "client.command.check"),
    ),
    "A cluster on this machine": (
        Subcommand("up", "start one, or change its number of workers", PROGRAMS["up"]),
        Subcommand("down", "stop it", PROGRAMS["down"]),
        Subcommand("demo", "start one and send it a short film", PROGRAMS["demo"], "demo"),
    ),
    "Any cluster": (
        Subcommand("jobs", "list jobs; show, wait for, fetch, cancel, retry one", PROGRAMS["jobs"]),
        Subcommand("workers", "list workers; drain one: it finishes its task and leaves", PROGRAMS["workers"]),
        Subcommand("report", "write a report of a job, one HTML file", PROGRAMS["report"]),
        Subcommand("events", "tell what happens, and run a command when a job ends", PROGRAMS["events"]),
        Subcommand("status", "show workers, aggregators and jobs", PROGRAMS["status"]),
    ),
    "Its programs, one by one": (
        Subcommand("middleware", "run the broker of a cluster", "middleware.__main__"),
        Subcommand("aggregator", "run what collects results and makes files of them", "aggregator.__main__"),
        Subcommand("web", "run an HTTP API of a cluster", "moviola.web.__main__"),
        Subcommand("worker", "run filters on the cores of this machine", "worker.__main__"),
    ),
    "This command": (
        Subcommand("doctor", "look for what is wrong here, and say what to do", "client.doctor.__main__"),
        Subcommand("config", "show which settings hold, and who says so", "client.config"),
        Subcommand("completion", "print what makes the Tab key complete: bash, zsh, fish", "client.command.shells"),
    ),
}  # fmt: skip
"""By the heading in `moviola --help`."""

SUBCOMMANDS: Final = {each.name: each for group in GROUPS.values() for each in group}
