"""Who may use the console, who is signed in, and who tried to."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from policy_db.columns import Json, UtcTime
from policy_db.tables.base import Base, Id


class UserRow(Base):
    """A user of the console. `subject` is their name at an identity provider; then there may be no password."""

    __tablename__ = "users"

    id: Mapped[Id]
    name: Mapped[str] = mapped_column(String(64), unique=True)
    display: Mapped[str] = mapped_column(String(100))
    email: Mapped[str] = mapped_column(String(200))
    roles: Mapped[list[str]] = mapped_column(Json)
    seat_id: Mapped[str | None] = mapped_column(ForeignKey("seats.id", ondelete="SET NULL"))
    salesperson: Mapped[str] = mapped_column(String(20))
    language: Mapped[str] = mapped_column(String(20))
    password_hash: Mapped[str | None] = mapped_column(String(200))
    subject: Mapped[str | None] = mapped_column(String(200), unique=True)
    disabled: Mapped[bool]
    must_change: Mapped[bool]
    created_at: Mapped[datetime] = mapped_column(UtcTime)
    password_at: Mapped[datetime | None] = mapped_column(UtcTime)
    signed_in_at: Mapped[datetime | None] = mapped_column(UtcTime)


class UserSessionRow(Base):
    """A sign-in by `method` (password, oidc). `id` is the hash of the token that the browser holds."""

    __tablename__ = "user_sessions"

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    csrf: Mapped[str] = mapped_column(String(64))
    address: Mapped[str] = mapped_column(String(64))
    agent: Mapped[str] = mapped_column(String(200))
    method: Mapped[str] = mapped_column(String(12))
    created_at: Mapped[datetime] = mapped_column(UtcTime)
    seen_at: Mapped[datetime] = mapped_column(UtcTime)
    expires_at: Mapped[datetime] = mapped_column(UtcTime, index=True)


class ApiTokenRow(Base):
    """A program's key to the API. `hash` is of the token, `hint` its first characters, for people to tell them apart."""

    __tablename__ = "api_tokens"

    id: Mapped[Id]
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    name: Mapped[str] = mapped_column(String(100))
    hash: Mapped[str] = mapped_column(String(64), unique=True)
    hint: Mapped[str] = mapped_column(String(12))
    created_at: Mapped[datetime] = mapped_column(UtcTime)
    expires_at: Mapped[datetime] = mapped_column(UtcTime)
    used_at: Mapped[datetime | None] = mapped_column(UtcTime)


class SignInRow(Base):
    """A try to sign in that failed, or is being checked: kept for a day.

    `name_hash` is keyed, because people type passwords where names belong; `device` is that of a user's known
    device, empty for a stranger's.
    """

    __tablename__ = "sign_ins"
    __table_args__ = (
        Index(None, "name_hash", "device", "at"),
        Index(None, "address", "at"),
        Index(None, "at"),
    )

    id: Mapped[Id]
    at: Mapped[datetime] = mapped_column(UtcTime)
    name_hash: Mapped[bytes] = mapped_column(LargeBinary)
    address: Mapped[str] = mapped_column(String(64))
    device: Mapped[str] = mapped_column(String(64))
