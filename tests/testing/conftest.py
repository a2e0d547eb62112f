"""A tiny hotline whose flows are written by each test."""

from __future__ import annotations

from pathlib import Path

import pytest

from ivr.flow import FlowLibrary, Manifest, PromptSignature, ServiceSignature, examine
from ivr.flow.types import parse_type
from ivr.flow.values import Level

HOTLINE = """hotline: tiny
main: front
languages: [en]
calendars: {office: {week: {thu: "09:00-17:00"}, holidays: null}}
queues: {service: {title: {en: Service}}}
mailboxes: {service: {title: {en: Messages}}}
on_no_input: [reprompt, person]
on_no_match: [reprompt, person]
on_error: person
hotkeys: {"0": {go: person}}
prompts: {limit: sorry, system_error: sorry}
"""
PERSON = """flow: person
entry: connect
steps:
  connect: {transfer: {queue: service}, on: {answered: end, busy: bye, timeout: bye, closed: bye}}
  bye: {say: bye, hangup: normal}
"""
BOTH = frozenset({"en"})
DUE = parse_type({"amount": "money", "on": "date?"})
MANIFEST = Manifest(
    {
        "policy.due": ServiceSignature(
            "policy.due", {"policy_no": parse_type("digits")}, {"ok": DUE, "none": None}, Level.VERIFIED
        ),
        "id.check": ServiceSignature(
            "id.check", {"pin": parse_type("secret")}, {"ok": None, "no": None}, grants={"ok": Level.VERIFIED}
        ),
    },
    {
        name: PromptSignature(name, {slot: parse_type(kind) for slot, kind in slots.items()}, BOTH)
        for name, slots in {
            "hello": {}, "top": {}, "ask": {}, "bye": {}, "sorry": {}, "message": {}, "review": {},
            "due": {"amount": "money"},
        }.items()
    },
)  # fmt: skip


@pytest.fixture
def library_of(tmp_path: Path):
    """Loads flows, given as texts, with the hotline's own around them."""

    def make(*flows: str, strict: bool = True) -> FlowLibrary:
        (tmp_path / "hotline.yaml").write_text(HOTLINE, encoding="utf-8")
        for text in (PERSON, *flows):
            name = text.split("flow: ", 1)[1].split("\n", 1)[0].strip()
            (tmp_path / f"{name}.yaml").write_text(text, encoding="utf-8")
        library, problems = examine(tmp_path, MANIFEST)
        errors = [problem for problem in problems if problem.severity == "error"]
        assert library is not None, "\n".join(map(str, problems))
        assert not (strict and errors), "\n".join(map(str, errors))
        return library

    return make
