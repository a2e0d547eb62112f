"""A caller who acts by a script: the `caller:` lines of a test, carried out in virtual time.

A line is done when the hotline waits for the caller and has stopped speaking, as a polite caller would; with
`during` or `after` at a prompt, or `at` so long after the answer. When the script is over and the hotline waits
for the caller again, the caller hangs up.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from ivr.flow.model import parse_duration
from ivr.testing.world import World

#: Seconds from the end of a prompt to the caller's key, and from one key to the next.
REACTION = 0.3
BETWEEN_KEYS = 0.1
#: More events than any call has; a call that comes to it is not going to end.
MOST_EVENTS = 20_000


class StuckError(AssertionError):
    """The call would never end: nothing is going to happen, or too much has."""


class Acts(Protocol):
    """Whoever stands for the caller."""

    def due(self, world: World) -> float | None:
        """When the caller acts next, as things stand; None while they do not."""

    def act(self, world: World) -> None:
        """Do what is due now."""


class Caller:
    """Carries out one script. `undone` counts the lines that were not reached when the call was over."""

    def __init__(self, lines: Sequence[Mapping[str, Any]]) -> None:
        self._lines = list(lines)
        self._index = 0
        self._keys: list[str] = []
        self._key_at = 0.0
        #: From when on the present line may be done, and the moment it became the present one.
        self._from = 0.0
        self._since = 0
        self._silent_until: float | None = None

    @property
    def undone(self) -> int:
        """How many lines are left."""
        under_way = 1 if self._silent_until is not None else 0
        return len(self._lines) - self._index - under_way

    @property
    def index(self) -> int:
        """The number of the present line, from 0."""
        return self._index

    def due(self, world: World) -> float | None:
        """When the caller acts next, as things stand; None while they wait for the hotline."""
        if world.hung_up:
            return None
        if self._keys:
            return max(self._key_at, world.now)
        if self._silent_until is not None:
            return max(self._silent_until, world.now)
        line = self._lines[self._index] if self._index < len(self._lines) else {}
        moment = self._moment(world, line)
        return None if moment is None else max(moment, world.now)

    def _moment(self, world: World, line: Mapping[str, Any]) -> float | None:
        if "at" in line:
            return parse_duration(line["at"])
        if "during" in line:
            playing = next((one for one in world.playing if one.prompt == line["during"]), None)
            return None if playing is None else playing.begins + min(REACTION, playing.seconds / 2)
        if "after" in line:
            heard = (one.at for one in world.moments[self._since :] if _is_end_of(one, line["after"]))
            return next(heard, None)
        if "record" in line:
            return None if world.recording is None else max(self._from, world.recording.began)
        if world.quiet_since is None or (not line and _was_heard(world)):
            return None
        wait = 0.0 if "silence" in line else REACTION
        return max(self._from, world.quiet_since) + wait

    def act(self, world: World) -> None:
        """Do what is due now."""
        if self._keys:
            self._press(world)
            return
        if self._silent_until is not None:
            self._silent_until = None
            self._next(world)
            return
        if self._index >= len(self._lines):
            world.hang_up()
            return
        self._begin(world, self._lines[self._index])

    def _begin(self, world: World, line: Mapping[str, Any]) -> None:
        if "keys" in line:
            self._keys = list(line["keys"])
            self._press(world)
        elif "silence" in line:
            self._silent_until = world.now + parse_duration(line["silence"])
        elif "say" in line:
            self._next(world)
            others = tuple(str(one) for one in line.get("others", ()))
            world.speak(
                str(line["say"]), float(line.get("confidence", 1.0)), str(line.get("means", "")), others
            )
        elif "cough" in line:
            self._next(world)
            world.cough()
        elif "not_heard" in line:
            self._next(world)
            world.lose_speech(line["not_heard"])
        elif "record" in line:
            seconds = parse_duration(line["record"])
            world.talk(seconds, disk_full=bool(line.get("disk_full")))
            self._next(world, world.now + seconds)
        else:
            self._next(world)
            world.hang_up()

    def _press(self, world: World) -> None:
        key = self._keys.pop(0)
        self._key_at = world.now + BETWEEN_KEYS
        if not self._keys:
            self._next(world, world.now)
        world.press(key)

    def _next(self, world: World, begin: float | None = None) -> None:
        self._index += 1
        self._from = world.now if begin is None else begin
        self._since = len(world.moments)


def _was_heard(world: World) -> bool:
    """Whether the caller has spoken into the recording that is running; its end is waited for."""
    return world.recording is not None and world.recording.spoken_until > world.recording.began


def _is_end_of(moment: Any, prompt: str) -> bool:
    return bool(moment.what == "finished" and moment.name == prompt)


def run_call(world: World, caller: Acts) -> None:
    """Run a call that has been started to its end; raises `StuckError` for one that has none."""
    while not world.over:
        if world.events > MOST_EVENTS:
            raise StuckError(f"the call did not end within {MOST_EVENTS} events")
        due, next_time = caller.due(world), world.next_time()
        if due is not None and (next_time is None or due <= next_time):
            world.advance(due)
            caller.act(world)
        elif next_time is not None:
            world.step()
        else:
            raise StuckError("the call is not over, and nothing is going to happen in it")
