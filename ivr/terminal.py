"""A call in the terminal: the real flows, services and database over the script line."""

from __future__ import annotations

import asyncio
import re
import shutil
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from rich.console import Console

from ivr.app import advising, call_parts, load_content, new_call_id, open_database
from ivr.call.parts import CallParts
from ivr.call.session import CallSession
from ivr.clock import Clock, SystemClock, VirtualClock
from ivr.errors import SettingError
from ivr.flow import FlowLibrary
from ivr.lines.base import Ended, RecordRequest
from ivr.lines.script import Action, Caller, HangUp, Keys, Say, ScriptedCaller, ScriptLine, Speak, WaitSilence
from ivr.lines.script.playing import Prompt
from ivr.media.g711 import Law
from ivr.settings import Settings
from ivr.testing.retell import transcript_to_test
from policy_db import PolicyDatabase

if TYPE_CHECKING:
    from cross_sell.call_facts import ServiceSide

_KEYS = re.compile(r"^[0-9*#]+$")
#: Seconds that a typed word takes to say, by the character.
_PER_CHARACTER = 0.25
#: In a scripted call, how long the hotline must be silent before the next word.
QUIET_SECONDS = 0.6
#: In a scripted call, the seconds that a service has on a busy machine.
_PATIENCE = 60.0
_MARKS = {"hotline": "[bold cyan]☎[/]", "caller": "[bold green]»[/]", "call": "[dim]·[/]"}


class TerminalCaller(Caller):
    """Shows what the hotline says and gives it what is typed; `tell` shows one line."""

    def __init__(
        self, number: str, dialled: str, tell: Callable[[str], None], loudspeaker: Loudspeaker | None
    ) -> None:
        self.number = number
        self.dialled = dialled
        self.over = asyncio.Event()
        self.recording = False
        self._tell = tell
        self._loudspeaker = loudspeaker

    def prompt_began(self, prompt: Prompt) -> None:
        """Show it, and play it if there is a loudspeaker."""
        self._tell(f"[bold cyan]☎[/] {prompt.text}")
        if self._loudspeaker is not None:
            self._loudspeaker.play(b"".join(clip.frames(Law.MU) for clip in prompt.clips))

    def prompt_ended(self, prompt: Prompt, *, cut_off: bool) -> None:
        """Fall silent if it was cut off."""
        if cut_off and self._loudspeaker is not None:
            self._loudspeaker.stop()

    def recording_began(self, request: RecordRequest) -> None:
        """From now on a typed line is what the caller says into the recording."""
        self.recording = True
        self._tell("[dim](recording: type what you say; # ends it)[/]")

    def ended(self, event: Ended) -> None:
        """Say so."""
        self._tell(f"[dim]call ended by {'you' if event.by == 'caller' else 'the hotline'}[/]")
        self.over.set()

    def enter(self, line: str) -> None:
        """Do what was typed: keys, words, or words into a recording."""
        text = line.strip()
        if not text:
            return
        if _KEYS.match(text):
            self.recording = False
            for key in text:
                self.phone.press(key)
        elif self.recording:
            self.phone.speak(max(1.0, len(text) * _PER_CHARACTER))
        else:
            self.phone.say(text)


class Loudspeaker:
    """Plays µ-law through `aplay`, in another process."""

    def __init__(self) -> None:
        program = shutil.which("aplay")
        if program is None:
            raise SettingError("--sound needs the program aplay; install the package alsa-utils", code="H104")
        self._command = [program, "-q", "-f", "MU_LAW", "-r", "8000", "-c", "1", "-"]
        self._tasks: set[asyncio.Task[None]] = set()

    def play(self, audio: bytes) -> None:
        """Begin to play; what was playing goes on to its end unless stopped."""
        task = asyncio.create_task(self._run(audio))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def stop(self) -> None:
        """Silence."""
        for task in self._tasks:
            task.cancel()

    async def _run(self, audio: bytes) -> None:
        process = await asyncio.create_subprocess_exec(*self._command, stdin=asyncio.subprocess.PIPE)
        try:
            await process.communicate(audio)
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()


async def place_call(
    settings: Settings,
    *,
    number: str,
    dialled: str,
    script: Sequence[str] | None,
    sound: bool,
    record: Path | None,
    seats: bool = False,
) -> int:
    """Place one call; with `script` its words are done one by one, in virtual time. Returns 0.

    With `seats` suggestions are made as if a seat with every licence were ready; else the database's seats count.
    """
    console = Console(highlight=False, soft_wrap=True)
    content = load_content(settings)
    call_id = new_call_id(settings.zone, 0)
    async with open_database(settings, migrate=True) as database:
        told = _Suggestions()
        side = partial(_somebody, database) if seats else None
        advice = advising(settings, database, lambda _call_id: None, told.note, side)
        parts = call_parts(settings, content, database, "terminal", advice=advice)
        if script is None:
            caller = TerminalCaller(number, dialled, console.print, Loudspeaker() if sound else None)
            async with _ringing(SystemClock(settings.zone), caller, call_id, parts) as call:
                await _converse(caller, call)
        else:
            await _play_script(settings, script, number, dialled, call_id, parts, console)
        for line in told.lines():
            console.print(f"[dim]{line}[/]")
        if record is not None:
            record.write_text(
                await recorded_test(database, content.flows.current, call_id, settings.zone), encoding="utf-8"
            )
            console.print(f"The call as a test is in {record}; check its values before you paste it.")
    return 0


