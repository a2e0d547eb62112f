"""A bridge: the parties of one conversation, however many, and who of them hears whom.

Two parties are relayed: payloads pass untouched where both speak one law, and otherwise by a table. As soon
as a third comes, or somebody listens, whispers, is muted or on hold, the same ports are mixed instead; when
two plain parties are left they are relayed again. Recording is the legs' own (`PortLeg.record` on each), so
each side keeps its own file and its own mask.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Literal

from ivr.media.clip import Clip
from ivr.media.clock import Beat, MediaClock
from ivr.media.mixer import Mixer
from ivr.media.music import Loop
from ivr.media.port import AudioPort
from ivr.media.relay import Relay

#: A party hears and is heard; a listener only hears; a whisperer hears all and is heard by one alone.
Role = Literal["party", "listener", "whisperer"]

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Member:
    role: Role
    whispers_to: AudioPort | None = None
    muted: bool = False
    held: bool = False

    @property
    def plain(self) -> bool:
        return self.role == "party" and not self.muted and not self.held


class Bridge:
    """Ports that hear each other, on the process's media clock, until `close`. Used in the loop's thread."""

    def __init__(self, clock: MediaClock) -> None:
        self._clock = clock
        self._members: dict[AudioPort, _Member] = {}
        self._relay: Relay | None = None
        self._relayed: tuple[AudioPort, ...] = ()
        self._mixer: Mixer | None = None
        self._beat: Beat | None = None

    @property
    def size(self) -> int:
        """How many are in it, listeners counted."""
        return len(self._members)

    @property
    def mixed(self) -> bool:
        """Whether it is mixed at present, rather than relayed."""
        return self._mixer is not None

    def join(self, port: AudioPort, *, role: Role = "party", to: AudioPort | None = None) -> None:
        """Let a port in, or change the role it has.

        A whisperer is heard by `to` alone, which must be in the bridge. Raises ValueError if it is not.
        """
        if role == "whisperer" and (to is None or to not in self._members or to is port):
            raise ValueError("a whisperer needs somebody else in the bridge to whisper to")
        self._members[port] = _Member(role, to if role == "whisperer" else None)
        self._arrange()

    def leave(self, port: AudioPort) -> None:
        """Take a port out; it hears silence. Harmless if it is not in. Its whisperers only listen from now on."""
        if self._members.pop(port, None) is None:
            return
        for member in self._members.values():
            if member.whispers_to is port:
                member.role, member.whispers_to = "listener", None
        self._let_go(port)
        self._arrange()

    def mute(self, port: AudioPort, on: bool) -> None:
        """While on, nobody hears this port. Raises KeyError if it is not in the bridge."""
        self._members[port].muted = on
        self._arrange()

    def hold(self, port: AudioPort, music: Clip | None) -> None:
        """Play music to a port, which neither hears nor is heard meanwhile; None takes it back.

        Raises KeyError if it is not in the bridge.
        """
        self._members[port].held = music is not None
        self._let_go(port)
        self._arrange()
        if music is not None:
            port.hear(Loop(music))

    def close(self) -> None:
        """Take everyone out; all hear silence."""
        for port in self._members:
            self._let_go(port)
        self._members.clear()
        self._arrange()

    # How it is carried.

    def _arrange(self) -> None:
        """Relay two plain parties, mix anything else that talks, and leave alone who is alone."""
        talking = {port: member for port, member in self._members.items() if not member.held}
        if len(talking) == 2 and all(member.plain for member in talking.values()):
            self._relay_two(tuple(talking))
        elif len(talking) >= 2:
            self._mix(talking)
        else:
            self._unrelay()
            self._unmix()

    def _relay_two(self, ports: tuple[AudioPort, ...]) -> None:
        self._unmix()
        if self._relayed != ports:
            self._unrelay()
            self._relay, self._relayed = Relay(*ports), ports

    def _mix(self, talking: dict[AudioPort, _Member]) -> None:
        self._unrelay()
        if self._mixer is None:
            self._mixer = Mixer()
            self._beat = self._clock.add(self._mixer.beat, self._mixing_failed)
        for port in talking:
            self._mixer.add(port)
        for hearer in talking:
            for speaker, member in talking.items():
                if hearer is not speaker:
                    self._mixer.set_hears(hearer, speaker, self._is_heard(member, hearer))

    @staticmethod
    def _is_heard(speaker: _Member, hearer: AudioPort) -> bool:
        if speaker.muted or speaker.role == "listener":
            return False
        return speaker.role == "party" or speaker.whispers_to is hearer

    def _let_go(self, port: AudioPort) -> None:
        """Take a port out of whatever carries it."""
        if port in self._relayed:
            self._unrelay()
        if self._mixer is not None:
            self._mixer.remove(port)
        port.hear(None)

    def _unrelay(self) -> None:
        if self._relay is not None:
            self._relay.close()
            self._relay, self._relayed = None, ()

    def _unmix(self) -> None:
        if self._mixer is not None:
            self._mixer.close()
            self._mixer = None
        if self._beat is not None:
            self._clock.remove(self._beat)
            self._beat = None

    def _mixing_failed(self, error: Exception) -> None:
        """The mixer's beat was stopped by an error: begin with a new one, so that nobody is left in silence."""
        _log.error("mixing failed and is begun again: %r", error)
        self._beat = None
        self._unmix()
        self._arrange()
