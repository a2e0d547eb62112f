"""What the tests of selling share: a caller for whom every gate is open, and products to offer."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Any

from cross_sell.call_facts import CallFacts, ServiceSide
from cross_sell.limits import Limits, read_limits
from policy_db.demo.data import load_yaml
from policy_db.offered_products import read_offered
from policy_db.selling_facts import CustomerStanding, HeldPolicy, Offer, OnSale

NOW = datetime(2026, 3, 10, 2, 0, tzinfo=UTC)
MOTOR = HeldPolicy(
    number="86000001",
    product="301",
    product_class="motor",
    status="in_force",
    sum_insured=Decimal(180000),
    yearly=Decimal(4200),
    frequency="yearly",
    started_on=date(2022, 6, 1),
    ends_on=date(2026, 5, 31),
    overdue_days=0,
)
STANDING = CustomerStanding(
    customer="C1",
    at=NOW,
    born_on=date(1986, 8, 1),
    sex="m",
    province="北京市",
    city="北京市",
    occupation="工程师",
    language="zh-CN",
    phone="+8616000000001",
    policies=(MOTOR,),
    consents={"marketing": True},
    open_claims=0,
    open_complaints=0,
    things_claims=0,
    do_not_call=False,
    offers=(),
    calls_30=1,
)
SIDE = ServiceSide(free={"life": 1, "health": 1, "property": 1})
CALL = CallFacts(
    call_id="call-1",
    policy="86000001",
    number="+8616000000001",
    level=2,
    language="zh-CN",
    now=NOW,
    flows=("main", "policy_enquiry"),
    matter_settled=True,
    recording=True,
    seats=SIDE,
)


@lru_cache(maxsize=1)
def on_sale() -> tuple[OnSale, ...]:
    """The products of the demonstration, as the database gives them."""
    plain = {one["code"]: one for one in load_yaml("products.yaml")}
    return tuple(_on_sale(one, plain[one.product]) for one in read_offered(load_yaml("offered.yaml")))


def _on_sale(offered: Any, facts: dict[str, Any]) -> OnSale:
    return OnSale(
        offered=offered,
        key=facts["key"],
        names=facts["names"],
        product_class=facts["class"],
        least_age=facts["ages"][0],
        most_age=facts["ages"][1],
        least_sum=Decimal(facts["sums"][0]),
        most_sum=Decimal(facts["sums"][1]),
        on_sale_from=date(2010, 1, 1),
        on_sale_to=None,
    )


def sold(code: str = "501", **limits: Any) -> tuple[OnSale, Limits]:
    """One product with its limits, some of them changed."""
    product = next(one for one in on_sale() if one.offered.product == code)
    return product, replace(read_limits(code, product.offered.limits), **limits)


def offer(days_ago: float, state: Any = "lost", product: str = "401", call: str = "earlier") -> Offer:
    """An earlier referral."""
    at = NOW - timedelta(days=days_ago)
    return Offer(product, state, at, at, call)
