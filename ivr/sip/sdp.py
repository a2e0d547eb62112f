"""Session descriptions (RFC 4566) and the offer and answer of one audio stream in G.711 (RFC 3264).

The library reads and writes the text. What it is given has been cleaned of lines on whose numbers it would
stumble, and everything it returns is validated before a socket or the media plane can see it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from typing import Literal, NamedTuple

from aiosipua.sdp import (
    ConnectionData,
    MediaDescription,
    Origin,
    SdpMessage,
    parse_sdp,
    serialize_sdp,
)

from ivr.sip.sdes import Crypto, crypto_value, parse_crypto

__all__ = [
    "Agreed",
    "Crypto",
    "LocalMedia",
    "Media",
    "SdpError",
    "SessionDescription",
    "make_answer",
    "make_offer",
    "parse_session",
    "take_answer",
]

Direction = Literal["sendrecv", "sendonly", "recvonly", "inactive"]
Secure = Literal["off", "offered", "required"]

MOST_BYTES = 32_768
MOST_LINES = 512
MOST_STREAMS = 16
MOST_FORMATS = 64
STATIC = {"PCMA": 8, "PCMU": 0}
_DIRECTIONS: tuple[Direction, ...] = ("sendrecv", "sendonly", "recvonly", "inactive")
_PLAIN = ("RTP/AVP", "RTP/AVPF")
_SECURE = ("RTP/SAVP", "RTP/SAVPF")

_ORIGIN = re.compile(r"o=[^ ]+ ([0-9]{1,30}) ([0-9]{1,30}) IN IP[46] [^ ]+", re.ASCII)
_STREAM = re.compile(
    r"m=(?P<kind>[A-Za-z0-9-]{1,20}) (?P<port>[0-9]{1,5})(?P<ports>/[0-9]{1,5})? (?P<proto>[A-Za-z0-9/]{1,40})"
    r"(?P<formats>(?: [\w.+*/-]{1,80})+)",
    re.ASCII,
)
_CONNECTION = re.compile(r"c=IN IP[46] [^ ]+")
_RTPMAP = re.compile(r"a=rtpmap:[0-9]{1,3} [\w.+-]{1,40}/[0-9]{1,6}(?:/[0-9]{1,2})?", re.ASCII)
_UNPRINTABLE = re.compile(r"[^\x20-\x7e]")
_NUMBER = re.compile(r"[0-9]{1,5}", re.ASCII)
_RTCP = re.compile(r"([0-9]{1,5})(?: IN IP[46] [^ ]+)?", re.ASCII)


class SdpError(ValueError):
    """A description that breaks the grammar (`status` 400) or that we cannot take part in (488)."""

    def __init__(self, reason: str, status: int = 488) -> None:
        super().__init__(f"{status} {reason}")
        self.status = status
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Media:
    """One audio stream as one side described it, validated.

    `address` is numeric; "" if the stream is refused (`port` 0) or held in the old way by an address of
    zeros (RFC 2543). `rtcp_port` is 0 if there is none. `laws` are PCMA and PCMU in their order, with their
    payload types in `payload_types`; `events` is that of telephone-event/8000. `ptime` is in milliseconds.
    """

    address: str
    port: int
    rtcp_port: int
    rtcp_mux: bool
    laws: tuple[str, ...]
    payload_types: Mapping[str, int]
    events: int | None
    ptime: int
    direction: Direction
    proto: str
    cryptos: tuple[Crypto, ...]
    index: int

    @property
    def secure(self) -> bool:
        """Whether the profile itself demands encryption."""
        return self.proto in _SECURE

    @property
    def held(self) -> bool:
        """Whether the other side does not want to hear us."""
        return not _receives(self.direction)


@dataclass(frozen=True, slots=True)
class SessionDescription:
    """What a body described. `layout` has every stream as it is refused: `video 0 RTP/AVP 96`."""

    session_id: str
    version: str
    audio: tuple[Media, ...]
    layout: tuple[str, ...]

    @property
    def media(self) -> Media | None:
        """The first usable audio stream, else the first refused one, else None."""
        usable = (media for media in self.audio if media.port)
        return next(usable, self.audio[0] if self.audio else None)


@dataclass(frozen=True, slots=True)
class LocalMedia:
    """Our side of the stream.

    `laws` are in our order, for offers. `secure`: "off" answers no encrypted stream and offers none,
    "offered" encrypts if the other side can, "required" does nothing else; `cryptos` are our keys, one for
    each suite we carry. `rtcp_port` None is the port after `port`. `rtcp_mux`: whether we take RTCP on the
    audio port if that is offered. `layout` and `proto` are filled in by `changed`.
    """

    address: str
    port: int
    session_id: int
    version: int = 1
    rtcp_port: int | None = None
    laws: tuple[str, ...] = ("PCMA", "PCMU")
    payload_types: Mapping[str, int] = field(default_factory=lambda: STATIC)
    events_pt: int | None = 101
    secure: Secure = "off"
    direction: Direction = "sendrecv"
    cryptos: tuple[Crypto, ...] = ()
    rtcp_mux: bool = True
    layout: tuple[str, ...] = ("",)
    proto: str = ""

    def changed(
        self,
        *,
        direction: Direction | None = None,
        address: str | None = None,
        port: int | None = None,
        rtcp_port: int | None = None,
        agreed: Agreed | None = None,
    ) -> LocalMedia:
        """The next description of ours: its version is one higher (RFC 3264, section 8).

        `agreed` keeps what an earlier offer and answer settled: payload types, profile and the number and
        order of streams, which may not change (sections 8.1, 8.3.2).
        """
        after = replace(
            self,
            version=self.version + 1,
            direction=direction or self.direction,
            address=address or self.address,
            port=port or self.port,
            rtcp_port=rtcp_port if port else self.rtcp_port,
        )
        if agreed is None:
            return after
        events = self.events_pt if agreed.events is None else agreed.events
        return replace(
            after,
            payload_types={**self.payload_types, agreed.law: agreed.payload_type},
            events_pt=None if events == agreed.payload_type else events,
            laws=(agreed.law, *(law for law in self.laws if law != agreed.law)),
            layout=agreed.layout,
            proto=agreed.proto,
        )


@dataclass(frozen=True, slots=True)
class Agreed:
    """What offer and answer settled, from our side.

    `address` and `port` are the other side's; the address is "" if it gave none to send to. `sends` is
    whether we may send, `receives` whether we will be sent anything. `ptime` is what the other side likes
    to get, in milliseconds. Both cryptos are there, or neither.
    """

    law: str
    payload_type: int
    events: int | None
    address: str
    port: int
    rtcp_port: int
    rtcp_mux: bool
    ptime: int
    sends: bool
    receives: bool
    local_crypto: Crypto | None
    remote_crypto: Crypto | None
    layout: tuple[str, ...]
    proto: str


def parse_session(body: bytes) -> SessionDescription:
    """What `body` describes. Raises SdpError: 400 for what is no description, 488 if no stream is usable."""
    described = _read(body)
    audio: list[Media] = []
    trouble: SdpError | None = None
    for index, stream in enumerate(described.media):
        try:
            if stream.media == "audio":
                audio.append(_media(described, stream, index))
        except SdpError as error:
            trouble = trouble or error
    if trouble is not None and not any(media.port for media in audio):
        raise trouble
    origin = described.origin
    layout = tuple(f"{m.media} 0 {m.proto} {' '.join(m.formats)}" for m in described.media)
    return SessionDescription(origin.session_id, origin.session_version, tuple(audio), layout)


def make_offer(local: LocalMedia) -> bytes:
    """A description that offers our stream; the other streams of `local.layout` stay refused."""
    laws: dict[str, int] = {}
    for law in local.laws:
        number = local.payload_types.get(law, STATIC[law])
        # What was settled before comes first, and nothing else may take its payload types.
        if number not in (*laws.values(), local.events_pt):
            laws[law] = number
    cryptos = () if local.secure == "off" else local.cryptos
    stream = _stream(local, _proto(local), laws, local.events_pt, local.direction, cryptos)
    return _written(local, local.layout, stream)


def make_answer(local: LocalMedia, offer: SessionDescription) -> tuple[bytes, Agreed]:
    """Our answer to an offer, and what it settles.

    Payload types and the order of preference are the offerer's; every stream but one is refused. Raises
    SdpError(488) if there is none that we can take part in.
    """
    choice = _chosen(local, offer)
    media = choice.media
    layout = tuple("" if index == media.index else line for index, line in enumerate(offer.layout))
    agreed = _agreed(local, choice, layout)
    sends = _sends(local.direction) and _receives(media.direction)
    receives = _receives(local.direction) and _sends(media.direction)
    cryptos = () if choice.ours is None else (choice.ours,)
    laws = {agreed.law: agreed.payload_type}
    stream = _stream(local, media.proto, laws, agreed.events, _direction(sends, receives), cryptos)
    if agreed.rtcp_mux:
        stream.attributes["rtcp-mux"] = []
    return _written(local, layout, stream), agreed


def take_answer(local: LocalMedia, answer: SessionDescription) -> Agreed:
    """What the other side's answer to `make_offer(local)` settles. Raises SdpError(488)."""
    index = local.layout.index("")
    media = next((media for media in answer.audio if media.index == index), None)
    if media is None or not media.port:
        raise SdpError("Stream Refused")
    if media.proto != _proto(local) or len(answer.layout) != len(local.layout):
        raise SdpError("Answer Does Not Fit")
    choice = _choice(local, media)
    if choice.ours is not None and choice.ours not in local.cryptos:
        raise SdpError("No Common Key")
    return _agreed(local, choice, local.layout)


