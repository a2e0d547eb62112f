"""Administration by its pages: lists, records, changes, roles."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.console.console_kit import Console

PAGES = [
    "/admin", "/admin/customers", "/admin/customers/new", "/admin/policies", "/admin/policies/86001234",
    "/admin/policies/new", "/admin/products", "/admin/products/101", "/admin/products/101/rates",
    "/admin/products/101/rates?age=30&sum=200000", "/admin/products/new", "/admin/salespeople",
    "/admin/salespeople/1001", "/admin/salespeople/new", "/admin/seats", "/admin/seats/seat1", "/admin/seats/new",
    "/admin/queues", "/admin/queues/service", "/admin/queues/new", "/admin/hours", "/admin/prompts",
    "/admin/prompts?language=en&view=missing&q=welcome", "/admin/prompts/zh-CN/closed_notice",
    "/admin/prompts/en/premium_due", "/admin/imports",
]  # fmt: skip
FILES = [
    "/admin/customers.csv", "/admin/policies.csv", "/admin/products.csv", "/admin/salespeople.csv",
    "/admin/seats.csv", "/admin/queues.csv", "/admin/prompts.csv?language=en", "/admin/imports.csv",
    "/admin/products/101/rates.csv", "/admin/imports/templates/customers.csv",
]  # fmt: skip


async def _customer(console: Console) -> str:
    found = await console.database.administration.search("customers", "王建国")
    return found[0].key


def _hidden(page: str, name: str) -> str:
    match = re.search(rf'name="{name}" value="([^"]*)"', page)
    assert match is not None
    return match[1]


def _form(page: str, action: str) -> dict[str, str]:
    """The fields of the form that goes to an address, as a browser would send them."""
    start = page.index(f'action="{action}"')
    body = page[start : page.index("</form>", start)]
    fields = dict(re.findall(r'<input name="([^"]+)"[^>]*? value="([^"]*)"', body))
    fields |= dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', body))
    for name, options in re.findall(r'<select name="([^"]+)"[^>]*>(.*?)</select>', body, re.DOTALL):
        chosen = re.search(r'value="([^"]*)" selected', options)
        fields[name] = chosen[1] if chosen else ""
    for name, text in re.findall(r'<textarea name="([^"]+)"[^>]*>(.*?)</textarea>', body, re.DOTALL):
        fields[name] = text
    return fields


@pytest.mark.parametrize("language", ["zh-CN", "en"])
async def test_every_page_is_there_for_an_administrator_in_both_languages(
    console: Console, language: str
) -> None:
    client = await console.signed_in("root")
    client.headers["accept-language"] = language
    client.cookies.set("hotline_language", language, domain="console.test")
    for path in [*PAGES, f"/admin/customers/{await _customer(console)}"]:
        reply = await client.get(path)
        assert reply.status_code == 200, (path, reply.text[-600:])
        assert f'<html lang="{language}">' in reply.text
    for path in FILES:
        reply = await client.get(path)
        assert reply.status_code == 200, path
        assert reply.headers["content-type"].startswith("text/csv")


@pytest.mark.parametrize(
    ("user", "reads"),
    [
        ("mei", {"/admin", "/admin/seats", "/admin/queues", "/admin/hours", "/admin/products"}),
        ("anna", set()),
        ("rui", set()),
    ],
)
async def test_a_role_that_may_not_see_a_page_does_not(console: Console, user: str, reads: set[str]) -> None:
    client = await console.signed_in(user)
    for path in PAGES + FILES:
        if "/new" in path:
            continue
        stem = "/".join(path.split("?")[0].removesuffix(".csv").split("/")[:3])
        wanted = 200 if stem in reads else 403
        assert (await client.get(path)).status_code == wanted, path
    for path in (
        "/admin/seats",
        "/admin/queues/service",
        "/admin/hours/people/override",
        "/admin/seats/seat1/remove",
    ):
        assert (await client.post(path, data={})).status_code == 403, path


async def test_nobody_gets_in_without_signing_in(console: Console) -> None:
    client = console.client()
    for path in PAGES + FILES:
        assert (await client.get(path)).status_code == 303, path


async def test_a_search_finds_customers_by_name_phone_number_and_policy(console: Console) -> None:
    client = await console.signed_in("root")
    key = await _customer(console)
    for words in ("王建", key, "16000001234", "+8616000001234", "86001234"):
        page = (await client.get("/admin/customers", params={"q": words})).text
        assert key in page, words
    assert "Nothing matches" in (await client.get("/admin/customers", params={"q": "' OR 1=1 --"})).text


async def test_a_change_is_kept_and_noted_by_field_without_the_values(console: Console) -> None:
    client, key = await console.signed_in("root"), await _customer(console)
    page = (await client.get(f"/admin/customers/{key}")).text
    fields = _form(page, f"/admin/customers/{key}") | {"city": "上海市", "phone": "13900001111"}
    reply = await client.post(f"/admin/customers/{key}", data=fields)
    assert reply.headers["location"] == f"/admin/customers/{key}?done=saved"
    customer = await console.database.customers.find(key)
    assert customer is not None
    assert (customer.city, customer.phone) == ("上海市", "+8613900001111")
    entry = next(
        one
        for one in await console.database.audit.about(f"customer:{key}")
        if one.action == "changed_customers"
    )
    assert entry.actor == "staff:root"
    assert entry.details == {"fields": ["city", "phone"]}


async def test_two_who_change_the_same_record_do_not_overwrite_each_other(console: Console) -> None:
    client, key = await console.signed_in("root"), await _customer(console)
    path = f"/admin/customers/{key}"
    fields = _form((await client.get(path)).text, path)
    assert (await client.post(path, data=fields | {"city": "上海市"})).status_code == 303
    late = await client.post(path, data=fields | {"city": "广州市"})
    assert late.status_code == 409
    assert "Somebody else has changed this" in late.text
    customer = await console.database.customers.find(key)
    assert customer is not None
    assert customer.city == "上海市"


async def test_what_does_not_fit_is_said_beside_its_field_and_what_was_typed_stays(console: Console) -> None:
    client, key = await console.signed_in("root"), await _customer(console)
    path = f"/admin/customers/{key}"
    fields = _form((await client.get(path)).text, path) | {"email": "no address", "city": "南京市"}
    reply = await client.post(path, data=fields)
    assert reply.status_code == 422
    assert "It is no e-mail address." in reply.text
    assert 'value="no address"' in reply.text
    assert 'value="南京市"' in reply.text


async def test_the_id_number_is_on_no_page_and_stays_when_left_blank(console: Console) -> None:
    client, key = await console.signed_in("root"), await _customer(console)
    number, path = await console.database.customers.id_number(key), f"/admin/customers/{key}"
    page = (await client.get(path)).text
    exported = (await client.get("/admin/customers.csv")).text
    assert number not in page + exported
    assert number[-6:] not in page
    await client.post(path, data=_form(page, path) | {"city": "上海市"})
    assert await console.database.customers.id_number(key) == number


async def test_a_new_pin_is_shown_once_and_opens(console: Console) -> None:
    client = await console.signed_in("root")
    key = await _customer(console)
    reply = await client.post(f"/admin/customers/{key}/pin", data={})
    match = re.search(r'id="new-pin">(\d{6})<', reply.text)
    assert match is not None
    check = await console.database.identity.check_pin("86001234", match[1], caller="1", call_id="c1")
    assert check.outcome == "passed"
    assert match[1] not in (await client.get(f"/admin/customers/{key}")).text
    assert all(match[1] not in str(one) for one in await console.database.audit.about(f"customer:{key}"))
    await client.post(f"/admin/customers/{key}/pin", data={"remove": "yes"})
    check = await console.database.identity.check_pin("86001234", match[1], caller="2", call_id="c2")
    assert check.outcome == "refused"


async def test_a_consent_is_added_and_the_earlier_one_stays(console: Console) -> None:
    client, key = await console.signed_in("root"), await _customer(console)
    await client.post(f"/admin/customers/{key}/consents", data={"purpose": "marketing", "given": "yes"})
    consent = await console.database.customers.consent(key, "marketing")
    assert consent is not None
    assert (consent.given, consent.source) == (True, "console:root")


async def test_a_rate_is_changed_and_one_that_overlaps_is_refused(console: Console) -> None:
    client = await console.signed_in("root")
    wish = {"term": "10", "sex": "m", "age_from": "0", "age_to": "4", "rate": "15.5000"}
    assert (await client.post("/admin/products/101/rates", data=wish)).status_code == 303
    page = (
        await client.get("/admin/products/101/rates", params={"age": "3", "term": "10", "sum": "200000"})
    ).text
    assert "15.5000" in page
    assert "3,100.00" in page
    reply = await client.post("/admin/products/101/rates", data=wish | {"age_from": "2"})
    assert reply.status_code == 422
    assert "The ages overlap with" in reply.text


async def test_commissions_are_added_and_taken_away(console: Console) -> None:
    client = await console.signed_in("root")
    wish = {
        "month": "2026-12",
        "policy": "86001234",
        "kind": "bonus",
        "amount": "100.00",
        "currency": "CNY",
        "paid_on": "",
    }
    assert (await client.post("/admin/salespeople/1001/commissions", data=wish)).status_code == 303
    page = (await client.get("/admin/salespeople/1001")).text
    assert "2026-12" in page
    match = re.search(r"/commissions/(\d+)/remove", page)
    assert match is not None
    await client.post(f"/admin/salespeople/1001/commissions/{match[1]}/remove", data={})
    assert "2026-12" not in (await client.get("/admin/salespeople/1001")).text


async def test_a_seat_is_made_signed_out_by_force_and_removed(console: Console) -> None:
    client = await console.signed_in("root")
    wish = {
        "id": "seat9",
        "name": "孙悦",
        "address": "browser",
        "languages": "zh-CN;en",
        "skills": "claims=3",
        "licences": "",
        "mailbox": "",
    }
    assert (await client.post("/admin/seats", data=wish)).status_code == 303
    assert (await client.post("/admin/seats", data=wish)).status_code == 409
    await console.parts.desk.sign_in("seat9", console=False)
    kept = await client.post("/admin/seats/seat9/remove", data={})
    assert kept.status_code == 409
    await client.post("/admin/seats/seat9/sign-out", data={})
    seat = next(one for one in await console.database.seats.all_seats() if one.id == "seat9")
    assert (seat.state, dict(seat.skills)) == ("offline", {"claims": 3})
    assert (await client.post("/admin/seats/seat9/remove", data={})).status_code == 303


def _queue(**values: str) -> dict[str, str]:
    return {
        "name": "claims", "title_zh-CN": "理赔", "title_en": "Claims", "skills": "claims=2", "licences": "",
        "strategy": "longest_idle", "priority": "1", "ageing_seconds": "60", "ring_seconds": "20",
        "wrap_up_seconds": "30", "service_level_seconds": "20", "patience_seconds": "5", "most_waiting": "0",
        "overflow_to": "service", "overflow_seconds": "90", "own_week": "yes", "week_mon": "09:00-12:00,13:30-17:30",
        "call_back": "yes", **values,
    }  # fmt: skip


async def test_a_queue_is_made_changed_and_never_overflows_in_a_circle(console: Console) -> None:
    client = await console.signed_in("root")
    assert (await client.post("/admin/queues", data=_queue())).status_code == 303
    queue = next(one for one in await console.database.seats.queues() if one.name == "claims")
    assert (dict(queue.skills), queue.overflow_to, queue.call_back) == ({"claims": 2}, "service", True)
    assert queue.week == {"mon": "09:00-12:00,13:30-17:30"}
    page = (await client.get("/admin/queues/service")).text
    service = _queue(name="service", overflow_to="claims", seen=_hidden(page, "seen"), own_week="no")
    reply = await client.post("/admin/queues/service", data=service)
    assert reply.status_code == 422
    assert "That would lead back to this queue." in reply.text
    bad = await client.post("/admin/queues", data=_queue(name="x", ring_seconds="9999", week_mon="9-12"))
    assert bad.status_code == 422
    assert "out of range" in bad.text
    assert (await client.post("/admin/queues/service/remove", data={})).status_code == 409
    assert (await client.post("/admin/queues/claims/remove", data={})).status_code == 303


async def test_a_form_without_the_sessions_token_changes_nothing(console: Console) -> None:
    client = await console.signed_in("root")
    del client.headers["x-csrf-token"]
    assert (await client.post("/admin/queues", data=_queue())).status_code == 403


async def test_a_name_that_looks_like_a_formula_is_text_in_every_export(console: Console) -> None:
    client: Any = await console.signed_in("root")
    wish = {
        "number": "1009",
        "name": "=cmd|'/c calc'!A1",
        "phone": "",
        "email": "",
        "branch": "",
        "hired_on": "2026-01-01",
        "left_on": "",
    }
    assert (await client.post("/admin/salespeople", data=wish)).status_code == 303
    assert "'=cmd" in (await client.get("/admin/salespeople.csv")).text
    page = (await client.get("/admin/salespeople/1009")).text
    assert "=cmd|&#39;/c calc&#39;!A1" in page


async def test_the_api_changes_a_queue_with_the_checks_of_the_page(console: Console) -> None:
    client = await console.signed_in("root")
    before = (await client.get("/api/admin/queues/service")).json()
    rules = {name: value for name, value in before.items() if name != "name"}
    made = await client.put(
        "/api/admin/queues/service", json={**rules, "ring_seconds": 33, "week": {"mon": "09:00-12:00"}}
    )
    assert (made.status_code, made.json()["ring_seconds"]) == (200, 33)
    assert made.json()["week"] == {"mon": "09:00-12:00"}
    assert made.json()["seen"] != before["seen"]
    late = await client.put("/api/admin/queues/service", json={**rules, "ring_seconds": 44})
    assert late.status_code == 409
    now = {**rules, "seen": made.json()["seen"]}
    for wrong in (
        {"ring_seconds": 9999},
        {"week": {"mon": "9-12"}},
        {"overflow_to": "service"},
        {"overflow_to": "nowhere"},
    ):
        assert (await client.put("/api/admin/queues/service", json={**now, **wrong})).status_code == 422, (
            wrong
        )
    assert (await client.get("/api/admin/queues/service")).json() == made.json()
    new = {name: value for name, value in rules.items() if name != "seen"}
    assert (await client.put("/api/admin/queues/service", json=new)).status_code == 409
    assert (await client.put("/api/admin/queues/night", json=new)).status_code == 200
    assert (await client.put("/api/admin/queues/nowhere", json=rules)).status_code == 404
    assert (
        await (await console.signed_in("mei")).put("/api/admin/queues/night", json=new)
    ).status_code == 403
