"""The telephone lines: workers, SIP and its audio, and calls from browsers."""

from __future__ import annotations

import ipaddress
from typing import Literal, Self

from pydantic import Field, SecretStr, field_validator, model_validator

from ivr.settings.group import Group, listed


class LineSettings(Group):
    """The telephone lines: workers, SIP and its audio, and calls from browsers."""

    workers: int = Field(
        1, ge=1, le=64, description="Worker processes; worker N listens on the SIP port plus N."
    )
    line: Literal["sip", "pjsua"] = Field(
        "sip",
        description="Which telephone line a worker opens: our own, or PJSIP (4 calls a worker as it comes).",
    )
    sip_address: str = Field(
        "127.0.0.1", description="Address the SIP line listens on; 0.0.0.0 for all, :: for IPv6 too."
    )
    sip_port: int = Field(
        5060, ge=0, le=65535, description="UDP and TCP port of the first worker's SIP line; 0 takes any."
    )
    sip_transports: str = Field("udp,tcp", description="What SIP comes by, beside TLS: udp, tcp, or both.")
    sip_tls_port: int = Field(
        0, ge=0, le=65535, description="TLS port of the first worker's SIP line; 0 means no TLS."
    )
    sip_tls_certificate: str = Field("", description="PEM file of our certificate with its chain, for TLS.")
    sip_tls_key: str = Field("", description="PEM file of its key.")
    sip_tls_ca: str = Field(
        "", description="PEM file of the authorities that others are verified by; empty means the system's."
    )
    public_address: str = Field("", description="Address to tell the other side, behind a NAT.")
    max_calls: int = Field(500, ge=1, le=10_000, description="Calls that a worker carries at once.")
    calls_per_second: float = Field(
        150.0,
        gt=0,
        le=10_000,
        description="New calls a second (in bursts twice as many) before more are told to come again later.",
    )
    rtp_port: int = Field(
        10000, ge=1024, le=64000, description="First RTP port; worker N begins N times its RTP ports later."
    )
    rtp_ports: int = Field(
        2000, ge=4, le=60_000, description="RTP ports of each worker; a call takes two, and some rest."
    )
    symmetric_rtp: Literal["off", "auto", "on"] = Field(
        "auto",
        description=(
            "Take audio from elsewhere than a caller's signalling says: never, for callers behind a NAT"
            " (private address, foreign packets), or always."
        ),
    )
    srtp: Literal["off", "offered", "required"] = Field(
        "offered",
        description="Encrypted audio (SRTP, keys in SDP): never, where the caller offers it, or only so.",
    )
    dead_media_seconds: float = Field(
        60.0, ge=0, le=3600, description="A call without any packet of audio for so long ends; 0 means never."
    )
    session_timers: Literal["off", "offered", "always"] = Field(
        "offered", description="Session timers (RFC 4028) that find calls whose end was lost."
    )
    session_expires: int = Field(
        1800, ge=90, le=86_400, description="Seconds after which a call must have been refreshed."
    )
    sip_registrar: str = Field("", description="PBX or trunk to register with, such as sip:pbx.example.com.")
    sip_user: str = Field("", description="User name for the registrar.")
    sip_secret: SecretStr = Field(SecretStr(""), description="Secret for the registrar.")
    sip_proxy: str = Field("", description="Outbound proxy, such as sip:proxy.example.com;lr.")
    sip_peers: str = Field(
        "",
        description=(
            "Networks that SIP may come from, such as 192.0.2.0/24, 2001:db8::/32, by comma; empty means"
            " anywhere."
        ),
    )
    sip_accept_user: str = Field(
        "", description="User name asked (digest) of callers that are not in the peers; empty means none."
    )
    sip_accept_secret: SecretStr = Field(SecretStr(""), description="Secret of that user.")
    ban_seconds: float = Field(
        600.0, ge=1, le=86_400, description="How long a source that scans or guesses is not answered."
    )
    inband_keys: bool = Field(
        False, description="Also listen for key tones in the audio (a trunk that sends no events)."
    )

    stream_address: str = Field(
        "127.0.0.1", description="Address at which the console reaches the workers (streams and commands)."
    )
    stream_port: int = Field(
        8090, ge=0, le=65535, description="TCP port of the first worker for it, worker N adds N; 0 takes any."
    )
    stream_calls: int = Field(
        50, ge=1, le=1000, description="Calls from browsers that a worker carries at once, beside max_calls."
    )
    web_phone: bool = Field(
        True,
        description="Whether anybody may call the hotline from the console's dial page, without sign-in.",
    )

    @field_validator("sip_peers", mode="after")
    @classmethod
    def _networks(cls, value: str) -> str:
        for part in listed(value):
            try:
                ipaddress.ip_network(part)
            except ValueError:
                raise ValueError(f"{part} is no network; write it as 192.0.2.0/24") from None
        return value

    @field_validator("sip_transports", mode="after")
    @classmethod
    def _transports(cls, value: str) -> str:
        for part in listed(value.lower()):
            if part not in ("udp", "tcp"):
                raise ValueError(f"{part} is no transport; write udp, tcp, or both by comma")
        return value.lower()

    @model_validator(mode="after")
    def _can_register(self) -> Self:
        if self.sip_registrar and not self.sip_secret.get_secret_value():
            raise ValueError("a registration needs HOTLINE_SIP_SECRET")
        return self

    @model_validator(mode="after")
    def _has_what_tls_needs(self) -> Self:
        if self.sip_tls_port and not (self.sip_tls_certificate and self.sip_tls_key):
            raise ValueError("TLS needs HOTLINE_SIP_TLS_CERTIFICATE and HOTLINE_SIP_TLS_KEY")
        return self

    @model_validator(mode="after")
    def _has_ports_for_its_calls(self) -> Self:
        if self.line == "sip" and self.rtp_ports < 2 * self.max_calls:
            raise ValueError(
                f"{self.max_calls} calls need {2 * self.max_calls} RTP ports; raise HOTLINE_RTP_PORTS or"
                " lower HOTLINE_MAX_CALLS"
            )
        last = self.rtp_port + self.workers * self.rtp_ports - 1
        if last > 65_535:
            raise ValueError(
                f"RTP ports up to {last} do not exist; lower HOTLINE_RTP_PORT, HOTLINE_RTP_PORTS or HOTLINE_WORKERS"
            )
        return self

    @model_validator(mode="after")
    def _has_a_secret_to_ask_for(self) -> Self:
        if self.sip_accept_user and not self.sip_accept_secret.get_secret_value():
            raise ValueError("asking callers for a password needs HOTLINE_SIP_ACCEPT_SECRET")
        return self
