"""Documents, their content, links and faxes go with time and on request, and stay where something is held."""

from __future__ import annotations

from datetime import timedelta

import pytest
from policy_kit import TODAY, HandClock
from retention_kit import Folder, count, eraser, purge, ring
from sqlalchemy import select

from policy_db import PolicyDatabase
from policy_db.documents_forget import forget_documents
from policy_db.link_facts import NewLink
from policy_db.retention import HoldKind
from policy_db.tables import CallEventRow, DocumentContentRow, DocumentRow, FaxRow, LinkRow, PolicyRow

POLICY = "86001234"


async def _customer(db: PolicyDatabase, policy: str = POLICY) -> str:
    found = await db.policies.find(policy, TODAY)
    assert found is not None
    return found.customer


async def _sent(db: PolicyDatabase, name: str, **about: str) -> None:
    """A document that was made, with its content, a link to it and a fax of it."""
    await db.documents.add(name, kind="receipt", channel="fax", **about)
    await db.documents.keep_content(name, b"%PDF-1.7")
    until = db.clock() + timedelta(hours=72)
    named = {word: about[word] for word in ("policy", "claim", "customer", "call") if word in about}
    await db.links.add(NewLink(f"l-{name}", "document", "code", until, "zh-CN", document=name, **named))
    await db.faxes.put(name, number="+861012345678", call_id=about.get("call", ""))


async def _there(db: PolicyDatabase) -> set[str]:
    """Documents that are there; what hangs on them is there with them and not without."""
    async with db.store.reading() as connection:
        found = {
            column: set((await connection.execute(select(column))).scalars())
            for column in (DocumentRow.id, DocumentContentRow.document_id, FaxRow.document_id)
        }
    documents, *parts = found.values()
    assert all(one == documents for one in parts)
    return documents


async def _claim(db: PolicyDatabase, policy: str | None = None) -> str:
    report = await db.claims.begin(caller="13912345678", today=TODAY, policy=policy)
    return await db.claims.submit(report.id, TODAY)


async def test_a_document_goes_after_its_period_with_its_content_its_link_and_its_fax(
    demo: PolicyDatabase, clock: HandClock, folder: Folder
) -> None:
    await _sent(demo, "old", policy=POLICY)
    clock.forward(days=200)
    await _sent(demo, "new", policy=POLICY)
    clock.forward(days=166)
    dry = await purge(demo, folder, dry=True)
    assert await _there(demo) == {"old", "new"}
    told = await purge(demo, folder)
    assert dry["documents"]["deleted"] == told["documents"]["deleted"] == 1
    assert await _there(demo) == {"new"}
    assert await demo.links.by_id("l-old") is None


@pytest.mark.parametrize("kind", ["customer", "policy", "claim", "call"])
async def test_a_hold_keeps_every_document_that_it_is_about(
    demo: PolicyDatabase, clock: HandClock, folder: Folder, kind: HoldKind
) -> None:
    claim = await _claim(demo, POLICY)
    await ring(demo, "call-1", "")
    about = {
        "customer": {"policy": POLICY},
        "policy": {"policy": POLICY},
        "claim": {"claim": claim},
        "call": {"call": "call-1"},
    }
    numbers = {"customer": await _customer(demo), "policy": POLICY, "claim": claim, "call": "call-1"}
    await _sent(demo, "held", **about[kind])
    await _sent(demo, "free")
    hold = await demo.retention.hold(kind, numbers[kind], why="a court asks", who="staff:root")
    clock.forward(days=366)
    told = await purge(demo, folder)
    assert (told["documents"]["deleted"], told["documents"]["held"]) == (1, 1)
    assert await _there(demo) == {"held"}
    await demo.retention.release(hold.id, who="staff:root")
    assert (await purge(demo, folder))["documents"]["deleted"] == 1
    assert await _there(demo) == set()


async def test_a_call_by_which_a_held_paper_was_asked_for_is_not_blanked(
    demo: PolicyDatabase, clock: HandClock, folder: Folder
) -> None:
    await ring(demo, "call-1", "")
    await _sent(demo, "held", policy=POLICY, call="call-1")
    await demo.retention.hold("policy", POLICY, why="a court asks", who="staff:root")
    clock.forward(days=3 * 365)
    told = await purge(demo, folder)
    assert told["calls"]["held"] == 1
    assert await _there(demo) == {"held"}
    assert await count(demo, CallEventRow, CallEventRow.call_id == "call-1") == 2


async def test_links_that_are_long_over_go_every_night_but_not_those_of_who_is_held(
    demo: PolicyDatabase, clock: HandClock, folder: Folder
) -> None:
    customer = await _customer(demo)
    soon = clock() + timedelta(hours=72)
    await demo.links.add(NewLink("held", "pay", "holder", soon, "zh-CN", customer=customer))
    await demo.links.add(NewLink("free", "pay", "holder", soon, "zh-CN", customer="C0"))
    later = clock() + timedelta(days=30)
    await demo.links.add(NewLink("open", "pay", "holder", later, "zh-CN", customer="C0"))
    await demo.retention.hold("customer", customer, why="a court asks", who="staff:root")
    clock.forward(days=34)
    await purge(demo, folder)
    async with demo.store.reading() as connection:
        assert set((await connection.execute(select(LinkRow.id))).scalars()) == {"held", "open"}


async def test_what_is_forgotten_of_a_customer_is_what_is_about_them_and_nothing_else(
    demo: PolicyDatabase,
) -> None:
    customer, claim = await _customer(demo), await _claim(demo)
    await _sent(demo, "of policy", policy=POLICY, customer=customer)
    await _sent(demo, "of claim", claim=claim)
    await _sent(demo, "of nothing", customer=customer)
    await _sent(demo, "of another policy", policy="86005678", customer=customer)
    await _sent(demo, "of nobody")
    report = await demo.claim_reviews.find(claim)
    assert report is not None
    async with demo.store.writing() as connection:
        query = select(PolicyRow.id).where(PolicyRow.number == POLICY)
        policy = (await connection.execute(query)).scalar_one()
        await forget_documents(connection, customer, [policy], [POLICY], [report.id])
    assert await _there(demo) == {"of another policy", "of nobody"}
    async with demo.store.reading() as connection:
        links = set((await connection.execute(select(LinkRow.id))).scalars())
    assert links == {"l-of another policy", "l-of nobody"}


async def test_an_erasure_takes_a_persons_documents_and_leaves_those_of_a_held_policy(
    demo: PolicyDatabase, folder: Folder
) -> None:
    customer = await _customer(demo)
    await _sent(demo, "of policy", policy=POLICY, customer=customer)
    await _sent(demo, "of nothing", customer=customer)
    await demo.retention.hold("policy", POLICY, why="a court asks", who="staff:root")
    await eraser(demo, folder).erase(customer, who="staff:root")
    assert await _there(demo) == {"of policy"}
