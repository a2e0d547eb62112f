"""Recording of talks with people: what `ivr.seats.taping` asks for, on files, notes and rows.

A talk has a row whether it is recorded or not. Its recording is a file of two channels with a note beside it, as every
recording has; the note also says what the row of the talk must come to say, so that a crash costs neither.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any, Final, Literal

import structlog

from ivr.call.chains import Chains
from ivr.call.journal import CallJournal
from ivr.call.recordings import STORE_SECONDS, RecordingVault, recording_id
from ivr.flow.instructions import Phrase
from ivr.lines.base import Leg, RecordEnded
from ivr.lines.port_leg import PortLeg
from ivr.media.clock import MediaClock
from ivr.media.recorder import Recorded
from ivr.media.stereo import LEFT, RIGHT, StereoRecording, StereoTape
from ivr.speech import Rendered, Speaker
from policy_db import PolicyDatabase
from policy_db.talk_facts import SilentSpan, TalkConsent

log = structlog.get_logger(__name__)

#: Whether talks are recorded, and what the caller hears of it.
RecordTalks = Literal["off", "announce", "always", "ask"]
_CONSENT: Final[dict[RecordTalks, TalkConsent]] = {
    "off": "off", "announce": "announced", "always": "unannounced", "ask": "asked",
}  # fmt: skip
_PROMPT: Final[dict[RecordTalks, str]] = {"announce": "talk_recorded.announced", "ask": "talk_recorded.asked"}
#: The key by which a caller who is asked says no.
REFUSAL: Final = "2"
#: Seconds that tapes may take to be closed and written when the worker stops.
_CLOSING: Final = 5.0


@dataclass(frozen=True, slots=True)
class _Parts:
    vault: RecordingVault
    journal: CallJournal
    database: PolicyDatabase
    worker: str
    media_clock: Callable[[], MediaClock]
    chains: Chains


class TalkTaping:
    """Records the talks of a worker's calls, as `mode` says. Use it within `kept`."""

    def __init__(
        self,
        mode: RecordTalks,
        *,
        vault: RecordingVault,
        journal: CallJournal,
        database: PolicyDatabase,
        worker: str,
        speaker: Speaker,
        media_clock: Callable[[], MediaClock],
        new_name: Callable[[], str] = lambda: f"talk-{secrets.token_hex(3)}",
    ) -> None:
        self._mode = mode
        self._speaker = speaker
        self._new_name = new_name
        self._parts = _Parts(vault, journal, database, worker, media_clock, Chains(STORE_SECONDS, "talk"))
        self._tapes: set[TalkTape] = set()
        self._closings: set[asyncio.Task[None]] = set()

    def announcement(self, language: str) -> Rendered | None:
        """What the caller is to hear before they are joined with a seat; None where nothing need be said."""
        prompt = _PROMPT.get(self._mode)
        return None if prompt is None else self._speaker.render([Phrase(prompt, language)])

    def begin(self, call_id: str, caller: Leg, *, queue: str, language: str) -> TalkTape:
        """A talk begins, with nobody on the other channel yet."""
        recorded = self._mode != "off" and isinstance(caller, PortLeg)
        tape = TalkTape(
            self._parts,
            call_id,
            self._new_name(),
            caller,
            queue=queue,
            consent=_CONSENT[self._mode] if recorded else "off",
            over=self._over,
        )
        self._tapes.add(tape)
        return tape

    @asynccontextmanager
    async def kept(self) -> AsyncIterator[TalkTaping]:
        """At the end of the block no tape runs, and what could be written is; notes keep the rest."""
        try:
            yield self
        finally:
            for tape in tuple(self._tapes):
                tape.end()
            loop = asyncio.get_running_loop()
            until = loop.time() + _CLOSING
            while (self._tapes or self._closings) and loop.time() < until:
                if self._closings:
                    await asyncio.wait(set(self._closings), timeout=until - loop.time())
                else:
                    await asyncio.sleep(0.01)  # the writer's thread closes a file
            for closing in self._closings:
                closing.cancel()
            await asyncio.gather(*self._closings, return_exceptions=True)

    def _over(self, tape: TalkTape, close: asyncio.Task[None]) -> None:
        self._tapes.discard(tape)
        self._closings.add(close)
        close.add_done_callback(self._closings.discard)


