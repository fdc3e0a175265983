"""The report as a document: one HTML file with pictures, drawings and style in it, that asks for nothing else."""

from __future__ import annotations

from functools import cache
from importlib import resources
from typing import Final

from moviola.report import sections
from moviola.report.facts import Facts
from moviola.report.sentences import verdict
from moviola.report.svg import Markup, element
from moviola.report.words import date

POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
"""What the document may load: nothing. Browsers hold it to that, whatever a file's name has in it."""


@cache
def _style() -> str:
    return resources.files("moviola.report").joinpath("report.css").read_text(encoding="utf-8")


def page(facts: Facts) -> str:
    """Return the document."""
    job = facts.job
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=POLICY),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="color-scheme", content="light dark"),
        element("title", f"{job.name}: report of job {job.job}"),
        element("style", Markup(_style())),
    )
    header = element(
        "header",
        element("p", "Report of a Moviola job", class_="muted"),
        element("h1", job.name),
        element("p", element("span", job.state, class_=f"badge is-{job.state}"), " ", element("code", job.job)),
        element("p", verdict(facts), class_="lead"),
    )
    made = [
        sections.figures(facts),
        sections.changed(facts),
        sections.failures(facts),
        sections.timeline(facts),
        sections.outputs(facts),
        sections.scenes(facts),
        sections.troubled_frames(facts),
        sections.galleries(facts),
        sections.tables(facts),
        sections.over_time(facts),
        sections.latencies(facts),
        sections.where_time_went(facts),
        sections.settings(facts),
    ]
    main = element("main", *[section for section in made if section])
    footer = element("footer", element("p", f"Made at {date(facts.made_unix_s)}. It has no links and loads nothing."))
    body = element("body", header, main, footer)
    document = f"<!doctype html>\n{element('html', head, body, lang='en')}\n"
    return document.encode(errors="replace").decode()  # JSON may have halves of UTF-16 pairs, which UTF-8 has not