# -- reading --


def _read(body: bytes) -> SdpMessage:
    """The body as the library reads it, of lines that it can read."""
    if len(body) > MOST_BYTES or b"\0" in body:
        raise SdpError("Bad Session Description", 400)
    lines = [line.strip() for line in re.split(r"[\r\n]+", body.decode("latin-1"))]
    lines = [_UNPRINTABLE.sub("?", line) for line in lines if line]
    if not lines or lines[0] != "v=0" or len(lines) > MOST_LINES:
        raise SdpError("Bad Session Description", 400)
    if sum(line.startswith("m=") for line in lines) > MOST_STREAMS:
        raise SdpError("Too Many Streams", 400)
    return parse_sdp("\n".join(_cleaned(lines)))


def _cleaned(lines: list[str]) -> Iterator[str]:
    """The lines that mean something to us, their numbers checked: the library turns them into ints."""
    for line in lines:
        if line.startswith("m="):
            yield _stream_line(line)
        elif line.startswith("c="):
            yield line if _CONNECTION.fullmatch(line) else "c=IN IP4 unusable"
        elif line.startswith("o="):
            if _ORIGIN.fullmatch(line):
                yield line
        elif line.startswith("a=rtpmap:"):
            if _RTPMAP.fullmatch(line):
                yield line
        elif line.startswith("a=") and not line.startswith("a=fmtp:"):
            yield line


