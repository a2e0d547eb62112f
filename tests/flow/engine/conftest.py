"""A small hotline for the engine's tests: the flows beside this file and what surrounds them."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest

from ivr.flow import FlowLibrary, Manifest, PromptSignature, ServiceSignature, load_flows
from ivr.flow.engine import Engine
from ivr.flow.types import parse_type
from ivr.flow.values import Level

FLOWS = Path(__file__).parent / "flows"
NOON = datetime.fromisoformat("2026-03-05T12:00:00+08:00")

SLOTS = {
    "read_back": {"value": "digits"},
    "premium_due": {"amount": "money", "due_on": "date"},
    "premium_late": {"amount": "money"},
    "playback": {"recording": "recording"},
}
PLAIN = (
    "welcome top_menu top_menu_short top_menu_detail goodbye leave_message review one_moment ask_number "
    "ask_number_short ask_pin paid_up sorry ask_day ask_place thanks nobody_free pardon invalid are_you_there "
    "limit system_error"
).split()


def service(name, inputs, outcomes, **more):
    """A signature with its types written as in YAML."""
    return ServiceSignature(
        name,
        {key: parse_type(kind) for key, kind in inputs.items()},
        {key: None if kind is None else parse_type(kind) for key, kind in outcomes.items()},
        **more,
    )


SERVICES = [
    service(
        "identity.check",
        {"policy_no": "digits", "pin": "secret"},
        {"ok": None, "refused": None},
        grants={"ok": Level.VERIFIED},
        idempotent=False,
    ),
    service(
        "policy.due",
        {"policy_no": "digits"},
        {"ok": {"amount": "money", "on": "date", "days_overdue": "integer"}},
        level=Level.VERIFIED,
    ),
    service("slow.work", {}, {"ok": {"size": "integer"}, "busy": None}),
    service("claim.begin", {}, {"ok": {"id": "text"}}),
    service("claim.save", {"id": "text", "day": "date"}, {"ok": None}),
    service("claim.attach", {"id": "text", "voice": "recording"}, {"ok": None}),
    service("claim.submit", {"id": "text"}, {"ok": None}),
]
BOTH = frozenset({"zh-CN", "en"})
MANIFEST = Manifest(
    {one.name: one for one in SERVICES},
    {
        name: PromptSignature(
            name, {slot: parse_type(kind) for slot, kind in SLOTS.get(name, {}).items()}, BOTH
        )
        for name in [*PLAIN, *SLOTS]
    },
)


@pytest.fixture(scope="session")
def library() -> FlowLibrary:
    return load_flows(FLOWS, MANIFEST)


@pytest.fixture
def engine(library: FlowLibrary) -> Engine:
    return Engine(library)
