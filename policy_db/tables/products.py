"""What the insurer sells, and for how much."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from policy_db.columns import Amount, Json
from policy_db.tables.base import Base, Id


class ProductRow(Base):
    """A product: names and summary by language, terms in years, ages in full years."""

    __tablename__ = "products"
    __table_args__ = (
        CheckConstraint("product_class IN ('life', 'health', 'motor', 'property', 'accident')", name="class"),
    )

    id: Mapped[Id]
    code: Mapped[str] = mapped_column(String(10), unique=True)
    key: Mapped[str] = mapped_column(String(40), unique=True)
    product_class: Mapped[str] = mapped_column(String(20))
    names: Mapped[dict[str, Any]] = mapped_column(Json)
    summary: Mapped[dict[str, Any]] = mapped_column(Json)
    terms: Mapped[list[Any]] = mapped_column(Json)
    currency: Mapped[str] = mapped_column(String(3))
    least_age: Mapped[int]
    most_age: Mapped[int]
    least_sum: Mapped[Decimal] = mapped_column(Amount())
    most_sum: Mapped[Decimal] = mapped_column(Amount())
    frequency: Mapped[str] = mapped_column(String(10))
    grace_days: Mapped[int]
    lapses: Mapped[bool]
    on_sale_from: Mapped[date]
    on_sale_to: Mapped[date | None]


class RateRow(Base):
    """The premium a year for 1,000 of sum insured, by age band, sex (`any` where it is all one) and term."""

    __tablename__ = "rates"
    __table_args__ = (
        CheckConstraint("sex IN ('m', 'f', 'any')", name="sex"),
        CheckConstraint("age_from <= age_to", name="ages"),
        Index(None, "product_id", "term", "age_from", "sex", unique=True),
    )

    id: Mapped[Id]
    product_id: Mapped[int] = mapped_column(ForeignKey("products.id", ondelete="CASCADE"))
    sex: Mapped[str] = mapped_column(String(3))
    age_from: Mapped[int]
    age_to: Mapped[int]
    term: Mapped[int]
    rate: Mapped[Decimal] = mapped_column(Amount(12, 4))
