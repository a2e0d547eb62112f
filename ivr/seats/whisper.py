"""The hotline's own words: what a seat hears on picking up, before it hears the caller, and what callers are told."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from ivr.flow.instructions import Phrase, Transfer
from ivr.seats.line import Offer
from ivr.speech import Rendered, Speaker

#: Seconds that a whisper may take; a longer one says less.
LONGEST: Final = 10.0
#: So many digits of a caller's number are said.
_TAIL: Final = 4


class Whisperer:
    """Says the hotline's own prompts `seat_call.…` and `seat_reason.…`, in the seat's first language."""

    def __init__(self, speaker: Speaker) -> None:
        self._speaker = speaker

    def __call__(self, offer: Offer, request: Transfer) -> Rendered:
        """Clips and text; the reason alone where the rest would make it too long."""
        language = self._language(offer)
        rendered = self._speaker.render(self._phrases(offer, request, language))
        if rendered.seconds < LONGEST:
            return rendered
        return self._speaker.render(list(self._why(request, language)))

    def _language(self, offer: Offer) -> str:
        spoken = self._speaker.catalogue.languages
        return next((one for one in offer.seat.languages if one in spoken), spoken[0])

    def _phrases(self, offer: Offer, request: Transfer, language: str) -> list[Phrase]:
        phrases = [Phrase("seat_call.begin", language)]
        if offer.call.policy:
            phrases.append(Phrase("seat_call.policy", language, {"number": offer.call.policy}))
        elif number := "".join(filter(str.isdecimal, offer.call.caller))[-_TAIL:]:
            phrases.append(Phrase("seat_call.number", language, {"number": number}))
        return [*phrases, *self._why(request, language)]

    def _why(self, request: Transfer, language: str) -> Iterator[Phrase]:
        """The reason, if there are words for it."""
        name = f"seat_reason.{request.details.get('reason') or request.reason}"
        prompt = self._speaker.catalogue.find(name, language)
        if prompt is not None and all(slot in request.details for slot in prompt.template.slots):
            yield Phrase(name, language, {slot: request.details[slot] for slot in prompt.template.slots})


class Announcer:
    """Says the hotline's own prompts in a language, or in its first where it does not speak that."""

    def __init__(self, speaker: Speaker) -> None:
        self._speaker = speaker

    def __call__(self, language: str, *prompts: tuple[str, Mapping[str, Any]]) -> Rendered:
        """Clips and text of prompts, one after the other."""
        spoken = self._speaker.catalogue.languages
        chosen = language if language in spoken else spoken[0]
        return self._speaker.render([Phrase(name, chosen, values) for name, values in prompts])
