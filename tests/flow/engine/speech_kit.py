"""A hotline that may be spoken to, and what callers do who speak."""

from __future__ import annotations

from pathlib import Path

from ivr.flow.events import SpeechBegan, SpeechHeard, SpeechLost

FLOWS = Path(__file__).parent / "flows"
HOTLINE = """
words:
  "yes": {hear: {en: ["yes", right]}}
  "no": {hear: {en: ["no", not right]}}
everywhere:
  pardon: {hear: {en: [pardon]}}
  slower: {hear: {en: [slower]}}
  faster: {hear: {en: [faster]}}
  back: {name: going_back, hear: {en: [go back]}}
  person: {name: an_adviser, hear: {en: [an adviser]}}
  main_menu: {hear: {en: [main menu]}}
  language: {go: tongue, hear: {en: [another language]}}
"""
ROLES = (
    "prompts: {pardon: pardon, unclear: unclear, use_keys: use_keys, yes_no_keys: yes_no_keys, "
    "sure_choice: you_mean, sure_digits: you_said, sure_date: you_said_the_day, "
)
FRONT = """flow: front
entry: top
steps:
  top:
    menu: top_menu
    again: top_menu_short
    route: [more]
    input: [keys, speech]
    choices:
      "1": {go: premium, name: the_premium, hear: {en: [premium]}}
      "2": {go: claim, name: a_claim, hear: {en: [claim]}}
      "3": {go: nameless, hear: {en: [nameless]}}
      "6": {go: more, hear: {en: [more]}}
  premium: {hangup: premium}
  claim: {hangup: claim}
  nameless: {hangup: nameless}
  more: {call: more, next: top}
"""
MORE = """flow: more
entry: intro
steps:
  intro: {say: welcome, next: what}
  what:
    menu: top_menu_detail
    input: [keys, speech]
    choices:
      "1": {go: tariff, name: the_tariff, hear: {en: [tariff]}}
      "2": {go: end, hear: {en: [leave]}}
  tariff: {menu: paid_up, input: [keys, speech], choices: {"9": {go: end, hear: {en: [enough]}}}}
"""
NUMBER = """flow: front
entry: number
steps:
  number:
    collect: n
    say: ask_number
    again: ask_number_short
    length: 4
    input: [keys, speech]
    cancel_hear: {en: [i have none]}
    on: {cancelled: gone}
    next: done
  done: {hangup: normal}
  gone: {hangup: gone}
"""
SECRET = """flow: front
entry: pin
steps:
  pin: {collect: pin, type: secret, say: ask_pin, length: 4, input: [keys, speech], on: {cancelled: done}, next: done}
  done: {hangup: normal}
"""
LANGUAGE = """flow: tongue
entry: which
steps:
  which: {say: thanks, next: end}
"""


def write_speaking(folder: Path, *flows: str) -> Path:
    """The sample hotline with the prompts and the words of one that is spoken to, and these flows."""
    hotline = (FLOWS / "hotline.yaml").read_text(encoding="utf-8")
    texts = {"hotline": hotline.replace("prompts: {pardon: pardon, ", ROLES) + HOTLINE}
    texts |= {name: (FLOWS / f"{name}.yaml").read_text(encoding="utf-8") for name in ("person", "trouble")}
    texts |= {text.split(maxsplit=2)[1]: text for text in (*flows, LANGUAGE)}
    for name, text in texts.items():
        (folder / f"{name}.yaml").write_text(text, encoding="utf-8")
    return folder


def says(call, text: str, confidence: float = 1.0, **more):
    """The caller begins to speak and has spoken."""
    began = call.at + 0.1
    call.send(SpeechBegan)
    return call.send(lambda at: SpeechHeard(at, text, confidence, began=began, **more), 0.5)


def coughs(call):
    """The caller seems to begin, and has said nothing."""
    call.send(SpeechBegan)
    return call.send(lambda at: SpeechHeard(at, "", 0.0))


def cannot_be_heard(call, why: str):
    """No recogniser, for this reason."""
    return call.send(lambda at: SpeechLost(at, why))
