"""Policies, payments, products and commissions as they are told."""

from __future__ import annotations

import asyncio
from datetime import date, timedelta
from decimal import Decimal

import pytest
from policy_kit import TODAY, Places
from sqlalchemy import select

from policy_db import Money, PolicyDatabase
from policy_db.errors import BadValueError, NotFoundError
from policy_db.facts import NotOffered, Quote
from policy_db.tables import CommissionRow, InstalmentRow, PaymentRow, SalespersonRow


async def test_a_policy_is_told_whole(demo: PolicyDatabase) -> None:
    policy = await demo.policies.find("86001234", TODAY)
    assert policy is not None
    assert (policy.holder, policy.product_key, policy.product_class) == ("王建国", "whole_life", "life")
    assert (policy.sum_insured, policy.premium) == (Money(Decimal("200000.00")), Money(Decimal("3200.00")))
    assert (policy.frequency, policy.ends_on, policy.salesperson) == ("yearly", None, "1001")
    assert [one.key for one in policy.coverages] == ["death", "total_disability"]
    assert [(one.name, one.share) for one in policy.beneficiaries] == [("李秀英", 50), ("王子轩", 50)]
    assert policy in await demo.policies.of_customer(policy.customer, TODAY)


async def test_an_unknown_policy_is_none_everywhere(demo: PolicyDatabase) -> None:
    assert await demo.policies.find("86111111", TODAY) is None
    assert await demo.policies.premium_position("86111111", TODAY) is None
    assert await demo.policies.instalments("86111111") == ()
    assert await demo.policies.of_customer("C0", TODAY) == ()


async def test_status_and_position_agree_on_every_policy_of_the_portfolio(demo: PolicyDatabase) -> None:
    expected = {"in_grace": "grace", "lapsed": "lapsed"}
    for customer in await demo.customers.find_by_phone("+8616000001234"):
        assert await demo.policies.of_customer(customer.number, TODAY)
    async with demo.store.reading() as connection:
        from policy_db.tables import PolicyRow

        numbers = list((await connection.execute(select(PolicyRow.number))).scalars())
    for number in numbers:
        policy = await demo.policies.find(number, TODAY)
        position = await demo.policies.premium_position(number, TODAY)
        assert policy is not None
        assert position is not None
        if position.state in expected:
            assert policy.status == expected[position.state]
        else:
            assert policy.status not in expected.values()


async def test_a_payment_settles_the_oldest_instalments_first(demo: PolicyDatabase) -> None:
    before = await demo.policies.premium_position("86002468", TODAY)
    assert before is not None
    assert (before.state, before.amount.amount) == ("in_grace", Decimal("520.00"))
    booked = await demo.policies.record_payment("86002468", Decimal("700.50"), TODAY, reference="T-1")
    after = await demo.policies.premium_position("86002468", TODAY)
    assert booked
    assert after is not None
    assert (after.state, after.amount.amount) == ("due", Decimal("339.50"))
    assert after.last_paid_on == TODAY
    await demo.policies.record_payment("86002468", Decimal("400.00"), TODAY, reference="T-2")
    paid = [one.paid.amount for one in await demo.policies.instalments("86002468")]
    assert paid[11:] == [Decimal("520.00")] * 3 + [Decimal("60.50")] + [Decimal("0.00")] * (len(paid) - 15)


async def test_a_payment_is_booked_once_however_often_it_is_told(demo: PolicyDatabase) -> None:
    booked = await asyncio.gather(
        *(demo.policies.record_payment("86001234", Decimal(3200), TODAY, reference="T-1") for _ in range(5))
    )
    assert sorted(booked) == [False] * 4 + [True]
    async with demo.store.reading() as connection:
        query = select(PaymentRow.amount).where(PaymentRow.reference == "T-1")
        assert list((await connection.execute(query)).scalars()) == [Decimal("3200.00")]


@pytest.mark.parametrize("amount", ["0", "-5", "99999999"])
async def test_an_amount_that_cannot_be_booked_changes_nothing(demo: PolicyDatabase, amount: str) -> None:
    before = await demo.policies.instalments("86001234")
    with pytest.raises(BadValueError):
        await demo.policies.record_payment("86001234", Decimal(amount), TODAY, reference="T-1")
    assert await demo.policies.instalments("86001234") == before
    with pytest.raises(NotFoundError):
        await demo.policies.record_payment("86111111", Decimal(1), TODAY, reference="T-2")


async def test_what_is_paid_is_the_sum_of_the_payments(demo: PolicyDatabase) -> None:
    from sqlalchemy import func

    async with demo.store.reading() as connection:
        query = (
            select(InstalmentRow.paid, func.sum(PaymentRow.amount, type_=PaymentRow.amount.type))
            .join(PaymentRow, PaymentRow.instalment_id == InstalmentRow.id)
            .group_by(InstalmentRow.id, InstalmentRow.paid)
        )
        rows = list(await connection.execute(query))
    assert rows
    assert all(paid == total for paid, total in rows)


