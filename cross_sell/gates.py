"""The hard gates before any score, in their order, each with a code that is logged and shown.

    not_verified → not_policyholder → no_consent → sensitive_matter → matter_unsettled → do_not_call → cool_off
    → frequency, then for each product: owned_or_pending → outside_limits → unsuitable → cannot_afford → vulnerable
    → no_licensed_seat → not_recorded → queue_busy

Pure functions over facts: the first gate that is shut ends the matter, of the caller or of that product. “No offer” is
a normal answer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from functools import lru_cache
from importlib.resources import files
from typing import Any, Final

from ruamel.yaml import YAML

from cross_sell.call_facts import VERIFIED, CallFacts
from cross_sell.limits import Limits
from cross_sell.rules import SellingRules
from policy_db.selling_facts import PENDING, CustomerStanding, Offer, OfferedProduct, OnSale

_MONTH: Final = timedelta(days=30)
_YEAR: Final = timedelta(days=365)
_NO: Final = ("refused", "declined")


@dataclass(frozen=True, slots=True)
class Gate:
    """A gate that was looked at; `product` is empty for those about the caller as a whole."""

    code: str
    open: bool
    product: str = ""

    def told(self) -> dict[str, Any]:
        """For the record."""
        return {"code": self.code, "open": self.open, "product": self.product}


@dataclass(frozen=True, slots=True)
class Facts:
    """What gates look at."""

    call: CallFacts
    standing: CustomerStanding | None
    rules: SellingRules


@dataclass(frozen=True, slots=True)
class Verdict:
    """Every gate looked at, the products that passed all, and the gate that left nothing (empty: something is left)."""

    gates: tuple[Gate, ...]
    open_products: tuple[tuple[OnSale, Limits], ...]
    gate: str


# The caller as a whole


def _verified(facts: Facts) -> bool:
    return facts.call.level >= VERIFIED


def _policyholder(facts: Facts) -> bool:
    """The caller proved to hold a policy, which is this customer's."""
    standing, policy = facts.standing, facts.call.policy
    return standing is not None and any(one.number == policy for one in standing.policies)


def _consented(facts: Facts) -> bool:
    return facts.standing is not None and facts.standing.consents.get("marketing", False)


def _no_sensitive_matter(facts: Facts) -> bool:
    standing = facts.standing
    quiet = standing is not None and not (standing.open_claims or standing.open_complaints)
    return quiet and not facts.call.intents


def _matter_settled(facts: Facts) -> bool:
    return facts.call.matter_settled or facts.call.wants_person


def _may_be_asked(facts: Facts) -> bool:
    return facts.standing is not None and not facts.standing.do_not_call


def _cooled_off(facts: Facts) -> bool:
    """No refusal within the time in which a caller is not asked again."""
    since = facts.call.now - timedelta(days=facts.rules.cool_off_days)
    return not any(one.state in _NO and one.changed_at > since for one in _offers(facts))


def _not_too_often(facts: Facts) -> bool:
    """Offers that were made stay under the caps of a month and of a year; the one of this very call is no second one."""
    earlier = (one for one in _offers(facts) if one.call_id != facts.call.call_id)
    made = [one.at for one in earlier if one.state != "flagged"]
    month = sum(at > facts.call.now - _MONTH for at in made)
    year = sum(at > facts.call.now - _YEAR for at in made)
    return month < facts.rules.offers_30_days and year < facts.rules.offers_365_days


def _offers(facts: Facts) -> Iterable[Offer]:
    return () if facts.standing is None else facts.standing.offers


CALLER_GATES: Final[Mapping[str, Callable[[Facts], bool]]] = {
    "not_verified": _verified,
    "not_policyholder": _policyholder,
    "no_consent": _consented,
    "sensitive_matter": _no_sensitive_matter,
    "matter_unsettled": _matter_settled,
    "do_not_call": _may_be_asked,
    "cool_off": _cooled_off,
    "frequency": _not_too_often,
}

# One product. The caller is known by now.


@dataclass(frozen=True, slots=True)
class ProductFacts:
    """What the gates of one product look at."""

    call: CallFacts
    standing: CustomerStanding
    rules: SellingRules
    product: OnSale
    limits: Limits


def _not_owned(facts: ProductFacts) -> bool:
    code = facts.product.offered.product
    owned = any(one.product == code and one.covers for one in facts.standing.policies)
    pending = any(one.product == code and one.state in PENDING for one in facts.standing.offers)
    return not owned and not pending


def _within_limits(facts: ProductFacts) -> bool:
    limits, standing = facts.limits, facts.standing
    age = age_on(standing.born_on, facts.call.now.date())
    return (
        facts.product.on_sale(facts.call.now.date())
        and max(limits.least_age, facts.product.least_age) <= age
        and age <= min(limits.most_age, facts.product.most_age)
        and limits.takes_place(standing.province, standing.city)
        and standing.occupation not in limits.occupations_refused
        and _insured(facts) + limits.usual_sum <= limits.most_sum
    )


def _insured(facts: ProductFacts) -> Decimal:
    """What the customer is insured for already in the product's class."""
    mine = facts.product.product_class
    return sum(
        (one.sum_insured for one in facts.standing.policies if one.covers and one.product_class == mine),
        Decimal(0),
    )


def _suitable(facts: ProductFacts) -> bool:
    """What it builds on is there, and nothing that does the same."""
    held = [one for one in facts.standing.policies if one.covers]
    classes, codes = {one.product_class for one in held}, {one.product for one in held}
    needed = set(facts.limits.needs)
    return (not needed or bool(needed & classes)) and not codes & set(facts.limits.not_with)


