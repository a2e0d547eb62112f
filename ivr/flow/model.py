"""The shape of a call flow and of the hotline around it, as pydantic models of the YAML.

Unknown keys are refused. Durations are seconds (written `6s`, `800ms`, `2m`), conditions and expressions stay
text here and are resolved by `ivr.flow.expressions`. Positions in the file are kept beside the model by the
loader. `docs/flows.md` is the reader's page of the same.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Final, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    WithJsonSchema,
    model_validator,
)

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
#: `step`, or one of the reserved words below.
Target = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
#: `end` leaves the flow with outcome `done` (the main flow: hangs up); `back` returns to the menu or question
#: before; `again` repeats the present step from its beginning; `main` goes to the entry of the main flow.
#: In `hotline.yaml`, where there are no steps, a target is the name of a flow (or back, again, main). Such a
#: flow is called on top of the present step: when it ends, a hotkey's caller is at the present step again,
#: and a handler's call (ladder, `on`, `on_error`) is over: it is hung up.
RESERVED_TARGETS = frozenset({"end", "back", "again", "main"})
Text = dict[str, str]
#: A prompt of the catalogue; one of a group is `group.word`.
PromptName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*(\.[a-z0-9_]+)?$")]
#: Phrases by language, as they are spoken: words that the recogniser knows, with spaces between them.
Phrases = dict[str, list[str]]
#: What is heard for something: phrases, the name of a set of `words` of hotline.yaml, or a list of both.
Hear = Phrases | Name | list[Phrases | Name]
Key = Annotated[str, Field(pattern=r"^[0-9*#A-D]+$")]
Expr = Annotated[str, Field(min_length=1, max_length=400)]
InputMode = Literal["keys", "speech"]
#: What a caller who comes here has on their mind, so that nobody offers them anything in the same call.
Matter = Literal["complaint", "claim", "bereavement", "cancellation", "fraud"]

_DURATION = re.compile(r"^(\d+(?:\.\d+)?)(ms|s|m|h)$")
_UNIT = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}


def parse_duration(value: object) -> float:
    """Seconds of `800ms`, `6s`, `2m`, `1h`; raises ValueError with what to write."""
    match = _DURATION.match(value) if isinstance(value, str) else None
    if match is None:
        raise ValueError(f"{value!r} is not a duration; write a number with ms, s, m or h, such as 6s")
    return float(match[1]) * _UNIT[match[2]]


Seconds = Annotated[
    float,
    BeforeValidator(parse_duration),
    WithJsonSchema({"type": "string", "pattern": _DURATION.pattern, "examples": ["6s", "800ms", "2m"]}),
]


def _expression_text(value: object) -> object:
    """YAML scalars are good expressions: 3 is `3`, true is `True`, null is `None`."""
    return str(value) if value is None or isinstance(value, bool | int | float) else value


Expression = Annotated[
    Expr,
    BeforeValidator(_expression_text),
    WithJsonSchema({"type": ["string", "number", "boolean", "null"], "maxLength": 400}),
]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class Branch(_Model):
    """One line of a `when:`; the last line is `{else: target}`."""

    if_: Expression | None = Field(None, alias="if")
    go: Target | None = None
    else_: Target | None = Field(None, alias="else")


class Hotkey(_Model):
    """A key that is live in every step of the flow; `go: back` and `go: again` are the usual ones.

    `name` is a prompt that says what it does, for asking back.
    """

    go: Target
    hear: Hear = {}
    name: PromptName | None = None


class Choice(_Model):
    """One choice of a menu. `if` hides it, `set` fills variables on the way, `hear` are the spoken words.

    `name` is a prompt that says what it is (“premium enquiry”): asked back where the words were not sure.
    """

    go: Target
    hear: Hear = {}
    name: PromptName | None = None
    if_: Expression | None = Field(None, alias="if")
    set: dict[Name, Expression] = {}


class InputSettings(_Model):
    """How a step waits for the caller. Every field may stand in a step, in `defaults.menu` / `.collect`."""

    first_digit: Seconds | None = None
    between_digits: Seconds | None = None
    tries: int | None = Field(None, ge=1, le=9)
    barge_in: bool | None = None
    type_ahead: bool | None = None
    flush: bool | None = None
    input: list[InputMode] | None = None
    #: How long a pause ends what is said; longer for numbers, which people say with pauses.
    pause: Seconds | None = None


#: What happens at the 1st, 2nd, 3rd miss: `reprompt`, `reprompt_detail`, or a target, which must be last.
Ladder = list[Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]]


class _Step(_Model):
    """What every step has. `ivr.flow.outcomes` says which outcome takes which way.

    `next` or `when` takes the step's good outcome; `on` names any outcome and wins over both.
    """

    title: Text = {}
    matter: Matter | None = None
    next: Target | None = None
    on: dict[Name, Target] = {}
    when: list[Branch] = []
    hotkeys: bool | dict[Key, Hotkey | None] = True
    at_most: int | None = Field(None, ge=1, le=1000)


class SayStep(_Step):
    """Speak one prompt or several; outcome `done`. With `hangup`, end the call afterwards."""

    say: Name | list[Name]
    with_: dict[Name, Expression] = Field({}, alias="with")
    barge_in: bool = True
    flush: bool = False
    hangup: str | None = None


class MenuStep(_Step, InputSettings):
    """Offer choices. `menu` is the prompt heard first; `again` the short one; `detail` the long one.

    `route` names flows (or `flow.step`) whose menus can be reached by choices alone: their words are understood
    here already. Where two of them have the same words, the one named first is meant.
    """

    menu: Name | list[Name]
    again: Name | None = None
    detail: Name | None = None
    with_: dict[Name, Expression] = Field({}, alias="with")
    choices: dict[Key, Choice]
    route: list[Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)?$")]] = []
    on_no_input: Ladder | None = None
    on_no_match: Ladder | None = None


class Confirm(_Model):
    """Read back what was entered (`say`, with `{value}`): `yes` keeps it, `no` asks again.

    With `spoken`, only what was spoken is read back; keys are believed.
    """

    say: Name
    yes: Key = "1"
    no: Key = "2"
    spoken: bool = False


CollectType = Literal["digits", "integer", "money", "date", "time", "phone", "secret", "code"]


class CollectStep(_Step, InputSettings):
    """Collect a typed value into the variable `collect`.

    Keys: dates as YYYYMMDD or MMDD (the latest such day not in the future, or the next with `future: true`),
    times as HHMM, money in yuan with `*` for the point when `cancel_key` is not `*`.
    `secret` is always sensitive. `valid` is a condition on `value`. `least`/`most` count digits.
    `cancel_hear` are words for the cancel key (“I have none”), `likely` an expression: values known to fit, and
    `others` a variable for what a spoken value may have been besides, likeliest first.
    """

    collect: Name
    say: Name | list[Name]
    again: Name | None = None
    detail: Name | None = None
    invalid: Name | None = None
    with_: dict[Name, Expression] = Field({}, alias="with")
    type: CollectType = "digits"
    least: int = Field(1, ge=1, le=64)
    most: int = Field(20, ge=1, le=64)
    length: int | None = Field(None, ge=1, le=64)
    end_key: Literal["#", "*", ""] = "#"
    cancel_key: Literal["#", "*", ""] = "*"
    future: bool = False
    sensitive: bool = False
    valid: Expression | None = None
    confirm: Confirm | None = None
    cancel_hear: Hear = {}
    likely: Expression | None = None
    others: Name | None = None
    on_no_input: Ladder | None = None
    on_no_match: Ladder | None = None


class Retry(_Model):
    """Try a service again after `error` or `timeout`: `times` more, waiting `wait`, times `backoff` each."""

    times: int = Field(1, ge=0, le=5)
    wait: Seconds = 0.3
    backoff: float = Field(2.0, ge=1, le=10)


class Filler(_Model):
    """What is said while a service is slow."""

    after: Seconds = 0.8
    say: Name


class DoStep(_Step):
    """Ask a service; its outcome is `ok`, a named one, `timeout` or `error`."""

    do: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*$")]
    with_: dict[Name, Expression] = Field({}, alias="with")
    into: Name | None = None
    timeout: Seconds | None = None
    retry: Retry | None = None
    filler: Filler | None = None


class CallStep(_Step):
    """Run a sub-flow: `with` fills its inputs, `out` takes from `result`, `on` names its outcomes."""

    call: Name
    with_: dict[Name, Expression] = Field({}, alias="with")
    out: dict[Name, Expression] = {}


#: The queue of a transfer into a meet-me room, of one to a salesperson, and of one to who left a message, in tests and
#: traces.
ROOM: Final = "room"
SELLER: Final = "seller"
SENDER: Final = "sender"
#: Likewise of one to the caller's own fax machine.
FAX: Final = "fax"
#: Transfers that name no queue.
ELSEWHERE: Final = (ROOM, SELLER, SENDER, FAX)


class TransferTo(_Model):
    """Where to: a queue, how long to try, and why (a word for the seat and the record).

    Or a meet-me room, by its number: `answered` when the caller or the meeting has gone, `busy` when it is full,
    `closed` when it is locked or not there, `timeout` when the moderator has not come.

    Or a `seller`: a salesperson by their number, at the telephone on file; `answered` when they have talked, `busy` when
    they would not take it, `timeout` when nobody answered, `closed` when they are not to be put through to. Likewise a
    `sender`: who left a message, by the message's id; only for verified callers.

    Or a `fax`, by what a service has prepared: its pages go to the caller's own machine in this call. `answered` when
    all have arrived, `busy` when the machine broke it off, `timeout` when none was heard in time, `cancelled` when the
    caller pressed the star key before, `closed` when it cannot be sent from here.
    """

    queue: Name = ROOM
    room: Expression | None = None
    seller: Expression | None = None
    sender: Expression | None = None
    fax: Expression | None = None
    timeout: Seconds = 120.0
    reason: str = ""
    offer: Literal["best"] | None = None
    with_: dict[Name, Expression] = Field({}, alias="with")

    @model_validator(mode="before")
    @classmethod
    def _queue_or_room(cls, data: Any) -> Any:
        """One of them; the number of a room or salesperson travels with what else is told of the transfer."""
        if not isinstance(data, dict):
            return data
        named = [one for one in ("queue", *ELSEWHERE) if one in data]
        if len(named) != 1:
            raise ValueError("write either `queue` or `room`, `seller`, `sender`, `fax`")
        if named[0] == "queue":
            return data
        return {**data, "queue": named[0], "with": {**data.get("with", {}), named[0]: data[named[0]]}}


class TransferStep(_Step):
    """Bring the caller to a person, who is rung while `say` is heard.

    answered | busy | timeout | closed | left | callback | cancelled | returned. Where nobody handles them, `left` and
    `cancelled` go where `timeout` goes, `callback` and `returned` where `answered` goes.
    """

    transfer: TransferTo
    say: Name | list[Name] | None = None


class _RecordingStep(_Step):
    say: Name | list[Name] | None = None
    max: Seconds = 120.0
    least: Seconds = 1.0
    silence: Seconds = 5.0
    end_key: Literal["#", "*", ""] = "#"
    beep: bool = True
    review: Name | None = None
    into: Name | None = None
    with_: dict[Name, Expression] = Field({}, alias="with")


class VoicemailStep(_RecordingStep):
    """Take a message for a mailbox; saved | too_short | hung_up | error.

    With `owner`, an expression of digits, it is that person's own mailbox among those of this name. `review` is a prompt
    that offers 1 send, 2 record again, 3 hear it; a hang-up keeps what was said.
    """

    voicemail: Name
    owner: Expression | None = None

    @model_validator(mode="before")
    @classmethod
    def _told_of_the_owner(cls, data: Any) -> Any:
        """Whose it is travels with what else is kept of the message."""
        if not isinstance(data, dict) or "owner" not in data:
            return data
        return {**data, "with": {**data.get("with", {}), "owner": data["owner"]}}


class RecordStep(_RecordingStep):
    """Record the caller's own words into the variable `record`; saved | too_short | hung_up | error."""

    record: Name


