"""Suggestions in a call: ready before they are asked for, asked once, refused for good, and never in the way."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from decimal import Decimal
from itertools import count
from types import SimpleNamespace

import pytest

from cross_sell.adviser import Adviser
from cross_sell.call_facts import ServiceSide
from cross_sell.rules import SellingRules
from ivr.flow import trace as told
from ivr.flow.instructions import Transfer
from ivr.flow.values import Level
from ivr.services import Outcome, ServiceContext, hotline_registry
from ivr.services.advice import PATIENCE, Advice
from ivr.services.journey import Journey
from policy_db import PolicyDatabase
from policy_db.selling_facts import DoNotCall, OfferedProduct

POLICY, NUMBER = "86001234", "+8616000001234"
OPEN = ServiceSide(free={"property": 2})
PRODUCT = OfferedProduct(
    product="501", active=True, selling="simple", line="property", licence="property", queue="sales",
    margin=Decimal(500), premium=Decimal(200), limits={"small_premium": 500, "prior": {"accepts": 0.5}},
)  # fmt: skip


#: Flows without any: what callers minded is told by the tests.
LIBRARY = SimpleNamespace(hotline=SimpleNamespace(on_error="trouble"), flows={})
RULES = SellingRules(holdout=0, random=0, offers_30_days=9)


@dataclass
class Desk:
    """One call with its advice; `side` and `rules` may be changed before it begins."""

    database: PolicyDatabase
    now: object
    side: ServiceSide = OPEN
    rules: SellingRules = RULES
    recording: bool = True
    wait: asyncio.Event | None = None
    patience: float = 10.0
    told: list[str] = field(default_factory=list)
    noted: list[tuple[str, str, dict[str, object]]] = field(default_factory=list)
    call: str = "call-1"
    ids: Iterator[int] = field(default_factory=lambda: count(1))
    journey: Journey = field(init=False)
    advice: Advice = field(init=False)

    def begin(self) -> Desk:
        """A verified caller."""
        adviser = Adviser(
            self.database,
            None,
            self.rules,
            clock=lambda: self.now,
            ids=lambda: f"s{next(self.ids)}",
            salt=bytes(32),
        )
        self.advice = Advice(
            self.database, adviser, self.rules, self.look, recording=self.recording, clock=lambda: self.now,
            tell=self.told.append, patience=self.patience,
            note=lambda call, kind, **details: self.noted.append((call, kind, details)),
        )  # fmt: skip
        self.journey = Journey(self.call, NUMBER, LIBRARY)
        self.journey.policy, self.journey.level, self.journey.language = POLICY, 2, "zh-CN"
        self.journey.visited += ["main", "premium_enquiry"]
        return self

    async def look(self, language: str) -> ServiceSide:
        if self.wait is not None:
            await self.wait.wait()
        return self.side

    async def ask(self, service: str, **arguments: str) -> Outcome:
        registry = hotline_registry(self.database, self.advice)
        context = ServiceContext(call_id=self.call, now=self.now, level=Level.VERIFIED)
        return await registry.run(service, arguments, context)

    async def is_offered(self) -> bool:
        self.begin().advice.known(self.journey)
        return (await self.ask("crosssell.suggest")).outcome == "ok"

    async def state(self) -> str:
        """Where the referral of the call is, once everything is written."""
        await self.advice.over("call-1")
        (referral,) = await self.database.referrals.of_call("call-1")
        return referral.state

    async def gate(self) -> str:
        """The gate or, if none was shut, the arm of the last decision."""
        await self.advice.over(self.call)
        decided = await self.database.suggestions.latest_of(self.call)
        assert decided is not None
        return decided.gate or decided.arm


@pytest.fixture
async def desk(database: PolicyDatabase, now: object) -> Desk:
    for one in await database.offered.all():
        await database.offered.remove(one.offered.product)
    await database.offered.save(PRODUCT, by="test", version=0)
    await database.customers.set_consent(await holder(database), "marketing", given=True, source="test")
    return Desk(database, now)


async def holder(database: PolicyDatabase, policy: str = POLICY) -> str:
    found = await database.policies.find(policy, date(2026, 3, 10))
    assert found is not None
    return found.customer


async def test_a_verified_caller_is_offered_what_fits_and_the_seat_can_read_why(desk: Desk) -> None:
    desk.begin().advice.known(desk.journey)
    offer = await desk.ask("crosssell.suggest")

    assert (offer.outcome, offer.value) == ("ok", {"product": "product_name.accident", "queue": "sales"})
    decided = await desk.database.suggestions.latest_of("call-1")
    assert decided is not None
    assert (decided.arm, decided.product, decided.policy) == ("offer", "501", POLICY)
    assert desk.noted == [("call-1", "suggestion", {"what": "offer", "gate": "", "product": "501"})]
    assert await desk.state() == "offered"


async def test_what_is_suggested_is_reckoned_while_the_caller_is_served(desk: Desk) -> None:
    desk.begin().advice.known(desk.journey)
    while await desk.database.suggestions.latest_of("call-1") is None:
        await asyncio.sleep(0.01)

    assert (await desk.ask("crosssell.suggest")).outcome == "ok"
    await desk.advice.over("call-1")
    assert (await desk.database.suggestions.latest_of("call-1")).id == "s1", "nothing was decided twice"


async def test_a_caller_is_asked_once_in_a_call(desk: Desk) -> None:
    assert await desk.is_offered()
    await desk.ask("crosssell.answer", answer="refused")

    assert (await desk.ask("crosssell.suggest")).outcome == "nothing"
    desk.advice.known(desk.journey)
    assert (await desk.ask("crosssell.suggest")).outcome == "nothing"
    assert await desk.state() == "refused"


async def test_a_refusal_counts_in_the_next_call_too_and_for_whoever_asks_for_a_person(desk: Desk) -> None:
    assert await desk.is_offered()
    await desk.ask("crosssell.answer", answer="refused")
    desk.advice.on_the_way(desk.journey, Transfer("x1", "service", 60.0, details={"reason": "policy"}))

    assert await desk.gate() == "cool_off"
    assert not await desk.is_offered()
    assert await desk.gate() == "cool_off"


async def test_silence_ends_the_question_and_is_no_refusal(desk: Desk) -> None:
    assert await desk.is_offered()
    await desk.ask("crosssell.answer", answer="silent")

    assert (await desk.ask("crosssell.suggest")).outcome == "nothing"
    assert await desk.state() == "lost"
    assert await desk.is_offered(), "a new call may ask again"
    await desk.advice.over("call-1")


async def test_a_yes_is_followed_until_a_seat_talks_with_the_caller(desk: Desk) -> None:
    assert await desk.is_offered()
    await desk.ask("crosssell.answer", answer="accepted")
    desk.advice.on_the_way(desk.journey, Transfer("x1", "sales", 60.0, "suggestion"))
    while (await desk.database.referrals.of_call("call-1"))[0].state != "transferred":
        await asyncio.sleep(0.01)
    desk.advice.noted("call-1", "talk_joined", seat="seat1")
    while (await desk.database.referrals.of_call("call-1"))[0].state != "connected":
        await asyncio.sleep(0.01)
    desk.advice.came_back("call-1", "answered")

    assert await desk.state() == "connected"
    (referral,) = await desk.database.referrals.of_call("call-1")
    assert referral.seat == "seat1"
    steps = [(one.state, one.who) for one in await desk.database.referrals.steps(referral.id)]
    assert steps == [
        ("flagged", "hotline"), ("offered", "hotline"), ("accepted", "caller"), ("transferred", "hotline"),
        ("connected", "seat:seat1"),
    ]  # fmt: skip


async def test_a_seat_that_calls_back_is_connected_too(desk: Desk) -> None:
    assert await desk.is_offered()
    await desk.ask("crosssell.answer", answer="accepted")
    desk.advice.on_the_way(desk.journey, Transfer("x1", "sales", 60.0, "suggestion"))
    desk.advice.came_back("call-1", "callback")
    assert await desk.state() == "transferred", "who is called back still waits"

    desk.advice.noted("call-1-r1", "talk_joined", seat="seat2")
    while (await desk.database.referrals.of_call("call-1"))[0].state != "connected":
        await asyncio.sleep(0.01)


@pytest.mark.parametrize(("left_message", "state"), [(True, "transferred"), (False, "lost")])
async def test_a_yes_that_no_seat_could_take_waits_for_who_left_a_message_and_is_lost_for_others(
    desk: Desk, left_message: bool, state: str
) -> None:
    assert await desk.is_offered()
    await desk.ask("crosssell.answer", answer="accepted")
    desk.advice.on_the_way(desk.journey, Transfer("x1", "sales", 60.0, "suggestion"))
    desk.advice.came_back("call-1", "timeout")
    if left_message:
        desk.journey.saw([told.RecordingSettled(9.0, "r1", True)])

    assert await desk.state() == state


async def test_who_asks_for_a_person_brings_the_hint_along(desk: Desk) -> None:
    desk.begin().advice.known(desk.journey)
    desk.advice.on_the_way(desk.journey, Transfer("x1", "service", 60.0, details={"reason": "policy"}))

    assert await desk.gate() == "offer"
    assert await desk.state() == "flagged", "nobody has asked the caller"
    assert "call-1" in desk.told


async def test_the_call_goes_on_without_an_offer_that_is_not_ready_in_time(desk: Desk) -> None:
    desk.wait, desk.patience = asyncio.Event(), PATIENCE
    desk.begin().advice.known(desk.journey)
    loop = asyncio.get_running_loop()
    began = loop.time()

    assert (await desk.ask("crosssell.suggest")).outcome == "nothing"
    assert 0.25 < loop.time() - began < 0.6
    desk.wait.set()
    await desk.advice.over("call-1")


async def test_nor_does_it_fail_with_a_database_that_does(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fails(*_: object, **__: object) -> None:
        raise OSError("away")

    monkeypatch.setattr(desk.database.offered, "all", fails)
    assert not await desk.is_offered()
    await desk.advice.over("call-1")


async def test_a_seat_that_is_gone_when_the_caller_would_be_asked_is_noticed(desk: Desk) -> None:
    desk.begin().advice.known(desk.journey)
    while await desk.database.suggestions.latest_of("call-1") is None:
        await asyncio.sleep(0.01)
    desk.side = ServiceSide()

    assert (await desk.ask("crosssell.suggest")).outcome == "nothing"
    assert await desk.gate() == "no_licensed_seat"


async def test_and_so_is_one_that_has_come(desk: Desk) -> None:
    desk.side = ServiceSide()
    desk.begin().advice.known(desk.journey)
    while await desk.database.suggestions.latest_of("call-1") is None:
        await asyncio.sleep(0.01)
    desk.side = OPEN

    assert (await desk.ask("crosssell.suggest")).outcome == "ok"
    await desk.advice.over("call-1")


async def test_whoever_was_left_alone_to_be_compared_with_is_not_asked(desk: Desk) -> None:
    desk.rules = SellingRules(holdout=1.0, random=0.0)

    assert not await desk.is_offered()
    assert await desk.gate() == "holdout"


async def test_a_matter_that_comes_up_later_in_the_call_shuts_the_gate(desk: Desk) -> None:
    desk.begin().advice.known(desk.journey)
    while await desk.database.suggestions.latest_of("call-1") is None:
        await asyncio.sleep(0.01)
    desk.journey.matters.add("claim")

    assert (await desk.ask("crosssell.suggest")).outcome == "nothing"
    assert await desk.gate() == "sensitive_matter"


# Each gate, over the real database


async def _no_consent(desk: Desk) -> None:
    await desk.database.customers.set_consent(
        await holder(desk.database), "marketing", given=False, source="test"
    )


async def _listed(desk: Desk) -> None:
    await desk.database.do_not_call.add(DoNotCall(NUMBER, "", "sales", desk.now - timedelta(days=1)))


async def _old(desk: Desk) -> None:
    await desk.database.offered.save(
        replace(PRODUCT, limits={**PRODUCT.limits, "vulnerable_age": 30}), by="test", version=1
    )


async def _young(desk: Desk) -> None:
    await desk.database.offered.save(
        replace(PRODUCT, limits={**PRODUCT.limits, "least_age": 60}), by="test", version=1
    )


async def _owned(desk: Desk) -> None:
    await desk.database.offered.remove("501")
    await desk.database.offered.save(replace(PRODUCT, product="101"), by="test", version=0)


async def _unsuitable(desk: Desk) -> None:
    await desk.database.offered.save(
        replace(PRODUCT, limits={**PRODUCT.limits, "needs": ["motor"]}), by="test", version=1
    )


async def _dear(desk: Desk) -> None:
    await desk.database.offered.save(
        replace(PRODUCT, premium=Decimal(90_000), limits={"small_premium": 100, "most_premium_share": "0.5"}),
        by="test", version=1,
    )  # fmt: skip


async def _no_seat(desk: Desk) -> None:
    desk.side = ServiceSide(free={"life": 3})


async def _unrecorded(desk: Desk) -> None:
    desk.recording = False


async def _busy(desk: Desk) -> None:
    desk.side = ServiceSide(free={"property": 1}, waiting={"service": 2})


@pytest.mark.parametrize(
    ("shut", "code"),
    [
        (_no_consent, "no_consent"),
        (_listed, "do_not_call"),
        (_owned, "owned_or_pending"),
        (_young, "outside_limits"),
        (_unsuitable, "unsuitable"),
        (_dear, "cannot_afford"),
        (_old, "vulnerable"),
        (_no_seat, "no_licensed_seat"),
        (_unrecorded, "not_recorded"),
        (_busy, "queue_busy"),
    ],
)
async def test_a_caller_who_must_not_be_offered_anything_is_not(
    desk: Desk, shut: Callable[[Desk], Awaitable[None]], code: str
) -> None:
    await shut(desk)

    assert not await desk.is_offered()
    assert await desk.gate() == code
    assert await desk.database.referrals.of_call("call-1") == ()


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"level": 1}, "not_verified"),
        ({"policy": "86005678", "level": 2, "number": ""}, "no_consent"),
        ({"policy": "00000000"}, "not_policyholder"),
        ({"matters": {"complaint"}}, "sensitive_matter"),
        ({"matters": {"bereavement"}}, "sensitive_matter"),
        ({"matters": {"cancellation"}}, "sensitive_matter"),
        ({"matters": {"fraud"}}, "sensitive_matter"),
        ({"in_trouble": True}, "matter_unsettled"),
        ({"repeats": 5}, "vulnerable"),
    ],
)
async def test_nor_is_one_whose_call_forbids_it(desk: Desk, change: dict[str, object], code: str) -> None:
    if change.get("policy") == "86005678":
        customer = await holder(desk.database, "86005678")
        await desk.database.customers.set_consent(customer, "marketing", given=False, source="test")
    desk.begin()
    for name, value in change.items():
        setattr(desk.journey, name, value)
    desk.advice.known(desk.journey)

    assert (await desk.ask("crosssell.suggest")).outcome == "nothing"
    assert await desk.gate() == code


async def test_a_caller_with_an_open_claim_or_complaint_is_left_alone(desk: Desk) -> None:
    desk.begin()
    desk.journey.policy = "86007777"
    customer = await holder(desk.database, "86007777")
    await desk.database.customers.set_consent(customer, "marketing", given=True, source="test")
    desk.advice.known(desk.journey)

    assert (await desk.ask("crosssell.suggest")).outcome == "nothing"
    assert await desk.gate() == "sensitive_matter"


async def test_whoever_was_offered_something_lately_is_not_asked_again_so_soon(desk: Desk) -> None:
    desk.rules = SellingRules(holdout=0, random=0, offers_30_days=1)
    assert await desk.is_offered()
    await desk.advice.over("call-1")

    desk.call = "call-2"
    assert not await desk.is_offered()
    assert await desk.gate() == "frequency"
