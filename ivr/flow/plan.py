"""Flows made ready to run: settings merged, handlers and hotkeys looked up, expressions at hand.

A plan is made once for each version of the flows and shared by all its calls; it never changes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from ivr.flow.expressions import Expression
from ivr.flow.library import FlowLibrary, LoadedFlow
from ivr.flow.model import CollectStep, Filler, Flow, Hotline, MenuStep, Retry, Step, step_kind
from ivr.flow.outcomes import flow_outcomes, good_outcome, ladder, resolve
from ivr.flow.routes import Route, routes_of
from ivr.flow.types import parse_type
from ivr.flow.words import (
    CANCEL,
    INSTEAD,
    KEY_OF,
    NO,
    YES,
    Gathering,
    Words,
    add_everywhere,
    hear_of,
    live_hotkeys,
    name_of,
    set_phrases,
)

FIRST_DIGIT: Final = 6.0
BETWEEN_DIGITS: Final = 3.0
#: No bound besides the ladder.
TRIES: Final = 0
SERVICE_TIMEOUT: Final = 5.0
#: Seconds of quiet that end what is said: short after words, longer in numbers, which people say with pauses.
PAUSE_AFTER_WORDS: Final = 0.5
PAUSE_IN_ANYTHING: Final = 0.8
PAUSE_IN_NUMBERS: Final = 1.0
#: Keys for yes and no where a flow says nothing else.
YES_KEY, NO_KEY = "1", "2"


@dataclass(frozen=True, slots=True)
class Edge:
    """Where to go: a target, and whether the flow or the hotline named it (`hotline`: the name of a flow)."""

    target: str
    hotline: bool = False
    edge: str = ""


@dataclass(frozen=True, slots=True)
class Ladder:
    """What happens at the 1st, 2nd, 3rd miss, and who says so: `step`, `flow` or `hotline`."""

    rungs: tuple[str, ...] = ()
    scope: str = "step"


@dataclass(frozen=True, slots=True)
class Line:
    """A prompt to speak, with an expression for each slot that does not take the variable of its name."""

    prompt: str
    given: tuple[tuple[str, Expression], ...]
    slots: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Waiting:
    """How a step waits for the caller, with everything it inherits."""

    first_digit: float
    between_digits: float
    tries: int
    barge_in: bool
    type_ahead: bool
    flush: bool
    speech: bool
    pause: float = PAUSE_AFTER_WORDS


@dataclass(frozen=True, slots=True)
class Option:
    """A choice of a menu: its way, its condition, what it sets."""

    way: Edge
    condition: Expression | None
    sets: tuple[tuple[str, Expression], ...]


@dataclass(slots=True)
class Plan:
    """One step made ready. Fields that its kind has no use for stay empty."""

    id: str
    flow: str
    name: str
    kind: str
    step: Any
    at_most: int
    good: str | None
    #: The way of each outcome that was asked for; filled by `edge`.
    edges: dict[str, Edge | None]
    when: tuple[tuple[Expression | None, Edge], ...]
    hotkeys: Mapping[str, Edge]
    #: The expressions of `with`, `set` and `out`, each by name.
    exprs: Mapping[str, Mapping[str, Expression]]
    valid: Expression | None
    language: Expression | None
    say: tuple[Line, ...] = ()
    again: tuple[Line, ...] = ()
    detail: tuple[Line, ...] = ()
    invalid: tuple[Line, ...] = ()
    confirm: tuple[Line, ...] = ()
    review: tuple[Line, ...] = ()
    filler: tuple[Line, ...] = ()
    filler_after: float = 0.0
    waiting: Waiting = Waiting(FIRST_DIGIT, BETWEEN_DIGITS, TRIES, True, True, False, False)
    no_input: Ladder = Ladder()
    no_match: Ladder = Ladder()
    options: Mapping[str, Option] = field(default_factory=dict)
    conditional: bool = False
    #: By language: what may be said to the question, to its read-back, and while a choice is asked back.
    words: Mapping[str, Words] = field(default_factory=dict)
    yes_no: Mapping[str, Words] = field(default_factory=dict)
    asked_back: Mapping[str, Words] = field(default_factory=dict)
    #: The ways of what is understood everywhere, and of hotkeys, by meaning (`@back`, `@0`).
    phrases: Mapping[str, Edge] = field(default_factory=dict)
    #: The prompt that says what a meaning is, for those that have one.
    names: Mapping[str, str] = field(default_factory=dict)
    #: The keys that a meaning of the router stands for.
    routes: Mapping[str, Route] = field(default_factory=dict)
    likely: Expression | None = None
    sensitive: bool = False
    timeout: float = SERVICE_TIMEOUT
    retry: Retry | None = None


@dataclass(slots=True)
class FlowPlan:
    """A flow made ready."""

    loaded: LoadedFlow
    flow: Flow
    steps: Mapping[str, Plan]
    initial: tuple[tuple[str, Expression], ...]
    #: Variables that begin as null: inputs that may not be given, and optional ones without an initial value.
    null: tuple[str, ...]


def edge_of(plan: Plan, flow: Flow, hotline: Hotline, outcome: str) -> Edge | None:
    """Where `outcome` of a step goes, `when` and ladders apart; None if nobody handles it."""
    if outcome not in plan.edges:
        found = resolve(plan.step, outcome, flow, hotline, plan.good)
        written = f"on.{outcome}" if outcome in getattr(plan.step, "on", {}) else "next"
        plan.edges[outcome] = (
            Edge(found.target, found.scope == "hotline", written if found.scope == "step" else "")
            if found
            else None
        )
    return plan.edges[outcome]


def plan_flow(library: FlowLibrary, loaded: LoadedFlow) -> FlowPlan:
    """Make one flow of a library ready."""
    flow = loaded.flow
    planner = _Planner(library, loaded)
    initial = tuple(
        (name, loaded.expression(variable.initial))
        for name, variable in flow.vars.items()
        if variable.initial is not None
    )
    steps = {name: planner.plan(name, step) for name, step in flow.steps.items()}
    optional = (
        name for name, one in flow.vars.items() if one.initial is None and parse_type(one.type).optional
    )
    return FlowPlan(loaded, flow, steps, initial, (*loaded.inputs, *optional))


class _Planner:
    def __init__(self, library: FlowLibrary, loaded: LoadedFlow) -> None:
        self._manifest = library.manifest
        self._hotline: Hotline = library.hotline
        self._flows = library.flows
        self._loaded = loaded
        self._flow: Flow = loaded.flow

    def plan(self, name: str, step: Step) -> Plan:
        kind = step_kind(step) or ""
        plan = Plan(
            id=f"{self._flow.flow}.{name}",
            flow=self._flow.flow,
            name=name,
            kind=kind,
            step=step,
            at_most=getattr(step, "at_most", None) or self._hotline.limits.loop,
            good=good_outcome(step, self._callee_outcomes(step)),
            edges={},
            when=self._branches(step),
            hotkeys=self._hotkeys(step),
            exprs=self._expressions(step),
            valid=self._expression_in(step, "valid"),
            language=self._expression_in(step, "language"),
        )
        self._speech(plan)
        if isinstance(step, MenuStep | CollectStep):
            self._input(plan)
        elif kind == "do":
            self._service(plan)
        return plan

    def _callee_outcomes(self, step: Step) -> tuple[str, ...]:
        callee = self._flows.get(getattr(step, "call", ""))
        return flow_outcomes(callee.flow) if callee else ()

    def _branches(self, step: Step) -> tuple[tuple[Expression | None, Edge], ...]:
        ways: list[tuple[Expression | None, Edge]] = []
        for index, branch in enumerate(getattr(step, "when", [])):
            way = Edge(branch.else_ or branch.go or "", edge=f"when.{index}")
            if branch.if_ is None:
                ways.append((None, way))
            else:
                ways.append((self._loaded.expression(branch.if_), way))
        return tuple(ways)

    def _hotkeys(self, step: Step) -> dict[str, Edge]:
        own = getattr(step, "hotkeys", True)
        if own is False:
            return {}
        ways: dict[str, Edge] = {}
        levels = [(self._hotline.hotkeys, True), (self._flow.hotkeys, False)]
        for keys, of_hotline in [*levels, *([(own, False)] if isinstance(own, dict) else [])]:
            for key, hotkey in keys.items():
                ways.pop(key, None)
                if hotkey is not None:
                    ways[key] = Edge(hotkey.go, of_hotline, edge=f"hotkeys.{key}")
        return ways

    def _expressions(self, step: Step) -> dict[str, dict[str, Expression]]:
        found: dict[str, dict[str, Expression]] = {}
        holder = getattr(step, "transfer", step)
        for part in ("with", "set", "out"):
            texts = getattr(holder, "with_" if part == "with" else part, None)
            found[part] = {name: self._loaded.expression(text) for name, text in (texts or {}).items()}
        return found

    def _expression_in(self, step: Step, name: str) -> Expression | None:
        text = getattr(step, name, None)
        if not text or (name == "language" and not text.startswith("{")):
            return None
        return self._loaded.expression(text.strip("{} ") if name == "language" else text)

    def _lines(self, plan: Plan, prompts: str | list[str] | None) -> tuple[Line, ...]:
        if not prompts:
            return ()
        names = [prompts] if isinstance(prompts, str) else prompts
        return tuple(self._line(plan, prompt) for prompt in names)

    def _line(self, plan: Plan, prompt: str) -> Line:
        signature = self._manifest.prompts.get(prompt)
        given = plan.exprs["with"]
        slots = tuple(signature.slots) if signature else tuple(given)
        return Line(
            prompt,
            tuple((slot, given[slot]) for slot in slots if slot in given),
            tuple(slot for slot in slots if slot not in given),
        )

    def _speech(self, plan: Plan) -> None:
        step = plan.step
        first = step.menu if plan.kind == "menu" else getattr(step, "say", None)
        plan.say = self._lines(plan, first)
        plan.again = self._lines(plan, getattr(step, "again", None)) or plan.say
        plan.detail = self._lines(plan, getattr(step, "detail", None)) or plan.again
        plan.invalid = self._lines(plan, getattr(step, "invalid", None))
        plan.review = self._lines(plan, getattr(step, "review", None))
        confirm = getattr(step, "confirm", None)
        plan.confirm = self._lines(plan, confirm.say if confirm else None)

    def _input(self, plan: Plan) -> None:
        step = plan.step
        own = [step, getattr(self._flow.defaults, plan.kind), getattr(self._hotline.defaults, plan.kind)]

        def setting(name: str, default: Any) -> Any:
            found = (getattr(source, name) for source in own)
            return next((value for value in found if value is not None), default)

        plan.waiting = Waiting(
            setting("first_digit", FIRST_DIGIT),
            setting("between_digits", BETWEEN_DIGITS),
            setting("tries", TRIES),
            setting("barge_in", True),
            setting("type_ahead", True),
            setting("flush", False),
            "speech" in setting("input", ["keys"]),
            setting("pause", _pause(step)),
        )
        plan.no_input = Ladder(*ladder(step, "no_input", self._flow, self._hotline))
        plan.no_match = Ladder(*ladder(step, "no_match", self._flow, self._hotline))
        if plan.kind == "menu":
            self._choices(plan)
        else:
            plan.sensitive = step.sensitive or step.type == "secret"
            plan.likely = self._expression_in(step, "likely")
        self._spoken(plan)

    def _choices(self, plan: Plan) -> None:
        plan.options = {
            key: Option(
                Edge(choice.go, edge=f"choices.{key}"),
                self._loaded.expression(choice.if_) if choice.if_ else None,
                tuple((name, self._loaded.expression(text)) for name, text in choice.set.items()),
            )
            for key, choice in plan.step.choices.items()
        }
        plan.conditional = any(option.condition for option in plan.options.values())

    # What may be said

    def _spoken(self, plan: Plan) -> None:
        hotkeys = live_hotkeys(self._hotline, self._flow, plan.step)
        plan.phrases = self._phrases(plan.hotkeys)
        names = {f"@{key}": name_of(self._hotline, one.hear, one.name) for key, one in hotkeys.items()}
        for name, one in self._hotline.everywhere.items():
            names[f"@{name}"] = name_of(self._hotline, one.hear, one.name)
        own = self._own_words(plan, names)
        add_everywhere(own, self._hotline, hotkeys)
        plan.words = own.words()
        plan.yes_no = self._yes_no(plan, hotkeys).words()
        asked_back = self._yes_no(plan, {})
        for key, choice in getattr(plan.step, "choices", {}).items():
            asked_back.add(hear_of(self._hotline, choice.hear), INSTEAD + key)
        add_everywhere(asked_back, self._hotline, hotkeys)
        plan.asked_back = asked_back.words()
        plan.names = {meaning: name for meaning, name in names.items() if name is not None}

    def _own_words(self, plan: Plan, names: dict[str, str | None]) -> Gathering:
        """The words of the choices, or of the cancel key; those of a router's menus come after its own."""
        own = Gathering()
        if plan.kind == "collect":
            own.add(hear_of(self._hotline, plan.step.cancel_hear), CANCEL)
            return own
        for key, choice in plan.step.choices.items():
            own.add(hear_of(self._hotline, choice.hear), key)
            names[key] = name_of(self._hotline, choice.hear, choice.name)
        if plan.step.route:
            flows = {name: loaded.flow for name, loaded in self._flows.items()}
            farther, plan.routes = routes_of(flows, self._hotline, self._flow.flow, plan.step)
            for language, words in farther.words().items():
                for phrase, meaning in words.spoken.items():
                    own.add({language: [phrase]}, meaning)
            names |= {meaning: route.name for meaning, route in plan.routes.items()}
        return own

    def _yes_no(self, plan: Plan, hotkeys: Any) -> Gathering:
        confirm = getattr(plan.step, "confirm", None)
        found = Gathering()
        # “Not right” holds the word “right”: no comes first where both would do.
        found.add(set_phrases(self._hotline, NO), confirm.no if confirm else NO_KEY)
        found.add(set_phrases(self._hotline, YES), confirm.yes if confirm else YES_KEY)
        if hotkeys:
            add_everywhere(found, self._hotline, hotkeys)
        return found

    def _phrases(self, hotkeys: Mapping[str, Edge]) -> dict[str, Edge]:
        ways = {f"@{key}": edge for key, edge in hotkeys.items()}
        ways |= {f"@{name}": hotkeys[key] for name, key in KEY_OF.items() if key in hotkeys}
        ways["@main_menu"] = Edge("main")
        language = self._hotline.everywhere.get("language")
        if language is not None and language.go is not None:
            ways["@language"] = Edge(language.go, hotline=True, edge="everywhere.language")
        return ways

    def _service(self, plan: Plan) -> None:
        step, of_flow, of_hotline = plan.step, self._flow.defaults, self._hotline.defaults
        plan.timeout = step.timeout or of_flow.timeout or of_hotline.timeout or SERVICE_TIMEOUT
        plan.retry = step.retry or of_flow.retry or of_hotline.retry
        filler: Filler | None = step.filler or of_flow.filler or of_hotline.filler
        if filler is not None:
            plan.filler, plan.filler_after = self._lines(plan, filler.say), filler.after


def _pause(step: Any) -> float:
    """The quiet that ends what is said to a step that does not say so itself."""
    if isinstance(step, CollectStep):
        return PAUSE_IN_NUMBERS
    return PAUSE_IN_ANYTHING if step.route else PAUSE_AFTER_WORDS
