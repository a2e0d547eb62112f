"""A bidirectional Media Stream from Twilio's side (https://www.twilio.com/docs/voice/media-streams/websocket-messages)."""

from __future__ import annotations

import asyncio
import base64
import json
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, Final

from aiohttp import ClientSession, ClientWebSocketResponse, WSMsgType, WSServerHandshakeError

#: µ-law bytes of 20 ms, and the silence of one.
FRAME: Final = 160
SILENCE: Final = b"\xff" * FRAME


class MediaStream:
    """One stream: sends a frame each 20 ms, plays what comes in the order of its coming, gives marks back, clears.

    `pace` is how much faster than real time it runs; 0 sends as fast as the socket takes it, for servers that do not
    live in real time.
    """

    def __init__(self, sid: str, call: str, account: str, *, pace: float = 1.0) -> None:
        self.sid = sid
        self._call = call
        self._account = account
        self._pace = pace
        self._socket: ClientWebSocketResponse | None = None
        self._says: deque[bytes] = deque()
        self._plays: deque[bytes | str] = deque()
        self._rest = b""
        self._sequence = 0
        self._chunk = 0
        #: What the other side has said so far, as it was played; and when frames came (the loop's time).
        self.heard = bytearray()
        self.arrivals: list[float] = []
        self.marks: list[str] = []
        self.clears = 0
        #: The code with which the other side closed; None while it is open.
        self.closed: int | None = None
        #: Why the socket was not opened: the HTTP status.
        self.refused: int | None = None
        self.started = asyncio.Event()
        #: Told of each piece of sound as it comes, and of each frame as it is sent, with the loop's time of it.
        self.on_media: Callable[[bytes], None] = lambda sound: None
        self.on_sent: Callable[[bytes, float], None] = lambda frame, at: None

    async def run(self, session: ClientSession, url: str, signature: str, told: Mapping[str, str]) -> None:
        """Open it, and stream until the other side closes it. Cancelled, it says `stop` and closes."""
        try:
            socket = await session.ws_connect(url, headers={"X-Twilio-Signature": signature}, compress=0)
        except WSServerHandshakeError as error:
            self.refused = error.status
            return
        except OSError:
            self.refused = 0
            return
        self._socket = socket
        await self._begin(told)
        speaking = asyncio.create_task(self._speak())
        try:
            await self._listen(socket)
        except asyncio.CancelledError:
            with suppress(ConnectionError):
                stop = {"accountSid": self._account, "callSid": self._call}
                await self._send({"event": "stop", "stop": stop})
            raise
        finally:
            speaking.cancel()
            await asyncio.gather(speaking, return_exceptions=True)
            await socket.close()

    # What the person does

    def say(self, sound: bytes) -> None:
        """Speak µ-law bytes, after what is still being said."""
        for at in range(0, len(sound), FRAME):
            self._says.append(sound[at : at + FRAME].ljust(FRAME, b"\xff"))

    @property
    def saying(self) -> bool:
        """Whether something is still being said."""
        return bool(self._says)

    async def press(self, key: str) -> None:
        """Press a key."""
        await self._send({"event": "dtmf", "dtmf": {"track": "inbound_track", "digit": key}})

    # Inside

    async def _begin(self, told: Mapping[str, str]) -> None:
        await self._send({"event": "connected", "protocol": "Call", "version": "1.0.0"}, numbered=False)
        start = {
            "streamSid": self.sid,
            "accountSid": self._account,
            "callSid": self._call,
            "tracks": ["inbound"],
            "customParameters": dict(told),
            "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
        }
        await self._send({"event": "start", "start": start})
        self.started.set()

    async def _speak(self) -> None:
        """A frame each 20 ms, silence where nothing is said; and 20 ms of what came are played."""
        loop = asyncio.get_running_loop()
        began, sent = loop.time(), 0
        with suppress(ConnectionError):
            while True:
                await self._frame(sent)
                self._play(loop.time())
                await self._give_marks()
                sent += 1
                await asyncio.sleep(
                    max(0.0, began + sent * 0.02 / self._pace - loop.time()) if self._pace else 0
                )

    async def _frame(self, sent: int) -> None:
        frame = self._says.popleft() if self._says else SILENCE
        self._chunk += 1
        media = {
            "track": "inbound",
            "chunk": str(self._chunk),
            "timestamp": str(sent * 20),
            "payload": base64.b64encode(frame).decode("ascii"),
        }
        self.on_sent(frame, asyncio.get_running_loop().time())
        await self._send({"event": "media", "media": media})

    def _play(self, now: float) -> None:
        wanted = FRAME
        while wanted and self._plays and isinstance(self._plays[0], bytes):
            audio = self._plays.popleft()
            assert isinstance(audio, bytes)  # noqa: S101 - looked at above
            self.heard += audio[:wanted]
            if len(audio) > wanted:
                self._plays.appendleft(audio[wanted:])
            wanted -= min(wanted, len(audio))

    async def _give_marks(self, *, all_of_them: bool = False) -> None:
        while self._plays and (all_of_them or isinstance(self._plays[0], str)):
            played = self._plays.popleft()
            if isinstance(played, str):
                self.marks.append(played)
                await self._send({"event": "mark", "mark": {"name": played}})

    async def _listen(self, socket: ClientWebSocketResponse) -> None:
        async for message in socket:
            if message.type is WSMsgType.TEXT:
                await self._took(json.loads(message.data))
        self.closed = socket.close_code or 1006

    async def _took(self, message: dict[str, Any]) -> None:
        match message.get("event"):
            case "media":
                self.arrivals.append(asyncio.get_running_loop().time())
                sound = base64.b64decode(message["media"]["payload"])
                self.on_media(sound)
                self._plays.append(sound)
            case "mark":
                self._plays.append(str(message["mark"]["name"]))
            case "clear":
                self.clears += 1
                await self._give_marks(all_of_them=True)

    async def _send(self, message: dict[str, Any], *, numbered: bool = True) -> None:
        assert self._socket is not None  # noqa: S101 - opened before anything is said
        if numbered:
            self._sequence += 1
            message = {**message, "sequenceNumber": str(self._sequence), "streamSid": self.sid}
        await self._socket.send_str(json.dumps(message))