class SetStep(_Step):
    """Fill variables."""

    set: dict[Name, Expression]


class WhenStep(_Step):
    """Only branch: `when` stands alone."""


class HoursStep(_Step):
    """Ask a calendar of `hotline.yaml`: open | closed | holiday."""

    hours: Name


class LanguageStep(_Step):
    """Change the call's language: a code, or an expression in `{...}`."""

    language: str


class ReturnStep(_Model):
    """Leave the flow with one of its declared outcomes; `with` fills what that outcome carries."""

    title: Text = {}
    return_: Name = Field(alias="return")
    with_: dict[Name, Expression] = Field({}, alias="with")


class HangupStep(_Model):
    """End the call."""

    title: Text = {}
    hangup: str


#: Which key makes which kind of step; order matters where two are present (`say` with `hangup`, and so on).
STEP_KINDS: dict[str, type[_Model]] = {
    "menu": MenuStep,
    "collect": CollectStep,
    "do": DoStep,
    "call": CallStep,
    "transfer": TransferStep,
    "voicemail": VoicemailStep,
    "record": RecordStep,
    "say": SayStep,
    "hours": HoursStep,
    "language": LanguageStep,
    "return": ReturnStep,
    "hangup": HangupStep,
    "set": SetStep,
    "when": WhenStep,
}


