"""Mutates SIP messages and checks that parsing, answering and agreeing hold what they promise.

    python -m tests.sip.fuzz --messages 1000000 --seed 1

Prints one line of figures every tenth of the way, and the message that broke a promise, if one does. Every
fortieth message is traced: one that takes a path through `ivr/sip` not taken before is kept, to be mutated in
its turn.
"""

import argparse
import random
import re
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from ipaddress import ip_address
from pathlib import Path
from types import FrameType
from typing import Any

from ivr.clock import VirtualClock
from ivr.sip import digest, message, sdes, sdp, uri
from ivr.sip.digest import Credentials, DigestGate, Passed
from ivr.sip.message import (
    Message,
    NameAddr,
    Request,
    Response,
    SipSyntaxError,
    Uri,
    Via,
    parse,
    readable,
    respond,
)
from ivr.sip.sdp import Crypto, LocalMedia, SdpError, make_answer, make_offer, parse_session, take_answer
from tests.sip.torture.messages import EVERY

SLOWEST_SECONDS = 0.25

INVITE = b"""INVITE sip:4000@127.0.0.1:5060 SIP/2.0
Via: SIP/2.0/UDP 127.0.0.1:6060;branch=z9hG4bK-1;rport, SIP/2.0/TCP [::1]:5070;received=10.0.0.1;rport=7
Record-Route: <sip:p2.example.com;lr>, "P, 1" <sip:p1.example.com:5070;lr;transport=tcp>
Route: <sip:127.0.0.1;lr>
From: "\xd5\xc5\xc8\xfd" <sip:100@example.com;user=phone>;tag=a1
To: <sip:4000@127.0.0.1>
Call-ID: 1@127.0.0.1
CSeq: 1 INVITE
Contact: "\\"x\\" y" <sip:100@127.0.0.1:6060;transport=udp;ob>;expires=60
Max-Forwards: 70
k: 100rel, timer
Require: replaces
Allow: INVITE, ACK, BYE
x: 1800;refresher=uac
Min-SE: 90
P-Asserted-Identity: "A" <sip:+8613800000000@example.com>, <tel:+8613800000000>
Authorization: Digest username="100", realm="hotline", nonce="0", uri="sip:4000@127.0.0.1", response="0",
 algorithm=SHA-256, cnonce="c", qop=auth, nc=00000001
Content-Type: application/sdp
""".replace(b"\n", b"\r\n")
SDP = b"""v=0
o=- 1 1 IN IP4 127.0.0.1
s=-
c=IN IP4 127.0.0.1
t=0 0
a=sendrecv
m=audio 6000 RTP/AVP 97 8 0 101
a=rtpmap:97 PCMA/8000/1
a=rtpmap:101 telephone-event/8000
a=fmtp:101 0-15
a=ptime:20
a=maxptime:60
a=rtcp:6001 IN IP4 127.0.0.1
a=rtcp-mux
a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj|2^20
m=audio 6002/2 RTP/SAVP 0
c=IN IP6 ::1
a=crypto:2 AES_CM_128_HMAC_SHA1_32 inline:d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj|2^20|1:4
a=sendonly
m=video 0 RTP/AVP 96
""".replace(b"\n", b"\r\n")
UNAUTHORISED = b"""SIP/2.0 401 Unauthorized
Via: SIP/2.0/UDP 127.0.0.1:5060;branch=z9hG4bK-2;received=127.0.0.1;rport=5060
From: <sip:a@b>;tag=1
To: <sip:a@b>;tag=2
Call-ID: 2
CSeq: 1 REGISTER
WWW-Authenticate: Digest realm="hotline", nonce="abc", algorithm=SHA-256, qop="auth,auth-int", stale=true
WWW-Authenticate: Digest realm="hotline", nonce="abc", opaque="x"
Content-Length: 0

""".replace(b"\n", b"\r\n")
# The messages with everything in them are mutated oftener.
SEEDS = [*EVERY.values()]
SEEDS += [INVITE + b"Content-Length: %d\r\n\r\n" % len(SDP) + SDP, INVITE + b"\r\n" + SDP, UNAUTHORISED] * 10

_TOKENS = Path(__file__).with_name("torture").joinpath("tokens.txt").read_text().splitlines()
TOKENS = [token.encode().decode("unicode_escape").encode("latin-1") for token in _TOKENS]
TOKENS += [b"1" * 5000, b"a" * 300, b"A" * 5000]
EXTREMES = (b"0", b"-1", b"65536", b"99999", b"2147483648", b"4294967296", b"9" * 40, b"007", b"127", b"128")
_NUMBER = re.compile(rb"[0-9]+")
_TRACED = {str(Path(module.__file__ or "")) for module in (digest, message, sdes, sdp, uri)}


