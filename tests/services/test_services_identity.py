from dataclasses import replace
from datetime import date

import pytest

from ivr.flow.values import Level, Money, Secret
from ivr.services.errors import LevelRefusedError

HOLDER = ("86001234", "011234", "246810")


async def test_policy_number_and_id_digits_identify_and_the_pin_verifies(caller):
    identified = await caller.ask("identity.identify", policy_no="86001234", id_tail=Secret("011234"))

    assert identified.outcome == "identified"
    assert identified.value["policy"] == {
        "number": "86001234", "product": "product_name.whole_life", "product_class": "life", "status": "in_force",
    }  # fmt: skip
    assert caller.context.level == Level.IDENTIFIED

    assert (
        await caller.ask("identity.verify", policy_no="86001234", pin=Secret("246810"))
    ).outcome == "verified"
    assert caller.context.level == Level.VERIFIED


async def test_an_unknown_policy_is_refused_exactly_like_wrong_id_digits(caller):
    wrong = await caller.ask("identity.identify", policy_no="86001234", id_tail=Secret("999999"))
    stranger = caller.again("call-2", caller="+8613900002222")
    unknown = await stranger.ask("identity.identify", policy_no="86999999", id_tail=Secret("999999"))

    assert (wrong.outcome, wrong.value) == (unknown.outcome, unknown.value)
    assert wrong.outcome == "refused"


async def test_the_third_wrong_answer_leaves_no_try_and_the_next_is_locked(caller):
    left = []
    for _ in range(3):
        refused = await caller.ask("identity.identify", policy_no="86001234", id_tail=Secret("000000"))
        left.append(refused.value["tries_left"])
    right_at_last = await caller.ask("identity.identify", policy_no="86001234", id_tail=Secret("011234"))

    assert left == [2, 1, 0]
    assert right_at_last.outcome == "locked"


async def test_a_wrong_pin_is_refused_and_grants_nothing(caller):
    await caller.ask("identity.identify", policy_no="86001234", id_tail=Secret("011234"))
    refused = await caller.ask("identity.verify", policy_no="86001234", pin=Secret("000000"))

    assert refused.outcome == "refused"
    assert caller.context.level == Level.IDENTIFIED


async def test_a_pin_is_not_even_tried_for_a_policy_this_call_has_not_identified(caller):
    await caller.ask("identity.identify", policy_no="86001234", id_tail=Secret("011234"))

    with pytest.raises(LevelRefusedError):
        await caller.ask("identity.verify", policy_no="86005678", pin=Secret("135790"))


async def test_a_call_recalls_the_policy_it_verified_last(caller):
    assert (await caller.ask("identity.recall")).outcome == "nobody"
    await caller.verify("86005678", "150128", "135790")
    await caller.verify(*HOLDER)

    recalled = await caller.ask("identity.recall")

    assert recalled.outcome == "verified"
    assert recalled.value["policy"]["number"] == "86001234"


async def test_an_identified_policy_without_its_pin_is_not_recalled(caller):
    await caller.ask("identity.identify", policy_no="86001234", id_tail=Secret("011234"))

    assert (await caller.ask("identity.recall")).outcome == "nobody"


async def test_nothing_is_recalled_in_another_call_from_the_same_number(caller):
    await caller.verify(*HOLDER)

    assert (await caller.again("call-2").ask("identity.recall")).outcome == "nobody"


async def test_a_verified_caller_hears_no_policy_but_the_one_verified(caller):
    await caller.verify(*HOLDER)

    for service in ("policy.details", "policy.premium", "claim.status", "complaint.open"):
        with pytest.raises(LevelRefusedError, match="LEVEL"):
            await caller.ask(service, policy_no="86005678")
    with pytest.raises(LevelRefusedError):
        await caller.ask("policy.coverage", policy_no="86005678", index=1)


async def test_a_salesperson_hears_their_own_commission(caller):
    verified = await caller.ask("identity.salesperson", number="1001", pin=Secret("112233"))
    month = await caller.ask("sales.commission", number="1001")

    assert verified.outcome == "verified"
    assert month.outcome == "ok"
    assert isinstance(month.value["earned"], Money)
    assert month.value["month"] in {date(2026, 2, 1), date(2026, 3, 1)}
    assert month.value["earned"].amount == month.value["paid"].amount + month.value["pending"].amount


async def test_a_wrong_salesperson_pin_is_refused(caller):
    assert (
        await caller.ask("identity.salesperson", number="1001", pin=Secret("000000"))
    ).outcome == "refused"


async def test_a_verified_policyholder_hears_no_commission(caller):
    await caller.verify(*HOLDER)

    with pytest.raises(LevelRefusedError):
        await caller.ask("sales.commission", number="1001")


async def test_a_caller_below_the_level_of_a_service_is_refused_with_the_code_level(caller):
    caller.context = replace(caller.context, level=Level.IDENTIFIED)

    with pytest.raises(LevelRefusedError) as refused:
        await caller.ask("policy.premium", policy_no="86001234")

    assert refused.value.code == "LEVEL"


async def test_a_salesperson_hears_nobody_elses_commission(caller):
    await caller.ask("identity.salesperson", number="1001", pin=Secret("112233"))

    with pytest.raises(LevelRefusedError):
        await caller.ask("sales.commission", number="1002")


# A policy number that was said


HOLDERS_PHONE = "+8616000001234"


async def likeliest(caller, readings=(), firsts=("8600",), seconds=("1234",)):
    asked = {"readings": list(readings), "firsts": list(firsts), "seconds": list(seconds)}
    return (await caller.ask("identity.likeliest", **asked)).value


async def test_the_policies_of_the_calling_number_are_known_to_the_ear_alone(caller):
    for written in (HOLDERS_PHONE, HOLDERS_PHONE.removeprefix("+86")):
        own = (await caller.again("call-3", caller=written).ask("identity.own_policies")).value
        assert "86001234" in own
    assert (await caller.again("call-4", caller="").ask("identity.own_policies")).value == []


async def test_a_number_heard_in_two_ways_is_the_policy_of_the_number_that_calls(caller):
    mine = caller.again("call-5", caller=HOLDERS_PHONE)

    assert await likeliest(mine, seconds=("1284", "1234")) == "86001234"
    assert await likeliest(mine, firsts=("8660",), seconds=("1294",), readings=("86001234",)) == "86001234"


async def test_what_is_read_back_to_others_does_not_depend_on_what_exists(caller):
    stranger = caller.again("call-6", caller="+8613900002222")

    for seconds in (("1234", "1284"), ("1284", "1234")):
        assert await likeliest(stranger, seconds=seconds) == "8600" + seconds[0]
    hidden = caller.again("call-7", caller="")
    assert await likeliest(hidden, seconds=("1284", "1234")) == "86001284"


async def test_what_was_heard_both_times_is_likelier_than_what_was_heard_once(caller):
    stranger = caller.again("call-9", caller="")

    heard = {"firsts": ("8600", "8800"), "seconds": ("1284", "1234")}
    assert await likeliest(stranger, **heard, readings=("88001234",)) == "88001234"
    assert await likeliest(stranger, **heard, readings=("55555555",)) == "86001284"
    assert await likeliest(stranger, **heard) == "86001284"


async def test_of_many_readings_only_the_likeliest_few_are_looked_at(caller):
    mine = caller.again("call-8", caller=HOLDERS_PHONE)
    guesses = [f"{number:04}" for number in range(20)]

    assert await likeliest(mine, seconds=(*guesses, "1234")) == "86000000"