def step_kind(value: Any) -> str | None:
    """The kind of a step, from the first of its keys that names one."""
    if isinstance(value, dict):
        return next((kind for kind in STEP_KINDS if kind in value), None)
    return next((kind for kind, model in STEP_KINDS.items() if type(value) is model), None)


Step = Annotated[
    Annotated[SayStep, Tag("say")]
    | Annotated[MenuStep, Tag("menu")]
    | Annotated[CollectStep, Tag("collect")]
    | Annotated[DoStep, Tag("do")]
    | Annotated[CallStep, Tag("call")]
    | Annotated[TransferStep, Tag("transfer")]
    | Annotated[VoicemailStep, Tag("voicemail")]
    | Annotated[RecordStep, Tag("record")]
    | Annotated[SetStep, Tag("set")]
    | Annotated[WhenStep, Tag("when")]
    | Annotated[HoursStep, Tag("hours")]
    | Annotated[LanguageStep, Tag("language")]
    | Annotated[ReturnStep, Tag("return")]
    | Annotated[HangupStep, Tag("hangup")],
    Discriminator(step_kind),
]


class Variable(_Model):
    """A declared variable; those filled by a step need no declaration. `initial` is an expression."""

    type: str | dict[str, Any]
    initial: Expression | None = None

    @model_validator(mode="before")
    @classmethod
    def _optional_begins_as_null(cls, data: Any) -> Any:
        """A variable that may be null is null until it is filled, unless `initial` says otherwise."""
        if isinstance(data, dict) and data.get("initial") is None:
            optional = str(data.get("type", "")).endswith("?")
            return {**data, "initial": "null"} if optional or "initial" in data else data
        return data


