"""What models learn from: each decision as it was made, with what became of it once that can be known.

A row is `suggestions.features`, written when the decision was made, so nothing that came later is in it. The label is
what the caller had answered, or bought, within a delay; a decision younger than the delay has none, and is not shown,
however the caller answered: early answers are not like late ones. Only callers who were really asked are rows: those
held out, or who rang off before the question, have not answered anything.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Literal

from cross_sell.features import FEATURES
from policy_db.database import PolicyDatabase
from policy_db.selling_facts import Suggestion

Label = Literal["accepted", "sold"]
#: Days after which an answer, or a sale, is taken as final.
DELAYS: Final[Mapping[Label, int]] = {"accepted": 1, "sold": 45}
TARGET: Final = "label"
_ASKED: Final = frozenset(
    {"offered", "accepted", "transferred", "connected", "quoted", "sold", "declined", "refused"}
)
_YES: Final = frozenset({"accepted", "transferred", "connected", "quoted", "sold", "declined"})


@dataclass(frozen=True, slots=True)
class Row:
    """One decision to learn from: when, about which product, features, what came of it, and its logged chance."""

    suggestion: str
    customer: str
    at: datetime
    product: str
    features: Mapping[str, Any]
    label: bool
    probability: float
    chance: float


async def read_rows(
    database: PolicyDatabase,
    since: datetime,
    as_of: datetime,
    *,
    label: Label = "accepted",
    delay: int | None = None,
) -> tuple[Row, ...]:
    """The decisions since then whose outcome was settled at `as_of`, in the order of their making.

    What happened after the delay, or after `as_of`, is not looked at: the same call gives the same rows ever after.
    """
    wait = timedelta(days=DELAYS[label] if delay is None else delay)
    until = as_of - wait
    if until <= since:
        return ()
    steps = await database.proofs.steps(since, until)
    rows = []
    for made in await _offers(database, since, until):
        known = {state for state, at in steps.get(made.id, ()) if at <= made.decided_at + wait}
        if known & _ASKED:
            rows.append(_row(made, _is_yes(known, label)))
    return tuple(rows)


def _is_yes(states: Iterable[str], label: Label) -> bool:
    return bool(set(states) & (_YES if label == "accepted" else {"sold"}))


async def _offers(database: PolicyDatabase, since: datetime, until: datetime) -> list[Suggestion]:
    found = [
        made for arm in ("offer", "random") async for made in database.suggestions.each(since, until, arm=arm)
    ]
    return sorted(found, key=lambda made: (made.decided_at, made.id))


def _row(made: Suggestion, label: bool) -> Row:
    chance = next((one.chance for one in made.candidates if one.product == made.product), 0.0)
    return Row(
        suggestion=made.id,
        customer=made.customer,
        at=made.decided_at,
        product=made.product,
        features={name: made.features.get(name) for name in FEATURES},
        label=label,
        probability=made.probability or 0.0,
        chance=chance,
    )


def frame_of(rows: Iterable[Row]) -> list[dict[str, Any]]:
    """As `cross_sell.fit` and `Model.observe` read them: features, and the target `label`."""
    return [{**one.features, TARGET: one.label} for one in rows]
