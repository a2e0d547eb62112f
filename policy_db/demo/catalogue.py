"""The products the demonstration insurer sells, with their rate tables."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, Final

from policy_db.demo.batch import Batch
from policy_db.demo.data import load_csv, load_yaml
from policy_db.facts import Sex
from policy_db.tables import ProductRow, RateRow

#: What one instalment is of a year's premium, and how many months it is for.
INSTALMENTS: Final = {
    "monthly": (Decimal("0.09"), 1),
    "quarterly": (Decimal("0.26"), 3),
    "yearly": (Decimal(1), 12),
    "single": (Decimal(1), 12),
}


@dataclass(frozen=True, slots=True)
class Rate:
    """One line of a rate table: yuan a year for 1,000 of sum insured."""

    sex: str
    age_from: int
    age_to: int
    term: int
    rate: Decimal


@dataclass(frozen=True, slots=True)
class DemoProduct:
    """A product with the number of its row; `facts` is its entry in `products.yaml`."""

    id: int
    facts: dict[str, Any]
    rates: tuple[Rate, ...]

    def premium(self, age: int, sex: Sex, term: int, sum_insured: Decimal, frequency: str) -> Decimal | None:
        """One instalment for these choices, None where the table has no rate."""
        for one in self.rates:
            if one.term == term and one.age_from <= age <= one.age_to and one.sex in (sex, "any"):
                year = sum_insured * one.rate / 1000
                return (year * INSTALMENTS[frequency][0]).quantize(Decimal("0.01"), ROUND_HALF_UP)
        return None


def add_products(batch: Batch) -> dict[str, DemoProduct]:
    """Put every product and its rates on the pile; gives them by code."""
    rates = _rates()
    products = {}
    for facts in load_yaml("products.yaml"):
        code = facts["code"]
        row = batch.add(ProductRow, **_product_values(facts))
        products[code] = DemoProduct(row, facts, tuple(rates[code]))
        for one in rates[code]:
            batch.add(
                RateRow,
                product_id=row,
                sex=one.sex,
                age_from=one.age_from,
                age_to=one.age_to,
                term=one.term,
                rate=one.rate,
            )
    return products


def _product_values(facts: dict[str, Any]) -> dict[str, Any]:
    return {
        "code": facts["code"],
        "key": facts["key"],
        "product_class": facts["class"],
        "names": facts["names"],
        "summary": facts["summary"],
        "terms": facts["terms"],
        "currency": "CNY",
        "least_age": facts["ages"][0],
        "most_age": facts["ages"][1],
        "least_sum": Decimal(facts["sums"][0]),
        "most_sum": Decimal(facts["sums"][1]),
        "frequency": facts["frequency"],
        "grace_days": facts["grace_days"],
        "lapses": facts["lapses"],
        "on_sale_from": date(2010, 1, 1),
        "on_sale_to": None,
    }


def _rates() -> dict[str, list[Rate]]:
    tables: dict[str, list[Rate]] = defaultdict(list)
    for line in load_csv("rates.csv"):
        tables[line["code"]].append(
            Rate(
                line["sex"],
                int(line["age_from"]),
                int(line["age_to"]),
                int(line["term"]),
                Decimal(line["rate"]),
            )
        )
    return tables
