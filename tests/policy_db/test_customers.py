"""Customers and the smaller parts: consents, preferences, complaints, documents."""

from __future__ import annotations

from datetime import date

import pytest
from policy_kit import TODAY, HandClock
from sqlalchemy import select

from policy_db import PolicyDatabase
from policy_db.errors import BadValueError, NotFoundError
from policy_db.facts import NewCustomer
from policy_db.tables import CustomerRow

ID = "11010519860801123X"
NEW = NewCustomer("王芳", "f", date(1986, 8, 1), "+8613800001111", ID, pin="4711", language="en")


async def test_a_customer_is_found_by_number_telephone_and_id_number(db: PolicyDatabase) -> None:
    added = await db.customers.add(NEW)
    assert await db.customers.find(added.number) == added
    assert await db.customers.find_by_phone("+8613800001111") == (added,)
    assert await db.customers.find_by_id_number("11010519860801123x") == (added,)
    assert await db.customers.find_by_id_number("110105198608011231") == ()
    assert await db.customers.id_number(added.number) == ID


async def test_neither_id_number_nor_pin_stand_in_the_table_or_in_print(db: PolicyDatabase) -> None:
    await db.customers.add(NEW)
    async with db.store.reading() as connection:
        row = (await connection.execute(select(*CustomerRow.__table__.columns))).one()
    for place in (repr(tuple(row)), repr(NEW)):
        assert ID not in place
        assert "01123X" not in place
        assert "4711" not in place


async def test_a_failing_statement_does_not_repeat_its_values(db: PolicyDatabase) -> None:
    with pytest.raises(Exception, match=r"ck_customers_sex|CHECK") as caught:
        await db.customers.add(NewCustomer("王芳", "x", date(1986, 8, 1), "+8613811112222", ID))  # type: ignore[arg-type]
    assert "+8613811112222" not in str(caught.value).split("DETAIL")[0]


async def test_an_impossible_id_number_or_pin_is_refused(db: PolicyDatabase) -> None:
    with pytest.raises(BadValueError):
        await db.customers.add(NewCustomer("王芳", "f", date(1986, 8, 1), "+861", "123"))
    with pytest.raises(BadValueError):
        await db.customers.add(NewCustomer("王芳", "f", date(1986, 8, 1), "+861", ID, pin="12"))
    assert await db.customers.find_by_phone("+861") == ()


async def test_the_latest_word_on_a_purpose_counts(db: PolicyDatabase, clock: HandClock) -> None:
    number = (await db.customers.add(NEW)).number
    assert await db.customers.consent(number, "marketing") is None
    await db.customers.set_consent(number, "marketing", given=True, source="form:1")
    clock.forward(days=1)
    await db.customers.set_consent(number, "marketing", given=False, source="call:2")
    consent = await db.customers.consent(number, "marketing")
    assert consent is not None
    assert (consent.given, consent.at, consent.source) == (False, clock.now, "call:2")


async def test_who_is_not_there_cannot_be_changed(db: PolicyDatabase) -> None:
    for write in (
        db.customers.set_pin("C0", "4711"),
        db.customers.id_number("C0"),
        db.customers.set_consent("C0", "marketing", given=True, source="form"),
        db.complaints.open("86001234", "x", TODAY),
        db.complaints.close("2603100001", TODAY),
        db.documents.mark("nothing", "sent"),
    ):
        with pytest.raises(NotFoundError):
            await write


async def test_a_new_pin_replaces_the_old(demo: PolicyDatabase) -> None:
    policy = await demo.policies.find("86001234", TODAY)
    assert policy is not None
    await demo.customers.set_pin(policy.customer, "987654")
    outcomes = [
        (await demo.identity.check_pin("86001234", pin, caller="+861", call_id="c")).outcome
        for pin in ("246810", "987654")
    ]
    assert outcomes == ["refused", "passed"]


async def test_a_telephone_number_is_remembered_by_its_language(db: PolicyDatabase) -> None:
    assert (await db.preferences.profile("+8613800001111")).language is None
    await db.customers.add(NEW)
    profile = await db.preferences.profile("+8613800001111")
    assert (profile.language, profile.known) == ("en", True)
    await db.preferences.remember_language("+8613800001111", "zh-CN")
    await db.preferences.remember_language("+8613800001111", "yue")
    assert (await db.preferences.profile("+8613800001111")).language == "yue"


async def test_a_hidden_number_is_never_remembered(db: PolicyDatabase) -> None:
    await db.preferences.remember_language("", "en")
    profile = await db.preferences.profile("")
    assert (profile.language, profile.known) == (None, False)
    with pytest.raises(BadValueError):
        await db.preferences.remember_language("+861", "")


async def test_a_complaint_is_open_until_it_is_closed(demo: PolicyDatabase) -> None:
    assert await demo.complaints.open_for("86001234") is None
    number = await demo.complaints.open("86001234", "等待时间太长", TODAY)
    complaint = await demo.complaints.open_for("86001234")
    assert complaint is not None
    assert (complaint.number, complaint.since, complaint.status) == (number, TODAY, "open")
    assert len(number) == 10
    await demo.complaints.close(number, TODAY)
    assert await demo.complaints.open_for("86001234") is None


async def test_a_document_is_followed_until_it_is_sent(demo: PolicyDatabase) -> None:
    for _ in range(2):
        await demo.documents.add("d1", kind="premium_notice", file="d1.pdf", policy="86001234", channel="sms")
    await demo.documents.mark("d1", "sent")
    documents = await demo.documents.of_policy("86001234")
    assert [(one.id, one.kind, one.state, one.channel) for one in documents] == [
        ("d1", "premium_notice", "sent", "sms")
    ]