def _stream_line(line: str) -> str:
    match = _STREAM.fullmatch(" ".join(line.split()))
    if match is None or int(match["port"]) > 65535 or match["formats"].count(" ") > MOST_FORMATS:
        raise SdpError("Bad Media Line", 400)
    return f"m={match['kind'].lower()} {int(match['port'])} {match['proto']}{match['formats']}"


def _media(described: SdpMessage, stream: MediaDescription, index: int) -> Media:
    """An audio stream, validated; refused if its port is 0. Raises SdpError(488) if it is unusable."""
    attributes = stream.attributes
    found = (_direction_in(attributes), _direction_in(described.attributes))
    direction: Direction = found[0] or found[1] or "sendrecv"
    address = ""
    if stream.port:
        if stream.proto not in (*_PLAIN, *_SECURE):
            raise SdpError("Unsupported Profile")
        address = _address(stream.connection or described.connection)
        if not address:
            direction = "sendonly" if _sends(direction) else "inactive"
    mux = "rtcp-mux" in attributes
    payload_types, events = _codecs(stream)
    cryptos = (parse_crypto(value) for value in attributes.get("crypto", []))
    return Media(
        address=address,
        port=stream.port,
        rtcp_port=stream.port if mux else _rtcp_port(stream),
        rtcp_mux=mux,
        laws=tuple(payload_types),
        payload_types=payload_types,
        events=events,
        ptime=_ptime(attributes),
        direction=direction,
        proto=stream.proto,
        cryptos=tuple(crypto for crypto in cryptos if crypto is not None),
        index=index,
    )


