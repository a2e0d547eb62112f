"""Whether a request or a WebSocket is Twilio's (https://www.twilio.com/docs/usage/security#validating-requests).

Twilio signs the address that it was given, so the public one counts, whatever a proxy makes of it on the way.
"""

from __future__ import annotations

from collections.abc import Sequence

from starlette.datastructures import ImmutableMultiDict

from ivr.lines.twilio.access import TwilioAccess


class Signatures:
    """Checks signatures with the account's token."""

    def __init__(self, access: TwilioAccess) -> None:
        from twilio.request_validator import RequestValidator

        self._validator = RequestValidator(access.token)
        self._public = access.public_url
        self._stream = access.stream_url

    def of_request(self, path: str, query: str, form: Sequence[tuple[str, str]], signature: str) -> bool:
        """Whether a request to our `path` with this form is Twilio's."""
        url = f"{self._public}{path}" + (f"?{query}" if query else "")
        return bool(signature) and self._validator.validate(url, ImmutableMultiDict(form), signature)

    def of_stream(self, signature: str) -> bool:
        """Whether a WebSocket at our stream's address is Twilio's; it signs the address with or without a slash."""
        urls = (self._stream, f"{self._stream}/")
        return bool(signature) and any(self._validator.validate(url, {}, signature) for url in urls)
