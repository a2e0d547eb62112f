"""A call at the fake Twilio: from ringing to its end, through the documents that it is answered with."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from ivr.testing.twilio.documents import DocumentError, Verb, read_document
from ivr.testing.twilio.people import Person
from ivr.testing.twilio.signing import sign
from ivr.testing.twilio.stream import MediaStream

if TYPE_CHECKING:
    from ivr.testing.twilio.fake import FakeTwilio

#: Documents one after another in a call, before it is ended.
_MOST_DOCUMENTS: Final = 50
_ENDED: Final = frozenset({"completed", "busy", "no-answer", "failed", "canceled"})


def new_sid(prefix: str) -> str:
    """An id as Twilio's are."""
    return prefix + secrets.token_hex(16)


class FakeCall:
    """One call. `asked` are the parameters of the request by which it was asked for; empty for one that comes in."""

    def __init__(
        self, twilio: FakeTwilio, caller: str, to: str, person: Person, asked: Mapping[str, Any] | None = None
    ) -> None:
        self.twilio = twilio
        self.sid = new_sid("CA")
        self.caller = caller
        self.to = to
        self.person = person
        self.asked = dict(asked or {})
        self.direction = "outbound-api" if asked else "inbound"
        self.status = "queued" if asked else "ringing"
        self.answered_by = ""
        self.created_at = datetime.now(UTC)
        self.answered_at: datetime | None = None
        self.ended_at: datetime | None = None
        #: The documents that were run, what was said by <Say>, whom <Dial> called, and the streams.
        self.documents: list[str] = []
        self.said: list[str] = []
        self.dialled: list[str] = []
        self.streams: list[MediaStream] = []
        self.problems: list[str] = []
        self._ended = asyncio.Event()
        self._replaced: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._sequence = 0
        self.task: asyncio.Task[None] | None = None

    # What a test does and sees

    @property
    def stream(self) -> MediaStream:
        """The stream that runs now, or ran last."""
        return self.streams[-1]

    @property
    def streaming(self) -> bool:
        """Whether sound flows: the other side has sent some, and may send more."""
        return (
            bool(self.streams) and bool(self.stream.arrivals) and self.stream.closed is None and not self.over
        )

    @property
    def seconds_heard(self) -> float:
        """How long the person has been played something, silence included."""
        return len(self.stream.heard) / 8000 if self.streams else 0.0

    @property
    def over(self) -> bool:
        """Whether the call has ended."""
        return self.status in _ENDED

    async def until(self, condition: Callable[[], bool], longest: float = 15.0) -> None:
        """Wait until something holds. Raises TimeoutError."""
        async with asyncio.timeout(longest):
            while not condition():  # noqa: ASYNC110 - conditions of the test's own
                await asyncio.sleep(0.01)

    async def press(self, keys: str, *, pause: float = 0.12) -> None:
        """Press keys, one after another."""
        for key in keys:
            await self.stream.press(key)
            await asyncio.sleep(pause)

    def say(self, sound: bytes) -> None:
        """Speak: µ-law bytes at 8 kHz."""
        self.stream.say(sound)

    async def hang_up(self) -> None:
        """The person hangs up; returns when the call is over."""
        self.end("completed")
        await self.finished()

    async def finished(self, longest: float = 20.0) -> None:
        """Wait for the end of the call, whoever ends it."""
        async with asyncio.timeout(longest):
            if self.task is not None:
                await asyncio.shield(self.task)

    # What Twilio does

    def end(self, status: str) -> None:
        """It ends, in this way; the first end counts."""
        if not self.over:
            self._change(status)
            self._ended.set()

    def replace(self, document: str) -> None:
        """Go on with another document instead of what runs."""
        if not self._replaced.done():
            self._replaced.set_result(document)

    def begin(self) -> None:
        """Let it run."""
        self.task = asyncio.create_task(self._run())

    async def _run(self) -> None:
        try:
            if self.asked:
                await self._ring()
            if not self.over:
                await self._converse(await self._first())
        except DocumentError as error:
            self.problems.append(str(error))
        finally:
            self.end("completed" if self.answered_at else "failed")

    async def _ring(self) -> None:
        person, longest = self.person, float(self.asked.get("Timeout", 60))
        self._change("initiated")
        self._change("ringing")
        waits = longest if person.ends == "no-answer" else min(person.rings, longest)
        with suppress(TimeoutError):
            await asyncio.wait_for(self._ended.wait(), waits)
        if self.over:
            return
        if person.ends or person.rings > longest:
            self.end(person.ends or "no-answer")
        else:
            self._answered()

    async def _first(self) -> str | None:
        document = self.asked.get("Twiml")
        if document is not None:
            return str(document)
        numbers = self.twilio.webhooks
        return await numbers.document(
            self.asked.get("Url", self.twilio.voice_url), self.form(), fallback=self.twilio.fallback_url
        )

    async def _converse(self, document: str | None) -> None:
        for _ in range(_MOST_DOCUMENTS):
            if document is None or self.over:
                return
            self.documents.append(document)
            document = await self._step(document)

    async def _step(self, document: str) -> str | None:
        """Run a document until it is through, another takes its place, or the call ends."""
        running = asyncio.create_task(self._verbs(read_document(document)))
        ended = asyncio.create_task(self._ended.wait())
        try:
            waits: set[asyncio.Future[Any]] = {running, ended, self._replaced}
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            if self._replaced.done() and not self.over:
                document = self._replaced.result()
                self._replaced = asyncio.get_running_loop().create_future()
                return document
            return running.result() if running.done() else None
        finally:
            for task in (running, ended):
                task.cancel()
            await asyncio.gather(running, ended, return_exceptions=True)

    async def _verbs(self, verbs: tuple[Verb, ...]) -> str | None:
        """The document that follows, None at the end."""
        if not self.asked and self.answered_at is None and verbs and verbs[0].name != "Reject":
            self._answered()
        for verb in verbs:
            match verb.name:
                case "Say" | "Play":
                    self.said.append(verb.text)
                case "Pause":
                    await asyncio.sleep(float(verb.attributes.get("length", 1)))
                case "Redirect":
                    return await self._document(verb.text, verb)
                case "Reject":
                    self.end("busy" if verb.attributes.get("reason") == "busy" else "failed")
                case "Hangup":
                    return None
                case "Record" | "Dial" | "Connect":
                    follows, document = await self._long(verb)
                    if follows:
                        return document
        return None

    async def _long(self, verb: Verb) -> tuple[bool, str | None]:
        """A verb with an action; whether a document follows, and which."""
        told = await {"Record": self._record, "Dial": self._dial, "Connect": self._connect}[verb.name](verb)
        action = verb.attributes.get("action", "")
        if not action:
            return False, None
        return True, await self._document(action, verb, told)

    async def _document(self, url: str, verb: Verb, told: Mapping[str, str] | None = None) -> str | None:
        method = verb.attributes.get("method", "POST")
        return await self.twilio.webhooks.document(url, {**self.form(), **(told or {})}, method=method)

    # Verbs

    async def _connect(self, verb: Verb) -> dict[str, str]:
        noun = verb.noun("Stream")
        if noun is None or "?" in noun.attributes.get("url", "?"):
            raise DocumentError("12200: a Connect without a Stream whose address has no query")
        url = noun.attributes["url"]
        told = {one.attributes["name"]: one.attributes["value"] for one in noun.within}
        stream = MediaStream(new_sid("MZ"), self.sid, self.twilio.account, pace=self.twilio.pace)
        self.streams.append(stream)
        webhooks = self.twilio.webhooks
        signature = sign(self.twilio.token, url) if webhooks.signs else ""
        talking = asyncio.create_task(self._talk(stream))
        try:
            await stream.run(webhooks.session, url, signature, told)
        finally:
            talking.cancel()
            await asyncio.gather(talking, return_exceptions=True)
        failed = stream.refused is not None or stream.closed != 1000
        return {"StreamSid": stream.sid, "StreamEvent": "stream-error" if failed else "stream-stopped"}

    async def _talk(self, stream: MediaStream) -> None:
        await stream.started.wait()
        if self.person.talk is not None:
            await self.person.talk(self)

    async def _record(self, verb: Verb) -> dict[str, str]:
        """The person leaves the message that the test has given them, or none."""
        sound = self.twilio.leaves
        if sound is None:
            return {}
        sid = self.twilio.keep_recording(self.sid, sound)
        told = {
            "RecordingSid": sid,
            "RecordingStatus": "completed",
            "RecordingDuration": str(len(sound) // 8000),
        }
        self.twilio.webhooks.callback(
            verb.attributes.get("recordingStatusCallback", ""),
            {"CallSid": self.sid, "AccountSid": self.twilio.account, **told},
        )
        return {**told, "Digits": "hangup"}

    async def _dial(self, verb: Verb) -> dict[str, str]:
        noun = verb.noun("Number")
        number = noun.text if noun is not None else verb.text
        self.dialled.append(number)
        person = self.twilio.people.get(number, Person())
        await asyncio.sleep(person.rings)
        return {"DialCallStatus": person.ends or "completed", "DialCallSid": new_sid("CA")}

    # What is told

    def form(self) -> dict[str, str]:
        """What every webhook of the call says."""
        return {
            "CallSid": self.sid,
            "AccountSid": self.twilio.account,
            "From": self.caller,
            "To": self.to,
            "CallStatus": self.status,
            "ApiVersion": "2010-04-01",
            "Direction": self.direction,
        }

    def _answered(self) -> None:
        self.answered_at = datetime.now(UTC)
        self._change("in-progress")
        url = self.asked.get("AsyncAmdStatusCallback", "")
        if url and self.asked.get("MachineDetection"):
            asyncio.get_running_loop().call_later(self.person.detected, self._detected, url)

    def _detected(self, url: str) -> None:
        if self.over or self.twilio.closed:
            return
        self.answered_by = self.person.answered_by
        form = {"CallSid": self.sid, "AccountSid": self.twilio.account, "AnsweredBy": self.answered_by}
        duration = str(round(self.person.detected * 1000))
        self.twilio.webhooks.callback(url, {**form, "MachineDetectionDuration": duration})

    def _change(self, status: str) -> None:
        self.status = status
        if self.over:
            self.ended_at = datetime.now(UTC)
        event = {"in-progress": "answered"}.get(status, "completed" if self.over else status)
        wanted = self.asked.get("StatusCallbackEvent", ["completed"])
        if event not in ([wanted] if isinstance(wanted, str) else wanted):
            return
        form = {
            **self.form(),
            "CallbackSource": "call-progress-events",
            "SequenceNumber": str(self._sequence),
        }
        self._sequence += 1
        if status == "completed":
            form["CallDuration"] = "1"
        if self.person.sip and status == "failed":
            form["SipResponseCode"] = str(self.person.sip)
        self.twilio.webhooks.callback(self.asked.get("StatusCallback", ""), form)
