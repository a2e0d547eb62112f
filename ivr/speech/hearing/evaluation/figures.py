"""Figures of an evaluation, and how they are shown."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any

from ivr.speech.hearing.evaluation.sentences import Written
from ivr.speech.hearing.evaluation.slots import Outcome


@dataclass(frozen=True, slots=True)
class SlotFigures:
    """Answers of a kind, in a language, on a line. Shares are of all of them; times in seconds."""

    line: str
    language: str
    kind: str
    answers: int
    #: Taken at once and right; asked back and right; both together.
    right: float
    asked_right: float
    understood: float
    #: Taken at once and wrong: nobody would have noticed.
    wrong_taken: float
    asked_wrong: float
    missed: float
    late_median: float | None
    late_p95: float | None
    cpu: float


@dataclass(frozen=True, slots=True)
class SentenceFigures:
    """Sentences in a language, on a line: share of characters (Chinese) or words that are wrong."""

    line: str
    language: str
    sentences: int
    units: int
    error: float
    cpu: float


@dataclass(frozen=True, slots=True)
class ModelFigures:
    """A model in memory: seconds to load it, megabytes of it and of one recogniser with a menu."""

    language: str
    model: str
    seconds: float
    megabytes: float
    recogniser: float


@dataclass(frozen=True, slots=True)
class Figures:
    """All of an evaluation, and how to repeat it."""

    slots: tuple[SlotFigures, ...]
    sentences: tuple[SentenceFigures, ...]
    models: tuple[ModelFigures, ...]
    made_of: str


def slot_figures(line: str, outcomes: Iterable[Outcome]) -> list[SlotFigures]:
    """One line of the table for each language and kind."""
    groups: dict[tuple[str, str], list[Outcome]] = defaultdict(list)
    for outcome in outcomes:
        groups[outcome.language, outcome.kind].append(outcome)
    return [_slots(line, *key, group) for key, group in groups.items()]


def _slots(line: str, language: str, kind: str, outcomes: Sequence[Outcome]) -> SlotFigures:
    counts = Counter(outcome.verdict for outcome in outcomes)
    total = len(outcomes)

    def share(*verdicts: str) -> float:
        return round(sum(counts[verdict] for verdict in verdicts) / total, 4)

    late = sorted(outcome.late for outcome in outcomes if outcome.late is not None)
    return SlotFigures(
        line, language, kind, total, share("right"), share("asked right"), share("right", "asked right"),
        share("wrong"), share("asked wrong"), share("missed"),
        round(median(late), 2) if late else None,
        round(late[min(len(late) - 1, int(0.95 * len(late)))], 2) if late else None,
        round(sum(one.cpu for one in outcomes) / sum(one.sound for one in outcomes), 3),
    )  # fmt: skip


def sentence_figures(line: str, written: Iterable[Written]) -> list[SentenceFigures]:
    """One line of the table for each language."""
    groups: dict[str, list[Written]] = defaultdict(list)
    for one in written:
        groups[one.language].append(one)
    return [
        SentenceFigures(
            line,
            language,
            len(group),
            sum(one.units for one in group),
            round(sum(one.wrong for one in group) / sum(one.units for one in group), 4),
            round(sum(one.cpu for one in group) / sum(one.sound for one in group), 3),
        )
        for language, group in groups.items()
    ]


def as_json(figures: Figures) -> str:
    """Everything, for programs."""
    return json.dumps(asdict(figures), ensure_ascii=False, indent=1)


def tables(figures: Figures) -> list[tuple[str, list[str], list[list[str]]]]:
    """Title, head and rows of each table."""
    slots = [
        [
            one.line, one.language, one.kind, str(one.answers), _share(one.right), _share(one.asked_right),
            _share(one.wrong_taken), _share(one.asked_wrong), _share(one.missed), _seconds(one.late_median),
            _seconds(one.late_p95), f"{one.cpu:.2f}",
        ]
        for one in figures.slots
    ]  # fmt: skip
    sentences = [
        [one.line, one.language, str(one.sentences), str(one.units), _share(one.error), f"{one.cpu:.2f}"]
        for one in figures.sentences
    ]
    models = [
        [
            one.language,
            one.model,
            f"{one.seconds:.1f} s",
            f"{one.megabytes:.0f} MB",
            f"{one.recogniser:.1f} MB",
        ]
        for one in figures.models
    ]
    head = [
        "line", "language", "answer", "n", "right", "asked back, right", "wrong, taken", "asked back, wrong", "missed",
        "end of speech, median", "p95", "CPU",
    ]  # fmt: skip
    return [
        ("Answers", head, slots),
        ("Sentences", ["line", "language", "n", "characters or words", "wrong", "CPU"], sentences),
        ("Models", ["language", "model", "load", "memory", "each recogniser"], models),
    ]


def as_markdown(figures: Figures) -> str:
    """Tables for a page."""
    parts = [figures.made_of]
    for title, head, rows in tables(figures):
        if rows:
            lines = [_row(head), _row(["---"] * len(head)), *map(_row, rows)]
            parts.append(f"**{title}**\n\n" + "\n".join(lines))
    return "\n\n".join(parts) + "\n"


def _row(cells: Iterable[Any]) -> str:
    return f"| {' | '.join(str(cell) for cell in cells)} |"


def _share(value: float) -> str:
    return f"{value * 100:.1f} %"


def _seconds(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f} s"
