"""To whom a product may be sold: the `limits` of an offered product, read and checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from math import isfinite
from typing import Any, Final, get_args

from cross_sell.errors import CatalogueError
from policy_db.facts import ProductClass

_CLASSES: Final = get_args(ProductClass)
_MOST: Final = Decimal(10) ** 12


@dataclass(frozen=True, slots=True)
class Prior:
    """What is believed of a product before anything was learnt.

    `accepts` is the share of eligible callers who say yes, `weight` how many callers that belief is worth. `points`
    move it, in log odds, by feature and then by what its value is like (see `cross_sell.phrases`).
    """

    accepts: float = 0.1
    weight: float = 50.0
    points: Mapping[str, Mapping[str, float]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of one product. Ages in full years, sums and premiums in the product's currency.

    `places` and `places_refused` are provinces or cities; empty `places` means everywhere. `usual_sum` is what one
    policy usually insures, `most_sum` what one person may be insured for in the product's class altogether. Of `needs`
    (product classes) one must be held, of `not_with` (product codes) none. `closes` is the share of callers who said
    yes that buy.
    """

    least_age: int = 0
    most_age: int = 120
    places: tuple[str, ...] = ()
    places_refused: tuple[str, ...] = ()
    occupations_refused: tuple[str, ...] = ()
    usual_sum: Decimal = Decimal(0)
    most_sum: Decimal = _MOST
    needs: tuple[str, ...] = ()
    not_with: tuple[str, ...] = ()
    most_premium_share: Decimal = Decimal(1)
    small_premium: Decimal = Decimal(0)
    vulnerable_age: int = 70
    closes: float = 0.3
    prior: Prior = field(default_factory=Prior)

    def takes_place(self, province: str, city: str) -> bool:
        """Whether it is sold to people who live there."""
        there = {province, city}
        return not there & set(self.places_refused) and (not self.places or bool(there & set(self.places)))


def read_limits(product: str, entry: Mapping[str, Any]) -> Limits:
    """The limits of a product from its entry. Raises CatalogueError, which names what is wrong."""
    reader = _Reader(product, entry)
    limits = Limits(
        least_age=reader.whole("least_age", 0),
        most_age=reader.whole("most_age", 120),
        places=reader.words("places"),
        places_refused=reader.words("places_refused"),
        occupations_refused=reader.words("occupations_refused"),
        usual_sum=reader.amount("usual_sum", Decimal(0)),
        most_sum=reader.amount("most_sum", _MOST),
        needs=reader.words("needs"),
        not_with=reader.words("not_with"),
        most_premium_share=reader.amount("most_premium_share", Decimal(1)),
        small_premium=reader.amount("small_premium", Decimal(0)),
        vulnerable_age=reader.whole("vulnerable_age", 70),
        closes=reader.share("closes", 0.3),
        prior=_prior(product, entry.get("prior", {})),
    )
    reader.end("prior")
    if limits.least_age > limits.most_age:
        raise reader.wrong("least_age", "is above most_age", "order")
    if unknown := [one for one in limits.needs if one not in _CLASSES]:
        raise reader.wrong("needs", f"names no class of products: {unknown[0]}", "class", unknown[0])
    return limits


def _prior(product: str, entry: Mapping[str, Any]) -> Prior:
    reader = _Reader(product, entry)
    accepts = reader.share("accepts", 0.1)
    if not 0 < accepts < 1:
        raise reader.wrong("accepts", "is neither never nor always", "accepts")
    points = entry.get("points", {})
    try:
        read = {name: {key: float(value) for key, value in rows.items()} for name, rows in points.items()}
    except (AttributeError, TypeError, ValueError):
        raise reader.wrong("points", "is not log odds by feature and value", "points") from None
    if not all(isfinite(value) for rows in read.values() for value in rows.values()):
        raise reader.wrong("points", "is not log odds by feature and value", "points")
    prior = Prior(accepts, float(reader.amount("weight", Decimal(50))), read)
    reader.end("points")
    return prior


class _Reader:
    """Reads the values of one entry, and knows which were asked for."""

    def __init__(self, product: str, entry: object) -> None:
        if not isinstance(entry, Mapping):
            raise CatalogueError(f"Product {product}: limits are not names with values.")
        self._product = product
        self._entry = entry
        self._known: set[str] = set()

    def wrong(self, name: str, why: str, kind: str, found: str = "") -> CatalogueError:
        message = f"Product {self._product}: {name} {why}."
        return CatalogueError(message, "Mend it in the catalogue.", where=name, kind=kind, found=found)

    def _get(self, name: str, default: Any) -> Any:
        self._known.add(name)
        return self._entry.get(name, default)

    def whole(self, name: str, default: int) -> int:
        value = self._get(name, default)
        if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= 200:
            raise self.wrong(name, "is no whole number of years", "years")
        return value

    def amount(self, name: str, default: Decimal) -> Decimal:
        value = self._get(name, default)
        try:
            number = Decimal(str(value))
        except InvalidOperation:
            raise self.wrong(name, "is no number", "number") from None
        if isinstance(value, bool) or not number.is_finite() or number < 0:
            raise self.wrong(name, "is no number from 0 on", "number")
        return number

    def share(self, name: str, default: float) -> float:
        number = float(self.amount(name, Decimal(str(default))))
        if number > 1:
            raise self.wrong(name, "is above 1", "share")
        return number

    def words(self, name: str) -> tuple[str, ...]:
        value = self._get(name, ())
        if not isinstance(value, list | tuple) or not all(isinstance(one, str) for one in value):
            raise self.wrong(name, "is no list of words", "words")
        return tuple(value)

    def end(self, *others: str) -> None:
        """Refuse names that mean nothing: a misspelt limit would otherwise limit nothing."""
        unknown = sorted(set(self._entry) - self._known - set(others))
        if unknown:
            raise self.wrong(unknown[0], "is not known", "unknown")
