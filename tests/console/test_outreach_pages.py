"""Campaigns without a browser: a wrong form says what is wrong, and nobody else may look."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

from ivr.outreach.rules import Rules
from policy_db.facts import Money
from policy_db.outreach import NewAttempt
from policy_db.outreach_facts import Campaign, NewPerson
from policy_db.promises import Pledge
from tests.console.console_kit import Console


async def test_a_form_that_cannot_be_says_what_is_wrong_and_makes_nothing(console: Console) -> None:
    boss = await console.signed_in("boss")
    refused = await boss.post("/outreach/new", data={"kind": "list", "hours": "9-17"})
    assert refused.status_code == 422
    assert "are no opening hours" in refused.text
    assert (await boss.post("/outreach/new", data={"kind": "list", "at_once": "many"})).status_code == 422
    assert (await boss.get("/api/outreach")).json() == []


async def test_a_campaign_is_started_paused_and_stopped_and_who_did_it_is_on_record(console: Console) -> None:
    boss = await console.signed_in("boss")
    made = await boss.post("/outreach/new", data={"kind": "premium_due", "days": "60", "name": "n"})
    assert made.status_code == 303
    campaign = made.headers["location"].rsplit("/", 1)[1]
    for action, state in (
        ("start", "running"),
        ("pause", "paused"),
        ("start", "running"),
        ("stop", "stopped"),
    ):
        told = await boss.post(f"/api/outreach/{campaign}/{action}")
        assert told.json() == {"id": campaign, "state": state}
    assert (await boss.post(f"/api/outreach/{campaign}/start")).status_code == 409
    assert (await boss.post(f"/api/outreach/{campaign}/sing")).status_code == 404
    assert (await boss.get(f"/api/outreach/{campaign}")).json()["state"] == "stopped"
    assert set((await boss.get(f"/api/outreach/{campaign}/hours")).json()) == {"hours", "reached", "others"}
    trail = await console.database.audit.about(f"campaign:{campaign}", limit=9)
    assert [one.action for one in reversed(trail)] == [
        "added", "campaign_start", "campaign_pause", "campaign_start", "campaign_stop",
    ]  # fmt: skip


async def test_a_running_campaign_that_calls_nobody_yet_says_until_when(console: Console) -> None:
    now, campaigns = console.parts.clock(), console.database.campaigns
    await campaigns.add(Campaign("waits", "Later", "list", "f", now, "test", rules=Rules().plain()))
    await campaigns.put(
        "waits", [NewPerson("+8613800000009", "CN:Asia/Shanghai")], due=now + timedelta(days=9)
    )
    boss = await console.signed_in("boss")
    said = "The next call is not before"
    assert said not in (await boss.get("/outreach/waits")).text
    await campaigns.change("waits", "running", now)
    assert said in (await boss.get("/outreach/waits")).text


async def test_who_reviews_messages_does_not_see_campaigns(console: Console) -> None:
    other = await console.signed_in("rui")
    assert (await other.get("/outreach")).status_code == 403
    assert (await other.get("/api/outreach")).status_code == 403


async def test_calls_about_a_policy_and_promises_are_on_the_pages_of_policy_and_customer(
    console: Console,
) -> None:
    now, outreach = console.parts.clock(), console.database.outreach
    policy = await console.database.policies.find("86001234", now.date())
    assert policy is not None
    await console.database.campaigns.add(Campaign("c", "Premiums", "list", "f", now, "test"))
    listed = NewPerson("+8613800000001", "CN:Asia/Shanghai", policy.customer, policy.number)
    await console.database.campaigns.put("c", [listed], due=now)
    (person,) = await console.database.campaigns.people("c")
    (attempt,) = await outreach.plan([NewAttempt("a-1", person, "sip")], holder="d", at=now)
    pledge = Pledge(date(2026, 3, 20), date(2026, 3, 17), Money(Decimal(3200), "CNY"))
    await console.database.promises.make(attempt, pledge, now)
    await outreach.moved("a-1", "ended", at=now, outcome="promised")
    root = await console.signed_in("root")
    for path in (f"/admin/policies/{policy.number}", f"/admin/customers/{policy.customer}"):
        page = (await root.get(path)).text
        assert "Our calls and promises to pay" in page
        assert "Promised" in page
        assert "+8613800000001" in page