def _direction_in(attributes: Mapping[str, list[str]]) -> Direction | None:
    return next((direction for direction in _DIRECTIONS if direction in attributes), None)


def _address(connection: ConnectionData | None) -> str:
    """The address to send to, "" for one of zeros (RFC 2543). Raises SdpError(488) for an unusable one."""
    text = connection.address if connection else ""
    try:
        address = IPv6Address(text) if ":" in text else IPv4Address(text)
    except AddressValueError:
        raise SdpError("Unusable Address") from None
    if address.is_unspecified:
        return ""
    if isinstance(address, IPv4Address):
        unusable = address.is_multicast or address.is_reserved or text.startswith("0.")
    else:
        unusable = address.is_multicast or address.ipv4_mapped is not None or "%" in text
    if unusable:
        raise SdpError("Unusable Address")
    return str(address)


def _codecs(stream: MediaDescription) -> tuple[dict[str, int], int | None]:
    """Payload types of the laws in their order, and that of telephone events."""
    laws: dict[str, int] = {}
    events: int | None = None
    for codec in stream.codecs:
        name = codec.encoding_name.upper()
        if codec.clock_rate != 8000 or codec.channels not in (None, 1) or not 0 <= codec.payload_type <= 127:
            continue
        if name in STATIC:
            laws.setdefault(name, codec.payload_type)
        elif name == "TELEPHONE-EVENT" and events is None:
            events = codec.payload_type
    return laws, events


def _rtcp_port(stream: MediaDescription) -> int:
    """Where RTCP goes: a=rtcp (RFC 3605), else the next port; 0 if there is none."""
    for value in stream.attributes.get("rtcp", []):
        match = _RTCP.fullmatch(value)
        if match is not None and 0 < int(match[1]) < 65536:
            return int(match[1])
    return stream.port + 1 if 0 < stream.port < 65535 else 0


def _ptime(attributes: Mapping[str, list[str]]) -> int:
    """Milliseconds of audio the side wants in a packet: 10…200, 20 if it does not say."""
    said = [20, 200]
    for at, name in enumerate(("ptime", "maxptime")):
        for value in attributes.get(name, []):
            if _NUMBER.fullmatch(value) and 10 <= int(value) <= 200:
                said[at] = int(value)
    return min(said)


# -- agreeing --


def _sends(direction: Direction) -> bool:
    return direction in ("sendrecv", "sendonly")


def _receives(direction: Direction) -> bool:
    return direction in ("sendrecv", "recvonly")


def _direction(sends: bool, receives: bool) -> Direction:
    if sends:
        return "sendrecv" if receives else "sendonly"
    return "recvonly" if receives else "inactive"


def _proto(local: LocalMedia) -> str:
    return local.proto or ("RTP/SAVP" if local.secure == "required" else "RTP/AVP")


class _Choice(NamedTuple):
    """A stream that we can take, its law, and the keys of both sides if it is encrypted."""

    media: Media
    law: str
    ours: Crypto | None
    theirs: Crypto | None