def mutated(data: bytes, seeds: list[bytes], chance: random.Random) -> bytes:
    """The message with one to four things changed."""
    for _ in range(chance.choice((1, 1, 1, 1, 2, 2, 3, 4))):
        data = chance.choice(MUTATIONS)(data, seeds, chance)
    if chance.random() < 0.4:
        head, gap, body = data.partition(b"\r\n\r\n")
        head = re.sub(rb"(?im)^(content-length|l)[ \t]*:.*\r?$", b"Content-Length: %d\r" % len(body), head)
        data = head.removesuffix(b"\r") + gap + body
    return data


def _flip(data: bytes, _: list[bytes], chance: random.Random) -> bytes:
    if not data:
        return data
    at = chance.randrange(len(data))
    return data[:at] + bytes([data[at] ^ 1 << chance.randrange(8)]) + data[at + 1 :]


def _insert(data: bytes, _: list[bytes], chance: random.Random) -> bytes:
    at = chance.randrange(len(data) + 1)
    token = chance.choice(TOKENS)
    # Once in a while as long as a head may be, for what takes the square of its length.
    times = chance.choice((1, 1, 1, 1, 2, 2, 50, 12_000 // len(token) + 1))
    return data[:at] + token * times + data[at:]


def _replace(data: bytes, _: list[bytes], chance: random.Random) -> bytes:
    at = chance.randrange(len(data) + 1)
    return data[:at] + chance.choice(TOKENS) + data[at + chance.randrange(1, 12) :]


def _cut(data: bytes, _: list[bytes], chance: random.Random) -> bytes:
    at = chance.randrange(len(data) + 1)
    return data[:at] + data[at + chance.choice((1, 2, 5, 20, 200, 9999)) :]


def _splice(data: bytes, seeds: list[bytes], chance: random.Random) -> bytes:
    other = chance.choice(seeds)
    return data[: chance.randrange(len(data) + 1)] + other[chance.randrange(len(other) + 1) :]


def _line(data: bytes, seeds: list[bytes], chance: random.Random) -> bytes:
    """Double, drop or move a line, or take one of another message."""
    lines = data.split(b"\r\n")
    at = chance.randrange(len(lines))
    match chance.randrange(4):
        case 0:
            lines[at:at] = [lines[at]] * chance.choice((1, 1, 2, 130))
        case 1:
            del lines[at]
        case 2:
            lines.insert(chance.randrange(len(lines)), lines.pop(at))
        case _:
            lines.insert(at, chance.choice(chance.choice(seeds).split(b"\r\n")))
    return b"\r\n".join(lines)


def _number(data: bytes, _: list[bytes], chance: random.Random) -> bytes:
    numbers = list(_NUMBER.finditer(data))
    if not numbers:
        return data
    match = chance.choice(numbers)
    return data[: match.start()] + chance.choice(EXTREMES) + data[match.end() :]


MUTATIONS: tuple[Callable[[bytes, list[bytes], random.Random], bytes], ...] = (
    _flip,
    _flip,
    _insert,
    _insert,
    _replace,
    _cut,
    _splice,
    _line,
    _line,
    _number,
    _number,
)


class BrokenPromiseError(AssertionError):
    """A message did what none may do."""


def promise(held: bool, what: str) -> None:
    if not held:
        raise BrokenPromiseError(what)


class Checker:
    """Puts one message after the other through the message, description and digest modules."""

    def __init__(self) -> None:
        self.clock = VirtualClock(datetime(2026, 1, 1, tzinfo=UTC))
        self.gate = DigestGate("hotline", {"100": "secret"}.get, self.clock, b"k" * 16)
        self.outcomes: Counter[str] = Counter()

    def check(self, data: bytes) -> None:
        """Raises whatever breaks a promise."""
        try:
            read = parse(data)
        except SipSyntaxError as error:
            self._refused(error)
            return
        self.outcomes["read"] += 1
        self._validated(read)
        self._written(read)
        if isinstance(read, Request):
            promise(not isinstance(self.gate.check(read), Passed), "nobody knows the secret")
            respond(read, 200, to_tag="tag").to_bytes()
        else:
            found = digest.answer(read, Credentials("u", "p"), "INVITE", "sip:a@b", cnonce="c")
            promise(found is None or not set(found[1]) & {"\r", "\n", "\0"}, "an answer fits a header")
            digest.is_stale(read)
        if read.body:
            self._described(read.body)

    def _refused(self, error: SipSyntaxError) -> None:
        promise(error.status in (400, 505, 513), "a status that is meant")
        if error.request is None:
            self.outcomes["silent"] += 1
            return
        self.outcomes["answered"] += 1
        answer = respond(error.request, error.status, error.reason, to_tag="tag")
        promise(answer.to_bytes().startswith(b"SIP/2.0 %d " % error.status), "the answer can be written")
        for name in ("from_", "to", "cseq", "contact", "uri", "via"):
            try:
                getattr(error.request, name)
            except SipSyntaxError:
                self.outcomes["unreadable"] += 1

    def _validated(self, read: Message) -> None:
        promise(bool(read.call_id) and 0 <= read.cseq < 2**31 and bool(read.method), "Call-ID and CSeq")
        addresses = [read.from_, read.to, *read.contacts, *read.routes, *read.record_routes]
        for address in addresses:
            check_address(address)
        for via in read.vias:
            check_via(via)
        for name in ("Max-Forwards", "Expires", "RSeq", "Min-SE"):
            number = read.number(name)
            promise(number is None or 0 <= number < 2**32, name)
        promise(read.via is read.vias[0] and not set(read.content_type) & set(" ;\r\n"), "Via, Content-Type")
        promise(all(value for value in read.require + read.supported), "option tags")
        if isinstance(read, Request):
            promise(not read.uri.headers, "no headers in a Request-URI")
            check_uri(read.uri)
        elif isinstance(read, Response):
            promise(100 <= read.status <= 699, "status")
        for _, value in read.headers:
            promise(not set(value) & {"\r", "\n", "\0"}, "one line for a header")
            readable(value)

    def _written(self, read: Request | Response) -> None:
        data = read.to_bytes()
        if len(data) > message.MOST_BYTES or data.index(b"\r\n\r\n") > message.MOST_HEAD - 4:
            return
        if data.count(b"\n", 0, data.index(b"\r\n\r\n") + 2) > message.MOST_LINES:
            return  # commas became lines
        again = parse(data)
        promise(list(again.headers) == list(read.headers) and again.body == read.body, "written as read")
        promise(again.start_line() == read.start_line(), "start line written as read")

    def _described(self, body: bytes) -> None:
        keys = (Crypto(1, sdes.SUITES[0], b"k" * 30), Crypto(2, sdes.SUITES[1], b"l" * 30))
        try:
            offer = parse_session(body)
        except SdpError as error:
            promise(error.status in (400, 488), "a status that is meant")
            self.outcomes["sdp refused"] += 1
            return
        self.outcomes["sdp read"] += 1
        for media in offer.audio:
            check_media(media)
        policies: tuple[sdp.Secure, ...] = ("off", "offered", "required")
        for policy in policies:
            local = LocalMedia("127.0.0.1", 4000, 1, secure=policy, cryptos=keys)
            try:
                answer, agreed = make_answer(local, offer)
            except SdpError:
                continue
            self.outcomes["sdp agreed"] += 1
            promise(
                agreed.law in ("PCMA", "PCMU") and 0 <= agreed.payload_type <= 127, "law and payload type"
            )
            promise(agreed.payload_type != agreed.events, "events have their own payload type")
            promise((agreed.local_crypto is None) == (agreed.remote_crypto is None), "two keys or none")
            promise(policy != "required" or agreed.local_crypto is not None, "encrypted where it must be")
            promise(bool(agreed.address) or not (agreed.sends or agreed.receives), "no address, no packets")
            promise(len(parse_session(answer).layout) == len(offer.layout), "every stream answered")
            held = local.changed(agreed=agreed, direction="sendonly")
            other = LocalMedia("127.0.0.1", 4002, 2, secure=policy, cryptos=keys)
            kept = take_answer(held, parse_session(make_answer(other, parse_session(make_offer(held)))[0]))
            promise(
                (kept.law, kept.payload_type) == (agreed.law, agreed.payload_type), "what was settled stays"
            )


def check_uri(found: Uri) -> None:
    promise(found.port is None or 0 < found.port < 65536, "port of a URI")
    promise(len(found.host) <= 253 and not set(found.host) & set(" @;?/\r\n"), "host of a URI")
    promise(bool(found.host) == (found.scheme in ("sip", "sips")), "a host, or another scheme")
    if found.is_numeric:
        ip_address(found.host)
    promise(Uri.parse(str(found)) == found, "a URI written as read")


def check_address(found: NameAddr) -> None:
    check_uri(found.uri)
    promise(found.params.get("tag", "x") is not None, "a tag has a value")
    promise(NameAddr.parse(str(found)).with_tag("t").tag == "t", "an address written as read")
    readable(found.display)


def check_via(found: Via) -> None:
    promise(found.port is None or 0 < found.port < 65536, "port of a Via")
    promise(found.rport is None or 0 < found.rport < 65536, "rport")
    promise(0 < len(found.host) <= 253, "host of a Via")
    if found.received:
        ip_address(found.received)
    promise(Via.parse(str(found)) == found, "a Via written as read")
    Via.parse(str(found.seen_from("::1", 5060)))


def check_media(found: sdp.Media) -> None:
    promise(0 <= found.port < 65536 and 0 <= found.rtcp_port < 65536, "ports of a stream")
    if found.address:
        address = ip_address(found.address)
        promise(not address.is_multicast and found.address != "255.255.255.255", "address of a stream")
    promise(all(0 <= number <= 127 for number in found.payload_types.values()), "payload types")
    promise(found.events is None or 0 <= found.events <= 127, "payload type of events")
    promise(10 <= found.ptime <= 200, "ptime")
    promise(all(len(crypto.key) == 30 and crypto.suite in sdes.SUITES for crypto in found.cryptos), "keys")


@dataclass
class Paths:
    """The steps from line to line that messages have taken so far."""

    known: set[tuple[str, int, int]] = field(default_factory=set)
    fresh: bool = False

    def run(self, check: Callable[[bytes], None], data: bytes) -> bool:
        """Check one message; whether it took a step that none took before."""
        self.fresh = False
        before = sys.gettrace()
        sys.settrace(self._enter)
        try:
            check(data)
        finally:
            sys.settrace(before)
        return self.fresh

    def _enter(self, frame: FrameType, _event: str, _arg: Any) -> Callable[..., Any] | None:
        name = frame.f_code.co_filename
        if name not in _TRACED:
            return None
        last = 0

        def step(inner: FrameType, _event: str, _arg: Any) -> Callable[..., Any]:
            nonlocal last
            arc = (name, last, inner.f_lineno)
            last = inner.f_lineno
            if arc not in self.known:
                self.known.add(arc)
                self.fresh = True
            return step

        return step


@dataclass
class Run:
    """What came of a run. `broken` is the message that broke a promise, and why."""

    messages: int = 0
    slowest: float = 0.0
    corpus: int = 0
    arcs: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    broken: tuple[bytes, str] | None = None

    def __str__(self) -> str:
        outcomes = " ".join(
            f"{name.replace(' ', '_')}={count}" for name, count in sorted(self.outcomes.items())
        )
        return (
            f"messages={self.messages} slowest_ms={self.slowest * 1000:.1f} corpus={self.corpus} arcs={self.arcs} "
            f"{outcomes} broken={0 if self.broken is None else 1}"
        )


def fuzz(messages: int, seed: int, report: Callable[[str], None] = lambda line: None) -> Run:
    """Mutate so many messages; stops at the first that breaks a promise."""
    chance = random.Random(seed)
    checker = Checker()
    paths = Paths()
    seeds = list(SEEDS)
    for known in SEEDS:
        paths.run(checker.check, known)
    run = Run(outcomes=checker.outcomes)
    for number in range(1, messages + 1):
        data = mutated(chance.choice(seeds), SEEDS, chance)[:70_000]
        run.messages = number
        try:
            if number % 40 == 0:
                if paths.run(checker.check, data) and len(data) < 8_000:
                    seeds.append(data)
            else:
                began = time.process_time()
                checker.check(data)
                took = time.process_time() - began
                run.slowest = max(run.slowest, took)
                promise(took < SLOWEST_SECONDS, f"took {took:.3f} s")
        except Exception as error:  # whatever escapes is the finding
            run.broken = (data, repr(error))
        run.corpus, run.arcs = len(seeds), len(paths.known)
        if run.broken:
            break
        if number % max(1, messages // 10) == 0:
            report(str(run))
    return run


def main() -> int:
    """Run from the command line; 1 if a promise was broken."""
    options = argparse.ArgumentParser(description="Mutate SIP messages")
    options.add_argument("--messages", type=int, default=10_000)
    options.add_argument("--seed", type=int, default=1)
    chosen = options.parse_args()
    began = time.monotonic()

    def report(line: str) -> None:
        sys.stdout.write(f"{time.monotonic() - began:7.1f} s  seed={chosen.seed} {line}\n")
        sys.stdout.flush()

    run = fuzz(chosen.messages, chosen.seed, report)
    report(str(run))
    if run.broken:
        report(f"BROKEN {run.broken[1]}\n{run.broken[0]!r}")
    return 1 if run.broken else 0


if __name__ == "__main__":
    raise SystemExit(main())
