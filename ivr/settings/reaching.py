"""What goes out: calls of campaigns, documents by every channel, and Twilio."""

from __future__ import annotations

import re
from typing import Literal, Self

from pydantic import Field, SecretStr, field_validator, model_validator

from ivr.settings.group import Group

#: What an address of a web server looks like; a path may follow where a proxy has us under one.
_ADDRESS = re.compile(
    r"https?://[\w.-]+(:\d{1,5})?(/[\w./~-]*)?|https?://\[[0-9a-fA-F:]+\](:\d{1,5})?(/[\w./~-]*)?"
)


class ReachingSettings(Group):
    """What goes out: calls of campaigns, documents by every channel, and Twilio."""

    outreach: bool = Field(True, description="Whether a dialler runs beside the workers, for campaigns.")
    outreach_address: str = Field(
        "{number}",
        description=(
            "Where a number is called: {number} at the registrar, or an address such as sip:{number}@gateway.example."
        ),
    )
    public_url: str = Field(
        "",
        description=(
            "Where the world reaches the HTTP process, through its proxy, such as https://hotline.example.com; Twilio and"
            " links in messages need it."
        ),
    )
    smtp_host: str = Field("", description="Mail server that documents are sent by; empty: none by e-mail.")
    smtp_port: int = Field(587, ge=1, le=65535, description="Its port.")
    smtp_security: Literal["starttls", "tls", "off"] = Field(
        "starttls",
        description="STARTTLS (port 587), TLS from the first byte (465), or off: only within one machine.",
    )
    smtp_ca: str = Field(
        "", description="PEM file of authorities that verify its certificate; empty: the system's."
    )
    smtp_user: str = Field("", description="User name there; empty: no sign-in.")
    smtp_password: SecretStr = Field(SecretStr(""), description="Password there.")
    mail_from: str = Field(
        "",
        description="Address that mail comes from, such as service@example.com; empty: hotline@ and this machine.",
    )
    fax: bool = Field(
        True,
        description="Whether documents go out by fax; needs spandsp (Debian: libspandsp2) and the sip line.",
    )
    fax_station: str = Field(
        "", max_length=20, description="Number that fax machines show as ours: digits, plus and space."
    )
    fax_numbers: str = Field(
        "+86",
        description="How numbers begin (E.164, by comma) that callers may have a fax sent to; empty: to none.",
    )
    post_letters: bool = Field(True, description="Whether callers may ask for documents by post.")
    link_hours: int = Field(
        72, ge=1, le=24 * 90, description="Hours for which a link in a message can be opened."
    )
    paper_megabytes: int = Field(
        15,
        ge=1,
        le=100,
        description="The largest photograph or PDF that a policyholder may add to a claim, in MB.",
    )
    twilio_account_sid: str = Field(
        "", description="Account SID (AC…) of the Twilio account; empty: no Twilio line."
    )
    twilio_auth_token: SecretStr = Field(SecretStr(""), description="Its Auth Token.")
    twilio_number: str = Field(
        "", description="Our number there, such as +14155550100: calls and messages go out under it."
    )
    twilio_calls: int = Field(
        50, ge=1, le=1000, description="Calls over Twilio that a worker carries at once, beside max_calls."
    )
    twilio_api: str = Field(
        "",
        description="Where Twilio's interface is, for tests with a fake one; empty: https://api.twilio.com.",
    )

    @field_validator("public_url", "twilio_api", mode="after")
    @classmethod
    def _is_an_address(cls, value: str) -> str:
        if value and not _ADDRESS.fullmatch(value):
            raise ValueError("no such address can be; write it as https://hotline.example.com")
        return value.rstrip("/")

    @model_validator(mode="after")
    def _has_what_twilio_needs(self) -> Self:
        if not self.twilio_account_sid:
            return self
        if not re.fullmatch(r"AC[0-9a-fA-F]{32}", self.twilio_account_sid):
            raise ValueError(
                "HOTLINE_TWILIO_ACCOUNT_SID is AC and 32 hexadecimal digits, as Twilio's console shows it"
            )
        if not self.twilio_auth_token.get_secret_value():
            raise ValueError("a Twilio account needs HOTLINE_TWILIO_AUTH_TOKEN")
        if not re.fullmatch(r"\+[1-9]\d{6,14}", self.twilio_number):
            raise ValueError("a Twilio account needs HOTLINE_TWILIO_NUMBER, written as +14155550100")
        if not self.public_url:
            raise ValueError(
                "Twilio must reach the hotline: HOTLINE_PUBLIC_URL is its address, such as https://hotline.example.com"
            )
        if self.public_url.startswith("http://") and not self.twilio_api:
            raise ValueError(
                "Twilio streams to https addresses alone: HOTLINE_PUBLIC_URL must begin with https://"
            )
        return self
