"""An experiment written straight into the database: people in arms, what became of their offers, what models did."""

from __future__ import annotations

import json
import random
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

from cross_sell.experiment import chances, offer_chance
from cross_sell.rules import SellingRules
from policy_db import PolicyDatabase
from policy_db.selling_facts import Candidate, Referral, ReferralStep, Suggestion
from policy_db.simulated import Day, Simulated

RULES = SellingRules()
RANKED = ("401", "501")


async def run_experiment(database: PolicyDatabase, people: int = 500, *, days_ago: int = 120) -> None:
    """So many people, eligible one after another; one of twelve who was offered something bought."""
    rng, day, now = random.Random(5), Day(), database.clock()
    for number in range(people):
        at = now - timedelta(days=days_ago) + timedelta(days=number / 10)
        draw = rng.random()
        arm = "holdout" if draw < 0.08 else "random" if draw < 0.13 else "offer"
        product = rng.choice(RANKED) if arm == "random" else RANKED[0]
        made = _suggestion(number, arm, product, at)
        day.decisions.append(made)
        if made.offers:
            _refer(day, made, number, sold=rng.random() < 0.12)
    day.decisions += [_nothing(number, now - timedelta(days=90)) for number in range(40)]
    await Simulated(database).write(day)


def watch(folder: Path) -> None:
    """Two weeks of a model's days."""
    folder.mkdir(parents=True)
    lines = [
        {
            "day": f"2026-03-{day:02}", "product": "401", "done": "promoted" if day == 1 else "observed",
            "outcomes": 12, "version": "20260301-1-abc", "intercept": -1.5 + 0.01 * day, "psi": 0.28, "worst": "age",
            "predicted": 0.2, "observed": 0.22, "calibration": 0.02, "gain": 0.01 if day == 1 else None,
            "p": 0.01 if day == 1 else None,
        }
        for day in range(1, 15)
    ]  # fmt: skip
    (folder / "daily.jsonl").write_text("".join(json.dumps(one) + "\n" for one in [*lines, "no line"]))


def _suggestion(number: int, arm: str, product: str, at) -> Suggestion:
    every = chances(RANKED, RULES)
    candidates = tuple(
        Candidate(code, 0.2, 20 - place, True, offer_chance(code, RANKED, RULES), "prior")
        for place, code in enumerate(RANKED)
    )
    return Suggestion(
        id=f"x{number}", call_id=f"xc{number}", customer=f"X{number}", policy="", decided_at=at, language="zh-CN",
        gate="", gates=(), arm=arm, product=product, probability=0.2, propensity=every[arm, product],
        offer_propensity=1 - RULES.holdout, candidates=candidates, reasons=(), portfolio=(product,), features={},
        models={}, script="standard" if number % 2 else "short", milliseconds=1.0,
    )  # fmt: skip


def _nothing(number: int, at) -> Suggestion:
    return Suggestion(
        id=f"n{number}", call_id=f"nc{number}", customer=f"N{number}", policy="", decided_at=at, language="zh-CN",
        gate="no_consent", gates=(), arm="none", product="", probability=None, propensity=None,
        offer_propensity=None, candidates=(), reasons=(), portfolio=(), features={}, models={}, script="standard",
        milliseconds=1.0,
    )  # fmt: skip


def _refer(day: Day, made: Suggestion, number: int, *, sold: bool) -> None:
    state = "sold" if sold else "refused"
    when = made.decided_at + timedelta(days=2 if sold else 0, seconds=40)
    day.begun.append(
        Referral(
            id=made.id, suggestion=made.id, call_id=made.call_id, customer=made.customer, product=made.product,
            also=(), script=made.script, state=state, flagged_at=made.decided_at, changed_at=when, referred_by="",
            seat=f"seat{number % 3 + 1}" if sold else "", coordinator="", policy="",
            premium=Decimal(360) if sold else None, version=2,
        )
    )  # fmt: skip
    day.steps += [
        (made.id, ReferralStep(0, "flagged", made.decided_at, "hotline", "")),
        (made.id, ReferralStep(1, "offered", made.decided_at, "hotline", "")),
        (made.id, ReferralStep(2, state, when, "caller", "")),
    ]
