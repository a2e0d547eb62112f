"""Checks of `hotline.yaml`: what all flows share, and the calendars."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any, Final

from ivr.flow.checks_graph import check_ladder, possible_outcomes
from ivr.flow.checks_languages import check_texts
from ivr.flow.checks_words import check_hear
from ivr.flow.dataflow import Analysis
from ivr.flow.errors import suggest
from ivr.flow.hours import first_uncovered, hours_problems
from ivr.flow.library import FlowLibrary
from ivr.flow.outcomes import REPROMPTS
from ivr.flow.report import Report
from ivr.flow.types import type_text
from ivr.flow.values import Level
from ivr.flow.yaml_source import Path

#: The reserved words that a handler of the hotline may go to (it has no steps, and nothing to `end`).
#: What the engine itself gives to a prompt, by its role.
_OWN_SLOTS: Final[Mapping[str, str]] = {
    "playback": "recording",
    "sure_choice": "name",
    **{f"sure_{kind}": "value" for kind in ("digits", "integer", "money", "date", "time")},
}
HOTLINE_WORDS: Final = frozenset({"back", "again", "main"})


def check_hotline(analysis: Analysis, report: Report, today: date | None) -> None:
    """Everything about the hotline's own file."""
    library = analysis.library
    check_ladder((), library.hotline, report)
    possible = {
        outcome for facts in analysis.facts.values() for outcome in possible_outcomes(analysis, facts)
    }
    for outcome in library.hotline.on:
        if outcome not in possible:
            message = f"no step of any flow ends in {outcome!r}{suggest(outcome, possible)}"
            report.error(("on", outcome), "F307", message, at_key=True)
    for path, name in _entries(library):
        _check_entry(path, name, library, report)
    for path, prompt in _prompts(library):
        _check_prompt(path, prompt, library, report)
    _check_said(library, report)
    for name, queue in library.hotline.queues.items():
        if queue.hours is not None and queue.hours not in library.hotline.calendars:
            hint = suggest(queue.hours, library.hotline.calendars) or "; declare it under `calendars`"
            report.error(("queues", name, "hours"), "F418", f"there is no calendar {queue.hours!r}{hint}")
    for name, hours in library.hotline.calendars.items():
        problems = hours_problems(hours)
        for inner, message in problems:
            report.error(("calendars", name, *inner), "F901", message)
        missing = first_uncovered(hours, today) if today is not None and not problems else None
        if missing is not None:
            remedy = "update the `holidays` package, or write the days under `exceptions`"
            message = f"public holidays and swapped working days are not known from {missing} on; {remedy}"
            report.warn(("calendars", name), "F902", message, at_key=True)


def _check_said(library: FlowLibrary, report: Report) -> None:
    """What may be said everywhere, and the words that have a name."""
    hotline = library.hotline
    for part in ("hotkeys", "words", "everywhere"):
        for name, one in getattr(hotline, part).items():
            if one is not None:
                check_hear(library, (part, name, "hear"), one.hear, report)


def _entries(library: FlowLibrary) -> Iterator[tuple[Path, str]]:
    """Every flow that the hotline itself enters."""
    hotline = library.hotline
    yield ("main",), hotline.main
    for number, flow in hotline.numbers.items():
        yield ("numbers", number), flow
    yield ("on_error",), hotline.on_error
    for outcome, flow in hotline.on.items():
        yield ("on", outcome), flow
    for key, hotkey in hotline.hotkeys.items():
        if hotkey is not None:
            yield ("hotkeys", key, "go"), hotkey.go
    for name, one in hotline.everywhere.items():
        if one.go is not None:
            yield ("everywhere", name, "go"), one.go
    for ladder in ("on_no_input", "on_no_match"):
        for place, rung in enumerate(getattr(hotline, ladder)):
            if rung not in REPROMPTS:
                yield (ladder, place), rung


def _check_entry(path: Path, name: str, library: FlowLibrary, report: Report) -> None:
    if name in HOTLINE_WORDS and path[0] not in {"main", "numbers", "on_error"}:
        return
    loaded = library.flows.get(name)
    if loaded is None:
        message = (
            f"there is no flow {name!r}{suggest(name, library.flows)}; here a target is the name of a flow"
        )
        report.error(path, "F415", message)
        return
    needed = [f"{n} ({type_text(kind)})" for n, kind in loaded.inputs.items() if not kind.optional]
    if needed:
        message = f"the flow {name!r} needs {', '.join(needed)}, which nobody gives it here"
        report.error(path, "F411", message)
    if loaded.level > Level.ANONYMOUS:
        message = (
            f"the flow {name!r} wants a caller who is {loaded.flow.level}; anybody can come to it from here"
        )
        report.error(path, "F502", message)


def _prompts(library: FlowLibrary) -> Iterator[tuple[Path, str]]:
    """The prompts that are spoken without a step of their own: the hotline's roles, and inherited fillers."""
    hotline = library.hotline
    for role, prompt in hotline.prompts.items():
        yield ("prompts", role), prompt
    for part in ("hotkeys", "words", "everywhere"):
        for name, one in getattr(hotline, part).items():
            if one is not None and one.name is not None:
                yield (part, name, "name"), one.name
    if hotline.defaults.filler is not None:
        yield ("defaults", "filler", "say"), hotline.defaults.filler.say


def _check_prompt(path: Path, prompt: str, library: FlowLibrary, report: Report) -> None:
    signature = library.manifest.prompts.get(prompt)
    if signature is None:
        hint = suggest(prompt, library.manifest.prompts)
        report.error(path, "F601", f"there is no prompt {prompt!r}{hint}")
        return
    check_texts(report, path, prompt, signature.languages, library.hotline.languages)
    own = _OWN_SLOTS.get(str(path[-1]), "") if path[0] == "prompts" else ""
    slots = [slot for slot in signature.slots if slot != own]
    if slots:
        names = ", ".join(slots)
        report.error(
            path, "F603", f"nothing can fill {names} of the prompt {prompt!r} here; use one without slots"
        )


def check_flow_defaults(analysis: Analysis, flow: str, report: Report) -> None:
    """The filler that a flow's own defaults name."""
    filler = analysis.library.flows[flow].flow.defaults.filler
    if filler is not None:
        _check_prompt(("defaults", "filler", "say"), filler.say, analysis.library, report)


def check_flows_are_used(analysis: Analysis, reports: dict[str, Report]) -> None:
    """A flow that neither the hotline nor another flow enters can be deleted."""
    library = analysis.library
    if any(problem.code == "F415" for report in reports.values() for problem in report.problems):
        return  # a misspelt name would be told twice
    used: set[str] = set()
    waiting: list[Any] = [name for _, name in _entries(library)]
    while waiting:
        name = waiting.pop()
        if name in library.flows and name not in used:
            used.add(name)
            waiting.extend(
                step.call for step in library.flows[name].flow.steps.values() if hasattr(step, "call")
            )
    for name, report in reports.items():
        if name not in used:
            message = f"nobody calls the flow {name!r}; call it somewhere, or delete the file"
            report.warn(("flow",), "F313", message)