def _affordable(facts: ProductFacts) -> bool:
    """No premium is late, and the new one is no more than a share of what is paid already, or small."""
    policies = [one for one in facts.standing.policies if one.covers]
    if any(one.overdue_days > 0 for one in policies):
        return False
    paid = sum((one.yearly for one in policies), Decimal(0))
    premium = facts.product.offered.premium
    return premium <= facts.limits.small_premium or premium <= facts.limits.most_premium_share * paid


def _not_vulnerable(facts: ProductFacts) -> bool:
    """A caller of great age, or one who seems to have difficulty, is helped by a person and sold nothing on the way."""
    age = age_on(facts.standing.born_on, facts.call.now.date())
    return age < facts.limits.vulnerable_age and not facts.call.vulnerable


PRODUCT_GATES: Final[Mapping[str, Callable[[ProductFacts], bool]]] = {
    "owned_or_pending": _not_owned,
    "outside_limits": _within_limits,
    "unsuitable": _suitable,
    "cannot_afford": _affordable,
    "vulnerable": _not_vulnerable,
}
# Whoever would sell it


def _seat_free(call: CallFacts, offered: OfferedProduct, rules: SellingRules) -> bool:
    return call.seats.free.get(offered.licence, 0) > 0


def _recorded(call: CallFacts, offered: OfferedProduct, rules: SellingRules) -> bool:
    return call.recording


def _queue_short(call: CallFacts, offered: OfferedProduct, rules: SellingRules) -> bool:
    """Whoever waits now still finds a seat after this caller took one, and this caller waits no longer than allowed."""
    soon = call.seats.wait_seconds.get(offered.queue, 0.0) <= rules.most_wait_seconds
    return soon and sum(call.seats.waiting.values()) < call.seats.free.get(offered.licence, 0)


SERVICE_GATES: Final[Mapping[str, Callable[[CallFacts, OfferedProduct, SellingRules], bool]]] = {
    "no_licensed_seat": _seat_free,
    "not_recorded": _recorded,
    "queue_busy": _queue_short,
}
#: After the gates: nothing is offered at all (`off`), no product is (`no_product`), none is worth asking
#: (`below_floor`), or the decision could not be made in time (`failed`).
OTHER_CODES: Final = ("off", "no_product", "below_floor", "failed")
CODES: Final = (*CALLER_GATES, *PRODUCT_GATES, *SERVICE_GATES, *OTHER_CODES)


def look(
    call: CallFacts,
    standing: CustomerStanding | None,
    products: Iterable[tuple[OnSale, Limits]],
    rules: SellingRules,
) -> Verdict:
    """Look at every gate in order; of the caller first, then of each product by itself."""
    gates = list(_looked_at(CALLER_GATES, Facts(call, standing, rules)))
    if standing is None or not gates[-1].open:
        return Verdict(tuple(gates), (), gates[-1].code)
    passed: list[tuple[OnSale, Limits]] = []
    shut: list[str] = []
    for product, limits in products:
        if not product.offered.active:
            continue
        last = _product_gate(ProductFacts(call, standing, rules, product, limits))
        gates.append(last)
        if last.open:
            passed.append((product, limits))
        else:
            shut.append(last.code)
    furthest = max(shut, key=CODES.index, default="no_product")
    return Verdict(tuple(gates), tuple(passed), "" if passed else furthest)


def asked_lately(call: CallFacts, standing: CustomerStanding, rules: SellingRules) -> tuple[str, ...]:
    """Of cool-off and frequency those that are shut, for whoever thinks of asking the customer by themselves."""
    facts = Facts(call, standing, rules)
    return tuple(code for code in ("cool_off", "frequency") if not CALLER_GATES[code](facts))


def shut_for_call(call: CallFacts) -> str:
    """The first gate that the call alone shuts, empty if none: to be asked again before an offer is spoken."""
    if call.level < VERIFIED:
        return "not_verified"
    if call.intents:
        return "sensitive_matter"
    return "" if call.matter_settled or call.wants_person else "matter_unsettled"


def shut_by_service(call: CallFacts, offered: OfferedProduct, rules: SellingRules) -> str:
    """The first gate that the service side shuts for a product, empty if none: to be asked again before an offer."""
    shut = (code for code, is_open in SERVICE_GATES.items() if not is_open(call, offered, rules))
    return next(shut, "")


def age_on(born_on: date, today: date) -> int:
    """Age in full years."""
    return today.year - born_on.year - ((today.month, today.day) < (born_on.month, born_on.day))


@lru_cache(maxsize=1)
def texts() -> dict[str, dict[str, str]]:
    """What each code means, by code and then language."""
    source = files("cross_sell").joinpath("data/gates.yaml").read_text("utf-8")
    content: dict[str, dict[str, str]] = YAML(typ="safe", pure=True).load(source)
    return content


def _looked_at(gates: Mapping[str, Callable[[Facts], bool]], facts: Facts) -> Iterable[Gate]:
    for code, is_open in gates.items():
        gate = Gate(code, is_open(facts))
        yield gate
        if not gate.open:
            return


def _product_gate(facts: ProductFacts) -> Gate:
    """The gate that shuts the product, or an open one without a code."""
    offered = facts.product.offered
    shut = next((code for code, is_open in PRODUCT_GATES.items() if not is_open(facts)), "")
    shut = shut or shut_by_service(facts.call, offered, facts.rules)
    return Gate(shut, not shut, offered.product)
