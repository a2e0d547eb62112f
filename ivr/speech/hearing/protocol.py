"""What call workers and recogniser processes say to each other, over a local stream socket.

Each message is a head (octets of the body, kind, which listening) and a body: JSON, or sound as it comes. What callers
say passes here and nowhere else; it is for these two processes alone, and neither writes it anywhere.
"""

from __future__ import annotations

import json
import os
import struct
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from datetime import date
from enum import IntEnum
from pathlib import Path
from typing import Any, Final, NamedTuple

from ivr.media.g711 import FRAME, Law
from ivr.speech.hearing.reports import Began, Dismissed, Heard, Report
from ivr.speech.hearing.types import Expectation, Understood

#: The end of a recogniser process's socket's name.
SUFFIX: Final = ".ears"
#: Octets of a body, at most: a second of sound both ways, or a step with some thousand phrases.
MOST: Final = 1_000_000

_HEAD: Final = struct.Struct("<IBI")
_ALONE, _WITH_PLAYED = b"\0", b"\1"


class ProtocolError(Exception):
    """The other side speaks another language; the connection is to be closed."""


class Kind(IntEnum):
    """What a message is."""

    # From the worker.
    OPEN = 1
    SOUND = 2
    CLOSE = 3
    # From the recogniser.
    GREETING = 10
    OPENED = 11
    FULL = 12
    FAILED = 13
    BEGAN = 14
    HEARD = 15
    DISMISSED = 16
    LEAVING = 17


class Message(NamedTuple):
    """One message; `listening` is a number the worker gave."""

    kind: Kind
    listening: int
    body: bytes

    def json(self) -> Any:
        """The body, read. Raises ProtocolError."""
        try:
            return json.loads(self.body)
        except ValueError:
            raise ProtocolError("a body that cannot be read") from None


class Frame(NamedTuple):
    """20 ms of what the caller said, and of what was played to them (empty: nothing)."""

    said: bytes
    played: bytes = b""


def message(kind: Kind, listening: int = 0, body: Mapping[str, Any] | bytes = b"") -> bytes:
    """A message as it is sent."""
    octets = body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode()
    return _HEAD.pack(len(octets), kind, listening) + octets


class Reader:
    """Cuts what comes into messages."""

    def __init__(self) -> None:
        self._held = bytearray()

    def take(self, data: bytes) -> Iterator[Message]:
        """The messages that are whole now. Raises ProtocolError for what cannot be one."""
        held = self._held
        held += data
        while len(held) >= _HEAD.size:
            size, kind, listening = _HEAD.unpack_from(held)
            if size > MOST or kind not in Kind.__members__.values():
                raise ProtocolError("a message of no kind")
            end = _HEAD.size + size
            if len(held) < end:
                return
            body = bytes(held[_HEAD.size : end])
            del held[:end]
            yield Message(Kind(kind), listening, body)


def pack_sound(frames: Iterable[Frame]) -> bytes:
    """Frames as a body."""
    return b"".join(_WITH_PLAYED + said + played if played else _ALONE + said for said, played in frames)


def unpack_sound(body: bytes) -> Iterator[Frame]:
    """The frames of a body. Raises ProtocolError."""
    at = 0
    while at < len(body):
        played = body[at : at + 1] == _WITH_PLAYED
        end = at + 1 + FRAME * (1 + played)
        if end > len(body):
            raise ProtocolError("half a frame")
        yield Frame(body[at + 1 : at + 1 + FRAME], body[at + 1 + FRAME : end])
        at = end


def pack_expectation(expectation: Expectation, law: Law) -> dict[str, Any]:
    """What is listened for, as JSON."""
    return {
        **asdict(expectation),
        "words": dict(expectation.words),
        "today": expectation.today.isoformat(),
        "law": law.value,
    }


def unpack_expectation(data: Mapping[str, Any]) -> tuple[Expectation, Law]:
    """The reverse. Raises ProtocolError."""
    try:
        fields = {**data, "today": date.fromisoformat(data["today"]), "likely": tuple(data["likely"])}
        law = Law(fields.pop("law"))
        return Expectation(**fields), law
    except (KeyError, TypeError, ValueError):
        raise ProtocolError("an expectation that cannot be read") from None


def pack_report(report: Report) -> tuple[Kind, dict[str, Any]]:
    """A report as a kind of message and its body."""
    match report:
        case Began(at=at):
            return Kind.BEGAN, {"at": at}
        case Heard(understood=understood, began=began, ended=ended):
            return Kind.HEARD, {**asdict(understood), "began": began, "ended": ended}
        case Dismissed(began=began, ended=ended):
            return Kind.DISMISSED, {"began": began, "ended": ended}


def unpack_report(received: Message) -> Report:
    """The reverse. Raises ProtocolError."""
    data = received.json()
    try:
        if received.kind is Kind.BEGAN:
            return Began(float(data["at"]))
        began, ended = float(data["began"]), float(data["ended"])
        if received.kind is Kind.DISMISSED:
            return Dismissed(began, ended)
        understood = Understood(
            data["text"], data["meaning"], float(data["confidence"]), tuple(data["others"])
        )
        return Heard(understood, began, ended)
    except (KeyError, TypeError, ValueError):
        raise ProtocolError("a report that cannot be read") from None


@contextmanager
def short_name(path: Path) -> Iterator[str]:
    """A name of a socket that is short enough for the kernel, however deep its folder lies."""
    number = os.open(path.parent, os.O_PATH | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{number}/{path.name}"
    finally:
        os.close(number)
