"""A small hotline in which nothing is wrong, for tests that spoil one line of it."""

from __future__ import annotations

from pathlib import Path

from ivr.flow import Manifest, Problem, PromptSignature, ServiceSignature, check_flows
from ivr.flow.types import parse_type
from ivr.flow.values import Level, Type

HOTLINE = """\
hotline: demo
main: main
languages: [zh-CN, en]
company: {name: Demo}
calendars:
  people:
    week: {mon: "09:00-17:30", tue: "09:00-12:00,13:30-17:30"}
    exceptions: {"2026-03-02": closed}
queues:
  service: {title: {en: Service}, hours: people}
mailboxes:
  service: {title: {en: Service}}
on_no_input: [reprompt, person]
on_no_match: [reprompt, person]
on_error: trouble
on: {cancelled: back, busy: trouble, timeout: trouble}
hotkeys:
  "0": {go: person}
prompts: {system_error: sorry}
"""

MAIN = """\
flow: main
title: {en: Main}
entry: greet
vars:
  count: {type: integer, initial: 0}
  reason: {type: "code(asked/lost)?"}
steps:
  greet: {say: hello, next: menu}
  menu:
    menu: menu
    input: [keys, speech]
    choices:
      "1": {go: who, hear: {zh-CN: [保费], en: [premium]}}
      "2": {go: ask, hear: {zh-CN: [留言], en: [message]}, set: {reason: asked}}
      "9": {go: again, hear: {zh-CN: [再听], en: [again]}}
  who:
    call: identify
    with: {kind: quick}
    out: {policy: result.policy}
    on: {verified: premium, refused: lost}
  premium:
    do: policy.premium
    with: {policy_no: policy.number}
    into: due
    when:
      - {if: due.days_overdue > 30, go: overdue}
      - {if: due.last_paid is not None and due.last_paid > 0, go: paid}
      - {else: amount}
  overdue: {say: overdue, with: {days: due.days_overdue}, next: amount}
  paid: {say: paid, with: {amount: due.last_paid}, next: amount}
  amount: {say: due, next: menu}
  ask:
    collect: number
    say: ask_number
    type: digits
    length: 8
    valid: starts_with(value, '86')
    confirm: {say: right}
    next: opening
  opening:
    hours: people
    on: {open: person, closed: message, holiday: message}
  person:
    transfer: {queue: service}
    on: {answered: end, closed: message}
  message:
    voicemail: service
    say: leave_message
    on: {saved: bye, too_short: bye}
  lost: {set: {count: count + 1}, next: again_or_not}
  again_or_not:
    when:
      - {if: count < 3, go: who}
      - {else: bye}
  bye: {say: bye, hangup: normal}
tests:
  - name: the premium is said
    given:
      clock: 2026-03-03T10:00
      services: {policy.premium: {amount: 80, days_overdue: 0}}
      flows: {identify: {outcome: verified, policy: {number: "86001234"}}}
      hours: {people: open}
    caller: [{keys: "1", during: menu}, {silence: 7s}]
    expect: [{said: due}, {step: menu}]
"""

IDENTIFY = """\
flow: identify
title: {en: Identify}
entry: number
inputs: {kind: code(quick/full)}
outcomes:
  verified: {policy: {number: digits}}
  refused: {}
steps:
  number: {collect: number, say: ask_number, on: {cancelled: refused}, next: pin}
  pin: {collect: pin, say: ask_number, type: secret, most: 6, on: {cancelled: refused}, next: check}
  check:
    do: identity.check
    with: {number: number, pin: pin}
    into: found
    on: {verified: verified, refused: refused}
  verified: {return: verified, with: {policy: found.policy}}
  refused: {return: refused}
"""

TROUBLE = """\
flow: trouble
entry: sorry
steps:
  sorry: {say: sorry, hangup: error}
"""

PERSON = """\
flow: person
entry: bring
steps:
  bring:
    transfer: {queue: service}
    on: {answered: end, closed: bye}
  bye: {say: bye, hangup: normal}
"""

FILES = {
    "hotline.yaml": HOTLINE,
    "main.yaml": MAIN,
    "identify.yaml": IDENTIFY,
    "trouble.yaml": TROUBLE,
    "person.yaml": PERSON,
}


def _record(**fields: str) -> Type:
    return parse_type(fields)


SERVICES = (
    ServiceSignature(
        "policy.premium",
        {"policy_no": Type("digits")},
        {"ok": _record(amount="money", days_overdue="integer", last_paid="money?", paid_on="date?")},
        Level.VERIFIED,
    ),
    ServiceSignature(
        "identity.check",
        {"number": Type("digits"), "pin": Type("secret")},
        {"verified": parse_type({"policy": {"number": "digits"}}), "refused": _record(tries_left="integer")},
        grants={"verified": Level.VERIFIED},
    ),
    ServiceSignature("claim.open", {"note": Type("text", optional=True)}, {"ok": None}, idempotent=False),
)
BOTH = frozenset({"zh-CN", "en"})
PROMPTS = (
    *(
        PromptSignature(name, {}, BOTH)
        for name in ("hello", "menu", "ask_number", "leave_message", "sorry", "bye")
    ),
    PromptSignature("due", {}, BOTH),
    PromptSignature("overdue", {"days": Type("integer")}, BOTH),
    PromptSignature("paid", {"amount": Type("money")}, BOTH),
    PromptSignature("right", {"value": Type("digits")}, BOTH),
    PromptSignature("only_chinese", {}, frozenset({"zh-CN"})),
)
MANIFEST = Manifest({s.name: s for s in SERVICES}, {p.name: p for p in PROMPTS})


def write_folder(folder: Path, **changed: str) -> Path:
    """The good hotline in `folder`; `main="..."` replaces `main.yaml`."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in {**FILES, **{f"{name}.yaml": text for name, text in changed.items()}}.items():
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def problems_of(folder: Path, **changed: str) -> list[Problem]:
    """What the checks say about the good hotline with some files replaced."""
    return check_flows(write_folder(folder, **changed), MANIFEST)


def one_step_flow(steps: str, **more: str) -> str:
    """A flow around the given steps (indented by two), in place of `main.yaml`."""
    head = "".join(f"{key}: {value}\n" for key, value in more.items())
    return f"flow: main\n{head}steps:\n{steps}"
