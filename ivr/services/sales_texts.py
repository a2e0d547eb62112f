"""The words of notices to salespeople, from `sales_notices.yaml`, in Chinese and English."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from ruamel.yaml import YAML

from policy_db.sales_facts import DueKind, DuePolicy

_FILE: Final = Path(__file__).with_suffix("").with_name("sales_notices.yaml")
#: Policies that a short message and a mail name.
MOST_IN: Final = {"sms": 5, "email": 90}


@lru_cache(maxsize=1)
def _texts() -> Mapping[str, Mapping[str, str]]:
    texts: Mapping[str, Mapping[str, str]] = YAML(typ="safe").load(_FILE.read_text(encoding="utf-8"))
    return texts


def words(key: str, language: str, **values: object) -> str:
    """A text in a language; Chinese for those that speak Chinese, else English."""
    return _texts()[key]["zh-CN" if language.startswith("zh") else "en"].format(**values)


def notice(
    kind: str,
    language: str,
    counts: Mapping[DueKind, int],
    policies: Iterable[DuePolicy],
    channel: str,
    **more: Any,
) -> dict[str, Any]:
    """The facts of a message in the outbox: its title and its text."""
    named = list(policies)[: MOST_IN.get(channel, 5)]
    lines = "".join(_line(one, language) for one in named)
    told: dict[str, Any] = {**{str(kind): count for kind, count in counts.items()}, **more}
    text = words(f"{kind}.text", language, lines=lines, **told)
    return {"title": words(f"{kind}.title", language), "text": text.strip()}


def _line(one: DuePolicy, language: str) -> str:
    amount = f"{one.amount.currency} {one.amount.amount:,.2f}"
    if language.startswith("zh") and one.amount.currency == "CNY":
        amount = f"{one.amount.amount:,.2f}元"
    return words(f"line.{one.kind}", language, policy=one.policy, amount=amount, day=one.day.isoformat())
