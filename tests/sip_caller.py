"""An outside telephone for tests: a small SIP caller with its own RTP, sharing no code with the hotline.

It speaks just enough SIP over UDP on loopback to place a call, press keys, send and hear G.711, hold,
cancel and hang up, and it keeps every RTP packet with the kernel's arrival time, so that what it measures
is what was on the wire. One `SipCaller` is one UDP socket and may place many calls.

    async with SipCaller(("127.0.0.1", 5060)) as caller:
        call = await caller.dial("4001")
        await call.until_sound()
        pressed = await call.press("1")
        await call.hang_up()
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import random
import time
import wave
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from rtp_peer import (
    DECODE,
    EVENTS,
    KEYS,
    PCMA,
    PCMU,
    Address,
    Packet,
    Pcm,
    Rtp,
    bound_udp,
    dominant,
    encode,
    key_tone,
    sine,
)

__all__ = [
    "EVENTS",
    "KEYS",
    "PCMA",
    "PCMU",
    "Message",
    "Offer",
    "OutsideCall",
    "Packet",
    "Pcm",
    "Refused",
    "Rtp",
    "SipCaller",
    "bound_udp",
    "dominant",
    "encode",
    "sine",
]

_numbers = itertools.count(1)


@dataclass
class Message:
    """A SIP message taken apart: header names in lower case, values in order."""

    first: str
    headers: dict[str, list[str]]
    body: str = ""
    source: Address = ("", 0)
    at: float = 0.0

    @classmethod
    def parse(cls, data: bytes, source: Address) -> Message:
        head, _, body = data.decode("utf-8", "surrogateescape").partition("\r\n\r\n")
        first, *lines = head.split("\r\n")
        headers: dict[str, list[str]] = {}
        for line in lines:
            name, _, value = line.partition(":")
            headers.setdefault(name.strip().lower(), []).append(value.strip())
        return cls(first, headers, body, source, time.time())

    def get(self, name: str) -> str:
        """The first value of a header, or an empty text."""
        return self.headers.get(name, [""])[0]

    @property
    def status(self) -> int:
        """The status of a response; 0 for a request."""
        return int(self.first.split()[1]) if self.first.startswith("SIP/2.0") else 0

    @property
    def method(self) -> str:
        """The request's method, or that of the request a response answers."""
        return self.get("cseq").split()[1] if self.status else self.first.split()[0]


@dataclass
class Refused(Exception):  # noqa: N818 - it is an answer, not an error
    """The call was not answered: the final response."""

    response: Message

    def __str__(self) -> str:
        return self.response.first

    @property
    def status(self) -> int:
        """The SIP status of the refusal."""
        return self.response.status


@dataclass
class Offer:
    """What the caller says of its media. `address` may lie, to play a peer behind a NAT."""

    payload_types: tuple[int, ...] = (PCMU, PCMA)
    events: int | None = EVENTS
    direction: str = "sendrecv"
    address: str = "127.0.0.1"
    extra: tuple[str, ...] = ()

    def sdp(self, port: int, version: int) -> str:
        """The session description."""
        names = {PCMU: "PCMU/8000", PCMA: "PCMA/8000"}
        listed = [*self.payload_types, *([self.events] if self.events is not None else [])]
        lines = [
            "v=0",
            f"o=- 1 {version} IN IP4 {self.address}",
            "s=-",
            f"c=IN IP4 {self.address}",
            "t=0 0",
            f"m=audio {port} RTP/AVP {' '.join(map(str, listed))}",
            *(f"a=rtpmap:{number} {names[number]}" for number in self.payload_types),
        ]
        if self.events is not None:
            lines += [f"a=rtpmap:{self.events} telephone-event/8000", f"a=fmtp:{self.events} 0-16"]
        lines += [f"a={self.direction}", "a=ptime:20", *self.extra]
        return "\r\n".join(lines) + "\r\n"


