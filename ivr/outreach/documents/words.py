"""How one document speaks: its texts, the hotline's own words, and values as its language writes them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_date, format_time
from babel.numbers import format_currency, format_decimal

from ivr.flow.instructions import Phrase
from ivr.outreach.documents import texts
from ivr.speech import PromptCatalogue

if TYPE_CHECKING:
    from decimal import Decimal

    from policy_db.facts import Money


@dataclass(frozen=True, slots=True)
class Company:
    """The company as documents name it: in Chinese, in other languages, and its hotline's number."""

    name: str
    name_en: str
    hotline: str

    def called(self, language: str) -> str:
        """Its name in a language."""
        return self.name if language.startswith("zh") else self.name_en or self.name


@dataclass(frozen=True, slots=True)
class Words:
    """Texts and formats of one language."""

    language: str
    zone: ZoneInfo
    catalogue: PromptCatalogue

    @property
    def locale(self) -> Locale:
        """The language as Babel knows it."""
        return Locale.parse("zh_Hans_CN" if self.language == "zh-CN" else _locale(self.language))

    def t(self, key: str, /, **values: object) -> str:
        """A text of documents."""
        return texts.text(self.language, key, **values)

    def word(self, prefix: str, value: str) -> str:
        """The text of `prefix.value`, or the value where it has none (a company's own words)."""
        return self.t(f"{prefix}.{value}") if texts.has(f"{prefix}.{value}") else value

    def items(self, key: str) -> list[str]:
        """A list of texts."""
        return list(texts.items(self.language, key))

    def prompt(self, name: str) -> str:
        """What the hotline itself says, such as `product_name.motor`; the last part of the name where it says nothing."""
        if self.catalogue.find(name, self.language) is None and not any(
            self.catalogue.find(name, one) for one in self.catalogue.order(self.language)
        ):
            return name.rpartition(".")[2]
        said = self.catalogue.text(Phrase(name, self.language))
        return said[:1].upper() + said[1:]

    def day(self, day: date | None) -> str:
        """A day, in full."""
        return "–" if day is None else format_date(day, "long", locale=self.locale)

    def short_day(self, day: date | None) -> str:
        """A day as in a table."""
        return "–" if day is None else format_date(day, "medium", locale=self.locale)

    def moment(self, at: datetime | None) -> str:
        """A day and the time of day, to the minute."""
        if at is None:
            return "–"
        local = at.astimezone(self.zone)
        clock = format_time(local, "short", tzinfo=self.zone, locale=self.locale)
        return f"{format_date(local.date(), 'medium', locale=self.locale)} {clock}"

    def money(self, amount: Money | None) -> str:
        """An amount with its currency, without cents where there are none."""
        if amount is None:
            return "–"
        whole = amount.amount == amount.amount.to_integral_value()
        text = format_currency(amount.amount, amount.currency, locale=self.locale)
        return text[:-3] if whole and text.endswith(("00",)) and text[-3] in ".," else text

    def number(self, value: Decimal | int) -> str:
        """A number with separators."""
        return format_decimal(value, locale=self.locale)


def _locale(language: str) -> str:
    return {"zh-HK": "zh_Hant_HK", "es": "es_ES"}.get(language, language.replace("-", "_"))
