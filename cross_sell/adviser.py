"""What to offer to one caller, if anything: gates, scores, ranking and the experiment, decided and written down.

    adviser = Adviser(database, registry, rules, clock=clock, ids=new_id, salt=keys.digest("experiment", ""))
    suggestion = await adviser.advise(call)       # never raises, never takes longer than the rules' patience
    await adviser.offered(suggestion.id)          # and so on, each step of the referral as it happens

`suggestion.offers` says whether there is something to offer; “no offer” is a normal answer, with the gate that was shut.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from time import perf_counter
from typing import Any, Final, Protocol

from cross_sell.call_facts import CallFacts
from cross_sell.experiment import draw, offer_chance
from cross_sell.features import row_of
from cross_sell.gates import Gate, Verdict, look
from cross_sell.limits import Limits, read_limits
from cross_sell.portfolio import suggest_portfolio
from cross_sell.prior import PriorModel
from cross_sell.ranking import Ranked, Scorer, rank
from cross_sell.reasons import reasons_of
from cross_sell.rules import SellingRules
from policy_db import PolicyDatabase
from policy_db.selling_facts import (
    Candidate,
    CustomerStanding,
    OnSale,
    Referral,
    ReferralState,
    Suggestion,
)

#: The name of the model that speaks where nothing was learnt.
PRIOR: Final = "prior"


class ModelRegistry(Protocol):
    """Where trained models are found, by the code of their product."""

    def current(self, name: str, /) -> Any:
        """The model in use, None if there is none."""


@dataclass(frozen=True, slots=True)
class Decision:
    """A suggestion and the referral that it flags, not written down yet."""

    suggestion: Suggestion
    referral: Referral | None


class Adviser:
    """Decides for one company; one per process, shared by its calls."""

    def __init__(
        self,
        database: PolicyDatabase,
        registry: ModelRegistry | None,
        rules: SellingRules,
        *,
        clock: Callable[[], datetime],
        ids: Callable[[], str],
        salt: bytes,
    ) -> None:
        self._database = database
        self._registry = registry
        self._rules = rules
        self._clock = clock
        self._ids = ids
        self._salt = salt
        self._read: dict[tuple[str, int], Limits] = {}

    async def advise(self, call: CallFacts) -> Suggestion:
        """Decide, and write the decision down with the referral that it flags.

        Whatever goes wrong, and if it takes too long, the answer is no offer: arm `none`, gate `failed`.
        """
        began = perf_counter()
        try:
            async with asyncio.timeout(self._rules.patience_seconds):
                decision = await self.decide(call)
                await self._database.suggestions.add(decision.suggestion, decision.referral)
                return decision.suggestion
        except Exception as error:  # a call goes on without an offer, whatever it was
            failed = {"code": "failed", "open": False, "product": "", "why": type(error).__name__}
            return self._nothing(call, "failed", (failed,), began)

    async def decide(self, call: CallFacts) -> Decision:
        """Decide without writing anything down; raises what goes wrong."""
        began = perf_counter()
        if not self._rules.on:
            return Decision(self._nothing(call, "off", (Gate("off", False).told(),), began), None)
        standing = await self._database.suggestions.standing(
            call.customer, call.number, call.now, policy=call.policy
        )
        sold = [(one, self._limits(one)) for one in await self._database.offered.all()]
        verdict = look(call, standing, sold, self._rules)
        gates = tuple(one.told() for one in verdict.gates)
        if verdict.gate or standing is None:
            customer = "" if standing is None else standing.customer
            return Decision(self._nothing(call, verdict.gate, gates, began, customer), None)
        return self._choose(call, standing, verdict, gates, began)

    # What becomes of it

    async def move(
        self,
        referral: str,
        state: ReferralState,
        *,
        who: str,
        note: str = "",
        seat: str | None = None,
        premium: Decimal | None = None,
        policy: str | None = None,
    ) -> Referral:
        """Take a referral on; see `Referrals.move` for what is raised."""
        return await self._database.referrals.move(
            referral, state, who=who, at=self._clock(), note=note, seat=seat, premium=premium, policy=policy
        )

    async def offered(self, referral: str) -> Referral:
        """The question was spoken to the caller."""
        return await self.move(referral, "offered", who="hotline")

    async def accepted(self, referral: str) -> Referral:
        """The caller said yes."""
        return await self.move(referral, "accepted", who="caller")

    async def refused(self, referral: str, note: str = "") -> Referral:
        """The caller said no: they are not asked again until they have cooled off."""
        return await self.move(referral, "refused", who="caller", note=note)

    async def transferred(self, referral: str) -> Referral:
        """The caller was put into the queue."""
        return await self.move(referral, "transferred", who="hotline")

    async def connected(self, referral: str, seat: str) -> Referral:
        """A seat talks with the caller."""
        return await self.move(referral, "connected", who=f"seat:{seat}", seat=seat)

    # Deciding

    def _limits(self, product: OnSale) -> Limits:
        """The limits of an offered product, read once for each version of it."""
        offered = product.offered
        key = (offered.product, offered.version)
        if key not in self._read:
            self._read[key] = read_limits(offered.product, offered.limits)
        return self._read[key]

    def _scorer(self, product: OnSale) -> tuple[Scorer, str]:
        """The model in use for a product and its name, else what is believed of it."""
        code = product.offered.product
        model = None if self._registry is None else self._registry.current(code)
        if model is None:
            return PriorModel(self._limits(product).prior), PRIOR
        return model, str(getattr(model, "version", "") or code)

    def _choose(
        self,
        call: CallFacts,
        standing: CustomerStanding,
        verdict: Verdict,
        gates: tuple[Mapping[str, Any], ...],
        began: float,
    ) -> Decision:
        features = row_of(standing, call)
        scored = []
        for product in verdict.open_products:
            scorer, name = self._scorer(product)
            scored.append((product, self._limits(product), scorer.score(features), name))
        ranked = rank(scored, self._rules)
        eligible = [one.code for one in ranked if one.worth]
        candidates = _candidates(ranked, eligible, self._rules)
        models = {one.code: one.model for one in ranked}
        if not eligible:
            shut = (*gates, Gate("below_floor", False).told())
            return Decision(
                self._nothing(
                    call, "below_floor", shut, began, standing.customer,
                    candidates=candidates, features=features, models=models,
                ),
                None,
            )  # fmt: skip
        drawn = draw(self._salt, standing.customer, eligible, self._rules)
        chosen = next(one for one in ranked if one.code == drawn.product)
        suggestion = Suggestion(
            id=self._ids(),
            call_id=call.call_id,
            customer=standing.customer,
            policy=call.policy,
            decided_at=call.now,
            language=call.language,
            gate="",
            gates=gates,
            arm=drawn.arm,
            product=drawn.product,
            probability=float(chosen.score.probability),
            propensity=drawn.propensity,
            offer_propensity=drawn.offer_propensity,
            candidates=candidates,
            reasons=reasons_of(chosen, features),
            portfolio=suggest_portfolio(ranked, drawn.product, standing, floor=self._rules.floor),
            features=features,
            models=models,
            script=call.script,
            milliseconds=_milliseconds(began),
        )
        known = {one.product for one in standing.offers if one.call_id == call.call_id}
        flags = suggestion.offers and suggestion.product not in known
        return Decision(suggestion, referral_of(suggestion) if flags else None)

    def _nothing(
        self,
        call: CallFacts,
        gate: str,
        gates: tuple[Mapping[str, Any], ...],
        began: float,
        customer: str = "",
        *,
        candidates: tuple[Candidate, ...] = (),
        features: Mapping[str, Any] | None = None,
        models: Mapping[str, str] | None = None,
    ) -> Suggestion:
        return Suggestion(
            id=self._ids(),
            call_id=call.call_id,
            customer=customer,
            policy=call.policy,
            decided_at=call.now,
            language=call.language,
            gate=gate,
            gates=gates,
            arm="none",
            product="",
            probability=None,
            propensity=None,
            offer_propensity=None,
            candidates=candidates,
            reasons=(),
            portfolio=(),
            features=features or {},
            models=models or {},
            script=call.script,
            milliseconds=_milliseconds(began),
        )


def referral_of(suggestion: Suggestion) -> Referral:
    """The referral that a suggestion flags."""
    return Referral(
        id=suggestion.id,
        suggestion=suggestion.id,
        call_id=suggestion.call_id,
        customer=suggestion.customer,
        product=suggestion.product,
        also=suggestion.portfolio[1:],
        script=suggestion.script,
        state="flagged",
        flagged_at=suggestion.decided_at,
        changed_at=suggestion.decided_at,
        referred_by="",
        seat="",
        coordinator="",
        policy="",
        premium=None,
        version=1,
    )


def _candidates(
    ranked: Sequence[Ranked], eligible: Sequence[str], rules: SellingRules
) -> tuple[Candidate, ...]:
    return tuple(
        Candidate(
            product=one.code,
            probability=float(one.score.probability),
            value=round(one.value, 4),
            worth=one.worth,
            chance=offer_chance(one.code, eligible, rules),
            model=one.model,
        )
        for one in ranked
    )


def _milliseconds(began: float) -> float:
    return round((perf_counter() - began) * 1000, 3)
