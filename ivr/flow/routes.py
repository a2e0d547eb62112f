"""Menus that another menu can reach by choices alone, and the words that lead through them.

A caller who says “cash value” in the main menu need not know that it is the fourth choice of the fourth choice of
the sixth: the words mean the keys that would have been pressed, one after another.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from ivr.flow.model import RESERVED_TARGETS, CallStep, Flow, Hotline, LanguageStep, MenuStep, SayStep, SetStep
from ivr.flow.words import Gathering, hear_of, name_of

#: A route has at most so many choices.
MOST_CHOICES: Final = 4
#: Steps between two menus that are passed without asking: more than that is no way a caller would see.
MOST_PASSED: Final = 6
#: The place of a menu: (flow, step).
Place = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Route:
    """A way: the keys of its choices, and the prompt that names the last of them."""

    keys: tuple[str, ...]
    name: str | None


def routes_of(
    flows: Mapping[str, Flow], hotline: Hotline, flow: str, step: MenuStep
) -> tuple[Gathering, dict[str, Route]]:
    """The words of the menus that a menu's `route` names, and the way that each meaning of them stands for."""
    gathering = Gathering()
    ways: dict[str, Route] = {}
    reached = reach(flows, flow, step)
    for wanted in step.route:
        for place, keys in reached.items():
            if wanted not in (place[0], ".".join(place)):
                continue
            menu = flows[place[0]].steps[place[1]]
            for key, choice in menu.choices.items():  # type: ignore[union-attr]
                if choice.go in RESERVED_TARGETS:
                    continue  # back to where the caller is
                route = Route((*keys, key), name_of(hotline, choice.hear, choice.name))
                meaning = "".join(route.keys)
                if ways.setdefault(meaning, route).keys == route.keys:
                    gathering.add(hear_of(hotline, choice.hear), meaning)
    return gathering, ways


def reach(flows: Mapping[str, Flow], flow: str, step: MenuStep) -> dict[Place, tuple[str, ...]]:
    """Every menu that choices alone lead to from here, with the fewest keys to it."""
    found: dict[Place, tuple[str, ...]] = {}
    waiting: deque[tuple[str, MenuStep, tuple[str, ...]]] = deque([(flow, step, ())])
    while waiting:
        here, menu, keys = waiting.popleft()
        if len(keys) == MOST_CHOICES:
            continue
        for key, choice in menu.choices.items():
            place = _asked(flows, here, choice.go) if choice.if_ is None else None
            if place is None or place in found or flows[place[0]].steps[place[1]] is step:
                continue
            found[place] = (*keys, key)
            asked: Any = flows[place[0]].steps[place[1]]
            waiting.append((place[0], asked, found[place]))
    return found


def _asked(flows: Mapping[str, Flow], flow: str, target: str) -> Place | None:
    """The menu that a target comes to without asking anything else and whatever the data are; None for no menu."""
    for here, step in _passed(flows, flow, target):
        if isinstance(step, MenuStep):
            return here
    return None


def _passed(flows: Mapping[str, Flow], flow: str, target: str) -> Iterator[tuple[Place, Any]]:
    for _ in range(MOST_PASSED):
        step: Any = flows[flow].steps.get(target) if flow in flows else None
        if step is None:
            return
        yield (flow, target), step
        if isinstance(step, CallStep):
            if step.call not in flows:
                return
            flow, target = step.call, flows[step.call].entry
        elif isinstance(step, SayStep | SetStep | LanguageStep) and step.next is not None and not step.when:
            if isinstance(step, SayStep) and (step.flush or not step.barge_in):
                return
            target = step.next
        else:
            return