@dataclass
class OutsideCall:
    """A call as the outside peer sees it. Made by `SipCaller.dial` or `SipCaller.begin`."""

    caller: SipCaller
    target: str
    offer: Offer
    headers: Mapping[str, str]
    from_header: str
    rtp: Rtp
    call_id: str = field(default_factory=lambda: f"{next(_numbers)}-{random.randrange(1 << 40):x}@outside")
    to: str = ""
    contact: str = ""
    answered_at: float = 0.0
    responses: list[Message] = field(default_factory=list)
    requests: list[Message] = field(default_factory=list)
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    #: Set when our 200 to a call that came is acknowledged.
    acknowledged: asyncio.Event = field(default_factory=asyncio.Event)
    _sequence: int = 0
    _version: int = 0
    _branch: str = ""
    _invite_branch: str = ""
    _arrived: asyncio.Event = field(default_factory=asyncio.Event)

    # -- signalling ------------------------------------------------------------------------------

    def invite(self) -> None:
        """Send the INVITE (or a re-INVITE with the present offer)."""
        self._version += 1
        self._sequence += 1
        self._invite_branch = self._new_branch()
        self._send("INVITE", self._sequence, self._invite_branch, self._sdp(), self.headers)

    async def final(self, seconds: float = 5.0, method: str = "INVITE") -> Message:
        """The final response to the last request of that method; it is acknowledged."""
        number = f"{self._sequence} {method}"
        return await self._response(lambda m: m.status >= 200 and m.get("cseq") == number, seconds)

    async def provisional(self, status: int, seconds: float = 5.0) -> Message:
        """Wait for a certain status."""
        return await self._response(lambda m: m.status == status, seconds)

    async def _response(self, fits: Any, seconds: float) -> Message:
        async with asyncio.timeout(seconds):
            while True:
                for message in self.responses:
                    if fits(message):
                        return message
                self._arrived.clear()
                await self._arrived.wait()

    async def answered(self, seconds: float = 5.0) -> Message:
        """Wait for the answer and start media. Raises Refused."""
        reply = await self.final(seconds)
        if reply.status >= 300:
            await self.rtp.close()
            raise Refused(reply)
        self._start_media(reply)
        return reply

    @classmethod
    def came(cls, caller: SipCaller, request: Message) -> OutsideCall:
        """A call placed to us, answered at once."""
        call = cls(
            caller,
            _uri(request.get("contact")),
            Offer(address=caller.host),
            {},
            f"{request.get('to')};tag={random.randrange(1 << 40):x}",
            Rtp(caller.host),
            call_id=request.get("call-id"),
            to=request.get("from"),
        )
        call.contact = call.target
        call.requests.append(request)
        call._start_media(request)
        request.headers["to"] = [call.from_header]
        caller.reply(request, "200 OK", call._sdp(), call.contact_header)
        return call

    def _start_media(self, reply: Message) -> None:
        self.answered_at = self.answered_at or reply.at
        host, port, payload_type, events = read_sdp(reply.body)
        self.rtp.sending = self.offer.direction in ("sendrecv", "sendonly")
        self.rtp.start((host, port), payload_type, events)

    async def cancel(self) -> Message:
        """Give up before the answer; the final response to the INVITE.

        Where the answer was faster (200), the call is ended by BYE, as RFC 3261 9.1 wants it.
        """
        self._send("CANCEL", self._sequence, self._invite_branch)
        reply = await self.final()
        if reply.status < 300:
            await self.hang_up()
        return reply

    async def hold(self, direction: str = "sendonly") -> Message:
        """Put the other side on hold by a re-INVITE."""
        return await self._reinvite(direction)

    async def resume(self) -> Message:
        """Take it back."""
        return await self._reinvite("sendrecv")

    async def _reinvite(self, direction: str) -> Message:
        self.offer.direction = direction
        self.invite()
        reply = await self.final()
        if reply.status < 300:
            self._start_media(reply)
        return reply

    async def request(self, method: str, body: str = "", headers: Mapping[str, str] | None = None) -> Message:
        """A request inside the call, and its final response."""
        self._sequence += 1
        self._send(method, self._sequence, self._new_branch(), body, headers or {})
        return await self.final(method=method)

    async def hang_up(self) -> None:
        """BYE if the call is up; harmless after its end."""
        if self.answered_at and not self.ended.is_set():
            with contextlib.suppress(TimeoutError):
                await self.request("BYE")
        self.ended.set()
        await self.rtp.close()

    # -- media -----------------------------------------------------------------------------------

    async def press(
        self, keys: str, *, via: str = "rfc4733", gap: float = 0.06, seconds: float = 0.1
    ) -> float:
        """Press keys; returns the Unix time at which the last one's first packet was sent."""
        at = 0.0
        for key in keys:
            if via == "rfc4733":
                at = await self.rtp.key(key, seconds)
            elif via == "inband":
                at = time.time()
                self.rtp.say(key_tone(key, seconds))
                await asyncio.sleep(seconds)
            else:
                at = time.time()
                await self._info(key, via)
            await asyncio.sleep(gap)
        return at

    async def _info(self, key: str, via: str) -> Message:
        if via == "info":
            return await self.request(
                "INFO", f"Signal={key}\r\nDuration=160\r\n", {"Content-Type": "application/dtmf-relay"}
            )
        return await self.request("INFO", key, {"Content-Type": "application/dtmf"})

    def say(self, pcm: Pcm) -> None:
        """Speak (queued, sent in 20 ms frames)."""
        self.rtp.say(pcm)

    @property
    def heard(self) -> list[Packet]:
        """Every RTP packet that came, in order of arrival."""
        return self.rtp.heard

    def pcm(self, since: float = 0.0) -> Pcm:
        """What was heard, packets in sequence, from a Unix time on."""
        return np.concatenate([np.zeros(0, np.int16), *(p.pcm for p in self.heard if p.at >= since)])

    def save_wav(self, path: Path) -> None:
        """Write what was heard as 16-bit WAV."""
        with wave.open(str(path), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(8000)
            file.writeframes(self.pcm().tobytes())

    async def until_sound(self, *, after: float = 0.0, seconds: float = 5.0) -> float:
        """The arrival time of the first packet after `after` in which something is heard."""
        return await self._until(
            lambda: next((p.at for p in self.heard if p.at > after and p.loud), None), seconds
        )

    async def until_silence(self, *, after: float = 0.0, quiet: float = 0.2, seconds: float = 10.0) -> float:
        """The end of the last loud packet after which nothing was heard for `quiet` seconds.

        Loud packets before `after` do not count; `after` itself is given back when none came.
        """

        def silent() -> float | None:
            late = [p for p in self.heard if p.at > after]
            last = next((p.at for p in reversed(late) if p.loud), after)
            return last if late and late[-1].at - last >= quiet else None

        return await self._until(silent, seconds)

    async def _until(self, found: Any, seconds: float) -> float:
        limit = time.monotonic() + seconds
        while (at := found()) is None:
            if time.monotonic() > limit:
                raise TimeoutError(f"not heard within {seconds} s; {len(self.heard)} packets came")
            await self.rtp.news(0.2)
        return float(at)

    # -- what the socket brings ------------------------------------------------------------------

    def took(self, message: Message) -> None:
        """A message of this call."""
        if message.status:
            self._took_response(message)
        else:
            self._took_request(message)
        self._arrived.set()

    def _took_response(self, message: Message) -> None:
        if message.method == "INVITE" and message.status >= 200:
            if message.status < 300:
                self.to, self.contact = message.get("to"), _uri(message.get("contact"))
                self.answered_at = self.answered_at or message.at
            self._acknowledge(message)
        self.responses.append(message)

    def _acknowledge(self, message: Message) -> None:
        number = int(message.get("cseq").split()[0])
        good = message.status < 300
        branch = self._new_branch() if good else self._invite_branch
        self._send("ACK", number, branch, to=message.get("to"), initial=not good)

    def _took_request(self, message: Message) -> None:
        self.requests.append(message)
        if message.method == "ACK":
            self.acknowledged.set()
            return
        body = self._sdp() if message.method in ("INVITE", "UPDATE") and message.body else ""
        status = (
            "200 OK"
            if message.method in ("BYE", "INVITE", "UPDATE", "INFO", "OPTIONS", "NOTIFY")
            else "501 No"
        )
        self.caller.reply(message, status, body, self.contact_header)
        if message.method == "BYE":
            self.ended.set()

    # -- writing ---------------------------------------------------------------------------------

    @property
    def contact_header(self) -> str:
        """Where the other side reaches us."""
        return f"<sip:outside@{self.caller.address[0]}:{self.caller.address[1]}>"

    def _sdp(self) -> str:
        return self.offer.sdp(self.rtp.port, self._version)

    def _new_branch(self) -> str:
        return f"z9hG4bK{next(_numbers)}x{random.randrange(1 << 32):x}"

    def _send(
        self,
        method: str,
        number: int,
        branch: str,
        body: str = "",
        headers: Mapping[str, str] | None = None,
        *,
        to: str = "",
        initial: bool = False,
    ) -> None:
        host, port = self.caller.address
        first = self.target if initial or method == "CANCEL" else self.contact or self.target
        fields = {
            "Via": f"SIP/2.0/UDP {host}:{port};rport;branch={branch}",
            "Max-Forwards": "70",
            "From": self.from_header,
            "To": to or self.to or f"<{self.target}>",
            "Call-ID": self.call_id,
            "CSeq": f"{number} {method}",
            "Contact": self.contact_header,
            "Allow": "INVITE, ACK, BYE, CANCEL, UPDATE, INFO, OPTIONS",
            **(headers or {}),
        }
        if method == "INVITE":
            fields.setdefault("Content-Type", "application/sdp")
        self.caller.send(f"{method} {first} SIP/2.0", fields, body)


class SipCaller:
    """One UDP socket on loopback from which calls are placed to `server`."""

    def __init__(self, server: Address, *, host: str = "127.0.0.1") -> None:
        self.server = server
        self.host = host
        self.calls: dict[str, OutsideCall] = {}
        #: Calls placed to us, answered at once while `answers` is set; without it they are busy.
        self.came: list[OutsideCall] = []
        self.answers = True
        self.strays: list[Message] = []

    async def __aenter__(self) -> SipCaller:
        self.socket = bound_udp(self.host)
        self.address: Address = self.socket.getsockname()
        asyncio.get_running_loop().add_reader(self.socket, self._readable)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        for call in self.calls.values():
            if call.rtp.socket.fileno() >= 0:
                await call.hang_up()
        asyncio.get_running_loop().remove_reader(self.socket)
        self.socket.close()

    def begin(
        self,
        user: str = "4001",
        *,
        caller: str = "13800138000",
        from_header: str = "",
        headers: Mapping[str, str] | None = None,
        offer: Offer | None = None,
        rtp_host: str = "",
    ) -> OutsideCall:
        """Send an INVITE and return at once.

        `from_header` replaces the whole From value (without its tag); `headers` are added as they are.
        `rtp_host` is where the media really are, when the offer's address is not true.
        """
        target = f"sip:{user}@{self.server[0]}:{self.server[1]}"
        source = from_header or f"<sip:{caller}@{self.address[0]}>"
        tag = f"{random.randrange(1 << 40):x}"
        offer = offer or Offer(address=self.host)
        rtp = Rtp(rtp_host or offer.address)
        call = OutsideCall(self, target, offer, headers or {}, f"{source};tag={tag}", rtp)
        self.calls[call.call_id] = call
        call.invite()
        return call

    async def dial(self, user: str = "4001", *, seconds: float = 5.0, **options: Any) -> OutsideCall:
        """Place a call and wait for its answer. Raises Refused. Options are those of `begin`."""
        call = self.begin(user, **options)
        await call.answered(seconds)
        return call

    @contextlib.asynccontextmanager
    async def calling(self, user: str = "4001", **options: Any) -> AsyncIterator[OutsideCall]:
        """A call for the length of a block."""
        call = await self.dial(user, **options)
        try:
            yield call
        finally:
            await call.hang_up()

    async def ask(self, method: str = "OPTIONS", seconds: float = 3.0) -> Message:
        """A request outside any call, and its response."""
        number = next(_numbers)
        host, port = self.address
        target = f"sip:{self.server[0]}:{self.server[1]}"
        fields = {
            "Via": f"SIP/2.0/UDP {host}:{port};rport;branch=z9hG4bK{number}ask{random.randrange(1 << 32):x}",
            "Max-Forwards": "70",
            "From": f"<sip:probe@{host}>;tag={number}",
            "To": f"<{target}>",
            "Call-ID": f"ask-{number}-{random.randrange(1 << 32):x}",
            "CSeq": f"1 {method}",
            "Contact": f"<sip:probe@{host}:{port}>",
        }
        self.send(f"{method} {target} SIP/2.0", fields, "")
        async with asyncio.timeout(seconds):
            while True:
                for stray in self.strays:
                    if stray.get("call-id") == fields["Call-ID"]:
                        return stray
                await asyncio.sleep(0.005)

    def send(self, first: str, fields: Mapping[str, str], body: str) -> None:
        """One message to the server. Header values may hold raw bytes as surrogate escapes."""
        octets = body.encode("utf-8", "surrogateescape")
        lines = [
            first,
            *(f"{name}: {value}" for name, value in fields.items()),
            f"Content-Length: {len(octets)}",
        ]
        head = "\r\n".join(lines) + "\r\n\r\n"
        self.socket.sendto(head.encode("utf-8", "surrogateescape") + octets, self.server)

    def reply(self, request: Message, status: str, body: str, contact: str) -> None:
        """Answer a request of the server's."""
        lines = [f"SIP/2.0 {status}"]
        for name in ("Via", "Record-Route", "From", "To", "Call-ID", "CSeq", "Session-Expires"):
            lines += [f"{name}: {value}" for value in request.headers.get(name.lower(), [])]
        lines.append(f"Contact: {contact}")
        if body:
            lines.append("Content-Type: application/sdp")
        lines.append(f"Content-Length: {len(body)}")
        text = "\r\n".join(lines) + "\r\n\r\n" + body
        self.socket.sendto(text.encode("utf-8", "surrogateescape"), request.source)

    def _readable(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while True:
                data, source = self.socket.recvfrom(65_535)
                if not data.strip():
                    continue
                message = Message.parse(data, source)
                call = self.calls.get(message.get("call-id"))
                if call is not None:
                    call.took(message)
                elif not message.status and message.method == "INVITE":
                    self._called(message)
                else:
                    self.took_stray(message)

    def took_stray(self, message: Message) -> None:
        """A message of no call: kept for `ask`. A test's own registrar does more with it."""
        self.strays.append(message)

    def _called(self, request: Message) -> None:
        if self.answers:
            call = OutsideCall.came(self, request)
            self.calls[call.call_id] = call
            self.came.append(call)
        else:
            self.reply(request, "486 Busy Here", "", f"<sip:{self.address[0]}:{self.address[1]}>")


def read_sdp(body: str) -> tuple[str, int, int, int | None]:
    """Of an answer: host, port, the G.711 payload type, and that of telephone-event."""
    host, port, audio, events = "127.0.0.1", 0, PCMU, None
    for line in body.splitlines():
        if line.startswith("c=IN IP4 "):
            host = line.split()[2]
        elif line.startswith("m=audio "):
            words = line.split()
            port = int(words[1])
            audio = next(int(word) for word in words[3:] if int(word) in DECODE)
        elif line.startswith("a=rtpmap:") and "telephone-event/8000" in line:
            events = int(line[len("a=rtpmap:") :].split()[0])
    return host, port, audio, events


def _uri(header: str) -> str:
    return header.partition("<")[2].partition(">")[0] or header.split(";")[0]
