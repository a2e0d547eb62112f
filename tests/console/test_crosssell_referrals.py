"""Referrals on the console: who sees which, what becomes of them, who coordinates, and that nobody's word is lost."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hint_kit import suggest
from seat_kit import seat_user

from policy_db.selling_facts import Referral, ReferralState
from tests.console.console_kit import Console

SOLD = {"state": "sold", "policy": "86990001", "premium": "1,212.50", "note": "by post"}


async def begun(
    console: Console, call: str = "c1", *, state: ReferralState = "connected", seat: str | None = None
) -> Referral:
    known = await suggest(console.parts, call, state=state)
    assert known is not None
    if seat is None:
        return known
    now = console.parts.clock()
    return await console.database.referrals.move(known.id, "quoted", who=f"seat:{seat}", at=now, seat=seat)


async def several(console: Console, call: str = "c9") -> Referral:
    """A referral of two products whose caller has said yes."""
    await console.database.offered.find("301")
    one = replace(await begun(console, "seed"), id=f"s-{call}", suggestion=None, call_id=call, also=("301",))
    return await console.database.referrals.flag(replace(one, state="accepted"), who="hotline")


async def test_a_seat_sees_its_own_referrals_and_managers_all(console: Console) -> None:
    await seat_user(console.parts)
    await begun(console, "c1", seat="anna")
    await begun(console, "c2", seat="other")
    anna, mei = await console.signed_in("anna"), await console.signed_in("mei")

    own = await anna.get("/crosssell/referrals")
    assert own.status_code == 200
    assert "/crosssell/referrals/s-c1" in own.text
    assert "/crosssell/referrals/s-c2" not in own.text
    assert (await anna.get("/crosssell/referrals/s-c2")).status_code == 404
    assert (await anna.get("/api/crosssell/referrals/s-c2")).status_code == 404
    every = (await mei.get("/api/crosssell/referrals?view=all&seat=other")).json()["items"]
    assert [one["id"] for one in every] == ["s-c2"]
    mine = (await anna.get("/api/crosssell/referrals?view=all&seat=other")).json()["items"]
    assert mine == [], "a filter never widens what a seat may see"
    rui = await console.signed_in("rui")
    assert (await rui.get("/crosssell/referrals")).status_code == 403
    looks = await console.database.audit.about("list:referrals")
    assert {(one.actor, one.action) for one in looks} == {("staff:anna", "looked"), ("staff:mei", "looked")}


async def test_the_page_shows_each_step_with_time_and_person(console: Console) -> None:
    await seat_user(console.parts)
    await begun(console, seat="anna")
    client = await console.signed_in("anna")
    page = (await client.get("/crosssell/referrals/s-c1")).text
    for told in ("Quoted", "the hotline", "Anna", "They drive a lot", 'aria-current="step"'):
        assert told in page, told
    chinese = (await client.get("/crosssell/referrals/s-c1", headers={"accept-language": "zh-CN"})).text
    assert "已报价" in chinese
    assert "常开车出行" in chinese
    assert [one.action for one in await console.database.audit.about("referral:s-c1")] == ["looked"]


async def test_a_sale_needs_policy_and_premium_and_what_was_entered_stays(console: Console) -> None:
    await seat_user(console.parts)
    known = await begun(console, seat="anna")
    client = await console.signed_in("anna")
    move = "/crosssell/referrals/s-c1/move"

    long = {"note": "by post " + "x" * 2000}
    for missing in ({"policy": ""}, {"premium": "much"}, {"premium": "-1"}, {"policy": "a b"}, long):
        reply = await client.post(move, data=SOLD | missing | {"version": str(known.version)})
        assert reply.status_code == 422
        assert "by post" in reply.text
        assert 'role="alert"' in reply.text
    assert (await client.post(move, data=SOLD | {"version": str(known.version)})).status_code == 303
    told = (await client.get("/api/crosssell/referrals/s-c1")).json()
    assert (told["state"], told["policy"], told["premium"]) == ("sold", "86990001", "1212.50")
    assert (told["steps"][-1]["who"], told["steps"][-1]["note"]) == ("seat:anna", "by post")
    assert "referral_sold" in [one.action for one in await console.database.audit.about("referral:s-c1")]


async def test_nothing_goes_back_and_a_late_word_is_offered_again(console: Console) -> None:
    known = await begun(console)
    mei = await console.signed_in("mei")
    api = "/api/crosssell/referrals/s-c1/moves"
    assert (await mei.post(api, json={"state": "declined", "version": known.version})).status_code == 200
    late = await mei.post(
        "/crosssell/referrals/s-c1/move",
        data={"state": "quoted", "version": str(known.version), "note": "sent it"},
    )
    assert late.status_code == 409
    assert "changed it first" in late.text
    back = await mei.post(api, json={"state": "quoted", "version": known.version + 1})
    assert back.status_code == 409
    assert "Declined" in back.json()["message"]


async def test_a_coordinator_is_named_sees_it_and_brings_the_specialists_together(console: Console) -> None:
    await seat_user(console.parts)
    known = await several(console)
    mei, anna = await console.signed_in("mei"), await console.signed_in("anna")
    path = f"/crosssell/referrals/{known.id}"
    unnamed = (await mei.get("/api/crosssell/referrals?view=uncoordinated")).json()["items"]
    assert [one["id"] for one in unnamed] == [known.id]
    assert (await anna.get(path)).status_code == 404

    wrong = await mei.post(f"{path}/coordinator", data={"coordinator": "nobody", "version": known.version})
    assert wrong.status_code == 422
    await mei.post(f"{path}/coordinator", data={"coordinator": "anna", "version": known.version})
    assert (await mei.get("/api/crosssell/referrals?view=uncoordinated")).json()["items"] == []
    page = (await anna.get(path)).text
    assert "Coordinator: Anna" in page
    assert "Not referred yet" in page
    assert (await anna.post(f"{path}/products/301")).status_code == 303
    assert (await anna.post(f"{path}/products/301")).status_code == 303, "the same again is the one there"
    assert (await anna.post(f"{path}/products/101")).status_code == 422
    whole = (await anna.get(f"/api{path}")).json()
    assert [one["product"] for one in whole["together"]] == ["501", "301"]
    assert whole["together"][1]["referral"]["coordinator"] == "anna"
    assert "What belongs together" in (await anna.get(f"{path}-301")).text


async def test_nothing_more_is_referred_before_the_caller_has_said_yes(console: Console) -> None:
    one = replace(await begun(console, "seed"), id="s-x", suggestion=None, call_id="x", also=("301",))
    await console.database.referrals.flag(replace(one, state="offered"), who="hotline")
    mei = await console.signed_in("mei")
    assert (await mei.post("/api/crosssell/referrals/s-x/products/301")).status_code == 409


async def test_only_who_has_it_oversees_it_or_coordinates_it_says_what_became_of_it(console: Console) -> None:
    await seat_user(console.parts)
    known = await begun(console, seat="other")
    sent = await console.database.referrals.refer(known.id, "anna", at=console.parts.clock(), note="to life")
    anna = await console.signed_in("anna")
    page = await anna.get("/crosssell/referrals/s-c1")
    assert page.status_code == 200, "the seat that referred sees what becomes of it"
    assert "Sent on to life" in page.text
    assert "/move" not in page.text
    said = await anna.post(
        "/api/crosssell/referrals/s-c1/moves", json={"state": "lost", "version": sent.version}
    )
    assert said.status_code == 403
    named = {"coordinator": "anna", "version": sent.version}
    assert (await anna.put("/api/crosssell/referrals/s-c1/coordinator", json=named)).status_code == 403


async def test_notes_are_kept_and_long_ones_offered_again(console: Console) -> None:
    await begun(console)
    mei = await console.signed_in("mei")
    path = "/crosssell/referrals/s-c1/note"
    assert (await mei.post(path, data={"note": "calls on <b>Monday</b>"})).status_code == 303
    assert "&lt;b&gt;Monday" in (await mei.get("/crosssell/referrals/s-c1")).text
    long = await mei.post(path, data={"note": "x" * 2001})
    assert long.status_code == 422
    assert "x" * 2001 in long.text


async def test_the_list_is_searched_filtered_paged_and_exported(console: Console) -> None:
    mei = await console.signed_in("mei")
    for number in range(53):
        await begun(console, f"c{number:02}")
    first = (await mei.get("/api/crosssell/referrals?view=all&product=501&size=50")).json()
    rest = await mei.get("/api/crosssell/referrals", params={
        "view": "all", "product": "501", "size": 50, "before": first["next"],
    })  # fmt: skip
    ids = [one["id"] for one in (*first["items"], *rest.json()["items"])]
    assert len(ids) == len(set(ids)) >= 53
    assert rest.json()["next"] == ""
    found = (await mei.get("/api/crosssell/referrals?view=all&q=c07")).json()["items"]
    assert [one["call"] for one in found] == ["c07"]
    assert (await mei.get("/api/crosssell/referrals?view=all&to=2001-01-01")).json()["items"] == []
    assert 'rel="next"' in (await mei.get("/crosssell/referrals")).text
    file = await mei.get("/crosssell/referrals.csv?state=connected&q=C1")
    lines = file.text.splitlines()
    assert len(lines) == 54
    assert "In talk" in lines[1]
    assert (await console.database.audit.about("list:referrals"))[0].action in ("exported", "looked")


@pytest.mark.parametrize("query", ["before=nonsense", "from=0000-00-00&to=x", "state=no&view=no&product=%00"])
async def test_nonsense_in_an_address_narrows_nothing_or_everything(console: Console, query: str) -> None:
    mei = await console.signed_in("mei")
    assert (await mei.get(f"/crosssell/referrals?{query}")).status_code == 200
