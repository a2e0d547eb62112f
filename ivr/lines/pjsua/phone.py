"""A telephone on the command line: dials any SIP address, hears, speaks, presses keys by a script.

It is a `PjsuaLine` of its own, so it needs a process of its own beside a hotline on the same library.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ivr.errors import HotlineError, LineError
from ivr.lines.base import Ended, HoldChanged, KeyDown, LegEvent, PlayEnded
from ivr.lines.phone_script import HangUp, Play, Press, Step, UntilSilence, Wait, parse_script
from ivr.lines.pjsua.config import PjsuaSettings
from ivr.lines.pjsua.leg import PjsuaLeg
from ivr.lines.pjsua.line import PjsuaLine
from ivr.media import g711
from ivr.media.clip import Clip
from ivr.media.port import AudioPort
from ivr.media.wav import write_g711

#: Peak of a frame (of 32767) above which the other side is heard.
_LOUD = 300
#: Seconds for which `until-silence` waits for the first sound.
_PATIENCE = 15.0
#: Seconds a key is pressed, and from one to the next.
_KEY, _NEXT_KEY = 0.1, 0.2

Print = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class PhoneOptions:
    """What a call from the command line does; `keys` is a script (see `parse_script`)."""

    address: str
    keys: str = ""
    #: A WAV file spoken from the answer on.
    play: Path | None = None
    #: Where to write what was heard, as G.711 WAV.
    save: Path | None = None
    caller: str = ""
    #: The local address and SIP port; 0 takes a free one.
    host: str = "0.0.0.0"  # noqa: S104 - a telephone may be called from anywhere it can call
    port: int = 0
    registrar: str = ""
    user: str = "phone"
    secret: str = field(default="", repr=False)
    #: Send keys by SIP INFO instead of RFC 4733.
    info_keys: bool = False
    #: Seconds to wait for an answer, and that the call may last.
    patience: float = 30.0
    longest: float = 600.0


class Ear:
    """Keeps what a call hears, and knows since when it has been quiet. Fed by the media clock's thread."""

    def __init__(self, port: AudioPort) -> None:
        self._port = port
        self._frames: list[bytes] = []
        #: Frames heard, and the number of the last one with sound in it (-1: none yet).
        self.count = 0
        self.last_loud = -1
        port.listen(self._hear)

    def _hear(self, frame: bytes) -> None:
        self._frames.append(frame)
        samples = g711.decode(frame, self._port.law).astype(np.int32)
        if np.abs(samples).max() > _LOUD:
            self.last_loud = self.count
        self.count += 1

    @property
    def quiet(self) -> float:
        """Seconds since the last sound."""
        return (self.count - 1 - self.last_loud) * g711.FRAME_SECONDS

    def save(self, path: Path) -> float:
        """Write it as WAV; how many seconds it is. Raises OSError."""
        audio = b"".join(self._frames)
        write_g711(path, audio, self._port.law)
        return len(audio) / g711.RATE