async def test_products_are_told_with_their_limits(demo: PolicyDatabase) -> None:
    codes = [product.code for product in await demo.products.all(TODAY)]
    assert codes == ["101", "102", "201", "202", "301", "401", "501"]
    product = await demo.products.find("101", TODAY)
    assert product is not None
    assert (product.names["zh-CN"], product.terms, product.asks_sex) == ("安康终身寿险", (5, 10, 20), True)
    assert (product.grace_days, product.lapses) == (60, True)
    assert await demo.products.find("999", TODAY) is None
    assert await demo.products.find("101", date(2000, 1, 1)) is None


async def test_a_quote_comes_from_the_rate_table(demo: PolicyDatabase) -> None:
    quote = await demo.products.quote("101", TODAY, age=33, sum_insured=Decimal(200_000), term=20, sex="m")
    assert quote == Quote(Money(Decimal("3200.00")), "yearly", Money(Decimal(200_000)), 20)


async def test_without_a_sex_the_higher_rate_is_quoted(demo: PolicyDatabase) -> None:
    quotes = [
        await demo.products.quote("101", TODAY, age=33, sum_insured=Decimal(200_000), term=20, sex=sex)
        for sex in ("m", "f", None)
    ]
    man, woman, unsaid = [quote.premium.amount for quote in quotes if isinstance(quote, Quote)]
    assert woman < man == unsaid


@pytest.mark.parametrize(
    ("choice", "reason"),
    [
        ({"age": 66}, "age"),
        ({"sum_insured": Decimal(1)}, "sum"),
        ({"sum_insured": Decimal(99_000_000)}, "sum"),
        ({"term": 7}, "term"),
    ],
)
async def test_what_is_not_offered_says_why(
    demo: PolicyDatabase, choice: dict[str, object], reason: str
) -> None:
    wish = {"age": 33, "sum_insured": Decimal(200_000), "term": 20, **choice}
    assert await demo.products.quote("101", TODAY, **wish) == NotOffered(reason)  # type: ignore[arg-type]


async def test_every_age_and_term_on_offer_has_a_rate(demo: PolicyDatabase) -> None:
    for product in await demo.products.all(TODAY):
        for term in product.terms:
            for age in range(product.least_age, product.most_age + 1):
                quote = await demo.products.quote(
                    product.code, TODAY, age=age, sum_insured=product.least_sum.amount, term=term, sex="f"
                )
                assert isinstance(quote, Quote), (product.code, age, term)


async def test_a_commission_is_told_by_the_month(demo: PolicyDatabase) -> None:
    this_month = await demo.sales.commission("1001", TODAY)
    last_month = await demo.sales.commission("1001", date(2026, 2, 28))
    assert this_month is not None
    assert last_month is not None
    assert (this_month.month, this_month.paid.amount, this_month.paid_on) == (date(2026, 3, 1), 0, None)
    assert this_month.pending == this_month.earned
    assert (last_month.month, last_month.pending.amount) == (date(2026, 2, 1), last_month.earned.amount)
    january = await demo.sales.commission("1001", date(2026, 1, 31))
    assert january is not None
    assert (january.year_to_date, january.paid, january.paid_on) == (
        january.earned,
        january.earned,
        date(2026, 2, 15),
    )
    assert last_month.year_to_date.amount == january.earned.amount + last_month.earned.amount


async def test_who_earned_nothing_has_no_commission(demo: PolicyDatabase) -> None:
    assert await demo.sales.commission("9999", TODAY) is None
    assert await demo.sales.commission("1001", date(2001, 1, 1)) is None


async def test_money_clawed_back_counts_against_the_month(demo: PolicyDatabase) -> None:
    before = await demo.sales.commission("1001", TODAY)
    async with demo.store.writing() as connection:
        query = select(SalespersonRow.id).where(SalespersonRow.number == "1001")
        salesperson = (await connection.execute(query)).scalar_one()
        await connection.execute(
            CommissionRow.__table__.insert().values(
                salesperson_id=salesperson,
                month=date(2026, 3, 1),
                kind="claw_back",
                amount=Decimal("-10.01"),
                currency="CNY",
            )
        )
    after = await demo.sales.commission("1001", TODAY)
    assert before is not None
    assert after is not None
    assert after.earned.amount == before.earned.amount - Decimal("10.01")


async def test_a_salesperson_who_has_left_is_unknown(demo: PolicyDatabase, places: Places) -> None:
    from sqlalchemy import update

    async with demo.store.writing() as connection:
        change = update(SalespersonRow).where(SalespersonRow.number == "1001")
        await connection.execute(change.values(left_on=TODAY - timedelta(days=1)))
    check = await demo.identity.check_salesperson("1001", "112233", caller="+861", call_id="c")
    assert check.outcome == "refused"
