"""What callers and seats hear while they are brought together: hold music, and then each other."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Protocol

from ivr.lines.base import Leg
from ivr.lines.port_leg import PortLeg
from ivr.media.bridge import Bridge
from ivr.media.clip import Clip
from ivr.media.clock import MediaClock
from ivr.media.music import Loop, hold_music
from ivr.media.port import AudioPort

#: Undoes what was begun.
End = Callable[[], None]


class Sound(Protocol):
    """How legs are given music and each other; a line without frames has a way of its own."""

    def music(self, leg: Leg) -> End:
        """Play hold music until the end that is given back is called."""

    def bridge(self, one: Leg, other: Leg) -> End:
        """Let two legs hear each other until the end that is given back is called."""


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

    def bridge(self, one: Leg, other: Leg) -> End:
        """Relay the two legs."""
        bridge = Bridge(self._clock())
        bridge.join(_port(one))
        bridge.join(_port(other))
        return bridge.close


def _port(leg: Leg) -> AudioPort:
    if not isinstance(leg, PortLeg):
        raise TypeError(f"a leg of {leg.info.line} carries no frames")
    return leg.port
