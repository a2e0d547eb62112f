"""The account at Twilio, and where Twilio reaches us."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlencode

from ivr.errors import SettingError
from ivr.settings import Settings

#: Where Twilio's interface is.
API: Final = "https://api.twilio.com"


@dataclass(frozen=True, slots=True)
class TwilioAccess:
    """What both sides know each other by. `public_url` has no slash at its end."""

    account: str
    token: str = field(repr=False)
    number: str
    public_url: str
    api: str = API

    def url(self, path: str, **query: str) -> str:
        """An address of ours, such as `/twilio/voice`, as Twilio calls it."""
        known = {name: value for name, value in query.items() if value}
        return f"{self.public_url}{path}" + (f"?{urlencode(known)}" if known else "")

    @property
    def stream_url(self) -> str:
        """Where streams are opened: never with a query, which Twilio does not send."""
        return f"ws{self.public_url.removeprefix('http')}/twilio/stream"


def access_of(settings: Settings) -> TwilioAccess | None:
    """The account of the settings, None without one."""
    if not settings.twilio_account_sid:
        return None
    return TwilioAccess(
        settings.twilio_account_sid,
        settings.twilio_auth_token.get_secret_value(),
        settings.twilio_number,
        settings.public_url,
        settings.twilio_api or API,
    )


def check_installed(settings: Settings) -> None:
    """Raises SettingError (H111) where there is an account and not the package that speaks with Twilio."""
    if settings.twilio_account_sid and importlib.util.find_spec("twilio") is None:
        raise SettingError(
            "HOTLINE_TWILIO_ACCOUNT_SID is set and the twilio package is not installed; run"
            " pip install 'insurance-hotline[twilio]'",
            code="H111",
        )
