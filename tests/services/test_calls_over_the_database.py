"""Whole calls through the hotline's own flows, answered by the real services over a demonstration database."""

import asyncio
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

import pytest

from ivr.errors import ServiceError
from ivr.flow import Manifest, load_flows
from ivr.flow.engine import Engine
from ivr.flow.events import CallStarted
from ivr.flow.instructions import RunService
from ivr.services import ServiceContext, ServiceRegistry, hotline_registry, hotline_signatures
from ivr.speech.catalogue import PromptCatalogue
from ivr.testing.script import Caller, run_call
from ivr.testing.world import Answer, World
from policy_db import PolicyDatabase

ROOT = Path(__file__).parents[2]
VERIFY = [{"keys": "86001234"}, {"keys": "011234"}, {"keys": "246810"}]


@dataclass
class ServicesInThisLoop:
    """Carries the requests of a call, which runs in a thread, to the real services in the test's loop."""

    registry: ServiceRegistry
    loop: asyncio.AbstractEventLoop
    caller: str
    call_id: str
    now: datetime

    def answer(self, request: RunService) -> Answer:
        context = ServiceContext(
            self.call_id, self.now, self.caller, level=request.level, idempotency_key=request.key
        )
        running = self.registry.run(request.service, request.arguments, context)
        try:
            outcome = asyncio.run_coroutine_threadsafe(running, self.loop).result(10)
        except ServiceError as error:
            return Answer("error", code=error.code)
        return Answer(outcome.outcome, outcome.value)


@dataclass
class Telephone:
    """Dials the hotline and plays a script; `+8613800001111` is a number that nobody knows."""

    engine: Engine
    registry: ServiceRegistry
    now: datetime
    calls: int = 0

    async def dial(self, script: list[dict], caller: str = "+8613800001111") -> World:
        self.calls += 1
        call_id = f"call-{self.calls}"
        services = ServicesInThisLoop(self.registry, asyncio.get_running_loop(), caller, call_id, self.now)
        world = World(self.engine, services)
        await asyncio.to_thread(self._run, world, CallStarted(0.0, call_id, self.now, caller), script)
        return world

    @staticmethod
    def _run(world: World, started: CallStarted, script: list[dict]) -> None:
        world.start(started)
        run_call(world, Caller(script))


@pytest.fixture(scope="module")
def engine() -> Engine:
    catalogue = PromptCatalogue.load(ROOT / "prompts", ("zh-CN", "en"))
    return Engine(load_flows(ROOT / "flows", Manifest(hotline_signatures(), catalogue.signatures())))


@pytest.fixture
def telephone(engine: Engine, database: PolicyDatabase, now: datetime) -> Telephone:
    return Telephone(engine, hotline_registry(database), now)


def said(world: World, prompt: str) -> list[dict]:
    """The values of each time a prompt was said."""
    return [dict(moment.values) for moment in world.moments if (moment.what, moment.name) == ("said", prompt)]


def names(world: World, what: str = "said") -> list[str]:
    return [moment.name for moment in world.moments if moment.what == what]


async def test_a_caller_hears_that_3200_yuan_are_due_in_ten_days(telephone):
    call = await telephone.dial([{"keys": "2", "after": "main_menu"}, *VERIFY])

    (due,) = said(call, "premium_due")
    assert (str(due["amount"].amount), due["due_on"], due["days_until_due"]) == (
        "3200.00",
        date(2026, 3, 20),
        10,
    )


async def test_all_keys_typed_at_once_lead_to_the_same_answer(telephone):
    call = await telephone.dial([{"keys": "286001234#011234#246810#", "during": "welcome"}])

    assert "premium_due" in names(call)
    assert "identity_refused" not in names(call)


async def test_a_verified_caller_is_asked_once_for_policy_premium_and_claim(telephone):
    call = await telephone.dial(
        [
            {"keys": "1", "after": "main_menu"}, *VERIFY,
            {"keys": "9", "after": "policy_menu"}, {"keys": "2", "after": "main_menu"},
            {"keys": "9", "after": "premium_menu"}, {"keys": "4", "after": "main_menu"},
        ]
    )  # fmt: skip

    assert names(call).count("ask_pin") == 1
    assert {"policy_summary", "policy_whole_life", "premium_due", "claim_none"} <= set(names(call))


async def test_benefits_are_told_one_after_the_other(telephone):
    call = await telephone.dial(
        [
            {"keys": "1", "after": "main_menu"}, *VERIFY, {"keys": "1", "after": "policy_menu"},
            {"keys": "1", "after": "coverage_menu"},
        ]
    )  # fmt: skip

    assert [item["name"] for item in said(call, "coverage_item")] == [
        "coverage_name.death", "coverage_name.total_disability",
    ]  # fmt: skip
    assert said(call, "beneficiaries_named") == [{"beneficiaries": 2}]


async def test_three_wrong_answers_lock_and_an_unknown_policy_sounds_the_same(telephone):
    wrong = [{"keys": "86001234"}, {"keys": "999999"}] * 3
    unknown = [{"keys": "86999999"}, {"keys": "999999"}] * 3
    first = await telephone.dial([{"keys": "2", "after": "main_menu"}, *wrong], caller="+8613800002222")
    second = await telephone.dial([{"keys": "2", "after": "main_menu"}, *unknown], caller="+8613800003333")

    assert names(first).count("identity_refused") == 2
    assert "identity_locked" in names(first)
    assert names(first) == names(second)


async def test_a_caller_without_a_pin_hears_the_basic_status_only(telephone):
    call = await telephone.dial(
        [{"keys": "1", "after": "main_menu"}, {"keys": "86001234"}, {"keys": "011234"}, {"keys": "*"}]
    )

    assert said(call, "basic_status") == [{"product": "product_name.whole_life", "status": "in_force"}]
    assert "policy_summary" not in names(call)


