"""The people and policies that every demonstration holds."""

from __future__ import annotations

import random
from datetime import date, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Any

from policy_db.demo.catalogue import INSTALMENTS, DemoProduct
from policy_db.demo.data import load_yaml
from policy_db.demo.people import Person, check_digit, random_address, vocabulary
from policy_db.demo.plans import Plan
from policy_db.facts import DemoPolicy
from policy_db.standing import months_after


@lru_cache(maxsize=1)
def fixed() -> dict[str, Any]:
    """The content of `fixed.yaml`."""
    content: dict[str, Any] = load_yaml("fixed.yaml")
    return content


def demo_table() -> list[DemoPolicy]:
    """The policies to try: number, what it shows, last six of the ID number, PIN; then the salespeople."""
    policies = [
        DemoPolicy(one["number"], one["shows"], one["holder"]["tail"], one["holder"]["pin"])
        for one in fixed()["policies"]
    ]
    salespeople = [
        DemoPolicy(
            one["number"],
            {"zh-CN": f"业务员{one['name']}的佣金", "en": "A salesperson's commission"},
            "",
            one["pin"],
        )
        for one in fixed()["salespeople"]
    ]
    return policies + salespeople


def fixed_person(entry: dict[str, Any], rng: random.Random) -> Person:
    """The holder of a fixed policy."""
    holder = entry["holder"]
    first17 = holder["id"]
    place = vocabulary()["places"][holder["place"]]
    address = random_address(rng, place)
    drawn = rng.choice(vocabulary()["occupations"])
    return Person(
        name=holder["name"],
        sex=holder["sex"],
        born_on=date(int(first17[6:10]), int(first17[10:12]), int(first17[12:14])),
        id_number=first17 + check_digit(first17),
        pin=holder["pin"],
        phone=holder["phone"],
        email=f"policy{entry['number']}@example.com",
        address=address,
        province=place["province"],
        city=place["city"],
        postcode=place["postcode"],
        occupation=holder.get("occupation", drawn),
        language="zh-CN",
    )


def fixed_plan(entry: dict[str, Any], products: dict[str, DemoProduct], today: date) -> Plan:
    """A fixed policy as of today."""
    frequency = entry["frequency"]
    step = INSTALMENTS[frequency][1]
    if "started" in entry:
        next_due = months_after(today + timedelta(days=entry["started"]), step)
    else:
        next_due = today + timedelta(days=entry["next_due"])
    return Plan(
        number=entry["number"],
        product=products[entry["product"]],
        term=entry["term"],
        sum_insured=Decimal(entry["sum"]),
        premium=Decimal(str(entry["premium"])),
        frequency=frequency,
        paid=entry.get("paid_instalments", entry["years"] * 12 // step),
        next_due=next_due,
    )
