"""Customers, salespeople with their commissions, and seats."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import date
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from policy_db.imports import values as v
from policy_db.imports.kind import Column, Context, Found, Kind, Line, Reference, Row
from policy_db.seat_facts import Seat
from policy_db.seat_rows import values_of
from policy_db.tables import CommissionRow, CustomerRow, PolicyRow, SalespersonRow, SeatRow


class Customers(Kind):
    """Customers, found by their number, or by their ID number where none is given."""

    def _name(self, line: Line) -> None:
        line.key = line.given.get("number", "")
        if not line.key and "id_number" not in line.given and not line.is_wrong:
            line.wrong("key_needed", "number")

    async def find(self, connection: AsyncConnection, lines: Sequence[Line], context: Context) -> None:
        """By customer number, else by ID number; a number that is not there becomes a new customer's."""
        hashes = {
            line.number: context.keys.id_hash(line.given["id_number"])
            for line in lines
            if "id_number" in line.given
        }
        numbers = {line.key for line in lines if line.key}
        query = select(*CustomerRow.__table__.columns).where(
            or_(CustomerRow.number.in_(numbers), CustomerRow.id_hash.in_(set(hashes.values())))
        )
        rows: list[Row] = [dict(row._mapping) for row in await connection.execute(query)] if lines else []
        by_number = {row["number"]: row for row in rows}
        for line in lines:
            same = [row for row in rows if row["id_hash"] == hashes.get(line.number, b"")]
            self._settle(line, by_number.get(line.key), same, hashes.get(line.number))

    def _settle(self, line: Line, named: Row | None, same: Sequence[Row], id_hash: bytes | None) -> None:
        if not line.key and len(same) > 1:
            line.wrong("id_several", "number")
            return
        row = named or (same[0] if same and not line.key else None)
        others = [one["number"] for one in same if row is None or one["number"] != row["number"]]
        if others and (row is None or row["id_hash"] != id_hash):
            line.warn("id_taken", "id_number", other=others[0])
        if row is not None:
            values = {**self._values(row, {}), "id_number": None}
            if row["id_hash"] == id_hash:
                line.given.pop("id_number", None)
            elif "id_number" in line.given:
                values["id_number"] = "•"
            line.found, line.key = Found(row["id"], values, row), row["number"]
            line.given["number"] = row["number"]

    def row_of(self, line: Line, values: Row) -> dict[str, Any]:
        """With the ID number encrypted."""
        row = {name: value for name, value in values.items() if name in CustomerRow.__table__.columns}
        number = str(values["number"])
        if "id_number" in line.given:
            row |= self._sealed(line.given["id_number"], number, line)
        return row

    def _sealed(self, id_number: str, number: str, line: Line) -> dict[str, Any]:
        keys = line.links["keys"]
        return {
            "id_cipher": keys.encrypt(id_number, number),
            "id_hash": keys.id_hash(id_number),
            "id_tail_hash": keys.id_tail_hash(number, id_number),
        }

    def conclude(self, line: Line, context: Context) -> None:
        """A new customer without a number gets one."""
        line.links["keys"] = context.keys
        if not line.is_wrong and line.found is None and not line.key:
            line.given["number"] = line.key = f"C{secrets.randbelow(10**12):012d}"
            line.links["made"] = True
        super().conclude(line, context)

    def told(self, line: Line) -> dict[str, list[str]]:
        """A number that is only made when it is written is not told before."""
        told = super().told(line)
        if line.links.get("made"):
            told["number"] = ["", "…"]
        return told


def _check_customer(line: Line, context: Context) -> None:
    born, number = line.value("born_on"), line.given.get("id_number", "")
    if isinstance(born, date) and born > context.today:
        line.wrong("date", "born_on", value=born.isoformat())
    if v.born_in_id(number) not in (None, born):
        line.warn("id_born", "id_number")


_SEX = v.choice(m="男,male,man", f="女,female,woman")

