"""A caller who does anything at any time: keys that fit and keys that do not, silence, words, hanging up."""

from __future__ import annotations

from random import Random
from typing import Any, Literal

from ivr.flow.hearing import Hearing
from ivr.flow.plan import Plan
from ivr.testing.world import World

Style = Literal["sensible", "wild", "silent"]
ALL_KEYS = "0123456789*#"
#: A call that goes on so long is hung up, except by callers who never do.
MOST_ACTS = 60


class RandomCaller:
    """Acts by chance. `done` keeps what was done as lines of a test, each `at` its time."""

    def __init__(self, random: Random) -> None:
        self._random = random
        styles: list[Style] = ["sensible", "wild", "silent"]
        self._style = random.choices(styles, [75, 20, 5])[0]
        self._endless = random.random() < 0.02
        self._acts = random.randrange(1, MOST_ACTS)
        self._keys = ""
        self._next = random.expovariate(0.3)
        self.done: list[dict[str, Any]] = []

    def due(self, world: World) -> float | None:
        """When the caller acts next."""
        return None if world.hung_up or self._style == "silent" else self._next

    def act(self, world: World) -> None:
        """Do something, and decide when to do the next thing."""
        random = self._random
        if self._keys:
            key, self._keys = self._keys[0], self._keys[1:]
            self._press(world, key)
        elif self._acts <= 0 and not self._endless:
            self._tell(world, {"hang_up": True})
            world.hang_up()
        else:
            self._acts -= 1
            self._begin(world)
        pause = random.uniform(0.05, 0.4) if self._keys else random.expovariate(0.4)
        self._next = round(world.now + pause, 3)

    def _begin(self, world: World) -> None:
        random = self._random
        if world.recording is not None and random.random() < 0.7:
            seconds = round(random.choice([0.3, 1.5, 4.0, 20.0, 200.0]), 1)
            self._tell(world, {"record": f"{seconds:g}s"})
            world.talk(seconds)
            return
        if self._plan(world).waiting.speech and random.random() < 0.35:
            self._speak(world)
            return
        keys = self._sensible(world) if self._style == "sensible" and random.random() < 0.9 else ""
        self._keys = keys or random.choice(ALL_KEYS)
        key, self._keys = self._keys[0], self._keys[1:]
        self._press(world, key)

    def _speak(self, world: World) -> None:
        """Words that fit, surely or not; a number; a cough; or nobody hears it."""
        random = self._random
        chance = random.random()
        if chance < 0.1:
            self._tell(world, {"cough": True})
            world.cough()
        elif chance < 0.15:
            why: Literal["full", "failed"] = random.choice(["full", "failed"])
            self._tell(world, {"not_heard": why})
            world.lose_speech(why)
        else:
            text = random.choice([*self._words(world), self._number(world), "嗯"])
            confidence = round(random.choice([random.random(), 0.95]), 2)
            self._tell(world, {"say": text, "confidence": confidence})
            world.speak(text, confidence)

    def _words(self, world: World) -> list[str]:
        """What may be said to what is asked now."""
        kind, plan = world.engine.kinds[self._plan(world).kind], self._plan(world)
        if not isinstance(kind, Hearing):
            return []
        words = [*kind.phrases(world.state, plan)]
        # Of a router's many phrases no more than of the others, or nobody would ever do anything else.
        return self._random.sample(words, min(len(words), 12))

    def _number(self, world: World) -> str:
        plan = self._plan(world)
        return self._entry(plan, "").strip("#*") if plan.kind == "collect" else self._random.choice("123")

    def _plan(self, world: World) -> Plan:
        flow, step = world.state.step
        return world.engine.plan(flow).steps[step]

    def _sensible(self, world: World) -> str:
        """Keys that the present step can use."""
        random, plan = self._random, self._plan(world)
        if plan.kind == "menu":
            return str(random.choice([*plan.options, *plan.options, *(plan.hotkeys or "1")]))
        if plan.kind == "collect":
            return self._entry(plan, world.state.wait.stage)
        if plan.kind in ("voicemail", "record"):
            return random.choice("123#")
        # Between questions a caller mostly listens.
        return str(random.choice([*plan.hotkeys, ""]))

    def _entry(self, plan: Plan, stage: str) -> str:
        random, step = self._random, plan.step
        if stage in ("confirm", "asked_back"):
            return random.choice("112")
        if step.type == "date":
            return f"{random.randrange(1, 13):02}{random.randrange(1, 29):02}{step.end_key}"
        if step.type == "time":
            return f"{random.randrange(24):02}{random.randrange(60):02}"
        if step.type == "phone":
            return f"138{random.randrange(10**8):08}{step.end_key}"
        length: int = step.length or random.randrange(step.least, min(step.most, 8) + 1)
        return "".join(random.choice("0123456789") for _ in range(length)) + str(step.end_key)

    def _press(self, world: World, key: str) -> None:
        self._tell(world, {"keys": key})
        world.press(key)

    def _tell(self, world: World, line: dict[str, Any]) -> None:
        self.done.append({**line, "at": f"{world.now:.3f}s"})
