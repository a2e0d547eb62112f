"""The portfolio itself: people, policies and what happened to them, as rows on a pile."""

from __future__ import annotations

import random
from collections import Counter as Tally
from collections import defaultdict
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from policy_db.demo.batch import Batch
from policy_db.demo.catalogue import DemoProduct, add_products
from policy_db.demo.fixed import fixed, fixed_person, fixed_plan
from policy_db.demo.people import Person, random_name, random_person, vocabulary
from policy_db.demo.plans import Plan, random_plan
from policy_db.demo.selling import SellingHistory, add_offered
from policy_db.keys import Keys
from policy_db.pins import PinHasher
from policy_db.standing import months_after
from policy_db.tables import (
    BeneficiaryRow,
    ClaimAnswerRow,
    ClaimRow,
    CommissionRow,
    ComplaintRow,
    ConsentRow,
    Counter,
    CoverageRow,
    CustomerRow,
    InstalmentRow,
    PaymentRow,
    PolicyRow,
    SalespersonRow,
)

_PAPERS = ("id_card", "bank_account", "medical_record", "invoice", "accident_report")
_GRIEVANCES = ("服务态度", "理赔时效", "扣费争议")
_POLICY_NUMBERS = 1_000_000
_CLAIM_FATES = ("reported", "reviewing", "approved", "paid", "paid", "paid", "declined", "missing_documents")


