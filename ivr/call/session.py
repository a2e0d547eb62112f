"""One call: a task with a mailbox, the only writer of that call's state."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import structlog

from ivr.call.asking import ask
from ivr.call.hearing import NotHeard, Said, SpeakingBegan, Told
from ivr.call.mouth import Mouth, Wording
from ivr.call.outbound import Outbound
from ivr.call.parts import CallParts
from ivr.call.recordings import recording_id
from ivr.call.timers import Timers
from ivr.call.transfers import TRANSFER_SAYS
from ivr.flow import CallState, Turn
from ivr.flow import events as ev
from ivr.flow import instructions as ins
from ivr.flow.trace import Fault, TraceEntry
from ivr.flow.values import Level
from ivr.lines import base as line
from ivr.services import ServiceContext
from ivr.services.journey import Journey

log = structlog.get_logger(__name__)

#: Keys beyond this many unread messages are dropped: nobody types so far ahead, a broken device might.
MAILBOX_LIMIT = 1000
#: After a fault of ours: how long a word of apology may take, and then what flows do after a hang-up.
LAST_SECONDS = 30.0

#: The token of the apology; the engine's own tokens are letters with numbers.
_SORRY = "sorry"


Message = line.LegEvent | ev.TimerFired | ev.ServiceResult | ev.TransferResult | Told


class CallSession:
    """Runs one call from its first ring to its record. The flows it began with are its flows to the end.

    With `outbound` the call is one that we made, and that was answered.
    """

    def __init__(
        self, leg: line.Leg, call_id: str, parts: CallParts, outbound: Outbound | None = None
    ) -> None:
        self.call_id = call_id
        self._outbound = outbound
        #: Whether the other side has pressed a key or was understood.
        self.touched = False
        self._leg = leg
        self._parts = parts
        self._clock = leg.clock
        self._engine = parts.engine()
        self._library = self._engine.library
        self._state: CallState | None = None
        self._journey = Journey(call_id, leg.info.caller, self._library)
        self._mailbox: deque[Message] = deque()
        self._wake = asyncio.Event()
        self._timers = Timers(leg.clock, self._post)
        self._services: set[asyncio.Task[None]] = set()
        self._transfers: set[asyncio.Task[None]] = set()
        #: Recordings that the leg has not reported finished, with their files.
        self._recordings: dict[str, Path] = {}
        self._rang_at, self._rang = leg.clock.time(), 0.0
        self._answered_at: float | None = None
        self._ended: line.Ended | None = None
        self._outcome = ""
        #: The policy whose holder the caller has been proved to be, last.
        self._policy = ""
        self._failed = False
        self._pressed_at: float | None = None
        self._ears = parts.hearing.ears(leg, self._post)
        self._mouth = Mouth(
            leg,
            leg.clock,
            Wording(parts.speaker, parts.stretcher, self._moment),
            recordings=lambda recording: parts.vault.path(call_id, recording),
            began=self._heard_answer,
        )
        #: When the caller ended what is being answered.
        self._spoke_until: float | None = None

    # What the outside may ask

    @property
    def step(self) -> str:
        """Where the call is: `flow.step`, or `ringing`."""
        return "ringing" if self._state is None else ".".join(self._state.step)

    def end(self, reason: str) -> None:
        """End the call from outside (drain, shutdown)."""
        self._outcome = self._outcome or reason
        self._leg.hang_up(reason)

    @property
    def outcome(self) -> str:
        """How the call has ended, as far as it has."""
        return self._final_outcome

    def go_on_with(self, flow: str) -> bool:
        """Leave what the call is at, and begin another flow; False while it is with a person, or over."""
        state = self._state
        if state is None and self._outbound is not None and self._ended is None:
            self._outbound = replace(self._outbound, flow=flow)  # it has not spoken yet, and begins so
            return True
        if state is None or state.finished or self._ended is not None or self._transfers or self._failed:
            return False
        for service in self._services:
            service.cancel()
        self._timers.stop_all()
        self._ears.stop()
        self._leg.stop_playing()
        self._leg.mask(False)
        self._start(flow)
        return True

    async def run(self) -> None:
        """Answer, serve, record; returns when the call's record is complete."""
        parts = self._parts
        parts.metrics.call_began()
        parts.journal.begin(
            self.call_id,
            self._leg.info,
            flow=self._library.hotline.main if self._outbound is None else self._outbound.flow,
            version=self._library.version,
            now=lambda: self._now,
            outbound=self._outbound is not None,
        )
        try:
            self._leg.attach(self._post)
            if self._outbound is None:
                self._leg.ring()
                self._leg.answer()
            await self._serve()
        except Exception as error:
            await self._fail(error)
        finally:
            await self._close()

    # The mailbox

    def _post(self, message: Message) -> None:
        if len(self._mailbox) >= MAILBOX_LIMIT and isinstance(message, line.KeyDown | line.WordsHeard):
            return
        self._mailbox.append(message)
        self._wake.set()

    async def _next(self) -> Message:
        while not self._mailbox:
            self._wake.clear()
            await self._wake.wait()
        return self._mailbox.popleft()

    async def _serve(self) -> None:
        while not self._over:
            await self._receive(await self._next())

    @property
    def _over(self) -> bool:
        return self._ended is not None if self._state is None else self._state.finished

    async def _receive(self, message: Message) -> None:
        if self._failed and isinstance(message, line.KeyDown | line.WordsHeard | line.PlayEnded):
            return  # the call is being wound up; nobody answers any more
        if self._transfers and isinstance(message, line.KeyDown | line.PlayEnded) and _is_for_seats(message):
            self._parts.transfers.told(self.call_id, message)
            return
        match message:
            case line.Ended():
                await self._leg_ended(message)
            case line.Answered():
                self._answered_at = self._clock.time()
                self._rang = self._answered_at - self._rang_at
                self._parts.journal.know(self.call_id, rang=round(self._rang, 3))
                self._start()
            case line.RecordEnded():
                await self._recording_ended(message)
            case line.HoldChanged(held=held):
                self._note("held" if held else "resumed")
            case line.MediaReport(quality=quality):
                self._note_quality(quality)
            case line.KeyDown(key=key):
                self._pressed_at = self._clock.time()
                self.touched = True
                self._tell(ev.KeyPressed(self._now, key))
            case line.WordsHeard(text=text, confidence=confidence):
                self._tell(ev.SpeechHeard(self._now, text, confidence))
            case line.PlayEnded(token=token):
                self._tell(ev.PromptFinished(self._now, token))
            case SpeakingBegan() | Said() | NotHeard():
                self._told_of_speech(message)
            case ev.TimerFired(timer=timer):
                self._timers.over(timer)
                # What is said now answers the clock, not the caller.
                self._pressed_at = self._spoke_until = None
                self._tell(ev.TimerFired(self._now, timer))
            case ev.ServiceResult():
                self._tell(
                    ev.ServiceResult(self._now, message.request, message.outcome, message.value, message.code)
                )
            case ev.TransferResult(request=request, outcome=outcome):
                self._tell(ev.TransferResult(self._now, request, outcome))

    def _told_of_speech(self, told: Told) -> None:
        if told.listening != self._ears.listening or self._failed:
            return  # the step it was said in is over
        match told:
            case SpeakingBegan():
                self._tell(ev.SpeechBegan(self._now))
            case Said(understood=meant, ended=ended):
                self._spoke_until = ended
                began = max(0.0, told.began - (self._answered_at or 0.0))
                self._tell(
                    ev.SpeechHeard(
                        self._now, meant.text, meant.confidence, meant.meaning, meant.others, began=began
                    )
                )
            case NotHeard(why=why):
                self._note("speech_lost", why=why)
                self._tell(ev.SpeechLost(self._now, why))

    async def _leg_ended(self, ended: line.Ended) -> None:
        self._ended = ended
        self._ears.close()
        for transfer in self._transfers:
            transfer.cancel()
        # A recording asked for as the leg went has no end of its own.
        for recording, path in tuple(self._recordings.items()):
            await self._recording_ended(line.RecordEnded(recording, 0.0, "hang_up", path))
        self._tell(ev.CallerHungUp(self._now))

    @property
    def _now(self) -> float:
        return 0.0 if self._answered_at is None else self._clock.time() - self._answered_at

    # Engine and instructions

    def _start(self, flow: str = "") -> None:
        info, begin = self._leg.info, self._outbound or Outbound("")
        started = ev.CallStarted(
            self._now, self.call_id, self._clock.now(), info.caller, info.called, begin.language,
            {
                "channel": info.line,
                "late": 0 < self._parts.late_after <= self._rang,
                "languages": self._parts.speaker.offered(self._library.hotline.languages),
                **self._parts.facts,
                **begin.facts,
            },
        )  # fmt: skip
        self._apply(self._engine.start(started, flow or begin.flow or None))

    def _tell(self, event: ev.Event) -> None:
        if self._state is not None and not self._state.finished:
            self._apply(self._engine.handle(self._state, event))

    def _apply(self, turn: Turn) -> None:
        state = self._state = turn.state
        self._journey.language, self._journey.level = state.language, int(state.level)
        self._trace(turn.trace)
        self._parts.journal.know(self.call_id, language=state.language, level=int(state.level))
        failure: Exception | None = None
        for instruction in turn.instructions:
            try:
                self._carry_out(instruction)
            except Exception as error:
                # The rest is still done: the engine counts on it, also when it winds the call up.
                failure = failure or error
        if state.finished and self._ended is None:
            self._leg.hang_up(self._outcome or "normal")
        if failure is not None:
            raise failure

    def _trace(self, trace: Sequence[TraceEntry]) -> None:
        self._parts.journal.add(self.call_id, [entry.to_json() for entry in trace])
        self._parts.metrics.traced(trace)
        self._journey.saw(trace)

    def _carry_out(self, instruction: ins.Instruction) -> None:
        leg = self._leg
        match instruction:
            case ins.Say():
                if not self._failed:
                    self._mouth.say(instruction)
            case ins.StopSaying():
                self._mouth.stop()
            case ins.Listen(sensitive=sensitive):
                leg.mask(sensitive)
                self._ears.listen(instruction)
            case ins.StopListening():
                leg.mask(False)
                self._ears.stop()
            case ins.StartTimer(timer=timer, seconds=seconds):
                self._timers.start(timer, seconds)
            case ins.StopTimer(timer=timer):
                self._timers.stop(timer)
            case ins.RunService():
                _spawn(self._services, self._run_service(instruction))
            case ins.Record():
                self._record(instruction)
            case ins.StopRecording(recording=recording):
                leg.stop_recording(recording)
            case ins.KeepRecording(recording=recording, details=details):
                self._parts.vault.keep(self.call_id, recording, details)
            case ins.DiscardRecording(recording=recording):
                self._parts.vault.discard(self.call_id, recording)
            case ins.Transfer():
                self._ears.stop()
                _spawn(self._transfers, self._transfer(instruction))
            case ins.SetLanguage():
                pass  # the state has it, and every phrase names its own
            case ins.HangUp(reason=reason):
                self._outcome = self._outcome or reason
                leg.hang_up(reason)

    def _heard_answer(self) -> None:
        """Something begins to be heard that answers the caller."""
        if self._pressed_at is not None:
            self._parts.metrics.key_answered(self._clock.time() - self._pressed_at)
            self._pressed_at = None
        if self._spoke_until is not None:
            self._parts.metrics.speech_answered(self._clock.time() - self._spoke_until)
            self._spoke_until = None

    def _moment(self) -> ins.Phrase | None:
        """What asks the caller for patience: the flows' own filler."""
        filler = self._library.hotline.defaults.filler
        if filler is None or self._state is None:
            return None
        return ins.Phrase(filler.say, self._state.language)

    # What takes time

    async def _run_service(self, request: ins.RunService) -> None:
        with self._clock.hold():
            result = await ask(
                self._parts.services, request, self._arguments(request), self._context(request),
                within=self._clock.patience(request.timeout),
            )  # fmt: skip
            self._note_policy(request, result.outcome)
            self._post(result)

    def _note_policy(self, request: ins.RunService, outcome: str) -> None:
        """The policy whose holder the caller has been proved to be belongs to the call's record."""
        granted = self._library.manifest.services[request.service].grants.get(outcome)
        policy = request.arguments.get("policy_no")
        if granted is Level.VERIFIED and isinstance(policy, str):
            self._policy = self._journey.policy = policy
            self._journey.level = int(granted)
            self._parts.journal.know(self.call_id, policy=policy)
            self._parts.advice.known(self._journey)

    def _arguments(self, request: ins.RunService) -> dict[str, Any]:
        """The arguments, with recordings under the ids by which the database knows them."""
        inputs = self._library.manifest.services[request.service].inputs
        recordings = {name for name, kind in inputs.items() if kind.name == "recording"}
        return {
            name: recording_id(self.call_id, str(value)) if value and name in recordings else value
            for name, value in request.arguments.items()
        }

    def _context(self, request: ins.RunService) -> ServiceContext:
        info = self._leg.info
        return ServiceContext(
            call_id=self.call_id,
            caller=info.caller,
            called=info.called,
            level=request.level,
            now=self._clock.now(),
            language=self._language,
            idempotency_key=request.key,
            facts=self._parts.facts,
        )

    def _record(self, request: ins.Record) -> None:
        try:
            path = self._parts.vault.begin(
                self.call_id, request, caller=self._leg.info.caller, level=self._level, now=self._clock.now()
            )
        except OSError as error:
            log.error("no place to record", call_id=self.call_id, error=error.strerror)
            self._post(line.RecordEnded(request.recording, 0.0, "storage", Path()))
            return
        self._recordings[request.recording] = path
        self._leg.record(
            line.RecordRequest(request.recording, path, request.longest, request.silence, request.beep)
        )

    async def _recording_ended(self, ended: line.RecordEnded) -> None:
        self._recordings.pop(ended.recording, None)
        with self._clock.hold():
            known = await self._parts.vault.ended(self.call_id, ended)
        self._tell(ev.RecordingFinished(self._now, known.recording, known.seconds, known.why))

    async def _transfer(self, request: ins.Transfer) -> None:
        self._parts.advice.on_the_way(self._journey, request)
        try:
            outcome = await self._parts.transfers.transfer(
                self.call_id,
                self._leg,
                request,
                language=self._language,
                policy=self._policy,
                level=self._level,
            )
        except Exception:
            # The engine has stopped every other clock for this: it must have an answer.
            log.exception("transfer failed", call_id=self.call_id, queue=request.queue)
            outcome = "closed"
        self._parts.advice.came_back(self.call_id, outcome)
        self._post(ev.TransferResult(0.0, request.request, outcome))

    @property
    def _language(self) -> str:
        return "" if self._state is None else self._state.language

    @property
    def _level(self) -> int:
        return 0 if self._state is None else int(self._state.level)

    def _note(self, kind: str, **details: Any) -> None:
        self._parts.journal.add(self.call_id, [{"kind": kind, "at": round(self._now, 3), **details}])

    def _note_quality(self, quality: Mapping[str, float | int | None]) -> None:
        """How it was heard: everything into the timeline, the figures one looks for into the call's row."""
        self._note("media", **quality)
        figures = {name: quality.get(name) for name in ("mos", "loss", "jitter_ms")}
        known = {name: figure for name, figure in figures.items() if figure is not None}
        self._parts.journal.know(self.call_id, **known)

    # A fault of ours

    async def _fail(self, error: Exception) -> None:
        """Tell the caller that something is wrong, hang up, and let the flows keep what was told so far."""
        log.error("call failed", call_id=self.call_id, step=self.step, exc_info=error)
        self._failed, self._outcome = True, "error"
        try:
            self._trace([Fault(self._now, *_place(self._state), type(error).__name__, "the call failed")])
            self._timers.stop_all()
            await self._apologise()
            self._leg.hang_up("error")
            async with asyncio.timeout(self._parts.grace + LAST_SECONDS):
                await self._serve()
        except Exception as again:
            log.error("call could not be wound up", call_id=self.call_id, error=type(again).__name__)
            self._leg.hang_up("error")

    async def _apologise(self) -> None:
        """Say the hotline's `system_error` if there is somebody to hear it, and wait until it was heard."""
        prompt = self._library.hotline.prompts.get("system_error")
        if prompt is None or self._answered_at is None or self._ended is not None:
            return
        language = self._library.hotline.languages[0] if self._state is None else self._state.language
        self._mouth.stop()
        self._leg.mask(False)
        try:
            rendered = self._parts.speaker.render([ins.Phrase(prompt, language)])
        except Exception as error:
            log.error("no word of apology", call_id=self.call_id, error=type(error).__name__)
            return
        self._leg.play(rendered.clips, token=_SORRY, text=rendered.text)
        self._timers.start(_SORRY, LAST_SECONDS)
        await self._until_said()
        self._timers.stop(_SORRY)

    async def _until_said(self) -> None:
        """Wait for the apology's end; what matters beyond it is put back for the winding up."""
        later: list[Message] = []
        while self._ended is None:
            message = await self._next()
            if message in (line.PlayEnded(_SORRY), ev.TimerFired(0.0, _SORRY)):
                break
            if not isinstance(message, line.KeyDown | line.WordsHeard | line.PlayEnded):
                later.append(message)
            if isinstance(message, line.Ended):
                break
        self._mailbox.extendleft(reversed(later))

    # The end

    async def _close(self) -> None:
        parts = self._parts
        try:
            self._ears.close()
            self._mouth.close()
            self._timers.stop_all()
            await self._await_end()
            with self._clock.hold():
                await self._end_tasks()
                await parts.vault.flush(self.call_id)
        except Exception:
            log.exception("call not closed in order", call_id=self.call_id)
        finally:
            parts.metrics.call_ended(self._final_outcome, self._now)
            parts.services.forget(self.call_id)
            with self._clock.hold():
                await parts.journal.finish(self.call_id, self._final_outcome)

    async def _await_end(self) -> None:
        """Wait for `Ended` where we hung up first; recordings that end meanwhile are still stored."""
        try:
            async with asyncio.timeout(self._parts.grace):
                while self._ended is None:
                    message = await self._next()
                    if isinstance(message, line.Ended | line.RecordEnded | line.MediaReport):
                        await self._receive(message)
        except TimeoutError:
            log.warning("no end of leg", call_id=self.call_id)

    async def _end_tasks(self) -> None:
        """Services come to their end, within a bound: what they do belongs to the call. Transfers do not."""
        for transfer in self._transfers:
            transfer.cancel()
        if self._services:
            await asyncio.wait(self._services, timeout=self._parts.grace)
        for service in self._services:
            service.cancel()
        await asyncio.gather(*self._services, *self._transfers, return_exceptions=True)
        await self._parts.transfers.over(self.call_id)
        await self._parts.advice.over(self.call_id)

    @property
    def _final_outcome(self) -> str:
        if self._outcome:
            return self._outcome
        if self._ended is None:
            return "broken_off"
        if self._ended.by == "line":
            return "line_failed"
        if self._answered_at is None:
            return "abandoned"
        return "caller_hung_up" if self._ended.by == "caller" else "normal"


def _spawn(tasks: set[asyncio.Task[None]], work: Coroutine[Any, Any, None]) -> None:
    """Run `work` as a task that `tasks` holds until it is done."""
    task = asyncio.create_task(work)
    tasks.add(task)
    task.add_done_callback(tasks.discard)


def _place(state: CallState | None) -> tuple[str, str]:
    """The flow and step of a call."""
    return ("", "") if state is None else state.step


def _is_for_seats(message: line.KeyDown | line.PlayEnded) -> bool:
    """Whether it belongs to the way to a person: every key does, and the end of what was said there."""
    return isinstance(message, line.KeyDown) or message.token.startswith(TRANSFER_SAYS)