def _chosen(local: LocalMedia, offer: SessionDescription) -> _Choice:
    """The first encrypted stream that we can take, else the first other. Raises SdpError(488)."""
    plain: _Choice | None = None
    trouble = SdpError("No Usable Stream")
    for media in offer.audio:
        if not media.port:
            continue
        try:
            choice = _choice(local, media)
        except SdpError as error:
            trouble = error
            continue
        if choice.ours is not None:
            return choice
        plain = plain or choice
    if plain is None:
        raise trouble
    return plain


def _choice(local: LocalMedia, media: Media) -> _Choice:
    """How we would take this stream. Raises SdpError(488)."""
    law = next((law for law in media.laws if law in local.laws), None)
    if law is None:
        raise SdpError("No Common Codec")
    if media.address and (":" in media.address) != (":" in local.address):
        raise SdpError("Other Address Family")
    ours, theirs = _keys(local, media)
    if ours is None and (media.secure or local.secure == "required"):
        raise SdpError("No Common Key")
    return _Choice(media, law, ours, theirs)


def _keys(local: LocalMedia, media: Media) -> tuple[Crypto, Crypto] | tuple[None, None]:
    """Our key and theirs for the first of their suites that we carry; ours answers under their tag."""
    if local.secure != "off":
        for theirs in media.cryptos:
            for ours in local.cryptos:
                if ours.suite == theirs.suite:
                    return replace(ours, tag=theirs.tag), theirs
    return None, None


def _agreed(local: LocalMedia, choice: _Choice, layout: tuple[str, ...]) -> Agreed:
    media = choice.media
    # To an address of zeros nobody sends anyway: such a stream counts as `sendonly` at most.
    return Agreed(
        law=choice.law,
        payload_type=media.payload_types[choice.law],
        events=None if local.events_pt is None else media.events,
        address=media.address,
        port=media.port,
        rtcp_port=media.rtcp_port,
        rtcp_mux=media.rtcp_mux and local.rtcp_mux,
        ptime=media.ptime,
        sends=_sends(local.direction) and _receives(media.direction),
        receives=bool(media.address) and _receives(local.direction) and _sends(media.direction),
        local_crypto=choice.ours,
        remote_crypto=choice.theirs,
        layout=layout,
        proto=media.proto,
    )


# -- writing --


def _stream(
    local: LocalMedia,
    proto: str,
    laws: Mapping[str, int],
    events: int | None,
    direction: Direction,
    cryptos: Iterable[Crypto],
) -> MediaDescription:
    """Our stream, as the library writes it."""
    formats = [str(number) for number in laws.values()]
    maps = [f"{number} {law}/8000" for law, number in laws.items()]
    attributes: dict[str, list[str]] = {"rtpmap": maps}
    if events is not None:
        formats.append(str(events))
        maps.append(f"{events} telephone-event/8000")
        attributes["fmtp"] = [f"{events} 0-15"]
    attributes["ptime"] = ["20"]
    keys = [crypto_value(crypto) for crypto in cryptos]
    if keys:
        attributes["crypto"] = keys
    if local.rtcp_port not in (None, local.port + 1):
        attributes["rtcp"] = [str(local.rtcp_port)]
    attributes[direction] = []
    return MediaDescription("audio", local.port, proto, formats, attributes=attributes)


def _written(local: LocalMedia, layout: tuple[str, ...], ours: MediaDescription) -> bytes:
    """A description with our stream where the layout leaves its place, and the others refused."""
    family = "IP6" if ":" in local.address else "IP4"
    streams: list[MediaDescription] = []
    for line in layout:
        kind, _, proto, *formats = line.split() if line else ("", "", "")
        streams.append(MediaDescription(kind, 0, proto, formats) if line else ours)
    session = SdpMessage(
        origin=Origin("-", str(local.session_id), str(local.version), "IN", family, local.address),
        session_name="-",
        connection=ConnectionData("IN", family, local.address),
        media=streams,
    )
    return serialize_sdp(session).encode("ascii")
