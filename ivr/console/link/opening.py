"""Who may see what is behind a link: the answer that opens it, the cookie afterwards, and how often one may ask."""

from __future__ import annotations

import hmac
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from fastapi import Request, Response

from ivr.console.access import is_secure
from ivr.console.parts import ConsoleParts
from policy_db.link_facts import Link, Opening

COOKIE: Final = "hotline_link"
OPEN_FOR: Final = timedelta(minutes=30)
#: Requests that one address may make in a minute, and links that are none in an hour.
_IN_A_MINUTE, _WRONG_IN_AN_HOUR = 120, 30
_MOST_REMEMBERED: Final = 20_000
_KEY: Final = "link.rates"


def live(parts: ConsoleParts, link: Link) -> bool:
    """Whether its time is not over."""
    return link.expires_at > parts.database.clock()


async def answered(parts: ConsoleParts, link: Link, answer: str) -> Opening:
    """Take an answer; wrong ones are counted."""
    if not live(parts, link):
        return "over"
    plain = "".join(answer.split())
    if link.asks == "code":
        return await parts.database.links.open_with_code(link, plain)
    check = await parts.database.identity.check_holder(
        link.policy, plain.upper(), caller=f"link:{link.id}"[:64], call_id=""
    )
    if check.outcome == "passed":
        await parts.database.links.opened(link)
        return "right"
    return "locked" if check.outcome == "locked" else "wrong"


def let_in(request: Request, parts: ConsoleParts, response: Response, link: Link, path: str) -> None:
    """Let this browser see the link's page for a while."""
    until = int((parts.database.clock() + OPEN_FOR).timestamp())
    response.set_cookie(
        COOKIE,
        f"{until}.{_proof(parts, link, until)}",
        max_age=int(OPEN_FOR.total_seconds()),
        path=path,
        secure=is_secure(request),
        httponly=True,
        samesite="strict",
    )


def is_in(request: Request, parts: ConsoleParts, link: Link) -> bool:
    """Whether this browser has opened the link, and not too long ago."""
    until, _, proof = request.cookies.get(COOKIE, "").partition(".")
    if not until.isascii() or not until.isdigit() or len(until) > 12:
        return False
    fits = hmac.compare_digest(proof.encode(), _proof(parts, link, int(until)).encode())
    return fits and live(parts, link) and parts.database.clock().timestamp() < int(until)


def _proof(parts: ConsoleParts, link: Link, until: int) -> str:
    return parts.database.keys.digest("link-session", f"{link.id}\x00{until}").hex()


@dataclass(slots=True)
class Rates:
    """How often each address has asked lately; small, and forgotten with the process."""

    _asked: dict[tuple[str, str], tuple[datetime, int]] = field(default_factory=dict)

    def too_often(
        self, kind: str, who: str, now: datetime, most: int, span: timedelta, *, count: bool
    ) -> bool:
        """Count one more (if `count`); whether that is too many within the span."""
        since, number = self._asked.get((kind, who), (now, 0))
        if now - since >= span:
            since, number = now, 0
        if count:
            if len(self._asked) >= _MOST_REMEMBERED:
                self._asked.clear()
            self._asked[kind, who] = (since, number + 1)
        return number + count > most


def too_often(request: Request, parts: ConsoleParts, *, wrong: bool = False) -> bool:
    """Whether this address asks too often, or has asked too often for links that are none (`wrong`: once more now)."""
    rates: Rates = parts.shared.setdefault(_KEY, Rates())
    who, now = (request.client.host if request.client else ""), parts.database.clock()
    guesses = rates.too_often("wrong", who, now, _WRONG_IN_AN_HOUR, timedelta(hours=1), count=wrong)
    return guesses or rates.too_often("all", who, now, _IN_A_MINUTE, timedelta(minutes=1), count=not wrong)