class _Suggestions:
    """What was decided of suggestions in a call, to be told when it is over: a caller never hears why there is none."""

    def __init__(self) -> None:
        self._found: list[tuple[str, str, str]] = []

    def note(self, _call_id: str, kind: str, **details: Any) -> None:
        """Something is noted of the call."""
        if kind == "suggestion":
            self._found.append((details["what"], details["gate"], details["product"]))

    def lines(self) -> list[str]:
        """Each decision in a line."""
        return [
            f"suggestion: product {product} ({arm})" if not gate else f"suggestion: none ({gate})"
            for arm, gate, product in self._found
        ]


async def _somebody(database: PolicyDatabase, _language: str) -> ServiceSide:
    """A seat with every licence that is ready, and nobody who waits."""
    from cross_sell.call_facts import ServiceSide

    return ServiceSide({one.offered.licence: 1 for one in await database.offered.all()})


@asynccontextmanager
async def _ringing(
    clock: Clock, caller: Caller, call_id: str, parts: CallParts
) -> AsyncIterator[asyncio.Task[None]]:
    """A call of `caller` under way; waits for its record to be complete."""
    line = ScriptLine(clock, name="terminal")
    calls: list[asyncio.Task[None]] = []
    await line.start(lambda leg: calls.append(asyncio.create_task(CallSession(leg, call_id, parts).run())))
    line.call(caller)
    try:
        yield calls[0]
    finally:
        await line.stop()
        await calls[0]


async def _play_script(
    settings: Settings,
    script: Sequence[str],
    number: str,
    dialled: str,
    call_id: str,
    parts: CallParts,
    console: Console,
) -> None:
    clock = VirtualClock(datetime.now(ZoneInfo(settings.zone)), patience=_PATIENCE)
    caller = ScriptedCaller(script_actions(script), number=number, dialled=dialled)
    async with _ringing(clock, caller, call_id, parts) as call:
        await clock.run(call.done)
    for entry in caller.transcript:
        console.print(f"[dim]{entry.at:7.1f}[/] {_MARKS[entry.who]} {entry.what}")


def script_actions(words: Sequence[str]) -> list[Action]:
    """What a scripted caller does: each word waits until the hotline is silent.

    Digits, * and # are pressed; `say:WORDS` is understood as words; `speak:SECONDS` is said into a recording;
    `hangup` ends the call, and so does the end of the script. Raises SettingError for anything else.
    """
    actions: list[Action] = []
    for word in [*words, "hangup"]:
        actions.append(WaitSilence(QUIET_SECONDS))
        kind, _, rest = word.partition(":")
        if _KEYS.match(word):
            actions.append(Keys(word))
        elif kind == "say" and rest:
            actions.append(Say(rest))
        elif kind == "speak" and rest.replace(".", "", 1).isdigit():
            actions.append(Speak(float(rest)))
        elif word == "hangup":
            actions.append(HangUp())
        else:
            raise SettingError(
                f"{word!r} is nothing a caller can do; write keys, say:WORDS, speak:SECONDS or hangup",
                code="H105",
            )
    return actions


async def _converse(caller: TerminalCaller, call: asyncio.Task[None]) -> None:
    """Enter what is typed until the call is over or the input ends."""
    loop = asyncio.get_running_loop()
    lines: asyncio.Queue[str | None] = asyncio.Queue()
    loop.add_reader(sys.stdin, lambda: lines.put_nowait(sys.stdin.readline() or None))
    over = asyncio.create_task(caller.over.wait())
    try:
        while not caller.over.is_set():
            typed = asyncio.create_task(lines.get())
            await asyncio.wait({typed, over, call}, return_when=asyncio.FIRST_COMPLETED)
            if not typed.done():
                typed.cancel()
                break
            line = typed.result()
            if line is None:
                caller.phone.hang_up()
                break
            caller.enter(line)
    finally:
        over.cancel()
        loop.remove_reader(sys.stdin)


async def recorded_test(database: PolicyDatabase, library: FlowLibrary, call_id: str, zone: str) -> str:
    """A call of the database as a test ready to paste into a flow. Raises SettingError for an unknown call."""
    call = await database.calls.find(call_id)
    if call is None:
        raise SettingError(
            f"there is no call {call_id}; its id stands in the log and in /status", code="H106"
        )
    entries = [
        {"kind": entry.kind, "at": entry.at, **entry.data} for entry in await database.calls.timeline(call_id)
    ]
    clock = call.started_at.astimezone(ZoneInfo(zone))
    return transcript_to_test(library, entries, f"as call {call_id} went", clock=clock)
