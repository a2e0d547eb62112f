"""What all tables share, and the two small ones that belong to none."""

from __future__ import annotations

from typing import Annotated

from sqlalchemy import BigInteger, MetaData, String
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from policy_db.columns import RowId

#: A surrogate key that the database counts up.
Id = Annotated[int, mapped_column(RowId, primary_key=True, autoincrement=True)]


class Base(DeclarativeBase):
    """Every constraint has a name by rule, so that a migration can find it on any database."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


class Fact(Base):
    """A fact about this database itself: the fingerprint of its key, whether it holds a demonstration."""

    __tablename__ = "facts"

    name: Mapped[str] = mapped_column(String(64), primary_key=True)
    value: Mapped[str] = mapped_column(String(400))


class Counter(Base):
    """The last number given out in a series, such as the claims of a day."""

    __tablename__ = "counters"

    name: Mapped[str] = mapped_column(String(64), primary_key=True)
    value: Mapped[int] = mapped_column(BigInteger)