class Defaults(_Model):
    """Settings that steps inherit."""

    menu: InputSettings = InputSettings()
    collect: InputSettings = InputSettings()
    timeout: Seconds | None = None
    retry: Retry | None = None
    filler: Filler | None = None


class FlowTest(_Model):
    """A scripted call beside the flow; see `docs/flows.md` for the words of `caller` and `expect`."""

    name: str
    given: dict[str, Any] = {}
    caller: list[dict[str, Any]] = []
    expect: list[dict[str, Any]] = []


class Flow(_Model):
    """One file of `flows/`."""

    flow: Name
    title: Text = {}
    matter: Matter | None = None
    entry: Name
    inputs: dict[Name, str | dict[str, Any]] = {}
    outcomes: dict[Name, dict[Name, str | dict[str, Any]]] = {}
    vars: dict[Name, Variable] = {}
    #: The least level of a caller when this flow is called (checked at every call of it).
    level: Literal["anonymous", "identified", "verified"] = "anonymous"
    defaults: Defaults = Defaults()
    on_no_input: Ladder | None = None
    on_no_match: Ladder | None = None
    on_error: Target | None = None
    on_timeout: Target | None = None
    on: dict[Name, Target] = {}
    hotkeys: dict[Key, Hotkey | None] = {}
    #: The first of the steps (do, set, when only) that run when the caller has hung up inside this flow.
    after_hangup: Name | None = None
    steps: dict[Name, Step]
    tests: list[FlowTest] = []


