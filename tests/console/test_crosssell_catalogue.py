"""The product catalogue on the console: its checks in the form, nothing lost, history, preview, what it ships with."""

from __future__ import annotations

from typing import Any

import pytest

from cross_sell.catalogue import problems
from ivr.console.crosssell.catalogue import shipped
from ivr.console.crosssell.sheet import Sheet, differences, offered_from, sheet_of
from tests.console.console_kit import Console

PATH = "/crosssell/products/101"


def form_of(sheet: Sheet, **changes: Any) -> dict[str, Any]:
    """What a browser sends of a form."""
    data: dict[str, Any] = dict(sheet.fields)
    data |= {f"limit.{name}": list(values) for name, values in sheet.chosen.items()}
    data |= {"active": "yes"} if sheet.active else {}
    for names, rows in (
        (("point.feature", "point.value", "point.odds"), sheet.points),
        (("reason.feature", "reason.value", "reason.zh-CN", "reason.en"), sheet.reasons),
        *(
            ((f"objection.{one}.says", f"objection.{one}.answer"), rows)
            for one, rows in sheet.objections.items()
        ),
    ):
        for place, name in enumerate(names):
            data[name] = [row[place] for row in rows] + ["", ""]
    return data | changes


async def form(console: Console, **changes: Any) -> dict[str, Any]:
    known = await console.database.offered.find("101")
    assert known is not None
    return form_of(sheet_of(known.offered), version=str(known.offered.version)) | {"do": "save"} | changes


@pytest.mark.parametrize("code", sorted(shipped()))
def test_a_form_says_all_that_an_entry_says(code: str) -> None:
    entry = shipped()[code]
    again = offered_from(sheet_of(entry), code)
    assert differences(entry, again) == []
    assert list(problems(again)) == []


async def test_managers_and_administrators_see_the_catalogue_and_seats_do_not(console: Console) -> None:
    for user, status in (("mei", 200), ("root", 200), ("anna", 403), ("rui", 403)):
        client = await console.signed_in(user)
        for path in ("/crosssell/products", PATH, "/crosssell/products.csv", f"/api{PATH}"):
            assert (await client.get(path)).status_code == status, (user, path)


async def test_a_change_is_saved_and_its_history_told(console: Console) -> None:
    mei = await console.signed_in("mei")
    sent = await form(console, margin="2,750.5", **{"limit.places": "广东、Beijing, 上海"})
    reply = await mei.post(PATH, data=sent)
    assert reply.status_code == 303, reply.text
    told = (await mei.get(f"/api{PATH}")).json()
    assert (told["margin"], told["limits"]["places"], told["version"], told["changed_by"]) == (
        "2750.50",
        ["广东", "Beijing", "上海"],
        2,
        "mei",
    )
    (noted,) = await console.database.audit.about("offered:101")
    assert (noted.actor, noted.action, noted.details["fields"]) == (
        "staff:mei",
        "changed",
        ["margin", "places"],
    )
    page = (await mei.get(f"{PATH}?done=saved")).text
    assert "Only in these regions" in page.split('id="history"')[1]
    assert "Saved." in page


async def test_what_is_refused_says_everything_that_is_wrong_and_loses_nothing(console: Console) -> None:
    mei = await console.signed_in("mei")
    sent = await form(console, margin="lots", **{"limit.least_age": "70", "talk.en.opening": ""})
    sent["reason.feature"][0], sent["reason.value"][0], sent["reason.en"][0] = (
        "has_life",
        "no",
        "At their age",
    )
    sent["reason.feature"].append("age")
    sent["reason.value"].append("60+")
    sent["reason.en"].append("Kept as it was typed")
    sent["reason.zh-CN"].append("好的")
    reply = await mei.post(PATH, data=sent)
    assert reply.status_code == 422
    for told in (
        "Give an amount from 0 on", "The least age is above the most age", "Give a text of 1 to 600 characters",
        "It speaks of a trait that is not told: “age”", "This feature must not be told as a reason",
        'value="lots"', "At their age", "Kept as it was typed", "mortgage",
    ):  # fmt: skip
        assert told in reply.text, told
    assert reply.text.count('aria-invalid="true"') >= 4
    chinese = await mei.post(PATH, data=sent, headers={"accept-language": "zh-CN"})
    assert "说到了不能提的个人特征" in chinese.text
    unchanged = await console.database.offered.find("101")
    assert unchanged is not None
    assert unchanged.offered.version == 1


