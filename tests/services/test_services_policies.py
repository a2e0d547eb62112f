from datetime import date, timedelta
from decimal import Decimal

from ivr.flow.values import Money

TODAY = date(2026, 3, 10)


def yuan(amount: str) -> Money:
    return Money(Decimal(amount))


async def test_the_demonstrated_life_policy_owes_3200_yuan_in_ten_days(caller):
    await caller.verify("86001234", "011234", "246810")
    due = await caller.ask("policy.premium", policy_no="86001234")

    assert due.outcome == "ok"
    assert due.value["state"] == "due"
    assert due.value["amount"] == yuan("3200.00")
    assert due.value["due_on"] == TODAY + timedelta(days=10)
    assert due.value["days_until_due"] == 10
    assert due.value["last_paid"] == yuan("3200.00")


async def test_a_policy_is_told_with_its_product_sum_and_number_of_benefits(caller):
    await caller.verify("86001234", "011234", "246810")
    policy = (await caller.ask("policy.details", policy_no="86001234")).value

    assert policy["product"] == "product_name.whole_life"
    assert (policy["product_class"], policy["status"], policy["frequency"]) == ("life", "in_force", "yearly")
    assert policy["sum_insured"] == yuan("200000.00")
    assert policy["ends_on"] is None
    assert (policy["coverages"], policy["beneficiaries"]) == (2, 2)


async def test_benefits_are_told_one_by_one_until_there_are_no_more(caller):
    await caller.verify("86007777", "081026", "864209")
    items = [await caller.ask("policy.coverage", policy_no="86007777", index=index) for index in (1, 2, 3)]

    assert [item.value["name"] for item in items] == [
        "coverage_name.hospital", "coverage_name.critical_treatment", "coverage_name.out_patient",
    ]  # fmt: skip
    assert [item.value["more"] for item in items] == [True, True, False]
    assert items[0].value["deductible"] == yuan("10000.00")
    assert items[1].value["deductible"] is None
    for index in (0, 4):
        beyond = await caller.ask("policy.coverage", policy_no="86007777", index=index)
        assert beyond.outcome == "not_found"


async def test_a_motor_premium_45_days_overdue_has_no_grace(caller):
    await caller.verify("86005678", "150128", "135790")
    due = await caller.ask("policy.premium", policy_no="86005678")

    assert (due.outcome, due.value["state"], due.value["days_overdue"]) == ("ok", "overdue", 45)
    policy = await caller.ask("policy.details", policy_no="86005678")
    assert due.value["amount"] == policy.value["premium"]


async def test_a_monthly_premium_20_days_overdue_is_in_grace(caller):
    await caller.verify("86002468", "120242", "112358")
    due = await caller.ask("policy.premium", policy_no="86002468")

    assert (due.outcome, due.value["state"]) == ("ok", "in_grace")
    assert due.value["grace_until"] == due.value["due_on"] + timedelta(days=60)


async def test_a_lapsed_policy_tells_since_when_and_until_when_it_can_be_reinstated(caller):
    await caller.verify("86009999", "200031", "975310")
    lapsed = await caller.ask("policy.premium", policy_no="86009999")

    assert lapsed.outcome == "lapsed"
    assert lapsed.value["can_reinstate"] is True
    assert lapsed.value["owed"] == yuan("1850.00")
    assert lapsed.value["lapsed_on"] < TODAY < lapsed.value["reinstate_until"]


async def test_a_policy_paid_at_once_has_nothing_due_and_nothing_to_come(caller):
    await caller.verify("86003579", "210510", "314159")
    nothing = await caller.ask("policy.premium", policy_no="86003579")

    assert nothing.outcome == "nothing_due"
    assert nothing.value["next_due_on"] is None
    assert nothing.value["next_amount"] is None
    assert nothing.value["last_paid"] == yuan("650.00")


async def test_a_premium_due_in_five_months_is_not_due_yet_but_told(caller):
    await caller.verify("86007777", "081026", "864209")
    later = await caller.ask("policy.premium", policy_no="86007777")

    assert later.outcome == "nothing_due"
    assert later.value["next_due_on"] == TODAY + timedelta(days=150)
    policy = await caller.ask("policy.details", policy_no="86007777")
    assert later.value["next_amount"] == policy.value["premium"]


async def test_an_open_complaint_is_told_and_a_policy_without_one_has_none(caller):
    await caller.verify("86007777", "081026", "864209")
    open_one = await caller.ask("complaint.open", policy_no="86007777")
    await caller.verify("86001234", "011234", "246810")
    none = await caller.ask("complaint.open", policy_no="86001234")

    assert open_one.outcome == "ok"
    assert open_one.value["since"] == TODAY - timedelta(days=5)
    assert none.outcome == "none"


async def test_the_claim_under_review_is_told_with_its_kind_and_day(caller):
    await caller.verify("86007777", "081026", "864209")
    claim = await caller.ask("claim.status", policy_no="86007777")

    assert claim.outcome == "ok"
    assert (claim.value["kind"], claim.value["status"], claim.value["count"]) == ("illness", "reviewing", 1)
    assert claim.value["reported_on"] == TODAY - timedelta(days=12)
    assert claim.value["missing"] is None


async def test_a_paid_claim_tells_the_amount_and_a_kind_that_has_a_prompt(caller):
    await caller.verify("86004680", "030063", "271828")
    claim = await caller.ask("claim.status", policy_no="86004680")

    assert (claim.value["status"], claim.value["kind"]) == ("paid", "property")
    assert claim.value["paid"] == yuan("12860.50")


async def test_a_policy_without_a_claim_has_none(caller):
    await caller.verify("86001234", "011234", "246810")

    assert (await caller.ask("claim.status", policy_no="86001234")).outcome == "none"


async def test_a_product_is_found_by_code_with_its_limits(caller):
    product = await caller.ask("product.find", code="101")
    unknown = await caller.ask("product.find", code="999")

    assert product.value["name"] == "product_name.whole_life"
    assert product.value["about"] == "product_about.whole_life"
    assert (product.value["least_age"], product.value["most_age"]) == (0, 65)
    assert (product.value["least_term"], product.value["most_term"]) == (5, 20)
    assert product.value["most_sum"] == yuan("5000000.00")
    assert unknown.outcome == "not_found"


async def test_a_quote_follows_the_rate_table_in_proportion_to_the_sum(caller):
    choices = {"code": "101", "age": 30, "term": 20, "sex": "m"}
    one = await caller.ask("product.quote", sum=yuan("100000"), **choices)
    three = await caller.ask("product.quote", sum=yuan("300000"), **choices)

    assert one.outcome == three.outcome == "ok"
    assert abs(three.value["premium"].amount - 3 * one.value["premium"].amount) <= Decimal("0.02")
    assert (one.value["per"], one.value["term"], one.value["sum"]) == ("yearly", 20, yuan("100000"))


async def test_a_quote_says_which_choice_is_outside_what_is_offered(caller):
    asked = {"code": "101", "age": 30, "term": 20, "sum": yuan("100000")}
    reasons = [
        (await caller.ask("product.quote", **{**asked, **change})).value["reason"]
        for change in ({"age": 66}, {"sum": yuan("1")}, {"term": 7})
    ]
    unknown = await caller.ask("product.quote", **{**asked, "code": "999"})

    assert reasons == ["age", "sum", "term"]
    assert unknown.outcome == "not_found"
