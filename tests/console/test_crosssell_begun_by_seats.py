"""A seat refers a caller about what the hotline did not suggest: with the caller's yes, and nothing against it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import httpx
import pytest
from hint_kit import suggest
from seat_kit import POLICY, call_rings, call_talks, seat_user

from policy_db.selling_facts import DoNotCall, HeldPolicy, Referral
from tests.console.console_kit import Console

API = "/api/crosssell/referrals"
FORM = "/crosssell/referrals"


@dataclass
class Talk:
    """Anna talks with a customer who may be referred about `product`; what she has is `held`."""

    console: Console
    anna: httpx.AsyncClient
    customer: str
    product: str
    held: HeldPolicy

    async def begin(self, client: httpx.AsyncClient | None = None, **more: Any) -> httpx.Response:
        asked = {"product": self.product, "agreed": True, "note": "new baby"}
        return await (client or self.anna).post(API, json=asked | more)

    async def all(self) -> tuple[Referral, ...]:
        return await self.console.database.referrals.of_customer(self.customer)

    async def list_as(self, **who: Any) -> None:
        entry = DoNotCall(
            **{"number": "", "customer": "", "scope": "sales"} | who, since=self.console.parts.clock()
        )
        await self.console.database.do_not_call.add(entry)


@pytest.fixture
async def talk(console: Console) -> Talk:
    database, now = console.database, console.parts.clock()
    await seat_user(console.parts)
    anna = await console.signed_in("anna")
    await anna.post("/api/seat/state", json={"state": "ready"})
    standing = await database.suggestions.standing("", "", now, policy=POLICY)
    assert standing is not None
    for entry in await database.do_not_call.page(limit=200):
        await database.do_not_call.remove(entry.id, who="test", at=now)
    await database.customers.set_consent(standing.customer, "marketing", given=True, source="test")
    held = next(one for one in standing.policies if one.covers)
    taken = {one.product for one in standing.policies} | {one.product for one in standing.offers}
    products = [one.offered.product for one in await database.offered.all() if one.on_sale(now.date())]
    await call_talks(console.parts)
    return Talk(console, anna, standing.customer, next(one for one in products if one not in taken), held)


async def test_a_seat_refers_its_caller_and_sees_what_becomes_of_it(talk: Talk) -> None:
    reply = await talk.begin()
    assert reply.status_code == 201, reply.text
    told = reply.json()
    assert (told["state"], told["referred_by"], told["seat"]) == ("accepted", "anna", "")
    assert (told["customer"], told["call"], told["suggestion"]) == (talk.customer, "c1", None)
    steps = [(one["state"], one["who"], one["note"]) for one in told["steps"]]
    assert steps == [("accepted", "seat:anna", "new baby")]

    trail = await talk.console.database.audit.about(f"referral:{told['id']}")
    assert [(one.action, one.actor, one.details["product"]) for one in trail] == [
        ("referred", "staff:anna", talk.product)
    ]
    assert [one["id"] for one in (await talk.anna.get(API)).json()["items"]] == [told["id"]]
    assert told["id"] in (await talk.anna.get("/seat/beside")).text
    page = await talk.anna.get(f"{FORM}/{told['id']}")
    assert "new baby" in page.text
    sent = {"state": "quoted", "version": told["version"]}
    assert (await talk.anna.post(f"{API}/{told['id']}/moves", json=sent)).status_code == 200


async def test_the_same_call_and_product_again_give_the_one_that_is_there(talk: Talk) -> None:
    before = len(await talk.all())
    replies = await asyncio.gather(*(talk.begin() for _ in range(3)))
    replies.append(await talk.begin(customer=talk.customer, call="c1"))
    assert {one.status_code for one in replies} == {201}
    assert len({one.json()["id"] for one in replies}) == 1
    assert len(await talk.all()) == before + 1
    assert len(replies[-1].json()["steps"]) == 1
    more = (await talk.begin(note="twins, in fact")).json()
    assert [one["note"] for one in more["steps"]] == ["new baby", "twins, in fact"]
    known = replies[0].json()
    await talk.console.database.referrals.move(
        known["id"], "declined", who="seat:anna", at=talk.console.parts.clock()
    )
    over = await talk.begin()
    assert over.status_code == 422
    assert "has ended already" in over.json()["message"]


async def test_none_begins_without_the_callers_yes(talk: Talk) -> None:
    unasked = await talk.begin(agreed=False)
    assert unasked.status_code == 422
    assert "only when the caller has said yes" in unasked.json()["message"]
    customers = talk.console.database.customers
    await customers.set_consent(talk.customer, "marketing", given=False, source="test")
    withdrawn = await talk.begin(agreed=False)
    assert "has not consented to marketing and has not just agreed" in withdrawn.json()["message"]
    assert not any(one.referred_by for one in await talk.all())
    assert (await talk.begin()).status_code == 201, "a yes of this moment is one"


@pytest.mark.parametrize("whom", ["customer", "number"])
async def test_whoever_is_on_the_do_not_call_list_is_left_alone(talk: Talk, whom: str) -> None:
    known = await talk.console.database.customers.find(talk.customer)
    assert known is not None
    await talk.list_as(**{whom: talk.customer if whom == "customer" else known.phone})
    reply = await talk.begin()
    assert reply.status_code == 422
    assert "do-not-call list" in reply.json()["message"]
    chinese = await talk.anna.post(
        API, json={"product": talk.product, "agreed": True}, headers={"accept-language": "zh-CN"}
    )
    assert "谢绝推销名单" in chinese.json()["message"]
    looks = await talk.console.database.audit.about(f"customer:{talk.customer}")
    assert "looked" in [one.action for one in looks], "a refusal tells something about the customer"


async def test_what_is_owned_or_on_its_way_is_not_referred_again(talk: Talk) -> None:
    offered = talk.console.database.offered
    if await offered.find(talk.held.product) is None:
        entry = await offered.find(talk.product)
        assert entry is not None
        await offered.save(replace(entry.offered, product=talk.held.product), by="test", version=0)
    owned = await talk.begin(product=talk.held.product)
    assert owned.status_code == 422
    assert "has this product already" in owned.json()["message"]

    assert (await talk.begin()).status_code == 201
    mei = await talk.console.signed_in("mei")
    elsewhere = await talk.begin(mei, customer=talk.customer)
    assert elsewhere.status_code == 422
    assert "on its way" in elsewhere.json()["message"]
    assert (await talk.begin(product="999")).json()["message"] == "Choose a product that is offered now."


async def test_a_customer_must_be_known_and_be_the_caller(talk: Talk) -> None:
    assert "no such customer" in (await talk.begin(customer="nobody")).json()["message"]
    everybody = await talk.console.database.administration.search("customers", limit=5)
    other = next(one.key for one in everybody if one.key != talk.customer)
    mixed = await talk.begin(customer=other, call="c1")
    assert "another customer" in mixed.json()["message"]
    foreign = await talk.begin(customer=talk.customer, call="c-of-others")
    assert "not a call of yours" in foreign.json()["message"]


async def test_without_a_call_a_customer_number_is_needed_and_enough(talk: Talk) -> None:
    mei = await talk.console.signed_in("mei")
    assert "Give the customer" in (await talk.begin(mei)).json()["message"]
    told = (await talk.begin(mei, customer=talk.customer)).json()
    assert (told["call"], told["referred_by"], told["steps"][0]["who"]) == ("", "", "user:mei")
    page = await mei.get(f"{FORM}/{told['id']}")
    assert page.status_code == 200
    assert '/calls/"' not in page.text
    assert (await talk.begin(mei, customer=talk.customer)).json()["id"] == told["id"]


async def test_whoever_has_no_seat_and_oversees_nothing_refers_nobody(console: Console) -> None:
    anna, rui = await console.signed_in("anna"), await console.signed_in("rui")
    asked = {"product": "501", "customer": "C1", "agreed": True}
    assert (await anna.post(API, json=asked)).json()["code"] == "H650"
    assert (await anna.get(f"{FORM}/new")).status_code == 409
    assert (await rui.post(API, json=asked)).status_code == 403
    assert f"{FORM}/new" not in (await anna.get(FORM)).text


async def test_what_the_hotline_had_flagged_in_the_call_is_taken_up_by_the_seat(talk: Talk) -> None:
    known = await suggest(talk.console.parts)
    assert known is not None
    mine = replace(
        known, id="s-own", suggestion=known.suggestion, product=talk.product, customer=talk.customer
    )
    await talk.console.database.referrals.flag(mine, who="hotline")
    told = (await talk.begin()).json()
    assert (told["id"], told["state"], told["referred_by"]) == ("s-own", "accepted", "anna")
    assert [one["who"] for one in told["steps"]] == ["hotline", "seat:anna"]
    assert (await talk.begin()).json()["id"] == "s-own"


async def test_what_became_of_a_seats_own_referral_leaves_the_callers_yes_to_the_hotline(talk: Talk) -> None:
    await suggest(talk.console.parts, state="connected")
    assert (await talk.begin()).status_code == 201
    await suggest(talk.console.parts, arm="none", gate="frequency", id="s-later")
    assert (await talk.anna.get("/api/seat/hint")).json()["agreed"] is True


async def test_the_form_is_filled_in_and_gives_back_what_was_entered(talk: Talk) -> None:
    empty = await talk.anna.get(f"{FORM}/new?product={talk.product}&note=ring%20after%20six")
    assert f'value="{talk.customer}"' in empty.text
    assert 'value="c1"' in empty.text
    assert "ring after six" in empty.text
    entered = {
        "customer": talk.customer, "call": "c1", "product": talk.product, "note": "<b>hi" + "x" * 2000,
        "csrf": talk.anna.headers["x-csrf-token"],
    }  # fmt: skip
    refused = await talk.anna.post(FORM, data=entered)
    assert refused.status_code == 422
    assert f'<option value="{talk.product}" selected>' in refused.text
    assert "&lt;b&gt;hixx" in refused.text
    for part in ("agreed", "note"):
        assert f'aria-describedby="wrong-{part}"' in refused.text, part
    assert 'role="alert"' in refused.text
    done = await talk.anna.post(FORM, data=entered | {"note": "soon", "agreed": "yes"})
    assert done.status_code == 303
    assert "Referred by" in (await talk.anna.get(done.headers["location"])).text
    chinese = await talk.anna.get(f"{FORM}/new", headers={"accept-language": "zh-CN"})
    assert "新建推荐" in chinese.text
    assert f"{FORM}/new" in (await talk.anna.get(FORM)).text


@pytest.mark.parametrize("query", ["call=%00&customer=%00", "call=none&product=no", "customer=" + "9" * 300])
async def test_an_address_of_nonsense_still_gives_the_form(talk: Talk, query: str) -> None:
    assert (await talk.anna.get(f"{FORM}/new?{query}")).status_code == 200


async def test_the_seats_page_leads_to_the_form_with_or_without_a_suggestion(talk: Talk) -> None:
    link = f"/crosssell/referrals/new?customer={talk.customer}&amp;call=c1"
    assert link in (await talk.anna.get("/seat/now")).text
    await suggest(talk.console.parts)
    page = (await talk.anna.get("/seat/now")).text
    assert "seat-hint" in page
    assert link in page
    assert 'target="_blank">Refer to a colleague…' in page


async def test_a_call_that_only_rings_has_no_such_link(console: Console) -> None:
    await seat_user(console.parts)
    anna = await console.signed_in("anna")
    await anna.post("/api/seat/state", json={"state": "ready"})
    await call_rings(console.parts)
    assert "/crosssell/referrals/new" not in (await anna.get("/seat/now")).text


async def refused_lately(talk: Talk) -> None:
    """The customer said no to something else yesterday."""
    now, like = talk.console.parts.clock(), await suggest(talk.console.parts, "c0")
    assert like is not None
    at = now - timedelta(days=1)
    old = replace(like, id="r-old", suggestion=None, customer=talk.customer, flagged_at=at, changed_at=at)
    await talk.console.database.referrals.flag(old, who="hotline")
    await talk.console.database.referrals.move("r-old", "refused", who="caller", at=at)


async def test_who_refused_not_long_ago_is_referred_only_if_they_asked_for_it_themselves(talk: Talk) -> None:
    await refused_lately(talk)
    warned = await talk.begin()
    assert warned.status_code == 422
    assert "refused an offer not long ago. Unless they asked" in warned.json()["message"]
    entered = {"product": talk.product, "agreed": "yes", "csrf": talk.anna.headers["x-csrf-token"]}
    page = await talk.anna.post(FORM, data=entered)
    assert 'name="anyway"' in page.text
    assert 'name="anyway"' not in (await talk.anna.get(f"{FORM}/new")).text
    assert (await talk.anna.post(FORM, data=entered | {"anyway": "yes"})).status_code == 303


async def test_by_setting_a_refusal_not_long_ago_stops_it(talk: Talk) -> None:
    await refused_lately(talk)
    talk.console.parts.settings.__dict__["crosssell_begun"] = "stop"
    stopped = await talk.begin(anyway=True)
    assert stopped.status_code == 422
    assert "nothing may be referred yet" in stopped.json()["message"]
