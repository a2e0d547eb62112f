"""What learns from yesterday: intercepts each day, models each month, and a watch on drift; one job, run at any time.

    refit = Refit(database, registry, folder, zone=zone)
    done = await refit.run()            # one line a product; run twice on a day, the second does nothing

Each day, for each product, the outcomes that have been settled since the last time are shown to the model in use
(`Model.observe`, which moves its intercept most), or move what is believed where there is no model yet, and the last
weeks' callers and outcomes are compared with what it was learnt from and what was said. Each month a model is learnt
anew from everything that is settled; it is put to use only if on the latest quarter of it, which it was not shown
beforehand, it did better than what callers were really judged by, in a paired test. What was done is a line of
`daily.jsonl` in the folder of the registry, which the console's charts are made of.
"""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, date, datetime, timedelta, tzinfo
from pathlib import Path
from typing import Any, Final

import numpy as np

from cross_sell.beliefs import Belief
from cross_sell.drift import FEWEST, SHIFTED, STEADY, drift_of
from cross_sell.features import FEATURES
from cross_sell.learning import fit
from cross_sell.limits import Prior, read_limits
from cross_sell.metrics import Comparison, log_losses, paired_z
from cross_sell.model import Model
from cross_sell.registry import Registry
from cross_sell.snapshots import DELAYS, TARGET, Label, Row, frame_of, read_rows
from policy_db.database import PolicyDatabase

#: A model is learnt from so many settled answers, of which so many are a yes, at least.
LEAST_ROWS: Final = 300
LEAST_YES: Final = 30
#: The share of the latest answers that a new model is tried on.
_TRIED: Final = 0.25
#: One-sided, that a new model is no better.
_P: Final = 0.05
#: How far back answers are learnt from, and looked at for drift, in days.
_BACK: Final = 730
_WATCHED: Final = 45
#: In the trial a model learns of answers so many days late, as one in use does, and of so many at once.
_LATE: Final = timedelta(days=2)
_TOGETHER: Final = 25
LOG: Final = "daily.jsonl"
_UNTIL: Final = "observed_until"
_EVER: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Done:
    """What was done for one product on one day, and how its model stood then.

    `done` is `observed`, `believed` (no model yet, and its prior moved by answers), `waiting` (no model, and no answers),
    `first`, `promoted`, `kept`, or `failed`.
    `psi` is of the feature that moved most (`worst`); `predicted`, `observed` and `calibration` are of the last weeks'
    answers by what was said then. `gain` (nats of log loss) and `p` are of the trial of a new model.
    """

    day: date
    product: str
    done: str
    outcomes: int = 0
    version: str = ""
    intercept: float | None = None
    psi: float | None = None
    worst: str = ""
    predicted: float | None = None
    observed: float | None = None
    calibration: float | None = None
    gain: float | None = None
    p: float | None = None

    @property
    def state(self) -> str:
        """`steady`, `watch` or `shifted`, by the PSI."""
        if self.psi is None or self.psi < STEADY:
            return "steady"
        return "shifted" if self.psi >= SHIFTED else "watch"


