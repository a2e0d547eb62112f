"""Policies with what they cover, their instalments, and the payments for them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from decimal import Decimal

from sqlalchemy import bindparam, select
from sqlalchemy.ext.asyncio import AsyncConnection

from policy_db.imports import values as v
from policy_db.imports.kind import Column, Context, Kind, Line, Reference, Row
from policy_db.tables import (
    BeneficiaryRow,
    CoverageRow,
    CustomerRow,
    InstalmentRow,
    PaymentRow,
    PolicyRow,
    ProductRow,
    SalespersonRow,
)
from policy_db.writes import insert

_POLICY = {"policy": Reference(PolicyRow.number, PolicyRow.id, "policy_id", "policy")}
_FREQUENCY = v.choice(monthly="月缴,月交", quarterly="季缴,季交", yearly="年缴,年交", single="趸缴,趸交")


def _check_policy(line: Line, context: Context) -> None:
    start = line.value("started_on")
    for name in ("ends_on", "surrendered_on"):
        if line.value(name) is not None and line.value(name) < start:
            line.wrong("ends_before", name, last=name, first="started_on")


POLICIES = Kind(
    "policies",
    PolicyRow,
    (
        Column("number", v.code(20), "86009001", ("保单号",)),
        Column("customer", v.code(20), "C000000000017", ("客户号", "客户编号")),
        Column("product", v.code(10), "101", ("产品代码",)),
        Column("salesperson", v.code(20), "1001", ("工号",), None, None),
        Column("insured", v.text(100), "王小明", ("被保险人",)),
        Column("sum_insured", v.amount(positive=True), "200000.00", ("保额", "保险金额")),
        Column("premium", v.amount(), "3200.00", ("保费",)),
        Column("currency", v.currency, "CNY", ("币种",), "CNY"),
        Column("frequency", _FREQUENCY, "yearly", ("缴费方式",)),
        Column("started_on", v.day, "2026-01-01", ("起保日期", "生效日期")),
        Column("ends_on", v.day, "", ("终止日期",), None, None),
        Column("surrendered_on", v.day, "", ("退保日期",), None, None),
    ),
    ("number",),
    {
        "customer": Reference(CustomerRow.number, CustomerRow.id, "customer_id", "customer"),
        "product": Reference(ProductRow.code, ProductRow.id, "product_id", "product"),
        "salesperson": Reference(SalespersonRow.number, SalespersonRow.id, "salesperson_id", "salesperson"),
    },
    check=_check_policy,
    beginnings=lambda context: {"created_at": context.now},
)

COVERAGES = Kind(
    "coverages",
    CoverageRow,
    (
        Column("policy", v.code(20), "86009001", ("保单号",)),
        Column("key", v.code(40), "death", ("责任键",)),
        Column("name", v.text(100), "身故保险金", ("责任名称",)),
        Column("sum_insured", v.amount(), "200000.00", ("保额",)),
        Column("deductible", v.amount(), "0.00", ("免赔额",), Decimal("0.00")),
        Column("position", v.whole(0, 999), "0", ("顺序",), 0),
    ),
    ("policy", "key"),
    _POLICY,
)

BENEFICIARIES = Kind(
    "beneficiaries",
    BeneficiaryRow,
    (
        Column("policy", v.code(20), "86009001", ("保单号",)),
        Column("rank", v.whole(1, 9), "1", ("顺位",), 1),
        Column("name", v.text(100), "李秀英", ("姓名",)),
        Column("relation", v.text(40), "spouse", ("关系",)),
        Column("share", v.amount(positive=True), "100.00", ("份额",)),
    ),
    ("policy", "rank", "name"),
    _POLICY,
    check=lambda line, context: (
        line.wrong("between", "share", least=0, most=100) if line.value("share") > 100 else None
    ),
)


class Instalments(Kind):
    """Instalments; what is paid already stays paid."""

    async def find(self, connection: AsyncConnection, lines: Sequence[Line], context: Context) -> None:
        """Besides, from when to when the policies run."""
        await super().find(connection, lines, context)
        ids = {line.links["policy"] for line in lines}
        query = select(PolicyRow.id, PolicyRow.started_on, PolicyRow.ends_on).where(PolicyRow.id.in_(ids))
        spans = (
            {row.id: (row.started_on, row.ends_on) for row in await connection.execute(query)} if ids else {}
        )
        for line in lines:
            start, end = spans[line.links["policy"]]
            if line.given["due_on"] < start:
                line.wrong("before_start", "due_on")
            elif end is not None and line.given["due_on"] > end:
                line.wrong("frequency_due", "due_on")


def _check_instalment(line: Line, context: Context) -> None:
    paid = Decimal(0) if line.found is None else line.found.extra["paid"]
    if line.value("amount") < paid:
        line.wrong("below_paid", "amount", paid=paid)


INSTALMENTS = Instalments(
    "instalments",
    InstalmentRow,
    (
        Column("policy", v.code(20), "86009001", ("保单号",)),
        Column("due_on", v.day, "2026-01-01", ("应缴日期", "到期日")),
        Column("amount", v.amount(positive=True), "3200.00", ("金额", "应缴金额")),
    ),
    ("policy", "due_on"),
    _POLICY,
    check=_check_instalment,
    beginnings=lambda context: {"paid": Decimal("0.00"), "paid_on": None},
)


class Payments(Kind):
    """Payments, booked to the earliest unpaid instalments; a reference is booked once and never changed."""

    async def match(self, connection: AsyncConnection, lines: Sequence[Line], context: Context) -> None:
        """Share each payment out over what is still open, the earlier lines of the file counted."""
        await self.refer(connection, lines)
        good = [line for line in lines if not line.is_wrong]
        booked = await self._booked(connection, [line.given["reference"] for line in good])
        open_by_policy = await self._open(connection, {line.links["policy"] for line in good}, context)
        for line in good:
            there = booked.get(line.given["reference"])
            if there is None:
                self._fill(line)
                self._share(line, open_by_policy[line.links["policy"]], context)
            elif set(there) == {line.given["policy"]} and there[line.given["policy"]] == line.given.get(
                "amount"
            ):
                line.outcome = "same"
            else:
                policy, amount = next(iter(there.items()))
                line.wrong("reference_other", "reference", policy=policy, amount=amount)
        for line in lines:
            if line.is_wrong:
                line.outcome = "wrong"

    async def _booked(
        self, connection: AsyncConnection, references: Sequence[str]
    ) -> dict[str, dict[str, Decimal]]:
        """What is booked under references: policy and sum."""
        found: dict[str, dict[str, Decimal]] = defaultdict(lambda: defaultdict(Decimal))
        query = (
            select(PaymentRow.reference, PolicyRow.number, PaymentRow.amount)
            .join(InstalmentRow, InstalmentRow.id == PaymentRow.instalment_id)
            .join(PolicyRow, PolicyRow.id == InstalmentRow.policy_id)
            .where(PaymentRow.reference.in_(references))
        )
        for row in await connection.execute(query) if references else ():
            found[row.reference][row.number] += row.amount
        return found

    async def _open(
        self, connection: AsyncConnection, policies: set[int], context: Context
    ) -> dict[int, list[Row]]:
        rows: dict[int, list[Row]] = {policy: [] for policy in policies}
        query = (
            select(InstalmentRow.id, InstalmentRow.policy_id, InstalmentRow.amount, InstalmentRow.paid)
            .where(InstalmentRow.policy_id.in_(policies), InstalmentRow.paid < InstalmentRow.amount)
            .order_by(InstalmentRow.due_on)
        )
        for row in await connection.execute(query) if policies else ():
            rows[row.policy_id].append(dict(row._mapping))
        return rows

    def _share(self, line: Line, instalments: Sequence[Row], context: Context) -> None:
        if line.is_wrong:
            return
        taken: dict[int, Decimal] = context.memory.setdefault("taken", defaultdict(Decimal))
        rest = {one["id"]: one["amount"] - one["paid"] - taken[one["id"]] for one in instalments}
        left, shares = line.given["amount"], {}
        for instalment, room in rest.items():
            if left > 0 and room > 0:
                shares[instalment] = min(left, room)
                left -= shares[instalment]
        if left > 0:
            line.wrong("too_much", "amount", open=sum(max(room, Decimal(0)) for room in rest.values()))
            return
        for instalment, share in shares.items():
            taken[instalment] += share
        line.links["shares"] = shares
        line.changes = {name: (None, value) for name, value in line.given.items()}
        line.outcome = "added"

    async def write(self, connection: AsyncConnection, lines: Sequence[Line], context: Context) -> None:
        """Book the shares, and count them up on their instalments."""
        payments, sums = [], []
        for line in lines:
            given = line.given
            for instalment, share in line.links.get("shares", {}).items() if line.outcome == "added" else ():
                booked = {name: given[name] for name in ("paid_on", "method", "reference")}
                payments.append({"instalment_id": instalment, "amount": share, **booked})
                sums.append({"which": instalment, "share": share, "day": given["paid_on"]})
        if not payments:
            return
        await connection.execute(insert(context.store, PaymentRow), payments)
        table = InstalmentRow.__table__
        add = table.update().where(table.c.id == bindparam("which"))  # type: ignore[attr-defined]
        paid = table.c.paid + bindparam("share", type_=table.c.paid.type)
        await connection.execute(
            add.values(paid=paid, paid_on=bindparam("day", type_=table.c.paid_on.type)), sums
        )
        context.memory.pop("taken", None)


PAYMENTS = Payments(
    "payments",
    PaymentRow,
    (
        Column("policy", v.code(20), "86009001", ("保单号",)),
        Column("reference", v.code(64), "P20260101-0001", ("流水号",)),
        Column("amount", v.amount(positive=True), "3200.00", ("金额",)),
        Column("paid_on", v.day, "2026-01-01", ("付款日期",)),
        Column("method", v.code(20), "transfer", ("付款方式",), "transfer"),
    ),
    ("policy", "reference"),
    _POLICY,
)
