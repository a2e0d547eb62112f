"""One call: a task with a mailbox, the only writer of that call's state."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import structlog

from ivr.call.journal import CallJournal
from ivr.call.metrics import CallMetrics
from ivr.call.recordings import RecordingVault, recording_id
from ivr.call.transfers import Transfers
from ivr.clock import TimerHandle
from ivr.errors import HotlineError
from ivr.flow import CallState, Engine, Turn
from ivr.flow import events as ev
from ivr.flow import instructions as ins
from ivr.lines import base as line
from ivr.services import ServiceContext, ServiceRegistry
from ivr.speech import Speaker

log = structlog.get_logger(__name__)

#: Keys beyond this many unread messages are dropped: nobody types so far ahead, a broken device might.
MAILBOX_LIMIT = 1000
#: How long the other side may take to confirm our hang-up.
HANG_UP_GRACE = 5.0


@dataclass(frozen=True, slots=True)
class CallParts:
    """What every call of a worker shares."""

    engine: Callable[[], Engine]
    speaker: Speaker
    services: ServiceRegistry
    journal: CallJournal
    vault: RecordingVault
    transfers: Transfers
    metrics: CallMetrics
    #: Facts of the place, readable by flows as `call.NAME`.
    facts: dict[str, Any] = field(default_factory=dict)


Message = line.LegEvent | ev.TimerFired | ev.ServiceResult | ev.TransferResult


class CallSession:
    """Runs one call from its first ring to its record. The flows it began with are its flows to the end."""

    def __init__(self, leg: line.Leg, call_id: str, parts: CallParts) -> None:
        self.call_id = call_id
        self._leg = leg
        self._parts = parts
        self._clock = leg.clock
        self._engine = parts.engine()
        self._library = self._engine.library
        self._state: CallState | None = None
        self._mailbox: deque[Message] = deque()
        self._wake = asyncio.Event()
        self._timers: dict[str, TimerHandle] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._answered_at: float | None = None
        self._ended: line.Ended | None = None
        self._outcome = ""
        self._said_at: float | None = None

    # What the outside may ask

    @property
    def step(self) -> str:
        """Where the call is: `flow.step`, or `ringing`."""
        return "ringing" if self._state is None else ".".join(self._state.step)

    def end(self, reason: str) -> None:
        """End the call from outside (drain, shutdown)."""
        self._outcome = self._outcome or reason
        self._leg.hang_up(reason)

    async def run(self) -> None:
        """Answer, serve, record; returns when the call's record is complete."""
        self._leg.attach(self._post)
        self._parts.metrics.call_began()
        self._parts.journal.begin(
            self.call_id, self._leg.info, flow=self._library.hotline.main, version=self._library.version
        )
        try:
            self._leg.ring()
            self._leg.answer()
            await self._serve()
        except Exception:
            log.exception("call failed", call_id=self.call_id, step=self.step)
            self._outcome = "error"
            self._leg.hang_up("error")
        finally:
            await self._close()

    # The mailbox

    def _post(self, message: Message) -> None:
        if len(self._mailbox) >= MAILBOX_LIMIT and isinstance(message, line.KeyDown | line.WordsHeard):
            return
        self._mailbox.append(message)
        self._wake.set()

    async def _serve(self) -> None:
        while not self._over:
            while self._mailbox and not self._over:
                await self._receive(self._mailbox.popleft())
            if not self._over:
                self._wake.clear()
                if not self._mailbox:
                    await self._wake.wait()

    @property
    def _over(self) -> bool:
        return self._ended is not None if self._state is None else self._state.finished

    async def _receive(self, message: Message) -> None:
        if isinstance(message, line.Ended):
            self._ended = message
            if self._state is not None and not self._state.finished:
                self._tell(ev.CallerHungUp(self._now))
        elif isinstance(message, line.Answered):
            self._answered_at = self._clock.time()
            self._start()
        elif isinstance(message, line.RecordEnded):
            await self._recording_ended(message)
        elif isinstance(message, line.HoldChanged):
            self._note("held" if message.held else "resumed")
        else:
            self._tell(self._as_event(message))

    def _as_event(self, message: Any) -> ev.Event:
        match message:
            case line.KeyDown(key=key):
                self._said_at = self._clock.time()
                return ev.KeyPressed(self._now, key)
            case line.WordsHeard(text=text, confidence=confidence):
                return ev.SpeechHeard(self._now, text, confidence)
            case line.PlayEnded(token=token):
                return ev.PromptFinished(self._now, token)
            case ev.TimerFired(timer=timer):
                self._timers.pop(timer, None)
                return ev.TimerFired(self._now, timer)
            case ev.ServiceResult(request=request, outcome=outcome, value=value, code=code):
                return ev.ServiceResult(self._now, request, outcome, value, code)
            case ev.TransferResult(request=request, outcome=result):
                return ev.TransferResult(self._now, request, result)
        raise TypeError(f"a call cannot receive {type(message).__name__}")

    @property
    def _now(self) -> float:
        return 0.0 if self._answered_at is None else self._clock.time() - self._answered_at

    # Engine and instructions

    def _start(self) -> None:
        info = self._leg.info
        started = ev.CallStarted(
            0.0, self.call_id, self._clock.now(), info.caller, info.called, "",
            {"channel": info.line, **self._parts.facts},
        )  # fmt: skip
        self._apply(self._engine.start(started))

    def _tell(self, event: ev.Event) -> None:
        if self._state is not None and not self._state.finished:
            self._apply(self._engine.handle(self._state, event))

    def _apply(self, turn: Turn) -> None:
        self._state = turn.state
        for instruction in turn.instructions:
            self._carry_out(instruction)
        self._parts.journal.add(self.call_id, [entry.to_json() for entry in turn.trace])
        self._parts.metrics.traced(turn.trace)
        if turn.state.finished and self._ended is None:
            self._leg.hang_up(self._outcome or "normal")

    def _carry_out(self, instruction: ins.Instruction) -> None:
        leg = self._leg
        match instruction:
            case ins.Say():
                self._say(instruction)
            case ins.StopSaying():
                leg.stop_playing()
            case ins.Listen(sensitive=sensitive):
                leg.mask(sensitive)
            case ins.StopListening():
                leg.mask(False)
            case ins.StartTimer(timer=timer, seconds=seconds):
                self._start_timer(timer, seconds)
            case ins.StopTimer(timer=timer):
                self._stop_timer(timer)
            case ins.RunService():
                self._spawn(self._run_service(instruction))
            case ins.Record():
                self._record(instruction)
            case ins.StopRecording(recording=recording):
                leg.stop_recording(recording)
            case ins.KeepRecording(recording=recording, details=details):
                self._parts.vault.keep(self.call_id, recording, details)
            case ins.DiscardRecording(recording=recording):
                self._parts.vault.discard(self.call_id, recording)
            case ins.Transfer():
                self._spawn(self._transfer(instruction))
            case ins.HangUp(reason=reason):
                self._outcome = self._outcome or reason
                leg.hang_up(reason)

    def _say(self, say: ins.Say) -> None:
        rendered = self._parts.speaker.render(
            say.phrases, recordings=lambda recording: self._parts.vault.path(self.call_id, recording)
        )
        self._leg.play(rendered.clips, token=say.token, text=rendered.text)
        if self._said_at is not None:
            self._parts.metrics.key_answered(self._clock.time() - self._said_at)
            self._said_at = None

    def _start_timer(self, timer: str, seconds: float) -> None:
        self._stop_timer(timer)
        self._timers[timer] = self._clock.call_at(
            self._clock.time() + seconds, lambda: self._post(ev.TimerFired(0.0, timer))
        )

    def _stop_timer(self, timer: str) -> None:
        handle = self._timers.pop(timer, None)
        if handle is not None:
            handle.cancel()

    # What takes time

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _run_service(self, request: ins.RunService) -> None:
        outcome, value, code = "error", None, ""
        with self._clock.hold():
            try:
                async with asyncio.timeout(request.timeout):
                    answer = await self._parts.services.run(
                        request.service, self._arguments(request), self._context(request)
                    )
                outcome, value = answer.outcome, answer.value
            except TimeoutError:
                outcome = "timeout"
            except HotlineError as error:
                code = error.code
                log.warning("service refused", call_id=self.call_id, service=request.service, code=code)
            except Exception as error:
                # The message may quote arguments; the type and the service say enough for a log.
                code = type(error).__name__
                log.error("service failed", call_id=self.call_id, service=request.service, error=code)
            self._post(ev.ServiceResult(0.0, request.request, outcome, value, code))

    def _arguments(self, request: ins.RunService) -> dict[str, Any]:
        """The arguments, with recordings under the ids by which the database knows them."""
        signature = self._library.manifest.services[request.service]
        return {
            name: recording_id(self.call_id, value)
            if value is not None and signature.inputs[name].name == "recording"
            else value
            for name, value in request.arguments.items()
        }

    def _context(self, request: ins.RunService) -> ServiceContext:
        assert self._state is not None  # noqa: S101 - a service is only asked by a started engine
        info = self._leg.info
        return ServiceContext(
            call_id=self.call_id,
            caller=info.caller,
            called=info.called,
            level=request.level,
            now=self._clock.now(),
            language=self._state.language,
            idempotency_key=f"{self.call_id}:{request.key}",
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
        self._leg.record(
            line.RecordRequest(request.recording, path, request.longest, request.silence, request.beep)
        )

    async def _recording_ended(self, ended: line.RecordEnded) -> None:
        with self._clock.hold():
            stored = await self._parts.vault.ended(self.call_id, ended)
        why = ended.why if stored else "storage"
        self._tell(ev.RecordingFinished(self._now, ended.recording, ended.seconds, why))

    async def _transfer(self, request: ins.Transfer) -> None:
        outcome = await self._parts.transfers.transfer(self.call_id, self._leg, request)
        self._post(ev.TransferResult(0.0, request.request, outcome))

    @property
    def _level(self) -> int:
        return 0 if self._state is None else int(self._state.level)

    def _note(self, kind: str, **details: Any) -> None:
        self._parts.journal.add(self.call_id, [{"kind": kind, "at": round(self._now, 3), **details}])

    # The end

    async def _close(self) -> None:
        for timer in list(self._timers):
            self._stop_timer(timer)
        await self._await_end()
        with self._clock.hold():
            if self._tasks:
                await asyncio.wait(self._tasks, timeout=HANG_UP_GRACE)
            for task in list(self._tasks):
                task.cancel()
            await self._parts.vault.flush(self.call_id)
            await self._parts.journal.finish(
                self.call_id,
                outcome=self._final_outcome,
                language="" if self._state is None else self._state.language,
                level=self._level,
            )
        self._parts.metrics.call_ended(self._final_outcome, self._now)

    async def _await_end(self) -> None:
        """Wait for `Ended` where we hung up first; recordings that end meanwhile are still stored."""
        try:
            async with asyncio.timeout(HANG_UP_GRACE):
                while self._ended is None:
                    while self._mailbox:
                        message = self._mailbox.popleft()
                        if isinstance(message, line.Ended):
                            self._ended = message
                        elif isinstance(message, line.RecordEnded):
                            await self._parts.vault.ended(self.call_id, message)
                    if self._ended is None:
                        self._wake.clear()
                        await self._wake.wait()
        except TimeoutError:
            log.warning("no end of leg", call_id=self.call_id)

    @property
    def _final_outcome(self) -> str:
        if self._outcome:
            return self._outcome
        if self._answered_at is None:
            return "abandoned"
        if self._ended is not None and self._ended.by == "caller":
            return "caller_hung_up"
        return "normal" if self._ended is not None else "broken_off"
