"""Recording of talks, as queues and seats see it: who may ask for it, and what they may ask.

What is kept, where, and under which rules is the business of whoever implements `Taping`; seats only say when a talk
begins and ends, who is on the other channel, and when a seat wants it paused. All of it in the loop's thread.
"""

from __future__ import annotations

from typing import Protocol

from ivr.lines.base import Leg
from ivr.speech import Rendered


class Tape(Protocol):
    """The recording of one caller's talk: the caller on the left channel, whoever serves on the right.

    Nothing here raises, waits, or touches the talk: a tape that fails says so in the call's timeline and ends.
    """

    def seat(self, leg: Leg | None, name: str = "") -> None:
        """Who talks with the caller from now on; `name` is the seat's id, empty for an outside number.

        None: nobody does (on hold, on the way to another seat, back in self-service). Both channels hold silence then.
        """

    def also(self, leg: Leg, name: str = "") -> None:
        """Somebody else talks too, on the right channel (a conference); ends with `without` or the next `seat`."""

    def without(self, leg: Leg) -> None:
        """One of those who talked does not any more. Harmless for others."""

    def pause(self, by: str) -> None:
        """Silence on both channels until `resume`; `by` is who asked (`seat:anna`), for timeline and audit."""

    def resume(self, by: str) -> None:
        """Go on. Harmless if it is not paused."""

    def pressed(self, key: str) -> None:
        """The caller pressed a key while or after it was announced; where they were asked, one of them means no."""

    def refuse(self) -> None:
        """The caller does not want to be recorded: what there is goes, and no more comes."""

    def end(self) -> None:
        """The talk is over; the file is closed and stays. Harmless if it has ended."""

    @property
    def paused(self) -> bool:
        """Whether somebody has paused it."""

    @property
    def running(self) -> bool:
        """Whether it records: false where talks are not recorded, after `refuse` and `end`, and on a full disk."""


class Taping(Protocol):
    """Records talks, where the hotline's settings want it."""

    def announcement(self, language: str) -> Rendered | None:
        """What the caller is to hear before they are joined with a seat; None where nothing need be said.

        Play it to the caller while the seat hears its whisper, and join them when both are through. Only for the
        first seat of a call's tape: who was told once need not be told again.
        """

    def begin(self, call_id: str, caller: Leg, *, queue: str, language: str) -> Tape:
        """A talk begins, with nobody on the other channel yet. One call has one tape at a time."""


class SilentTape:
    """A tape of a talk that is not recorded."""

    @property
    def paused(self) -> bool:
        """Never."""
        return False

    @property
    def running(self) -> bool:
        """Never."""
        return False

    def seat(self, leg: Leg | None, name: str = "") -> None:
        """Nothing."""

    def also(self, leg: Leg, name: str = "") -> None:
        """Nothing."""

    def without(self, leg: Leg) -> None:
        """Nothing."""

    def pause(self, by: str) -> None:
        """Nothing."""

    def resume(self, by: str) -> None:
        """Nothing."""

    def pressed(self, key: str) -> None:
        """Nothing."""

    def refuse(self) -> None:
        """Nothing."""

    def end(self) -> None:
        """Nothing."""


class NoTaping:
    """A hotline that does not record talks."""

    def announcement(self, language: str) -> Rendered | None:
        """Nothing need be said."""
        return None

    def begin(self, call_id: str, caller: Leg, *, queue: str, language: str) -> Tape:
        """A tape that holds nothing."""
        return SilentTape()
