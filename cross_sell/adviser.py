"""What to offer to one caller, if anything: gates, scores, ranking and the experiment, decided and written down.

    adviser = Adviser(database, registry, rules, clock=clock, ids=new_id, salt=keys.digest("experiment", ""))
    suggestion = await adviser.advise(call)       # never raises, nor takes longer than the rules' patience
    await adviser.offered(suggestion.id)          # and so on, each step of the referral as it happens

`suggestion.offers` says whether there is something to offer; “no offer” is a normal answer, with the gate that was shut.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from time import monotonic, perf_counter
from typing import Any, Final, Protocol

from cross_sell.call_facts import CallFacts
from cross_sell.experiment import draw, offer_chance
from cross_sell.features import row_of
from cross_sell.gates import Gate, Verdict, look
from cross_sell.limits import Limits, Prior, read_limits
from cross_sell.portfolio import suggest_portfolio
from cross_sell.prior import PriorModel
from cross_sell.ranking import Ranked, Scored, Scorer, rank
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
#: For how many seconds the catalogue is taken as it was read; a change on the console is in force after that.
CATALOGUE_SECONDS: Final = 5.0
#: How long writing down that a decision failed may take on top.
_NOTE_SECONDS: Final = 0.2


class ModelRegistry(Protocol):
    """Where trained models are found, by the code of their product, and what is believed until there is one."""

    def current(self, name: str, /) -> Any:
        """The model in use, None if there is none."""

    def belief(self, name: str, given: Prior, /) -> Prior:
        """The catalogue's prior, moved by the answers so far."""


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
        self._sold: tuple[tuple[OnSale, Limits], ...] = ()
        self._sold_until = 0.0

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
            suggestion = self._nothing(call, "failed", (failed,), began)
        with contextlib.suppress(Exception):  # if the database was it, this fails too
            async with asyncio.timeout(_NOTE_SECONDS):
                await self._database.suggestions.add(suggestion)
        return suggestion

    async def decide(self, call: CallFacts) -> Decision:
        """Decide without writing anything down; raises what goes wrong."""
        began = perf_counter()
        if not self._rules.on:
            return Decision(self._nothing(call, "off", (Gate("off", False).told(),), began), None)
        standing = await self._database.suggestions.standing(
            call.customer, call.number, call.now, policy=call.policy
        )
        verdict = look(call, standing, await self._catalogue(), self._rules)
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

    async def _catalogue(self) -> tuple[tuple[OnSale, Limits], ...]:
        """What is offered with its limits, as of a few seconds ago."""
        if monotonic() >= self._sold_until:
            sold = await self._database.offered.all()
            self._sold = tuple((one, read_limits(one.offered.product, one.offered.limits)) for one in sold)
            self._sold_until = monotonic() + CATALOGUE_SECONDS
        return self._sold

    def _scorer(self, product: OnSale, limits: Limits) -> tuple[Scorer, str]:
        """The model in use for a product and its name, else what is believed of it."""
        code = product.offered.product
        if self._registry is None:
            return PriorModel(limits.prior), PRIOR
        model = self._registry.current(code)
        if model is None:
            return PriorModel(self._registry.belief(code, limits.prior)), PRIOR
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
        ranked = rank(self._scores(verdict, features), self._rules)
        eligible = [one.code for one in ranked if one.worth]
        considered = replace(
            self._nothing(call, "", gates, began, standing.customer),
            candidates=_candidates(ranked, eligible, self._rules),
            features=features,
            models={one.code: one.model for one in ranked},
        )
        if not eligible:
            shut = (*gates, Gate("below_floor", False).told())
            return Decision(replace(considered, gate="below_floor", gates=shut), None)
        drawn = draw(self._salt, standing.customer, eligible, self._rules)
        chosen = next(one for one in ranked if one.code == drawn.product)
        suggestion = replace(
            considered,
            arm=drawn.arm,
            product=drawn.product,
            probability=float(chosen.score.probability),
            propensity=drawn.propensity,
            offer_propensity=drawn.offer_propensity,
            reasons=reasons_of(chosen, features),
            portfolio=suggest_portfolio(ranked, drawn.product, standing, floor=self._rules.floor),
            milliseconds=_milliseconds(began),
        )
        known = {one.product for one in standing.offers if one.call_id == call.call_id}
        flags = suggestion.offers and suggestion.product not in known
        return Decision(suggestion, referral_of(suggestion) if flags else None)

    def _scores(
        self, verdict: Verdict, features: Mapping[str, Any]
    ) -> Iterator[tuple[OnSale, Limits, Scored, str]]:
        for product, limits in verdict.open_products:
            scorer, name = self._scorer(product, limits)
            yield product, limits, scorer.score(features), name

    def _nothing(
        self,
        call: CallFacts,
        gate: str,
        gates: tuple[Mapping[str, Any], ...],
        began: float,
        customer: str = "",
    ) -> Suggestion:
        return Suggestion(
            id=self._ids(),
            call_id=call.call_id,
            customer=customer or call.customer,
            policy=call.policy if customer or call.customer else "",
            decided_at=call.now,
            language=call.language,
            gate=gate,
            gates=gates,
            arm="none",
            product="",
            probability=None,
            propensity=None,
            offer_propensity=None,
            candidates=(),
            reasons=(),
            portfolio=(),
            features={},
            models={},
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
