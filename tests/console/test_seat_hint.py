"""What a seat may suggest to its caller: on the page and in the API, and what the seat says came of it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hint_kit import suggest
from seat_kit import call_rings, call_talks, seat_user

from policy_db.selling_facts import Referral
from tests.console.console_kit import Console


@pytest.fixture
async def anna(console: Console):
    """A client of Anna, who is ready at her seat."""
    await seat_user(console.parts)
    client = await console.signed_in("anna")
    await client.post("/api/seat/state", json={"state": "ready"})
    return client


async def referral(console: Console) -> Referral:
    (found,) = await console.database.referrals.of_call("c1")
    return found


async def tell(client, state: str, **more: object):
    return await client.post("/api/seat/referrals/s-c1", json={"state": state, **more})


async def test_a_ringing_seat_reads_product_chance_reasons_and_talk_track(console: Console, anna) -> None:
    await suggest(console.parts, state="transferred")
    await call_rings(console.parts)
    page = (await anna.get("/seat/now")).text

    for shown in (
        "Suggestion: ", "3 of ten such callers accept", "They drive a lot", "Two policies here", "平时出行多吗？",
        "意外身故、伤残和医疗都有保障。", "我再想想", "当然，您慢慢看条款。", "您看发到哪里？", "不承诺“一定能赔”",
        "The caller has agreed to hear about it.",
    ):  # fmt: skip
        assert shown in page, shown
    assert 'data-hint="quoted"' not in page, "nothing is said of it before they talk"
    told = (await anna.get("/api/seat/hint")).json()
    assert (told["of_ten"], told["agreed"], told["why_not"]) == (3, True, "")
    assert told["reasons"] == ["They drive a lot", "Two policies here"]
    assert told["talk"]["needs"] == ["平时出行多吗？", "家里谁靠您的收入生活？"]
    assert told["referral"]["state"] == "transferred"


async def test_whoever_reads_another_language_sees_what_to_say_and_beside_it_what_it_means(
    console: Console, anna
) -> None:
    await suggest(console.parts, state="transferred")
    known = await console.database.offered.find("501")
    english = {
        "opening": "You agreed to hear about accident cover.", "needs": ["Do you travel much?", "Who lives on your pay?"],
        "proposal": "Death, disability, medical costs.", "objections": [{"says": "Let me think", "answer": "Of course."}],
        "commitment": "Where shall I send it?", "never_say": ["Never promise a payment"],
    }  # fmt: skip
    both = replace(known.offered, talk={**known.offered.talk, "en": english})
    await console.database.offered.save(both, by="test", version=known.offered.version)
    await call_rings(console.parts)
    page = (await anna.get("/seat/now")).text
    said, meant = page.index("平时出行多吗？"), page.index('lang="en">Do you travel much?')
    assert said < meant < page.index("家里谁靠您的收入生活？")
    assert "Say the lines in 中文" in page
    assert "Let me think" in page
    assert "Never promise a payment" in page
    assert "不承诺" not in page, "guidance is for the seat alone"
    told = (await anna.get("/api/seat/hint")).json()
    assert (told["spoken"], told["talk"]["opening"][:2], told["guide"]["never_say"]) == (
        "zh-CN",
        "您好",
        ["Never promise a payment"],
    )


async def test_a_caller_who_asked_for_a_person_brings_the_hint_along(console: Console, anna) -> None:
    await suggest(console.parts)
    await call_talks(console.parts)
    page = (await anna.get("/seat/now")).text
    assert "Settle the caller&#39;s own matter first" in page
    assert 'data-hint="quoted"' not in page

    assert (await tell(anna, "connected")).json()["state"] == "connected"
    assert (await referral(console)).seat == "anna"
    assert 'data-hint="quoted"' in (await anna.get("/seat/now")).text


async def test_whoever_is_left_alone_to_be_compared_with_is_left_alone_here_too(
    console: Console, anna
) -> None:
    await suggest(console.parts, arm="holdout")
    await call_rings(console.parts)
    page = (await anna.get("/seat/now")).text

    assert "seat-hint" not in page
    assert "No suggestion" not in page
    assert (await anna.get("/api/seat/hint")).json()["product"] == ""


async def test_a_gate_is_told_in_plain_words(console: Console, anna) -> None:
    await suggest(console.parts, arm="none", gate="no_consent")
    await call_rings(console.parts)

    assert "No suggestion: No consent to marketing" in (await anna.get("/seat/now")).text
    assert (await anna.get("/api/seat/hint")).json()["why_not"].startswith("No consent")


async def test_a_refused_suggestion_is_not_shown_to_be_pressed_again(console: Console, anna) -> None:
    found = await suggest(console.parts, state="offered")
    assert found is not None
    await console.database.referrals.move(found.id, "refused", who="caller", at=console.parts.clock())
    await call_rings(console.parts)

    assert "seat-hint" not in (await anna.get("/seat/now")).text


async def test_what_a_caller_said_yes_to_stays_whatever_was_decided_later(console: Console, anna) -> None:
    await suggest(console.parts, state="transferred")
    await suggest(console.parts, arm="none", gate="frequency", id="s-later")
    await call_rings(console.parts)

    assert "3 of ten such callers accept" in (await anna.get("/seat/now")).text


async def test_a_seat_says_what_came_of_it_and_it_is_audited(console: Console, anna) -> None:
    await suggest(console.parts, state="connected")
    await call_talks(console.parts)

    assert (await tell(anna, "quoted")).json()["state"] == "quoted"
    assert (await tell(anna, "sold")).json()["code"] == "H656"
    sold = (await tell(anna, "sold", policy="86990001", premium="212.50")).json()
    assert (sold["state"], sold["policy"], sold["premium"], sold["seat"]) == (
        "sold",
        "86990001",
        "212.50",
        "anna",
    )
    assert (await tell(anna, "declined")).json()["code"] == "H656", "what is sold is sold"
    steps = [(one.state, one.who) for one in await console.database.referrals.steps("s-c1")]
    assert steps[-2:] == [("quoted", "seat:anna"), ("sold", "seat:anna")]
    noted = [one.action for one in await console.database.audit.about("referral:s-c1")]
    assert sorted(noted) == ["referral_quoted", "referral_sold"]
    assert "Sold" in (await anna.get("/seat/beside")).text


async def test_nonsense_is_refused(console: Console, anna) -> None:
    await suggest(console.parts, state="connected")
    await call_talks(console.parts)

    assert (await tell(anna, "flagged")).status_code == 422
    assert (await tell(anna, "sold", policy="1", premium="-5")).status_code == 422
    assert (await tell(anna, "sold", policy="1", premium="much")).status_code == 422
    assert (await anna.post("/api/seat/referrals/none", json={"state": "quoted"})).status_code == 404


async def test_a_referral_of_a_call_that_the_seat_did_not_serve_is_not_its_own(
    console: Console, anna
) -> None:
    await suggest(console.parts, state="connected")

    assert (await tell(anna, "quoted")).json()["code"] == "H654"
    assert (await anna.post("/api/seat/referrals/s-c1/refer", json={})).json()["code"] == "H654"


async def test_a_seat_that_sends_its_caller_to_a_specialist_has_referred_them(console: Console, anna) -> None:
    await suggest(console.parts)
    await call_talks(console.parts)
    reply = await anna.post("/api/seat/referrals/s-c1/refer", json={"to": "life_specialists"})

    assert (reply.json()["state"], reply.json()["referred_by"]) == ("accepted", "anna")
    steps = await console.database.referrals.steps("s-c1")
    assert (steps[-1].who, steps[-1].note) == ("seat:anna", "to life_specialists")
    assert "Agreed" in (await anna.get("/seat/beside")).text