class Refit:
    """The daily job of one company. `candidates` are the learners to try, all there are if None."""

    def __init__(
        self,
        database: PolicyDatabase,
        registry: Registry,
        folder: Path,
        *,
        zone: tzinfo = UTC,
        clock: Callable[[], datetime] | None = None,
        label: Label = "accepted",
        candidates: Sequence[str] | None = None,
        least_rows: int = LEAST_ROWS,
        jobs: int = 2,
    ) -> None:
        self._database = database
        self._registry = registry
        self._folder = folder
        self._zone = zone
        self._clock = clock or database.clock
        self._label: Label = label
        self._candidates = candidates
        self._least_rows = least_rows
        self._jobs = jobs
        self._priors: dict[str, Prior] = {}

    async def run(self, *, learn: bool | None = None) -> tuple[Done, ...]:
        """Everything that is due for every product; `learn` decides whether models are learnt anew, else the month does.

        What fails for one product is noted and does not keep the others from it.
        """
        now = self._clock()
        today = now.astimezone(self._zone).date()
        past = read_log(self._folder)
        due, self._priors = {}, {}
        for sold in (one.offered for one in await self._database.offered.all()):
            product, self._priors[sold.product] = sold.product, read_limits(sold.product, sold.limits).prior
            mine = [one for one in past if one.product == product]
            if learn is not None or not mine or mine[-1].day < today:
                due[product] = _month_is_due(mine, today) if learn is None else learn
        back = _BACK if any(due.values()) else self._days_back(due, now)
        rows = await read_rows(self._database, now - timedelta(days=back), now, label=self._label)
        found = []
        for product, anew in due.items():
            answers = [one for one in rows if one.product == product]
            found.append(await asyncio.to_thread(self._one, product, answers, now, today, anew))
        _write(self._folder, found)
        return tuple(found)

    def _days_back(self, products: Iterable[str], now: datetime) -> int:
        """How far back answers are needed where nothing is learnt anew: since each last learnt, and for the watch."""
        days = _WATCHED
        for product in products:
            model = self._registry.current(product)
            known = self._belief(product).until if model is None else _known_until(model)
            if known is not None:
                days = max(days, (now - known).days + 1)
        return min(days, _BACK)

    def _one(self, product: str, rows: list[Row], now: datetime, today: date, due: bool) -> Done:
        try:
            done = self._observe(product, rows, now, today)
            return self._learn(product, rows, now, done) if due and self._enough(rows) else done
        except Exception as error:  # the others still learn; the log and the console tell
            return Done(today, product, "failed", worst=type(error).__name__)

    def _enough(self, rows: Sequence[Row]) -> bool:
        return len(rows) >= self._least_rows and sum(one.label for one in rows) >= LEAST_YES

    # Every day

    def _observe(self, product: str, rows: Sequence[Row], now: datetime, today: date) -> Done:
        """Show the model in use what was settled since the last time, and see how it stands."""
        model = self._registry.current(product)
        if model is None:
            return self._believe(product, rows, now, today)
        known = _known_until(model)
        fresh = [one for one in rows if known is None or one.at >= known]
        done = _watched(model, rows, now, Done(today, product, "observed", len(fresh), model.version))
        if fresh:
            model.observe(frame_of(fresh))
            model.figures[_UNTIL] = self._settled(now).isoformat()
            self._registry.save(product, model)
        return replace(done, intercept=round(model.intercept, 6))

    def _believe(self, product: str, rows: Sequence[Row], now: datetime, today: date) -> Done:
        """Move what is believed by what was settled since the last time."""
        belief = self._belief(product)
        fresh = [one for one in rows if one.at >= belief.until]
        if fresh:
            belief = belief.seen(fresh, self._settled(now))
            self._registry.beliefs.keep(product, belief)
        return Done(today, product, "believed" if belief.asked else "waiting", len(fresh))

    def _belief(self, product: str) -> Belief:
        """What is believed of a product; nothing is known yet of a prior that the catalogue has changed."""
        known = self._registry.beliefs.all().get(product)
        if known is None or known.given != self._priors[product]:
            return Belief(self._priors[product], {}, _EVER)
        return known

    def _settled(self, now: datetime) -> datetime:
        return now - timedelta(days=DELAYS[self._label])

    # Every month

    def _learn(self, product: str, rows: list[Row], now: datetime, done: Done) -> Done:
        """Learn anew, and put it to use if it does better on what it was not shown."""
        trial = self._trial(rows)
        done = replace(done, gain=round(trial.gain, 6), p=round(trial.p, 6))
        if trial.gain <= 0 or trial.p > _P:
            return replace(done, done="kept")
        first = done.version == ""
        model = self._fit(rows)
        model.figures[_UNTIL] = self._settled(now).isoformat()
        model.figures["trial"] = {"gain": trial.gain, "p": trial.p, "rows": int(len(rows) * _TRIED)}
        version = self._registry.add(product, model)
        self._registry.promote(product, version)
        intercept = round(model.intercept, 6)
        return replace(done, done="first" if first else "promoted", version=version, intercept=intercept)

    def _trial(self, rows: list[Row]) -> Comparison:
        """A new model, learning on as one in use does, beside what the callers were judged by when they rang."""
        cut = int(len(rows) * (1 - _TRIED))
        model, later = self._fit(rows[:cut]), rows[cut:]
        said = np.asarray([one.probability for one in later], np.float64)
        truth = np.asarray([one.label for one in later], np.float64)
        found: list[float] = []
        waiting: list[Row] = []
        for one in later:
            ripe = [each for each in waiting if each.at <= one.at - _LATE]
            if len(ripe) >= _TOGETHER:
                model.observe(frame_of(ripe))
                waiting = waiting[len(ripe) :]
            found.append(model.score(dict(one.features)).probability)
            waiting.append(one)
        compared = paired_z(log_losses(truth, said), log_losses(truth, found))
        return Comparison(compared.gain, compared.z, math.erfc(compared.z / math.sqrt(2)) / 2)

    def _fit(self, rows: Iterable[Row]) -> Model:
        return fit(
            frame_of(rows), TARGET, FEATURES, candidates=self._candidates, jobs=self._jobs, ordered=True
        )


def _known_until(model: Model) -> datetime | None:
    """Until when a model has learnt of outcomes."""
    known = model.figures.get(_UNTIL)
    return None if known is None else datetime.fromisoformat(str(known))


def _watched(model: Model, rows: Sequence[Row], now: datetime, done: Done) -> Done:
    """How the last weeks' callers and answers stand beside what the model learnt from, and what was said."""
    lately = [one for one in rows if one.at >= now - timedelta(days=_WATCHED)]
    if len(lately) < FEWEST:
        return done
    drift = drift_of(model, frame_of(lately))
    worst = drift.columns[0] if drift.columns else None
    said = np.asarray([one.probability for one in lately])
    truth = np.asarray([one.label for one in lately], np.float64)
    return replace(
        done,
        psi=None if worst is None else round(worst.psi, 4),
        worst="" if worst is None else worst.column,
        predicted=round(float(said.mean()), 6),
        observed=round(float(truth.mean()), 6),
        calibration=round(abs(float(said.mean() - truth.mean())), 6),
    )


def _month_is_due(past: Sequence[Done], today: date) -> bool:
    """Whether no model has been tried yet this month; where answers are too few, that is asked again each Monday."""
    tried = [one.day for one in past if one.done in ("first", "promoted", "kept")]
    if tried and (tried[-1].year, tried[-1].month) == (today.year, today.month):
        return False
    return today.weekday() == 0 or not past or today.day == 1


# What was done


def read_log(folder: Path) -> list[Done]:
    """Every line that was written, the earliest first; a line that cannot be read is left out."""
    try:
        lines = (folder / LOG).read_text(encoding="utf-8").splitlines()
    except OSError:
        return []
    return [one for one in map(_read, lines) if one is not None]


def _write(folder: Path, found: Sequence[Done]) -> None:
    if not found:
        return
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / LOG).open("a", encoding="utf-8") as file:
        for one in found:
            file.write(json.dumps(asdict(one) | {"day": one.day.isoformat()}, ensure_ascii=False) + "\n")


def _read(line: str) -> Done | None:
    try:
        plain: dict[str, Any] = json.loads(line)
        return Done(**plain | {"day": date.fromisoformat(plain["day"])})
    except (ValueError, TypeError, KeyError):
        return None
