"""Who may speak to the core: what every packet must pass before anybody parses it.

`Guard.admit` looks at the size, the source and the first line of a packet, and at little else: it costs a few
microseconds, whatever the packet holds. What the core finds wrong later on comes back as `strike`; a source
with too many strikes is shut out for a while. All tables are bounded.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

from ivr.sip.guard_sources import Ban, Bucket, Source, Sources, source_key

if TYPE_CHECKING:
    from ivr.clock import Clock
    from ivr.sip.network import Flow

#: The largest datagram there is; RFC 3261 asks that all of them can be received (section 18.1.1).
LONGEST: Final = 65_535

Action = Literal["allow", "drop", "busy"]
Reason = Literal[
    "",
    "keepalive",
    "too_long",
    "not_sip",
    "scanner",
    "banned",
    "not_listed",
    "rate",
    "overall_rate",
    "call_rate",
]


class Verdict(NamedTuple):
    """What to do with a packet.

    `allow`: parse it. `drop`: forget it in silence. `busy`: a new call too many; a 503 may be said (see
    `ivr.sip.refusal`), nothing else is to be done with it.
    """

    action: Action
    reason: Reason = ""


@dataclass(frozen=True, slots=True)
class GuardSettings:
    """How much one source, and all together, may ask for; rates are per second.

    Raises ValueError for a network that is none, or a rate or bound that is not positive.
    """

    #: Networks that may speak to us, as `192.0.2.0/24` or `2001:db8::/32`; empty: anybody. A listed network is
    #: never shut out.
    networks: tuple[str, ...] = ()
    #: Whether others than those networks may speak to us too.
    strangers: bool = False
    #: Packets of one source. A hundred calls a second from one trunk are about a thousand.
    source_packets: float = 2_000.0
    source_packet_burst: float = 4_000.0
    #: Packets of all sources that are not known yet, neither by the list nor by a call that was answered.
    packets: float = 10_000.0
    packet_burst: float = 10_000.0
    #: New calls of all together, and of any one source (which leaves something for the others).
    calls_per_second: float = 150.0
    call_burst: float = 300.0
    source_calls: float = 120.0
    source_call_burst: float = 240.0
    #: So many strikes within so many seconds shut a source out for `ban_seconds`.
    strikes: int = 10
    strike_seconds: float = 60.0
    ban_seconds: float = 600.0
    #: How long a source is remembered to be an honest one, after an answered call or a request of ours to it.
    vouch_seconds: float = 3_600.0
    #: How many sources (and bans) are remembered at most.
    most_sources: int = 10_000

    def __post_init__(self) -> None:
        for network in self.networks:
            ip_network(network)
        for name in self.__slots__:
            value = getattr(self, name)
            if not isinstance(value, tuple | bool) and value <= 0:
                raise ValueError(f"{name} must be more than 0, not {value}")


#: What a notice of the core counts for. What is not here is no strike: an honest peer may do it.
STRIKES: Final[dict[str, int]] = {
    "malformed": 1,
    "not_sip": 1,
    "unauthorised": 1,
    "forbidden": 1,
    "method": 1,
}

#: A vouched-for source must be that many times worse: nobody's trunk is to be shut out by a few packets that
#: somebody else sent in its name.
_VOUCHED_PATIENCE: Final = 10
#: What part of all new calls strangers may make: the rest is for those who have called honestly before.
_STRANGERS: Final = 0.9
#: A call may come that often under one Call-ID (retransmissions, authentication) before it counts anew.
_CALL_REPEATS: Final = 16
_MOST_CALLS: Final = 8_192

_ALLOW: Final = Verdict("allow")
_KEEPALIVE: Final = Verdict("drop", "keepalive")
_TOO_LONG: Final = Verdict("drop", "too_long")
_NOT_SIP: Final = Verdict("drop", "not_sip")
_SCANNER: Final = Verdict("drop", "scanner")
_BANNED: Final = Verdict("drop", "banned")
_NOT_LISTED: Final = Verdict("drop", "not_listed")
_RATE: Final = Verdict("drop", "rate")
_OVERALL: Final = Verdict("drop", "overall_rate")
_BUSY: Final = Verdict("busy", "call_rate")

#: Begins like SIP: a method or `SIP/`, with blank lines before it at most (RFC 3261, section 7.5).
_FIRST_LINE: Final = re.compile(
    rb"(?:\r\n){0,4}(?:SIP/\d|[A-Za-z0-9.!%*_+`'~-]{1,40}[ \t][^\r\n]{0,8192}?SIP/)"
)
#: By what scanners call themselves, in lower case. Anybody may change it; most do not.
_SCANNERS: Final = (
    b"friendly-scanner",
    b"friendly-request",
    b"sipvicious",
    b"sipcli",
    b"sip-scan",
    b"sundayddr",
    b"vaxsipuseragent",
    b"pplsip",
    b"svmap",
    b"svwar",
    b"svcrack",
)
# Possessive throughout: no packet makes a search slow.
_PROGRAM: Final = re.compile(rb"\n(?:user-agent|server)[ \t]*+:([^\r\n]{0,200}+)")
_PARTY: Final = re.compile(rb"\n(?:from|f|to|t)[ \t]*+:([^\r\n]{0,400}+)")
_TO: Final = re.compile(rb"\n(?:to|t)[ \t]*+:([^\r\n]{0,2000}+)", re.IGNORECASE)
_TAG: Final = re.compile(rb";[ \t]*+tag[ \t]*+=", re.IGNORECASE)
_CALL_ID: Final = re.compile(rb"\n(?:call-id|i)[ \t]*+:[ \t]*+([^\r\n]{1,256}+)", re.IGNORECASE)
#: How much of a message is searched: scanners' heads are short, and no head may be longer than this.
_SEARCHED: Final = 4_096
_HEAD: Final = 16_384
#: A long packet counts for so many short ones.
_OCTETS: Final = 1_500
#: RFC 8489, section 5: what tells STUN (a keep-alive of RFC 5626) from everything else.
_STUN_COOKIE: Final = b"\x21\x12\xa4\x42"


class Guard:
    """Admits packets or not. `on_ban` is told once each time a source is shut out."""

    def __init__(
        self, settings: GuardSettings, *, clock: Clock, on_ban: Callable[[Ban], None] | None = None
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._on_ban = on_ban
        self._networks = tuple(ip_network(network) for network in settings.networks)
        self._sources = Sources(settings.most_sources)
        self._trusted: set[str] = set()
        self._packets = Bucket(settings.packets, settings.packet_burst, clock.time())
        self._calls = Bucket(settings.calls_per_second, settings.call_burst, clock.time())
        self._strangers = Bucket(
            _STRANGERS * settings.calls_per_second, max(1.0, _STRANGERS * settings.call_burst), clock.time()
        )
        self._lately: OrderedDict[int, int] = OrderedDict()
        #: How many packets came to what verdict, by reason (`allowed` for none), and how many `bans` there were.
        self.counts: dict[str, int] = {"allowed": 0, "bans": 0}

    @property
    def banned(self) -> int:
        """How many sources are shut out at the moment."""
        return self._sources.banned(self._clock.time())

    def admit(self, data: bytes, flow: Flow) -> Verdict:
        """Whether one packet, or one message of a stream, is to be parsed at all."""
        verdict = self._judge(data, flow)
        reason = verdict.reason or "allowed"
        self.counts[reason] = self.counts.get(reason, 0) + 1
        return verdict

    def welcome(self, flow: Flow) -> bool:
        """Whether a new connection from there may be taken: its source is neither shut out nor unlisted."""
        source = self._source(flow)
        return source.banned_until <= self._clock.time() and self._listed(source)

    def strike(self, flow: Flow, what: str) -> None:
        """Count what a source did wrong, by the name of the core's notice (see `STRIKES`)."""
        weight = STRIKES.get(what, 0)
        if weight and flow.host:
            self._punish(self._source(flow), weight, what)

    def trust(self, host: str) -> None:
        """Never shut this address out, nor ask the list about it: our own registrar or proxy. ValueError for a name."""
        key = source_key(host)
        self._trusted.add(key)
        self._sources.forget(key)

    def trusts(self, host: str) -> bool:
        """Whether a numeric address is on the list, or our own registrar or proxy."""
        return source_key(host) in self._trusted or _within(host, self._networks)

    def vouch(self, flow: Flow) -> None:
        """Something honest came of this source (an answered call): be patient with it for a while."""
        self._source(flow).vouched_until = self._clock.time() + self._settings.vouch_seconds

    def expect(self, flow: Flow) -> None:
        """We have sent a request there ourselves: let it answer, whether its network is listed or not."""
        self._source(flow).expected_until = self._clock.time() + self._settings.vouch_seconds

    def pardon(self, host: str) -> None:
        """Forget what was held against an address, a ban too."""
        self._sources.forget(source_key(host))

    def _judge(self, data: bytes, flow: Flow) -> Verdict:
        if _is_keepalive(data):
            return _KEEPALIVE
        source, now = self._source(flow), self._clock.time()
        refused = self._stands_against(source, now, 1 + len(data) // _OCTETS)
        if refused is not None:
            return refused
        if len(data) > LONGEST:
            return _TOO_LONG
        if _FIRST_LINE.match(data) is None:
            self._punish(source, STRIKES["not_sip"], "not_sip")
            return _NOT_SIP
        if data.startswith(b"SIP/"):
            return _ALLOW
        if _is_scanner(data):
            self._punish(source, self._settings.strikes, "scanner")
            return _SCANNER
        return self._new_call(data, source, now)

    def _stands_against(self, source: Source, now: float, cost: int) -> Verdict | None:
        """What speaks against the source itself, whatever it sends; `cost` in packets of usual size."""
        if source.banned_until > now:
            return _BANNED
        if not self._listed(source):
            return _NOT_LISTED
        if not source.packets.take(now, cost):
            return _RATE
        known = source.trusted or source.vouched_until > now
        if not known and not self._packets.take(now, cost):
            return _OVERALL
        return None

    def _new_call(self, data: bytes, source: Source, now: float) -> Verdict:
        """Hold a request that would begin a call to the rate of new calls."""
        if not _begins_a_call(data):
            return _ALLOW
        found = _CALL_ID.search(data, 0, _HEAD)
        call = hash((source.key, found[1] if found else b""))
        seen = self._lately.get(call, 0)
        if 0 < seen < _CALL_REPEATS:
            self._lately[call] = seen + 1
            return _ALLOW
        if not source.calls.take(now):
            return _BUSY
        if not (source.trusted or source.vouched_until > now) and not self._strangers.take(now):
            return _BUSY
        if not self._calls.take(now):
            return _BUSY
        self._lately[call] = 1
        if len(self._lately) > _MOST_CALLS:
            self._lately.popitem(last=False)
        return _ALLOW

    def _source(self, flow: Flow) -> Source:
        key = source_key(flow.host, flow.port)
        source = self._sources.find(key)
        if source is None:
            source = self._stranger(key, flow.host)
            self._sources.add(source, self._clock.time())
        return source

    def _stranger(self, key: str, host: str) -> Source:
        settings, now = self._settings, self._clock.time()
        return Source(
            key=key,
            packets=Bucket(settings.source_packets, settings.source_packet_burst, now),
            calls=Bucket(settings.source_calls, settings.source_call_burst, now),
            trusted=self.trusts(host),
        )

    def _listed(self, source: Source) -> bool:
        anybody = not self._networks or self._settings.strangers
        return anybody or source.trusted or source.expected_until > self._clock.time()

    def _punish(self, source: Source, weight: int, why: str) -> None:
        """Note strikes, and shut the source out when they are too many; a trusted one never."""
        if source.trusted:
            return
        now, settings = self._clock.time(), self._settings
        patience = _VOUCHED_PATIENCE if source.vouched_until > now else 1
        if source.strike(weight, now, settings.strike_seconds) < settings.strikes * patience:
            return
        source.banned_until = now + settings.ban_seconds
        source.strikes = 0
        self.counts["bans"] += 1
        if self._on_ban is not None:
            self._on_ban(Ban(source.key, why, settings.ban_seconds))


def _is_keepalive(data: bytes) -> bool:
    """Blank lines, a few zeros, or STUN: what telephones send to keep a NAT open."""
    if len(data) <= 64 and not data.strip(b"\r\n\0 "):
        return True
    return data[4:8] == _STUN_COOKIE and data[0] < 4


def _is_scanner(data: bytes) -> bool:
    head = data[:_SEARCHED].lower()
    if not any(name in head for name in _SCANNERS):
        return False
    programs = (found[1] for found in _PROGRAM.finditer(head))
    if any(name in program for program in programs for name in _SCANNERS):
        return True
    return any(b"sipvicious" in found[1] for found in _PARTY.finditer(head))


def _begins_a_call(data: bytes) -> bool:
    """Whether it is an INVITE outside of any dialog."""
    if not data.startswith(b"INVITE") and not data.lstrip(b"\r\n").startswith(b"INVITE"):
        return False
    to = _TO.search(data, 0, _HEAD)
    return to is None or _TAG.search(to[1]) is None


def _within(host: str, networks: tuple[IPv4Network | IPv6Network, ...]) -> bool:
    address = ip_address(host)
    return any(address in network for network in networks)
