"""Twilio's Media Streams messages: JSON texts in which numbers are strings and sound is base64 µ-law at 8 kHz.

In come `connected`, `start`, `media`, `dtmf`, `mark` and `stop`; out go `media`, `mark` and `clear`. Source:
https://www.twilio.com/docs/voice/media-streams/websocket-messages.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final

from ivr.media.keys import KEYS

#: The largest text that is read, in characters: a second of sound is under 11,000.
LARGEST: Final = 32_768
#: How many parameters of its own a call may bring, and how long each may be.
MOST_PARAMETERS: Final = 32
_LONGEST_NAME: Final = 64
_LONGEST_VALUE: Final = 1024
_LONGEST_ID: Final = 128
_FORMAT: Final = {"encoding": "audio/x-mulaw", "sampleRate": "8000", "channels": "1"}


class MessageError(ValueError):
    """A text that is no message of the protocol. What it says never quotes the text."""


@dataclass(frozen=True, slots=True)
class Connected:
    """The first word of a socket."""


@dataclass(frozen=True, slots=True)
class Start:
    """A call begins: its ids at the other side, and its own parameters."""

    stream: str
    call: str = ""
    account: str = ""
    parameters: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True)
class Sound:
    """What the other side says: µ-law bytes, of the moment `at` (ms since the start; None: after the last)."""

    payload: bytes = field(repr=False)
    at: int | None = None


@dataclass(frozen=True, slots=True)
class Key:
    """A key. Not printed: it may belong to a PIN."""

    digit: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Marked:
    """All sound before our mark of this name was played, or cleared."""

    name: str


@dataclass(frozen=True, slots=True)
class Stop:
    """The call is over."""


Message = Connected | Start | Sound | Key | Marked | Stop


def read(text: str) -> Message | None:
    """The message; None for an event that we do not know, and for sound of another track than the caller's.

    Raises MessageError.
    """
    if len(text) > LARGEST:
        raise MessageError("too large")
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        raise MessageError("not JSON") from None
    if not isinstance(data, dict):
        raise MessageError("not an object")
    event = data.get("event")
    if event == "connected":
        return Connected()
    if event == "stop":
        return Stop()
    reader = _READERS.get(event) if isinstance(event, str) else None
    return None if reader is None else reader(data, _part(data, event))


def media(stream: str, frame: bytes) -> str:
    """A frame to be heard, as the text of a `media` message; `stream` is the id as `json.dumps` writes it."""
    payload = base64.b64encode(frame).decode("ascii")
    return f'{{"event":"media","streamSid":{stream},"media":{{"payload":"{payload}"}}}}'


def mark(stream: str, name: str) -> str:
    """Ask to be told when all that was sent before is played or cleared."""
    return json.dumps({"event": "mark", "streamSid": stream, "mark": {"name": name}})


def clear(stream: str) -> str:
    """Ask that all that waits to be played is dropped."""
    return json.dumps({"event": "clear", "streamSid": stream})


def _part(data: Mapping[str, Any], event: Any) -> Mapping[str, Any]:
    part = data.get(event)
    if not isinstance(part, dict):
        raise MessageError(f"a {event} without its part")
    return part


def _start(data: Mapping[str, Any], part: Mapping[str, Any]) -> Start:
    told = part.get("mediaFormat", _FORMAT)
    if not isinstance(told, dict) or any(str(told.get(name)) != value for name, value in _FORMAT.items()):
        raise MessageError("a media format other than µ-law at 8000 Hz in one channel")
    stream = _id(part.get("streamSid") or data.get("streamSid"))
    if not stream:
        raise MessageError("a start without a stream's id")
    return Start(
        stream,
        _id(part.get("callSid")),
        _id(part.get("accountSid")),
        _parameters(part.get("customParameters")),
    )


def _parameters(given: Any) -> Mapping[str, str]:
    if given is None:
        return MappingProxyType({})
    if not isinstance(given, dict) or len(given) > MOST_PARAMETERS:
        raise MessageError("custom parameters that cannot be")
    for name, value in given.items():
        fits = isinstance(value, str) and len(value) <= _LONGEST_VALUE and len(name) <= _LONGEST_NAME
        if not fits:
            raise MessageError("a custom parameter that is no text, or too long")
    return MappingProxyType(dict(given))


def _sound(data: Mapping[str, Any], part: Mapping[str, Any]) -> Sound | None:
    if part.get("track", "inbound") not in ("inbound", "inbound_track"):
        return None
    payload = part.get("payload")
    if not isinstance(payload, str):
        raise MessageError("a media without payload")
    try:
        audio = base64.b64decode(payload, validate=True)
    except (binascii.Error, ValueError):
        raise MessageError("a payload that is not base64") from None
    return Sound(audio, _number(part.get("timestamp")))


def _key(data: Mapping[str, Any], part: Mapping[str, Any]) -> Key:
    digit = part.get("digit")
    if not isinstance(digit, str) or len(digit) != 1 or digit.upper() not in KEYS:
        raise MessageError("a dtmf without a key")
    return Key(digit.upper())


def _marked(data: Mapping[str, Any], part: Mapping[str, Any]) -> Marked:
    return Marked(_id(part.get("name")))


def _id(value: Any) -> str:
    if value is None:
        return ""
    if not isinstance(value, str) or len(value) > _LONGEST_ID:
        raise MessageError("an id that is no text, or too long")
    return value


def _number(value: Any) -> int | None:
    """A whole number of up to 15 digits, as text or as itself; None for anything else."""
    text = str(value) if isinstance(value, int | str) and not isinstance(value, bool) else ""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 15 else None


_READERS: Final = {"start": _start, "media": _sound, "dtmf": _key, "mark": _marked}