class TalkTape:
    """One talk: its file, its row, and what the call's timeline and the audit say of it. Used in the loop's thread."""

    def __init__(
        self,
        parts: _Parts,
        call_id: str,
        name: str,
        caller: Leg,
        *,
        queue: str,
        consent: TalkConsent,
        over: Callable[[TalkTape, asyncio.Task[None]], None],
    ) -> None:
        self._parts = parts
        self._call = call_id
        self._name = name
        self._caller = caller
        self._queue = queue
        self._consent = consent
        self._over = over
        self._loop = asyncio.get_running_loop()
        self._began: float | None = None
        self._seconds = 0.0
        self._ended = False
        #: Whether the writer's thread has yet to close the file.
        self._closing = False
        self._stereo: StereoTape | None = None
        self._seats: dict[Leg, str] = {}
        self._pause: tuple[str, float] | None = None
        self._span: tuple[str, float, str] | None = None
        self._spans: list[SilentSpan] = []

    @property
    def id(self) -> str:
        """The id of the talk, and of its recording."""
        return recording_id(self._call, self._name)

    @property
    def paused(self) -> bool:
        """Whether somebody has paused it."""
        return self._pause is not None

    @property
    def running(self) -> bool:
        """Whether it records."""
        return self._stereo is not None

    # Who talks

    def seat(self, leg: Leg | None, name: str = "") -> None:
        """Who talks with the caller from now on; None: nobody does."""
        for other in tuple(self._seats):
            if other is not leg:
                self.without(other)
        if leg is not None:
            self.also(leg, name)
        self._look()

    def also(self, leg: Leg, name: str = "") -> None:
        """Somebody else talks too, on the right channel."""
        if self._ended:
            return
        if self._began is None:
            self._begin()
        self._seats[leg] = name
        if self._stereo is not None and isinstance(leg, PortLeg):
            self._stereo.hear(leg.port, RIGHT)
        self._look()
        self._tell_seats()

    def without(self, leg: Leg) -> None:
        """One of those who talked does not any more."""
        if self._seats.pop(leg, None) is None:
            return
        if self._stereo is not None and isinstance(leg, PortLeg):
            self._stereo.ignore(leg.port)
        self._look()
        self._tell_seats()

    def _tell_seats(self) -> None:
        there = [name for name in self._seats.values() if name]
        self._write(lambda: self._parts.database.talks.seated(self.id, there))

    # Beginning and end

    def _begin(self) -> None:
        self._began = self._caller.clock.time()
        recorded = self._consent not in ("off", "refused") and self._open()
        self._write(
            lambda: self._parts.database.talks.begin(
                self.id,
                call=self._call,
                worker=self._parts.worker,
                queue=self._queue,
                consent=self._consent,
                recording=self.id if recorded else None,
            )
        )
        if recorded:
            self._note("recording_began", recording=self.id, consent=self._consent)

    def _open(self) -> bool:
        """Begin the file; False, and a word in the timeline, when the disk does not let us."""
        caller = self._caller
        assert isinstance(caller, PortLeg)  # noqa: S101  # others have no consent to record
        told = {"queue": self._queue, "reason": self._queue, "consent": self._consent, "spans": []}
        try:
            path = self._parts.vault.begin_talk(
                self._call, self._name, caller=caller.info.caller, details=told, now=caller.clock.now()
            )
        except OSError as error:
            log.error("no place to record a talk", call_id=self._call, error=error.strerror)
            self._note("recording_failed", recording=self.id)
            return False
        law = caller.port.law
        tap = caller.writer.begin(StereoRecording(path, law), self._file_closed)
        self._stereo = StereoTape(
            law, clock=caller.clock, media_clock=self._parts.media_clock(), hushed=self._look
        )
        self._stereo.hear(caller.port, LEFT)
        self._stereo.start(tap)
        return True

    def pressed(self, key: str) -> None:
        """The caller pressed a key; where they were asked, one of them means that they do not want it."""
        if self._consent == "asked" and key == REFUSAL:
            self.refuse()

    def refuse(self) -> None:
        """The caller does not want to be recorded: what there is goes, and no more comes."""
        if self._ended or self._consent in ("off", "refused"):
            return
        self._consent = "refused"
        self._note("recording_refused")
        self._stop()

    def end(self) -> None:
        """The talk is over; the file is closed and stays."""
        if self._ended:
            return
        self._ended = True
        self._seats.clear()
        if self._began is not None:
            self._seconds = self._caller.clock.time() - self._began
        self._stop()
        if not self._closing:
            self._finish()

    def _stop(self) -> None:
        """Stop recording, if we do: a pause is over, a span is closed, and the file will be."""
        stereo, self._stereo = self._stereo, None
        if stereo is None:
            return
        self._closing = True
        stereo.stop()
        if self._pause is not None:
            self._end_pause(self._pause[0], stereo.seconds)
        self._end_span(stereo.seconds)

    def _file_closed(self, recorded: Recorded) -> None:
        """In the writer's thread: the file is closed."""
        self._loop.call_soon_threadsafe(self._recorded, recorded)

    def _recorded(self, recorded: Recorded) -> None:
        """The file is closed: because we ended it, or because the disk takes no more, and the talk goes on."""
        self._stop()
        self._closing = False
        seconds = round(recorded.seconds, 2)
        self._note("recording_ended", recording=self.id, seconds=seconds, why=recorded.why)
        if recorded.why == "storage":
            log.error("the recording of a talk has ended: the disk", call_id=self._call)
        ended = RecordEnded(self._name, recorded.seconds, recorded.why, recorded.path)
        keep = self._consent != "refused"

        async def settle() -> None:
            await self._parts.vault.talk_ended(self._call, ended, keep=keep)

        self._write(settle)
        if self._ended:
            self._finish()

    def _finish(self) -> None:
        """The row of the talk says how it was; nothing of it is left here."""
        if self._began is not None:
            self._write(
                lambda: self._parts.database.talks.finish(
                    self.id,
                    seconds=round(self._seconds, 2),
                    spans=tuple(self._spans),
                    consent=self._consent,
                    recorded=self._consent not in ("off", "refused"),
                )
            )
        self._over(self, self._loop.create_task(self._parts.chains.settle(self.id)))

    # Silence

    def pause(self, by: str) -> None:
        """Silence on both channels until `resume`."""
        if self._stereo is None or self._pause is not None:
            return
        self._pause = by, self._stereo.seconds
        self._audit(by, "recording.pause", at=round(self._stereo.seconds, 2))
        self._look()

    def resume(self, by: str) -> None:
        """Go on."""
        if self._stereo is not None and self._pause is not None:
            self._end_pause(by, self._stereo.seconds)
            self._look()

    def _end_pause(self, by: str, now: float) -> None:
        assert self._pause is not None  # noqa: S101
        (_, since), self._pause = self._pause, None
        self._audit(by, "recording.resume", at=round(now, 2), seconds=round(now - since, 2))

    def _look(self) -> bool:
        """Whether the tape must be silent now; when that changes, the timeline and the note hear of it."""
        why, by = self._why()
        before = self._span
        if (before[0] if before else "") != why and self._stereo is not None:
            self._end_span(self._stereo.seconds)
            if why:
                self._span = (why, self._stereo.seconds, by)
                self._note("recording_silent", recording=self.id, why=why, **({"by": by} if by else {}))
        return bool(why)

    def _why(self) -> tuple[str, str]:
        if not self._seats:
            return "alone", ""
        if self._pause is not None:
            return "pause", self._pause[0]
        masked = isinstance(self._caller, PortLeg) and self._caller.port.masked
        return ("mask", "") if masked else ("", "")

    def _end_span(self, now: float) -> None:
        if self._span is None:
            return
        (why, at, by), self._span = self._span, None
        self._spans.append(SilentSpan(round(at, 2), round(now, 2), why, by))
        self._note("recording_goes_on", recording=self.id, why=why, seconds=round(now - at, 2))
        self._parts.vault.talk_changed(
            self._call, self._name, {"spans": [asdict(span) for span in self._spans]}
        )

    # What is written

    def _note(self, kind: str, **details: Any) -> None:
        self._parts.journal.note(self._call, kind, **details)

    def _audit(self, by: str, action: str, **details: Any) -> None:
        audit = self._parts.database.audit
        self._write(
            partial(
                audit.add,
                by,
                action,
                f"call:{self._call}",
                {"recording": self.id, **details},
                call=self._call,
            )
        )

    def _write(self, write: Callable[[], Any]) -> asyncio.Task[None]:
        return self._parts.chains.add(self.id, write)
