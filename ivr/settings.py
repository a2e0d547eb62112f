"""Every setting of the hotline, read from options, the environment (`HOTLINE_…`) or a `.env` file."""

from __future__ import annotations

import ipaddress
import os
import re
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, SettingsConfigDict

from ivr.errors import SettingError

#: What an address of a web server looks like; a path may follow where a proxy has us under one.
_ADDRESS = re.compile(
    r"https?://[\w.-]+(:\d{1,5})?(/[\w./~-]*)?|https?://\[[0-9a-fA-F:]+\](:\d{1,5})?(/[\w./~-]*)?"
)
#: A time of day, or hours from one to another.
_HOURS = re.compile(r"([01]\d|2[0-4]):[0-5]\d(-([01]\d|2[0-4]):[0-5]\d)?")


def listed(text: str) -> tuple[str, ...]:
    """The parts of a comma-separated text."""
    return tuple(part.strip() for part in text.split(",") if part.strip())


def default_data_dir() -> Path:
    """`$XDG_DATA_HOME/insurance-hotline`, else the same under `~/.local/share`."""
    base = os.environ.get("XDG_DATA_HOME") or str(Path.home() / ".local" / "share")
    return Path(base) / "insurance-hotline"


class Settings(BaseSettings):
    """The hotline's settings; each field is `HOTLINE_` and its name in capitals in the environment."""

    model_config = SettingsConfigDict(env_prefix="HOTLINE_", env_file=".env", extra="ignore", frozen=True)

    data_dir: Path = Field(
        default_factory=default_data_dir,
        description="Where the database, recordings, keys and downloaded voices live.",
    )
    database_url: str = Field(
        "",
        description="SQLAlchemy URL; empty means SQLite in the data folder. postgresql+psycopg://… for more.",
    )
    flows_dir: Path | None = Field(
        None,
        description=(
            "Folder of call flows; empty means `flows` in the data folder once something was published there, else"
            " those that come with it."
        ),
    )
    prompts_dir: Path | None = Field(
        None, description="Folder of prompts; empty means those that come with it."
    )
    prompt_recordings_dir: Path | None = Field(
        None,
        description="Folder of the company's own recordings of prompts, looked at first; empty means in the data folder.",
    )
    placeholder_voices: str = Field(
        "",
        description=(
            "Languages, parted by commas, that are offered with the placeholder voice where nothing better was recorded,"
            " such as zh-HK; to be heard, not to be put before customers."
        ),
    )
    speech_models: Path | None = Field(
        None,
        description=(
            "Folder of the recognisers' models, one folder a language (zh-CN, en); empty means `models/vosk` in the data"
            " folder."
        ),
    )
    speech: Literal["auto", "off"] = Field(
        "auto",
        description="Whether callers may speak: auto, in the languages that there are models of; off, never.",
    )
    free_text: Literal["auto", "off"] = Field(
        "auto",
        description=(
            "Whether names and other free text are said: `auto` where the voice is installed (`hotline models get"
            " voice`); else the part of the sentence they stand in is left out."
        ),
    )
    speech_processes: int = Field(
        0,
        ge=0,
        le=64,
        description="Processes that recognise speech; 0 means one for every two cores, and two at least.",
    )
    speech_at_once: int = Field(
        20,
        ge=1,
        le=500,
        description="Callers that each of them listens to at once; who comes beyond is asked to use the keys.",
    )
    speech_megabytes: int = Field(
        300,
        ge=20,
        le=10_000,
        description="By how much one of them may grow, in megabytes, before another takes its place.",
    )
    urgent_phrases: Path | None = Field(
        None,
        description=(
            "YAML file of what makes a message urgent when it is said; empty: the phrases that come with the hotline."
        ),
    )
    import_megabytes: int = Field(
        50, ge=1, le=2000, description="The largest CSV file that is taken for an import, in megabytes."
    )
    zone: str = Field("Asia/Shanghai", description="Time zone of the company.")

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

    refer_out: bool = Field(
        False,
        description=(
            "Whether a caller whom a seat transfers to an outside number is handed over to the trunk (REFER) instead of"
            " taking two lines; where the trunk refuses, the hotline joins them itself."
        ),
    )
    answer_within: float = Field(
        12.0,
        gt=0,
        le=600,
        description="Seconds within which a call should be answered (three rings); reports tell the share.",
    )
    apologise_after: float = Field(
        20.0,
        ge=0,
        le=600,
        description=(
            "Seconds of ringing or waiting (five rings) after which a caller hears an apology: from the flow where the"
            " hotline itself answered so late, in the waiting room where a person has not answered; 0: never."
        ),
    )
    call_hours: str = Field(
        "09:00-20:30",
        description=(
            "When customers may be called, by the clocks of where they are, on working days: what a new campaign begins"
            " with. Between 09:00 and 21:00, whatever is written."
        ),
    )
    call_rests: str = Field(
        "12:00-14:00,18:00-19:00",
        description="Hours of rest in which a new campaign calls nobody; `closed` for none.",
    )
    put_through_shows: Literal["caller", "hotline"] = Field(
        "caller",
        description=(
            "The number that a salesperson's telephone shows when a caller is put through: the caller's (where it is not"
            " withheld), or the hotline's own, for carriers that refuse others' numbers."
        ),
    )
    sales_quiet: str = Field(
        "21:00-08:00",
        description="Hours in which no notice goes to salespeople; it waits for their end. Empty: any hour will do.",
    )
    sales_digest: str = Field(
        "08:30",
        description="When salespeople are told of lapses and waiting messages, once a day; empty: never.",
    )
    record_talks: Literal["off", "announce", "always", "ask"] = Field(
        "announce",
        description=(
            "Recording of talks with seats: off, announced to the caller, always (said elsewhere), or ask (the caller"
            " may refuse with a key)."
        ),
    )
    pop_lead_seconds: float = Field(
        2.0,
        ge=0,
        le=5,
        description=(
            "How long a desk telephone waits for the seat's screen to show who calls; it rings 0.32 s after that, or"
            " when this time is over."
        ),
    )
    seat_lost: Literal["next_seat", "flow"] = Field(
        "next_seat",
        description="Where a caller goes whose line to the seat broke: to the next seat, or to the flow.",
    )
    call_back_numbers: str = Field(
        r"1[3-9]\d{9}|0[1-9]\d{8,10}|[2-9]\d{6,7}",
        description="What a number looks like that callers may ask to be called back at (a regular expression).",
    )
    http_address: str = Field("127.0.0.1", description="Address of the HTTP process.")
    http_port: int = Field(
        8080, ge=0, le=65535, description="Port of the console, and of health, readiness and metrics."
    )
    trusted_proxies: str = Field(
        "",
        description=(
            "Addresses of proxies before the console whose word on the caller's address and https is taken, by comma."
        ),
    )

    session_idle_minutes: float = Field(
        30.0, gt=0, le=1440, description="Minutes without any request after which a console session ends."
    )
    session_hours: float = Field(
        12.0, gt=0, le=168, description="Hours after which a sign-in to the console ends in any case."
    )
    oidc_issuer: str = Field(
        "",
        description="Identity provider (OpenID Connect) of the console, such as https://id.example.com; empty: none.",
    )
    oidc_client_id: str = Field("", description="Our client id there.")
    oidc_client_secret: SecretStr = Field(SecretStr(""), description="Our client secret there.")
    oidc_title: str = Field("OpenID Connect", description="What the button of that sign-in is called.")
    oidc_scope: str = Field("openid profile email", description="Scopes that are asked for.")
    oidc_roles_claim: str = Field(
        "roles", description="Claim of the ID token that says what a person may do; dots lead into objects."
    )
    oidc_roles: str = Field(
        "",
        description=(
            "Which value of that claim is which role, such as hotline-seats=seat,hotline-admins=administrator;"
            " empty takes the values as they are."
        ),
    )

    retention_hour: int = Field(
        3, ge=0, le=23, description="Hour of the company's day from which what is due is deleted, once a day."
    )
    sale_queues: str = Field(
        "sales,life_specialists,health_specialists,property_specialists",
        description="Queues whose talks count as sales, for how long their recordings are kept; by comma.",
    )
    sale_dispositions: str = Field(
        "interested,not_interested",
        description="What a seat notes of a talk that counts as a sale, likewise; by comma.",
    )

    crosssell_on: bool = Field(
        True, description="Whether callers may be offered something when their own matter is done."
    )
    crosssell_holdout: float = Field(
        0.08,
        ge=0,
        le=0.5,
        description="Share of the callers who could be offered something that is left alone, to be compared with.",
    )
    crosssell_random: float = Field(
        0.05, ge=0, le=0.5, description="Share of them who are offered one of their products by lot."
    )
    crosssell_cool_off_days: int = Field(
        180, ge=1, le=3650, description="Days in which a caller who refused an offer is not asked again."
    )
    crosssell_offers_30_days: int = Field(
        1, ge=0, le=30, description="Offers to one customer in 30 days, at most."
    )
    crosssell_offers_365_days: int = Field(
        4, ge=0, le=365, description="Offers to one customer in a year, at most."
    )
    crosssell_begun: Literal["warn", "stop"] = Field(
        "warn",
        description="What these three do to a referral that a person begins: warn, so that it is asked twice, or stop.",
    )
    crosssell_floor: float = Field(
        5.0, ge=0, description="What an offer must be worth at least, in the currency of the products."
    )
    crosssell_annoyance: float = Field(
        5.0, ge=0, description="What asking a caller costs in good will, in the same currency."
    )
    crosssell_most_wait_seconds: float = Field(
        30.0,
        ge=0,
        le=600,
        description="The longest that a caller who says yes may be expected to wait for a seat.",
    )
    crosssell_patience_seconds: float = Field(
        1.0,
        gt=0,
        le=10,
        description="How long it may take to decide what to offer, in the background of a call.",
    )

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
    drain_seconds: float = Field(
        30.0, ge=0, le=3600, description="How long running calls may go on after SIGTERM."
    )
    lock_tries: int = Field(3, ge=1, le=10, description="Wrong identity answers before a lock.")
    lock_minutes: int = Field(15, ge=1, le=1440, description="How long an identity lock lasts.")
    reload_seconds: float = Field(2.0, ge=0.1, le=60, description="How often changed flows are looked for.")
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="Least level that is logged."
    )
    log_format: Literal["text", "json"] = Field(
        "text", description="Form of the log lines on standard error."
    )

    @field_validator("data_dir", mode="after")
    @classmethod
    def _absolute(cls, value: Path) -> Path:
        return value.expanduser().absolute()

    @field_validator("zone", mode="after")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError("no such time zone; write one such as Asia/Shanghai") from None
        return value

    @field_validator("sales_quiet", "sales_digest", "call_hours", "call_rests", mode="after")
    @classmethod
    def _hours(cls, value: str) -> str:
        for part in listed(value.removesuffix("closed")):
            if not _HOURS.fullmatch(part):
                raise ValueError("no such time can be; write it as 08:30, and hours as 21:00-08:00")
        return value

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

    @field_validator("public_url", "twilio_api", mode="after")
    @classmethod
    def _is_an_address(cls, value: str) -> str:
        if value and not _ADDRESS.fullmatch(value):
            raise ValueError("no such address can be; write it as https://hotline.example.com")
        return value.rstrip("/")

    @model_validator(mode="after")
    def _has_what_twilio_needs(self) -> Settings:
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

    @model_validator(mode="after")
    def _can_register(self) -> Settings:
        if self.sip_registrar and not self.sip_secret.get_secret_value():
            raise ValueError("a registration needs HOTLINE_SIP_SECRET")
        return self

    @model_validator(mode="after")
    def _knows_its_identity_provider(self) -> Settings:
        if self.oidc_issuer and not (self.oidc_client_id and self.oidc_client_secret.get_secret_value()):
            raise ValueError(
                "HOTLINE_OIDC_ISSUER needs HOTLINE_OIDC_CLIENT_ID and HOTLINE_OIDC_CLIENT_SECRET"
            )
        return self

    @model_validator(mode="after")
    def _has_what_tls_needs(self) -> Settings:
        if self.sip_tls_port and not (self.sip_tls_certificate and self.sip_tls_key):
            raise ValueError("TLS needs HOTLINE_SIP_TLS_CERTIFICATE and HOTLINE_SIP_TLS_KEY")
        return self

    @model_validator(mode="after")
    def _has_ports_for_its_calls(self) -> Settings:
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
    def _has_a_secret_to_ask_for(self) -> Settings:
        if self.sip_accept_user and not self.sip_accept_secret.get_secret_value():
            raise ValueError("asking callers for a password needs HOTLINE_SIP_ACCEPT_SECRET")
        return self

    @property
    def resolved_database_url(self) -> str:
        """The database URL, or that of the SQLite file in the data folder."""
        return self.database_url or f"sqlite+aiosqlite:///{self.data_dir / 'hotline.db'}"

    @property
    def recordings_dir(self) -> Path:
        """Where callers' voices are kept, a folder a day."""
        return self.data_dir / "recordings"

    @property
    def own_flows_dir(self) -> Path:
        """Where flows of the company's own are, and where the console publishes them."""
        return self.flows_dir or self.data_dir / "flows"

    @property
    def own_prompts_dir(self) -> Path:
        """The company's own recordings of prompts."""
        return self.prompt_recordings_dir or self.data_dir / "prompts"

    @property
    def speech_models_dir(self) -> Path:
        """The recognisers' models, a folder a language."""
        return self.speech_models or self.data_dir / "models" / "vosk"

    @property
    def voice_socket(self) -> Path:
        """Where the process answers that says free text."""
        return self.run_dir / "voice.sock"

    @property
    def said_dir(self) -> Path:
        """Names and other free text that were said, sealed, for a month."""
        return self.data_dir / "said"

    @property
    def ears_dir(self) -> Path:
        """Where the recognisers' sockets are."""
        return self.run_dir / "ears"

    @property
    def imports_dir(self) -> Path:
        """Files between their dry run and their import."""
        return self.data_dir / "imports"

    @property
    def bus_dir(self) -> Path:
        """Where the processes of this machine hear of each other's changes."""
        return self.run_dir / "bus"

    @property
    def run_dir(self) -> Path:
        """Status files of running processes."""
        return self.data_dir / "run"


def load_settings(**options: object) -> Settings:
    """The settings, options given first; raises SettingError that names the variable and what it wants."""
    try:
        return Settings(**{name: value for name, value in options.items() if value is not None})  # type: ignore[arg-type]
    except ValidationError as error:
        raise SettingError("; ".join(map(_told, error.errors()))) from None


def _told(item: ErrorDetails) -> str:
    """One mistake; what concerns several settings shows no value, because one of them may be secret."""
    what = item["msg"].removeprefix("Value error, ")
    if not item["loc"]:
        return what
    name = "_".join(str(part) for part in item["loc"]).upper()
    return f"HOTLINE_{name}: {what} (got {item['input']!r})"
