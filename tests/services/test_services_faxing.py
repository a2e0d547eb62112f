"""What is faxed at a caller's wish, to whom, and to which numbers."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from ivr.flow.values import Money
from ivr.services import FaxRules, hotline_registry
from ivr.services.errors import LevelRefusedError
from ivr.services.faxing import MOST_A_DAY, as_e164
from policy_db import PolicyDatabase

POLICY = "86001234"
HOLDER = (POLICY, "011234", "246810")
NUMBER = "01062345678"


@pytest.fixture(autouse=True)
def with_spandsp(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a machine that has the library; nothing is sent here."""
    monkeypatch.setattr("ivr.services.faxing.missing", lambda: "")


def asks(kind: str = "receipt", **more: str | None) -> dict[str, str | None]:
    """What a fax is asked for with."""
    return {"kind": kind, "policy_no": None, "claim_no": None, "guide": None, **more}


async def test_a_number_may_be_named_only_by_who_has_shown_a_pin(caller):
    assert (await caller.ask("fax.ways")).value == {"number": False}
    await caller.verify(*HOLDER)
    assert (await caller.ask("fax.ways")).value == {"number": True}


async def test_without_the_library_or_with_faxes_off_none_is_offered(caller, database, monkeypatch):
    caller.registry = hotline_registry(database, faxes=FaxRules(on=False))
    assert (await caller.ask("fax.ways")).outcome == "none"
    assert (await caller.ask("fax.prepare", **asks("claim_guide", guide="motor"))).outcome == "none"
    caller.registry = hotline_registry(database)
    monkeypatch.setattr("ivr.services.faxing.missing", lambda: "libspandsp.so.2")
    assert (await caller.ask("fax.ways")).outcome == "none"


async def test_a_guide_is_for_anybody_and_waits_for_the_machine_of_the_call(caller, database: PolicyDatabase):
    made = await caller.ask("fax.prepare", **asks("claim_guide", guide="motor"))
    document = await database.documents.find(made.value["document"])
    fax = await database.faxes.find(made.value["document"])
    assert (document.kind, document.channel, document.facts, document.call) == (
        "claim_guide", "fax", {"guide": "motor"}, "call-1",
    )  # fmt: skip
    assert (fax.number, fax.state, fax.call_id) == ("", "prepared", "call-1")


async def test_a_premium_table_is_made_of_the_callers_own_choices(caller, database: PolicyDatabase):
    choices = {"product": "101", "age": 30, "sum": Money("200000"), "term": 20, "sex": "f"}
    made = await caller.ask("fax.prepare", **asks("rate_table"), **choices)
    document = await database.documents.find(made.value["document"])
    assert document.facts == {"product": "101", "age": 30, "sum": "200000", "term": 20, "sex": "f"}
    assert (document.policy, document.customer) == (None, "")
    assert (await caller.ask("fax.prepare", **asks("rate_table"))).outcome == "not_found"


async def test_asking_again_with_the_same_key_makes_one_fax(caller):
    first = await caller.ask("fax.prepare", **asks("claim_guide", guide="motor"))
    caller.asked -= 1
    again = await caller.ask("fax.prepare", **asks("claim_guide", guide="motor"))
    assert again == first


async def test_papers_of_a_policy_are_for_who_has_verified_that_very_policy(caller, database: PolicyDatabase):
    with pytest.raises(LevelRefusedError):
        await caller.ask("fax.prepare", **asks(policy_no=POLICY))
    await caller.verify(*HOLDER)
    made = await caller.ask("fax.prepare", **asks(policy_no=POLICY))
    document = await database.documents.find(made.value["document"])
    holder = await database.policies.find(POLICY, caller.context.now.date())
    assert (document.policy, document.customer) == (POLICY, holder.customer)
    with pytest.raises(LevelRefusedError):
        await caller.ask("fax.prepare", **asks(policy_no="86005678"))


async def test_a_claim_report_is_for_the_call_that_made_it_or_who_verified_its_policy(
    caller, database: PolicyDatabase
):
    report = (await caller.ask("claim.begin", policy_no=POLICY)).value
    await caller.ask("claim.submit", id=report["id"])
    wish = asks("claim_report", claim_no=report["number"])
    made = await caller.ask("fax.prepare", **wish)
    document = await database.documents.find(made.value["document"])
    assert (document.claim, document.policy, document.customer) == (report["number"], None, "")
    stranger = caller.again("call-2")
    assert (await stranger.ask("fax.prepare", **wish)).outcome == "not_found"
    assert (await stranger.ask("fax.prepare", **asks("claim_report"))).outcome == "not_found"
    await stranger.verify(*HOLDER)
    made = await stranger.ask("fax.prepare", **wish)
    document = await database.documents.find(made.value["document"])
    assert (document.claim, document.policy) == (report["number"], POLICY)
    assert document.customer


async def test_a_fax_to_a_number_waits_to_be_dialled_and_only_its_end_is_said(
    caller, database: PolicyDatabase
):
    await caller.verify(*HOLDER)
    sent = await caller.ask("fax.send", **asks(policy_no=POLICY), number=NUMBER)
    assert sent.value == {"tail": "5678"}
    [fax] = await database.faxes.take_due("w")
    assert (fax.number, fax.call_id) == ("+861062345678", "call-1")


@pytest.mark.parametrize("number", ["02", "96123456", "0085223456789", "16812345678", "110"], ids=str)
async def test_no_fax_goes_to_what_is_no_ordinary_number_of_the_country(caller, number):
    await caller.verify(*HOLDER)
    assert (await caller.ask("fax.send", **asks(policy_no=POLICY), number=number)).outcome == "no_number"


async def test_a_company_may_forbid_numbers_altogether(caller, database):
    caller.registry = hotline_registry(database, faxes=FaxRules(numbers=()))
    await caller.verify(*HOLDER)
    assert (await caller.ask("fax.ways")).value == {"number": False}
    assert (await caller.ask("fax.send", **asks(policy_no=POLICY), number=NUMBER)).outcome == "no_number"


async def test_who_has_not_shown_a_pin_has_nothing_sent_to_a_number(caller):
    wish = asks("claim_guide", guide="motor")
    assert (await caller.ask("fax.send", **wish, number=NUMBER)).outcome == "no_number"


async def test_one_number_is_sent_five_faxes_a_day(caller, database: PolicyDatabase):
    await caller.verify(*HOLDER)
    for _ in range(MOST_A_DAY):
        assert (await caller.ask("fax.send", **asks(policy_no=POLICY), number=NUMBER)).outcome == "ok"
    assert (await caller.ask("fax.send", **asks(policy_no=POLICY), number=NUMBER)).outcome == "no_number"
    assert (await caller.ask("fax.send", **asks(policy_no=POLICY), number="02162345678")).outcome == "ok"
    caller.context = replace(caller.context, now=caller.context.now + timedelta(days=1, seconds=1))
    assert (await caller.ask("fax.send", **asks(policy_no=POLICY), number=NUMBER)).outcome == "ok"


def test_numbers_are_read_as_they_are_keyed_at_home_and_abroad():
    assert as_e164("01062345678") == as_e164("+861062345678") == "+861062345678"
    assert as_e164("13800138000") == "+8613800138000"
    assert as_e164("+442079460958") == "+442079460958"
    assert as_e164("96123456") == as_e164("") == ""