class Portfolio:
    """Makes the rows of a demonstration, the same for the same seed and day (salts and nonces apart)."""

    def __init__(self, batch: Batch, keys: Keys, *, seed: int, today: date) -> None:
        self._batch = batch
        self._keys = keys
        self._rng = random.Random(seed)  # noqa: S311  it makes up people, not keys
        self._today = today
        self._now = datetime.combine(today, time(1), UTC)
        # These PINs protect nobody: hashes are salted but of the least cost, so that a large portfolio is
        # built in minutes; the first right PIN replaces its hash by a strong one.
        self._pins = PinHasher.cheap()
        self._products: dict[str, DemoProduct] = {}
        self._salespeople: dict[str, int] = {}
        self._sold: dict[int, list[int]] = defaultdict(list)
        self._series: Tally[str] = Tally()
        self._people = 0
        self._numbers = 0
        self._selling = SellingHistory(batch, seed=seed, today=today)
        self._taken = {entry["number"] for entry in fixed()["policies"]}

    def add_company(self, customers: int) -> None:
        """Products, and a salesperson for every hundred customers."""
        self._products = add_products(self._batch)
        add_offered(self._batch, self._now)
        for entry in fixed()["salespeople"]:
            self._add_salesperson(entry["number"], entry["name"], entry["phone"], entry["pin"])
        for index in range(4, 4 + customers // 100):
            number = f"{1000 + index}"
            name = random_name(self._rng, self._rng.choice(("m", "f")))
            phone = f"+861600020{index:05d}"
            self._add_salesperson(number, name, phone, f"{self._rng.randrange(10**6):06d}")

    def add_fixed(self) -> None:
        """The policies that every demonstration holds."""
        for entry in fixed()["policies"]:
            person = fixed_person(entry, self._rng)
            customer, number = self._add_customer(person, entry["consents"])
            self._selling.add_fixed(number, entry)
            plan = fixed_plan(entry, self._products, self._today)
            policy = self._add_policy(plan, customer, person, self._salespeople[entry["salesperson"]])
            for one in entry.get("beneficiaries", ()):
                self._add_beneficiary(policy, one["name"], one["relation"], Decimal(one["share"]))
            if "claim" in entry:
                self._add_claim(policy, plan, person, **_fixed_claim(entry["claim"], self._today))
            if "complaint" in entry:
                opened_on = self._today - timedelta(days=entry["complaint"]["days_ago"])
                self._add_complaint(policy, customer, opened_on, entry["complaint"]["subject"], "open")

    def add_customer(self) -> None:
        """One more customer with one to three policies."""
        self._people += 1
        person = random_person(self._rng, self._people, self._today)
        customer, number = self._add_customer(person)
        plans = []
        for _ in range(self._rng.choices((1, 2, 3), (68, 25, 7))[0]):
            plan = random_plan(self._rng, self._next_number(), self._products, person, self._today)
            salesperson = self._rng.choice(list(self._salespeople.values()))
            policy = self._add_policy(plan, customer, person, salesperson)
            self._add_fortune(policy, plan, customer, person)
            plans.append(plan)
        self._selling.add(number, person.phone, plans)

    def add_rest(self) -> None:
        """What follows from the whole: commissions, and the last number used of every series."""
        for salesperson in self._salespeople.values():
            self._add_commissions(salesperson)
        for name, value in self._series.items():
            self._batch.add_plain(Counter, name=name, value=value)

    def _next_number(self) -> str:
        while True:
            self._numbers += 1
            number = f"86{self._numbers * 48271 % _POLICY_NUMBERS:06d}"
            if number not in self._taken:
                return number

    def _add_salesperson(self, number: str, name: str, phone: str, pin: str) -> None:
        self._salespeople[number] = self._batch.add(
            SalespersonRow,
            number=number,
            name=name,
            phone=phone,
            email=f"sales{number}@example.com",
            branch=self._rng.choice(vocabulary()["branches"]),
            hired_on=self._today - timedelta(days=self._rng.randint(400, 5000)),
            left_on=None,
            pin_hash=self._pins.hash_now(pin),
        )

    def _add_customer(self, person: Person, consents: dict[str, bool] | None = None) -> tuple[int, str]:
        """A customer's row and number; `consents` are their latest words, drawn where they are not given."""
        number = f"C{self._rng.randrange(10**12):012d}"
        customer = self._batch.add(
            CustomerRow,
            number=number,
            name=person.name,
            sex=person.sex,
            born_on=person.born_on,
            id_cipher=self._keys.encrypt(person.id_number, number),
            id_hash=self._keys.id_hash(person.id_number),
            id_tail_hash=self._keys.id_tail_hash(number, person.id_number),
            pin_hash=self._pins.hash_now(person.pin),
            phone=person.phone,
            email=person.email,
            address=person.address,
            province=person.province,
            city=person.city,
            postcode=person.postcode,
            occupation=person.occupation,
            language=person.language,
            created_at=self._now,
        )
        drawn = self._draw_consents()
        for purpose, (given, days) in drawn.items() if consents is None else _said(consents):
            self._batch.add(
                ConsentRow,
                customer_id=customer,
                purpose=purpose,
                given=given,
                at=self._now - timedelta(days=days),
                source="form:application",
            )
        return customer, number

    def _draw_consents(self) -> dict[str, tuple[bool, int]]:
        """What they said to each purpose they were asked about, and how many days ago."""
        said, rng = {}, self._rng
        for purpose, asked in (("recording", 0.95), ("marketing", 0.75)):
            if rng.random() < asked:
                given = rng.random() < (0.98 if purpose == "recording" else 0.8)
                said[purpose] = (given, rng.randint(1, 1500))
        return said

    def _add_policy(self, plan: Plan, customer: int, person: Person, salesperson: int) -> int:
        policy = self._batch.add(
            PolicyRow,
            number=plan.number,
            customer_id=customer,
            product_id=plan.product.id,
            salesperson_id=salesperson,
            insured=person.name,
            sum_insured=plan.sum_insured,
            premium=plan.premium,
            currency="CNY",
            frequency=plan.frequency,
            started_on=plan.started_on,
            ends_on=plan.ends_on,
            surrendered_on=plan.surrendered_on,
            created_at=self._now,
        )
        self._sold[salesperson].append(policy)
        for position, benefit in enumerate(plan.product.facts["benefits"]):
            self._batch.add(
                CoverageRow,
                policy_id=policy,
                position=position,
                key=benefit["key"],
                name=benefit["name"],
                sum_insured=_benefit_sum(benefit, plan.sum_insured),
                deductible=Decimal(benefit.get("deductible", 0)),
            )
        for due_on, paid in plan.due_until(self._today + timedelta(days=366)):
            self._add_instalment(policy, plan, due_on, paid=paid)
        return policy

    def _add_instalment(self, policy: int, plan: Plan, due_on: date, *, paid: bool) -> None:
        paid_on = min(due_on - timedelta(days=self._rng.randint(0, 12)), self._today) if paid else None
        instalment = self._batch.add(
            InstalmentRow,
            policy_id=policy,
            due_on=due_on,
            amount=plan.premium,
            paid=plan.premium if paid else Decimal(0),
            paid_on=paid_on,
        )
        if paid:
            self._batch.add(
                PaymentRow,
                instalment_id=instalment,
                amount=plan.premium,
                paid_on=paid_on,
                method=self._rng.choice(("transfer", "debit", "wechat", "alipay")),
                reference=f"P{instalment:012d}",
            )

    def _add_fortune(self, policy: int, plan: Plan, customer: int, person: Person) -> None:
        """Beneficiaries, and now and then a claim or a complaint."""
        rng, today = self._rng, self._today
        if plan.product.facts["class"] in ("life", "accident"):
            self._add_beneficiary(policy, "法定继承人", "heirs", Decimal(100))
        running = (today - plan.started_on).days
        if running > 30 and rng.random() < 0.05:
            reported_on = today - timedelta(days=rng.randint(1, min(running, 300)))
            self._add_claim(policy, plan, person, reported_on, rng.choice(_CLAIM_FATES))
        if running > 10 and rng.random() < 0.01:
            opened_on = today - timedelta(days=rng.randint(1, min(running, 200)))
            status = rng.choice(("open", "in_progress", "closed", "closed", "closed"))
            self._add_complaint(
                policy, customer, opened_on, rng.choice(("服务态度", "理赔时效", "扣费争议")), status
            )

    def _add_beneficiary(self, policy: int, name: str, relation: str, share: Decimal) -> None:
        self._batch.add(BeneficiaryRow, policy_id=policy, rank=1, name=name, relation=relation, share=share)

    def _add_claim(
        self,
        policy: int,
        plan: Plan,
        person: Person,
        reported_on: date,
        status: str,
        paid: Decimal | None = None,
    ) -> None:
        story = vocabulary()["claim_stories"][plan.product.facts["class"]]
        at = datetime.combine(reported_on, time(2), UTC)
        if status == "paid" and paid is None:
            paid = (plan.sum_insured * self._rng.randint(1, 40) / 1000).quantize(Decimal("0.01"))
        claim = f"{self._rng.getrandbits(128):032x}"
        self._batch.add_plain(
            ClaimRow,
            id=claim,
            number=f"{reported_on:%y%m%d}{self._count('claim', reported_on):06d}",
            policy_id=policy,
            policy_said=plan.number,
            caller=person.phone,
            level=1,
            call_id="",
            status=status,
            kind=story["kind"],
            begun_at=at,
            saved_at=at,
            submitted_at=at,
            reported_on=reported_on,
            paid=paid if status == "paid" else None,
            currency="CNY",
            missing=self._rng.choice(_PAPERS) if status == "missing_documents" else None,
            broken_off=False,
            key=None,
        )
        happened = reported_on - timedelta(days=self._rng.randint(0, 3))
        answers = {
            "when": happened.isoformat(),
            "kind": story["kind"],
            "hurt": "no",
            "where": person.address,
            "what": story["what"],
        }
        for question, value in answers.items():
            self._batch.add_plain(ClaimAnswerRow, claim_id=claim, field=question, value=value, saved_at=at)

    def _add_complaint(self, policy: int, customer: int, opened_on: date, subject: str, status: str) -> None:
        self._batch.add(
            ComplaintRow,
            number=f"{opened_on:%y%m%d}{self._count('complaint', opened_on):04d}",
            customer_id=customer,
            policy_id=policy,
            opened_on=opened_on,
            closed_on=min(opened_on + timedelta(days=10), self._today) if status == "closed" else None,
            status=status,
            channel="phone",
            subject=subject,
        )

    def _add_commissions(self, salesperson: int) -> None:
        """Fourteen months of commissions; a month is paid on the fifteenth of the next."""
        this_month = self._today.replace(day=1)
        for back in range(14):
            month = months_after(this_month, -back)
            payday = months_after(month, 1).replace(day=15)
            for _ in range(self._rng.randint(3, 8)):
                self._batch.add(
                    CommissionRow,
                    salesperson_id=salesperson,
                    policy_id=self._rng.choice(self._sold[salesperson]) if self._sold[salesperson] else None,
                    month=month,
                    kind=self._rng.choice(("first_year", "renewal", "renewal")),
                    amount=Decimal(self._rng.randint(5_000, 120_000)).scaleb(-2),
                    currency="CNY",
                    paid_on=payday if payday <= self._today else None,
                )

    def _count(self, series: str, day: date) -> int:
        name = f"{series}:{day:%y%m%d}"
        self._series[name] += 1
        return self._series[name]


def _said(consents: dict[str, bool]) -> list[tuple[str, tuple[bool, int]]]:
    """The consents of a fixed person, as given a year ago."""
    return [(purpose, (given, 365)) for purpose, given in consents.items()]


def _benefit_sum(benefit: dict[str, Any], sum_insured: Decimal) -> Decimal:
    if "sum" in benefit:
        return Decimal(benefit["sum"])
    return (sum_insured * Decimal(benefit["share"]) / 100).quantize(Decimal("0.01"))


def _fixed_claim(entry: dict[str, Any], today: date) -> dict[str, Any]:
    return {
        "reported_on": today - timedelta(days=entry["days_ago"]),
        "status": entry["status"],
        "paid": Decimal(entry["paid"]) if "paid" in entry else None,
    }