class Phone:
    """One call of a command-line telephone. `show` is given a line of text for each thing that happens."""

    def __init__(self, leg: PjsuaLeg, show: Print, *, info_keys: bool = False) -> None:
        self.leg = leg
        self._info_keys = info_keys
        self.ended: Ended | None = None
        self.ear = Ear(leg.port)
        self._show = show
        self._played: set[str] = set()
        self._plays = 0
        self._changed = asyncio.Event()
        leg.attach(self._took)

    def _took(self, event: LegEvent) -> None:
        match event:
            case Ended(by, status, text):
                self.ended = event
                who = {"us": "us", "caller": "the other side", "line": "the line"}[by]
                self._show(f"ended by {who}: {status} {text}")
            case KeyDown(key):
                self._show(f"got key {key}")
            case HoldChanged(held):
                self._show("put on hold" if held else "taken back")
            case PlayEnded(token):
                self._played.add(token)
        self._changed.set()

    async def run(self, steps: tuple[Step, ...]) -> None:
        """Do the steps, as long as the call lasts."""
        for step in steps:
            if self.ended is not None:
                self._show("the rest of the script is left undone")
                return
            await self._do(step)

    async def _do(self, step: Step) -> None:
        match step:
            case Wait(seconds):
                await self._sleep(seconds)
            case UntilSilence(seconds):
                await self._until_silence(seconds)
            case Press(keys):
                await self._press(keys)
            case Play(path):
                await self._until_played(self.speak(path))
            case HangUp():
                self.leg.hang_up()
                await self.leg.over.wait()

    def speak(self, path: Path) -> str:
        """Begin to speak a WAV file; a token for its end. Raises HotlineError for a file that is no sound."""
        self._plays += 1
        token = f"play-{self._plays}"
        try:
            clip = Clip.from_wav(path)
        except OSError as error:
            raise LineError(
                f"{path} cannot be read: {error.strerror}; name a WAV file", code="H222"
            ) from None
        self._show(f"plays {path.name} ({clip.seconds:.1f} s)")
        self.leg.play([clip], token=token)
        return token

    async def _press(self, keys: str) -> None:
        for key in keys:
            self._show(f"presses {key}")
            self.leg.press(key, seconds=_KEY, info=self._info_keys)
            await self._sleep(_NEXT_KEY)

    async def _until_played(self, token: str) -> None:
        while token not in self._played and self.ended is None:
            self._changed.clear()
            await self._changed.wait()

    async def _until_silence(self, seconds: float) -> None:
        """Silence counts from a sound heard after this moment, or just before it."""
        began, limit = self.ear.count, time.monotonic() + _PATIENCE
        while self.ended is None:
            heard = self.ear.last_loud >= began - 1
            if heard and self.ear.quiet >= seconds:
                self._show("hears silence")
                return
            if not heard and time.monotonic() > limit:
                self._show(f"heard nothing for {_PATIENCE:.0f} s")
                return
            await self._sleep(g711.FRAME_SECONDS)

    async def _sleep(self, seconds: float) -> None:
        """Sleep, but not beyond the end of the call."""
        over = asyncio.ensure_future(self.leg.over.wait())
        await asyncio.wait([over], timeout=seconds)
        over.cancel()


def run_phone(options: PhoneOptions, show: Print = print) -> int:
    """Make the call; the exit code: 0 it was answered, 1 it was not, 2 the options are wrong."""
    try:
        steps = parse_script(options.keys)
    except LineError as error:
        show(str(error))
        return 2
    try:
        return asyncio.run(_call(options, steps, show))
    except KeyboardInterrupt:
        show("stopped")
        return 130


async def _call(options: PhoneOptions, steps: tuple[Step, ...], show: Print) -> int:
    began = time.monotonic()

    def timed(text: str) -> None:
        show(f"{time.monotonic() - began:8.3f} {text}")

    line = PjsuaLine(_settings(options))
    try:
        await line.start(lambda leg: leg.refuse(486))
        timed(f"dials {options.address}")
        leg = await line.dial(options.address, caller=options.caller, timeout=options.patience)
        timed("answered")
        await _talk(options, steps, Phone(leg, timed, info_keys=options.info_keys), timed)
    except HotlineError as error:
        timed(str(error))
        return 1
    finally:
        await line.stop()
    return 0


async def _talk(options: PhoneOptions, steps: tuple[Step, ...], phone: Phone, timed: Print) -> None:
    try:
        async with asyncio.timeout(options.longest):
            if options.play is not None:
                phone.speak(options.play)
            await phone.run(steps)
            await phone.leg.over.wait()
    except TimeoutError:
        timed(f"hangs up after {options.longest:.0f} s")
        phone.leg.hang_up()
        await phone.leg.over.wait()
    finally:
        if options.save is not None:
            timed(f"saved {phone.ear.save(options.save):.1f} s to {options.save}")


def _settings(options: PhoneOptions) -> PjsuaSettings:
    return PjsuaSettings(
        name="phone",
        host=options.host,
        port=options.port,
        registrar=options.registrar,
        user=options.user,
        secret=options.secret,
        user_agent="hotline phone",
    )