class Hours(_Model):
    """Opening hours of one calendar, local to `zone`; `holidays` names a country of public holidays.

    Swapped working days (调休) of that country open on the hours of `swapped` (else of a Monday).
    `exceptions` maps a date to hours (`09:00-12:00`, several by comma, or `closed`) and wins over all.
    """

    zone: str = "Asia/Shanghai"
    week: dict[Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"], str] = {}
    holidays: str | None = "CN"
    swapped: str | None = None
    exceptions: dict[str, str] = {}
    #: In an emergency: closed (or open) from the next reload on, whatever the clock and the calendar say.
    override: Literal["open", "closed"] | None = None


class Limits(_Model):
    """Bounds that no call passes."""

    call: Seconds = 1800.0
    #: How often one step may be entered in one call, unless its `at_most` says otherwise.
    loop: int = Field(50, ge=1, le=1000)
    #: How deep sub-flows may nest.
    depth: int = Field(8, ge=1, le=32)
    #: How many steps may run without waiting for anything.
    steps: int = Field(100, ge=10, le=1000)


class QueueName(_Model):
    """A queue that `transfer` may name, with the calendar of its service hours."""

    title: Text
    hours: Name | None = None


class Mailbox(_Model):
    """A mailbox that `voicemail` may name."""

    title: Text


class WordSet(_Model):
    """Words with a name, for steps that mean the same by them: `hear: main_menu`, and `yes` and `no`.

    `name` is the prompt that says it, for choices without a name of their own.
    """

    hear: Phrases
    name: PromptName | None = None


#: What may be said in every step that listens. `back` and `person` take the way of `*` and of `0` there,
#: `main_menu` that to the main menu, `language` calls the flow it names.
EverywhereName = Literal["pardon", "slower", "faster", "back", "person", "main_menu", "language"]


class Everywhere(_Model):
    """One of the things that may be said everywhere: its words, and for `language` the flow that asks for it."""

    hear: Hear
    name: PromptName | None = None
    go: Name | None = None


class Hotline(_Model):
    """`flows/hotline.yaml`: what all flows share."""

    hotline: Name
    title: Text = {}
    #: The flow that answers; `numbers` may choose another by the number that was dialled.
    main: Name
    numbers: dict[str, Name] = {}
    #: Offered languages; the first is the default. A phrase missing in one falls back in this order.
    languages: list[str] = Field(min_length=1)
    company: dict[Name, str] = {}
    calendars: dict[Name, Hours] = {}
    queues: dict[Name, QueueName] = {}
    mailboxes: dict[Name, Mailbox] = {}
    defaults: Defaults = Defaults()
    on_no_input: Ladder
    on_no_match: Ladder
    on_error: Name
    on: dict[Name, Name] = {}
    hotkeys: dict[Key, Hotkey | None] = {}
    words: dict[Name, WordSet] = {}
    everywhere: dict[EverywhereName, Everywhere] = {}
    limits: Limits = Limits()
    #: Prompts that the hotline itself needs, by role: invalid, pardon, no_input, limit, system_error, and for speech
    #: unclear, use_keys, yes_no_keys, sure_choice, sure_digits, sure_integer, sure_money, sure_date, sure_time.
    prompts: dict[Name, PromptName] = {}
