"""The strongest reasons of a score in plain words, for the person who speaks with the caller.

Only features that may be told are named, only where the catalogue has a phrase for them, and only those that speak
for the product: a person is told why to propose it, not what else is known.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from cross_sell.features import told_features
from cross_sell.phrases import entry_for
from cross_sell.ranking import Ranked

MOST: Final = 2
_LANGUAGES: Final = ("zh-CN", "en")


def reasons_of(
    ranked: Ranked, features: Mapping[str, Any], most: int = MOST
) -> tuple[Mapping[str, Any], ...]:
    """The strongest reasons, each with `feature`, `contribution` (log odds) and `text` by language."""
    told, phrases = told_features(), ranked.product.offered.reasons
    found: list[Mapping[str, Any]] = []
    for one in sorted(ranked.score.reasons, key=lambda reason: -reason.contribution):
        if len(found) == most or one.contribution <= 0:
            break
        table = phrases.get(one.feature) if one.feature in told else None
        text = None if table is None else entry_for(table, features.get(one.feature))
        if text:
            kept = {language: text[language] for language in _LANGUAGES if language in text}
            found.append(
                {"feature": one.feature, "contribution": round(float(one.contribution), 4), "text": kept}
            )
    return tuple(found)
