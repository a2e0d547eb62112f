"""What callers and seats hear while they are brought together: hold music, and then each other."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Protocol

from ivr.lines.base import Leg
from ivr.lines.port_leg import PortLeg
from ivr.media.bridge import Bridge, Role
from ivr.media.clip import Clip
from ivr.media.clock import MediaClock
from ivr.media.music import Loop, hold_music
from ivr.media.port import AudioPort

#: Undoes what was begun.
End = Callable[[], None]


class Room(Protocol):
    """Where legs hear each other, or not."""

    def join(self, leg: Leg, *, role: Role = "party", to: Leg | None = None) -> None:
        """Let a leg in, or change its role; a whisperer is heard by `to` alone, who must be in."""

    def leave(self, leg: Leg) -> None:
        """Take it out. Harmless if it is not in."""

    def mute(self, leg: Leg, on: bool) -> None:
        """While on, nobody hears it; it must be in."""

    def hold(self, leg: Leg, on: bool) -> None:
        """While on, it hears music and nobody, and nobody hears it; it must be in."""

    def press(self, leg: Leg, key: str) -> None:
        """Send a key to a leg: as its line signals keys, else as the sound of it."""

    def close(self) -> None:
        """Take everybody out."""


class Sound(Protocol):
    """How legs are given music and each other; a line without frames has a way of its own."""

    def music(self, leg: Leg) -> End:
        """Play hold music until the end that is given back is called."""

    def room(self) -> Room:
        """A room with nobody in it."""


class PortSound:
    """Sound of legs that live on an `AudioPort` (`PortLeg`). `clock` gives the media clock of their line."""

    def __init__(self, clock: Callable[[], MediaClock], music: Clip | None = None) -> None:
        self._clock = clock
        self._music = hold_music() if music is None else music

    def music(self, leg: Leg) -> End:
        """Play hold music, after what is still being said."""
        port = _port(leg)
        port.hear(Loop(self._music))
        return partial(port.hear, None)

    def room(self) -> Room:
        """A bridge with nobody in it."""
        return _BridgeRoom(Bridge(self._clock()), self._music)


class _BridgeRoom:
    """A bridge, asked in legs."""

    def __init__(self, bridge: Bridge, music: Clip) -> None:
        self._bridge = bridge
        self._music = music

    def join(self, leg: Leg, *, role: Role = "party", to: Leg | None = None) -> None:
        """See Room."""
        self._bridge.join(_port(leg), role=role, to=None if to is None else _port(to))

    def leave(self, leg: Leg) -> None:
        """See Room."""
        self._bridge.leave(_port(leg))

    def mute(self, leg: Leg, on: bool) -> None:
        """See Room."""
        self._bridge.mute(_port(leg), on)

    def hold(self, leg: Leg, on: bool) -> None:
        """See Room."""
        self._bridge.hold(_port(leg), self._music if on else None)

    def press(self, leg: Leg, key: str) -> None:
        """See Room."""
        if isinstance(leg, PortLeg):
            leg.press(key)

    def close(self) -> None:
        """See Room."""
        self._bridge.close()


def _port(leg: Leg) -> AudioPort:
    if not isinstance(leg, PortLeg):
        raise TypeError(f"a leg of {leg.info.line} carries no frames")
    return leg.port
