"""Everything that can go wrong in the policy database, each with a stable code and what to do about it.

PolicyDatabaseError
├── DatabaseDownError   DB_DOWN     the server or file cannot be reached
├── DatabaseBusyError   DB_BUSY     another writer held the database for too long
├── DatabaseFullError   DB_FULL     the disk takes no more
├── BadUrlError         DB_URL      the database URL cannot be used
├── SchemaError         DB_SCHEMA   the tables are older or newer than this program
├── WrongKeyError       DB_KEY      the key is missing, open to others, or another database's
├── NotFoundError       NOT_FOUND   no record of that name
├── ConflictError       CONFLICT    the record exists already, or is past the state this needs
└── BadValueError       BAD_VALUE   a value that the record cannot take
"""

from __future__ import annotations

from typing import ClassVar


class PolicyDatabaseError(Exception):
    """Base of all; `code` is stable, the message says what happened, `remedy` what to do."""

    code: ClassVar[str] = "DB"

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(f"{message} {remedy}".strip())
        self.remedy = remedy


class DatabaseDownError(PolicyDatabaseError):
    """The database cannot be reached."""

    code = "DB_DOWN"


class DatabaseBusyError(PolicyDatabaseError):
    """Another writer held the database longer than the time allowed."""

    code = "DB_BUSY"


class DatabaseFullError(PolicyDatabaseError):
    """The disk under the database takes no more."""

    code = "DB_FULL"


class BadUrlError(PolicyDatabaseError):
    """A database URL that cannot be used."""

    code = "DB_URL"


class SchemaError(PolicyDatabaseError):
    """The tables do not fit this program."""

    code = "DB_SCHEMA"


class WrongKeyError(PolicyDatabaseError):
    """The key that protects ID numbers is missing, readable by others, or belongs to another database."""

    code = "DB_KEY"


class NotFoundError(PolicyDatabaseError):
    """No record of that name."""

    code = "NOT_FOUND"


class ConflictError(PolicyDatabaseError):
    """The record exists already, or has moved past the state that this needs."""

    code = "CONFLICT"


class BadValueError(PolicyDatabaseError):
    """A value that the record cannot take."""

    code = "BAD_VALUE"