@pytest.mark.parametrize(
    ("policy", "tail", "pin", "prompt"),
    [
        ("86005678", "150128", "135790", "premium_overdue"),
        ("86002468", "120242", "112358", "premium_in_grace"),
        ("86009999", "200031", "975310", "premium_can_reinstate"),
        ("86003579", "210510", "314159", "premium_nothing_due"),
        ("86007777", "081026", "864209", "premium_next_due"),
    ],
)
async def test_each_policy_of_the_demonstration_tells_its_own_premium(telephone, policy, tail, pin, prompt):
    call = await telephone.dial(
        [{"keys": "2", "after": "main_menu"}, {"keys": policy}, {"keys": tail}, {"keys": pin}]
    )

    assert prompt in names(call)
    assert "sorry_system" not in names(call)


async def test_the_claim_under_review_and_the_open_complaint_are_told(telephone):
    call = await telephone.dial(
        [{"keys": "4", "after": "main_menu"}, {"keys": "86007777"}, {"keys": "081026"}, {"keys": "864209"}]
    )

    assert said(call, "complaint_open")[0]["since"] == date(2026, 3, 5)
    (claim,) = said(call, "claim_status")
    assert (claim["kind"], claim["status"]) == ("illness", "reviewing")


async def test_a_report_told_half_way_is_gone_on_with_in_the_next_call(telephone, database):
    first = await telephone.dial(
        [
            {"keys": "3", "after": "main_menu"}, {"keys": "2", "after": "claim_has_policy"},
            {"keys": "1", "after": "claim_ask_day"}, {"keys": "0815"}, {"keys": "1"},
            {"keys": "1", "after": "claim_ask_kind"}, {"keys": "2", "after": "claim_ask_hurt"},
            {"record": "5s"}, {"hang_up": True},
        ]
    )  # fmt: skip
    second = await telephone.dial(
        [
            {"keys": "3", "after": "main_menu"}, {"keys": "1", "after": "claim_resume"},
            {"record": "9s"}, {"keys": "#"}, {"keys": "1", "after": "claim_review"},
        ]
    )  # fmt: skip

    assert "claim_ask_what" not in names(first)
    assert "claim_ask_day" not in names(second)
    (number,) = said(second, "claim_number")
    assert said(second, "claim_number_again") == [number]
    claim = await database.claims.find(number["number"])
    assert claim.answers == {"when": "2026-03-10 08:15", "kind": "traffic", "hurt": "no"}
    assert set(claim.recordings) == {"where", "what"}
    assert claim.status == "reported"


async def test_a_verified_caller_may_report_on_the_same_policy_and_the_report_is_marked_verified(
    telephone, database
):
    call = await telephone.dial(
        [
            {"keys": "2", "after": "main_menu"}, *VERIFY, {"keys": "9", "after": "premium_menu"},
            {"keys": "3", "after": "main_menu"}, {"keys": "1", "after": "claim_same_policy"},
            {"hang_up": True, "after": "claim_ask_day"},
        ]
    )  # fmt: skip

    assert said(call, "claim_same_policy") == [{"number": "86001234"}]
    report = await database.claims.resumable("+8613800001111")
    kept = await database.claims.find(report.number)
    assert (kept.policy, kept.level, kept.status) == ("86001234", 2, "draft")


async def test_a_quote_is_read_back_and_told_from_the_rate_table(telephone):
    call = await telephone.dial(
        [
            {"keys": "5", "after": "main_menu"}, {"keys": "11", "after": "product_class_menu"},
            {"keys": "1", "after": "product_menu"}, {"keys": "30#"}, {"keys": "200000#"}, {"keys": "20#"},
            {"keys": "1", "after": "quote_ask_sex"}, {"keys": "1", "after": "quote_confirm"},
        ]
    )  # fmt: skip

    (quote,) = said(call, "quote_result")
    assert quote["premium"].amount > 0
    assert (quote["age"], quote["term"], quote["per"]) == (30, 20, "yearly")


@pytest.mark.parametrize("keys", ["11", "12", "21", "22", "3", "4", "5"])
async def test_every_product_of_the_menu_is_on_sale(telephone, keys):
    call = await telephone.dial(
        [{"keys": "5", "after": "main_menu"}, {"keys": keys, "after": "product_class_menu"}]
    )

    assert "product_intro" in names(call)


async def test_a_salesperson_hears_the_months_commission(telephone):
    call = await telephone.dial(
        [
            {"keys": "99", "after": "main_menu"},
            {"keys": "1001#"},
            {"keys": "112233"},
            {"keys": "1", "after": "sales_menu"},
        ]
    )

    assert "commission" in names(call)
    assert "commission_year" in names(call)


async def test_english_chosen_once_greets_in_english_ever_after(telephone):
    await telephone.dial([{"keys": "8", "after": "main_menu"}, {"keys": "2", "after": "choose_language"}])
    second = await telephone.dial([{"hang_up": True, "after": "main_menu"}])

    greeting = next(moment for moment in second.moments if moment.name == "welcome")
    assert greeting.detail == "en"
    assert "english_hint" not in names(second)


async def test_with_the_database_away_the_caller_hears_so_and_may_leave_a_message(
    telephone, database, tmp_path
):
    await database.close()
    (tmp_path / "hotline.db").unlink()

    call = await telephone.dial(
        [{"keys": "2", "after": "main_menu"}, *VERIFY[:2], {"keys": "7"}, {"record": "5s"}]
    )

    assert {"welcome", "main_menu", "sorry_system", "message_prompt"} <= set(names(call))
