"""Documents for programs and on the pages of what they are about: found, followed, sent again."""

from __future__ import annotations

from html import unescape
from typing import Any

from policy_db.documents import outbox_key
from policy_db.faxes import FaxTry
from policy_db.outreach_facts import NewMessage
from tests.console.console_kit import Console

POLICY = "86001234"


async def mailed(console: Console, name: str, **about: Any) -> None:
    """A document whose mail was sent."""
    await console.database.documents.add(name, kind="receipt", channel="email", **about)
    message = await console.database.outbox.put(
        NewMessage(
            outbox_key(name), "document", "email", "a@b.example", language="zh-CN", facts={"document": name}
        )
    )
    await console.database.outbox.sent(message.id)
    await console.database.documents.mark(name, "sent")


async def faxed(console: Console, name: str, number: str, outcome: str) -> None:
    """A fax that was tried once and is given up, or sent."""
    await console.database.documents.add(name, kind="receipt", policy=POLICY, channel="fax")
    fax = await console.database.faxes.put(name, number=number, call_id="call-1")
    taken = (
        (await console.database.faxes.take_due("w"))[0]
        if number
        else await console.database.faxes.take(name, "call-1", "w")
    )
    assert fax is not None
    assert taken is not None
    await console.database.faxes.ended(taken, FaxTry(outcome, 1, 14_400), total=2)


async def test_documents_are_found_by_whom_and_what_they_are_about(console: Console) -> None:
    await mailed(console, "d1", policy=POLICY)
    await mailed(console, "d2", customer="C1")
    await mailed(console, "d3", claim="K1")
    client = await console.signed_in("rui")

    async def ids(**query: object) -> set[str]:
        reply = await client.get("/api/documents", params=query)
        assert reply.status_code == 200
        return {one["id"] for one in reply.json()["items"]}

    assert await ids() == {"d1", "d2", "d3"}
    assert await ids(q=POLICY) == await ids(policy=POLICY) == {"d1"}
    assert await ids(q="C1") == await ids(customer="C1") == {"d2"}
    assert await ids(q="K1") == await ids(claim="K1") == {"d3"}
    assert await ids(state="failed") == await ids(channel="post") == set()
    page = (await client.get("/api/documents", params={"size": 2})).json()
    assert (len(page["items"]), page["more"]) == (2, True)


async def test_a_look_at_one_document_is_in_the_audit(console: Console) -> None:
    await mailed(console, "d1", policy=POLICY)
    client = await console.signed_in("rui")
    one = (await client.get("/api/documents/d1")).json()
    assert (one["policy"], one["state"], one["tries"], one["may_go_again"]) == (POLICY, "sent", 0, True)
    [entry] = await console.database.audit.about("document:d1")
    assert (entry.actor, entry.action) == ("staff:rui", "looked")
    assert (await client.get("/api/documents/none")).status_code == 404


async def test_a_document_goes_again_once_and_not_while_it_is_on_its_way(console: Console) -> None:
    await mailed(console, "d1", policy=POLICY)
    client = await console.signed_in("rui")
    reply = await client.post("/api/documents/d1/again")
    assert (reply.json()["state"], reply.json()["may_go_again"]) == ("queued", False)
    assert (await client.post("/api/documents/d1/again")).status_code == 409
    assert [one.action for one in await console.database.audit.about("document:d1")] == ["sent_again"]


async def test_a_fax_that_was_given_up_goes_again_from_the_page_where_it_stopped(console: Console) -> None:
    await faxed(console, "f1", "+861012345678", "no_answer")
    client = await console.signed_in("rui")
    told = (await client.get("/api/documents/f1")).json()
    assert (told["state"], told["problem"], told["fax"]["pages"]) == ("failed", "no_answer", 1)
    assert (await client.post("/api/documents/f1/again")).status_code == 200
    [taken] = await console.database.faxes.take_due("w")
    assert (taken.document_id, taken.tries, taken.pages) == ("f1", 1, 1)


async def test_a_fax_that_was_sent_goes_again_from_its_first_page(console: Console) -> None:
    await faxed(console, "f1", "+861012345678", "sent")
    client = await console.signed_in("rui")
    assert (await client.post("/api/documents/f1/again")).status_code == 200
    [taken] = await console.database.faxes.take_due("w")
    assert (taken.tries, taken.pages) == (1, 0)


async def test_a_fax_to_the_machine_of_a_call_cannot_go_again_without_the_call(console: Console) -> None:
    await faxed(console, "f1", "", "broken_off")
    client = await console.signed_in("rui")
    assert (await client.get("/api/documents/f1")).json()["may_go_again"] is False
    assert (await client.post("/api/documents/f1/again")).status_code == 409


async def test_a_seat_sees_no_documents(console: Console) -> None:
    await mailed(console, "d1", policy=POLICY)
    client = await console.signed_in("anna")
    for method, path in (("GET", ""), ("GET", "/d1"), ("POST", "/d1/again")):
        assert (await client.request(method, f"/api/documents{path}")).status_code == 403


async def test_the_console_shows_how_each_fax_fares(console: Console) -> None:
    await faxed(console, "f1", "+861012345678", "line_too_bad")
    await faxed(console, "f2", "", "sent")
    client = await console.signed_in("rui")
    page = unescape((await client.get("/documents")).text)
    for said in (
        "+861012345678",
        "The line was too bad",
        "1 of 2 pages",
        "14,400 bit/s",
        "The caller's machine",
    ):
        assert said in page
    assert page.count('action="/documents/f1/again"') == 1
    assert "/documents/f2/again" not in page
    assert (await client.post("/documents/f1/again")).status_code == 303
    assert "/documents/f1/again" not in (await client.get("/documents")).text


async def test_what_was_sent_is_on_the_pages_of_policy_customer_and_claim(console: Console) -> None:
    policy = await console.database.policies.find(POLICY, console.parts.clock().date())
    assert policy is not None
    await mailed(console, "d1", policy=POLICY)
    await mailed(console, "d2", customer=policy.customer)
    await mailed(console, "d3", customer="C0")
    root, boss = await console.signed_in("root"), await console.signed_in("boss")
    path = f"/admin/policies/{POLICY}"
    plain, linked = (await root.get(path)).text, (await boss.get(path)).text
    assert "Documents asked for" in plain
    assert "/documents" not in plain  # an administrator by that alone may not open them
    assert 'href="/documents/d1.pdf"' in linked
    assert f'href="/documents?policy={POLICY}"' in linked
    page = (await boss.get(f"/admin/customers/{policy.customer}")).text
    assert ["/documents/d1.pdf" in page, "/documents/d2.pdf" in page, "/documents/d3.pdf" in page] == [
        True, True, False,
    ]  # fmt: skip
    report = await console.database.claims.begin(caller="", today=console.parts.clock().date(), policy=POLICY)
    claim = await console.database.claims.submit(report.id, console.parts.clock().date())
    assert f'href="/documents?claim={claim}"' in (await boss.get(f"/claims/{claim}")).text


async def test_nobody_is_led_from_a_claim_to_a_policy_page_that_refuses_them(console: Console) -> None:
    today = console.parts.clock().date()
    report = await console.database.claims.begin(caller="", today=today, policy=POLICY)
    claim = await console.database.claims.submit(report.id, today)
    mei, boss = await console.signed_in("mei"), await console.signed_in("boss")
    assert (await mei.get(f"/admin/policies/{POLICY}")).status_code == 403
    assert f"/admin/policies/{POLICY}" not in (await mei.get(f"/claims/{claim}")).text
    assert f"/admin/policies/{POLICY}" in (await boss.get(f"/claims/{claim}")).text
