"""What a seat may suggest to its caller: product, chance, reasons, talk track; or in a few words why nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from cross_sell.catalogue import Talk, talk_of
from cross_sell.gates import texts
from ivr.console.parts import ConsoleParts
from policy_db.selling_facts import OfferedProduct, OnSale, Referral, ReferralState, Suggestion

#: What a seat may say of a referral; `connected` is that the caller wants to hear about it.
Told = Literal["connected", "refused", "quoted", "sold", "declined"]
#: What a seat may say next, by where a referral is.
NEXT: Final[Mapping[ReferralState, tuple[Told, ...]]] = {
    "flagged": ("connected", "refused"),
    "offered": ("connected", "refused"),
    "accepted": ("quoted", "sold", "declined"),
    "transferred": ("quoted", "sold", "declined"),
    "connected": ("quoted", "sold", "declined"),
    "quoted": ("sold", "declined"),
}
_YES: Final = ("accepted", "transferred", "connected", "quoted", "sold")
_HEARD: Final = (*_YES, "declined")
_REFERRED: Final = 6


@dataclass(frozen=True, slots=True)
class Hint:
    """What to suggest. `of_ten` such callers say yes (0: fewer than one).

    `talk` has the lines to be said, in the caller's `spoken` language; `guide` is the same for a reader of another one.
    `agreed`: the caller has said yes to hearing about it; otherwise they came with a matter of their own.
    """

    product: str
    of_ten: int
    reasons: tuple[str, ...]
    also: tuple[str, ...]
    talk: Talk | None
    guide: Talk | None
    spoken: str
    queue: str
    agreed: bool
    referral: Referral | None

    @property
    def next(self) -> tuple[Told, ...]:
        """What can be said of it next."""
        return () if self.referral is None else NEXT.get(self.referral.state, ())


@dataclass(frozen=True, slots=True)
class NoHint:
    """Nothing is suggested; `why` in the reader's language."""

    why: str


@dataclass(frozen=True, slots=True)
class Referred:
    """A referral of the seat: the product's name and where it is."""

    product: str
    referral: Referral


async def hint_of(parts: ConsoleParts, call: str, language: str) -> Hint | NoHint | None:
    """What to suggest in a call, for a reader of `language`; None where nothing was decided or nobody is to know.

    A caller who is left alone to be compared with is left alone by seats too.
    """
    referrals = await parts.database.referrals.of_call(call)
    decided = await _decided(parts, call, referrals)
    if decided is None or decided.arm == "holdout":
        return None
    if not decided.offers:
        return NoHint(_gate(decided.gate, language)) if decided.gate else None
    return await _hint(parts, decided, referrals, language)


async def _decided(parts: ConsoleParts, call: str, referrals: tuple[Referral, ...]) -> Suggestion | None:
    """What the caller said yes to, whatever was decided after that; else the latest decision."""
    heard = (one.suggestion for one in reversed(referrals) if one.state in _HEARD)
    suggestion = next((one for one in heard if one is not None), None)  # a seat's own referral has none
    if suggestion is not None:
        return await parts.database.suggestions.find(suggestion)
    return await parts.database.suggestions.latest_of(call)


async def _hint(
    parts: ConsoleParts, decided: Suggestion, referrals: tuple[Referral, ...], language: str
) -> Hint | None:
    sold = {one.offered.product: one for one in await parts.database.offered.all()}
    product = sold.get(decided.product)
    if product is None:
        return None
    referral = next((one for one in reversed(referrals) if one.product == decided.product), None)
    if referral is not None and referral.state in ("refused", "lost"):
        return None
    return Hint(
        product=_name(product, language),
        of_ten=round(10 * (decided.probability or 0.0)),
        reasons=tuple(text for one in decided.reasons if (text := _in(one["text"], language))),
        also=tuple(_name(sold[one], language) for one in decided.portfolio[1:] if one in sold),
        talk=talk_of(product.offered, decided.language),
        guide=guide_of(product.offered, decided.language, language),
        spoken=decided.language if decided.language in product.offered.talk else "",
        queue=product.offered.queue,
        agreed=referral is not None and referral.state in _YES,
        referral=referral,
    )


def guide_of(offered: OfferedProduct, spoken: str, language: str) -> Talk | None:
    """The talk track for a reader of `language` to understand by; None where that is what is spoken anyway."""
    if language == spoken or language not in offered.talk or len(offered.talk) < 2:
        return None
    if spoken not in offered.talk and language == next(iter(offered.talk)):
        return None  # what is to be said is that already
    return talk_of(offered, language)


async def referred_by(parts: ConsoleParts, seat: str, language: str) -> tuple[Referred, ...]:
    """What became of the latest referrals of a seat."""
    sold = {one.offered.product: one for one in await parts.database.offered.all()}
    found = await parts.database.referrals.of_seat(seat, _REFERRED)
    return tuple(
        Referred(_name(sold[one.product], language) if one.product in sold else one.product, one)
        for one in found
    )


def _gate(code: str, language: str) -> str:
    """Why nothing is suggested, in plain words."""
    return _in(texts().get(code, {}), language) or code


def _name(product: OnSale, language: str) -> str:
    return _in(product.names, language) or product.key


def _in(said: Mapping[str, str], language: str) -> str:
    return said.get(language) or next(iter(said.values()), "")
