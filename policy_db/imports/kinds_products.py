"""Products, and their rate tables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from policy_db.imports import values as v
from policy_db.imports.kind import Column, Context, Kind, Line, Reference, Row
from policy_db.tables import ProductRow, RateRow

_LANGUAGES = {"zh": "zh-CN", "en": "en"}
_PLAIN = (
    "code", "key", "product_class", "terms", "currency", "least_age", "most_age", "least_sum", "most_sum",
    "frequency", "grace_days", "lapses", "on_sale_from", "on_sale_to",
)  # fmt: skip


def _from_row(row: Row) -> dict[str, Any]:
    values = {name: row[name] for name in _PLAIN}
    for short, language in _LANGUAGES.items():
        values[f"name_{short}"] = row["names"].get(language, "")
        values[f"summary_{short}"] = row["summary"].get(language, "")
    return values


def _to_row(values: Row) -> dict[str, Any]:
    row = {name: values[name] for name in _PLAIN if name in values}
    for column, name in (("names", "name"), ("summary", "summary")):
        row[column] = {language: values.get(f"{name}_{short}", "") for short, language in _LANGUAGES.items()}
    return row


def _check_product(line: Line, context: Context) -> None:
    for least, most in (("least_age", "most_age"), ("least_sum", "most_sum")):
        if line.value(most) < line.value(least):
            line.wrong("least_most", most, least=least, most=most)
    until = line.value("on_sale_to")
    if until is not None and until < line.value("on_sale_from"):
        line.wrong("ends_before", "on_sale_to", last="on_sale_to", first="on_sale_from")


class Products(Kind):
    """Products; the key that names one for prompts is its own as well."""

    async def find(self, connection: AsyncConnection, lines: Sequence[Line], context: Context) -> None:
        """Besides, whose key it is."""
        await super().find(connection, lines, context)
        wanted = {line.given["key"] for line in lines if "key" in line.given}
        query = select(ProductRow.key, ProductRow.code).where(ProductRow.key.in_(wanted))
        owners = {row.key: row.code for row in await connection.execute(query)} if wanted else {}
        seen: dict[str, str] = context.memory.setdefault("keys", {})
        for line in lines:
            if (key := line.given.get("key")) is None:
                continue
            owner = owners.get(key) or seen.setdefault(key, line.key)
            if owner != line.key:
                line.wrong("name_taken", "key", name="key", other=owner)


_FREQUENCY = v.choice(monthly="月缴,月交", quarterly="季缴,季交", yearly="年缴,年交", single="趸缴,趸交")

PRODUCTS = Products(
    "products",
    ProductRow,
    (
        Column("code", v.code(10), "108", ("产品代码",)),
        Column("key", v.code(40), "senior_care", ("产品键",), fixed=True),
        Column(
            "product_class",
            v.choice(life="寿险", health="健康险", motor="车险", property="财产险", accident="意外险"),
            "health",
            ("险类",),
        ),
        Column("name_zh", v.text(100), "长者护理险", ("产品名称",)),
        Column("name_en", v.text(100), "Senior care", ()),
        Column("summary_zh", v.text(1000), "护理期间每月给付。", ("简介",), "", ""),
        Column("summary_en", v.text(1000), "Pays each month of care.", (), "", ""),
        Column("terms", v.numbers, "10;20", ("年期",)),
        Column("currency", v.currency, "CNY", ("币种",), "CNY"),
        Column("least_age", v.whole(0, 120), "40", ("最小年龄",)),
        Column("most_age", v.whole(0, 120), "75", ("最大年龄",)),
        Column("least_sum", v.amount(positive=True), "10000.00", ("最低保额",)),
        Column("most_sum", v.amount(positive=True), "500000.00", ("最高保额",)),
        Column("frequency", _FREQUENCY, "yearly", ("缴费方式",)),
        Column("grace_days", v.whole(0, 365), "60", ("宽限天数",)),
        Column("lapses", v.yes_no, "yes", ("会中止",)),
        Column("on_sale_from", v.day, "2026-01-01", ("起售日期",)),
        Column("on_sale_to", v.day, "", ("停售日期",), None, None),
    ),
    ("code",),
    from_row=_from_row,
    to_row=_to_row,
    check=_check_product,
)


class Rates(Kind):
    """Rates; bands of one product and term never overlap, and are either for any sex or for each."""

    async def find(self, connection: AsyncConnection, lines: Sequence[Line], context: Context) -> None:
        """Besides, the other bands of the products, those of the file so far among them."""
        await super().find(connection, lines, context)
        ids = {line.links["product"] for line in lines}
        known: dict[Any, dict[tuple[Any, ...], int]] = context.memory.setdefault("bands", {})
        terms: dict[Any, list[int]] = context.memory.setdefault("terms", {})
        if new := ids - known.keys():
            known |= {one: {} for one in new}
            query = select(RateRow.product_id, RateRow.term, RateRow.sex, RateRow.age_from, RateRow.age_to)
            for row in await connection.execute(query.where(RateRow.product_id.in_(new))):
                known[row.product_id][(row.term, row.sex, row.age_from)] = row.age_to
            allowed = select(ProductRow.id, ProductRow.terms).where(ProductRow.id.in_(new))
            terms |= {row.id: row.terms for row in await connection.execute(allowed)}


def _check_rate(line: Line, context: Context) -> None:
    first, last, term = line.given["age_from"], line.value("age_to"), line.given["term"]
    if last < first:
        line.wrong("least_most", "age_to", least="age_from", most="age_to")
        return
    product = line.links["product"]
    bands = context.memory["bands"][product]
    if term not in context.memory["terms"][product]:
        line.warn("not_in_terms", "term", term=term)
    key = (term, line.given["sex"], first)
    others = [
        (sex, start, end)
        for (one_term, sex, start), end in bands.items()
        if one_term == term and (one_term, sex, start) != key and start <= last and end >= first
    ]
    same = [f"{start}-{end}" for sex, start, end in others if sex == line.given["sex"]]
    if same:
        line.wrong("overlaps", "age_from", bands=", ".join(same))
    elif any((sex == "any") != (line.given["sex"] == "any") for sex, _, _ in others):
        line.wrong("mixed_sexes", "sex")
    else:
        bands[key] = last


RATES = Rates(
    "rates",
    RateRow,
    (
        Column("product", v.code(10), "101", ("产品代码",)),
        Column("term", v.whole(1, 120), "10", ("年期",)),
        Column("sex", v.choice(m="男,male", f="女,female", any="不限,all"), "any", ("性别",)),
        Column("age_from", v.whole(0, 120), "18", ("起始年龄",)),
        Column("age_to", v.whole(0, 120), "24", ("终止年龄",)),
        Column("rate", v.amount(4, positive=True), "12.3400", ("费率",)),
    ),
    ("product", "term", "sex", "age_from"),
    {"product": Reference(ProductRow.code, ProductRow.id, "product_id", "product")},
    check=_check_rate,
)
