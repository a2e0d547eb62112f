"""All checks of a loaded library, together."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from ivr.flow.checks_graph import check_graph, check_recursion, settle_quiet_outcomes
from ivr.flow.checks_hotline import check_flow_defaults, check_flows_are_used, check_hotline
from ivr.flow.checks_input import check_input
from ivr.flow.checks_tests import check_tests
from ivr.flow.checks_types import check_types
from ivr.flow.dataflow import Analysis
from ivr.flow.errors import Problem
from ivr.flow.report import Report


def check_library(analysis: Analysis, today: date | None = None) -> Iterator[Problem]:
    """Every problem of a library whose files could be read; `today` lets calendars be looked at ahead."""
    library = analysis.library
    settle_quiet_outcomes(analysis)
    hotline = Report(library.source)
    check_hotline(analysis, hotline, today)
    yield from hotline.problems
    reports = {name: Report(loaded.source) for name, loaded in library.flows.items()}
    for name, facts in analysis.facts.items():
        check_graph(analysis, facts, reports[name])
        check_types(analysis, facts, reports[name])
        check_input(analysis, facts, reports[name])
        check_flow_defaults(analysis, name, reports[name])
        check_tests(analysis, facts.loaded, reports[name])
    check_recursion(analysis, reports)
    check_flows_are_used(analysis, reports)
    for report in reports.values():
        yield from report.problems
