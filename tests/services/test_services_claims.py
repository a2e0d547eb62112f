import pytest

from ivr.services.errors import ServiceFailedError


async def answer_all(caller, report_id):
    await caller.ask("claim.save", id=report_id, field="when", value="yesterday 14:30")
    await caller.ask("claim.save", id=report_id, field="kind", value="traffic")
    await caller.ask("claim.save", id=report_id, field="hurt", value="no")
    await caller.ask("claim.attach", id=report_id, field="where", recording="rec-1")
    await caller.ask("claim.attach", id=report_id, field="what", recording="rec-2")


async def test_a_report_saves_every_answer_and_hands_in_under_one_number(caller, database):
    report = (await caller.ask("claim.begin", policy_no="86001234")).value
    assert (report["stage"], report["resumed"], len(report["number"])) == ("when", False, 12)

    await answer_all(caller, report["id"])
    submitted = await caller.ask("claim.submit", id=report["id"])

    kept = await database.claims.find(report["number"])
    assert submitted.value["number"] == report["number"]
    assert kept.answers == {"when": "2026-03-09 14:30", "kind": "traffic", "hurt": "no"}
    assert kept.recordings == {"where": ("rec-1",), "what": ("rec-2",)}
    assert (kept.policy, kept.level, kept.status) == ("86001234", 0, "reported")


async def test_an_unfinished_report_is_taken_up_at_its_first_open_question_by_the_same_number(caller):
    report = (await caller.ask("claim.begin", policy_no=None)).value
    await caller.ask("claim.save", id=report["id"], field="when", value="today")

    again = await caller.again("call-2").ask("claim.resumable")
    other = await caller.again("call-3", caller="+8613900002222").ask("claim.resumable")

    assert again.outcome == "ok"
    assert again.value == {"id": report["id"], "number": report["number"], "resumed": True, "stage": "kind"}
    assert other.outcome == "none"


async def test_a_withheld_number_has_no_report_to_go_on_with(caller):
    hidden = caller.again("call-2", caller="")
    await hidden.ask("claim.begin", policy_no=None)

    assert (await hidden.again("call-3").ask("claim.resumable")).outcome == "none"


async def test_a_report_that_was_handed_in_is_not_resumed(caller):
    report = (await caller.ask("claim.begin", policy_no=None)).value
    await caller.ask("claim.submit", id=report["id"])

    assert (await caller.again("call-2").ask("claim.resumable")).outcome == "none"


async def test_asking_again_with_the_same_key_opens_one_report_only(caller):
    first = await caller.ask("claim.begin", policy_no="86001234")
    caller.asked -= 1
    retried = await caller.ask("claim.begin", policy_no="86001234")

    assert retried.value["number"] == first.value["number"]


async def test_a_new_report_is_begun_beside_an_unfinished_one_when_the_caller_wants_that(caller):
    first = await caller.ask("claim.begin", policy_no="86001234")
    second = await caller.again("call-2").ask("claim.begin", policy_no="86001234")

    assert second.value["number"] != first.value["number"]


async def test_a_report_for_an_unknown_policy_is_taken_like_any_other(caller, database):
    report = (await caller.ask("claim.begin", policy_no="86999999")).value

    assert (await database.claims.find(report["number"])).policy == "86999999"


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("today", "2026-03-10"),
        ("yesterday 08:05:00", "2026-03-09 08:05"),
        ("2026-02-01 23:10", "2026-02-01 23:10"),
    ],
)
async def test_the_day_of_the_event_is_kept_as_a_date(caller, database, said, kept):
    report = (await caller.ask("claim.begin", policy_no=None)).value
    await caller.ask("claim.save", id=report["id"], field="when", value=said)

    assert (await database.claims.find(report["number"])).answers["when"] == kept


async def test_saving_into_a_report_that_does_not_exist_fails_with_a_code(caller):
    with pytest.raises(ServiceFailedError) as failed:
        await caller.ask("claim.save", id="nothing", field="kind", value="traffic")

    assert failed.value.code == "H404"


async def test_a_language_is_remembered_for_the_number_that_chose_it(caller):
    assert (await caller.ask("caller.profile")).value == {"language": None, "known": False}
    await caller.ask("caller.remember_language", language="en")

    assert (await caller.again("call-2").ask("caller.profile")).value["language"] == "en"


async def test_a_withheld_number_is_neither_known_nor_remembered(caller):
    hidden = caller.again("call-2", caller="")
    await hidden.ask("caller.remember_language", language="en")

    assert (await hidden.ask("caller.profile")).value == {"language": None, "known": False}


async def test_a_customers_own_number_is_known(caller):
    holder = caller.again("call-2", caller="+8616000001234")

    assert (await holder.ask("caller.profile")).value["known"] is True
