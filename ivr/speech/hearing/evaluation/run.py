"""The evaluation itself: every answer and sentence, at 16 kHz and through a telephone with more and more noise."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from ivr.speech.hearing.evaluation.figures import (
    Figures,
    ModelFigures,
    SentenceFigures,
    SlotFigures,
    sentence_figures,
    slot_figures,
)
from ivr.speech.hearing.evaluation.recordings import Recording
from ivr.speech.hearing.evaluation.sentences import write_down
from ivr.speech.hearing.evaluation.slots import Outcome, Trial, by_studio, by_telephone, trials
from ivr.speech.hearing.loaded import LoadedModel

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What is measured: noise levels (dB by which the voice is louder), how many numbers are put together, the seed."""

    noise: tuple[float, ...] = (20.0, 10.0, 5.0)
    strings: int = 30
    seed: int = 1


@dataclass(frozen=True, slots=True)
class _Line:
    name: str
    wide: bool = False
    snr: float | None = None


def evaluate(
    recordings: Sequence[Recording],
    models: Mapping[str, Path],
    plan: Evaluation,
    *,
    progress: Progress = lambda done, total: None,
    each: Callable[[str, Outcome], None] = lambda line, outcome: None,
) -> Figures:
    """Measure it, with the models of the languages there are; `each` hears of every answer. Raises ModelError."""
    mine = [one for one in recordings if one.language in models]
    loaded, about = _load({one.language for one in mine}, models)
    asked = list(trials(mine, seed=plan.seed, strings=plan.strings))
    sentences = [one for one in mine if one.kind == "sentence"]
    lines = _lines(plan)
    total, done = len(lines) * (len(asked) + len(sentences)), 0
    slots: list[SlotFigures] = []
    written: list[SentenceFigures] = []
    for line in lines:
        outcomes = []
        for number, trial in enumerate(asked):
            outcomes.append(_answer(loaded[trial.language], trial, line, plan.seed * 100_003 + number))
            each(line.name, outcomes[-1])
            progress(done := done + 1, total)
        slots += slot_figures(line.name, outcomes)
        texts = []
        for number, one in enumerate(sentences):
            seed = plan.seed * 100_019 + number
            texts.append(write_down(loaded[one.language], one, line.snr, seed, wide=line.wide))
            progress(done := done + 1, total)
        written += sentence_figures(line.name, texts)
    return Figures(tuple(slots), tuple(written), tuple(about), _made_of(mine, plan))


def _lines(plan: Evaluation) -> list[_Line]:
    noisy = [_Line(f"telephone, {level:g} dB over noise", snr=level) for level in plan.noise]
    return [_Line("16 kHz", wide=True), _Line("telephone"), *noisy]


def _answer(model: LoadedModel, trial: Trial, line: _Line, seed: int) -> Outcome:
    return by_studio(model, trial) if line.wide else by_telephone(model, trial, line.snr, seed)


def _load(
    languages: set[str], models: Mapping[str, Path]
) -> tuple[dict[str, LoadedModel], list[ModelFigures]]:
    loaded, about = {}, []
    for language in sorted(languages):
        before, began = _megabytes(), time.perf_counter()
        model = loaded[language] = LoadedModel.load(language, models[language])
        seconds, size = time.perf_counter() - began, _megabytes() - before
        before = _megabytes()
        held = [model.recogniser(["[unk]"]) for _ in range(10)]
        each = (_megabytes() - before) / len(held)
        about.append(ModelFigures(language, models[language].name, seconds, size, each))
    return loaded, about


def _megabytes() -> float:
    return float(psutil.Process().memory_info().rss) / 1e6


def _made_of(recordings: Sequence[Recording], plan: Evaluation) -> str:
    parts = []
    for language in sorted({one.language for one in recordings}):
        mine = [one for one in recordings if one.language == language]
        counts = [
            f"{sum(one.kind == kind for one in mine)} {kind}s"
            for kind in ("word", "digit", "sentence")
            if any(one.kind == kind for one in mine)
        ]
        voices = len({one.speaker for one in mine if one.speaker})
        parts.append(f"{language}: {', '.join(counts)} of at least {voices} people")
    return (
        f"{'; '.join(parts)}. Numbers are put together of single digits of one person; seed {plan.seed}. CPU is"
        " seconds of one processor for a second of sound."
    )
