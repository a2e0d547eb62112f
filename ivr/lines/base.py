"""What every telephone line offers, whatever carries it: SIP, pjsua2, a WebSocket or a script.

A line takes and places calls; a leg is one party's end of a call. Calls speak to a leg in clips, recordings
and keys; frames and signalling stay below. All of a leg's methods are called, and all its events delivered,
in the event loop's thread.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol

from ivr.clock import Clock
from ivr.media.clip import Clip

KeySource = Literal["rfc4733", "info", "inband", "script"]
RecordEnd = Literal["key", "silence", "longest", "hang_up", "storage"]


@dataclass(frozen=True, slots=True)
class LegInfo:
    """Who and what a call is, as the signalling says (numbers are hints, never proof)."""

    leg_id: str
    line: str
    #: The caller's number from P-Asserted-Identity, else From; empty when withheld.
    caller: str
    called: str
    display_name: str = ""
    #: The SIP Call-ID or the other side's id of the call, for finding it in a trace.
    remote_id: str = ""
    remote_address: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Answered:
    """Media flows."""


@dataclass(frozen=True, slots=True)
class KeyDown:
    """A key, at its first packet and once. Not printed: it may belong to a PIN."""

    key: str = field(repr=False)
    source: KeySource = "rfc4733"


@dataclass(frozen=True, slots=True)
class WordsHeard:
    """Speech, where a line brings its own recogniser (the script line; a provider's)."""

    text: str = field(repr=False)
    confidence: float = 1.0


@dataclass(frozen=True, slots=True)
class PlayEnded:
    """The clips of `play(token)` were played to their end; not sent for what was stopped."""

    token: str


@dataclass(frozen=True, slots=True)
class RecordEnded:
    """A recording's file is closed and valid. `seconds` is what was kept, after trimming trailing silence.

    `why` = `storage`: the disk would take no more; what came before is in the file.
    """

    recording: str
    seconds: float
    why: RecordEnd
    path: Path


@dataclass(frozen=True, slots=True)
class HoldChanged:
    """The other side put us on hold, or took us back; playing pauses meanwhile."""

    held: bool


@dataclass(frozen=True, slots=True)
class MediaReport:
    """How the other side was heard, and heard us; told once, just before `Ended`, by lines that can tell.

    `quality` has plain numbers by name, None where unknown. Every report has `mos` (1 to 4.5), `loss` (share
    of packets that never came) and `jitter_ms`.
    """

    quality: Mapping[str, float | int | None]


@dataclass(frozen=True, slots=True)
class Ended:
    """The leg is gone; always the last event, exactly once. `by`: who ended it; `status`: a SIP status."""

    by: Literal["caller", "us", "line"]
    status: int = 200
    text: str = ""


@dataclass(frozen=True, slots=True)
class TransferAsked:
    """The other side asks that whoever it talks with go to `to` instead (REFER, RFC 3515).

    Told only of legs that say they hear it (`PortLeg.hears_transfers`). `replaces` names the call at `to` whose place
    is to be taken (an attended transfer); empty for a blind one. The other side waits for what `report` is given: SIP
    statuses, at last one of 200 and more.
    """

    to: str
    replaces: str = field(repr=False)
    report: Callable[[int], None] = field(repr=False)


LegEvent = (
    Answered
    | KeyDown
    | WordsHeard
    | PlayEnded
    | RecordEnded
    | HoldChanged
    | TransferAsked
    | MediaReport
    | Ended
)


@dataclass(frozen=True, slots=True)
class RecordRequest:
    """Record what the caller says to `path` (G.711 WAV, valid at every moment).

    Ends after `longest` seconds, or after `silence` seconds of quiet once the caller has been heard
    (twice that if nothing was heard at all). `beep` plays a short tone first, which is not recorded.
    """

    recording: str
    path: Path
    longest: float
    silence: float
    beep: bool = True


class Leg(Protocol):
    """One party's end of a call."""

    @property
    def info(self) -> LegInfo:
        """Who is calling."""

    @property
    def clock(self) -> Clock:
        """The clock this leg lives by (virtual on the script line)."""

    def attach(self, sink: Callable[[LegEvent], None]) -> None:
        """Deliver events here from now on, beginning with those that came before."""

    def ring(self) -> None:
        """Say 180."""

    def answer(self) -> None:
        """Say 200; `Answered` follows when media can flow."""

    def refuse(self, status: int = 486, *, retry_after: int | None = None) -> None:
        """Refuse an unanswered call with a SIP status; `Ended` follows."""

    def play(self, clips: Sequence[Clip], *, token: str, text: str = "") -> None:
        """Play after whatever is still playing; `PlayEnded(token)` follows. `text` is for people to read."""

    def stop_playing(self) -> None:
        """Silence, at the next frame. Whatever was queued is dropped without `PlayEnded`."""

    def record(self, request: RecordRequest) -> None:
        """Begin a recording; `RecordEnded` follows for certain, also after a hang-up (before `Ended`)."""

    def stop_recording(self, recording: str) -> None:
        """End it because a key was pressed (the key's own tone is trimmed off)."""

    def mask(self, on: bool) -> None:
        """While on, recordings hold silence instead of the caller; keys are not to be written anywhere."""

    def hang_up(self, reason: str = "normal") -> None:
        """End the call; `Ended` follows. Harmless if it has ended."""


class Line(Protocol):
    """A telephone line: takes calls, and places them."""

    @property
    def name(self) -> str:
        """A short name for logs and metrics."""

    @property
    def capacity(self) -> int:
        """How many calls it carries at once, as its library says."""

    @property
    def active(self) -> int:
        """How many it carries now."""

    async def start(self, on_call: Callable[[Leg], None]) -> None:
        """Open sockets and take calls; each new one is offered unanswered to `on_call`.

        Raises LineError when the address is in use or the settings are wrong.
        """

    async def dial(self, to: str, *, caller: str = "", timeout: float = 60.0) -> Leg:  # noqa: ASYNC109  # ringing
        """Call a SIP address or number; returns once it is answered. Raises LineError otherwise."""

    def drain(self) -> None:
        """Take no new calls (503 with Retry-After); running ones go on."""

    async def stop(self) -> None:
        """End every call and give back every socket, thread and file."""
