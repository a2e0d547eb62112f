"""Checks of what the caller may press and say, and of the queues, mailboxes and calendars that steps name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from ivr.flow.checks_words import check_collect_words, check_menu_words
from ivr.flow.dataflow import Analysis, FlowFacts
from ivr.flow.errors import suggest
from ivr.flow.library import FlowLibrary
from ivr.flow.model import (
    ELSEWHERE,
    CollectStep,
    HoursStep,
    LanguageStep,
    MenuStep,
    TransferStep,
    VoicemailStep,
)
from ivr.flow.report import Report
from ivr.flow.walk import language_expression
from ivr.flow.yaml_source import Path

#: More spoken options than this are not remembered to the end of the menu.
MOST_OPTIONS: Final = 5
#: The fewest and the most digits that an answer of each type has.
_DIGITS: Final[Mapping[str, tuple[int, int]]] = {
    "date": (4, 8),
    "time": (4, 4),
    "phone": (3, 15),
    "integer": (1, 15),
    "money": (1, 15),
}


def check_input(analysis: Analysis, facts: FlowFacts, report: Report) -> None:
    """Everything about keys, words and named places of one flow."""
    library, flow = analysis.library, facts.loaded.flow
    for name, step in flow.steps.items():
        at: Path = ("steps", name)
        if isinstance(step, MenuStep):
            _check_menu(library, facts, at, step, report)
        elif isinstance(step, CollectStep):
            _check_collect(at, step, report)
            check_collect_words(library, flow, at, step, report)
        elif isinstance(step, TransferStep):
            known = library.hotline.queues
            if step.transfer.queue not in ELSEWHERE:
                _check_named((*at, "transfer", "queue"), step.transfer.queue, known, "queue", "F416", report)
        elif isinstance(step, VoicemailStep):
            boxes = library.hotline.mailboxes
            _check_named((*at, "voicemail"), step.voicemail, boxes, "mailbox", "F417", report)
        elif isinstance(step, HoursStep):
            calendars = library.hotline.calendars
            _check_named((*at, "hours"), step.hours, calendars, "calendar", "F418", report)
        elif isinstance(step, LanguageStep) and language_expression(step) is None:
            _check_language((*at, "language"), step.language, library, report)


def _check_named(
    path: Path, name: str, known: Mapping[str, object], what: str, code: str, report: Report
) -> None:
    if name not in known:
        remedy = suggest(name, known) or "; declare it in hotline.yaml"
        report.error(path, code, f"there is no {what} {name!r}{remedy}")


def _check_language(path: Path, code: str, library: FlowLibrary, report: Report) -> None:
    if code not in library.hotline.languages:
        hint = suggest(code, library.hotline.languages)
        report.error(path, "F606", f"the hotline does not offer the language {code!r}{hint}")


def _check_menu(library: FlowLibrary, facts: FlowFacts, at: Path, step: MenuStep, report: Report) -> None:
    if not step.choices:
        report.error((*at, "choices"), "F202", "a menu needs at least one choice")
    if len(step.choices) > MOST_OPTIONS:
        message = (
            f"{len(step.choices)} options are more than callers remember; {MOST_OPTIONS} or fewer are better"
        )
        report.warn((*at, "choices"), "F701", message, at_key=True)
    live = {edge.outcome for edge in facts.graph.edges[str(at[1])] if edge.cause == "hotkey"}
    for key in step.choices:
        clash = next((hotkey for hotkey in sorted(live) if key.startswith(hotkey)), None)
        if clash is not None:
            remedy = f'turn it off here with `hotkeys: {{"{clash}": null}}`'
            message = f"{key!r} is both a choice and the hotkey {clash!r} here; the choice wins; {remedy}"
            report.warn((*at, "choices", key), "F702", message, at_key=True)
        longer = [other for other in step.choices if other != key and other.startswith(key)]
        if longer:
            message = f"after {key!r} the caller is waited for, because {longer[0]!r} begins with it"
            report.note((*at, "choices", key), "F705", message, at_key=True)
    check_menu_words(library, facts.loaded.flow, at, step, report)


def _check_collect(at: Path, step: CollectStep, report: Report) -> None:
    for message in _impossible(step):
        report.error(at, "F703", message, at_key=True)
    if step.end_key and step.end_key == step.cancel_key:
        report.error((*at, "end_key"), "F704", f"{step.end_key!r} cannot both end and cancel; change one")
    if step.confirm is not None and step.confirm.yes == step.confirm.no:
        report.error(
            (*at, "confirm"), "F704", f"{step.confirm.yes!r} cannot mean both yes and no; change one"
        )


def _impossible(step: CollectStep) -> Iterator[str]:
    given = step.model_fields_set
    if step.length is not None and {"least", "most"} & given:
        yield "`length` says it all; take `least` and `most` away"
    least, most = (step.length, step.length) if step.length is not None else (step.least, step.most)
    if least > most:
        yield f"at least {least} and at most {most} digits can never be given"
    fewest, longest = _DIGITS.get(step.type, (1, 64))
    explicit = bool({"length", "most"} & given)
    if explicit and most < fewest:
        yield f"a {step.type} has at least {fewest} digits, but no more than {most} are taken"
    if least > longest:
        yield f"a {step.type} has at most {longest} digits, but {least} are wanted"
