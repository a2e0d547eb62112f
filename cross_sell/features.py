"""What models are told of a caller: a row of plain values from the customer's standing and the call so far.

The same code makes the row in a call and the rows that models learn from; everything in it was known at that moment.
Never in it: health details, ethnicity, religion, the length of a call, and what a seat notes afterwards. A `silent`
feature counts and is never told as a reason, because it is a sensitive trait or one could be inferred from it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any, Final

from cross_sell.call_facts import CallFacts
from cross_sell.gates import age_on
from policy_db.selling_facts import CustomerStanding, HeldPolicy

_YEAR: Final = timedelta(days=365)
_MONTH_DAYS: Final = 30.44


def _told(kind: str, zh: str, en: str) -> dict[str, Any]:
    return {"kind": kind, "text": {"zh-CN": zh, "en": en}}


def _silent(kind: str) -> dict[str, Any]:
    return {"kind": kind, "use": "silent"}


#: Every feature, as `cross_sell.Schema.of` reads it.
FEATURES: Final[Mapping[str, Mapping[str, Any]]] = {
    # What the customer has
    "policies": _told("number", "有效保单数", "policies in force"),
    "has_life": _told("flag", "已有寿险", "life cover held"),
    "has_health_cover": _told("flag", "已有健康险", "health cover held"),
    "has_motor": _told("flag", "已有车险", "motor cover held"),
    "has_property": _told("flag", "已有家财险", "home cover held"),
    "has_accident": _told("flag", "已有意外险", "accident cover held"),
    "years_with_us": _told("number", "成为客户的年数", "years as a customer"),
    "months_since_new": _told("number", "距上次投保的月数", "months since the latest policy began"),
    "months_to_end": _told("number", "距最近到期的月数", "months until the next policy ends"),
    "single_line": _told("flag", "只有一类保障", "cover of one kind only"),
    "pays_yearly": _told("flag", "按年交费", "pays by the year"),
    # What this call was about
    "asked_products": _told("flag", "本次咨询过产品", "asked about products in this call"),
    "asked_quote": _told("flag", "本次试算过保费", "asked for a quote in this call"),
    "asked_policy": _told("flag", "本次查询过保单", "asked about a policy in this call"),
    "asked_premium": _told("flag", "本次查询过保费", "asked about a premium in this call"),
    # What came of earlier offers
    "said_yes_before": _told("flag", "以前有过购买意向", "was interested before"),
    "offers_year": _silent("number"),
    "months_since_offer": _silent("number"),
    # Sensitive, or a sign of something sensitive
    "age": _silent("number"),
    "province": _silent("category"),
    "occupation": _silent("category"),
    "language": _silent("category"),
    "yearly_premium": _silent("number"),
    "largest_sum": _silent("number"),
    "lapsed": _silent("flag"),
    "things_claims": _silent("number"),
    "calls_30": _silent("number"),
    "wants_person": _silent("flag"),
    "waited": _silent("number"),
    "repeats": _silent("number"),
    "hour": _silent("number"),
    "weekday": _silent("ordinal"),
}
#: What a flow that was visited says of the call.
_ASKED: Final = {
    "asked_products": {"products", "policy_benefits", "insurance_knowledge"},
    "asked_quote": {"premium_quote"},
    "asked_policy": {"policy_enquiry", "basic_status", "policy_service_guide"},
    "asked_premium": {"premium_enquiry"},
}
_HAS: Final = {
    "has_life": "life",
    "has_health_cover": "health",
    "has_motor": "motor",
    "has_property": "property",
    "has_accident": "accident",
}


def row_of(standing: CustomerStanding, call: CallFacts) -> dict[str, Any]:
    """The row of a caller; None where something is not known."""
    return _policies(standing, call.now.date()) | _call(call) | _person(standing, call)


def told_features() -> frozenset[str]:
    """The features that a reason may name."""
    return frozenset(name for name, facts in FEATURES.items() if facts.get("use") != "silent")


def _policies(standing: CustomerStanding, today: date) -> dict[str, Any]:
    held = [one for one in standing.policies if one.covers]
    begun = [one.started_on for one in standing.policies if one.started_on <= today]
    classes = {one.product_class for one in held}
    return {
        "policies": len(held),
        **{name: kind in classes for name, kind in _HAS.items()},
        "years_with_us": round((today - min(begun)).days / 365.25, 1) if begun else None,
        "months_since_new": _months(today - max(begun)) if begun else None,
        "months_to_end": _months_to_end(held, today),
        "single_line": len(classes) == 1,
        "pays_yearly": any(one.frequency == "yearly" for one in held),
        "yearly_premium": float(sum(one.yearly for one in held)),
        "largest_sum": float(max((one.sum_insured for one in held), default=0)),
        "lapsed": any(one.status == "lapsed" for one in standing.policies),
    }


def _months_to_end(held: list[HeldPolicy], today: date) -> float | None:
    ends = [one.ends_on for one in held if one.ends_on is not None and one.ends_on >= today]
    return _months(min(ends) - today) if ends else None


def _months(span: timedelta) -> float:
    return round(span.days / _MONTH_DAYS, 1)


def _call(call: CallFacts) -> dict[str, Any]:
    flows = set(call.flows)
    return {
        **{name: bool(flows & visited) for name, visited in _ASKED.items()},
        "wants_person": call.wants_person,
        "waited": round(call.waited, 1),
        "repeats": call.repeats,
        "hour": call.now.hour,
        "weekday": call.now.weekday(),
        "language": call.language,
    }


def _person(standing: CustomerStanding, call: CallFacts) -> dict[str, Any]:
    made = [one for one in standing.offers if one.state != "flagged"]
    latest = max((one.at for one in made), default=None)
    return {
        "age": age_on(standing.born_on, call.now.date()),
        "province": standing.province or None,
        "occupation": standing.occupation or None,
        "things_claims": standing.things_claims,
        "calls_30": standing.calls_30,
        "said_yes_before": any(one.state in _YES for one in made),
        "offers_year": sum(one.at > call.now - _YEAR for one in made),
        "months_since_offer": None if latest is None else _months(call.now - latest),
    }


_YES: Final = ("accepted", "transferred", "connected", "quoted", "sold", "declined")