async def test_the_same_value_twice_is_refused_rather_than_one_lost(console: Console) -> None:
    mei = await console.signed_in("mei")
    sent = await form(console)
    for name in ("reason.feature", "reason.value", "reason.zh-CN", "reason.en"):
        sent[name].append(sent[name][0])
    reply = await mei.post(PATH, data=sent)
    assert reply.status_code == 422
    assert "stand here twice" in reply.text


async def test_who_saves_second_keeps_their_entries_and_hears_what_differs(console: Console) -> None:
    mei, root = await console.signed_in("mei"), await console.signed_in("root")
    late = await form(console, licence="life-b")
    assert (await root.post(PATH, data=await form(console, margin="3000"))).status_code == 303
    reply = await mei.post(PATH, data=late)
    assert reply.status_code == 409
    for told in (
        "Root saved a change first",
        "Margin",
        "Licence",
        'value="life-b"',
        'name="version" value="2"',
    ):
        assert told in reply.text, told
    again = await mei.post(PATH, data=late | {"version": "2"})
    assert again.status_code == 303


async def test_a_preview_shows_what_a_seat_sees_and_saves_nothing(console: Console) -> None:
    mei = await console.signed_in("mei")
    reply = await mei.post(
        PATH, data=await form(console, **{"talk.en.opening": "A new <b>opening</b>", "do": "preview"})
    )
    assert reply.status_code == 200
    for told in (
        "As a seat sees it",
        "Suggestion: ",
        "A new &lt;b&gt;opening",
        "Do not say",
        "seat-hint-zh-CN",
    ):
        assert told in reply.text, told
    known = await console.database.offered.find("101")
    assert known is not None
    assert known.offered.version == 1


async def test_what_the_product_ships_with_comes_back_into_the_form(console: Console) -> None:
    mei = await console.signed_in("mei")
    await mei.post(PATH, data=await form(console, margin="1", licence="other"))
    reply = await mei.post(PATH, data=await form(console, do="restore"))
    assert "Nothing is saved yet" in reply.text
    assert 'name="margin" value="2600"' in reply.text
    told = (await mei.get(f"/api{PATH}/shipped")).json()
    assert (told["margin"], told["licence"]) == ("2600", "life")
    put = await mei.put(f"/api{PATH}", json=told | {"version": 2})
    assert put.status_code == 200, put.text
    kept = await console.database.offered.find("101")
    assert kept is not None
    assert differences(shipped()["101"], kept.offered) == []


async def test_the_api_refuses_what_the_form_refuses_part_by_part(console: Console) -> None:
    mei = await console.signed_in("mei")
    told = (await mei.get(f"/api{PATH}")).json()
    limits = told["limits"] | {"least_agee": 3, "closes": 2}
    reply = await mei.put(f"/api{PATH}", json=told | {"limits": limits, "line": "sea"})
    assert reply.status_code == 422
    assert {one["field"] for one in reply.json()["fields"]} == {"least_agee", "closes", "line"}
    talk = told["talk"] | {"fr": told["talk"]["en"]}
    assert (await mei.put(f"/api{PATH}", json=told | {"talk": talk})).status_code == 422
    assert (await mei.put("/api/crosssell/products/999", json=told | {"version": 0})).status_code == 404
    assert (await mei.put(f"/api{PATH}", json=told | {"version": 7})).status_code == 409


async def test_a_product_that_is_not_offered_is_offered_from_its_page(console: Console) -> None:
    mei = await console.signed_in("mei")
    await console.database.offered.remove("101")
    assert f'href="{PATH}"' in (await mei.get("/crosssell/products")).text
    page = (await mei.get(PATH)).text
    assert "not offered yet" in page
    sent = form_of(sheet_of(shipped()["101"]), version="0", do="save")
    assert (await mei.post(PATH, data=sent)).status_code == 303
    assert (await mei.get("/crosssell/products/999")).status_code == 404


async def test_a_licence_that_nobody_has_and_a_queue_that_is_not_there_are_told(console: Console) -> None:
    mei = await console.signed_in("mei")
    reply = await mei.post(PATH, data=await form(console, licence="nautical", queue="moon"))
    assert reply.status_code == 303
    page = (await mei.get("/crosssell/products?q=moon")).text
    assert "No seat has the licence “nautical”" in page
    assert "There is no queue “moon”" in page


async def test_the_catalogue_is_exported(console: Console) -> None:
    mei = await console.signed_in("mei")
    lines = (await mei.get("/crosssell/products.csv")).text.splitlines()
    assert lines[0].endswith("accepts,version,changed_at,changed_by")
    assert len(lines) == 8
