"""Seats and calls for tests of the seat's page: a caller who is waiting, ringing, talking."""

from __future__ import annotations

from typing import Any

from ivr.console.parts import ConsoleParts
from ivr.seats import Caller
from policy_db import PolicyDatabase
from policy_db.facts import TimelineEntry
from policy_db.seat_facts import Queue, Seat

POLICY = "86001234"
#: What a caller did who looked up a premium, proved who they are, and asked for a person because of a claim.
TIMELINE: tuple[tuple[float, str, dict[str, Any]], ...] = (
    (0.0, "flow_entered", {"flow": "main", "version": "1"}),
    (6.0, "key_used", {"flow": "main", "step": "menu", "key": "2"}),
    (6.0, "step_left", {"flow": "main", "step": "menu", "outcome": "2", "target": "premium", "edge": "choices.2"}),
    (6.0, "flow_entered", {"flow": "premium_enquiry", "version": "1"}),
    (21.0, "service_answered", {"flow": "x", "step": "y", "service": "identity.verify", "outcome": "verified", "ms": 5}),
    (21.0, "level_raised", {"level": 2}),
    (24.0, "service_answered", {"flow": "x", "step": "y", "service": "policy.premium", "outcome": "ok", "ms": 5}),
    (41.0, "step_left", {"flow": "premium_enquiry", "step": "a", "outcome": "hotkey 0", "target": "person", "edge": ""}),
    (41.0, "flow_entered", {"flow": "person", "version": "1"}),
    (46.0, "step_left", {"flow": "person", "step": "why", "outcome": "2", "target": "route", "edge": "choices.2"}),
    (48.0, "transfer_asked", {"flow": "person", "step": "person", "queue": "service", "reason": ""}),
)  # fmt: skip


async def seat_user(parts: ConsoleParts, name: str = "anna", *, address: str = "browser") -> None:
    """A seat of the user's name, theirs; and another that belongs to nobody."""
    await parts.database.seats.add(
        queues=[Queue("service", {"zh-CN": "客户服务", "en": "Customer service"})],
        seats=[
            Seat(name, name.title(), address, ("zh-CN", "en")),
            Seat("ben", "Ben", "sip:ben@127.0.0.1:5999", ("zh-CN", "en")),
        ],
    )
    await parts.database.users.change(name, seat=name)


async def holder_phone(database: PolicyDatabase) -> str:
    """The telephone number of the holder of POLICY."""
    from datetime import UTC, datetime

    policy = await database.policies.find(POLICY, datetime.now(UTC).date())
    assert policy is not None
    customer = await database.customers.find(policy.customer)
    assert customer is not None
    return customer.phone


async def call_waits(
    parts: ConsoleParts, call: str = "c1", *, worker: str = "w1", proved: bool = True
) -> None:
    """A caller has gone through self-service and waits for a person."""
    database, phone = parts.database, await holder_phone(parts.database)
    await database.calls.begin(call, worker=worker, caller=phone, called="4000001234", flow="main")
    entries = [TimelineEntry(number, *entry) for number, entry in enumerate(TIMELINE)]
    await database.calls.append(call, entries)
    if proved:
        await database.calls.update(call, level=2, policy=POLICY, language="zh-CN")
    await parts.desk.join(call, queue="service", worker=worker, caller=Caller(phone, language="zh-CN"))


async def call_rings(parts: ConsoleParts, call: str = "c1", *, worker: str = "w1") -> str:
    """The seat that is ready is rung for a caller, and whoever watches is told; its id."""
    await call_waits(parts, call, worker=worker)
    (offer,) = await parts.desk.next_offers(worker)
    parts.bus.publish("seat", offer.seat.id)
    return offer.seat.id


async def call_talks(parts: ConsoleParts, call: str = "c1", *, worker: str = "w1") -> str:
    """The seat has picked up, and talks."""
    seat = await call_rings(parts, call, worker=worker)
    await parts.desk.answered(call, seat)
    await parts.database.calls.append(
        call, [TimelineEntry(len(TIMELINE), 55.0, "talk_joined", {"seat": seat, "to": ""})]
    )
    parts.bus.publish("seat", seat)
    return seat
