"""What a telephone number is remembered for."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from policy_db.clock import Clock
from policy_db.errors import BadValueError
from policy_db.facts import CallerProfile
from policy_db.store import Store
from policy_db.tables import CustomerRow, PreferenceRow
from policy_db.writes import insert


class Preferences:
    """Languages by telephone number (E.164). A hidden number is never remembered."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def profile(self, caller: str) -> CallerProfile:
        """The language chosen last or on file for that number, and whether a customer has that number."""
        if not caller:
            return CallerProfile(None, known=False)
        chosen = select(PreferenceRow.language).where(PreferenceRow.caller == caller)
        customers = (
            select(CustomerRow.language).where(CustomerRow.phone == caller).order_by(CustomerRow.id).limit(1)
        )
        async with self._store.reading() as connection:
            language = (await connection.execute(chosen)).scalar()
            customer = (await connection.execute(customers)).scalar()
        return CallerProfile(language or customer or None, known=customer is not None)

    async def remember_language(self, caller: str, language: str) -> None:
        """Remember the language (BCP 47) a caller chose. Raises BadValueError for an empty one."""
        if not language:
            raise BadValueError("A language is needed.", "Give a tag such as zh-CN.")
        if not caller:
            return
        statement: Any = insert(self._store, PreferenceRow).values(
            caller=caller, language=language, updated_at=self._clock()
        )
        async with self._store.writing() as connection:
            await connection.execute(
                statement.on_conflict_do_update(
                    index_elements=[PreferenceRow.caller],
                    set_={
                        "language": statement.excluded.language,
                        "updated_at": statement.excluded.updated_at,
                    },
                )
            )
