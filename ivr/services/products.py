"""Products on offer and what they cost; open to every caller."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

from ivr.flow.values import Money
from ivr.services.policies import flow_money
from ivr.services.registry import Outcome, ServiceContext, service
from ivr.services.types import BOOLEAN, DIGITS, INTEGER, MONEY, PROMPT, code, optional, record
from ivr.services.words import FREQUENCIES, PRODUCT_CLASSES, product_about, product_name
from policy_db.facts import NotOffered

if TYPE_CHECKING:
    from policy_db import PolicyDatabase

_PRODUCT: Final = record(
    code=DIGITS, name=PROMPT, about=PROMPT, product_class=code(*PRODUCT_CLASSES),
    least_age=INTEGER, most_age=INTEGER, least_sum=MONEY, most_sum=MONEY,
    least_term=INTEGER, most_term=INTEGER, pay_frequency=code(*FREQUENCIES), asks_sex=BOOLEAN,
)  # fmt: skip
_QUOTE: Final = record(premium=MONEY, per=code(*FREQUENCIES), sum=MONEY, term=INTEGER)


class ProductServices:
    """Products, their terms, and the premium for a caller's own choices."""

    def __init__(self, database: PolicyDatabase) -> None:
        self._database = database

    @service("product.find", inputs={"code": DIGITS}, outcomes={"ok": _PRODUCT, "not_found": None})
    async def find(self, context: ServiceContext, code: str) -> Outcome:
        """A product by its code: ages, sums and terms it is offered for."""
        product = await self._database.products.find(code, context.now.date())
        if product is None:
            return Outcome("not_found")
        return Outcome(value={
            "code": product.code, "name": product_name(product.key), "about": product_about(product.key),
            "product_class": product.product_class, "least_age": product.least_age,
            "most_age": product.most_age, "least_sum": flow_money(product.least_sum),
            "most_sum": flow_money(product.most_sum), "least_term": min(product.terms),
            "most_term": max(product.terms), "pay_frequency": product.frequency,
            "asks_sex": product.asks_sex,
        })  # fmt: skip

    @service("product.quote",
             inputs={"code": DIGITS, "age": INTEGER, "sum": MONEY, "term": INTEGER, "sex": optional(code("m", "f"))},
             outcomes={"ok": _QUOTE, "not_offered": record(reason=code("age", "sum", "term")),
                       "not_found": None})  # fmt: skip
    async def quote(
        self,
        context: ServiceContext,
        code: str,
        age: int,
        sum: Money,  # noqa: A002 - the word of the flows
        term: int,
        sex: Literal["m", "f"] | None,
    ) -> Outcome:
        """The premium from the rate table, or why the product is not offered for these choices."""
        answer = await self._database.products.quote(
            code, context.now.date(), age=age, sum_insured=sum.amount, term=term, sex=sex
        )
        if answer is None:
            return Outcome("not_found")
        if isinstance(answer, NotOffered):
            return Outcome("not_offered", {"reason": answer.reason})
        return Outcome(value={
            "premium": flow_money(answer.premium), "per": answer.per,
            "sum": flow_money(answer.sum_insured), "term": answer.term,
        })  # fmt: skip
