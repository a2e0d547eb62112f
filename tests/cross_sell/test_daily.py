"""What models learn from, and the daily job that lets them."""

from __future__ import annotations

import math
import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest

from cross_sell.daily import LOG, Refit, read_log
from cross_sell.limits import read_limits
from cross_sell.registry import Registry
from cross_sell.snapshots import TARGET, frame_of, read_rows
from policy_db.selling_facts import Candidate, Suggestion

NOW = datetime(2027, 3, 1, 2, tzinfo=UTC)
ONE = Suggestion(
    id="s0", call_id="c0", customer="C0", policy="", decided_at=NOW, language="en", gate="", gates=(), arm="offer",
    product="401", probability=0.3, propensity=0.87, offer_propensity=0.92,
    candidates=(Candidate("401", 0.3, 9.0, True, 0.92, "prior"),), reasons=(), portfolio=(), features={}, models={},
    script="standard", milliseconds=1.0,
)  # fmt: skip


class FakeHistory:
    """Decisions and the steps of their referrals, as a database tells them."""

    def __init__(self) -> None:
        self.made: list[Suggestion] = []
        self.taken: dict[str, list[tuple[str, datetime]]] = {}
        self.limits: dict[str, object] = {"prior": {"accepts": 0.1, "weight": 50}}
        self.suggestions = self.proofs = self
        self.offered = SimpleNamespace(all=self._all)

    async def _all(self):
        return (SimpleNamespace(offered=SimpleNamespace(product="401", limits=self.limits)),)

    def add(self, at: datetime, *states: tuple[str, timedelta], arm="offer", **features) -> None:
        name = f"s{len(self.made)}"
        self.made.append(replace(ONE, id=name, customer=name, decided_at=at, arm=arm, features=features))
        self.taken[name] = [("flagged", at), *((state, at + later) for state, later in states)]

    async def each(self, since, until, *, arm=""):
        for one in self.made:
            if since <= one.decided_at < until and one.arm == arm:
                yield one

    async def steps(self, since, until):
        return self.taken


def asked(yes: bool):
    return (("offered", timedelta()), ("accepted" if yes else "refused", timedelta(minutes=1)))


def callers(
    history: FakeHistory, count: int, *, first: datetime, days: float, seed: int = 1, level=-1.0
) -> None:
    """Callers who say yes the more often the more policies they have."""
    rng = random.Random(seed)
    for number in range(count):
        policies = rng.randint(0, 4)
        yes = rng.random() < 1 / (1 + math.exp(-(level + 0.9 * (policies - 2))))
        at = first + timedelta(days=days * number / count)
        history.add(at, *asked(yes), policies=policies, has_motor=rng.random() < 0.5)


async def test_what_came_after_the_delay_or_is_too_young_is_not_learnt_from() -> None:
    history = FakeHistory()
    history.add(NOW - timedelta(days=60), ("offered", timedelta()), ("sold", timedelta(days=44)))
    history.add(NOW - timedelta(days=60), ("offered", timedelta()), ("sold", timedelta(days=50)))
    history.add(NOW - timedelta(days=10), ("offered", timedelta()), ("sold", timedelta(days=1)))
    rows = await read_rows(history, NOW - timedelta(days=365), NOW, label="sold")
    assert [(row.suggestion, row.label) for row in rows] == [("s0", True), ("s1", False)]
    later = await read_rows(history, NOW - timedelta(days=365), NOW + timedelta(days=100), label="sold")
    assert [row.label for row in later] == [True, False, True]


async def test_who_was_held_out_or_not_asked_is_no_row() -> None:
    history = FakeHistory()
    history.add(NOW - timedelta(days=5), arm="holdout")
    history.add(NOW - timedelta(days=5))
    history.add(NOW - timedelta(days=5), ("lost", timedelta(minutes=1)))
    history.add(NOW - timedelta(days=5), *asked(True), arm="random", policies=2, secret=3)
    (row,) = await read_rows(history, NOW - timedelta(days=30), NOW)
    (plain,) = frame_of([row])
    assert (row.label, row.chance, plain["policies"], plain[TARGET]) == (True, 0.92, 2, True)
    assert "secret" not in plain