CUSTOMERS = Customers(
    "customers",
    CustomerRow,
    (
        Column("number", v.code(20), "C000000000017", ("客户号", "客户编号"), ""),
        Column("name", v.text(100), "王小明", ("姓名",)),
        Column("sex", _SEX, "m", ("性别",)),
        Column("born_on", v.day, "1986-08-01", ("出生日期",)),
        Column("id_number", v.id_number, "110101198608010017", ("证件号码", "身份证号"), secret=True),
        Column("phone", v.phone, "+8616012345678", ("电话", "手机"), "", ""),
        Column("email", v.email, "xiaoming@example.com", ("邮箱", "电子邮箱"), "", ""),
        Column("address", v.text(200), "建设路1号", ("地址",), "", ""),
        Column("province", v.text(50), "北京市", ("省份",), "", ""),
        Column("city", v.text(50), "北京市", ("城市",), "", ""),
        Column("postcode", v.text(20), "100020", ("邮编",), "", ""),
        Column("occupation", v.text(50), "医生", ("职业",), "", ""),
        Column("language", v.language, "zh-CN", ("语言",), "", ""),
    ),
    ("number",),
    check=_check_customer,
    beginnings=lambda context: {"created_at": context.now, "pin_hash": None},
)


def _check_salesperson(line: Line, context: Context) -> None:
    hired, left = line.value("hired_on"), line.value("left_on")
    if left is not None and left < hired:
        line.wrong("ends_before", "left_on", last="left_on", first="hired_on")


SALESPEOPLE = Kind(
    "salespeople",
    SalespersonRow,
    (
        Column("number", v.code(20), "1004", ("工号",)),
        Column("name", v.text(100), "赵志刚", ("姓名",)),
        Column("phone", v.phone, "+8616000101004", ("电话", "手机"), "", ""),
        Column("email", v.email, "zhao@example.com", ("邮箱",), "", ""),
        Column("branch", v.text(100), "城东营业部", ("机构", "营业部"), "", ""),
        Column("hired_on", v.day, "2024-03-01", ("入职日期",)),
        Column("left_on", v.day, "", ("离职日期",), None, None),
    ),
    ("number",),
    check=_check_salesperson,
    beginnings=lambda context: {"pin_hash": None},
)

COMMISSIONS = Kind(
    "commissions",
    CommissionRow,
    (
        Column("salesperson", v.code(20), "1001", ("工号",)),
        Column("month", v.month, "2026-10", ("月份",)),
        Column("policy", v.code(20), "86001234", ("保单号",)),
        Column("kind", v.code(20), "first_year", ("类别",)),
        Column("amount", v.amount(least=None), "882.50", ("金额",)),
        Column("currency", v.currency, "CNY", ("币种",), "CNY"),
        Column("paid_on", v.day, "2026-11-05", ("发放日期",), None, None),
    ),
    ("salesperson", "month", "policy", "kind"),
    {
        "salesperson": Reference(SalespersonRow.number, SalespersonRow.id, "salesperson_id", "salesperson"),
        "policy": Reference(PolicyRow.number, PolicyRow.id, "policy_id", "policy"),
    },
)


def _new_seat(context: Context) -> dict[str, Any]:
    beginning = values_of(Seat("", "", ""))
    own = {one.name for one in SEATS.columns}
    return {name: value for name, value in beginning.items() if name not in own}


SEATS = Kind(
    "seats",
    SeatRow,
    (
        Column("id", v.code(64), "seat4", ("坐席", "坐席号")),
        Column("name", v.text(100), "孙悦", ("姓名",)),
        Column("address", v.ring_address, "sip:seat4@192.0.2.7", ("地址", "分机")),
        Column("languages", v.languages, "zh-CN;en", ("语言",), ["zh-CN"]),
        Column("skills", v.levels, "claims=3;policy=2", ("技能",), {}, {}),
        Column("licences", v.codes, "life;property", ("资格", "执业资格"), [], []),
        Column("mailbox", v.code(64), "seat4", ("信箱",), "", ""),
    ),
    ("id",),
    beginnings=_new_seat,
)