@pytest.fixture
def learning(tmp_path: Path):
    history = FakeHistory()
    clock = SimpleNamespace(now=NOW)
    registry = Registry(tmp_path, clock=lambda: clock.now)
    job = Refit(history, registry, tmp_path, clock=lambda: clock.now, candidates=("scorecard",), jobs=1)
    return SimpleNamespace(history=history, clock=clock, registry=registry, job=job, folder=tmp_path)


async def test_a_first_model_is_used_only_if_it_does_better_than_what_callers_were_judged_by(
    learning,
) -> None:
    callers(learning.history, 250, first=NOW - timedelta(days=200), days=190)
    (done,) = await learning.job.run()
    assert (done.done, learning.registry.current("401")) == ("believed", None)
    callers(learning.history, 900, first=NOW - timedelta(days=200), days=190, seed=2)
    learning.clock.now += timedelta(days=7)
    (done,) = await learning.job.run()
    assert done.done == "first"
    assert done.gain > 0
    assert done.p < 0.05
    model = learning.registry.current("401")
    assert model.score({"policies": 4}).probability > 0.5 > model.score({"policies": 0}).probability


async def test_until_there_is_a_model_answers_move_what_is_believed_each_once(learning) -> None:
    given = read_limits("401", learning.history.limits).prior
    (done,) = await learning.job.run()
    assert (done.done, learning.registry.belief("401", given)) == ("waiting", given)
    for number in range(20):
        learning.history.add(NOW - timedelta(days=3), *asked(number < 7))
    for day in (1, 2):
        learning.clock.now += timedelta(days=1)
        (done,) = await learning.job.run()
        assert (done.done, done.outcomes) == ("believed", 20 if day == 1 else 0)
        assert learning.registry.belief("401", given).accepts == pytest.approx((5 + 7) / 70)
    learning.history.limits = {
        "prior": {"accepts": 0.5, "weight": 10}
    }  # the catalogue thinks otherwise: counted anew
    other = read_limits("401", learning.history.limits).prior
    assert learning.registry.belief("401", other) == other
    learning.clock.now += timedelta(days=1)
    await learning.job.run()
    assert learning.registry.belief("401", other).accepts == pytest.approx((5 + 7) / 30)


async def test_a_model_that_is_no_better_is_not_put_to_use(learning) -> None:
    rng = random.Random(3)
    for number in range(800):
        at = NOW - timedelta(days=190) + timedelta(hours=5 * number)
        learning.history.add(at, *asked(rng.random() < 0.3), policies=rng.randint(0, 4))
    (done,) = await learning.job.run(learn=True)
    assert done.done == "kept"
    assert learning.registry.current("401") is None


async def test_the_intercept_follows_the_latest_outcomes_and_each_outcome_is_learnt_once(learning) -> None:
    callers(learning.history, 1200, first=NOW - timedelta(days=200), days=190)
    await learning.job.run()
    before = learning.registry.current("401").intercept
    callers(learning.history, 400, first=NOW - timedelta(days=1), days=1, seed=4, level=1.5)
    learning.clock.now += timedelta(days=1, hours=6)
    (done,) = await learning.job.run()
    assert done.outcomes == 400
    assert done.done == "observed"
    assert done.intercept > before + 0.2
    assert done.observed > done.predicted
    assert done.state in ("steady", "watch", "shifted")
    assert await learning.job.run() == ()
    (again,) = await learning.job.run(learn=False)
    assert again.outcomes == 0
    assert again.intercept == pytest.approx(done.intercept, abs=1e-3)


async def test_what_fails_is_noted_and_a_damaged_line_of_the_log_is_left_out(learning, monkeypatch) -> None:
    callers(learning.history, 400, first=NOW - timedelta(days=100), days=90)
    monkeypatch.setattr("cross_sell.daily.fit", lambda *_args, **_more: 1 / 0)
    (done,) = await learning.job.run()
    assert (done.done, done.worst) == ("failed", "ZeroDivisionError")
    with (learning.folder / LOG).open("a") as file:
        file.write("{}\nno line\n")
    assert [one.done for one in read_log(learning.folder)] == ["failed"]
    assert read_log(learning.folder / "nowhere") == []
